// R11, R20: what happens at the bounds of journal and memory. A customer pays for itself, not for its neighbours.
import t from 'tap'
import type { LetheError } from '../../src/core/errors.js'
import { ShardRig } from './shard-rig.js'

const events = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ type: 'event', name: 'x', id: `${from + i}`, user: 'u'.repeat(150) }))

const codeOf = (answer: unknown): string => (answer as LetheError).code

t.test('R11: who cannot be checkpointed spills and alone is refused; the journal stays within its bound', async t => {
  const limits = { maxJournalBytes: 512 * 1024, checkpointMs: 1_000 }
  const rig = await new ShardRig(limits).start()
  const stuck = rig.route('a').incarnation
  rig.store.fault = (operation, incarnation) =>
    operation === 'commit' && incarnation === stuck ? 'disk-error' : undefined
  t.match(await rig.send('a', events(0, 30)), { accepted: 30 })
  let sent = 0
  for (let round = 0; codeOf(await rig.send('a', events(100 + round, 1))) !== 'customer-behind'; round++) {
    t.ok(round < 200, 'it is refused at some time')
    t.match(await rig.send('b', events(sent, 100)), { accepted: 100 })
    sent += 100
    await rig.pass(500)
  }
  const accepted = rig.customer('a')!.state.n
  t.match(rig.log.join('\n'), /a checkpoint failed; the journal keeps what it would have held/)
  // The neighbour goes on for many times what the journal may hold.
  for (let round = 0; round < 60; round++) {
    t.match(await rig.send('b', events(sent, 100)), { accepted: 100 })
    sent += 100
    await rig.pass(500)
    if (rig.journal.bytes > 3 * limits.maxJournalBytes) t.fail(`${rig.journal.bytes} bytes of journal`)
  }
  t.equal(codeOf(await rig.send('a', events(999, 1))), 'customer-behind')
  const count = await rig.query('a', '(count "event" "x")')
  t.ok((count as number) >= 30, 'its queries are answered')

  // The spill is all that is left of it.
  await rig.powerLoss()
  t.equal(await rig.query('a', '(count "event" "x")'), count, 'nothing is lost with the power')
  t.equal(rig.customer('a')!.state.n, accepted)
  t.equal(await rig.query('b', '(count "event" "x")'), sent)
  t.match(await rig.send('a', events(0, 30)), { accepted: 0, duplicates: 30 }, 'nor its ids')

  // Once it can be checkpointed, it is served, and the spill goes.
  rig.store.fault = () => undefined
  t.ok(await rig.pass(60_000, () => rig.store.open(stuck).meta()?.n === rig.customer('a')!.state.n))
  t.match(await rig.send('a', events(5_000, 1)), { accepted: 1 })
  for (let round = 0; round < 20; round++) {
    t.match(await rig.send('b', events(sent, 100)), { accepted: 100 })
    sent += 100
    await rig.pass(1_000)
  }
  t.ok(rig.journal.segments <= 6, `${rig.journal.segments} segments`)
  await rig.powerLoss()
  t.equal(await rig.query('a', '(count "event" "x")'), (count as number) + 1)
  t.equal(await rig.query('b', '(count "event" "x")'), sent)
})

t.test('R20: over its memory a shard sends idle customers away, then refuses, then takes again', async t => {
  const rig = await new ShardRig({ checkpointMs: 1_000 }).start()
  for (const id of ['a', 'b', 'c']) t.match(await rig.send(id, events(0, 5)), { accepted: 5 })
  await rig.pass(3_000)
  t.equal(rig.shard.stats().actors, 3)
  rig.usedBytes = 2 ** 31
  await rig.pass(500)
  t.equal(codeOf(await rig.send('a', events(10, 1))), 'overloaded')
  t.equal(await rig.query('a', '(count "event" "x")'), 5, 'queries go on')
  t.ok(await rig.pass(10_000, () => rig.shard.stats().actors === 0), 'long before they are idle for limits.idleMs')
  rig.usedBytes = 0
  await rig.pass(500)
  t.match(await rig.send('a', events(10, 1)), { accepted: 1 })
  t.equal(await rig.query('a', '(count "event" "x")'), 6)
})
