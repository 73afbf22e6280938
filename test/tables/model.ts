// A customer's state as anyone would write it first: Maps of strings. What the real one is compared with.

import { DAY_MS } from '../../src/core/clock.js'
import { type HashKey, hash, hashBytes } from '../../src/core/hash.js'
import { defaultLimits, type Limits } from '../../src/core/limits.js'
import { EventBatch } from '../../src/event/batch.js'
import { Gauge } from '../../src/sketch/gauge.js'
import { Histogram } from '../../src/sketch/histogram.js'
import { Hll } from '../../src/sketch/hll.js'
import type { Checkpoint } from '../../src/tables/checkpoint.js'
import { DirectEffects } from '../../src/tables/direct-effects.js'
import { type EffectSink, Effects } from '../../src/tables/effects.js'
import { CustomerState } from '../../src/tables/state.js'
import { type FileWrite, type Identity, type Row, type TableDeclaration, TableKind } from '../../src/tables/types.js'

export const hashKey: HashKey = { k0: 0x12345678, k1: 0x0badcafe }
export const identity: Identity = { customer: 'acme', incarnation: 0x1122334455667788n, hashKey }
export const day0 = 20_000

/** Limits small enough to be met. */
export const small: Limits = {
  ...defaultLimits,
  maxKeysPerTable: 12,
  maxKeysPerCustomer: 40,
  maxSetMembers: 5,
  maxTables: 8,
  maxGroups: 4,
  maxDedupeIds: 40,
  minDedupeIds: 10,
  maxSessions: 12,
}

export const declared: readonly TableDeclaration[] = [
  { name: 'counter', kind: TableKind.Counter },
  { name: 'sketch', kind: TableKind.Sketch },
  { name: 'set', kind: TableKind.Set },
  { name: 'histogram', kind: TableKind.Histogram },
  { name: 'gauge', kind: TableKind.Gauge },
  { name: 'timeline', kind: TableKind.Timeline },
]

/** One update of one event. */
export interface Update {
  table: number
  key: string
  value: string
  amount: number
}

/** What an entry does, as plain data. */
export interface Step {
  day: number
  minute: number
  updates: Update[]
  ids: string[]
  session: string
}

type Cell = number | Hll | Set<string> | Histogram | Gauge | Map<number, number>

export class Model {
  readonly cells = new Map<string, Cell>()

  apply(step: Step): void {
    for (const { table, key, value, amount } of step.updates) {
      const at = JSON.stringify([table, key, step.day])
      const before = this.cells.get(at)
      const atMs = step.day * DAY_MS + step.minute * 60_000
      switch (table) {
        case 0:
          this.cells.set(at, ((before as number) ?? 0) + amount)
          break
        case 1: {
          const sketch = (before as Hll) ?? new Hll()
          const bytes = Buffer.from(value)
          hashBytes(hashKey, bytes, 0, bytes.length)
          sketch.add(hash.lo, hash.hi)
          this.cells.set(at, sketch)
          break
        }
        case 2:
          this.cells.set(at, ((before as Set<string>) ?? new Set()).add(value))
          break
        case 3: {
          const histogram = (before as Histogram) ?? new Histogram()
          histogram.add(amount)
          this.cells.set(at, histogram)
          break
        }
        case 4: {
          const gauge = (before as Gauge) ?? new Gauge()
          gauge.set(amount, atMs)
          this.cells.set(at, gauge)
          break
        }
        default: {
          const minutes = (before as Map<number, number>) ?? new Map()
          minutes.set(step.minute, (minutes.get(step.minute) ?? 0) + amount)
          this.cells.set(at, minutes)
        }
      }
    }
  }
}

const batch = new EventBatch()
const written = new Effects()
const direct = new DirectEffects()

/** Runs a step on a real state, as an entry of its own: its effects are written down first. */
export function run(state: CustomerState, step: Step): void {
  begin(state, step, [step])
  written.begin(batch, declared, state.sessions)
  tell(written, step, 0)
  state.updates.apply(written, batch, step.day, timeOf(step))
  finish(state, [step])
}

/** Runs steps of one day on a real state, as events of one entry whose effects happen while they are told. */
export function runDirectly(state: CustomerState, steps: readonly Step[]): void {
  begin(state, steps[0]!, steps)
  direct.begin(batch, declared, state, 1)
  let at = 0
  for (const step of steps) {
    direct.nextEvent(step.day, timeOf(step))
    at = tell(direct, step, at)
  }
  finish(state, steps)
}

