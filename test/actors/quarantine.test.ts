// R16: verdicts are kept, durably, and bind what is applied.
import t, { type Test } from 'tap'
import { Applier } from '../../src/actors/apply.js'
import { PlaceFile } from '../../src/actors/places.js'
import { Quarantine, type Verdict, type VerdictStore } from '../../src/actors/quarantine.js'
import { verdictFolder } from '../../src/actors/verdicts.js'
import { seededRandom } from '../../src/core/random.js'
import { type EventBatch, Field } from '../../src/event/batch.js'
import { MemoryDisk } from '../../src/storage/memory-disk.js'
import { CounterColumn } from '../../src/tables/column.js'
import { ShardRig } from './shard-rig.js'

const verdict = (n: number, index: number, incarnation = 7n): Verdict => ({
  customer: 'acme',
  incarnation,
  n,
  index,
  ms: 1_000,
  day: 20_000,
  sentAt: Number.NaN,
  why: 'Error: poison',
  event: '{"type":"event","name":"poison"}',
  at: 2_000,
})

const forgetful: VerdictStore = { load: () => [], save: async () => {}, remove: async () => {} }

t.test('R16: a verdict binds its customer, entry and event, and nothing else', async t => {
  const quarantine = new Quarantine(forgetful)
  t.equal(quarantine.of(7n), undefined)
  await quarantine.convict(verdict(3, 1))
  t.ok(quarantine.of(7n)!.convicted(3, 1, 1_000))
  t.notOk(quarantine.of(7n)!.convicted(3, 0, 1_000))
  t.notOk(quarantine.of(7n)!.convicted(1, 3, 1_000))
  t.equal(quarantine.of(8n), undefined)
  t.equal(quarantine.waiting, 1)
})

// A customer that has lost its file and its entries counts from 1 again.
t.test('R16: an old verdict does not bind an entry that got the same number later', async t => {
  const quarantine = new Quarantine(forgetful)
  await quarantine.convict(verdict(3, 1))
  t.notOk(quarantine.of(7n)!.convicted(3, 1, 1_001))
})

t.test('R19: verdicts of a deleted customer go, and their files', async t => {
  const disk = new MemoryDisk({ random: seededRandom(1) })
  const quarantine = new Quarantine(await verdictFolder(disk, 'verdicts'))
  for (const incarnation of [7n, 8n]) await quarantine.convict(verdict(3, 1, incarnation))
  await quarantine.forget(7n)
  disk.crash()
  t.same(quarantine.incarnations(), [8n])
  t.same(new Quarantine(await verdictFolder(disk, 'verdicts')).incarnations(), [8n])
})

t.test("a shard takes its own customers' verdicts alone", async t => {
  const disk = new MemoryDisk({ random: seededRandom(1) })
  const store = await verdictFolder(disk, 'verdicts')
  for (const incarnation of [7n, 8n]) await store.save(verdict(3, 1, incarnation))
  t.same(new Quarantine(store, incarnation => incarnation === 8n).incarnations(), [8n])
})

t.test('a verdict takes effect when it is durable, not before', async t => {
  let saved = () => {}
  const store: VerdictStore = { ...forgetful, save: () => new Promise(resolve => (saved = resolve)) }
  const quarantine = new Quarantine(store)
  const convicted = quarantine.convict(verdict(3, 1))
  t.equal(quarantine.find(7n, 3, 1), undefined)
  saved()
  await convicted
  t.ok(quarantine.find(7n, 3, 1))
})

t.test('a replay noted beside a verdict is no second verdict', async t => {
  const quarantine = new Quarantine(forgetful)
  await quarantine.convict(verdict(3, 1))
  await quarantine.convict({ ...verdict(3, 1), replayedAt: 9 })
  t.equal(quarantine.waiting, 0)
  t.equal(quarantine.list(7n).length, 1)
  t.equal(quarantine.list(7n)[0]!.replayedAt, 9)
  t.ok(quarantine.of(7n)!.convicted(3, 1, 1_000), 'and it goes on to bind replays of the entry')
})

t.test('verdicts survive the loss of power as they were', async t => {
  const disk = new MemoryDisk({ random: seededRandom(1) })
  const quarantine = new Quarantine(await verdictFolder(disk, 'verdicts'))
  await quarantine.convict(verdict(3, 1))
  await quarantine.convict({ ...verdict(2 ** 40, 9, 2n ** 63n + 5n), sentAt: 123 })
  disk.crash()
  const again = new Quarantine(await verdictFolder(disk, 'verdicts'))
  t.equal(again.waiting, 2)
  t.same(again.find(7n, 3, 1), verdict(3, 1))
  t.equal(again.find(2n ** 63n + 5n, 2 ** 40, 9)?.sentAt, 123)
})

