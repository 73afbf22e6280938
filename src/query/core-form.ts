// The core form: what every program is after expansion, and all that the two back ends (compiler.ts for the machine,
// emit-js.ts for per-event programs) have to understand.
//
// Variables are objects, not names: two variables called `x` are two objects, and after expansion nothing is looked up by
// name any more. `at` is an offset into the source (or −1) for error positions.

import type { Primitive } from './primitive.js'
import type { Value } from './value.js'

/** A variable of a lambda, let, letrec or loop. The flags are set by analysis.ts. */
export class LocalVariable {
  /** Target of a `set!`. */
  assigned = false
  /** Referred to from a lambda inside the one that binds it. */
  captured = false
  /** Of a letrec, and perhaps read before it has its value: every read checks. Treat it as assigned. */
  unready = false
  /** References and assignments, calls included. */
  uses = 0
  /** The lambda that binds it (a let or loop binds in the lambda around it). */
  home: LambdaForm | undefined
  /** Its place in the frame of its home. Set by compiler.ts. */
  slot = -1
  constructor(readonly name: string) {}
}

/**
 * A variable of the top level. The library's are sealed: a user's definition of the same name makes a new one, which starts
 * with the library's value, and the library never sees it.
 */
export class GlobalVariable {
  /** Index into the globals of a run. */
  slot = -1
  defined = false
  assigned = false
  constructor(
    readonly name: string,
    /** The library's variable of that name that this one hides; its value is this one's initial value. */
    readonly hides: GlobalVariable | undefined,
    /** True for the library's own. Their values never change once the library is loaded. */
    readonly sealed: boolean,
    /** For sealed ones that are primitives. */
    readonly primitive: Primitive | undefined,
  ) {}
}

export type Core =
  | ConstantForm
  | LocalForm
  | GlobalForm
  | SetLocalForm
  | SetGlobalForm
  | IfForm
  | LambdaForm
  | LetForm
  | LetrecForm
  | SequenceForm
  | CallForm
  | PrimitiveForm
  | LoopForm
  | AgainForm

/** A literal. Pairs, vectors and texts are mutable: each run gets its own copy, made when first reached. */
interface ConstantForm {
  readonly tag: 'constant'
  readonly value: Value
}

export interface LocalForm {
  readonly tag: 'local'
  readonly variable: LocalVariable
  readonly at: number
}

export interface GlobalForm {
  readonly tag: 'global'
  readonly variable: GlobalVariable
  readonly at: number
}

export interface SetLocalForm {
  readonly tag: 'set-local'
  readonly variable: LocalVariable
  value: Core
  readonly at: number
}

/** `define` at the top level, or `set!` of a variable of the top level (which must be defined by then). */
export interface SetGlobalForm {
  readonly tag: 'set-global'
  readonly variable: GlobalVariable
  value: Core
  readonly define: boolean
  readonly at: number
}

export interface IfForm {
  readonly tag: 'if'
  test: Core
  consequent: Core
  alternative: Core
}

export interface LambdaForm {
  readonly tag: 'lambda'
  /** From its definition, for backtraces; empty if anonymous. */
  name: string
  readonly parameters: readonly LocalVariable[]
  readonly rest: LocalVariable | undefined
  body: Core
  readonly at: number
  /** The lambda around it. Set by analysis.ts, as what follows. */
  outer: LambdaForm | undefined
  /** The variables of lambdas around it that it mentions, or a lambda in it does, and which of its captures each is. */
  free: Map<LocalVariable, number> | undefined
}

/** Parallel binding: the values are evaluated (left to right) outside the scope of the variables. */
export interface LetForm {
  readonly tag: 'let'
  readonly variables: readonly LocalVariable[]
  readonly values: Core[]
  body: Core
}

/** letrec* : in order, each in the scope of all. Internal definitions become this. */
export interface LetrecForm {
  readonly tag: 'letrec'
  readonly variables: readonly LocalVariable[]
  readonly values: Core[]
  body: Core
}

/** At least one item; the value is the last one's. */
interface SequenceForm {
  readonly tag: 'sequence'
  readonly items: Core[]
}

export interface CallForm {
  readonly tag: 'call'
  operator: Core
  readonly operands: Core[]
  readonly at: number
}

/** A call of a sealed primitive, known at compile time; the number of operands has been checked. */
export interface PrimitiveForm {
  readonly tag: 'primitive'
  readonly primitive: Primitive
  readonly operands: Core[]
  readonly at: number
}

/**
 * A letrec of one procedure that is only ever called, and only in its own tail position: named let, do. It needs no
 * closure and no call: `variables` start with `values`, and an `again` in `body` rebinds them (fresh, so that closures made
 * in one round keep that round's) and starts over. The value of `body`, where it does not end in `again`, is the loop's.
 * Made by analysis.ts.
 */
export interface LoopForm {
  readonly tag: 'loop'
  readonly name: string
  readonly variables: readonly LocalVariable[]
  readonly values: Core[]
  body: Core
  readonly at: number
}

export interface AgainForm {
  readonly tag: 'again'
  loop: LoopForm
  readonly operands: Core[]
  readonly at: number
}
