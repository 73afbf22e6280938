// Special forms that bind names: lambda, let and its kin, do, let-syntax.

import type { Steps } from '../core/steps.js'
import { lambdaForm, local, placeOf } from './core-build.js'
import { type Core, LocalVariable } from './core-form.js'
import type { Expander, SpecialExpander } from './expander.js'
import { Scope } from './scope.js'
import { isIdentifier } from './syntax-rules.js'
import { Pair, type Value } from './value.js'

const lambda: SpecialExpander = (expander, form, scope, at) => {
  if (!(form.cdr instanceof Pair)) throw expander.error(at, '`lambda` wants parameters and a body')
  return expander.lambda(form.cdr.car, form.cdr.cdr, scope, at)
}

interface Bound {
  readonly name: Value
  readonly value: Value
  readonly step: Value | undefined
  readonly at: number
  readonly stepAt: number
}

/** Reads `((NAME VALUE) …)`, for `do` also `(NAME VALUE STEP)`. */
function* bindings(expander: Expander, list: Value, at: number, most = 2): Steps<Bound[]> {
  const found: Bound[] = []
  let rest = list
  for (; rest instanceof Pair; rest = rest.cdr) {
    if (expander.isDue()) yield
    found.push(binding(expander, rest.car, placeOf(rest, at), most))
  }
  if (rest !== null) throw expander.dotted(at)
  return found
}

function binding(expander: Expander, item: Value, at: number, most: number): Bound {
  if (isIdentifier(item) && most === 2)
    throw expander.error(at, `\`${item.name}\` wants parentheses around it and its value`)
  const parts = expander.elements(item, at)
  if (parts.length < 2 || parts.length > most) throw expander.error(at, 'a binding wants a name and a value')
  return {
    name: parts[0]![0],
    value: parts[1]![0],
    step: parts[2]?.[0],
    at: parts[1]![1],
    stepAt: parts[2]?.[1] ?? at,
  }
}

function twoParts(expander: Expander, form: Pair, at: number): [Value, Value] {
  if (!(form.cdr instanceof Pair) || !(form.cdr.cdr instanceof Pair)) {
    throw expander.error(at, `\`${(form.car as { name?: string }).name}\` wants bindings and a body`)
  }
  return [form.cdr.car, form.cdr.cdr]
}

const initialValue = (expander: Expander, { name, value, at }: Bound, scope: Scope): Core =>
  expander.named(value, isIdentifier(name) ? name.name : '', scope, at)

/** Expands the initial values in `scope`, and binds the names in `inner`. */
function* initialize(
  expander: Expander,
  bound: readonly Bound[],
  scope: Scope,
  inner: Scope,
): Steps<{ variables: LocalVariable[]; values: Core[] }> {
  const variables: LocalVariable[] = []
  const values: Core[] = []
  for (const item of bound) {
    if (expander.isDue()) yield
    values.push(initialValue(expander, item, scope))
    variables.push(expander.bindLocal(item.name, inner, item.at))
  }
  return { variables, values }
}

const letForm: SpecialExpander = function* (expander, form, scope, at) {
  const [first, rest] = twoParts(expander, form, at)
  if (isIdentifier(first)) return yield* namedLet(expander, form, scope, at)
  const bound = yield* bindings(expander, first, at)
  const inner = new Scope(scope, expander.top)
  const { variables, values } = yield* initialize(expander, bound, scope, inner)
  const body = expander.body(rest, inner, at)
  return variables.length === 0 ? body : { tag: 'let', variables, values, body }
}

function* namedLet(expander: Expander, form: Pair, scope: Scope, at: number): Steps<Core> {
  const [name, rest] = twoParts(expander, form, at)
  if (!(rest instanceof Pair) || rest.cdr === null) throw expander.error(at, 'a named `let` wants bindings and a body')
  const bound = yield* bindings(expander, rest.car, at)
  const outer = new Scope(scope, expander.top)
  const self = expander.bindLocal(name, outer, at)
  const inner = new Scope(outer, expander.top)
  const { variables: parameters, values } = yield* initialize(expander, bound, scope, inner)
  const body = expander.body(rest.cdr, inner, at)
  return loop(self, parameters, values, body, at)
}

/** letrec of one procedure, called at once; the operands see the scope outside (their variables are already resolved). */
function loop(self: LocalVariable, parameters: LocalVariable[], values: Core[], body: Core, at: number): Core {
  return {
    tag: 'letrec',
    variables: [self],
    values: [lambdaForm(self.name, parameters, undefined, body, at)],
    body: { tag: 'call', operator: local(self, at), operands: values, at },
  }
}

