// R11, R20: what happens at the bounds of journal and memory. A customer pays for itself, not for its neighbours.
import t from 'tap'
import type { LetheError } from '../../src/core/errors.js'
import { seededRandom } from '../../src/core/random.js'
import { atOnce } from '../../src/core/steps.js'
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
  t.ok(await rig.pass(60_000, () => atOnce(rig.store.open(stuck).meta())?.n === rig.customer('a')!.state.n))
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

t.test('customers who wait for one another all come to the end, whoever else wakes them meanwhile', async t => {
  const ids = Array.from({ length: 60 }, (_, i) => String.fromCharCode(0x4e00 + i))
  const seed = Number(process.env['SEED'] ?? 1)
  t.comment(`SEED=${seed}`)
  const random = seededRandom(seed)
  const limits = { maxCheckpointsAtOnce: 2, maxLoadsAtOnce: 2, idleMs: 1_000, checkpointMs: 500 }
  const rig = await new ShardRig(limits).start()
  const slow: (() => void)[] = []
  rig.later = action => void slow.push(action)
  // The store ends what it was asked for in any order, and some of it only after sweeps that ask everybody again.
  const goOn = (chance: number) => {
    for (const action of slow.splice(0)) (random.fraction() < chance ? setImmediate : rig.later)(action)
  }
  const counts = new Map(ids.map(id => [id, 0]))
  for (let round = 0; round < 40; round++) {
    for (const id of ids) {
      if (random.fraction() < 0.5) continue
      void rig.send(id, events(1_000 * round, 3))
      counts.set(id, counts.get(id)! + 3)
    }
    for (let sweeps = Math.floor(4 * random.fraction()); sweeps >= 0; sweeps--) {
      goOn(0.5)
      await rig.pass(250)
    }
  }
  const asleep = () => {
    goOn(1)
    return ids.every(id => rig.customer(id) === undefined)
  }
  t.ok(await rig.pass(120_000, asleep), `awake: ${ids.filter(id => rig.customer(id) !== undefined).length}`)
  rig.later = setImmediate
  for (const id of ids) t.equal(await rig.query(id, '(total "event")'), counts.get(id))
  for (const id of ids) await rig.send(id, events(100_000, 1))
  await rig.drain()
})
