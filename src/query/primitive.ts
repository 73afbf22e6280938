// How a builtin is declared, and what it may ask of the engine that runs it.
//
// A primitive is a function from values to a value. It never calls back into the machine: whatever takes a procedure
// and calls it (`map`, `sort`, `apply`, `hash-update!`, …) is Scheme in library.scm, or else call/cc, fuel and slices
// could not be true. A primitive pays before it works:
//
//   context.charge(n)     n steps of fuel, one for about 10 ns of work beyond the instruction itself
//   context.allocate(n)   n bytes, before they are allocated and before any other effect: when memory must be measured
//                         first, `allocate` throws a signal and the machine calls the primitive again with the same arguments
//
// What may take more than about 100 µs is done by a Resumable, a generator that the machine steps in slices. A `resumable`
// primitive answers one, as those that scan tables do; any other hands it to `context.inSlices` where its arguments are
// long (slices.ts). Each `yield n` says "the stretch since the last yield was worth n steps"; `yield WAIT` says "nothing
// can be done before the outside has moved on" (a day is being loaded) and hands the turn back. Its return value is the
// primitive's value. What a generator holds is charged to the run until it ends.

import type { Limits } from '../core/limits.js'
import { inlineOps, type Op } from './opcodes.js'
import { Procedure, type SymbolTable, type Value } from './value.js'

/** What a primitive may ask for. The machine is one; the engine of per-event programs is another. */
export interface Context {
  readonly limits: Limits
  readonly symbols: SymbolTable
  /** Pays for work; the machine stops the program at the next instruction if fuel has run out. */
  charge(steps: number): void
  /** Accounts for memory. Throws LetheError memory-limit, or the machine's own signal. */
  allocate(bytes: number): void
  /** The primitive's value is what `steps` ends with: from here on it works in slices. Does not return where there are slices. */
  inSlices(steps: Resumable): Value
  /** Appends to what the program has displayed. Accounts for it. */
  display(text: string): void
  /** What the primitives of a host (table reading, events) work on: set by whoever runs the program, read only by them. */
  readonly host: unknown
}

export const WAIT = -1
export type Resumable = Generator<number, Value, void>
export type PrimitiveFunction = (context: Context, a: Value, b: Value, c: Value, d: Value, e: Value) => Value
export type SpreadFunction = (context: Context, args: Value[]) => Value
export type ResumableFunction = (
  context: Context,
  a: Value,
  b: Value,
  c: Value,
  d: Value,
  e: Value,
) => Value | Resumable

export interface PrimitiveDefinition {
  readonly name: string
  /** How it is called, as documentation prints it: `(count TABLE [KEY] [DAYS])`. */
  readonly signature: string
  /** One or two sentences: what it answers. */
  readonly doc: string
  /** An expression and what `write` prints for it; a test runs it. */
  readonly example?: readonly [string, string]
  /** Fewest and most arguments. `most` may be Infinity, with `spread`; else at most 5. */
  readonly arity: readonly [fewest: number, most: number]
  /** Exactly one of these three. Arguments that are not given are `undefined`. */
  readonly run?: PrimitiveFunction
  readonly spread?: SpreadFunction
  readonly resumable?: ResumableFunction
  /** True if the same arguments always give an equal answer and nothing else happens. */
  readonly pure?: boolean
}

/** A builtin as a value. */
export class Primitive extends Procedure {
  readonly name: string
  readonly fewest: number
  readonly most: number
  /** Called with as many arguments as given; undefined for a spread primitive. */
  readonly run: ResumableFunction | undefined
  readonly spread: SpreadFunction | undefined
  readonly isResumable: boolean
  /** The instructions that it is, by the number of operands. */
  readonly operations: readonly (Op | undefined)[]
  constructor(readonly definition: PrimitiveDefinition) {
    super()
    this.name = definition.name
    this.fewest = definition.arity[0]
    this.most = definition.arity[1]
    this.run = definition.run ?? definition.resumable
    this.spread = definition.spread
    this.isResumable = definition.resumable !== undefined
    this.operations = [0, 1, 2, 3].map(count => inlineOps.get(`${this.name}/${count}`))
  }
}

/** A named set of primitives, in the order of the documentation. `title` heads its section in docs/language.md. */
export interface PrimitiveGroup {
  readonly title: string
  readonly primitives: readonly PrimitiveDefinition[]
}
