import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { defaultLimits, type Limits } from '../../src/core/limits.js'
import type { Hll } from '../../src/sketch/hll.js'
import { CustomerState } from '../../src/tables/state.js'
import type { Table } from '../../src/tables/table.js'
import {
  bytesOf,
  checkpoint,
  day0,
  declared,
  identity,
  MemoryFile,
  Model,
  run,
  runDirectly,
  type Step,
  small,
} from './model.js'

const keys = fc.oneof(
  fc.constantFrom('', '1.0', '1.0.1', '2.0', 'ios', '(other)', 'ключ', '__proto__'),
  fc.string({ maxLength: 12 }).filter(text => Buffer.from(text).toString() === text),
)
const update = fc.record({
  table: fc.integer({ min: 0, max: 5 }),
  key: keys,
  value: fc.oneof(
    fc.integer({ min: 0, max: 30 }).map(i => `user-${i}`),
    fc.string({ maxLength: 5 }).filter(text => Buffer.from(text).toString() === text),
  ),
  amount: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 0.001, max: 1e6, noNaN: true })),
})
const stepAfter = (days: number) =>
  fc.record({
    day: fc.integer({ min: 0, max: days }).map(i => day0 + i),
    minute: fc.integer({ min: 0, max: 1439 }),
    updates: fc.array(update, { maxLength: 12 }),
    ids: fc.array(
      fc.integer({ min: 0, max: 90 }).map(i => `id-${i}`),
      { maxLength: 4 },
    ),
    session: fc.constantFrom('', 'a', 'b', 'c'),
  })

function empty(limits: Limits = defaultLimits, retention = 7): CustomerState {
  return CustomerState.empty(identity, limits, day0, retention)
}

function cellOf(table: Table, kind: number, day: number, row: number): unknown {
  switch (kind) {
    case 0:
      return table.counterAt(day, row)
    case 1:
      return [Buffer.from(table.sketchAt(day, row)!.registers()), table.estimateAt(day, row)]
    case 2:
      return table.setAt(day, row)?.members()
    case 3:
      return table.histogramAt(day, row)
    case 4:
      return table.gaugeAt(day, row)
    default: {
      const minutes: [number, number][] = []
      table.timelineAt(day, row)?.each((minute, n) => minutes.push([minute, n]))
      return minutes
    }
  }
}

function modelCell(kind: number, cell: unknown): unknown {
  if (kind === 1) return [Buffer.from((cell as Hll).registers()), (cell as Hll).estimate()]
  if (kind === 2) return [...(cell as Set<string>)]
  if (kind === 5) return [...(cell as Map<number, number>)].sort((a, b) => a[0] - b[0])
  return cell
}

t.test('every cell is what Maps of strings would hold', async () => {
  fc.assert(
    fc.property(fc.array(stepAfter(1), { maxLength: 60 }), steps => {
      const state = empty()
      const model = new Model()
      for (const step of steps) {
        run(state, step)
        model.apply(step)
      }
      for (const [at, expected] of model.cells) {
        const [kind, key, day] = JSON.parse(at) as [number, string, number]
        const table = state.table(declared[kind]!.name)!
        const row = table.findKeyText(key)
        if (row < 0 || table.keyText(row) !== key) throw new Error(`no key ${key}`)
        assert.deepStrictEqual(cellOf(table, kind, day, row), modelCell(kind, expected))
      }
    }),
    { numRuns: 150 },
  )
})

// What is written down first, and what happens at once: nobody may be able to tell afterwards.
t.test('effects that happen while they are told leave the bytes of those that were written down', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(stepAfter(4), fc.integer({ min: 1, max: 5 })), { maxLength: 60 }),
      fc.constantFrom(1, 2, 7),
      (life, retention) => {
        const plain = empty(small, retention)
        const direct = empty(small, retention)
        let entry: Step[] = []
        let day = day0
        let most = 1
        for (const [{ ...step }, size] of life) {
          step.day = Math.max(step.day, day - retention + 1)
          day = Math.max(day, step.day - 1)
          if (entry.length >= most || entry[0]?.day !== step.day) {
            if (entry.length > 0) runDirectly(direct, entry)
            entry = []
            most = size
          }
          entry.push(step)
          run(plain, step)
        }
        if (entry.length > 0) runDirectly(direct, entry)
        assert.deepStrictEqual(direct.everything(), plain.everything())
      },
    ),
    { numRuns: 300 },
  )
})

// Law 1: whether a state was on disk in between, how often, and when pages were encoded, shows in no byte of it.
t.test('the same entries give the same bytes, with checkpoints and reloads in between or not', async () => {
  const act = fc.constantFrom('none', 'none', 'checkpoint', 'reload', 'begin', 'fail', 'end')
  const life = fc.array(fc.tuple(stepAfter(14), act), { maxLength: 60 })
  fc.assert(
    fc.property(life, fc.constantFrom(1, 2, 7), (steps, retention) => {
      const ordered = steps.map(([step]) => step)
      const plain = empty(small, retention)
      let worldly = empty(small, retention)
      const file = new MemoryFile()
      let running: ReturnType<CustomerState['beginCheckpoint']> | undefined
      let day = day0
      const finish = () => {
        if (running === undefined) return
        while (!running.encode(2)) {}
        file.commit(running.write)
        running.done()
        running = undefined
      }
      for (const [i, [, action]] of steps.entries()) {
        // Days go forward, with some late ones.
        const step = { ...ordered[i]!, day: Math.max(ordered[i]!.day, day - retention + 1) }
        day = Math.max(day, step.day - 1)
        run(plain, step)
        if (worldly.dayState(step.day) === 'stored') file.loadDay(worldly, step.day)
        worldly.rollTo(Math.max(worldly.day, step.day - 1))
        if (worldly.dayState(step.day) === 'stored') file.loadDay(worldly, step.day)
        run(worldly, step)
        switch (action) {
          case 'checkpoint':
            finish()
            checkpoint(worldly, file)
            break
          case 'reload':
            finish()
            checkpoint(worldly, file)
            worldly = file.load(small, false)
            break
          case 'begin':
            finish()
            running = worldly.beginCheckpoint()
            running.encode(1)
            break
          case 'fail':
            running?.fail()
            running = undefined
            break
          case 'end':
            finish()
        }
      }
      finish()
      for (let each = worldly.day - retention; each <= worldly.day + 1; each++) {
        if (worldly.resident(each) === undefined) file.loadDay(worldly, each)
      }
      const expected = bytesOf(plain)
      assert.equal(bytesOf(worldly), expected)
      checkpoint(worldly, file)
      assert.equal(bytesOf(file.load(small)), expected)
    }),
    { numRuns: 400 },
  )
})
