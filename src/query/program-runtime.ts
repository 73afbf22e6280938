// What emitted code calls: fuel, procedures as values, calls of what is known only at run time, and the freezing of all
// that a program made while it was loaded.
//
// Programs are pure (R13): what one event leaves behind, no other may see. Variables of the top level are frozen by
// emitted code; mutable things (pairs, vectors, texts, tables, cells of variables, promises) that are reachable from the
// top level after load are entered in a set, and every primitive that changes its argument asks that set first. Things
// made while an event runs die with it.

import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { EVENT_TYPES } from '../event/batch.js'
import { ARENA } from '../tables/event-texts.js'
import {
  memoryLimit,
  notCallable,
  outOfRange,
  stepLimit,
  unassignedVariable,
  unboundVariable,
  wrongArity,
  wrongType,
} from './complaint.js'
import { amountOf, dropSignal, eventPrimitives, hostOf, noteReason, putText } from './event-primitives.js'
import { type EventHost, numberValue, textOfSlice, theEvent } from './event-value.js'
import { HashTable } from './hash-table.js'
import { type Context, Primitive, type PrimitiveDefinition, WAIT } from './primitive.js'
import {
  Box,
  Delayed,
  librarySymbols,
  listOf,
  Pair,
  Port,
  Procedure,
  SymbolTable,
  Text,
  unassigned,
  type Value,
  Values,
  Vector,
} from './value.js'

/** A JavaScript function made by emit-js: depth, then arguments. */
export type Emitted = (depth: number, ...operands: Value[]) => Value

/** Answered by a procedure whose tail call is still to be made: see `bounce`. Never a value. */
const TAIL = Symbol('tail') as unknown as Value

/** Deepest stack of emitted code, in units of about 150 bytes: some 400 KiB of the 984 that Node gives. */
export const MAX_DEPTH = 2_500

/** A closure of emitted code. */
export class ProgramProcedure extends Procedure {
  constructor(
    readonly name: string,
    readonly emitted: Emitted,
    readonly fewest: number,
    readonly hasRest: boolean,
    /** What it captured, where it was made while the program was loaded. */
    readonly captured: (() => readonly Value[]) | undefined,
  ) {
    super()
  }
}

/** The end of an escape: thrown from where a continuation is called to where it was made. */
class Escape extends Procedure {
  readonly name = 'continuation'
  live = true
  value: Value = false
}

/** A library procedure that emitted code needs in another way. */
class EngineProcedure extends Procedure {
  constructor(
    readonly name: string,
    readonly count: number,
    readonly run: (engine: Engine, depth: number, operands: readonly Value[]) => Value,
  ) {
    super()
  }
}

export class Engine implements Context {
  fuel = 0
  /** Offset in the source of the last thing that could fail. */
  at = -1
  /** From the end of load on: the top level is frozen. */
  loaded = false
  host: EventHost | undefined
  // Symbols that one event made: they die with it.
  private eventSymbols: SymbolTable | undefined
  private allocated = 0
  private budget = 0
  private readonly frozen = new WeakSet<object>()
  private tailProcedure: Value = null
  private tailEmitted: Emitted | undefined
  private tailOperands: readonly Value[] = []

  constructor(
    readonly limits: Limits,
    private readonly programSymbols: SymbolTable,
  ) {}

  get symbols(): SymbolTable {
    if (!this.loaded) return this.programSymbols
    if (this.eventSymbols === undefined) this.eventSymbols = new SymbolTable(this.programSymbols)
    return this.eventSymbols
  }

  /** Starts one event, or the load. */
  begin(host: EventHost | undefined, fuel: number): void {
    this.host = host
    this.fuel = fuel
    this.budget = fuel
    this.allocated = 0
    this.at = -1
    this.eventSymbols = undefined
  }

  charge(steps: number): void {
    if ((this.fuel -= steps) < 0) this.outOfFuel()
  }

  allocate(bytes: number): void {
    if ((this.allocated += bytes) > this.limits.maxProgramBytes) throw memoryLimit(this.limits.maxProgramBytes)
  }

  display(_text: string): void {
    throw new LetheError('no-output', 'a program has nowhere to print to', 400)
  }

