// Work on long arguments, a stretch at a time: generators that yield every few thousand elements (primitive.ts says what a
// yield means), of which primitives are put together.

import { LetheError } from '../core/errors.js'
import { wrongType } from './complaint.js'
import type { Context, Resumable } from './primitive.js'
import { Bytes, Pair, type Value } from './value.js'

/** Elements between two yields: some 20 to 50 µs. */
export const STRETCH = 4096

/** Generators that primitives are put together of. */
export type Steps<T> = Generator<number, T, void>

/** Does the first stretch at once, so that what is short never becomes a task. */
export function begin(context: Context, steps: Resumable): Value {
  const first = steps.next()
  if (first.done) return first.value
  context.charge(first.value)
  return context.inSlices(steps)
}

/** The elements of a proper list. Throws wrong-type for any other, cyclic ones included. */
export function* itemsOf(procedure: string, context: Context, list: Value): Steps<Value[]> {
  const items: Value[] = []
  yield* restOfItems(procedure, context, list, items, list)
  return items
}

/** As `itemsOf`, where `items` holds the elements before `rest` already. */
export function* restOfItems(
  procedure: string,
  context: Context,
  list: Value,
  items: Value[],
  rest: Value,
): Steps<void> {
  let tortoise = rest
  for (let i = 1; rest instanceof Pair; rest = rest.cdr, i++) {
    items.push(rest.car)
    if ((i & 1) !== 0) continue
    if (rest === tortoise) throw cyclic(procedure)
    tortoise = (tortoise as Pair).cdr
    if ((i & (STRETCH - 1)) !== 0) continue
    context.allocate(STRETCH * Bytes.Slot)
    yield STRETCH >> 1
  }
  if (rest !== null) throw wrongType(procedure, 'a list', list)
  context.charge((items.length & (STRETCH - 1)) >> 2)
}

export const cyclic = (procedure: string) =>
  new LetheError('wrong-type', `\`${procedure}\` wanted a list that ends, got a cyclic one`, 400)

/** A list of the items from place `from` on, and then `tail`. Accounts for it. */
export function* listSlowly(context: Context, items: readonly Value[], from = 0, tail: Value = null): Steps<Value> {
  let result = tail
  let end = items.length
  while (end > from) {
    const start = Math.max(from, end - STRETCH)
    context.allocate((end - start) * Bytes.Pair)
    for (let i = end - 1; i >= start; i--) result = new Pair(items[i]!, result)
    if (start > from) yield STRETCH
    end = start
  }
  return result
}

/** Calls `each` for stretches of [0, length). */
export function* stretches(length: number, each: (from: number, to: number) => void, stretch = STRETCH): Steps<void> {
  for (let from = 0; from < length; from += stretch) {
    if (from > 0) yield STRETCH
    each(from, Math.min(length, from + stretch))
  }
}

/** Many operands from left to right: `run` is given what it answered for those before, and the next ones. */
export function* leftToRight(
  context: Context,
  args: readonly Value[],
  run: (context: Context, args: Value[]) => Value,
): Resumable {
  let result = run(context, args.slice(0, STRETCH))
  for (let from = STRETCH; from < args.length; from += STRETCH) {
    yield STRETCH
    result = run(context, [result, ...args.slice(from, from + STRETCH)])
  }
  return result
}

/** Whether every neighbouring two of many operands are in order, where `run` says so of a few. */
export function* pairwise(
  context: Context,
  args: readonly Value[],
  run: (context: Context, args: Value[]) => Value,
): Resumable {
  let result = true
  // Also those after the first two out of order are looked at: they may be of the wrong type.
  for (let from = 0; from < args.length; from += STRETCH) {
    if (from > 0) yield STRETCH
    if (run(context, args.slice(Math.max(0, from - 1), from + STRETCH)) === false) result = false
  }
  return result
}
