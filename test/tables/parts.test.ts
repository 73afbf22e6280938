// The id window (R15), sessions, ledger, groups, effects and checkpoints, each beside the plainest thing that does the same.

import fc from 'fast-check'
import t from 'tap'
import { DAY_MS } from '../../src/core/clock.js'
import { hash, hashBytes } from '../../src/core/hash.js'
import { defaultLimits } from '../../src/core/limits.js'
import { EventBatch, EventType, Field } from '../../src/event/batch.js'
import { Effects } from '../../src/tables/effects.js'
import { IdWindow } from '../../src/tables/ids.js'
import { Tracker } from '../../src/tables/page.js'
import { CustomerState } from '../../src/tables/state.js'
import { TableKind } from '../../src/tables/types.js'
import { bytesOf, checkpoint, day0, declared, hashKey, identity, MemoryFile, run, type Step, small } from './model.js'

const limits = {
  ...defaultLimits,
  maxGroups: 3,
  maxKeysPerTable: 4,
  maxTables: 3,
  maxLedgerNames: 3,
  maxStateSymbols: 2,
}

function empty(): CustomerState {
  return CustomerState.empty(identity, limits, day0, 7)
}

function mix(i: number): [number, number] {
  const bytes = Buffer.from(`id-${i}`)
  hashBytes(hashKey, bytes, 0, bytes.length)
  return [hash.lo, hash.hi]
}

t.test('R15: the id window is a queue that keeps the latest ids, by number and age', async () => {
  const shape = { ...defaultLimits, maxDedupeIds: 50, minDedupeIds: 8, dedupeWindowMs: 10_000 }
  const entry = fc.tuple(fc.integer({ min: 0, max: 120 }), fc.integer({ min: -500, max: 3000 }))
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 400 }), entries => {
      const window = new IdWindow(shape, new Tracker())
      let model: { id: number; second: number }[] = []
      let ms = 1_700_000_000_000
      let latest = 0
      for (const [id, step] of entries) {
        ms += step
        latest = Math.max(latest, Math.floor(ms / 1000))
        while (model.length > shape.minDedupeIds && model[0]!.second < latest - 10) model.shift()
        const isNew = !model.some(each => each.id === id)
        if (isNew) model.push({ id, second: latest })
        model = model.slice(-shape.maxDedupeIds)
        if (window.add(...mix(id), ms) !== isNew || window.size !== model.length) return false
      }
      return Array.from({ length: 121 }, (_, id) => id).every(
        id => window.has(...mix(id)) === model.some(each => each.id === id),
      )
    }),
  )
})

t.test('an id window lets go of a great many ids at once', async t => {
  const window = new IdWindow({ ...defaultLimits, minDedupeIds: 10 }, new Tracker())
  for (let i = 0; i < 20_000; i++) window.add(i, ~i, 1_000_000)
  t.equal(window.size, 20_000)
  t.notOk(window.add(5, ~5, 1_000_000))
  window.add(-1, -1, 1_000_000 + 2 * DAY_MS)
  t.equal(window.size, 11)
  t.ok(window.add(5, ~5, 1_000_000 + 2 * DAY_MS), 'what has gone is new again')
})

t.test('`once` is true once per scope and key, also within one event; `state` sees what the event has set', async t => {
  const state = empty()
  const effects = new Effects()
  const batch = new EventBatch()
  batch.bytes = Buffer.from('session-a')
  const begin = () => effects.begin(batch, declared, state.sessions)
  begin()
  effects.setState(0, 9, 'open')
  t.equal(effects.getState(0, 9), 'open')
  effects.clear()
  t.equal(effects.getState(0, 9), undefined)
  t.ok(effects.once(0, 0, 9))
  t.notOk(effects.once(0, 0, 9))
  t.ok(effects.once(1, 0, 9))
  t.equal(effects.getState(0, 9), undefined)
  effects.setState(0, 9, 'closed')
  t.equal(state.sessions.size, 0, 'nothing happens before apply')
  state.updates.apply(effects, batch, day0, day0 * DAY_MS)
  begin()
  t.notOk(effects.once(0, 0, 9))
  t.notOk(effects.once(1, 0, 9))
  t.ok(effects.once(2, 0, 9))
  t.equal(effects.getState(0, 9), 'closed')
  effects.text('session-a')
  t.equal(effects.getState(effects.textStart, effects.textEnd), 'closed', 'a computed text is the same text')
  effects.setState(0, 9, 'second')
  t.throws(() => effects.setState(0, 9, 'third'), { code: 'out-of-range' })
})