  outOfFuel(): never {
    throw stepLimit(this.budget)
  }

  tooDeep(): never {
    throw outOfRange('on-event', 'procedures call each other too deeply')
  }

  // ——— procedures

  private arguments(procedure: ProgramProcedure, operands: readonly Value[]): readonly Value[] {
    const { fewest, hasRest, name } = procedure
    if (operands.length < fewest || (!hasRest && operands.length > fewest)) {
      throw wrongArity(name, fewest, hasRest ? Number.POSITIVE_INFINITY : fewest, operands.length)
    }
    return hasRest ? [...operands.slice(0, fewest), listOf(operands.slice(fewest))] : operands
  }

  /** Calls what is only known now. */
  call(depth: number, procedure: Value, operands: readonly Value[]): Value {
    if (procedure instanceof ProgramProcedure) {
      return this.bounce(depth, procedure.emitted(depth, ...this.arguments(procedure, operands)))
    }
    return this.callOther(depth, procedure, operands)
  }

  call1(depth: number, procedure: Value, a: Value): Value {
    if (procedure instanceof ProgramProcedure && procedure.fewest === 1 && !procedure.hasRest) {
      return this.bounce(depth, procedure.emitted(depth, a))
    }
    return this.call(depth, procedure, [a])
  }

  call2(depth: number, procedure: Value, a: Value, b: Value): Value {
    if (procedure instanceof ProgramProcedure && procedure.fewest === 2 && !procedure.hasRest) {
      return this.bounce(depth, procedure.emitted(depth, a, b))
    }
    return this.call(depth, procedure, [a, b])
  }

  private callOther(depth: number, procedure: Value, operands: readonly Value[]): Value {
    if (procedure instanceof Primitive) {
      const count = operands.length
      if (count < procedure.fewest || count > procedure.most) {
        throw wrongArity(procedure.name, procedure.fewest, procedure.most, count)
      }
      this.charge(1)
      if (procedure.spread !== undefined) return procedure.spread(this, [...operands])
      const [a, b, c, d, e] = operands
      return this.finish(procedure.run!(this, a!, b!, c!, d!, e!))
    }
    if (procedure instanceof Escape) {
      if (!procedure.live) {
        throw new LetheError(
          'continuation-gone',
          'in a program a continuation can only be left by, not entered again',
          400,
        )
      }
      procedure.value = operands.length === 1 ? operands[0]! : new Values(operands)
      throw procedure
    }
    if (procedure instanceof EngineProcedure) {
      if (operands.length !== procedure.count) {
        throw wrongArity(procedure.name, procedure.count, procedure.count, operands.length)
      }
      this.charge(1)
      return procedure.run(this, depth, operands)
    }
    throw notCallable(procedure)
  }

  /** Makes the tail calls that an answer still asks for. */
  bounce(depth: number, answer: Value): Value {
    while (answer === TAIL) {
      const operands = this.tailOperands
      if (this.tailEmitted !== undefined) answer = this.tailEmitted(depth, ...operands)
      else {
        const procedure = this.tailProcedure
        if (procedure instanceof ProgramProcedure) {
          answer = procedure.emitted(depth, ...this.arguments(procedure, operands))
        } else answer = this.callOther(depth, procedure, operands)
      }
    }
    return answer
  }

  /** Leaves a tail call to whoever bounces. */
  tail(procedure: Value, operands: readonly Value[]): Value {
    this.tailProcedure = procedure
    this.tailEmitted = undefined
    this.tailOperands = operands
    return TAIL
  }

  tailKnown(emitted: Emitted, operands: readonly Value[]): Value {
    this.tailEmitted = emitted
    this.tailOperands = operands
    return TAIL
  }

  /** An event is one slice. */
  inSlices(steps: Generator<number, Value, void>): Value {
    return this.finish(steps)
  }

  /** Runs a resumable primitive to its end. */
  finish(answer: Value | Generator<number, Value, void>): Value {
    if (typeof answer !== 'object' || answer === null || !(Symbol.iterator in answer)) return answer as Value
    const steps = answer as Generator<number, Value, void>
    for (;;) {
      const step = steps.next()
      if (step.done) return step.value
      if (step.value === WAIT) throw new LetheError('no-event', 'a program cannot read tables', 400)
      this.charge(step.value)
    }
  }

