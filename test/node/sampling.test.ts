// A customer may keep a share of its users. What is kept stands for all: sums are those of all users within what chance
// allows, every event is in the ledger, and a restart changes nothing.
import t from 'tap'
import { eventually, startNode, type TestNode } from './harness.js'

const USERS = 2_000
const PER_USER = 5
const SHARE = 0.1
/** Users of the sample: binomial. Five standard deviations, and the hash is the same in every run. */
const SLACK = 5 * Math.sqrt(USERS * SHARE * (1 - SHARE))

const eventsOf = (user: number) =>
  Array.from({ length: PER_USER }, (_, i) => ({
    type: 'event',
    id: `${user}-${i}`,
    name: i === 0 ? 'first' : 'more',
    user: `user-${user}`,
    session: `session-${user}`,
  }))

/** `as`: what the answer has to call them. */
async function sendAll(node: TestNode, key: string, as: 'accepted' | 'duplicates'): Promise<void> {
  for (let first = 0; first < USERS; first += 200) {
    const events = Array.from({ length: 200 }, (_, i) => eventsOf(first + i)).flat()
    const { status, body } = await node.send(key, events)
    if (status !== 202 || body[as] !== events.length) throw new Error(`${status} ${JSON.stringify(body)}`)
  }
}

const numbers = async (node: TestNode, key: string) =>
  (await node.value(
    key,
    `(list (count "events" "event") (count "event" "first") (uniques "users") (count "sessions")
           (apply + (map cdr (timeline "timeline/events" "event" (last 2))))
           (cdr (assq 'received (ledger (last 2)))) (cdr (assq 'applied (ledger (last 2))))
           (cdr (assq 'dropped (ledger (last 2)))))`,
  )) as [number, number, number, number, number, number, number, [string, number][]]

t.test('a share of users is kept, and sums are those of all', async t => {
  const data = t.testdir({})
  let node = await startNode({ data })
  const [admin, ingest, query] = [node.secret('lat'), node.secret('lik'), node.secret('lqk')]
  const changed = await node.admin(admin, 'PATCH', '/v1/customers/demo', { sampling: SHARE })
  t.equal(changed.status, 200)
  t.equal(changed.body['sampling'], SHARE)
  await sendAll(node, ingest, 'accepted')
  const seen = await numbers(node, query)
  const [events, firsts, users, sessions, minutes, received, applied, dropped] = seen
  t.ok(Math.abs(users - USERS * SHARE) < SLACK, `${users} users are in the sample`)
  t.equal(events, Math.round(applied / SHARE), 'each event that is kept counts for ten')
  t.equal(events, firsts * PER_USER, 'a user is in the sample with all of its events')
  t.ok(Math.abs(firsts - USERS) < SLACK / SHARE, `${firsts} stands for ${USERS}`)
  t.equal(sessions, firsts)
  t.equal(minutes, events)
  t.equal(received, USERS * PER_USER)
  t.same(dropped, [['sampled', received - applied]])
  await node.kill()
  node = await startNode({ data })
  t.same(await numbers(node, query), seen, 'the same after a kill')
  await sendAll(node, ingest, 'duplicates')
  t.equal((await numbers(node, query))[0], events, 'ids are known of those too that are not in the sample')
  t.equal(await node.stop(), 0)
  node = await startNode({ data })
  t.equal((await node.admin(admin, 'GET', '/v1/customers/demo')).body['sampling'], SHARE)
  await node.admin(admin, 'PATCH', '/v1/customers/demo', { sampling: 1 })
  await node.send(ingest, [{ type: 'event', name: 'later' }])
  t.equal(await node.value(query, '(count "event" "later")'), 1, 'all are kept again')
  t.equal(await node.stop(), 0)
})

t.test('events that name nobody are sampled one by one', async t => {
  const node = await startNode({ data: t.testdir({}) })
  await node.admin(node.secret('lat'), 'PATCH', '/v1/customers/demo', { sampling: 0.5 })
  const events = Array.from({ length: 4_000 }, () => ({ type: 'event', name: 'x' }))
  await node.send(node.secret('lik'), events)
  const count = (await node.value(node.secret('lqk'), '(count "event" "x")')) as number
  t.ok(Math.abs(count - 4_000) < 5 * Math.sqrt(4_000 * 0.25) * 2, `${count} stands for 4,000`)
  t.equal(count % 2, 0)
  t.equal(await node.stop(), 0)
})

t.test('a share that is none is refused', async t => {
  const node = await startNode({ data: t.testdir({}) })
  const admin = node.secret('lat')
  for (const sampling of [0, -1, 1.5, 0.00001, '0.5', null]) {
    const answer = await node.admin(admin, 'PATCH', '/v1/customers/demo', { sampling })
    t.equal(answer.status, 400, JSON.stringify(sampling))
  }
  const made = await node.admin(admin, 'POST', '/v1/customers', { id: 'half', sampling: 0.5 })
  t.equal(made.status, 201)
  const shown = await eventually(async () => (await node.admin(admin, 'GET', '/v1/customers/half')).body['sampling'])
  t.equal(shown, 0.5)
  t.equal(await node.stop(), 0)
})
