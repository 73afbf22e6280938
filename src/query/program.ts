// Per-event programs: what happens to the tables when an event arrives (R13).
//
// A program is compiled once, to JavaScript, and runs for every event of every customer that has it. It is pure: it reads the
// event and the session states, and answers effects. Nothing is carried from one event to the next; the top level is
// frozen once it is loaded. So the same bytes give the same effects, today and in a replay.

import fs from 'node:fs'
import { Bug, LetheError } from '../core/errors.js'
import { defaultLimits, type Limits } from '../core/limits.js'
import { atOnce, type Steps } from '../core/steps.js'
import { EventBatch } from '../event/batch.js'
import { type EffectSink, Effects } from '../tables/effects.js'
import type { FieldPlan } from '../tables/field-updates.js'
import type { TableDeclaration } from '../tables/types.js'
import { type EmittedProgram, Emitter } from './emit-js.js'
import { dropSignal } from './event-primitives.js'
import { type EventProgram, Outcome, type ProgramError } from './event-program.js'
import { theEvent } from './event-value.js'
import { type AheadProgram, fromAhead, toAhead } from './program-ahead.js'
import { type ReadProgram, readingProgram } from './program-core.js'
import { Engine } from './program-runtime.js'
import { runningSamples } from './program-samples.js'
import { placeOf } from './source.js'
import { librarySymbols, Pair, SymbolTable, Text, type Value, Vector } from './value.js'

/** The built-in program as scripts/bundle.mjs emitted it into a bundle. There is none where the modules run as they are. */
declare const BUILTIN_AHEAD: AheadProgram | undefined

interface Emitted {
  /** Runs the top level; `effects` refuses to be used. */
  load(effects: object): void
  roots(): readonly Value[]
  begin(batch: EventBatch, effects: EffectSink): void
  run(event: number): unknown
}

class CompiledProgram implements EventProgram {
  readonly declared: readonly TableDeclaration[]
  readonly certain: boolean
  readonly fieldPlan: FieldPlan | undefined
  reason = ''
  error: ProgramError | undefined
  private readonly emitted: Emitted
  // One object for all events: `context.host` of the primitives.
  private readonly host = { batch: new EventBatch(), event: 0, effects: new Effects() as EffectSink }

  constructor(
    readonly source: string,
    private readonly engine: Engine,
    { code, constants, tables, certain, fieldPlan }: EmittedProgram,
    private readonly limits: Limits,
  ) {
    this.declared = tables
    this.certain = certain
    this.fieldPlan = fieldPlan
    // The only text that becomes code here was made by emit-js: names of its own, and integers.
    this.emitted = new Function('C', 'K', code)(engine, constants) as Emitted
    this.load(literalsOf(constants))
  }

  private load(literals: readonly Value[]): void {
    this.engine.begin(undefined, this.limits.maxProgramLoadSteps)
    try {
      this.emitted.load(this.engine.noEffects())
    } catch (thrown) {
      const error = this.readable(thrown)
      throw new LetheError(error.code, `while the program was loaded: ${error.message}`, 400, placeDetails(error))
    }
    this.engine.freeze([...this.emitted.roots(), ...literals])
  }

  begin(batch: EventBatch, effects: EffectSink): void {
    this.host.batch = batch
    this.host.effects = effects
    this.engine.host = this.host
    this.emitted.begin(batch, effects)
  }

  run(event: number): Outcome {
    this.host.event = event
    this.engine.begin(this.host, this.limits.maxProgramSteps)
    try {
      if (this.emitted.run(event) === dropSignal) {
        this.reason = dropSignal.reason
        return Outcome.Dropped
      }
      return Outcome.Applied
    } catch (thrown) {
      if (thrown === dropSignal) {
        this.reason = dropSignal.reason
        return Outcome.Dropped
      }
      this.error = this.readable(thrown)
      return Outcome.Failed
    }
  }