  /** The depth inside an engine procedure, whose frames are four. */
  private deeper(depth: number): number {
    if (depth > MAX_DEPTH) this.tooDeep()
    return depth + 4
  }

  /** `call/cc`, for leaving only. */
  callWithEscape(outer: number, procedure: Value): Value {
    const depth = this.deeper(outer)
    const exit = new Escape()
    try {
      return this.call1(depth, procedure, exit)
    } catch (thrown) {
      if (thrown === exit) return exit.value
      throw thrown
    } finally {
      exit.live = false
    }
  }

  dynamicWind(outer: number, before: Value, thunk: Value, after: Value): Value {
    const depth = this.deeper(outer)
    this.call(depth, before, [])
    let answer: Value
    try {
      answer = this.call(depth, thunk, [])
    } catch (thrown) {
      if (thrown instanceof Escape) this.call(depth, after, [])
      throw thrown
    }
    this.call(depth, after, [])
    return answer
  }

  /** `(%apply PROCEDURE LIST)`. */
  applyList(depth: number, procedure: Value, list: Value): Value {
    return this.call(depth, procedure, this.items(list))
  }

  tailList(procedure: Value, list: Value): Value {
    return this.tail(procedure, this.items(list))
  }

  private items(list: Value): Value[] {
    const items: Value[] = []
    let rest = list
    for (; rest instanceof Pair; rest = rest.cdr) {
      this.charge(1)
      items.push(rest.car)
      if (items.length > MAX_OPERANDS) throw outOfRange('apply', `more than ${MAX_OPERANDS} arguments`)
    }
    if (rest !== null) throw wrongType('apply', 'a list of arguments', list)
    return items
  }

  /** `(%apply-values CONSUMER VALUES)`. */
  applyValues(depth: number, consumer: Value, produced: Value): Value {
    return this.call(depth, consumer, produced instanceof Values ? produced.items : [produced])
  }

  /** The engine's own version of a library procedure. */
  procedure(name: string): Procedure | undefined {
    return engineProcedures.get(name)
  }

  /** `drop!` in the tail of on-event. */
  drop(reason: Value): unknown {
    noteReason(reason)
    return dropSignal
  }

  // ——— variables

  checked(value: Value, name: string): Value {
    if (value === unassigned) throw unassignedVariable(name)
    return value
  }

  unbound(at: number, name: string): never {
    this.at = at
    throw unboundVariable(name)
  }

  frozenVariable(name: string): never {
    throw frozenError(`\`${name}\` is a variable of the top level`)
  }

  setBox(box: Box, value: Value): void {
    if (this.loaded && this.frozen.has(box)) throw frozenError('this variable was made while the program was loaded')
    box.value = value
  }

  // ——— freezing

  /** The same primitive, but it refuses what was made while the program was loaded. */
  guarded(primitive: Primitive): Primitive {
    if (!changesArgument(primitive.definition)) return primitive
    const { definition } = primitive
    // The library's own names mean nothing to whoever reads this.
    const { name } = definition
    const what = name.startsWith('%') ? 'this was' : `\`${name}\` was given something`
    const check = (value: Value): void => {
      if (this.loaded && typeof value === 'object' && value !== null && this.frozen.has(value)) {
        throw frozenError(`${what} made while the program was loaded`)
      }
    }
    const { run, spread, resumable } = definition
    const guard: Partial<PrimitiveDefinition> = {}
    if (run !== undefined) {
      Object.assign(guard, {
        run: (context: Context, a: Value, b: Value, c: Value, d: Value, e: Value) => {
          check(a)
          return run(context, a, b, c, d, e)
        },
      })
    } else if (spread !== undefined) {
      Object.assign(guard, {
        spread: (context: Context, args: Value[]) => {
          check(args[0]!)
          return spread(context, args)
        },
      })
    } else if (resumable !== undefined) {
      Object.assign(guard, {
        resumable: (context: Context, a: Value, b: Value, c: Value, d: Value, e: Value) => {
          check(a)
          return resumable(context, a, b, c, d, e)
        },
      })
    }
    return new Primitive({ ...definition, ...guard })
  }

