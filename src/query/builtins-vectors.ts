// Vectors.

import { countOf, listItems, placeIn, rangeOf, vectorOf } from './argument.js'
import { fixed, spread } from './define.js'
import type { PrimitiveGroup } from './primitive.js'
import { Bytes, listOf, unspecified, Vector } from './value.js'

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
        context.charge(count >> 2)
        return new Vector(new Array(count).fill(fill ?? unspecified))
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
        context.allocate((to - from) * Bytes.Pair)
        context.charge((to - from) >> 2)
        return listOf(items.slice(from, to))
      },
      ["(vector->list '#(1 2))", '(1 2)'],
    ),
    fixed(
      '(list->vector LIST)',
      'A vector of the elements of LIST.',
      (context, value) => {
        const items = listItems('list->vector', context, value)
        context.allocate(Bytes.Vector + items.length * Bytes.Slot)
        return new Vector(items)
      },
      ["(list->vector '(1 2))", '#(1 2)'],
    ),
    fixed('(vector-fill! VECTOR VALUE)', 'Makes every element of VECTOR a VALUE.', (context, value, fill) => {
      const { items } = vectorOf('vector-fill!', value)
      context.charge(items.length >> 2)
      items.fill(fill)
      return unspecified
    }),
    fixed(
      '(vector-copy VECTOR [START] [END])',
      'A new vector with the elements of VECTOR.',
      (context, value, start, end) => {
        const { items } = vectorOf('vector-copy', value)
        const [from, to] = rangeOf('vector-copy', start, end, items.length)
        context.allocate(Bytes.Vector + (to - from) * Bytes.Slot)
        context.charge((to - from) >> 2)
        return new Vector(items.slice(from, to))
      },
    ),
    spread('(vector-append VECTOR ...)', 'The elements of all VECTORs in one.', (context, args) => {
      const length = args.reduce((sum: number, arg) => sum + vectorOf('vector-append', arg).items.length, 0)
      context.allocate(Bytes.Vector + length * Bytes.Slot)
      context.charge(length >> 2)
      return new Vector(args.flatMap(arg => (arg as Vector).items))
    }),
  ],
}
