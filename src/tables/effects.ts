// Effects: what a program wants to happen to the tables, written down before anything happens (R13).
//
// A program runs to its end first, then its effects are applied, or, after an error or a drop!, not at all. (Of a program that
// can neither fail nor drop an event they are applied while it runs: direct-effects.ts.) An effect is a row of numbers, no
// object: an operation, a table, and places of texts (event-texts.ts).
//
//     ops      | operation | table << 4 ||  keyStart  |  keyEnd  |  valueStart  |  valueEnd  |   five int32 an effect
//     amounts  |  amount, observation, or place in `symbols` |                                  one double an effect

import { LetheError } from '../core/errors.js'
import type { EventBatch } from '../event/batch.js'
import { EventTexts } from './event-texts.js'
import type { SessionStates } from './sessions.js'
import { kindNames, type TableDeclaration, type TableKind } from './types.js'

export const enum Operation {
  Bump = 1,
  Sketch = 2,
  Collect = 3,
  Observe = 4,
  Gauge = 5,
  Tick = 6,
  SetState = 7,
  Once = 8,
  NoteGroup = 9,
}

/** Int32s an effect takes in `ops`. */
export const STRIDE = 5

const noDeclarations: readonly TableDeclaration[] = []

/** What programs tell their effects to: keys and values are places of texts, tables are numbers. */
export abstract class EffectSink extends EventTexts {
  /** The tables that the program names; a number below their count is one of them. */
  declared: readonly TableDeclaration[] = noDeclarations
  /** Tables named at run time; their numbers follow the declared ones. */
  readonly named: TableDeclaration[] = []
  private declaredIndex: Map<string, number> = new Map()
  private indexedFor: readonly TableDeclaration[] = noDeclarations