  /** Ends the load: everything reachable from here on stays as it is. */
  freeze(roots: readonly Value[]): void {
    const pending: Value[] = [...roots]
    while (pending.length > 0) {
      const value = pending.pop()!
      if (typeof value !== 'object' || value === null || this.frozen.has(value)) continue
      this.frozen.add(value)
      if (value instanceof Port) throw frozenError('a port is kept in the top level')
      if (value instanceof Pair) pending.push(value.car, value.cdr)
      else if (value instanceof Vector || value instanceof Values) {
        for (const item of value.items) pending.push(item)
      } else if (value instanceof Box) pending.push(value.value)
      else if (value instanceof Delayed) pending.push(value.content)
      else if (value instanceof HashTable) {
        for (const entry of value.entries()) pending.push(entry.key, entry.value)
      } else if (value instanceof ProgramProcedure && value.captured !== undefined) pending.push(...value.captured())
    }
    this.loaded = true
  }

  // ——— events

  /** The text of a slice, or #f. */
  text(start: number, end: number): Value {
    if (start < 0) return false
    const { batch, effects } = this.host!
    this.charge((end - start) >> 5)
    if (start >= ARENA) {
      return new Text(textOfSlice(effects.arena, start - ARENA, end - ARENA))
    }
    return new Text(textOfSlice(batch.bytes, start, end))
  }

  /** `(key A B)` of two slices, into the arena; −1 where one is absent. */
  join(aStart: number, aEnd: number, bStart: number, bEnd: number): void {
    if (aStart < 0 || bStart < 0) {
      this.joinStart = -1
      this.joinEnd = -1
      return
    }
    const { effects } = this.host!
    effects.join(aStart, aEnd, bStart, bEnd)
    this.joinStart = effects.textStart
    this.joinEnd = effects.textEnd
    this.charge((this.joinEnd - this.joinStart) >> 5)
  }

  /** Stands for the effects while the program is loaded: emitted code goes to them without asking whether there is an event. */
  noEffects(): object {
    const refuse = (): never => {
      this.at = -1
      throw new LetheError('no-event', 'tables can be changed only while on-event runs', 400)
    }
    return new Proxy({}, { get: refuse, set: refuse })
  }

  joinStart = -1
  joinEnd = -1

  put(name: string, value: Value): boolean {
    return putText(this, hostOf(this, name).effects, name, value)
  }

  amount(name: string, value: Value): number {
    return amountOf(name, value)
  }

  state(start: number, end: number): Value {
    if (start < 0) return false
    const state = this.host!.effects.getState(start, end)
    return state === undefined ? false : this.symbols.intern(state)
  }

  wantEvent(name: string, value: Value): void {
    if (value !== theEvent) throw wrongType(name, 'the event', value)
  }

  list(items: readonly Value[]): Value {
    return listOf(items)
  }

  number(x: number): Value {
    return numberValue(x)
  }

  typeSymbol(type: number): Value {
    return typeSymbols[type]!
  }
}

const capture = (name: string): [string, EngineProcedure] => [
  name,
  new EngineProcedure(name, 1, (engine, depth, [receiver]) => engine.callWithEscape(depth, receiver!)),
]

const engineProcedures = new Map<string, EngineProcedure>([
  capture('call-with-current-continuation'),
  capture('call/cc'),
  capture('call-with-escape-continuation'),
  [
    'dynamic-wind',
    new EngineProcedure('dynamic-wind', 3, (engine, depth, [before, thunk, after]) =>
      engine.dynamicWind(depth, before!, thunk!, after!),
    ),
  ],
])

const MAX_OPERANDS = 10_000
const typeSymbols = EVENT_TYPES.map(name => librarySymbols.intern(name))

const eventNames = new Set(eventPrimitives.flatMap(group => group.primitives.map(primitive => primitive.name)))

/** By the convention of Scheme: what changes something ends in `!`, and changes its first argument. */
function changesArgument(definition: PrimitiveDefinition): boolean {
  return definition.name.endsWith('!') && !eventNames.has(definition.name)
}

const frozenError = (what: string) =>
  new LetheError(
    'frozen',
    `${what}: while on-event runs, it cannot be changed (only tables and states outlive an event)`,
    400,
  )