  runCertain(event: number): void {
    this.engine.fuel = this.limits.maxProgramSteps
    this.emitted.run(event)
  }

  private readable(thrown: unknown): ProgramError {
    const place = this.engine.at < 0 ? {} : placeOf(this.source, this.engine.at)
    if (thrown instanceof LetheError) return { code: thrown.code, message: thrown.message, ...place }
    // The count of depth keeps far below this; deep data in a primitive might still get here.
    if (thrown instanceof RangeError) return { code: 'out-of-range', message: 'the program nests too deeply', ...place }
    throw thrown instanceof Bug ? thrown : new Bug(`a program threw ${String(thrown)}`)
  }
}

/** What a program's text holds that could be changed: it is the same in all events. */
function literalsOf(constants: readonly unknown[]): Value[] {
  return constants.filter(value => value instanceof Pair || value instanceof Vector || value instanceof Text) as Value[]
}

function* compiling(source: string, core: ReadProgram, limits: Limits): Steps<CompiledProgram> {
  const engine = new Engine(limits, core.symbols)
  const emitted = yield* new Emitter(core, engine, source, theEvent).program()
  yield
  return new CompiledProgram(source, engine, emitted, limits)
}

const placeDetails = ({ line, column }: ProgramError) => (line === undefined ? {} : { line, column })

let builtinCore: ReadProgram | undefined
let builtin: EventProgram | undefined

/** The source of the built-in program. */
export function builtinSource(): string {
  return fs.readFileSync(new URL('program-default.scm', import.meta.url), 'utf8')
}

function* readingBuiltin(): Steps<ReadProgram> {
  builtinCore ??= yield* readingProgram(builtinSource(), defaultLimits)
  return builtinCore
}

/** The program of those who have none of their own. */
export function builtinProgram(): EventProgram {
  builtin ??=
    typeof BUILTIN_AHEAD === 'undefined'
      ? atOnce(compiling(builtinSource(), atOnce(readingBuiltin()), defaultLimits))
      : loadBuiltin(BUILTIN_AHEAD)
  return builtin
}

/** The built-in program, of what `emitBuiltin` answered. */
export function loadBuiltin(ahead: AheadProgram): EventProgram {
  const engine = new Engine(defaultLimits, new SymbolTable(librarySymbols))
  return new CompiledProgram(builtinSource(), engine, fromAhead(ahead), defaultLimits)
}

/** The built-in program in the form that a bundle carries. */
export function emitBuiltin(): AheadProgram {
  const core = atOnce(readingBuiltin())
  const engine = new Engine(defaultLimits, core.symbols)
  return toAhead(atOnce(new Emitter(core, engine, builtinSource(), theEvent).program()))
}

/**
 * Compiles and loads a program that was checked before, in steps; only what JavaScript's own compiler does is one. Throws
 * LetheError, status 400, all the same.
 */
export function* loadingProgram(source: string, limits: Limits): Steps<EventProgram> {
  try {
    const builtin = yield* readingBuiltin()
    return yield* compiling(source, yield* readingProgram(source, limits, builtin), limits)
  } catch (error) {
    if (error instanceof RangeError)
      throw new LetheError('too-large', 'the program is too large or nests too deeply', 400)
    throw error
  }
}

/**
 * Compiles a program and runs it over sample events of every type, in steps. Throws LetheError, status 400 (413 if too
 * large), with `line` and `column` where they are known.
 */
export function* compilingProgram(source: string, limits: Limits): Steps<EventProgram> {
  const program = yield* loadingProgram(source, limits)
  yield* runningSamples(program)
  return program
}

/** As `loadingProgram`, at once. */
export const loadProgram = (source: string, limits: Limits): EventProgram => atOnce(loadingProgram(source, limits))

/** As `compilingProgram`, at once. */
export const compileProgram = (source: string, limits: Limits): EventProgram => atOnce(compilingProgram(source, limits))
