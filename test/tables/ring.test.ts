// R6, R7: days, slots, and what goes when a day goes.

import fc from 'fast-check'
import t from 'tap'
import { CustomerState } from '../../src/tables/state.js'
import { bytesOf, checkpoint, day0, identity, MemoryFile, run, type Step, small } from './model.js'

const limits = { ...small, maxKeysPerTable: 10_000, maxKeysPerCustomer: 10_000, maxTables: 100 }

function empty(retention = 3): CustomerState {
  return CustomerState.empty(identity, limits, day0, retention)
}

function bump(day: number, key: string, table = 0): Step {
  return { day, minute: 0, updates: [{ table, key, value: 'v', amount: 1 }], ids: [], session: '' }
}

function count(state: CustomerState, key: string, day: number): number {
  const table = state.table('counter')
  const row = table?.findKeyText(key) ?? -1
  return row < 0 ? 0 : table!.counterAt(day, row)
}

// Day 0 and day N+1 share a slot. After a full lap the old day must be gone,
// and asking for it must say "nothing", not answer with its successor's data.
t.test('R7: a slot forgets the day it held one lap ago', async t => {
  const state = empty(3)
  run(state, bump(day0, 'a'))
  state.rollTo(day0 + 4)
  run(state, bump(day0 + 4, 'a'))
  t.equal(state.slotOf(day0), state.slotOf(day0 + 4))
  t.equal(count(state, 'a', day0 + 4), 1)
  t.equal(count(state, 'a', day0), 0)
  t.equal(state.dayState(day0), 'outside')
})

t.test('R6: writable are today, tomorrow and the N−1 days before; the rest is outside', async t => {
  const state = empty(3)
  t.same(
    [-3, -2, -1, 0, 1, 2].map(off => state.dayState(day0 + off)),
    ['outside', 'empty', 'empty', 'empty', 'empty', 'outside'],
  )
  t.throws(() => run(state, bump(day0 - 3, 'a')), { message: /outside/ })
})

t.test('R6: the state of a day never falls', async t => {
  const state = empty()
  state.rollTo(day0 + 5)
  state.rollTo(day0 + 2)
  t.equal(state.day, day0 + 5)
})

t.test('the day that has just expired stays readable until tomorrow is written', async t => {
  const state = empty(3)
  run(state, bump(day0, 'a'))
  state.rollTo(day0 + 3)
  t.equal(state.dayState(day0), 'outside')
  t.equal(count(state, 'a', day0), 1, 'for a reader who had begun')
  run(state, bump(day0 + 4, 'b'))
  t.equal(count(state, 'a', day0), 0)
})

t.test('keys whose last day left the ring are dropped, and their rows are used again', async t => {
  const state = empty(2)
  for (let i = 0; i < 600; i++) run(state, bump(day0, `old-${i}`))
  run(state, bump(day0 + 1, 'old-7'))
  const table = state.table('counter')!
  t.equal(table.live, 600)
  state.rollTo(day0 + 3)
  t.equal(table.live, 1)
  t.equal(table.findKeyText('old-8'), -1)
  t.ok(table.findKeyText('old-7') >= 0)
  t.equal(table.rows, 256, 'pages without a live key are gone')
  for (let i = 0; i < 255; i++) run(state, bump(day0 + 3, `new-${i}`))
  t.equal(table.rows, 256)
  for (let i = 0; i < 255; i++) t.equal(count(state, `new-${i}`, day0 + 3), 1)
  t.equal(count(state, 'old-7', day0 + 3), 0)
  run(state, bump(day0 + 3, 'old-8'))
  t.equal(count(state, 'old-8', day0 + 3), 1, 'a key that comes back begins at nothing')
})

t.test('a table without a key is no table, and its name may come back as another kind', async t => {
  const state = empty(1)
  run(state, bump(day0, 'a'))
  state.rollTo(day0 + 5)
  t.same(state.tables(), [])
  run(state, bump(day0 + 5, 'a', 1))
  t.same(
    state.tables().map(table => table.name),
    ['sketch'],
  )
})

t.test('a table lists its own rows, whatever other tables of the kind lie between', async t => {
  const state = empty()
  const step = { ...bump(day0, ''), updates: [] as Step['updates'] }
  for (let i = 0; i < 300; i++) step.updates.push({ table: i % 3 === 0 ? 0 : 4, key: `k${i}`, value: '', amount: 1 })
  run(state, step)
  for (const name of ['counter', 'gauge']) {
    const table = state.table(name)!
    const found: string[] = []
    for (let row = table.nextRow(0); row >= 0; row = table.nextRow(row + 1)) found.push(table.keyText(row))
    const scanned: string[] = []
    for (let row = 0; row < table.rows; row++) if (table.isLive(row)) scanned.push(table.keyText(row))
    t.same(found, scanned)
    t.equal(found.length, table.live)
  }
})

