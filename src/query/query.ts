// Queries: a program's text becomes a CompiledQuery, which may run any number of times; a QueryRun runs it once, in slices.

import type { Clock } from '../core/clock.js'
import { assert, LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { atOnce, type Steps } from '../core/steps.js'
import { Agenda } from './agenda.js'
import { analyse } from './analysis.js'
import type { Block } from './block.js'
import { compileTop, type Numbering } from './compiler.js'
import { timeLimit, unboundVariable } from './complaint.js'
import type { GlobalVariable } from './core-form.js'
import type { QueryData } from './data.js'
import { report, suggestion } from './error-report.js'
import { readForms, standardLibrary } from './library.js'
import { type Image, Machine } from './machine.js'
import { TopLevel } from './scope.js'
import { Flonum, SymbolTable, Text, type Value } from './value.js'

export type Parameter = string | number | boolean | null
export type Parameters = Readonly<Record<string, Parameter>>

/** Steps between two looks at the clock: about 50 µs. */
const STRIDE = 5_000

/** A program ready to run. Runs share it and change nothing in it. */
export interface CompiledQuery {
  readonly source: string
  readonly block: Block
  readonly image: Image
}

/** A program that is being compiled. */
export type Compiling = Steps<CompiledQuery>

export type Outcome =
  | { readonly ok: true; readonly value: Value; readonly output: string; readonly steps: number }
  | { readonly ok: false; readonly error: LetheError; readonly output: string; readonly steps: number }

/**
 * What the top level of a program has defined so far: one for a query, or one for a whole interactive session, whose
 * inputs see each other's definitions.
 */
export class Workspace {
  private readonly library = standardLibrary()
  private readonly symbols = new SymbolTable(this.library.symbols)
  private readonly top = new TopLevel(this.symbols, this.library.top)
  private globals: (Value | undefined)[] = this.library.globals.slice()
  private readonly literals: Value[] = this.library.literals.slice()
  private readonly variables = new Map<number, GlobalVariable>()
  private readonly numbering: Numbering = { literals: this.literals, slotOf: variable => this.slotOf(variable) }

  private slotOf(variable: GlobalVariable): number {
    if (variable.slot < 0) {
      variable.slot =
        this.globals.push(variable.hides === undefined ? undefined : this.globals[variable.hides.slot]) - 1
      this.variables.set(variable.slot, variable)
    }
    return variable.slot
  }

  /** Binds a name to a plain value: a parameter of a query. */
  bind(name: string, value: Parameter): void {
    const variable = this.top.define(this.symbols.intern(name))
    variable.defined = true
    this.globals[this.slotOf(variable)] = valueOfParameter(value)
  }

  /** Throws LetheError syntax-error. */
  compile(source: string): CompiledQuery {
    return atOnce(this.compiling(source))
  }

  /** As `compile`, in steps: a megabyte of source takes a while. */
  *compiling(source: string, agenda = new Agenda()): Compiling {
    const forms = yield* analyse(yield* readForms(source, this.top, this.symbols, agenda), agenda)
    const block = yield* compileTop(forms, { source, sealed: false }, this.numbering, agenda)
    return { source, block, image: this.image() }
  }

  private image(): Image {
    return {
      globals: this.globals,
      literals: this.literals,
      symbols: this.symbols,
      rewindSlot: this.library.rewindSlot,
      unbound: slot => {
        const name = this.variables.get(slot)?.name ?? '?'
        return unboundVariable(name, suggestion(name, this.top.knownNames()))
      },
    }
  }

  /** Takes over what a run has defined, for the next input of a session. */
  keep(machine: Machine): void {
    this.globals = machine.globals.slice()
  }

  /** Names that mean something, for completion. */
  *names(): Generator<string> {
    for (const name of this.top.knownNames()) if (!name.startsWith('%')) yield name
  }
}

function valueOfParameter(value: Parameter): Value {
  if (typeof value === 'string') return new Text(value)
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value + 0 : new Flonum(value)
  return value ?? false
}

/** Compiles a query. `params` are bound as variables; null is #f. Throws LetheError 400 with line and column. */
export function compileQuery(source: string, params: Parameters = {}): CompiledQuery {
  return atOnce(compilingQuery(source, params))
}

/** As `compileQuery`, in steps. */
export function compilingQuery(source: string, params: Parameters = {}, agenda?: Agenda): Compiling {
  const workspace = new Workspace()
  for (const [name, value] of Object.entries(params)) workspace.bind(name, value)
  return workspace.compiling(source, agenda)
}

/** One run of a query, which may have to be compiled first. */
export class QueryRun {
  private running: Machine | undefined
  private readonly compiling: Compiling | undefined
  outcome: Outcome | undefined
  /** Time spent in `step` so far: what the time limit counts. */
  private spentMs = 0

  constructor(
    query: CompiledQuery | Compiling,
    private readonly data: QueryData | undefined,
    private readonly limits: Limits,
    private readonly clock: Clock,
  ) {
    if ('block' in query) this.begin(query)
    else this.compiling = query
  }

  private begin({ image, block }: CompiledQuery): void {
    this.running = new Machine(image, block, this.limits, this.data)
  }

  /** The machine that runs it, once it is compiled. */
  get machine(): Machine {
    assert(this.running !== undefined, 'the query is not compiled yet')
    return this.running
  }

  get heapBytes(): number {
    return this.running?.heapBytes ?? 0
  }

  /** Compiles until `untilMs`; true when that is done. */
  private compile(untilMs: number): boolean {
    for (;;) {
      const { value, done } = this.compiling!.next()
      if (done) {
        this.begin(value)
        return true
      }
      if (this.clock.monotonicMs() >= untilMs) return false
    }
  }

  /** Works until `untilMs` (of the monotonic clock) or until the end; true when `outcome` is there. A run that waits for data answers false at once. */
  step(untilMs: number): boolean {
    if (this.outcome !== undefined) return true
    const clock = this.clock
    const start = clock.monotonicMs()
    try {
      if (this.running === undefined && !this.compile(untilMs)) {
        this.spentMs += clock.monotonicMs() - start
        if (this.spentMs > this.limits.queryTimeMs) throw timeLimit(this.limits.queryTimeMs)
        return false
      }
      const { machine } = this
      for (;;) {
        machine.step(STRIDE)
        const now = clock.monotonicMs()
        if (machine.done) {
          this.outcome = { ok: true, value: machine.value, output: machine.output, steps: machine.steps }
          return true
        }
        if (this.spentMs + now - start > this.limits.queryTimeMs) throw timeLimit(this.limits.queryTimeMs)
        if (now >= untilMs || machine.waiting) {
          this.spentMs += now - start
          return false
        }
      }
    } catch (error) {
      if (!(error instanceof LetheError)) throw error
      const { running } = this
      this.outcome =
        running === undefined
          ? { ok: false, error, output: '', steps: 0 }
          : { ok: false, error: report(error, running), output: running.output, steps: running.steps }
      return true
    }
  }
}
