// R16 over HTTP, on real processes: an event that crashes its customer, or kills its shard, is set aside at its second
// crash; it is shown, and replayed after a fix. The neighbours notice nothing.
import t from 'tap'
import { eventually, type TestNode } from '../node/harness.js'
import { metric, Sabotage } from './sabotage.js'

t.setTimeout(240_000)

interface Quarantined {
  readonly customer: string
  readonly n: number
  readonly index: number
  readonly why: string
  readonly event: Record<string, unknown>
  readonly replayedAt?: number
}

/** What it takes of the envelope is in no event. */
const envelope = (name: string) => ({
  common: { app: '1.2', user: 'from the envelope', tags: { build: 'nightly' } },
  events: [
    { type: 'event', name: 'before', id: `${name}-0` },
    { type: 'event', name, id: `${name}-1`, at: Date.now(), extra: { a: [1] } },
    { type: 'event', name: 'after', id: `${name}-2`, user: 'another' },
  ],
})

const quarantine = async (node: TestNode, token: string, query = ''): Promise<Quarantined[]> =>
  (await node.admin(token, 'GET', `/v1/quarantine${query}`)).body['events'] as Quarantined[]

const LEDGER = `(let ((l (ledger))) (list (cdr (assq 'received l)) (cdr (assq 'applied l)) (cdr (assq 'dropped l))))`

t.test('R16: the first crash heals, the second sets the event aside; a replay after the fix counts it', async t => {
  const folder = t.testdir({})
  const sabotage = new Sabotage(folder)
  const options = { data: `${folder}/data`, shards: 2 }
  let node = await sabotage.start(options)
  const [token, ingest, query] = [node.secret('lat'), node.secret('lik'), node.secret('lqk')]
  const other = (await node.admin(token, 'POST', '/v1/customers', { id: 'neighbour' })).body as { ingestKey: string }

  sabotage.order({ poison: 'once', poisonTimes: 1 }, node.shardPids())
  await eventually(async () => {
    // The signal takes a moment to arrive; ids keep this from counting twice.
    const answer = await node.send(ingest, envelope('once'))
    t.equal(answer.status, 202, answer.text)
    return (await metric(node, 'lethe_customer_crashes_total')) === 1 ? true : undefined
  })
  t.match(await node.value(query, LEDGER), [/./, 3, []], 'the first crash heals')
  t.same(await quarantine(node, token), [])

  sabotage.order({ poison: 'bad' }, node.shardPids())
  await eventually(async () =>
    // A customer that nobody asks for: its first event crashes it once the order is there.
    (await node.send(other.ingestKey, { type: 'event', name: 'bad', id: 'probe' })).status === 202 &&
    (await quarantine(node, token)).length === 1
      ? true
      : undefined,
  )
  const sent = await node.send(ingest, envelope('bad'))
  t.match(sent, { status: 202, body: { accepted: 3, duplicates: 0 } }, 'set aside counts as accepted')
  t.match(await node.value(query, LEDGER), [/./, 5, [['poison', 1]]])
  const all = await quarantine(node, token)
  t.same(all.map(({ customer }) => customer).sort(), ['demo', 'neighbour'], 'all customers of all shards')
  const [found] = await quarantine(node, token, '?customer=demo')
  t.match(found, { customer: 'demo', index: 1, why: /sabotage: poison/ })
  t.match(found!.event, { name: 'bad', app: '1.2', user: 'from the envelope', extra: { a: [1] } })
  t.equal(await metric(node, 'lethe_quarantined_events'), 2)
  t.match(await node.send(ingest, envelope('bad')), { body: { accepted: 0, duplicates: 3 } }, 'its id is in the window')

  await node.kill()
  node = await sabotage.start(options)
  t.match(await node.value(query, LEDGER), [/./, 5, [['poison', 1]]], 'the verdict binds after kill -9')
  t.equal(await metric(node, 'lethe_customer_crashes_total'), 0)
  t.equal(await metric(node, 'lethe_quarantined_events'), 2, 'each shard counts its own')

  const path = `/v1/quarantine/demo/${found!.n}/${found!.index}/replay`
  t.match(await node.admin(token, 'POST', path), { status: 409, body: { code: 'still-crashes' } }, 'not fixed yet')
  const crashed = (await quarantine(node, token, '?customer=demo')).find(({ replayedAt }) => !replayedAt)
  t.match(crashed, { index: 0, event: { name: 'bad', app: '1.2' } }, 'the replay is set aside in its turn')

  sabotage.order({}, node.shardPids())
  await node.kill()
  node = await sabotage.start(options)
  const again = `/v1/quarantine/demo/${crashed!.n}/0/replay`
  t.match(await node.admin(token, 'POST', again), { status: 200 })
  t.match(await node.value(query, LEDGER), [/./, 6, []])
  t.equal(await node.value(query, '(count "event" "bad")'), 1)
  t.equal(await node.value(query, '(uniques "users/app" "1.2")'), 2, 'what the envelope said is in the replay')
  t.equal((await node.admin(token, 'POST', again)).status, 404, 'once')
  t.equal((await node.admin(token, 'POST', path)).status, 404, 'nor by its first verdict')
  t.equal(await metric(node, 'lethe_quarantined_events'), 1, "the neighbour's")
  await node.kill()
  node = await sabotage.start(options)
  t.match(await node.value(query, LEDGER), [/./, 6, []], 'and after kill -9')
  t.equal(await node.stop(), 0)
})