t.test('a power loss while a verdict is written leaves it or not, and never half of it', async t => {
  for (let seed = 0; seed < 40; seed++) {
    const disk = new MemoryDisk({ random: seededRandom(seed) })
    const store = await verdictFolder(disk, 'verdicts')
    void store.save(verdict(3, 1))
    for (let turns = 0; turns < seed % 4; turns++) await new Promise(resolve => setImmediate(resolve))
    disk.crash()
    const found = (await verdictFolder(disk, 'verdicts')).load()
    t.ok(found.length === 0 || found[0]!.event === verdict(3, 1).event)
  }
})

// The second body is durable in the frame of the first, behind it: the replay answers both.
t.test('R16: a crash in the middle of a frame answers everybody in it with what was counted', async t => {
  const rig = await new ShardRig().start()
  const prototype = Applier.prototype as unknown as { applyOne: (...args: unknown[]) => boolean }
  const { applyOne } = prototype
  t.teardown(() => {
    prototype.applyOne = applyOne
  })
  const event = (name: string) => [{ type: 'event', name, id: name }]
  t.match(await rig.send('a', event('before')), { accepted: 1 })
  let crashes = 0
  prototype.applyOne = function (this: unknown, ...args) {
    if (args[0] === rig.customer('a')!.state && crashes++ === 0) throw new Error('planted')
    return applyOne.apply(this, args)
  }
  const sent = [
    rig.send('a', event('one')),
    rig.send('b', event('one')),
    rig.send('a', [...event('two'), ...event('three')]),
  ]
  await rig.pass(1_000)
  t.match(await Promise.all(sent), [{ accepted: 1 }, { accepted: 1 }, { accepted: 2 }])
  t.equal(rig.shard.stats().eventsByOutcome['applied'], 5)
  t.equal(await rig.query('a', '(+ (count "event" "one") (count "event" "two") (count "event" "three"))'), 3)
  t.ok(crashes > 1, 'it crashed once and was applied again')
})

// Programs that only count fields have their events taken in groups, and a crash in one does not say at which event.
t.test('R16: of a group that crashes, the event that does it again alone is set aside', async t => {
  const rig = await new ShardRig().start()
  const program = `(define (on-event e) (bump! "names" (field e 'name)))`
  t.match(await rig.control('a', { tag: 'program-put', source: program }), {})
  const body = Array.from({ length: 20 }, (_, i) => ({ type: 'event', name: `n${i}` }))
  t.match(await rig.send('a', body), { accepted: 20 })
  const { add } = CounterColumn.prototype
  t.teardown(() => {
    CounterColumn.prototype.add = add
  })
  // The eleventh name's counter is broken, for groups and for one.
  const broken = 10
  CounterColumn.prototype.add = function (this: CounterColumn, row, amount, tracker) {
    if (row === broken) throw new Error('planted')
    return add.call(this, row, amount, tracker)
  }
  const sent = rig.send('a', body)
  await rig.pass(5_000)
  t.match(await sent, { accepted: 20 })
  const [verdict, ...others] = rig.quarantine.list(rig.route('a').incarnation)
  t.same(others, [])
  t.match(verdict, { index: broken, why: 'Error: planted' })
  CounterColumn.prototype.add = add
  t.same(await rig.query('a', '(list (count "names" "n9") (count "names" "n10") (count "names" "n11"))'), [2, 1, 2])
})

/** Applies an event of the name 'bad' as the test says: it is applied, throws, or the process dies there. */
function plant(t: Test, rig: ShardRig) {
  // A load waits for its verdict, turn after turn.
  rig.stepMs = 0.01
  const planted = { does: 'nothing' as 'nothing' | 'throw' | 'die', deaths: 0, dead: false }
  const prototype = Applier.prototype as unknown as { applyOne: ApplyOne }
  const { applyOne } = prototype
  t.teardown(() => {
    prototype.applyOne = applyOne
  })
  prototype.applyOne = function (this: unknown, state, program, batch, event) {
    if (!/^bad/.test(batch.text(event, Field.Name) ?? '') || planted.does === 'nothing') {
      return applyOne.call(this, state, program, batch, event)
    }
    // What a dead process still does here, it does to a dead disk.
    if (planted.does === 'die' && !planted.dead && this === rig.shard['parts'].applier) {
      planted.dead = true
      planted.deaths++
      rig.kill()
    }
    throw new Error('planted')
  }
  return planted
}
type ApplyOne = (state: unknown, program: unknown, batch: EventBatch, event: number) => boolean

/** Starts processes, each of which is asked for `customers`, until one lives on; at most so many. */
async function startUntilItLives(rig: ShardRig, planted: { dead: boolean }, customers: string[], most: number) {
  for (let i = 0; i < most; i++) {
    await rig.start()
    planted.dead = false
    const answers = customers.map(customer => rig.query(customer, '(length (ledger))').catch(() => undefined))
    let answered = false
    void Promise.all(answers).then(() => (answered = true))
    await rig.pass(5_000, () => answered || planted.dead)
    if (!planted.dead) return
    customers.reverse()
  }
}

const POISON = `(let ((l (ledger))) (list (cdr (assq 'applied l)) (cdr (assq 'dropped l))))`

