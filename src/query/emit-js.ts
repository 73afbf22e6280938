// From core form to JavaScript: how per-event programs run.
//
// One program becomes the body of one function. All identifiers in it are made here (a letter and a number), all constants
// come out of an array, no text of the program's source is ever in it: what cannot be named cannot be reached.
//
//   C  the engine (fuel, calls, frozen things)    K  constants
//   B  batch   Y  its bytes   S  slices   N  numbers   X  where this event's slices begin   V  the event's index
//   T  the event's type   E  effects   (all set anew for each event)
//   f7(d, a1, s2, e2)   a procedure: d its depth, if it wants it; parameters, slices as two
//   v7 a variable   s7 e7 m7 one that is a slice, and its text once made   t7 a temporary   k7 a constant   L7 a loop
//
// Statements and expressions. Scheme has only expressions; `value` answers a JavaScript expression to be evaluated exactly
// once, and may first emit statements that must run before it. What was to be evaluated earlier than such statements is
// spilled into a temporary ahead of them (`operands`), so the order is always left to right.
//
// Fuel is paid at the entry of every procedure and at every round of a loop: costOf(body), the same on the machine.

import { assert, LetheError } from '../core/errors.js'
import type { TableDeclaration } from '../tables/types.js'
import { kindNames, type TableKind } from '../tables/types.js'
import type {
  AgainForm,
  CallForm,
  Core,
  GlobalForm,
  GlobalVariable,
  IfForm,
  LambdaForm,
  LetForm,
  LetrecForm,
  LocalVariable,
  LoopForm,
  PrimitiveForm,
  SetGlobalForm,
  SetLocalForm,
} from './core-form.js'
import { emitEffect, emitEventTest, eventNumber, eventSlice, eventValue } from './emit-event.js'
import { emitInline, emitInlineTest } from './emit-inline.js'
import { accepts, childrenOf, costOf, type Known, Plan, type ProgramCore } from './emit-plan.js'
import type { Primitive } from './primitive.js'
import { isUnfit, unfit } from './program-core.js'
import { type Engine, MAX_DEPTH, ProgramProcedure } from './program-runtime.js'
import { placeOf } from './source.js'
import { Box, unassigned, unspecified, type Value } from './value.js'

/** What becomes of a value: returned, stored, or thrown away; `exit` is the loop to leave afterwards. */
export type Destination =
  | { readonly tag: 'return' }
  | { readonly tag: 'assign'; readonly name: string; readonly exit?: string }
  | { readonly tag: 'ignore'; readonly exit?: string }

const RETURN: Destination = { tag: 'return' }
const IGNORE: Destination = { tag: 'ignore' }

export interface EmittedProgram {
  /** Body of a function (C, K) that answers { load, roots, run }. */
  readonly code: string
  readonly constants: readonly unknown[]
  readonly tables: readonly TableDeclaration[]
}

/** A place for the lines of one block, to be put where it belongs when it is done. */
type Lines = string[]

/** The procedure being emitted. */
interface Frame {
  readonly known: Known | undefined
  readonly temporaries: string[]
  /** JavaScript for the depth that callees start from. */
  readonly depth: string
  /** Label of the loop that a tail call of itself continues. */
  label: string | undefined
  readonly weight: number
  readonly lambda: LambdaForm | undefined
  /** Of the library or the built-in program: offsets in it are not places in the program's source. */
  readonly foreign: boolean
}

export class Emitter {
  readonly plan: Plan
  private lines: Lines = []
  private readonly constants: unknown[] = []
  private readonly constantNames = new Map<unknown, string>()
  private readonly names = new Map<LocalVariable | GlobalVariable, string>()
  private readonly functions: string[] = []
  private readonly procedures = new Map<Known, string>()
  /** With the text that initializes each. */
  private readonly globals = new Map<GlobalVariable, string>()
  private readonly tables: TableDeclaration[] = []
  private readonly tableIndex = new Map<string, number>()
  private readonly slowCalls = new Map<string, string>()
  private readonly guarded = new Map<Primitive, Primitive>()
  private readonly loopLabels = new Map<LoopForm, { label: string; names: string[]; exit: Destination }>()
  private nextName = 0
  private current: Frame

  constructor(
    readonly core: ProgramCore,
    readonly engine: Engine,
    readonly source: string,
    /** The event as a value. */
    private readonly eventValue: Value,
  ) {
    this.plan = new Plan(core)
    this.current = this.topFunction()
  }