t.test('the oldest sessions are forgotten beyond the limit', async t => {
  const state = CustomerState.empty(identity, { ...limits, maxSessions: 10 }, day0, 7)
  for (let i = 0; i < 25; i++) state.sessions.see(0, ...mix(i), day0)
  t.equal(state.sessions.size, 10)
  t.notOk(state.sessions.hasSeen(0, ...mix(14)))
  t.ok(state.sessions.hasSeen(0, ...mix(15)))
})

t.test('a ledger counts by day, bounds its reasons, and moves a replayed event to applied', async t => {
  const state = empty()
  const day = state.ledger.day(day0)
  day.receive(9)
  day.apply(1)
  day.duplicate(1)
  for (const reason of ['late', 'late', 'invalid', 'poison', 'mine', 'yours', 'late']) day.drop(reason)
  day.note('skewed', 2)
  day.bytes(1000)
  t.same(
    [...day.dropped],
    [
      ['late', 3],
      ['invalid', 1],
      ['poison', 1],
      ['(other)', 2],
    ],
  )
  t.ok(day.replayed('poison'))
  t.notOk(day.replayed('poison'))
  t.equal(day.applied, 2)
  let dropped = 0
  for (const n of day.dropped.values()) dropped += n
  t.equal(day.received, day.applied + day.duplicates + dropped)
  t.equal(state.ledger.of(day0 + 1), undefined)
})

function crash(batch: EventBatch, group: string, title: string, type: EventType): void {
  const body = JSON.stringify({ type: 'crash', group, title })
  const bytes = Buffer.from(body)
  batch.reset(bytes, 0, bytes.length)
  batch.count = 1
  batch.types[0] = type
  batch.spans[0] = 0
  batch.spans[1] = bytes.length
  for (const [field, text] of [
    [Field.Group, group],
    [Field.Title, title],
  ] as const) {
    const start = bytes.indexOf(text)
    batch.slices[2 * field] = start
    batch.slices[2 * field + 1] = start + text.length
  }
}

t.test('a group keeps its first title, first and last times, and the latest example of its latest day', async t => {
  let state = empty()
  const effects = new Effects()
  const batch = new EventBatch()
  const note = (group: string, title: string, type: EventType, day: number, ms: number) => {
    crash(batch, group, title, type)
    effects.begin(batch, declared, state.sessions)
    effects.noteGroup(0)
    state.rollTo(day)
    state.updates.apply(effects, batch, day, day * DAY_MS + ms)
    state.n++
  }
  note('00000000000000aa', 'first words', EventType.Error, day0, 500)
  note('00000000000000aa', 'second words', EventType.Crash, day0, 900)
  note('00000000000000aa', 'late words', EventType.Error, day0, 100)
  const file = new MemoryFile()
  checkpoint(state, file)
  state = file.load(limits)
  const group = state.groups.find('00000000000000aa')!
  t.match(group, { title: 'first words', kind: 'crash', first: day0 * DAY_MS + 100, last: day0 * DAY_MS + 900 })
  t.match(JSON.parse(group.exampleOf()!.json), { title: 'second words' })
  note('00000000000000aa', 'new day', EventType.Crash, day0 + 1, 0)
  t.match(group.exampleOf(), { day: day0 + 1, json: /new day/ })
  for (const id of ['b', 'c', 'd', 'e']) note(id.repeat(16), `title ${id}`, EventType.Crash, day0 + 1, 0)
  t.same(
    state.groups.list().map(each => each.id),
    ['00000000000000aa', 'b'.repeat(16), 'c'.repeat(16), '(other)'],
  )
  state.rollTo(day0 + 20)
  t.equal(state.groups.size, 0)
  t.equal(state.groups.find('00000000000000aa'), undefined)
  note('f'.repeat(16), 'after', EventType.Crash, day0 + 20, 0)
  t.equal(state.groups.list()[0]?.title, 'after')
})

