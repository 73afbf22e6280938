// quote and quasiquote. A quasi-quoted list becomes calls of the library's `cons*`, `append` and `list->vector`, with as
// many elements as possible in one call, so that long lists do not nest; what holds no unquote is a constant.

import type { Steps } from '../core/steps.js'
import { constant, placeOf } from './core-build.js'
import type { Core } from './core-form.js'
import type { Expander, SpecialExpander } from './expander.js'
import type { Scope } from './scope.js'
import { Pair, type Value, Vector } from './value.js'

const quote: SpecialExpander = (expander, form, _scope, at) => {
  const parts = expander.elements(form.cdr, at)
  if (parts.length !== 1) throw expander.error(at, '`quote` wants one datum')
  return constant(expander.strip(parts[0]![0]))
}

const quasiquote: SpecialExpander = function* (expander, form, scope, at) {
  const parts = expander.elements(form.cdr, at)
  if (parts.length !== 1) throw expander.error(at, '`quasiquote` wants one template')
  return yield* template(expander, parts[0]![0], scope, at, 1)
}

/** `(NAME DATUM)` in a template: answers DATUM. */
function tagged(expander: Expander, value: Value, scope: Scope, name: string): Value | undefined {
  if (!(value instanceof Pair) || !(value.cdr instanceof Pair) || value.cdr.cdr !== null) return undefined
  if (!(name === 'quasiquote' ? isQuasiquote(expander, value.car, scope) : expander.isKeyword(value.car, scope, name)))
    return undefined
  return value.cdr.car
}

const isQuasiquote = (expander: Expander, value: Value, scope: Scope): boolean =>
  expander.isKeyword(value, scope, 'quasiquote')

function* template(expander: Expander, value: Value, scope: Scope, at: number, depth: number): Steps<Core> {
  if (value instanceof Vector) {
    const items = yield* vectorItems(expander, value, scope, at, depth)
    const known = items.tag === 'constant' ? vectorFrom(items.value) : undefined
    return known === undefined ? expander.library('list->vector', [items], at) : constant(known)
  }
  if (!(value instanceof Pair)) return constant(expander.strip(value))
  expander.enter(at)
  const result = yield* pairTemplate(expander, value, scope, at, depth)
  expander.leave()
  return result
}

/** The elements of a vector, as a list: in a vector, `unquote` and its like are no more than symbols. */
function* vectorItems(expander: Expander, { items }: Vector, scope: Scope, at: number, depth: number): Steps<Core> {
  const list = listFrom(items)
  if (!(list instanceof Pair)) return constant(null)
  expander.enter(at)
  const result = yield* listTemplate(expander, list, scope, at, depth, false)
  expander.leave()
  return result
}

function* pairTemplate(expander: Expander, value: Pair, scope: Scope, at: number, depth: number): Steps<Core> {
  const unquoted = tagged(expander, value, scope, 'unquote')
  if (unquoted !== undefined) {
    const place = placeOf(value.cdr as Pair, at)
    if (depth === 1) return expander.expand(unquoted, scope, place)
    return yield* retagged(expander, value, scope, at, depth - 1)
  }
  if (depth > 1 && tagged(expander, value, scope, 'unquote-splicing') !== undefined)
    return yield* retagged(expander, value, scope, at, depth - 1)
  const nested = tagged(expander, value, scope, 'quasiquote')
  if (nested !== undefined) return yield* retagged(expander, value, scope, at, depth + 1)
  return yield* listTemplate(expander, value, scope, at, depth, true)
}

/** `(unquote X …)`, kept as a list, with its X filled in at another depth. */
function* retagged(expander: Expander, value: Pair, scope: Scope, at: number, depth: number): Steps<Core> {
  const name = expander.strip(value.car)
  const inner = yield* template(expander, value.cdr, scope, at, depth)
  if (inner.tag === 'constant') return constant(new Pair(name, inner.value))
  return expander.library('cons', [constant(name), inner], at)
}

/** The elements of a list. One that `mayEndTagged` may end in `unquote X` or `quasiquote X`, which reads as `. ,X`. */
function* listTemplate(
  expander: Expander,
  value: Pair,
  scope: Scope,
  at: number,
  depth: number,
  mayEndTagged: boolean,
): Steps<Core> {
  const segments: Core[] = []
  let elements: Core[] = []
  let rest: Value = value
  for (; rest instanceof Pair; rest = rest.cdr) {
    if (
      mayEndTagged &&
      rest !== value &&
      (tagged(expander, rest, scope, 'unquote') !== undefined ||
        tagged(expander, rest, scope, 'quasiquote') !== undefined)
    )
      break
    const place = placeOf(rest, at)
    const spliced = tagged(expander, rest.car, scope, 'unquote-splicing')
    if (expander.isDue()) yield
    const element: Value = rest.car
    if (!(element instanceof Pair || element instanceof Vector)) elements.push(constant(expander.strip(element)))
    else if (spliced === undefined) elements.push(yield* template(expander, element, scope, place, depth))
    else if (depth > 1) elements.push(yield* retagged(expander, rest.car as Pair, scope, place, depth - 1))
    else {
      if (elements.length > 0) segments.push(listCall(expander, elements, at))
      elements = []
      segments.push(expander.expand(spliced, scope, place))
    }
  }
  const tail = rest === null ? constant(null) : yield* template(expander, rest, scope, at, depth)
  if (segments.length === 0 && tail.tag === 'constant' && elements.every(item => item.tag === 'constant')) {
    const items = elements.map(item => (item as { value: Value }).value)
    return constant(items.reduceRight<Value>((list, item) => new Pair(item, list), tail.value))
  }
  const last = elements.length === 0 ? tail : expander.library('cons*', [...elements, tail], at)
  if (segments.length === 0) return last
  const isEmpty = last.tag === 'constant' && last.value === null
  return isEmpty && segments.length === 1
    ? segments[0]!
    : expander.library('append', isEmpty ? segments : [...segments, last], at)
}

const listCall = (expander: Expander, elements: Core[], at: number): Core => expander.library('list', elements, at)

/** A vector of a list's elements; undefined of what is no list, as in `` `#(,@5) ``. */
function vectorFrom(list: Value): Vector | undefined {
  const items: Value[] = []
  let rest = list
  for (; rest instanceof Pair; rest = rest.cdr) items.push(rest.car)
  return rest === null ? new Vector(items) : undefined
}

function listFrom(items: readonly Value[]): Value {
  return items.reduceRight<Value>((rest, item) => new Pair(item, rest), null)
}

export const quotations: readonly (readonly [string, SpecialExpander])[] = [
  ['quote', quote],
  ['quasiquote', quasiquote],
]
