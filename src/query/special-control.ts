// Special forms that choose and sequence: if, cond, case, and, or, when, unless, begin, set!, delay, assert.

import { constant, lambdaForm, local, nothing, placeOf } from './core-build.js'
import { type Core, GlobalVariable, LocalVariable } from './core-form.js'
import type { Expander, SpecialExpander } from './expander.js'
import { brief } from './printer.js'
import { isIdentifier } from './syntax-rules.js'
import { Pair, Text, type Value } from './value.js'

const CHAIN_WEIGHT = 0.25

/**
 * The parts of a form whose core nests as deep as it has parts (a chain of ifs): each counts as a quarter of a level. Runs `expand` for each
 * in order.
 */
function chain<T>(
  expander: Expander,
  parts: readonly [Value, number][],
  expand: (part: Value, at: number, i: number) => T,
): T[] {
  const made: T[] = []
  for (const [i, [part, place]] of parts.entries()) {
    expander.enter(place, CHAIN_WEIGHT)
    made.push(expand(part, place, i))
  }
  for (const _ of parts) expander.leave(CHAIN_WEIGHT)
  return made
}

const ifForm: SpecialExpander = (expander, form, scope, at) => {
  const parts: Core[] = []
  let rest = form.cdr
  for (; rest instanceof Pair && parts.length < 3; rest = rest.cdr)
    parts.push(expander.expand(rest.car, scope, placeOf(rest, at)))
  if (rest !== null) expander.expandList(rest, scope, at)
  if (rest !== null || parts.length < 2) throw expander.error(at, '`if` wants a test and one or two branches')
  return { tag: 'if', test: parts[0]!, consequent: parts[1]!, alternative: parts[2] ?? nothing }
}

const begin: SpecialExpander = (expander, form, scope, at) => expander.block(form.cdr, scope, at)

const setForm: SpecialExpander = (expander, form, scope, at) => {
  const parts = expander.elements(form.cdr, at)
  const name = parts[0]?.[0]
  if (parts.length !== 2 || name === undefined || !isIdentifier(name))
    throw expander.error(at, '`set!` wants a name and a value')
  const value = expander.named(parts[1]![0], name.name, scope, parts[1]![1])
  const binding = scope.resolve(name)
  if (binding instanceof LocalVariable) {
    binding.assigned = true
    return { tag: 'set-local', variable: binding, value, at }
  }
  if (!(binding instanceof GlobalVariable))
    throw expander.error(at, `\`${name.name}\` is syntax and cannot be assigned`)
  binding.assigned = true
  return { tag: 'set-global', variable: binding, value, define: false, at }
}

const and: SpecialExpander = (expander, form, scope, at) => {
  const parts = chain(expander, expander.elements(form.cdr, at), (part, place) => expander.expand(part, scope, place))
  if (parts.length === 0) return constant(true)
  return parts.reduceRight((rest, test) => ({ tag: 'if', test, consequent: rest, alternative: constant(false) }))
}

const or: SpecialExpander = (expander, form, scope, at) => {
  const parts = chain(expander, expander.elements(form.cdr, at), (part, place) => expander.expand(part, scope, place))
  if (parts.length === 0) return constant(false)
  return parts.reduceRight((rest, test) => either(test, value => value, rest, at))
}

/** Evaluates `test` once; if true, what `use` makes of its value, else `otherwise`. */
function either(test: Core, use: (value: Core) => Core, otherwise: Core, at: number): Core {
  const variable = new LocalVariable('')
  return {
    tag: 'let',
    variables: [variable],
    values: [test],
    body: { tag: 'if', test: local(variable, at), consequent: use(local(variable, at)), alternative: otherwise },
  }
}

const when =
  (wanted: boolean): SpecialExpander =>
  (expander, form, scope, at) => {
    const { cdr } = form
    if (!(cdr instanceof Pair)) throw expander.error(at, 'a test is missing')
    const test = expander.expand(cdr.car, scope, placeOf(cdr, at))
    const body = expander.block(cdr.cdr, scope, at)
    return { tag: 'if', test, consequent: wanted ? body : nothing, alternative: wanted ? nothing : body }
  }