function counters(state: CustomerState, day = day0): Record<string, number> {
  const table = state.table('counter')!
  const counts: Record<string, number> = {}
  for (let row = table.nextRow(0); row >= 0; row = table.nextRow(row + 1))
    counts[table.keyText(row)] = table.counterAt(day, row)
  return counts
}

function bumps(...keys: string[]): Step {
  return {
    day: day0,
    minute: 1,
    updates: keys.map(key => ({ table: 0, key, value: '', amount: 1 })),
    ids: [],
    session: '',
  }
}

t.test('keys beyond the limit count as `(other)`, so that totals stay right', async t => {
  const state = empty()
  run(state, bumps('a', 'b', 'c', 'd', 'e', 'f', 'a', 'f'))
  t.same(counters(state), { a: 2, b: 1, c: 1, d: 1, '(other)': 3 })
})

t.test('a key is cut at a character, and the cut key is found by the whole one', async t => {
  const state = empty()
  const long = '語'.repeat(300)
  run(state, bumps(long, `${long}x`))
  t.same(counters(state), { ['語'.repeat(213)]: 2 })
  t.ok(state.table('counter')!.findKeyText(long) >= 0)
})

t.test(
  'an update of a table that is one too many, or of another kind, is refused and noted; the others happen',
  async t => {
    const state = empty()
    const effects = new Effects()
    const batch = new EventBatch()
    const tables = ['a', 'b', 'c', 'd'].map(name => ({ name, kind: TableKind.Counter }))
    effects.begin(batch, tables, state.sessions)
    for (let i = 0; i < 4; i++) effects.bump(i, 0, 0, 1)
    state.updates.apply(effects, batch, day0, day0 * DAY_MS)
    t.match(state.programError, { code: 'too-many-tables', message: /^table d would be one of more than 3:/ })
    effects.begin(batch, [{ name: 'a', kind: TableKind.Sketch }], state.sessions)
    effects.sketch(0, 0, 0, 0, 0)
    state.updates.apply(effects, batch, day0, day0 * DAY_MS)
    t.same(
      state.tables().map(table => table.name),
      ['a', 'b', 'c'],
    )
    t.equal(state.ledger.day(day0).noted.get('refused-update'), 2)
    t.match(state.programError, {
      code: 'wrong-type',
      message: 'table a is a counter, and was to be updated as a sketch: the update was left out',
    })
    t.equal(state.table('a')!.counterAt(day0, state.table('a')!.findKeyText('')), 1)
  },
)

t.test('a table named at run time is the declared one of that name, and must be of its kind', async t => {
  const state = empty()
  const effects = new Effects()
  effects.begin(new EventBatch(), declared, state.sessions)
  t.equal(effects.dynamic('counter', TableKind.Counter), 0)
  t.equal(effects.dynamic('new', TableKind.Gauge), declared.length)
  t.equal(effects.dynamic('new', TableKind.Gauge), declared.length)
  t.throws(() => effects.dynamic('new', TableKind.Counter), { code: 'wrong-type' })
  t.throws(() => effects.dynamic('set', TableKind.Counter), { code: 'wrong-type' })
  t.throws(() => effects.bump(0, 0, 0, Number.NaN), { code: 'out-of-range' })
  t.throws(() => effects.observe(3, 0, 0, Number.POSITIVE_INFINITY), { code: 'out-of-range' })
})

t.test('what does not change a cell leaves its page clean', async t => {
  const state = CustomerState.empty(identity, small, day0, 7)
  const step: Step = {
    day: day0,
    minute: 0,
    updates: [
      { table: 1, key: 'k', value: 'user', amount: 1 },
      { table: 2, key: 'k', value: 'member', amount: 1 },
    ],
    ids: [],
    session: '',
  }
  run(state, step)
  const file = new MemoryFile()
  checkpoint(state, file)
  t.notOk(state.dirty)
  run(state, step)
  const again = state.beginCheckpoint()
  t.ok(again.encode(100))
  t.same(again.write.days, [])
  again.done()
})

