// Operations on exact numbers that may take long: what is short at once, the rest in slices (number-slices.ts).

import { integerLimit } from './complaint.js'
import {
  add,
  bitsOf,
  compare,
  divide,
  divideIntegers,
  type IntegerDivision,
  isExactInteger,
  multiply,
  nearRoot,
  normalize,
  payBits,
  power,
  roundNumber,
  squareRoot,
  subtract,
} from './number.js'
import type { NumberValue } from './number-print.js'
import { divided, HUGE_BITS, isLong, raised, rootOf, times } from './number-slices.js'
import type { Context, Resumable } from './primitive.js'
import type { Steps } from './slices.js'
import { Flonum, Ratio, type Value } from './value.js'

/** Numbers whose sums and products are worth a slice each. */
const isHeavy = (value: Value): boolean => typeof value === 'bigint' || value instanceof Ratio

const sizeOf = (value: bigint): bigint => (value < 0n ? -value : value)

export function product(context: Context, a: Value, b: Value, name = '*'): Value {
  return isLong(a) && isLong(b) ? context.inSlices(longProduct(context, a, b)) : multiply(context, a, b, name)
}

function* longProduct(context: Context, a: bigint, b: bigint): Steps<NumberValue> {
  payBits(context, bitsOf(a) + bitsOf(b))
  const size = yield* times(sizeOf(a), sizeOf(b))
  return normalize(a < 0n === b < 0n ? size : -size)
}

/** As `multiply`, part of a longer operation. */
export function* multiplied(context: Context, a: Value, b: Value): Steps<NumberValue> {
  return isLong(a) && isLong(b) ? yield* longProduct(context, a, b) : multiply(context, a, b)
}

export function integerDivision(context: Context, kind: IntegerDivision, a: Value, b: Value): Value {
  return isLong(a) && isLong(b)
    ? context.inSlices(longDivision(context, kind, a, b))
    : divideIntegers(context, kind, a, b)
}

function* longDivision(context: Context, kind: IntegerDivision, a: bigint, b: bigint): Resumable {
  payBits(context, bitsOf(a))
  const { quotient, rest } = yield* divided(sizeOf(a), sizeOf(b))
  if (kind === 'quotient') return normalize(a < 0n === b < 0n ? quotient : -quotient)
  const signed = a < 0n ? -rest : rest
  return normalize(kind === 'remainder' || signed === 0n || a < 0n === b < 0n ? signed : signed + b)
}

export function quotientOf(context: Context, a: Value, b: Value): Value {
  return isLong(a) && isLong(b) ? context.inSlices(longQuotient(context, a, b)) : divide(context, a, b)
}

/** As `divide`, part of a longer operation. */
export function* dividedBy(context: Context, a: Value, b: Value): Steps<NumberValue> {
  return isLong(a) && isLong(b) ? yield* longQuotient(context, a, b) : divide(context, a, b)
}

// Two long integers have a quotient only where it is an integer: parts of a rational are shorter.
function* longQuotient(context: Context, a: bigint, b: bigint): Steps<NumberValue> {
  payBits(context, bitsOf(a))
  const { quotient, rest } = yield* divided(sizeOf(a), sizeOf(b))
  if (rest !== 0n) throw integerLimit(16_384)
  return normalize(a < 0n === b < 0n ? quotient : -quotient)
}

/** Two numbers after the other, a slice for each that is heavy. */
export function* folded(
  args: readonly Value[],
  step: (a: Value, b: Value) => Steps<NumberValue> | NumberValue,
): Resumable {
  let result = args[0]!
  for (let i = 1; i < args.length; i++) {
    const next = step(result, args[i]!)
    result = typeof next === 'object' && Symbol.iterator in next ? yield* next : next
    if ((i & 1023) === 0 || isHeavy(result)) yield 1024
  }
  return result
}

export const areHeavy = (args: readonly Value[]): boolean => args.length > 2 && args.some(isHeavy)

/** `expt`. */
export function powerOf(context: Context, base: Value, exponent: Value): Value {
  if (!isExactInteger(base) || typeof exponent !== 'number' || exponent < 2) return power(context, base, exponent)
  const size = sizeOf(BigInt(base))
  const bits = (Number(size) < 1e300 ? Math.log2(Number(size)) : bitsOf(size)) * exponent
  if (bits < HUGE_BITS && !isLong(base)) return power(context, base, exponent)
  // A power of two, or what is beyond the limit anyway, takes no time.
  if (base === 2 || size <= 1n) return power(context, base, exponent)
  return context.inSlices(longPower(context, BigInt(base), size, exponent, Math.ceil(bits) + 1))
}

function* longPower(context: Context, base: bigint, size: bigint, exponent: number, bits: number): Resumable {
  payBits(context, bits)
  const result = yield* raised(size, exponent)
  return normalize(base < 0n && exponent % 2 !== 0 ? -result : result)
}

/** `sqrt`. */
export function rootOfNumber(context: Context, value: Value): Value {
  return isLong(value) && value > 0n ? context.inSlices(longRoot(context, value)) : squareRoot(context, value)
}

function* longRoot(context: Context, value: bigint): Resumable {
  payBits(context, bitsOf(value))
  const root = yield* rootOf(value)
  if ((yield* times(root, root)) === value) return normalize(root)
  context.allocate(32)
  return new Flonum(nearRoot(value, root))
}

/** The simplest rational between two (Stern and Brocot, as in the report's `rationalize`). */
export function* simplest(context: Context, low: NumberValue, high: NumberValue): Steps<NumberValue> {
  const wholes: NumberValue[] = []
  let result: NumberValue
  for (;;) {
    const whole = roundNumber(context, 'floor', low)
    if (compare('rationalize', whole, low) === 0) {
      result = whole
      break
    }
    if (compare('rationalize', whole, roundNumber(context, 'floor', high)) < 0) {
      result = add(context, whole, 1)
      break
    }
    wholes.push(whole)
    yield 100
    const below = subtract(context, high, whole)
    high = divide(context, 1, subtract(context, low, whole))
    low = divide(context, 1, below)
  }
  for (let whole = wholes.pop(); whole !== undefined; whole = wholes.pop()) {
    result = add(context, whole, divide(context, 1, result))
    yield 100
  }
  return result
}