  /** Emits everything. */
  program(): EmittedProgram {
    const load: Lines = []
    const top = this.topFunction()
    this.current = top
    this.lines = load
    for (const form of [...(this.core.builtin?.forms ?? []), ...this.core.forms]) this.emit(form, IGNORE)
    const loadText = [this.declareTemporaries(top), ...load].join('\n')
    const run = this.entry()
    // Emitting functions finds more of them.
    for (const known of this.wanted) {
      if (!this.isLocal(known)) this.functions.push(this.functionText(known))
    }
    const procedures = [...this.procedures].map(([known, name]) => this.procedureText(known, name))
    const code = [
      '"use strict";',
      ...[...this.constantNames.values()].map(name => `const ${name}=K[${name.slice(1)}];`),
      'let B,Y,S,N,E,X=0,V=0,T=0;',
      'function same(s,e,k){const n=k.length;if(s<0||e-s!==n)return false;' +
        'const y=s>=0x40000000?E.arena:Y;if(s>=0x40000000)s-=0x40000000;' +
        'for(let i=0;i<n;i++)if(y[s+i]!==k[i])return false;return true}',
      ...this.functions,
      ...procedures,
      ...[...this.globals].map(([variable, initial]) => `let ${this.nameOf(variable)}${initial};`),
      `function load(){\n${loadText}\n}`,
      `function roots(){return [${[...this.globals.keys()].map(variable => this.nameOf(variable)).join(',')}]}`,
      run,
      'return {load,roots,run}',
    ].join('\n')
    return { code, constants: this.constants, tables: this.tables }
  }

  private topFunction(): Frame {
    return {
      known: undefined,
      temporaries: [],
      depth: '0',
      label: undefined,
      weight: 1,
      lambda: undefined,
      foreign: false,
    }
  }

  private entry(): string {
    const { onEvent } = this.core
    let call = 'undefined'
    if (onEvent !== undefined) {
      const known = this.plan.knownGlobal(onEvent)
      if (known === undefined) {
        call = `C.call1(0,${this.topVariable(onEvent)},${this.constant(this.eventValue)})`
      } else {
        if (!accepts(known.lambda, 1)) {
          const message = '`on-event` wants one parameter, the event'
          throw new LetheError('wrong-arity', message, 400, this.place(known.lambda.at))
        }
        call = this.callKnown(known, this.knownOperands(known, [{ tag: 'constant', value: this.eventValue }]))
      }
      if (known?.bounces) call = `C.bounce(0,${call})`
    }
    return (
      'function run(batch,event,effects){B=batch;Y=batch.bytes;S=batch.slices;N=batch.numbers;E=effects;' +
      `X=event*40;V=event;T=batch.types[event];return ${call}}`
    )
  }

  // ——— names and constants

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

  private declareTemporaries(fn: Frame): string {
    return fn.temporaries.length === 0 ? '' : `let ${fn.temporaries.join(',')};`
  }

