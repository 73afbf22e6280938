// The numeric tower: exact integers without bound, exact rationals, reals.
//
// An exact integer is a JavaScript number while it is safe (|n| < 2^53) and a bigint beyond; every operation ends in
// `normalize`, so one integer has one representation and `===` decides. The sum of two safe integers is below 2^54 and
// rounds at most at 2^53 and beyond, so "the double is safe" proves that it is exact; likewise for products.
//
// Exactness is contagious: an operation on an exact and an inexact number is inexact. Comparisons are not done in
// doubles where that could round: they are exact, hence transitive.
//
// Bigints are charged before they are made: by the bits of the result, bounded by maxIntegerBits.

import { divideByZero, integerLimit, outOfRange, wrongType } from './complaint.js'
import type { NumberValue } from './number-print.js'
import type { Context } from './primitive.js'
import { Flonum, Ratio, type Value } from './value.js'

const MAX = Number.MAX_SAFE_INTEGER

export function isNumber(value: Value): value is NumberValue {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Flonum || value instanceof Ratio
}

export function isExactInteger(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

/** `integer?` : also true of 3.0. */
export function isInteger(value: Value): value is number | bigint | Flonum {
  return isExactInteger(value) || (value instanceof Flonum && Number.isInteger(value.value))
}

export function normalize(value: bigint): number | bigint {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value
}

/** Bits of the parts of a rational: finding their common divisor must stay within a few milliseconds. */
const MAX_RATIO_BITS = 16_384

// Lehmer's: as long as the leading 50 bits decide the quotients, the steps are done on them alone, in doubles, and their
// product is applied to the whole numbers at once: a quarter of the time of Euclid's at 16,000 bits.
function gcdOf(a: bigint, b: bigint): bigint {
  if (a < 0n) a = -a
  if (b < 0n) b = -b
  if (a < b) [a, b] = [b, a]
  while (b > 9007199254740991n) {
    const shift = BigInt(Math.max(0, a.toString(16).length * 4 - 50))
    let x = Number(a >> shift)
    let y = Number(b >> shift)
    let [aa, ab, ba, bb] = [1, 0, 0, 1]
    while (y + ba !== 0 && y + bb !== 0) {
      const quotient = Math.floor((x + aa) / (y + ba))
      if (quotient !== Math.floor((x + ab) / (y + bb))) break
      ;[aa, ba] = [ba, aa - quotient * ba]
      ;[ab, bb] = [bb, ab - quotient * bb]
      ;[x, y] = [y, x - quotient * y]
    }
    if (ab === 0) [a, b] = [b, a % b]
    else [a, b] = [BigInt(aa) * a + BigInt(ab) * b, BigInt(ba) * a + BigInt(bb) * b]
  }
  if (b === 0n) return a
  return BigInt(gcdSmall(Number(b), Number(a % b)))
}

function gcdSmall(a: number, b: number): number {
  while (b !== 0) {
    const rest = a % b
    a = b
    b = rest
  }
  return a
}

/** The exact quotient; the denominator is not 0. Throws LetheError memory-limit where its parts are too long. */
export function makeRatio(numerator: bigint, denominator: bigint, context?: Context): number | bigint | Ratio {
  if (denominator < 0n) {
    numerator = -numerator
    denominator = -denominator
  }
  const words = Math.min(bitsOf(numerator), bitsOf(denominator)) >> 6
  if (words > 16) {
    if (numerator % denominator === 0n) return normalize(numerator / denominator)
    if (words << 6 > MAX_RATIO_BITS) throw integerLimit(MAX_RATIO_BITS)
    context?.charge(words * words)
  }
  const common = gcdOf(numerator, denominator)
  if (common !== 1n) {
    numerator /= common
    denominator /= common
  }
  return denominator === 1n ? normalize(numerator) : new Ratio(numerator, denominator)
}

/** About how many bits an integer has. */
export function bitsOf(value: bigint): number {
  const size = Math.abs(Number(value))
  return size < 1e300 ? Math.ceil(Math.log2(size + 1)) : value.toString(16).length * 4
}

const log2Of = (value: bigint): number => {
  const size = Math.abs(Number(value))
  return size < 1e300 ? Math.log2(size) : bitsOf(value)
}

/** Pays for a bigint of about `bits` bits, or refuses it. */
export function payBits(context: Context, bits: number): void {
  if (bits > 256) {
    if (bits > context.limits.maxIntegerBits) throw integerLimit(context.limits.maxIntegerBits)
    context.charge(bits >> 9)
  }
  context.allocate(32 + (bits >> 3))
}

export function toDouble(value: NumberValue): number {
  if (typeof value === 'number') return value
  if (value instanceof Flonum) return value.value
  if (typeof value === 'bigint') return Number(value)
  return ratioToDouble(value)
}

function ratioToDouble(ratio: Ratio): number {
  const { numerator, denominator } = ratio
  const above = Number(numerator)
  const below = Number(denominator)
  if (Math.abs(above) <= MAX && below <= MAX) return above / below
  // Scale so that the integer quotient has 66 bits or so, keep what was cut off as a sticky bit, and let Number() round.
  const negative = numerator < 0n
  const size = negative ? -numerator : numerator
  const shift = BigInt(bitsOf(denominator) - bitsOf(size) + 66)
  const scaled = shift >= 0n ? size << shift : size
  const divisor = shift >= 0n ? denominator : denominator << -shift
  let quotient = scaled / divisor
  if (quotient * divisor !== scaled) quotient |= 1n
  const exponent = -Number(shift)
  const half = Math.trunc(exponent / 2)
  const result = Number(quotient) * 2 ** half * 2 ** (exponent - half)
  return negative ? -result : result
}

const flonum = (context: Context, x: number): Flonum => {
  context.allocate(32)
  return new Flonum(x)
}

const numeratorOf = (x: number | bigint | Ratio): bigint => (x instanceof Ratio ? x.numerator : BigInt(x))
const denominatorOf = (x: number | bigint | Ratio): bigint => (x instanceof Ratio ? x.denominator : 1n)

const ratioBits = (x: number | bigint | Ratio): number =>
  x instanceof Ratio ? bitsOf(x.numerator) + bitsOf(x.denominator) : typeof x === 'bigint' ? bitsOf(x) : 53

export function add(context: Context, a: Value, b: Value, name = '+'): NumberValue {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b
    if (sum <= MAX && sum >= -MAX) return sum
    return normalize(BigInt(a) + BigInt(b))
  }
  checkNumber(name, a)
  checkNumber(name, b)
  if (a instanceof Flonum || b instanceof Flonum) return flonum(context, toDouble(a) + toDouble(b))
  payBits(context, Math.max(ratioBits(a), ratioBits(b)) + 1)
  if (a instanceof Ratio || b instanceof Ratio) {
    const below = denominatorOf(a)
    const otherBelow = denominatorOf(b)
    return makeRatio(numeratorOf(a) * otherBelow + numeratorOf(b) * below, below * otherBelow, context)
  }
  return normalize(BigInt(a) + BigInt(b))
}

