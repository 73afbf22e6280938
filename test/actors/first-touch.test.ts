// R10, R18: how a customer comes into memory, and what a query that runs may rely on.
import t from 'tap'
import type { LetheError } from '../../src/core/errors.js'
import { oneStep } from '../../src/core/steps.js'
import { ShardRig } from './shard-rig.js'

const event = (id: number) => ({ type: 'event', name: `name-${id % 50}`, id: String(id) })
const ENDLESS = '(let loop ((i 0)) (loop (+ i 1)))'

t.test('R10: the first touch waits for the replay, whatever it takes; what comes meanwhile queues behind', async t => {
  const rig = await new ShardRig({ queryTimeMs: 50 }).start()
  for (let i = 0; i < 400; i++) t.match(await rig.send('a', event(i)), { accepted: 1 })
  await rig.send('b', event(0))
  await rig.powerLoss()
  t.ok(rig.shard.ready, 'ready')
  t.equal(rig.shard.stats().actors, 0, 'and nobody is loaded')
  // Each look at the clock takes 2 ms: the replay takes many times the limit of a query.
  rig.stepMs = 2
  const startedMs = rig.nowMs
  const [counted, sent, again, other] = await Promise.all([
    rig.query('a', '(total "event")'),
    rig.send('a', [event(400), event(401)]),
    rig.send('a', [event(7)]),
    rig.send('b', event(1)),
  ])
  t.ok(rig.nowMs - startedMs > 10 * rig.limits.queryTimeMs, `${rig.nowMs - startedMs} ms`)
  t.ok((counted as number) >= 400)
  t.match(sent, { accepted: 2 })
  t.match(again, { accepted: 0, duplicates: 1 }, 'a replay brings the ids back too')
  t.match(other, { accepted: 1 })
  t.equal(await rig.query('a', '(total "event")'), 402)
})

t.test('R18: a customer does not leave memory while a query runs, and leaves after it', async t => {
  const rig = await new ShardRig({ idleMs: 2_000, checkpointMs: 500, queryTimeMs: 60_000 }).start()
  t.match(await rig.send('a', event(1)), { accepted: 1 })
  rig.stepMs = 1
  const answer = rig.query('a', ENDLESS).catch((error: LetheError) => error)
  const customer = rig.customer('a')
  await rig.pass(20_000)
  t.equal(rig.customer('a'), customer, 'ten times as long as one may be idle')
  await rig.pass(60_000, () => rig.customer('a') === undefined)
  t.equal(((await answer) as LetheError).code, 'time-limit')
  t.ok(await rig.pass(60_000, () => rig.customer('a') === undefined), 'it is gone')
  t.equal(await rig.query('a', '(total "event")'), 1)
})

t.test('R18: a crash answers the queries that ran with 503, and the next one finds everything', async t => {
  const rig = await new ShardRig({ queryTimeMs: 60_000 }).start()
  t.match(await rig.send('a', event(1)), { accepted: 1 })
  rig.stepMs = 1
  const answers = [1, 2, 3].map(() => rig.query('a', ENDLESS).catch((error: LetheError) => error))
  await rig.pass(1_000)
  const customer = rig.customer('a')!
  customer.tasks.push({
    steps: oneStep(() => {
      throw new Error('a broken assumption')
    }),
    refused() {},
  })
  rig.shard.wake(customer)
  for (const answer of await Promise.all(answers)) t.equal((answer as LetheError).status, 503)
  t.equal(await rig.query('a', '(total "event")'), 1)
  t.match(await rig.send('a', [event(1), event(2)]), { accepted: 1, duplicates: 1 })
})

t.test('R18: a query sees each cell at some moment of its run, and its days are those of its start', async t => {
  const rig = await new ShardRig().start()
  for (let i = 0; i < 50; i++) t.match(await rig.send('a', event(i)), { accepted: 1 })
  rig.stepMs = 0.2
  const answer = rig.query(
    'a',
    `(let ((before (total "event")) (day (today)))
       (let loop ((i 0)) (if (< i 200000) (loop (+ i 1))))
       (list before (total "event") (= day (today)) (length (keys "event"))))`,
  )
  for (let i = 50; i < 100; i++) t.match(await rig.send('a', { ...event(i), name: `new-${i}` }), { accepted: 1 })
  rig.nowMs += 13 * 3_600_000
  t.match(await rig.send('a', event(100)), { accepted: 1 }, 'after midnight')
  const [before, after, sameDay, keys] = (await answer) as [number, number, boolean, number]
  t.ok(before >= 50 && after >= before && after <= 100, `${before} to ${after}`)
  t.ok(keys >= 50 && keys <= 100)
  t.ok(sameDay)
})
