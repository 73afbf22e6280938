// Vectors.

import { countOf, placeIn, rangeOf, vectorOf } from './argument.js'
import { fixed, spread } from './define.js'
import type { Context, PrimitiveGroup, Resumable } from './primitive.js'
import { begin, itemsOf, listSlowly, STRETCH, type Steps, stretches } from './slices.js'
import { Bytes, unspecified, type Value, Vector } from './value.js'

function* filled(count: number, value: Value): Resumable {
  const items: Value[] = []
  yield* stretches(count, (from, to) => {
    for (let i = from; i < to; i++) items.push(value)
  })
  return new Vector(items)
}

function* fill(items: Value[], value: Value): Resumable {
  yield* stretches(items.length, (from, to) => {
    items.fill(value, from, to)
  })
  return unspecified
}

function* copyOf(items: readonly Value[], from: number, to: number): Resumable {
  const copy: Value[] = []
  yield* addTo(copy, items, from, to)
  return new Vector(copy)
}

function* addTo(copy: Value[], items: readonly Value[], from: number, to: number): Steps<void> {
  yield* stretches(to - from, (start, end) => {
    for (let i = from + start; i < from + end; i++) copy.push(items[i]!)
  })
}

function* joined(vectors: readonly Vector[]): Resumable {
  const items: Value[] = []
  for (const [i, { items: more }] of vectors.entries()) {
    yield* addTo(items, more, 0, more.length)
    if ((i & (STRETCH - 1)) === STRETCH - 1) yield STRETCH
  }
  return new Vector(items)
}

function* vectorOfList(context: Context, list: Value): Resumable {
  const items = yield* itemsOf('list->vector', context, list)
  context.allocate(Bytes.Vector)
  return new Vector(items)
}

export const vectors: PrimitiveGroup = {
  title: 'Vectors',
  primitives: [
    fixed('(vector? VALUE)', '#t if VALUE is a vector.', (_, value) => value instanceof Vector),
    fixed(
      '(make-vector K [FILL])',
      'A vector of K times FILL.',
      (context, k, fill) => {
        const count = countOf('make-vector', k)
        context.allocate(Bytes.Vector + count * Bytes.Slot)
        return begin(context, filled(count, fill === undefined ? unspecified : fill))
      },
      ['(make-vector 2 0)', '#(0 0)'],
    ),
    spread(
      '(vector VALUE ...)',
      'A vector of the VALUEs.',
      (context, args) => {
        context.allocate(Bytes.Vector + args.length * Bytes.Slot)
        return new Vector(args)
      },
      ['(vector 1 2)', '#(1 2)'],
    ),
    fixed(
      '(vector-length VECTOR)',
      'How many elements VECTOR has.',
      (_, value) => vectorOf('vector-length', value).items.length,
    ),
    fixed(
      '(vector-ref VECTOR K)',
      'Element K of VECTOR, from 0.',
      (_, value, k) => {
        const { items } = vectorOf('vector-ref', value)
        return items[placeIn('vector-ref', 'vector', k, items.length)]!
      },
      ["(vector-ref '#(a b) 1)", 'b'],
    ),
    fixed('(vector-set! VECTOR K VALUE)', 'Changes element K of VECTOR.', (_, value, k, to) => {
      const { items } = vectorOf('vector-set!', value)
      items[placeIn('vector-set!', 'vector', k, items.length)] = to
      return unspecified
    }),
    fixed(
      '(vector->list VECTOR [START] [END])',
      'The elements of VECTOR.',
      (context, value, start, end) => {
        const { items } = vectorOf('vector->list', value)
        const [from, to] = rangeOf('vector->list', start, end, items.length)
        return begin(context, listSlowly(context, to === items.length ? items : items.slice(0, to), from))
      },
      ["(vector->list '#(1 2))", '(1 2)'],
    ),
    fixed(
      '(list->vector LIST)',
      'A vector of the elements of LIST.',
      (context, value) => begin(context, vectorOfList(context, value)),
      ["(list->vector '(1 2))", '#(1 2)'],
    ),
    fixed('(vector-fill! VECTOR VALUE)', 'Makes every element of VECTOR a VALUE.', (context, value, to) => {
      const { items } = vectorOf('vector-fill!', value)
      return begin(context, fill(items, to))
    }),
    fixed(
      '(vector-copy VECTOR [START] [END])',
      'A new vector with the elements of VECTOR.',
      (context, value, start, end) => {
        const { items } = vectorOf('vector-copy', value)
        const [from, to] = rangeOf('vector-copy', start, end, items.length)
        context.allocate(Bytes.Vector + (to - from) * Bytes.Slot)
        return begin(context, copyOf(items, from, to))
      },
    ),
    spread('(vector-append VECTOR ...)', 'The elements of all VECTORs in one.', (context, args) => {
      const length = args.reduce((sum: number, arg) => sum + vectorOf('vector-append', arg).items.length, 0)
      context.allocate(Bytes.Vector + length * Bytes.Slot)
      return begin(context, joined(args as Vector[]))
    }),
  ],
}
