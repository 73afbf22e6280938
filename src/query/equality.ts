// eqv? and equal?. Structures may be as deep as memory allows, so equal? keeps its own stack and works in steps.

import { Char, Flonum, Pair, Ratio, Text, type Value, Vector } from './value.js'

/** `eqv?` : numbers by value and exactness, characters by code, empty texts and everything else by identity. */
export function eqv(a: Value, b: Value): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object') return false
  if (a instanceof Flonum) return b instanceof Flonum && Object.is(a.value, b.value)
  if (a instanceof Char) return b instanceof Char && a.code === b.code
  if (a instanceof Ratio) return b instanceof Ratio && a.numerator === b.numerator && a.denominator === b.denominator
  return false
}

/** Compares without looking inside pairs and vectors: undefined where that is needed. */
export function equalAtoms(a: Value, b: Value): boolean | undefined {
  if (eqv(a, b)) return true
  if (a instanceof Text) return b instanceof Text && a.text() === b.text()
  if (a instanceof Pair) return b instanceof Pair ? undefined : false
  if (a instanceof Vector) return b instanceof Vector && a.items.length === b.items.length ? undefined : false
  return false
}

/** `equal?` of two structures. */
export class Comparison {
  private readonly pending: Value[]
  constructor(a: Value, b: Value) {
    this.pending = [a, b]
  }

  /** The answer, or undefined if `steps` did not suffice: call again. */
  step(steps: number): boolean | undefined {
    const pending = this.pending
    while (steps-- > 0) {
      if (pending.length === 0) return true
      const b = pending.pop()!
      const a = pending.pop()!
      const atoms = equalAtoms(a, b)
      if (atoms === false) return false
      if (atoms === true) continue
      if (a instanceof Pair && b instanceof Pair) pending.push(a.cdr, b.cdr, a.car, b.car)
      else if (a instanceof Vector && b instanceof Vector) {
        for (let i = a.items.length - 1; i >= 0; i--) pending.push(a.items[i]!, b.items[i]!)
        steps -= a.items.length
      }
    }
    return undefined
  }
}
