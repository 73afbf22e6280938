// Calls, procedures and loops.

import { assert } from '../core/errors.js'
import type { AgainForm, CallForm, Core, LambdaForm, LocalVariable, LoopForm, PrimitiveForm } from './core-form.js'
import { emitEffect, eventValue } from './emit-event.js'
import { emitInline } from './emit-inline.js'
import { accepts, childrenOf, costOf, type Known } from './emit-plan.js'
import { type Destination, type Frame, type Lines, RETURN } from './emit-text.js'
import { Evaluation } from './emit-values.js'
import { MAX_DEPTH, ProgramProcedure } from './program-runtime.js'
import { unspecified } from './value.js'

export abstract class Calling extends Evaluation {
  protected primitiveValue(form: PrimitiveForm): string {
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
  protected special(form: PrimitiveForm): string | undefined {
    const name = form.primitive.name
    const method = Object.hasOwn(SPECIAL, name) ? SPECIAL[name] : undefined
    if (method === undefined) {
      if (name !== 'apply-default' || this.core.builtin === undefined) return undefined
      return this.applyDefault(form)
    }
    const [first, second] = this.operands(form.operands)
    return `(${this.at(form.at)}C.${method}(${this.calleeDepth()},${first},${second}))`
  }

  protected applyDefault(form: PrimitiveForm): string {
    const known = this.plan.onEventOf(this.core.builtin!)
    assert(known !== undefined, 'the built-in program defines on-event')
    const operand = form.operands[0]!
    if (this.plan.formOf(operand) !== 'event') {
      this.line(`C.wantEvent(${this.constant('apply-default')},${this.value(operand)});`)
    }
    return this.callKnown(known, [])
  }

  /** Primitives that leave the procedure; true if it was one. */
  protected specialTail(form: PrimitiveForm): boolean {
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

  protected calleeDepth(): string {
    const { depth, weight } = this.current
    return depth === '0' ? String(weight) : `${depth}+${weight}`
  }

  protected want(known: Known): string {
    this.wanted.add(known)
    return `f${known.id}`
  }

  /** The operands of a call of a known procedure, in the form that each parameter has. */
  protected knownOperands(known: Known, forms: readonly Core[]): string[] {
    const { parameters, rest } = known.lambda
    const texts = this.operandsBy(forms, (form, index) => {
      if (index >= parameters.length) return [this.value(form)]
      switch (this.plan.parameter(known, index)) {
        case 'slice':
          return this.slice(form)
        case 'number':
          return [this.number(form)]
        case 'type':
          this.reads('T')
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

  protected callKnown(known: Known, operands: readonly string[], depth = this.calleeDepth()): string {
    return `${this.want(known)}(${(known.needsDepth ? [depth, ...operands] : operands).join(',')})`
  }

  protected call(form: CallForm): string {
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

  protected tailCall(form: CallForm): void {
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
  protected continueWith(names: readonly string[], operands: readonly string[], label: string): void {
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

  protected isLocal(known: Known): boolean {
    return this.localKnown.has(known)
  }

  /** The JavaScript parameters of a known procedure, without the depth. */
  protected parameterNames(known: Known): string[] {
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
  protected unpackParameters(lambda: LambdaForm, known: Known | undefined): void {
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
  protected functionText(known: Known): Lines {
    return this.body(`f${known.id}`, known.lambda, known)
  }

  protected body(name: string, lambda: LambdaForm, known: Known | undefined): Lines {
    const outer = this.current
    const needsDepth = known?.needsDepth ?? true
    const cost = costOf(lambda.body)
    const fn: Frame = {
      known,
      temporaries: [],
      reads: new Set(),
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
    this.current = outer
    return [
      `function ${name}(${(needsDepth ? ['d', ...parameters] : parameters).join(',')}){`,
      deep,
      this.declareReads(fn),
      this.declareTemporaries(fn),
      ...(fn.label === undefined ? [lines] : [`${fn.label}:for(;;){`, lines, '}']),
      '}',
    ]
  }

  protected anonymousParameters(lambda: LambdaForm): string[] {
    const names = lambda.parameters.map(variable => `p${this.nameOf(variable).slice(1)}`)
    return lambda.rest === undefined ? names : [...names, `p${this.nameOf(lambda.rest).slice(1)}`]
  }

  /** A local variable that is a known procedure: a nested JavaScript function, and a value if it is one anywhere. */
  protected localFunction(variable: LocalVariable): void {
    const known = this.plan.known.get(variable)!
    this.localKnown.add(known)
    this.lines.push(this.functionText(known))
    if (known.escapes) {
      const name = `c${known.id}`
      this.line(`const ${name}=${this.makeProcedure(known.lambda, `f${known.id}`)};`)
    }
  }

  /** The value of a known procedure. */
  protected procedureOf(known: Known): string {
    if (this.isLocal(known)) return `c${known.id}`
    this.want(known)
    let name = this.procedures.get(known)
    if (name === undefined) {
      name = `c${known.id}`
      this.procedures.set(known, name)
    }
    return name
  }

  protected procedureText(known: Known, name: string): string {
    return `const ${name}=${this.makeProcedure(known.lambda, `f${known.id}`)};`
  }

  protected makeProcedure(lambda: LambdaForm, emitted: string): string {
    const names = this.capturedBy(lambda)
    const captured = names.length === 0 ? 'undefined' : `C.loaded?undefined:()=>[${names.join(',')}]`
    const name = this.constant(lambda.name)
    const rest = lambda.rest !== undefined
    return `new ${this.constant(ProgramProcedure)}(${name},${emitted},${lambda.parameters.length},${rest},${captured})`
  }

  protected closure(form: LambdaForm): string {
    const name = this.fresh('g')
    this.lines.push(this.body(name, form, undefined))
    return this.makeProcedure(form, name)
  }

  /** The variables that a closure holds, for freezing; those that can hold nothing mutable are left out. */
  protected capturedBy(lambda: LambdaForm): string[] {
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

  protected loop(form: LoopForm, to: Destination): void {
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

  protected again(form: AgainForm): void {
    const { label, names } = this.loopLabels.get(form.loop)!
    this.continueWith(names, this.operands(form.operands), label)
  }
}

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