t.test('R16: an event set aside that kills the process when it is replayed is set aside in its turn', async t => {
  const rig = await new ShardRig().start()
  const planted = plant(t, rig)
  planted.does = 'throw'
  const sent = rig.send('a', [
    { type: 'event', name: 'good' },
    { type: 'event', name: 'bad' },
    { type: 'event', name: 'good' },
  ])
  await rig.pass(5_000)
  t.match(await sent, { accepted: 3 })
  const { incarnation } = rig.route('a')
  const [first] = rig.quarantine.list(incarnation)
  t.match(first, { index: 1 })

  planted.does = 'die'
  void rig.control('a', { tag: 'quarantine-replay', n: first!.n, index: 1 }).catch(() => undefined)
  await rig.pass(5_000, () => planted.dead)
  t.equal(planted.deaths, 1)
  await startUntilItLives(rig, planted, ['a'], 10)
  t.equal(planted.deaths, 3, 'alive, and in two replays')
  t.same(await rig.query('a', POISON), [2, [['poison', 1]]])
  const [replayed, second] = rig.quarantine.list(incarnation)
  t.ok(replayed!.replayedAt, 'it is not to be replayed twice')
  t.match(second, { index: 0, ms: first!.ms, day: first!.day, event: first!.event, why: /died here twice/ })
  t.equal(rig.quarantine.waiting, 1)

  planted.does = 'nothing'
  t.match(await rig.control('a', { tag: 'quarantine-replay', n: second!.n, index: 0 }), {})
  t.same(await rig.query('a', POISON), [3, []])
  rig.kill()
  await rig.start()
  t.same(await rig.query('a', POISON), [3, []], 'and after a restart')
})

t.test('R16: an event among many that kills the process is set aside after the fourth, and it alone', async t => {
  const rig = await new ShardRig().start()
  const planted = plant(t, rig)
  planted.does = 'die'
  const event = (_: unknown, i: number) => ({ type: 'event', name: i === 21 ? 'bad' : 'good' })
  void rig.send('a', Array.from({ length: 40 }, event))
  await rig.pass(5_000, () => planted.dead)
  await startUntilItLives(rig, planted, ['a'], 10)
  t.equal(planted.deaths, 4, 'alive, in a group, and twice one by one')
  const { incarnation } = rig.route('a')
  t.match(rig.quarantine.list(incarnation), [{ index: 21 }])
  t.equal(rig.quarantine.waiting, 1)
  t.same(await rig.query('a', POISON), [39, [['poison', 1]]])
})

// Who was a suspect was forgotten where another one's death came between: whoever is loaded first is chance.
t.test('R16: customers whose events kill the process in turn are all found out', async t => {
  const rig = await new ShardRig().start()
  const planted = plant(t, rig)
  const customers = ['a', 'b']
  planted.does = 'die'
  for (const customer of customers) {
    if (planted.dead) await rig.start()
    planted.dead = false
    void rig.send(customer, { type: 'event', name: 'bad' })
    await rig.pass(5_000, () => planted.dead)
  }
  await startUntilItLives(rig, planted, customers, 12)
  t.ok(planted.deaths <= 6, `${planted.deaths} deaths`)
  for (const customer of customers) {
    t.same(await rig.query(customer, POISON), [0, [['poison', 1]]])
    t.equal(rig.quarantine.list(rig.route(customer).incarnation).length, 1)
  }
})

// It loses its file and its entries, and counts from 1 again: what is written under the same number binds nothing.
t.test('R16: an old verdict does not keep the event that has its number now from being set aside', async t => {
  const rig = await new ShardRig().start()
  const planted = plant(t, rig)
  const { incarnation } = rig.route('a')
  for (let n = 1; n <= 4; n++) await rig.quarantine.convict({ ...verdict(n, 0, incarnation), customer: 'a' })
  planted.does = 'die'
  void rig.send('a', { type: 'event', name: 'bad' })
  await rig.pass(5_000, () => planted.dead)
  await startUntilItLives(rig, planted, ['a'], 10)
  t.equal(planted.deaths, 3)
  t.same(await rig.query('a', POISON), [0, [['poison', 1]]])
})

t.test('R16: a place that cannot be written is put down to no event', async t => {
  const rig = await new ShardRig().start()
  t.match(
    await rig.send('a', [
      { type: 'event', name: 'one' },
      { type: 'event', name: 'two' },
    ]),
    { accepted: 2 },
  )
  rig.kill()
  await rig.start()
  const { record } = PlaceFile.prototype
  t.teardown(() => {
    PlaceFile.prototype.record = record
  })
  PlaceFile.prototype.record = () => {
    throw new Error('run/place: EIO')
  }
  const refused = rig.query('a', POISON).then(
    () => t.fail('it was loaded'),
    () => undefined,
  )
  await rig.pass(5_000)
  await refused
  t.same(rig.quarantine.list(rig.route('a').incarnation), [])
  PlaceFile.prototype.record = record
  t.ok(await rig.pass(120_000, () => !rig.customer('a')!.cannotLoad))
  t.same(await rig.query('a', POISON), [2, []])
})
