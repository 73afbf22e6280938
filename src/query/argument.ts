// Checking what builtins are given.

import { outOfRange, wrongType } from './complaint.js'
import { Char, Pair, type Sym, Sym as Symbol_, Text, type Value, Vector } from './value.js'

export function textOf(procedure: string, value: Value): Text {
  if (value instanceof Text) return value
  throw wrongType(procedure, 'a string', value)
}

export function charOf(procedure: string, value: Value): Char {
  if (value instanceof Char) return value
  throw wrongType(procedure, 'a character', value)
}

export function symbolArgument(procedure: string, value: Value): Sym {
  if (value instanceof Symbol_) return value
  throw wrongType(procedure, 'a symbol', value)
}

export function vectorOf(procedure: string, value: Value): Vector {
  if (value instanceof Vector) return value
  throw wrongType(procedure, 'a vector', value)
}

export function pairOf(procedure: string, value: Value): Pair {
  if (value instanceof Pair) return value
  throw wrongType(procedure, 'a pair', value)
}

/** An exact integer in [low, high]. */
export function indexOf(procedure: string, value: Value, low: number, high: number): number {
  if (typeof value !== 'number') throw wrongType(procedure, 'an exact integer', value)
  if (value < low || value > high) throw outOfRange(procedure, `${value} is not between ${low} and ${high}`)
  return value
}

/** A place in something of `length` elements. */
export function placeIn(procedure: string, what: string, value: Value, length: number): number {
  if (typeof value !== 'number') throw wrongType(procedure, 'an exact integer', value)
  if (value < 0 || value >= length) throw outOfRange(procedure, `index ${value} is outside of a ${what} of ${length}`)
  return value
}

/** How many of something a program wants made: whether they fit is for `allocate` to say. */
export function countOf(procedure: string, value: Value): number {
  if (typeof value !== 'number') throw wrongType(procedure, 'an exact integer', value)
  if (value < 0) throw outOfRange(procedure, `${value} is negative`)
  return value
}

/** Optional bounds of a range in something of `length` elements. */
export function rangeOf(procedure: string, start: Value, end: Value, length: number): [start: number, end: number] {
  const to = end === undefined ? length : indexOf(procedure, end, 0, length)
  const from = start === undefined ? 0 : indexOf(procedure, start, 0, to)
  return [from, to]
}