t.test('R16: an event that kills the whole process twice is set aside, and again where its replay does', async t => {
  const folder = t.testdir({})
  const sabotage = new Sabotage(folder)
  const node = await sabotage.start({ data: `${folder}/data`, shards: 1 })
  const [token, ingest, query] = [node.secret('lat'), node.secret('lik'), node.secret('lqk')]
  t.equal((await node.send(ingest, { type: 'event', name: 'fine', id: 'a' })).status, 202)
  sabotage.order({ deadly: 'deadly' }, node.shardPids())
  const body = { type: 'event', name: 'deadly', id: 'b' }
  await eventually(async () => {
    const { body: answer } = await node.send(ingest, body)
    const verdicts = await quarantine(node, token)
    return verdicts.length === 1 && answer['duplicates'] === 1 ? true : undefined
  }, 60_000)
  t.match(await quarantine(node, token), [{ customer: 'demo', why: /died here twice/, event: { name: 'deadly' } }])
  t.match(await node.value(query, LEDGER), [/./, 1, [['poison', 1]]])
  const deaths = await metric(node, 'lethe_shard_restarts_total')
  t.ok(deaths >= 2 && deaths <= 4, `${deaths} deaths`)

  // Somebody believes that it is fixed. The entry of the replay is durable: each load of the customer kills the shard again.
  const [first] = await quarantine(node, token)
  await node.admin(token, 'POST', `/v1/quarantine/demo/${first!.n}/0/replay`).catch(() => undefined)
  const second = await eventually(async () => {
    await node.value(query, LEDGER).catch(() => undefined)
    const verdicts = await quarantine(node, token).catch(() => [])
    return verdicts.find(({ n }) => n !== first!.n)
  }, 60_000)
  t.match(second, { index: 0, why: /died here twice/, event: { name: 'deadly' } })
  t.match(await node.value(query, LEDGER), [/./, 1, [['poison', 1]]])
  const more = (await metric(node, 'lethe_shard_restarts_total')) - deaths
  t.ok(more >= 2 && more <= 4, `${more} deaths more`)
  sabotage.order({}, node.shardPids())
  await eventually(async () => ((await metric(node, 'lethe_quarantined_events')) === 1 ? true : undefined))
  t.match(await node.admin(token, 'POST', `/v1/quarantine/demo/${second.n}/0/replay`), { status: 200 })
  t.match(await node.value(query, LEDGER), [/./, 2, []])
  t.equal(await node.stop(), 0)
})
