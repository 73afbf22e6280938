// Arithmetic on very long integers, in slices: V8 multiplies two of 500,000 bits in 5 ms and prints a million in 80. Numbers
// here are not negative unless said otherwise.
//
// Multiplication is Karatsuba's down to what V8 does within a millisecond; division Burnikel and Ziegler's ("Fast recursive
// division", 1998) on top of it; conversion to and from decimal halves the digits (Brent and Zimmermann, "Modern Computer
// Arithmetic", 1.7).

import type { Steps } from './slices.js'

/** From so many bits of a result on, an operation is done here. */
export const HUGE_BITS = 1 << 17
const FACTOR_BITS = 1 << 16
const DIVISOR_BITS = 1 << 15
const LEAF_DIGITS = 4096
/** A yield after something like half a millisecond. */
const WORK = 50_000

const LONG = 1n << 32_768n

/** Too long for operations between two of them to be done at once. */
export const isLong = (value: unknown): value is bigint => typeof value === 'bigint' && (value > LONG || value < -LONG)

const lengthOf = (value: bigint): number => value.toString(16).length * 4

const low = (value: bigint, bits: number): bigint => BigInt.asUintN(bits, value)

export function* times(a: bigint, b: bigint): Steps<bigint> {
  if (a < b) return yield* times(b, a)
  const bits = lengthOf(a)
  if (bits <= FACTOR_BITS) return a * b
  const half = bits >> 1
  const shift = BigInt(half)
  const [a1, a0] = [a >> shift, low(a, half)]
  const b1 = b >> shift
  if (b1 === 0n) {
    const high = yield* times(a1, b)
    yield WORK
    return (high << shift) + (yield* times(a0, b))
  }
  const b0 = low(b, half)
  const high = yield* times(a1, b1)
  yield WORK
  const rest = yield* times(a0, b0)
  yield WORK
  const middle = (yield* times(a1 + a0, b1 + b0)) - high - rest
  yield WORK
  return (((high << shift) + middle) << shift) + rest
}

interface Division {
  readonly quotient: bigint
  readonly rest: bigint
}

/** The divisor is not 0. */
export function* divided(a: bigint, b: bigint): Steps<Division> {
  const bits = Math.max(lengthOf(b), DIVISOR_BITS)
  const digits: bigint[] = []
  for (let rest = a; rest > 0n; rest >>= BigInt(bits)) {
    digits.push(low(rest, bits))
    if (digits.length % 16 === 0) yield WORK
  }
  let quotient = 0n
  let rest = 0n
  for (let i = digits.length - 1; i >= 0; i--) {
    const step = yield* twoByOne((rest << BigInt(bits)) + digits[i]!, b, bits)
    quotient = (quotient << BigInt(bits)) + step.quotient
    rest = step.rest
    yield bits >> 3
  }
  return { quotient, rest }
}

/** a / b, where b has at most `bits` bits and a is below b · 2^bits. */
function* twoByOne(a: bigint, b: bigint, bits: number): Steps<Division> {
  if (bits <= DIVISOR_BITS) return { quotient: a / b, rest: a % b }
  if (bits & 1) {
    const { quotient, rest } = yield* twoByOne(a << 1n, b << 1n, bits + 1)
    return { quotient, rest: rest >> 1n }
  }
  const half = bits >> 1
  const high = yield* threeByTwo(a >> BigInt(bits), low(a >> BigInt(half), half), b, half)
  const last = yield* threeByTwo(high.rest, low(a, half), b, half)
  return { quotient: (high.quotient << BigInt(half)) + last.quotient, rest: last.rest }
}

/** (a · 2^half + a3) / b, where b has two halves and the quotient one. */
function* threeByTwo(a: bigint, a3: bigint, b: bigint, half: number): Steps<Division> {
  const shift = BigInt(half)
  const b1 = b >> shift
  let quotient = (1n << shift) - 1n
  let rest = a - (b1 << shift) + b1
  if (a >> shift < b1) ({ quotient, rest } = yield* twoByOne(a, b1, half))
  yield half >> 3
  rest = (rest << shift) + a3 - (yield* times(quotient, low(b, half)))
  while (rest < 0n) {
    quotient--
    rest += b
  }
  return { quotient, rest }
}

export function* raised(base: bigint, exponent: number): Steps<bigint> {
  if (lengthOf(base) * exponent <= HUGE_BITS) return base ** BigInt(exponent)
  const root = yield* raised(base, exponent >> 1)
  const square = yield* times(root, root)
  yield WORK
  return exponent & 1 ? square * base : square
}

/** The greatest integer whose square is not above `value`: Newton's way, each step with twice the bits of the one before. */
export function* rootOf(value: bigint): Steps<bigint> {
  const bits = lengthOf(value)
  if (bits <= 1000) {
    // From above: from there every step is nearer.
    let guess = BigInt(Math.floor(Math.sqrt(Number(value)) * (1 + 2 ** -50))) + 1n
    for (;;) {
      const next = (guess + value / guess) >> 1n
      if (next >= guess) return guess
      guess = next
    }
  }
  const quarter = BigInt(bits >> 2)
  const guess = ((yield* rootOf(value >> (2n * quarter))) + 1n) << quarter
  const { quotient } = yield* divided(value, guess)
  let root = (guess + quotient) >> 1n
  yield WORK
  for (let square = yield* times(root, root); square > value; square = yield* times(root, root)) root--
  return root
}

export function* decimal(value: bigint): Steps<string> {
  if (value < 0n) return `-${yield* decimal(-value)}`
  const powers = [10n ** BigInt(LEAF_DIGITS)]
  for (let last = powers[0]!; lengthOf(last) * 2 <= lengthOf(value) + 8; powers.push(last)) {
    last = yield* times(last, last)
    yield WORK
  }
  return (yield* digitsOf(value, powers, powers.length - 1)).replace(/^0+/, '')
}

/** The digits of `value`, filled up with zeros to the length that `level` stands for. */
function* digitsOf(value: bigint, powers: readonly bigint[], level: number): Steps<string> {
  if (level < 0) return value.toString().padStart(LEAF_DIGITS, '0')
  const { quotient, rest } = yield* divided(value, powers[level]!)
  yield WORK >> 3
  return (yield* digitsOf(quotient, powers, level - 1)) + (yield* digitsOf(rest, powers, level - 1))
}

/** Reads decimal digits. */
export function* parsed(digits: string): Steps<bigint> {
  if (digits.length <= LEAF_DIGITS) return BigInt(digits)
  const half = digits.length >> 1
  const high = yield* parsed(digits.slice(0, digits.length - half))
  const rest = yield* parsed(digits.slice(digits.length - half))
  yield WORK >> 3
  return (yield* times(high, yield* raised(10n, half))) + rest
}
