// Whether a value contains itself: then its text would never end. Looks at every container once, in steps.

import type { Steps } from '../core/steps.js'
import { HashTable } from './hash-table.js'
import { nextEpoch } from './memory.js'
import { Pair, type Value, Values, Vector } from './value.js'

const STEPS = 4000

/** The parts of a container, one after the other; undefined when there are no more. */
type Parts = () => Value | undefined

interface Place {
  readonly of: Value
  readonly next: Parts
}

/** True, after some yields, if `value` is part of itself. */
export function* isCyclic(value: Value): Steps<boolean> {
  // A container's note says whether it is above the place at hand, or has been looked through.
  const above = nextEpoch()
  const through = nextEpoch()
  const places: Place[] = []
  let steps = 0
  let found = false

  const enter = (of: Value, next: Parts): void => {
    places.push({ of, next })
  }
  /** Marks a container; false if it need not be looked at. */
  const mark = (container: { note: number }): boolean => {
    if (container.note === above) found = true
    if (container.note === above || container.note === through) return false
    container.note = above
    return true
  }
  // All pairs of a list are one place, so that a long one is not a deep one.
  const elements = (list: Pair): Parts => {
    let rest: Value = list
    let isFirst = true
    return () => {
      const at: Value = rest
      if (at === null) return undefined
      if (!(at instanceof Pair)) {
        rest = null
        return at
      }
      if (!isFirst && !mark(at)) return undefined
      isFirst = false
      rest = at.cdr
      return at.car
    }
  }
  const items = (values: readonly Value[]): Parts => {
    let i = 0
    return () => values[i++]
  }
  const entries = (table: HashTable): Parts => {
    let entry = table.first
    return () => {
      const at = entry
      entry = at?.next
      return at?.value
    }
  }
  const visit = (part: Value): void => {
    if (part instanceof Pair) mark(part) && enter(part, elements(part))
    else if (part instanceof Vector || part instanceof Values) mark(part) && enter(part, items(part.items))
    else if (part instanceof HashTable) mark(part) && enter(part, entries(part))
  }

  visit(value)
  while (places.length > 0 && !found) {
    if (++steps % STEPS === 0) yield
    const { of, next } = places[places.length - 1]!
    const part = next()
    if (part !== undefined) {
      visit(part)
      continue
    }
    places.pop()
    if (!(of instanceof Pair)) (of as { note: number } & Value).note = through
    for (let rest: Value = of; rest instanceof Pair && rest.note === above; rest = rest.cdr) {
      rest.note = through
      if (++steps % STEPS === 0) yield
    }
  }
  return found
}
