// What emitted text is made of: lines, names, constants, temporaries; and the program's tables and primitives, each once.

import { LetheError } from '../core/errors.js'
import type { Steps } from '../core/steps.js'
import type { TableDeclaration } from '../tables/types.js'
import { kindNames, type TableKind } from '../tables/types.js'
import { Agenda } from './agenda.js'
import type { GlobalVariable, LambdaForm, LocalVariable, LoopForm } from './core-form.js'
import { type Known, Plan, type ProgramCore } from './emit-plan.js'
import type { Primitive } from './primitive.js'
import { isUnfit, unfit } from './program-core.js'
import type { Engine } from './program-runtime.js'
import { placeOf } from './source.js'
import type { Value } from './value.js'

/** What becomes of a value: returned, stored, or thrown away; `exit` is the loop to leave afterwards. */
export type Destination =
  | { readonly tag: 'return' }
  | { readonly tag: 'assign'; readonly name: string; readonly exit?: string }
  | { readonly tag: 'ignore'; readonly exit?: string }

export const RETURN: Destination = { tag: 'return' }
export const IGNORE: Destination = { tag: 'ignore' }

/**
 * The lines of one block, with blocks in them that may not be done yet, and text that is known when all is. One string in
 * the end (`textOf`).
 */
export type Lines = (string | Lines | (() => string))[]

/** What emitted code sees of the event and its batch, by its names (emit-js.ts). */
export type EventPart = 'S' | 'N' | 'X' | 'V' | 'T' | 'E'

/** The procedure being emitted. */
export interface Frame {
  readonly known: Known | undefined
  readonly temporaries: string[]
  /** What of the event it reads. */
  readonly reads: Set<EventPart>
  /** JavaScript for the depth that callees start from. */
  readonly depth: string
  /** Label of the loop that a tail call of itself continues. */
  label: string | undefined
  readonly weight: number
  readonly lambda: LambdaForm | undefined
  /** Of the library or the built-in program: offsets in it are not places in the program's source. */
  readonly foreign: boolean
}
export abstract class Writing {
  readonly plan: Plan
  protected lines: Lines = []
  protected readonly constants: unknown[] = []
  protected readonly constantNames = new Map<unknown, string>()
  protected readonly names = new Map<LocalVariable | GlobalVariable, string>()
  protected readonly functions: Lines = []
  protected readonly procedures = new Map<Known, string>()
  /** With the text that initializes each. */
  protected readonly globals = new Map<GlobalVariable, string>()
  protected readonly tables: TableDeclaration[] = []
  protected readonly tableIndex = new Map<string, number>()
  protected readonly slowCalls = new Map<string, string>()
  protected readonly guarded = new Map<Primitive, Primitive>()
  protected readonly loopLabels = new Map<LoopForm, { label: string; names: string[]; exit: Destination }>()
  protected readonly wanted = new Set<Known>()
  protected readonly localKnown = new Set<Known>()
  protected nextName = 0
  protected current: Frame

  constructor(
    readonly core: ProgramCore,
    readonly engine: Engine,
    readonly source: string,
    /** The event as a value. */
    protected readonly eventValue: Value,
    protected readonly agenda = new Agenda(),
  ) {
    this.plan = new Plan(core)
    this.current = this.topFunction()
  }

  protected topFunction(): Frame {
    return {
      known: undefined,
      temporaries: [],
      reads: new Set(),
      depth: '0',
      label: undefined,
      weight: 1,
      lambda: undefined,
      foreign: false,
    }
  }

  fresh(letter: string): string {
    return letter + this.nextName++
  }

  nameOf(variable: LocalVariable | GlobalVariable): string {
    let name = this.names.get(variable)
    if (name === undefined) {
      name = this.fresh('v')
      this.names.set(variable, name)
    }
    return name
  }

  /** The names of a slice's start and end, and of its text. */
  sliceNames(variable: LocalVariable): { start: string; end: string; memo: string } {
    const id = this.nameOf(variable).slice(1)
    return { start: `s${id}`, end: `e${id}`, memo: `m${id}` }
  }

  /** JavaScript for a constant: written out where that is safe, else out of the array. */
  constant(value: unknown): string {
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value < 0 ? `(${value})` : String(value)
    if (value === true || value === false || value === null) return String(value)
    let name = this.constantNames.get(value)
    if (name === undefined) {
      name = `k${this.constants.length}`
      this.constants.push(value)
      this.constantNames.set(value, name)
    }
    return name
  }

  temporary(): string {
    const name = this.fresh('t')
    this.current.temporaries.push(name)
    return name
  }

  protected declareTemporaries(fn: Frame): () => string {
    return () => (fn.temporaries.length === 0 ? '' : `let ${fn.temporaries.join(',')};`)
  }

  /**
   * Says that the procedure reads these. They are constants of it, taken at its entry: V8 checks a variable of an outer function anew at
   * each use (2 % of applying five updates).
   */
  reads(...parts: EventPart[]): void {
    for (const part of parts) this.current.reads.add(part)
  }

  protected declareReads(fn: Frame): () => string {
    return () => (fn.reads.size === 0 ? '' : `const ${[...fn.reads].map(part => `${part}=${part}0`).join(',')};`)
  }

  line(text: string): void {
    this.lines.push(text)
  }

  /** Leaves a place for what `work` emits, and does it in a later step. */
  protected later(work: () => void): void {
    const place: Lines = []
    const frame = this.current
    this.lines.push(place)
    this.agenda.postpone(() => {
      const { lines, current } = this
      this.lines = place
      this.current = frame
      work()
      this.lines = lines
      this.current = current
    })
  }

  /** What `work` emits, apart. */
  apart<T>(work: () => T): { lines: Lines; answer: T } {
    const outer = this.lines
    const lines: Lines = []
    this.lines = lines
    const answer = work()
    this.lines = outer
    return { lines, answer }
  }

  /** The place of a table that is named in the source; the kind must be the same everywhere. */
  table(name: string, kind: TableKind, at: number): number {
    const found = this.tableIndex.get(name)
    if (found === undefined) {
      this.tables.push({ name, kind })
      this.tableIndex.set(name, this.tables.length - 1)
      return this.tables.length - 1
    }
    const before = this.tables[found]!.kind
    if (before !== kind) {
      const message = `table ${name} is used as a ${kindNames[before]} and as a ${kindNames[kind]}`
      throw new LetheError('wrong-type', message, 400, at < 0 ? {} : placeOf(this.source, at))
    }
    return found
  }

  primitive(primitive: Primitive): Primitive {
    if (isUnfit(primitive)) throw unfit(this.source, primitive.name, -1)
    let made = this.guarded.get(primitive)
    if (made === undefined) {
      made = this.engine.guarded(primitive)
      this.guarded.set(primitive, made)
    }
    return made
  }

  // ——— evaluation
}

/** Pieces of text that are joined in one step. */
const PIECES_A_STEP = 4096

/** The text of all lines; empty ones are left out. */
export function* textOf(lines: Lines): Steps<string> {
  const chunks: string[] = []
  let pieces: string[] = []
  function* collect(block: Lines): Steps<void> {
    for (const part of block) {
      if (typeof part === 'object') {
        yield* collect(part)
        continue
      }
      const text = typeof part === 'string' ? part : part()
      if (text !== '') pieces.push(text)
      if (pieces.length < PIECES_A_STEP) continue
      chunks.push(pieces.join('\n'))
      pieces = []
      yield
    }
  }
  yield* collect(lines)
  return [...chunks, ...pieces].join('\n')
}