export function subtract(context: Context, a: Value, b: Value, name = '-'): NumberValue {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b
    if (difference <= MAX && difference >= -MAX) return difference
    return normalize(BigInt(a) - BigInt(b))
  }
  checkNumber(name, a)
  checkNumber(name, b)
  if (a instanceof Flonum || b instanceof Flonum) return flonum(context, toDouble(a) - toDouble(b))
  payBits(context, Math.max(ratioBits(a), ratioBits(b)) + 1)
  if (a instanceof Ratio || b instanceof Ratio) {
    const below = denominatorOf(a)
    const otherBelow = denominatorOf(b)
    return makeRatio(numeratorOf(a) * otherBelow - numeratorOf(b) * below, below * otherBelow, context)
  }
  return normalize(BigInt(a) - BigInt(b))
}

export function multiply(context: Context, a: Value, b: Value, name = '*'): NumberValue {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b
    if (product <= MAX && product >= -MAX) return product + 0
    return normalize(BigInt(a) * BigInt(b))
  }
  checkNumber(name, a)
  checkNumber(name, b)
  if (a instanceof Flonum || b instanceof Flonum) return flonum(context, toDouble(a) * toDouble(b))
  const bits = ratioBits(a)
  const otherBits = ratioBits(b)
  payBits(context, bits + otherBits)
  context.charge(((bits >> 6) * Math.min(otherBits >> 6, 64)) >> 4)
  if (a instanceof Ratio || b instanceof Ratio) {
    return makeRatio(numeratorOf(a) * numeratorOf(b), denominatorOf(a) * denominatorOf(b), context)
  }
  return normalize(BigInt(a) * BigInt(b))
}