  line(text: string): void {
    this.lines.push(text)
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

  /** True for an expression whose value nothing that happens later can change. */
  isStable(form: Core): boolean {
    if (form.tag === 'constant') return true
    return form.tag === 'local' && !isAssigned(form.variable)
  }

  /** Several expressions, evaluated left to right. `evaluate` answers the JavaScript of one operand, in one or more parts. */
  operandsBy(forms: readonly Core[], evaluate: (form: Core, index: number) => string[]): string[][] {
    const answers: string[][] = []
    forms.forEach((form, index) => {
      const mark = this.lines.length
      const answer = evaluate(form, index)
      if (this.lines.length > mark) {
        const spills: string[] = []
        for (let earlier = 0; earlier < index; earlier++) {
          if (this.isStable(forms[earlier]!)) continue
          answers[earlier] = answers[earlier]!.map(expression => {
            if (/^(?:[a-zA-Z]+\d+|\(?-?\d+\)?)$/.test(expression) && expression[0] !== 'v') return expression
            const name = this.fresh('t')
            spills.push(`const ${name}=${expression};`)
            return name
          })
        }
        this.lines.splice(mark, 0, ...spills)
      }
      answers.push(answer)
    })
    return answers
  }

  operands(forms: readonly Core[]): string[] {
    return this.operandsBy(forms, form => [this.value(form)]).map(answer => answer[0]!)
  }

  /** A JavaScript expression for the value of a form. */
  value(form: Core): string {
    switch (form.tag) {
      case 'constant':
        return this.constant(form.value)
      case 'local':
        return this.local(form.variable)
      case 'global':
        return this.global(form)
      case 'set-local':
      case 'set-global':
        this.emit(form, IGNORE)
        return this.constant(unspecified)
      case 'if':
        return this.conditional(form)
      case 'lambda':
        return this.closure(form)
      case 'let':
        this.bindAll(form)
        return this.value(form.body)
      case 'letrec':
        this.bindRecursive(form)
        return this.value(form.body)
      case 'sequence':
        form.items.slice(0, -1).forEach(item => {
          this.emit(item, IGNORE)
        })
        return this.value(form.items[form.items.length - 1]!)
      case 'call':
        return this.call(form)
      case 'primitive':
        return this.primitiveValue(form)
      case 'loop': {
        const name = this.temporary()
        this.loop(form, { tag: 'assign', name })
        return name
      }
      case 'again':
        throw new Error('a loop continued outside its tail')
    }
  }

  /** A JavaScript expression that is truthy exactly where the form is not #f. */
  test(form: Core): string {
    if (form.tag === 'constant') return form.value === false ? 'false' : 'true'
    if (form.tag === 'local') {
      const representation = this.plan.of(form.variable)
      if (representation === 'slice') return `${this.sliceNames(form.variable).start}>=0`
      if (representation === 'number') return `${this.nameOf(form.variable)}-${this.nameOf(form.variable)}===0`
      if (representation !== 'value') return 'true'
    }
    if (form.tag === 'if') {
      const test = this.test(form.test)
      const yes = this.apart(() => this.test(form.consequent))
      const no = this.apart(() => this.test(form.alternative))
      if (yes.lines.length + no.lines.length === 0) {
        if (no.answer === 'false') return `(${test}&&${yes.answer})`
        if (yes.answer === 'true') return `(${test}||${no.answer})`
        return `(${test}?${yes.answer}:${no.answer})`
      }
      const name = this.temporary()
      this.line(
        `if(${test}){${yes.lines.join('\n')}\n${name}=${yes.answer}}else{${no.lines.join('\n')}\n${name}=${no.answer}}`,
      )
      return name
    }
    if (form.tag === 'primitive') {
      const test = emitEventTest(this, form) ?? emitInlineTest(this, form)
      if (test !== undefined) return test
    }
    if (form.tag === 'let') {
      this.bindAll(form)
      return this.test(form.body)
    }
    if (form.tag === 'sequence') {
      form.items.slice(0, -1).forEach(item => {
        this.emit(item, IGNORE)
      })
      return this.test(form.items[form.items.length - 1]!)
    }
    return `${this.value(form)}!==false`
  }

  /** Emits statements that evaluate a form. */
  emit(form: Core, to: Destination): void {
    switch (form.tag) {
      case 'if': {
        this.line(`if(${this.test(form.test)}){`)
        this.emit(form.consequent, to)
        if (to.tag === 'ignore' && to.exit === undefined && form.alternative.tag === 'constant') {
          this.line('}')
          return
        }
        this.line('}else{')
        this.emit(form.alternative, to)
        this.line('}')
        return
      }
      case 'let':
        this.bindAll(form)
        this.emit(form.body, to)
        return
      case 'letrec':
        this.bindRecursive(form)
        this.emit(form.body, to)
        return
      case 'sequence':
        form.items.forEach((item, index) => {
          this.emit(item, index === form.items.length - 1 ? to : IGNORE)
        })
        return
      case 'loop':
        this.loop(form, to)
        return
      case 'again':
        this.again(form)
        return
      case 'set-local':
        this.setLocal(form)
        break
      case 'set-global':
        this.setGlobal(form)
        break
      case 'call':
        if (to.tag === 'return') this.tailCall(form)
        else this.finish(this.call(form), to)
        return
      case 'primitive': {
        if (to.tag === 'return' && this.specialTail(form)) return
        if (emitEffect(this, form)) break
        this.finish(this.primitiveValue(form), to)
        return
      }
      case 'constant':
      case 'local':
      case 'global':
      case 'lambda':
        if (to.tag === 'ignore' && form.tag !== 'global') {
          if (to.exit !== undefined) this.line(`break ${to.exit};`)
          if (form.tag === 'local' && form.variable.unready) this.line(`${this.value(form)};`)
          return
        }
        this.finish(this.value(form), to)
        return
    }
    this.finish(this.constant(unspecified), to)
  }

  private finish(expression: string, to: Destination): void {
    switch (to.tag) {
      case 'return':
        this.line(`return ${expression};`)
        return
      case 'assign':
        this.line(`${to.name}=${expression};`)
        break
      case 'ignore':
        if (!/^(?:[a-zA-Z]+\d+|\(?-?\d+\)?|true|false|null)$/.test(expression)) this.line(`${expression};`)
    }
    if (to.exit !== undefined) this.line(`break ${to.exit};`)
  }

  private conditional(form: IfForm): string {
    const test = this.test(form.test)
    const yes = this.apart(() => this.value(form.consequent))
    const no = this.apart(() => this.value(form.alternative))
    if (yes.lines.length + no.lines.length === 0) return `(${test}?${yes.answer}:${no.answer})`
    const name = this.temporary()
    this.line(`if(${test}){`)
    this.lines.push(...yes.lines, `${name}=${yes.answer};`, '}else{', ...no.lines, `${name}=${no.answer};`, '}')
    return name
  }

  // ——— variables

  private isBoxed(variable: LocalVariable): boolean {
    return isAssigned(variable) && variable.captured
  }

  private local(variable: LocalVariable): string {
    const known = this.plan.known.get(variable)
    if (known !== undefined) return this.procedureOf(known)
    switch (this.plan.of(variable)) {
      case 'slice': {
        const { start, end, memo } = this.sliceNames(variable)
        return `(${memo}===undefined?${memo}=C.text(${start},${end}):${memo})`
      }
      case 'number':
        return `C.number(${this.nameOf(variable)})`
      case 'type':
        return `C.typeSymbol(${this.nameOf(variable)})`
      case 'event':
        return this.constant(this.eventValue)
      case 'value': {
        const name = this.isBoxed(variable) ? `${this.nameOf(variable)}.value` : this.nameOf(variable)
        return variable.unready ? `C.checked(${name},${this.constant(variable.name)})` : name
      }
    }
  }

  private global(form: GlobalForm): string {
    const { variable } = form
    const known = this.plan.knownGlobal(variable)
    if (known !== undefined) return this.procedureOf(known)
    if (variable.primitive !== undefined) return this.constant(this.primitive(variable.primitive))
    if (variable.sealed) {
      const own = this.engine.procedure(variable.name)
      if (own !== undefined) return this.constant(own)
      const definition = this.core.library(variable)
      if (definition?.tag === 'constant') return this.constant(definition.value)
      if (definition?.tag === 'global') return this.global({ ...definition, at: form.at })
      throw new LetheError(
        'unbound-variable',
        `\`${variable.name}\` cannot be used in a program`,
        400,
        this.place(form.at),
      )
    }
    const name = this.topVariable(variable)
    return `(${name}===undefined?C.unbound(${form.at},${this.constant(variable.name)}):${name})`
  }

  /** A variable of the program's top level that is no known procedure; it starts with what it hides. */
  private topVariable(variable: GlobalVariable): string {
    const name = this.nameOf(variable)
    if (this.globals.has(variable)) return name
    this.globals.set(variable, '')
    if (variable.hides !== undefined) {
      this.globals.set(variable, `=${this.global({ tag: 'global', variable: variable.hides, at: -1 })}`)
    }
    return name
  }

  private place(at: number): Record<string, unknown> {
    return at < 0 ? {} : placeOf(this.source, at)
  }

  /** Notes where in the source we are, as the left part of a comma expression (or a statement). */
  at(at: number, end: ',' | ';' = ','): string {
    return at < 0 || this.current.foreign ? '' : `C.at=${at}${end}`
  }

  private setLocal(form: SetLocalForm): void {
    const value = this.value(form.value)
    const name = this.nameOf(form.variable)
    this.line(this.isBoxed(form.variable) ? `C.setBox(${name},${value});` : `${name}=${value};`)
  }

  private setGlobal(form: SetGlobalForm): void {
    const { variable } = form
    if (form.value.tag === 'lambda' && this.plan.known.get(variable)?.lambda === form.value) {
      this.want(this.plan.known.get(variable)!)
      return
    }
    const value = this.value(form.value)
    const name = this.topVariable(variable)
    if (!form.define && variable.hides === undefined) {
      this.line(`if(${name}===undefined)C.unbound(${form.at},${this.constant(variable.name)});`)
    }
    if (this.current.lambda !== undefined || this.current.known !== undefined) {
      this.line(`if(C.loaded)C.frozenVariable(${this.constant(variable.name)});`)
    }
    this.line(`${name}=${value};`)
  }

  private bindAll(form: LetForm): void {
    const forms = form.values
    const plain: number[] = []
    forms.forEach((value, index) => {
      const variable = form.variables[index]!
      if (this.plan.known.get(variable)?.lambda === value) this.localFunction(variable)
      else plain.push(index)
    })
    if (plain.length === 1) {
      this.bind(form.variables[plain[0]!]!, forms[plain[0]!]!)
      return
    }
    // Parallel: but variables are unique, so one after the other is the same.
    for (const index of plain) this.bind(form.variables[index]!, forms[index]!)
  }

  private bind(variable: LocalVariable, value: Core): void {
    const representation = this.plan.of(variable)
    const name = this.nameOf(variable)
    switch (representation) {
      case 'slice': {
        const names = this.sliceNames(variable)
        const [start, end] = this.slice(value)
        this.line(`const ${names.start}=${start},${names.end}=${end};let ${names.memo};`)
        return
      }
      case 'number':
        this.line(`const ${name}=${this.number(value)};`)
        return
      case 'type':
        this.line(`const ${name}=T;`)
        return
      case 'event':
        return
      case 'value': {
        const text = this.value(value)
        this.declare(variable, text)
      }
    }
  }

  private declare(variable: LocalVariable, value: string): void {
    const name = this.nameOf(variable)
    if (this.isBoxed(variable)) this.line(`const ${name}=new ${this.constant(Box)}(${value});`)
    else this.line(`${isAssigned(variable) ? 'let' : 'const'} ${name}=${value};`)
  }

  private bindRecursive(form: LetrecForm): void {
    const { variables, values } = form
    // Procedures first: JavaScript hoists them, and they may refer to each other.
    values.forEach((value, index) => {
      const known = this.plan.known.get(variables[index]!)
      if (known?.lambda === value) this.localKnown.add(known)
    })
    const rest: number[] = []
    values.forEach((value, index) => {
      const variable = variables[index]!
      if (this.plan.known.get(variable)?.lambda === value) return
      rest.push(index)
      if (!this.isInOrder(variable)) this.declare(variable, this.constant(unassigned))
    })
    values.forEach((value, index) => {
      const variable = variables[index]!
      if (this.plan.known.get(variable)?.lambda === value) this.localFunction(variable)
    })
    for (const index of rest) {
      const variable = variables[index]!
      if (this.isInOrder(variable)) {
        this.bind(variable, values[index]!)
        continue
      }
      const value = this.value(values[index]!)
      this.line(`${this.nameOf(variable)}${this.isBoxed(variable) ? '.value' : ''}=${value};`)
    }
  }

  /** Bound once, before anything reads it. */
  private isInOrder(variable: LocalVariable): boolean {
    return !isAssigned(variable)
  }

  // ——— forms of operands

  /** Start and end of an operand that is a slice. */
  slice(form: Core): [string, string] {
    if (form.tag === 'local') {
      const { start, end } = this.sliceNames(form.variable)
      return [start, end]
    }
    assert(form.tag === 'primitive')
    return eventSlice(this, form)
  }

  /** An operand that is a double, NaN for #f. */
  number(form: Core): string {
    if (form.tag === 'local') return this.nameOf(form.variable)
    assert(form.tag === 'primitive')
    return eventNumber(form)
  }

  // ——— calls

  private primitiveValue(form: PrimitiveForm): string {
    if (emitEffect(this, form)) return this.constant(unspecified)
    return (
      eventValue(this, form) ??
      this.special(form) ??
      emitInline(this, form) ??
      this.primitiveCall(form, this.operands(form.operands))
    )
  }

  /** A call of a primitive's own function. */
  primitiveCall(form: PrimitiveForm, operands: readonly string[]): string {
    const primitive = this.primitive(form.primitive)
    if (primitive.spread !== undefined) {
      return `(${this.at(form.at)}${this.constant(primitive.spread)}(C,[${operands.join(',')}]))`
    }
    const call = `${this.constant(primitive.run)}(${['C', ...operands].join(',')})`
    return primitive.isResumable ? `(${this.at(form.at)}C.finish(${call}))` : `(${this.at(form.at)}${call})`
  }

  /** The same, for a call that is seldom made: as few bytes as possible at the place of the call. */
  slowCall(form: PrimitiveForm, operands: readonly string[]): string {
    const count = operands.length
    const at = this.current.foreign ? -1 : form.at
    const id = `${form.primitive.name}/${count}`
    let name = this.slowCalls.get(id)
    if (name === undefined) {
      name = this.fresh('h')
      this.slowCalls.set(id, name)
      const names = Array.from({ length: count }, (_, i) => `x${i}`)
      const call = this.primitiveCall({ ...form, at: -1 }, names)
      this.functions.push(`function ${name}(at,${names.join(',')}){if(at>=0)C.at=at;return ${call}}`)
    }
    return `${name}(${at},${operands.join(',')})`
  }

  /** Primitives that call what they are given: the engine does that. */
  private special(form: PrimitiveForm): string | undefined {
    const name = form.primitive.name
    const method = Object.hasOwn(SPECIAL, name) ? SPECIAL[name] : undefined
    if (method === undefined) {
      if (name !== 'apply-default' || this.core.builtin === undefined) return undefined
      return this.applyDefault(form)
    }
    const [first, second] = this.operands(form.operands)
    return `(${this.at(form.at)}C.${method}(${this.calleeDepth()},${first},${second}))`
  }

  private applyDefault(form: PrimitiveForm): string {
    const known = this.plan.onEventOf(this.core.builtin!)
    assert(known !== undefined, 'the built-in program defines on-event')
    const operand = form.operands[0]!
    if (this.plan.formOf(operand) !== 'event') {
      this.line(`C.wantEvent(${this.constant('apply-default')},${this.value(operand)});`)
    }
    return this.callKnown(known, [])
  }

  /** Primitives that leave the procedure; true if it was one. */
  private specialTail(form: PrimitiveForm): boolean {
    const { name } = form.primitive
    if (name === '%apply' && this.current.lambda !== undefined) {
      const [procedure, operands] = this.operands(form.operands)
      this.line(`${this.at(form.at, ';')}return C.tailList(${procedure},${operands});`)
      return true
    }
    // A drop in the tail of on-event needs no exception, which would cost a microsecond.
    if (name === 'drop!' && this.current.known === this.plan.onEventOf(this.core) && !this.current.known?.called) {
      this.line(`return C.drop(${this.value(form.operands[0]!)});`)
      return true
    }
    return false
  }

  private calleeDepth(): string {
    const { depth, weight } = this.current
    return depth === '0' ? String(weight) : `${depth}+${weight}`
  }

  private readonly wanted = new Set<Known>()

  private want(known: Known): string {
    this.wanted.add(known)
    return `f${known.id}`
  }

  /** The operands of a call of a known procedure, in the form that each parameter has. */
  private knownOperands(known: Known, forms: readonly Core[]): string[] {
    const { parameters, rest } = known.lambda
    const texts = this.operandsBy(forms, (form, index) => {
      if (index >= parameters.length) return [this.value(form)]
      switch (this.plan.parameter(known, index)) {
        case 'slice':
          return this.slice(form)
        case 'number':
          return [this.number(form)]
        case 'type':
          return ['T']
        case 'event':
          return []
        case 'value':
          return [this.value(form)]
      }
    })
    const fixed = texts.slice(0, parameters.length).flat()
    if (rest === undefined) return fixed
    const more = texts.slice(parameters.length).flat()
    return [...fixed, more.length === 0 ? 'null' : `C.list([${more.join(',')}])`]
  }

  private callKnown(known: Known, operands: readonly string[], depth = this.calleeDepth()): string {
    return `${this.want(known)}(${(known.needsDepth ? [depth, ...operands] : operands).join(',')})`
  }

  private call(form: CallForm): string {
    const known = this.plan.callee(form)
    if (known !== undefined && accepts(known.lambda, form.operands.length)) {
      const plain = this.callKnown(known, this.knownOperands(known, form.operands))
      const call = known.foreign && !this.current.foreign ? `(${this.at(form.at)}${plain})` : plain
      return known.bounces ? `C.bounce(${this.calleeDepth()},${call})` : call
    }
    const [operator, ...operands] = this.operands([form.operator, ...form.operands])
    const depth = this.calleeDepth()
    if (operands.length === 1) return `(${this.at(form.at)}C.call1(${depth},${operator},${operands[0]}))`
    if (operands.length === 2) {
      return `(${this.at(form.at)}C.call2(${depth},${operator},${operands[0]},${operands[1]}))`
    }
    return `(${this.at(form.at)}C.call(${depth},${operator},[${operands.join(',')}]))`
  }

  private tailCall(form: CallForm): void {
    const known = this.plan.callee(form)
    const owner = this.current.known
    if (known === undefined || !accepts(known.lambda, form.operands.length)) {
      if (this.current.lambda === undefined) {
        this.line(`return ${this.call(form)};`)
        return
      }
      const [operator, ...operands] = this.operands([form.operator, ...form.operands])
      this.line(`${this.at(form.at, ';')}return C.tail(${operator},[${operands.join(',')}]);`)
      return
    }
    const operands = this.knownOperands(known, form.operands)
    if (known === owner && this.current.label !== undefined) {
      this.continueWith(this.parameterNames(known), operands, this.current.label)
      return
    }
    if (owner !== undefined && known.component === owner.component) {
      this.line(`return C.tailKnown(${this.want(known)},[${operands.join(',')}]);`)
      return
    }
    const at = known.foreign ? this.at(form.at, ';') : ''
    this.line(`${at}return ${this.callKnown(known, operands)};`)
  }

  /** Assigns loop variables all at once, and starts over. */
  private continueWith(names: readonly string[], operands: readonly string[], label: string): void {
    const moves = names
      .map((name, index) => [name, operands[index]!] as const)
      .filter(([name, value]) => name !== value)
    if (moves.length === 1) this.line(`${moves[0]![0]}=${moves[0]![1]};continue ${label};`)
    else {
      const values = moves.map(([, value]) => {
        const name = this.temporary()
        this.line(`${name}=${value};`)
        return name
      })
      this.line(`${moves.map(([name], index) => `${name}=${values[index]};`).join('')}continue ${label};`)
    }
  }

  // ——— procedures

  private isLocal(known: Known): boolean {
    return this.localKnown.has(known)
  }

  private readonly localKnown = new Set<Known>()

  /** The JavaScript parameters of a known procedure, without the depth. */
  private parameterNames(known: Known): string[] {
    const { parameters, rest } = known.lambda
    const names = parameters.flatMap((variable, index) => {
      switch (this.plan.parameter(known, index)) {
        case 'event':
        case 'type':
          return this.plan.parameter(known, index) === 'type' ? [`p${this.nameOf(variable).slice(1)}`] : []
        case 'slice': {
          const id = this.nameOf(variable).slice(1)
          return [`p${id}`, `q${id}`]
        }
        default:
          return [`p${this.nameOf(variable).slice(1)}`]
      }
    })
    return rest === undefined ? names : [...names, `p${this.nameOf(rest).slice(1)}`]
  }

  /** Gives the parameters the names that the body uses: fresh in each round, so that closures keep theirs. */
  private unpackParameters(lambda: LambdaForm, known: Known | undefined): void {
    lambda.parameters.forEach((variable, index) => {
      const id = this.nameOf(variable).slice(1)
      switch (known === undefined ? 'value' : this.plan.parameter(known, index)) {
        case 'slice':
          this.line(`const s${id}=p${id},e${id}=q${id};let m${id};`)
          return
        case 'event':
          return
        case 'number':
        case 'type':
          this.line(`const v${id}=p${id};`)
          return
        case 'value':
          this.declare(variable, `p${id}`)
      }
    })
    if (lambda.rest !== undefined) this.declare(lambda.rest, `p${this.nameOf(lambda.rest).slice(1)}`)
  }

  /** A whole JavaScript function for a procedure. */
  private functionText(known: Known): string {
    return this.body(`f${known.id}`, known.lambda, known)
  }

  private body(name: string, lambda: LambdaForm, known: Known | undefined): string {
    const outer = this.current
    const needsDepth = known?.needsDepth ?? true
    const cost = costOf(lambda.body)
    const fn: Frame = {
      known,
      temporaries: [],
      depth: needsDepth ? 'd' : '0',
      label: known?.loops ? this.fresh('L') : undefined,
      weight: 1 + (cost >> 4),
      lambda,
      foreign: known === undefined || this.isLocal(known) ? outer.foreign : known.foreign,
    }
    this.current = fn
    const parameters = known === undefined ? this.anonymousParameters(lambda) : this.parameterNames(known)
    const { lines } = this.apart(() => {
      this.line(`if((C.fuel-=${cost})<0)C.outOfFuel();`)
      this.unpackParameters(lambda, known)
      this.emit(lambda.body, RETURN)
    })
    const deep = (known?.recursive ?? true) ? `if(d>${MAX_DEPTH})C.tooDeep();` : ''
    const text = [
      `function ${name}(${(needsDepth ? ['d', ...parameters] : parameters).join(',')}){`,
      deep,
      this.declareTemporaries(fn),
      fn.label === undefined ? lines.join('\n') : `${fn.label}:for(;;){\n${lines.join('\n')}\n}`,
      '}',
    ]
      .filter(part => part !== '')
      .join('\n')
    this.current = outer
    return text
  }

  private anonymousParameters(lambda: LambdaForm): string[] {
    const names = lambda.parameters.map(variable => `p${this.nameOf(variable).slice(1)}`)
    return lambda.rest === undefined ? names : [...names, `p${this.nameOf(lambda.rest).slice(1)}`]
  }

  /** A local variable that is a known procedure: a nested JavaScript function, and a value if it is one anywhere. */
  private localFunction(variable: LocalVariable): void {
    const known = this.plan.known.get(variable)!
    this.localKnown.add(known)
    this.line(this.functionText(known))
    if (known.escapes) {
      const name = `c${known.id}`
      this.line(`const ${name}=${this.makeProcedure(known.lambda, `f${known.id}`)};`)
    }
  }

  /** The value of a known procedure. */
  private procedureOf(known: Known): string {
    if (this.isLocal(known)) return `c${known.id}`
    this.want(known)
    let name = this.procedures.get(known)
    if (name === undefined) {
      name = `c${known.id}`
      this.procedures.set(known, name)
    }
    return name
  }

  private procedureText(known: Known, name: string): string {
    return `const ${name}=${this.makeProcedure(known.lambda, `f${known.id}`)};`
  }

  private makeProcedure(lambda: LambdaForm, emitted: string): string {
    const names = this.capturedBy(lambda)
    const captured = names.length === 0 ? 'undefined' : `C.loaded?undefined:()=>[${names.join(',')}]`
    const name = this.constant(lambda.name)
    const rest = lambda.rest !== undefined
    return `new ${this.constant(ProgramProcedure)}(${name},${emitted},${lambda.parameters.length},${rest},${captured})`
  }

  private closure(form: LambdaForm): string {
    const name = this.fresh('g')
    this.line(this.body(name, form, undefined))
    return this.makeProcedure(form, name)
  }

  /** The variables that a closure holds, for freezing; those that can hold nothing mutable are left out. */
  private capturedBy(lambda: LambdaForm): string[] {
    const found = new Set<LocalVariable>()
    const bound = new Set<LocalVariable>()
    const seen = new Set<LambdaForm>()
    const visit = (form: Core): void => {
      collectBound(form, bound)
      if (form.tag === 'local' || form.tag === 'set-local') {
        const { variable } = form
        const known = this.plan.known.get(variable)
        // A known procedure is no value, but it holds what it refers to: as visible here as it is itself.
        if (known !== undefined) enter(known.lambda)
        else if (this.plan.of(variable) === 'value') found.add(variable)
      }
      childrenOf(form).forEach(visit)
    }
    const enter = (inner: LambdaForm): void => {
      if (seen.has(inner)) return
      seen.add(inner)
      visit(inner)
    }
    enter(lambda)
    return [...found].filter(variable => !bound.has(variable)).map(variable => this.nameOf(variable))
  }

  // ——— loops

  private loop(form: LoopForm, to: Destination): void {
    const label = this.fresh('L')
    const inputs = form.variables.map(variable => `p${this.nameOf(variable).slice(1)}`)
    const values = this.operands(form.values)
    inputs.forEach((name, index) => {
      this.line(`let ${name}=${values[index]};`)
    })
    const exit: Destination = to.tag === 'return' ? to : { ...to, exit: label }
    this.loopLabels.set(form, { label, names: inputs, exit })
    this.line(`${label}:for(;;){`)
    this.line(`if((C.fuel-=${costOf(form.body)})<0)C.outOfFuel();`)
    for (const variable of form.variables) this.declare(variable, `p${this.nameOf(variable).slice(1)}`)
    this.emit(form.body, exit)
    this.line('}')
    if (to.tag !== 'return' && to.exit !== undefined) this.line(`break ${to.exit};`)
  }

  private again(form: AgainForm): void {
    const { label, names } = this.loopLabels.get(form.loop)!
    this.continueWith(names, this.operands(form.operands), label)
  }
}

const isAssigned = (variable: LocalVariable): boolean => variable.assigned || variable.unready

function collectBound(form: Core, bound: Set<LocalVariable>): void {
  if (form.tag === 'lambda') {
    for (const parameter of form.parameters) bound.add(parameter)
    if (form.rest !== undefined) bound.add(form.rest)
  } else if (form.tag === 'let' || form.tag === 'letrec' || form.tag === 'loop') {
    for (const variable of form.variables) bound.add(variable)
  }
}

/** Primitives that call what they are given, and the engine's method for each. */
const SPECIAL: Readonly<Record<string, 'applyList' | 'applyValues'>> = {
  '%apply': 'applyList',
  '%apply-values': 'applyValues',
}