t.test('R8: a checkpoint holds the state at its beginning, whatever is applied while it is encoded', async t => {
  const state = CustomerState.empty(identity, defaultLimits, day0, 7)
  for (let i = 0; i < 50; i++) run(state, bumps(...Array.from({ length: 20 }, (_, k) => `key-${i * 20 + k}`)))
  const expected = bytesOf(state)
  const running = state.beginCheckpoint()
  t.throws(() => state.beginCheckpoint(), { message: 'a checkpoint is running' })
  for (let i = 0; !running.encode(1); i++) run(state, bumps(`key-${i * 200}`, `new-${i}`))
  const file = new MemoryFile()
  file.commit(running.write)
  running.done()
  t.equal(bytesOf(file.load(defaultLimits)), expected)
  checkpoint(state, file)
  t.equal(bytesOf(file.load(defaultLimits)), bytesOf(state))
})

t.test("another customer's file is refused, and so is a damaged one", async t => {
  const state = CustomerState.empty(identity, defaultLimits, day0, 7)
  run(state, { ...bumps('a'), ids: ['x', 'y'], session: 's' })
  const file = new MemoryFile()
  checkpoint(state, file)
  const rows = [...file.meta.keys()].sort().map(key => file.meta.get(key)!)
  t.throws(() => CustomerState.load({ ...identity, incarnation: 7n }, defaultLimits, rows), { code: 'file-foreign' })
  t.throws(() => CustomerState.load(identity, defaultLimits, []), { code: 'page-damaged' })
  t.throws(() => CustomerState.load(identity, defaultLimits, rows.slice(1)), { code: 'page-damaged' })
  for (let i = 0; i < rows.length; i++) {
    const letter = String.fromCharCode(rows[i]!.key[0]!)
    // Records whose loss nothing else in the file tells of are the store's to guard: it counts and sums.
    if (!'STis'.includes(letter)) continue
    t.throws(() => CustomerState.load(identity, defaultLimits, rows.toSpliced(i, 1)), `without ${letter}`)
  }
  for (const row of rows) {
    const cut = rows.map(each =>
      each === row ? { key: row.key, value: row.value.subarray(0, row.value.length - 1) } : each,
    )
    t.throws(() => CustomerState.load(identity, defaultLimits, cut), `cut ${String.fromCharCode(row.key[0]!)}`)
  }
})

t.test('a customer of ten events takes less than 30 KB, a counter key of 30 characters less than 90 bytes', async t => {
  const state = CustomerState.empty(identity, defaultLimits, day0, 7)
  for (let i = 0; i < 10; i++) {
    run(state, {
      day: day0,
      minute: i,
      updates: Array.from({ length: 12 }, (_, k) => ({
        table: k % 6,
        key: `k${k}`,
        value: `user-${i % 4}`,
        amount: i,
      })),
      ids: [`id-${i}`],
      session: `s${i % 3}`,
    })
  }
  t.ok(state.byteSize() < 30_000, `${state.byteSize()}`)
  const big = CustomerState.empty(identity, defaultLimits, day0, 7)
  for (let i = 0; i < 200; i++)
    run(big, bumps(...Array.from({ length: 200 }, (_, k) => `key-${String(i * 200 + k).padStart(26, '0')}`)))
  t.ok(big.byteSize() / 40_000 < 90, `${big.byteSize() / 40_000}`)
})

t.test('sketches of fewer than a hundred users take less than 500 bytes each beside their keys', async t => {
  const [sketches, keys] = [0, 1].map(() => CustomerState.empty(identity, defaultLimits, day0, 7)) as [
    CustomerState,
    CustomerState,
  ]
  const updates = (table: number, user: number) =>
    Array.from({ length: 400 }, (_, k) => ({ table, key: `group-${k}`, value: `user-${user}-${k}`, amount: 1 }))
  run(keys, { day: day0, minute: 0, updates: updates(0, 0), ids: [], session: '' })
  for (let user = 0; user < 99; user++) {
    run(sketches, { day: day0, minute: 0, updates: updates(1, user), ids: [], session: '' })
  }
  const each = (sketches.byteSize() - keys.byteSize()) / 400
  t.ok(each < 500, `${each}`)
})
