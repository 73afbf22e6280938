// Sorting by the builtin comparisons of numbers, strings and characters: by keys that JavaScript compares.

import { sorted } from './data.js'
import { type Context, Primitive, type Resumable } from './primitive.js'
import { listSlowly, STRETCH, stretches } from './slices.js'
import { Char, Flonum, Pair, Text, type Value } from './value.js'

/** What an element is sorted by; undefined where that takes more than a comparison of doubles or short strings. */
type KeyOf = (item: Value) => number | string | undefined

const LONGEST_KEY = 256

const numberKey: KeyOf = item =>
  typeof item === 'number' ? item : item instanceof Flonum && !Number.isNaN(item.value) ? item.value : undefined

// JavaScript compares strings by units: where there are no surrogates, that is by characters.
function textKey(item: Value): string | undefined {
  const text = item instanceof Text ? item.text() : undefined
  return text === undefined || text.length > LONGEST_KEY || /[\ud800-\udfff]/.test(text) ? undefined : text
}

const charKey: KeyOf = item => (item instanceof Char ? item.code : undefined)

const sortingOrders = new Map<string, { readonly keyOf: KeyOf; readonly isDescending: boolean }>()
for (const [prefix, suffix, keyOf] of [
  ['', '', numberKey],
  ['string', '?', textKey],
  ['char', '?', charKey],
] as const) {
  sortingOrders.set(`${prefix}<${suffix}`, { keyOf, isDescending: false })
  sortingOrders.set(`${prefix}>${suffix}`, { keyOf, isDescending: true })
}

/** A list in order by a builtin comparison, without a call for each; #f where that is for the library to do. */
export function sortByBuiltin(context: Context, list: Value, less: Value): Value | Resumable {
  const order = less instanceof Primitive ? sortingOrders.get(less.name) : undefined
  return order === undefined ? false : sortByKeys(context, list, order.keyOf, order.isDescending)
}

function* sortByKeys(context: Context, list: Value, keyOf: KeyOf, isDescending: boolean): Resumable {
  const items: { readonly key: number | string; readonly item: Value }[] = []
  for (let at = list; at instanceof Pair; at = at.cdr) {
    const key = keyOf(at.car)
    if (key === undefined) return false
    items.push({ key, item: at.car })
    if ((items.length & (STRETCH - 1)) !== 0) continue
    context.allocate(STRETCH * 48)
    yield STRETCH
  }
  const inOrder = yield* sorted(items, isDescending ? (a, b) => a.key > b.key : (a, b) => a.key < b.key)
  const values: Value[] = []
  yield* stretches(inOrder.length, (from, to) => {
    for (let i = from; i < to; i++) values.push(inOrder[i]!.item)
  })
  return yield* listSlowly(context, values)
}