export function divide(context: Context, a: Value, b: Value, name = '/'): NumberValue {
  checkNumber(name, a)
  checkNumber(name, b)
  if (b === 0) throw divideByZero(name)
  if (a instanceof Flonum || b instanceof Flonum) return flonum(context, toDouble(a) / toDouble(b))
  if (typeof a === 'number' && typeof b === 'number') {
    const quotient = a / b
    if (Number.isInteger(quotient)) return quotient + 0
  }
  payBits(context, ratioBits(a) + ratioBits(b))
  context.charge((ratioBits(a) + ratioBits(b)) >> 4)
  return makeRatio(numeratorOf(a) * denominatorOf(b), denominatorOf(a) * numeratorOf(b), context)
}

function checkNumber(name: string, value: Value): asserts value is NumberValue {
  if (!isNumber(value)) throw wrongType(name, 'a number', value)
}

/** Negative, zero or positive as a < b, a = b, a > b; NaN if either is. Exact, whatever the representations. */
export function compare(name: string, a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  checkNumber(name, a)
  checkNumber(name, b)
  if (a instanceof Flonum && b instanceof Flonum) {
    return a.value < b.value ? -1 : a.value > b.value ? 1 : a.value === b.value ? 0 : Number.NaN
  }
  if (a instanceof Flonum || b instanceof Flonum) {
    const x = a instanceof Flonum ? a.value : b instanceof Flonum ? b.value : 0
    if (Number.isNaN(x)) return Number.NaN
    if (!Number.isFinite(x)) return a instanceof Flonum ? x : -x
  }
  if (a instanceof Ratio || b instanceof Ratio) {
    const left = exactOf(a)
    const right = exactOf(b)
    const x = numeratorOf(left) * denominatorOf(right)
    const y = numeratorOf(right) * denominatorOf(left)
    return x < y ? -1 : x > y ? 1 : 0
  }
  // JavaScript compares a bigint and a double by their mathematical values.
  const x = a instanceof Flonum ? a.value : a
  const y = b instanceof Flonum ? b.value : b
  return x < y ? -1 : x > y ? 1 : 0
}

/** The exact number equal to a finite one. */
function exactOf(value: NumberValue): number | bigint | Ratio {
  return value instanceof Flonum ? exactOfDouble(value.value) : value
}

function exactOfDouble(x: number): number | bigint | Ratio {
  if (Number.isInteger(x)) return Math.abs(x) <= MAX ? x + 0 : BigInt(x)
  let denominator = 1n
  let scale = 0
  while (!Number.isInteger(x) && scale < 1100) {
    x *= 2
    scale++
  }
  denominator <<= BigInt(scale)
  return makeRatio(BigInt(x), denominator)
}

/** digits · 10^exponent, exactly; undefined if that is absurdly large. */
export function exactOfDecimal(digits: bigint, exponent: number): number | bigint | Ratio | undefined {
  if (Math.abs(exponent) > 10_000) return undefined
  const power = 10n ** BigInt(Math.abs(exponent))
  return exponent >= 0 ? normalize(digits * power) : makeRatio(digits, power)
}