const letStar: SpecialExpander = function* (expander, form, scope, at) {
  const [first, rest] = twoParts(expander, form, at)
  const bound = yield* bindings(expander, first, at)
  let inner = scope
  const made: [LocalVariable, Core][] = []
  for (const item of bound) {
    const value = initialValue(expander, item, inner)
    inner = new Scope(inner, expander.top)
    made.push([expander.bindLocal(item.name, inner, item.at), value])
    expander.enter(item.at)
  }
  let body = expander.body(rest, inner, at)
  for (const [variable, value] of made.reverse()) {
    body = { tag: 'let', variables: [variable], values: [value], body }
    expander.leave()
  }
  return body
}

const letrec: SpecialExpander = function* (expander, form, scope, at) {
  const [first, rest] = twoParts(expander, form, at)
  const bound = yield* bindings(expander, first, at)
  const inner = new Scope(scope, expander.top)
  const variables: LocalVariable[] = []
  for (const item of bound) {
    if (expander.isDue()) yield
    variables.push(expander.bindLocal(item.name, inner, item.at))
  }
  const values: Core[] = []
  for (const item of bound) {
    if (expander.isDue()) yield
    values.push(initialValue(expander, item, inner))
  }
  const body = expander.body(rest, inner, at)
  return variables.length === 0 ? body : { tag: 'letrec', variables, values, body }
}

const doLoop: SpecialExpander = function* (expander, form, scope, at) {
  const [first, rest] = twoParts(expander, form, at)
  if (!(rest instanceof Pair) || !(rest.car instanceof Pair)) throw expander.error(at, '`do` wants `(TEST RESULT …)`')
  const bound = yield* bindings(expander, first, at, 3)
  const inner = new Scope(scope, expander.top)
  const { variables, values } = yield* initialize(expander, bound, scope, inner)
  const self = new LocalVariable('do')
  const steps: Core[] = []
  for (const [i, { step, stepAt }] of bound.entries()) {
    if (expander.isDue()) yield
    steps.push(step === undefined ? local(variables[i]!, at) : expander.expand(step, inner, stepAt))
  }
  const consequent = expander.block(rest.car.cdr, inner, at)
  const commands = rest.cdr === null ? undefined : expander.block(rest.cdr, inner, at)
  const again: Core = { tag: 'call', operator: local(self, at), operands: steps, at }
  const body: Core = {
    tag: 'if',
    test: expander.expand(rest.car.car, inner, placeOf(rest.car, at)),
    consequent,
    alternative: commands === undefined ? again : { tag: 'sequence', items: [commands, again] },
  }
  return loop(self, variables, values, body, at)
}

/** `(let-values (((a b . c) EXPRESSION) …) BODY …)`, with or without star: nested call-with-values. */
const letValues = (sequential: boolean): SpecialExpander =>
  function* (expander, form, scope, at) {
    const [first, rest] = twoParts(expander, form, at)
    const bound = expander.elements(first, at).map(([item, place]) => {
      const parts = expander.elements(item, place)
      if (parts.length !== 2) throw expander.error(place, 'a binding wants formals and an expression')
      return { formals: parts[0]![0], value: parts[1]![0], at: parts[1]![1] }
    })
    const final = new Scope(scope, expander.top)
    const layers: { parameters: LocalVariable[]; rest: LocalVariable | undefined; value: Core }[] = []
    let inner = scope
    for (const item of bound) {
      const value = expander.expand(item.value, sequential ? inner : scope, item.at)
      const target = sequential ? new Scope(inner, expander.top) : final
      const parameters: LocalVariable[] = []
      let formals = item.formals
      for (; formals instanceof Pair; formals = formals.cdr)
        parameters.push(expander.bindLocal(formals.car, target, item.at))
      layers.push({
        parameters,
        rest: formals === null ? undefined : expander.bindLocal(formals, target, item.at),
        value,
      })
      inner = target
      expander.enter(item.at)
    }
    let body = expander.body(rest, inner, at)
    for (const layer of layers.reverse()) {
      const producer = lambdaForm('', [], undefined, layer.value, at)
      const consumer = lambdaForm('', layer.parameters, layer.rest, body, at)
      body = expander.library('call-with-values', [producer, consumer], at)
      expander.leave()
    }
    return body
  }

const syntaxScope =
  (recursive: boolean): SpecialExpander =>
  (expander, form, scope, at) => {
    const [first, rest] = twoParts(expander, form, at)
    const inner = new Scope(scope, expander.top)
    for (const [item, place] of expander.elements(first, at)) {
      const [name, macro] = expander.syntaxBinding(item, recursive ? inner : scope, place)
      inner.bind(name, macro)
    }
    return expander.body(rest, inner, at)
  }

export const binders: readonly (readonly [string, SpecialExpander])[] = [
  ['lambda', lambda],
  ['let', letForm],
  ['let*', letStar],
  ['letrec', letrec],
  ['letrec*', letrec],
  ['do', doLoop],
  ['let-values', letValues(false)],
  ['let*-values', letValues(true)],
  ['let-syntax', syntaxScope(false)],
  ['letrec-syntax', syntaxScope(true)],
]