const cond: SpecialExpander = (expander, form, scope, at) => {
  const clauses = expander.elements(form.cdr, at)
  if (clauses.length === 0) throw expander.error(at, '`cond` wants clauses')
  const made = chain(expander, clauses, (clause, place, i): ((rest: Core) => Core) => {
    if (!(clause instanceof Pair)) throw expander.error(place, 'a clause of `cond` wants parentheses')
    if (expander.isKeyword(clause.car, scope, 'else')) {
      if (i !== clauses.length - 1) throw expander.error(place, '`else` must be the last clause')
      const body = expander.block(clause.cdr, scope, place)
      return () => body
    }
    const parts = expander.elements(clause, place)
    const test = expander.expand(parts[0]![0], scope, parts[0]![1])
    if (parts.length === 1) return rest => either(test, value => value, rest, place)
    if (parts.length === 3 && expander.isKeyword(parts[1]![0], scope, '=>')) {
      const receiver = expander.expand(parts[2]![0], scope, parts[2]![1])
      return rest =>
        either(test, value => ({ tag: 'call', operator: receiver, operands: [value], at: place }), rest, place)
    }
    const body = expander.block(clause.cdr, scope, place)
    return rest => ({ tag: 'if', test, consequent: body, alternative: rest })
  })
  return made.reduceRight((rest, make) => make(rest), nothing)
}

const caseForm: SpecialExpander = (expander, form, scope, at) => {
  const parts = expander.elements(form.cdr, at)
  if (parts.length < 2) throw expander.error(at, '`case` wants a key and clauses')
  const key = new LocalVariable('key')
  const made = chain(expander, parts.slice(1), (clause, place, i): ((rest: Core) => Core) => {
    if (!(clause instanceof Pair)) throw expander.error(place, 'a clause of `case` wants parentheses')
    const arrow =
      clause.cdr instanceof Pair && expander.isKeyword(clause.cdr.car, scope, '=>') && clause.cdr.cdr instanceof Pair
    const body: Core = arrow
      ? {
          tag: 'call',
          operator: expander.expand(((clause.cdr as Pair).cdr as Pair).car, scope, place),
          operands: [local(key, place)],
          at: place,
        }
      : expander.block(clause.cdr, scope, place)
    if (expander.isKeyword(clause.car, scope, 'else')) {
      if (i !== parts.length - 2) throw expander.error(place, '`else` must be the last clause')
      return () => body
    }
    const data = expander.elements(clause.car, place).map(([datum]) => expander.strip(datum))
    const test: Core =
      data.length === 1
        ? expander.library('eqv?', [local(key, place), constant(data[0]!)], place)
        : expander.library('memv', [local(key, place), constant(listOfData(data))], place)
    return rest => ({ tag: 'if', test, consequent: body, alternative: rest })
  })
  const body = made.reduceRight((rest, make) => make(rest), nothing)
  return { tag: 'let', variables: [key], values: [expander.expand(parts[0]![0], scope, parts[0]![1])], body }
}

function listOfData(data: readonly Value[]): Value {
  return data.reduceRight<Value>((rest, datum) => new Pair(datum, rest), null)
}

const delay: SpecialExpander = (expander, form, scope, at) => {
  const parts = expander.elements(form.cdr, at)
  if (parts.length !== 1) throw expander.error(at, '`delay` wants one expression')
  const body = expander.expand(parts[0]![0], scope, parts[0]![1])
  return expander.library('%delay', [lambdaForm('', [], undefined, body, at)], at)
}

const assertForm: SpecialExpander = (expander, form, scope, at) => {
  const { cdr } = form
  if (!(cdr instanceof Pair)) throw expander.error(at, '`assert` wants an expression')
  const test = expander.expand(cdr.car, scope, placeOf(cdr, at))
  const text = new Text(`assertion failed: ${brief(expander.strip(cdr.car), 200)}`)
  const operands = [constant(text)]
  expander.expandInto(operands, 1, cdr.cdr, scope, at)
  return { tag: 'if', test, consequent: nothing, alternative: expander.library('error', operands, at) }
}

export const controls: readonly (readonly [string, SpecialExpander])[] = [
  ['if', ifForm],
  ['begin', begin],
  ['set!', setForm],
  ['and', and],
  ['or', or],
  ['when', when(true)],
  ['unless', when(false)],
  ['cond', cond],
  ['case', caseForm],
  ['delay', delay],
  ['assert', assertForm],
]