export function toExact(context: Context, name: string, value: Value): NumberValue {
  if (!(value instanceof Flonum)) {
    if (!isNumber(value)) throw wrongType(name, 'a number', value)
    return value
  }
  if (!Number.isFinite(value.value)) throw wrongType(name, 'a finite number', value)
  context.allocate(256)
  return exactOfDouble(value.value)
}

export type IntegerDivision = 'quotient' | 'remainder' | 'modulo'

export function divideIntegers(context: Context, kind: IntegerDivision, a: Value, b: Value): NumberValue {
  if (typeof a === 'number' && typeof b === 'number') {
    if (b === 0) throw divideByZero(kind)
    if (kind === 'quotient') return (a - (a % b)) / b + 0
    const rest = a % b
    if (kind === 'remainder' || rest === 0 || rest < 0 === b < 0) return rest + 0
    return rest + b
  }
  if (!isInteger(a)) throw wrongType(kind, 'an integer', a)
  if (!isInteger(b)) throw wrongType(kind, 'an integer', b)
  if (b === 0 || (b instanceof Flonum && b.value === 0)) throw divideByZero(kind)
  if (a instanceof Flonum || b instanceof Flonum) {
    const x = toDouble(a)
    const y = toDouble(b)
    const rest = x % y
    if (kind === 'quotient') return flonum(context, Math.trunc((x - rest) / y) + 0)
    if (kind === 'remainder' || rest === 0 || rest < 0 === y < 0) return flonum(context, rest + 0)
    return flonum(context, rest + y)
  }
  const x = BigInt(a)
  const y = BigInt(b)
  payBits(context, bitsOf(x))
  context.charge(((bitsOf(x) >> 6) * Math.min(bitsOf(y) >> 6, 64)) >> 4)
  if (kind === 'quotient') return normalize(x / y)
  const rest = x % y
  if (kind === 'remainder' || rest === 0n || rest < 0n === y < 0n) return normalize(rest)
  return normalize(rest + y)
}

export function greatestCommonDivisor(context: Context, a: Value, b: Value, name = 'gcd'): NumberValue {
  if (!isInteger(a)) throw wrongType(name, 'an integer', a)
  if (!isInteger(b)) throw wrongType(name, 'an integer', b)
  if (a instanceof Flonum || b instanceof Flonum) {
    return flonum(context, gcdSmall(Math.abs(toDouble(a)), Math.abs(toDouble(b))))
  }
  if (typeof a === 'number' && typeof b === 'number') return gcdSmall(Math.abs(a), Math.abs(b))
  const x = BigInt(a)
  const y = BigInt(b)
  const words = (bitsOf(x) + bitsOf(y)) >> 6
  payBits(context, Math.max(bitsOf(x), bitsOf(y)))
  if (words > 256) throw outOfRange(name, 'integers beyond 16,000 bits')
  context.charge(words * words)
  return normalize(gcdOf(x, y))
}

export type Rounding = 'floor' | 'ceiling' | 'truncate' | 'round'

function roundDouble(x: number): number {
  const down = Math.floor(x)
  const rest = x - down
  if (rest < 0.5) return down
  const isDown = rest === 0.5 && down % 2 === 0
  // -0.2 is nearest to -0.0, which adding 1 to -1 is not.
  return isDown ? down : x < 0 ? -Math.abs(down + 1) : down + 1
}

export function roundNumber(context: Context, kind: Rounding, value: Value): NumberValue {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  if (value instanceof Flonum) {
    const x = value.value
    const rounded =
      kind === 'floor'
        ? Math.floor(x)
        : kind === 'ceiling'
          ? Math.ceil(x)
          : kind === 'truncate'
            ? Math.trunc(x)
            : roundDouble(x)
    return flonum(context, Object.is(x, -0) ? x : rounded)
  }
  if (!(value instanceof Ratio)) throw wrongType(kind, 'a number', value)
  const { numerator, denominator } = value
  let down = numerator / denominator
  if (numerator < 0n) down -= 1n
  if (kind === 'floor') return normalize(down)
  if (kind === 'ceiling') return normalize(down + 1n)
  if (kind === 'truncate') return normalize(numerator < 0n ? down + 1n : down)
  const twice = (numerator - down * denominator) * 2n
  const up = twice > denominator || (twice === denominator && down % 2n !== 0n)
  return normalize(up ? down + 1n : down)
}