  /** Adds `amount` to a counter. */
  abstract bump(table: number, keyStart: number, keyEnd: number, amount: number): void
  /** Adds a text to a sketch of distinct ones. */
  abstract sketch(table: number, keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void
  /** Adds a text to a set. */
  abstract collect(table: number, keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void
  /** Adds an observation to a histogram. */
  abstract observe(table: number, keyStart: number, keyEnd: number, x: number): void
  /** Sets a gauge. */
  abstract gauge(table: number, keyStart: number, keyEnd: number, x: number): void
  /** Adds `amount` to the event's minute in a timeline. */
  abstract tick(table: number, keyStart: number, keyEnd: number, amount: number): void
  /** Sets the state of a session. Throws LetheError `out-of-range` when the customer has too many symbols. */
  abstract setState(keyStart: number, keyEnd: number, symbol: string): void
  /** The state of a session: as this event has set it, else as it stands. */
  abstract getState(keyStart: number, keyEnd: number): string | undefined
  /** True the first time that a (scope, key) is seen. `scope` is 0…15. */
  abstract once(scope: number, keyStart: number, keyEnd: number): boolean
  /** Registers the event's crash group: title, culprit, platform, first, last and example. */
  abstract noteGroup(event: number): void

  /**
   * The number of a table named at run time, appended behind the declared ones.
   * Throws LetheError `wrong-type` if the name is taken by another kind.
   */
  dynamic(name: string, kind: TableKind): number {
    if (this.indexedFor !== this.declared) this.indexDeclared()
    const declared = this.declaredIndex.get(name)
    if (declared !== undefined) return this.sameKind(this.declared[declared]!, kind, declared)
    const named = this.named
    for (let i = 0; i < named.length; i++) {
      if (named[i]!.name === name) return this.sameKind(named[i]!, kind, this.declared.length + i)
    }
    named.push({ name, kind })
    return this.declared.length + named.length - 1
  }

  private indexDeclared(): void {
    this.declaredIndex = new Map(this.declared.map((table, index) => [table.name, index]))
    this.indexedFor = this.declared
  }

  private sameKind(table: TableDeclaration, kind: TableKind, index: number): number {
    if (table.kind === kind) return index
    throw new LetheError(
      'wrong-type',
      `table ${table.name} is a ${kindNames[table.kind]}, not a ${kindNames[kind]}`,
      400,
      { table: table.name },
    )
  }
}

export class Effects extends EffectSink {
  /** Effects so far. */
  count = 0
  /** Rows of STRIDE numbers: operation | table << 4, keyStart, keyEnd, valueStart, valueEnd. */
  ops = new Int32Array(32 * STRIDE)
  amounts = new Float64Array(32)
  symbols: string[] = []
  private sessions: SessionStates | undefined

  /** Empties the buffer for an event of `batch`, whose bytes stay as they are now. */
  begin(batch: EventBatch, declared: readonly TableDeclaration[], sessions: SessionStates): void {
    this.clear()
    this.declared = declared
    this.sessions = sessions
    this.readTexts(batch.bytes, sessions.hashKey)
    if (this.named.length > 0) this.named.length = 0
  }

  /** Forgets all effects, for the next event of the same batch and program. */
  clear(): void {
    this.count = 0
    this.forgetTexts()
    if (this.symbols.length > 0) this.symbols.length = 0
  }

  /** Makes what is added to counters and timelines count `weight` times. */
  weigh(weight: number): void {
    for (let i = 0; i < this.count; i++) {
      const operation = this.ops[i * STRIDE]! & 15
      if (operation === Operation.Bump || operation === Operation.Tick) this.amounts[i]! *= weight
    }
  }

  bump(table: number, keyStart: number, keyEnd: number, amount: number): void {
    this.push(Operation.Bump | (table << 4), keyStart, keyEnd, 0, 0, finite(amount))
  }

  sketch(table: number, keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void {
    this.push(Operation.Sketch | (table << 4), keyStart, keyEnd, valueStart, valueEnd, 0)
  }

  collect(table: number, keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void {
    this.push(Operation.Collect | (table << 4), keyStart, keyEnd, valueStart, valueEnd, 0)
  }

  observe(table: number, keyStart: number, keyEnd: number, x: number): void {
    this.push(Operation.Observe | (table << 4), keyStart, keyEnd, 0, 0, finite(x))
  }

  gauge(table: number, keyStart: number, keyEnd: number, x: number): void {
    this.push(Operation.Gauge | (table << 4), keyStart, keyEnd, 0, 0, finite(x))
  }

  tick(table: number, keyStart: number, keyEnd: number, amount: number): void {
    this.push(Operation.Tick | (table << 4), keyStart, keyEnd, 0, 0, finite(amount))
  }

  setState(keyStart: number, keyEnd: number, symbol: string): void {
    this.sessions!.checkSymbol(symbol, this.symbols)
    const key = this.hashed(keyStart, keyEnd)
    this.symbols.push(symbol)
    const last = this.symbols.length - 1
    this.push(Operation.SetState, keyStart, keyEnd, this.hashes[key + 2]!, this.hashes[key + 3]!, last)
  }

  getState(keyStart: number, keyEnd: number): string | undefined {
    const key = this.hashed(keyStart, keyEnd)
    const low = this.hashes[key + 2]!
    const high = this.hashes[key + 3]!
    for (let i = this.count - 1; i >= 0; i--) {
      const at = i * STRIDE
      if (this.ops[at] === Operation.SetState && this.ops[at + 3] === low && this.ops[at + 4] === high) {
        return this.symbols[this.amounts[i]!]
      }
    }
    return this.sessions!.stateOf(low, high)
  }

  once(scope: number, keyStart: number, keyEnd: number): boolean {
    const key = this.hashed(keyStart, keyEnd)
    const low = this.hashes[key + 2]!
    const high = this.hashes[key + 3]!
    if (this.sessions!.hasSeen(scope, low, high)) return false
    for (let i = this.count - 1; i >= 0; i--) {
      const at = i * STRIDE
      if (
        this.ops[at] === Operation.Once &&
        this.ops[at + 3] === low &&
        this.ops[at + 4] === high &&
        this.amounts[i] === scope
      ) {
        return false
      }
    }
    this.push(Operation.Once, keyStart, keyEnd, low, high, scope)
    return true
  }

  noteGroup(event: number): void {
    this.push(Operation.NoteGroup, event, 0, 0, 0, 0)
  }

  private push(op: number, a: number, b: number, c: number, d: number, amount: number): void {
    const index = this.count
    if (index === this.amounts.length) this.grow()
    const ops = this.ops
    const at = index * STRIDE
    ops[at] = op
    ops[at + 1] = a
    ops[at + 2] = b
    ops[at + 3] = c
    ops[at + 4] = d
    this.amounts[index] = amount
    this.count = index + 1
  }

  private grow(): void {
    const ops = new Int32Array(2 * this.ops.length)
    ops.set(this.ops)
    this.ops = ops
    const amounts = new Float64Array(2 * this.amounts.length)
    amounts.set(this.amounts)
    this.amounts = amounts
  }
}

// A NaN in a counter would never leave it.
function finite(x: number): number {
  if (x - x === 0) return x
  throw new LetheError('out-of-range', `${x} cannot be added to a table`, 400)
}
