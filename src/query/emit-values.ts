// Expressions and statements: what each core form becomes, but for calls (emit-calls.ts).

import { assert, LetheError } from '../core/errors.js'
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
import { emitEffect, emitEventTest, eventNumber, eventSlice } from './emit-event.js'
import { emitInlineTest } from './emit-inline.js'
import { childrenOf, type Known } from './emit-plan.js'
import { type Destination, IGNORE, Writing } from './emit-text.js'
import { placeOf } from './source.js'
import { Box, unassigned, unspecified } from './value.js'

export abstract class Evaluation extends Writing {
  // ——— in emit-calls.ts

  protected abstract call(form: CallForm): string
  protected abstract tailCall(form: CallForm): void
  protected abstract primitiveValue(form: PrimitiveForm): string
  /** A call that stands in the tail of a primitive: true if it was emitted. */
  protected abstract specialTail(form: PrimitiveForm): boolean
  abstract slowCall(form: PrimitiveForm, operands: readonly string[]): string
  protected abstract loop(form: LoopForm, to: Destination): void
  protected abstract again(form: AgainForm): void
  protected abstract closure(form: LambdaForm): string
  protected abstract localFunction(variable: LocalVariable): void
  protected abstract procedureOf(known: Known): string
  protected abstract want(known: Known): string

  /** Whether the step's work is done, so that this form is the next one's. */
  private mustWait(form: Core): boolean {
    return this.agenda.isSpent() && childrenOf(form).length > 0
  }

  /** True for an expression whose value nothing that happens later can change. */
  isStable(form: Core): boolean {
    if (form.tag === 'constant') return true
    return form.tag === 'local' && !isAssigned(form.variable)
  }

  /** Several expressions, evaluated left to right. `evaluate` answers the JavaScript of one operand, in one or more parts. */
  operandsBy(forms: readonly Core[], evaluate: (form: Core, index: number) => string[]): string[][] {
    const answers: string[][] = []
    /** Those before it are names that nothing changes. */
    let spilled = 0
    forms.forEach((form, index) => {
      const mark = this.lines.length
      const answer = evaluate(form, index)
      if (this.lines.length > mark) {
        const spills: string[] = []
        for (let earlier = spilled; earlier < index; earlier++) {
          if (this.isStable(forms[earlier]!)) continue
          answers[earlier] = answers[earlier]!.map(expression => {
            if (/^(?:[a-zA-Z]+\d+|\(?-?\d+\)?)$/.test(expression) && expression[0] !== 'v') return expression
            const name = this.fresh('t')
            spills.push(`const ${name}=${expression};`)
            return name
          })
        }
        this.lines.splice(mark, 0, ...spills)
        spilled = index
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
    if (this.mustWait(form)) {
      const name = this.temporary()
      this.later(() => this.emit(form, { tag: 'assign', name }))
      return name
    }
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
    if (this.mustWait(form)) return `${this.value(form)}!==false`
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
      this.lines.push(`if(${test}){`, yes.lines, `${name}=${yes.answer}}else{`, no.lines, `${name}=${no.answer}}`)
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
    if (this.mustWait(form)) {
      this.later(() => this.emit(form, to))
      return
    }
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
        this.finish(form.tag === 'lambda' ? this.closure(form) : this.value(form), to)
        return
    }
    this.finish(this.constant(unspecified), to)
  }

  protected finish(expression: string, to: Destination): void {
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

  protected conditional(form: IfForm): string {
    const test = this.test(form.test)
    const yes = this.apart(() => this.value(form.consequent))
    const no = this.apart(() => this.value(form.alternative))
    if (yes.lines.length + no.lines.length === 0) return `(${test}?${yes.answer}:${no.answer})`
    const name = this.temporary()
    this.line(`if(${test}){`)
    this.lines.push(yes.lines, `${name}=${yes.answer};`, '}else{', no.lines, `${name}=${no.answer};`, '}')
    return name
  }

  // ——— variables

  protected isBoxed(variable: LocalVariable): boolean {
    return isAssigned(variable) && variable.captured
  }

  protected local(variable: LocalVariable): string {
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

  protected global(form: GlobalForm): string {
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
  protected topVariable(variable: GlobalVariable): string {
    const name = this.nameOf(variable)
    if (this.globals.has(variable)) return name
    this.globals.set(variable, '')
    if (variable.hides !== undefined) {
      this.globals.set(variable, `=${this.global({ tag: 'global', variable: variable.hides, at: -1 })}`)
    }
    return name
  }

  protected place(at: number): Record<string, unknown> {
    return at < 0 ? {} : placeOf(this.source, at)
  }

  /** Notes where in the source we are, as the left part of a comma expression (or a statement). */
  at(at: number, end: ',' | ';' = ','): string {
    return at < 0 || this.current.foreign ? '' : `C.at=${at}${end}`
  }

  protected setLocal(form: SetLocalForm): void {
    const value = this.value(form.value)
    const name = this.nameOf(form.variable)
    this.line(this.isBoxed(form.variable) ? `C.setBox(${name},${value});` : `${name}=${value};`)
  }

  protected setGlobal(form: SetGlobalForm): void {
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

  protected bindAll(form: LetForm): void {
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

  protected bind(variable: LocalVariable, value: Core): void {
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
        this.reads('T')
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

  protected declare(variable: LocalVariable, value: string): void {
    const name = this.nameOf(variable)
    if (this.isBoxed(variable)) this.line(`const ${name}=new ${this.constant(Box)}(${value});`)
    else this.line(`${isAssigned(variable) ? 'let' : 'const'} ${name}=${value};`)
  }

  protected bindRecursive(form: LetrecForm): void {
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
  protected isInOrder(variable: LocalVariable): boolean {
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
    return eventNumber(this, form)
  }
}

const isAssigned = (variable: LocalVariable): boolean => variable.assigned || variable.unready