t.test('a gap of more days than the ring has leaves nothing', async t => {
  const state = empty(3)
  for (let i = 0; i < 3; i++) run(state, { ...bump(day0 + i, 'a'), session: 's', ids: ['x'] })
  state.rollTo(day0 + 400)
  t.same(state.tables(), [])
  t.same(state.ledger.days(), [])
  t.equal(state.sessions.size, 0)
  for (let i = -3; i < 2; i++) t.match(state.dayState(day0 + 400 + i), i === -3 ? 'outside' : 'empty')
})

t.test('a slot that is given to another day is cleared in the file', async t => {
  const state = empty(2)
  const file = new MemoryFile()
  run(state, bump(day0, 'a'))
  checkpoint(state, file)
  state.rollTo(day0 + 2)
  checkpoint(state, file)
  t.equal(file.days.get(state.slotOf(day0))?.rows.size, 1, 'the spare day stays')
  run(state, bump(day0 + 3, 'b'))
  checkpoint(state, file)
  t.equal(file.days.get(state.slotOf(day0 + 3))?.day, day0 + 3)
  state.rollTo(day0 + 30)
  t.ok(state.dirty)
  checkpoint(state, file)
  t.notOk(state.dirty)
  for (const { rows } of file.days.values()) t.equal(rows.size, 0)
  t.equal(bytesOf(file.load(limits)), bytesOf(state))
})

t.test('R7: a change of retention keeps what both keep, and writes a fresh file', async () => {
  const states = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.constantFrom('', 'a', 'b', 'c')), {
    maxLength: 20,
  })
  fc.assert(
    fc.property(
      states,
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      states,
      (before, from, to, after) => {
        const state = empty(from)
        const file = new MemoryFile()
        const cells = new Map<string, number>()
        const steps = (list: typeof before, retention: number) => {
          for (const [off, key] of list) {
            const day = Math.max(day0 + off, state.day - retention + 1)
            run(state, bump(day, key))
            cells.set(`${day} ${key}`, (cells.get(`${day} ${key}`) ?? 0) + 1)
          }
        }
        steps(before, from)
        checkpoint(state, file)
        const kept = state.day - Math.min(from, to) + 1
        state.setRetention(to)
        for (const at of cells.keys()) if (Number(at.split(' ')[0]) < kept) cells.delete(at)
        steps(after, to)
        checkpoint(state, file)
        const loaded = file.load(limits)
        for (const each of [state, loaded]) {
          for (const [at, n] of cells) {
            const [day, key] = at.split(' ') as [string, string]
            const expected = Number(day) > each.day - to ? n : undefined
            if (expected !== undefined && count(each, key, Number(day)) !== expected) return false
          }
        }
        return bytesOf(loaded) === bytesOf(state) && file.slots === to + 1
      },
    ),
  )
})

t.test('R7: retention from 7 to 30 and back: a day that has left does not come back', async t => {
  const state = empty(7)
  const file = new MemoryFile()
  for (let i = 0; i < 7; i++) run(state, bump(day0 + i, 'a'))
  checkpoint(state, file)
  state.setRetention(30)
  for (let i = 7; i < 20; i++) run(state, bump(day0 + i, 'a'))
  checkpoint(state, file)
  t.equal(file.slots, 31)
  for (let i = 0; i < 20; i++) t.equal(count(state, 'a', day0 + i), 1, `day ${i} of 20`)
  state.setRetention(7)
  checkpoint(state, file)
  t.equal(file.slots, 8)
  const oldest = state.day - 6
  const left = (i: number) => (day0 + i < oldest ? 0 : 1)
  for (const each of [state, file.load(limits)]) {
    for (let i = 0; i < 20; i++) t.equal(count(each, 'a', day0 + i), left(i), `day ${i}`)
  }
  state.setRetention(30)
  checkpoint(state, file)
  const loaded = file.load(limits)
  for (let i = 0; i < 20; i++) t.equal(count(loaded, 'a', day0 + i), left(i), `day ${i}, for good`)
  t.equal(bytesOf(loaded), bytesOf(state))
})

t.test('R8: midnight during a checkpoint: it holds the day before, the next one the new day', async t => {
  const state = empty(2)
  const file = new MemoryFile()
  for (let i = 0; i < 3; i++) for (let k = 0; k < 600; k++) run(state, bump(day0 + i, `key-${k}`))
  const expected = bytesOf(state)
  const running = state.beginCheckpoint()
  t.notOk(running.encode(1))
  // The day that gives its slot to the new one is still to be encoded.
  run(state, bump(day0 + 3, 'new'))
  t.equal(count(state, 'key-1', day0), 0)
  while (!running.encode(1)) run(state, bump(day0 + 3, 'new'))
  file.commit(running.write)
  running.done()
  const before = file.load(limits)
  t.equal(before.day, day0 + 1)
  for (let i = 0; i < 3; i++) t.equal(count(before, 'key-1', day0 + i), 1)
  t.equal(count(before, 'new', day0 + 3), 0)
  t.not(bytesOf(state), expected)
  checkpoint(state, file)
  t.equal(bytesOf(file.load(limits)), bytesOf(state))
})