export function squareRoot(context: Context, value: Value): NumberValue {
  if (!isNumber(value)) throw wrongType('sqrt', 'a number', value)
  if (compare('sqrt', value, 0) < 0) throw outOfRange('sqrt', 'a negative number has no real square root')
  if (value instanceof Flonum) return flonum(context, Math.sqrt(value.value))
  if (value instanceof Ratio) {
    const above = integerRoot(context, value.numerator)
    const below = integerRoot(context, value.denominator)
    if (above * above === value.numerator && below * below === value.denominator) return makeRatio(above, below)
    return flonum(context, Math.sqrt(toDouble(value)))
  }
  if (typeof value === 'number') {
    const root = Math.sqrt(value)
    return Number.isInteger(root) && root * root === value ? root : flonum(context, root)
  }
  const root = integerRoot(context, value)
  return root * root === value ? normalize(root) : flonum(context, nearRoot(value, root))
}

/** The root of an integer that is no square, as a double; `root` is the integer below it. Beyond 10^308 only that is a double. */
export function nearRoot(value: bigint, root: bigint): number {
  const whole = Number(value)
  return Number.isFinite(whole) ? Math.sqrt(whole) : Number(root)
}

function integerRoot(context: Context, value: bigint): bigint {
  if (value < 2n) return value
  const bits = bitsOf(value)
  payBits(context, bits)
  context.charge(((bits >> 6) * (bits >> 6)) >> 4)
  let guess = 1n << BigInt((bits >> 1) + 1)
  for (;;) {
    const next = (guess + value / guess) >> 1n
    if (next >= guess) return guess
    guess = next
  }
}

export function power(context: Context, base: Value, exponent: Value): NumberValue {
  checkNumber('expt', base)
  checkNumber('expt', exponent)
  const by = exponent
  if (isExactInteger(by)) {
    if (by === 0) return 1
    if (base instanceof Flonum) return flonum(context, base.value ** Number(by))
    return exactPower(context, base, by)
  }
  if (by instanceof Flonum && base === 0 && by.value > 0) return 0
  const result = toDouble(base) ** toDouble(by)
  if (Number.isNaN(result) && compare('expt', base, 0) < 0) {
    throw outOfRange('expt', 'a negative number to a fraction is not real')
  }
  // (expt 4 1/2) and (expt 1/4 1/2) are exact where the root is.
  if (by instanceof Ratio && by.denominator === 2n && !(base instanceof Flonum)) {
    const root = squareRoot(context, base)
    if (!(root instanceof Flonum)) return exactPower(context, root, normalize(by.numerator))
  }
  return flonum(context, result)
}

function exactPower(context: Context, base: number | bigint | Ratio, exponent: number | bigint): NumberValue {
  if (base === 1 || exponent === 0) return 1
  if (base === 0) {
    if (exponent < 0) throw divideByZero('expt')
    return 0
  }
  if (base === -1) return BigInt(exponent) % 2n === 0n ? 1 : -1
  const by = exponent < 0 ? -exponent : exponent
  if (typeof by === 'bigint') throw integerLimit(context.limits.maxIntegerBits)
  const bits = Math.max(log2Of(numeratorOf(base)), log2Of(denominatorOf(base)))
  payBits(context, Math.ceil(bits * by) + 1)
  context.charge((((bits * by) >> 6) * Math.min((bits * by) >> 6, 64)) >> 4)
  const above = numeratorOf(base) ** BigInt(by)
  const below = denominatorOf(base) ** BigInt(by)
  return exponent < 0 ? makeRatio(below, above) : below === 1n ? normalize(above) : new Ratio(above, below)
}