function begin(state: CustomerState, { day }: Step, steps: readonly Step[]): void {
  state.rollTo(Math.max(state.day, day - 1))
  // Keys and values lie half in the batch's bytes, half in the arena.
  batch.bytes = Buffer.from(steps.flatMap(({ updates }) => updates.map(({ key }) => key)).join('') || ' ')
}

function finish(state: CustomerState, steps: readonly Step[]): void {
  for (const step of steps) {
    for (const id of step.ids) {
      const bytes = Buffer.from(id)
      hashBytes(hashKey, bytes, 0, bytes.length)
      state.ids.add(hash.lo, hash.hi, timeOf(step))
    }
  }
  const ledger = state.ledger.day(state.day)
  ledger.receive(steps.length)
  ledger.apply(steps.length)
  state.n += steps.length
}

const timeOf = ({ day, minute }: Step) => day * DAY_MS + minute * 60_000

/** Tells a step's updates, whose keys begin at `at` in the body; answers where they end. */
function tell(effects: EffectSink, { updates, session }: Step, at: number): number {
  for (const { table, key, value, amount } of updates) {
    const start = at
    at += Buffer.byteLength(key)
    effects.text(value)
    const { textStart, textEnd } = effects
    switch (table) {
      case 0:
        effects.bump(0, start, at, amount)
        break
      case 1:
        effects.sketch(1, start, at, textStart, textEnd)
        break
      case 2:
        effects.collect(2, start, at, textStart, textEnd)
        break
      case 3:
        effects.observe(3, start, at, amount)
        break
      case 4:
        effects.gauge(4, start, at, amount)
        break
      default:
        effects.tick(5, start, at, amount)
    }
  }
  if (session !== '') tellSession(effects, session)
  return at
}

function tellSession(effects: EffectSink, session: string): void {
  effects.text(session)
  const { textStart, textEnd } = effects
  if (effects.once(1, textStart, textEnd)) effects.setState(textStart, textEnd, 'begun')
  else effects.setState(textStart, textEnd, effects.getState(textStart, textEnd) === 'begun' ? 'again' : 'begun')
}

/** A file in memory, as storage keeps it. */
export class MemoryFile {
  slots = 0
  meta = new Map<string, Row>()
  days = new Map<number, { day: number; rows: Map<string, Row> }>()

  commit(write: FileWrite): void {
    if (this.slots !== write.slots) {
      this.slots = write.slots
      this.meta = new Map()
      this.days = new Map()
    }
    const put = (rows: Map<string, Row>, key: Uint8Array, value: Uint8Array | null) => {
      const hex = Buffer.from(key).toString('hex')
      if (value === null) rows.delete(hex)
      else rows.set(hex, { key: Buffer.from(key), value: Buffer.from(value) })
    }
    for (const { key, value } of write.meta) put(this.meta, key, value)
    for (const { slot, day, clear, pages } of write.days) {
      let found = this.days.get(slot)
      if (found === undefined || clear) found = { day, rows: new Map() }
      if (found.day !== day) throw new Error(`slot ${slot} holds ${found.day}, written as ${day}`)
      this.days.set(slot, found)
      for (const { key, value } of pages) put(found.rows, key, value)
    }
  }

  load(limits: Limits, allDays = true): CustomerState {
    const state = CustomerState.load(identity, limits, sorted(this.meta))
    if (allDays) for (let day = state.day - state.retention; day <= state.day + 1; day++) this.loadDay(state, day)
    return state
  }

  loadDay(state: CustomerState, day: number): void {
    const stored = this.days.get(state.slotOf(day))
    if (stored?.day !== day) return
    for (const _ of state.loadDay(day, sorted(stored.rows))) {
    }
  }
}

function sorted(rows: Map<string, Row>): Row[] {
  return [...rows.keys()].sort().map(key => rows.get(key)!)
}

export function checkpoint(state: CustomerState, file: MemoryFile): void {
  const running: Checkpoint = state.beginCheckpoint()
  while (!running.encode(3)) {}
  file.commit(running.write)
  running.done()
}

/** Everything a state holds, in bytes, to compare. */
export function bytesOf(state: CustomerState): string {
  const { n, meta, days, slots } = state.everything()
  const lines = [`${n} ${slots}`]
  for (const { key, value } of meta) lines.push(`${hex(key)} ${hex(value!)}`)
  for (const { slot, day, pages } of days) {
    lines.push(`slot ${slot} day ${day}`)
    for (const { key, value } of pages) lines.push(`  ${hex(key)} ${hex(value!)}`)
  }
  return lines.join('\n')
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
