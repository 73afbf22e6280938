// Numbers: R4RS 6.5 without complex ones (whose procedures take reals), and a few conveniences.

import { indexOf, textOf } from './argument.js'
import { newText } from './builtins-strings.js'
import { divideByZero, outOfRange, wrongType } from './complaint.js'
import { fixed, spread } from './define.js'
import {
  add,
  bitsOf,
  compare,
  divide,
  divideIntegers,
  greatestCommonDivisor,
  isExactInteger,
  isInteger,
  isNumber,
  multiply,
  normalize,
  payBits,
  type Rounding,
  roundNumber,
  subtract,
  toDouble,
  toExact,
} from './number.js'
import {
  areHeavy,
  dividedBy,
  folded,
  integerDivision,
  multiplied,
  powerOf,
  product,
  quotientOf,
  rootOfNumber,
  simplest,
} from './number-operations.js'
import { type NumberValue, numberToString } from './number-print.js'
import { decimal, isLong, parsed } from './number-slices.js'
import { parseNumber } from './number-text.js'
import type { Context, PrimitiveDefinition, PrimitiveGroup, Resumable } from './primitive.js'
import { begin, leftToRight, pairwise, STRETCH, type Steps } from './slices.js'
import { Bytes, Flonum, Ratio, type Value } from './value.js'

function numberOf(name: string, value: Value): NumberValue {
  if (!isNumber(value)) throw wrongType(name, 'a number', value)
  return value
}

function flonum(context: Context, x: number): Flonum {
  context.allocate(Bytes.Flonum)
  return new Flonum(x)
}

function ordering(name: string, doc: string, holds: (order: number) => boolean): PrimitiveDefinition {
  const few = (context: Context, args: Value[]): Value => {
    let result = true
    if (args.length === 1) numberOf(name, args[0]!)
    for (let i = 1; i < args.length; i++) if (!holds(compare(name, args[i - 1]!, args[i]!))) result = false
    context.charge(args.length)
    return result
  }
  return spread(`(${name} NUMBER OTHER ...)`, doc, (context, args) =>
    args.length > STRETCH ? context.inSlices(pairwise(context, args, few)) : few(context, args),
  )
}

function test(name: string, doc: string, holds: (value: Value) => boolean): PrimitiveDefinition {
  return fixed(`(${name} VALUE)`, doc, (_, value) => holds(value))
}

function sign(name: string, doc: string, holds: (order: number) => boolean): PrimitiveDefinition {
  return fixed(`(${name} NUMBER)`, doc, (_, value) => holds(compare(name, value, 0)))
}

function parity(name: string, odd: boolean): PrimitiveDefinition {
  return fixed(`(${name} INTEGER)`, `#t if INTEGER is ${odd ? 'odd' : 'even'}.`, (_, value) => {
    if (!isInteger(value)) throw wrongType(name, 'an integer', value)
    const isOdd = typeof value === 'bigint' ? (value & 1n) === 1n : toDouble(value) % 2 !== 0
    return isOdd === odd
  })
}

function extreme(name: string, doc: string, better: (order: number) => boolean): PrimitiveDefinition {
  const few = (context: Context, args: Value[]): Value => {
    let best = numberOf(name, args[0]!)
    let inexact = best instanceof Flonum
    for (let i = 1; i < args.length; i++) {
      const next = numberOf(name, args[i]!)
      if (next instanceof Flonum) inexact = true
      const order = compare(name, next, best)
      if (better(order) || Number.isNaN(order)) best = next
    }
    context.charge(args.length)
    return inexact && !(best instanceof Flonum) ? flonum(context, toDouble(best)) : best
  }
  return spread(`(${name} NUMBER OTHER ...)`, doc, (context, args) =>
    args.length > STRETCH ? context.inSlices(leftToRight(context, args, few)) : few(context, args),
  )
}

function rounding(kind: Rounding, doc: string, example: readonly [string, string]): PrimitiveDefinition {
  return fixed(`(${kind} NUMBER)`, doc, (context, value) => roundNumber(context, kind, value), example)
}

function exactRounding(kind: Rounding): PrimitiveDefinition {
  return fixed(
    `(exact-${kind} NUMBER)`,
    `As \`${kind}\`, as an exact integer.`,
    (context, value) => toExact(context, `exact-${kind}`, roundNumber(context, kind, numberOf(`exact-${kind}`, value))),
    [`(exact-${kind} 2.5)`, kind === 'ceiling' ? '3' : '2'],
  )
}

/** A function on reals. An exact argument for which the answer is exactly known gets that. */
function real(
  name: string,
  doc: string,
  f: (x: number) => number,
  exact?: readonly [Value, Value],
  domain?: (x: number) => boolean,
): PrimitiveDefinition {
  return fixed(`(${name} NUMBER)`, doc, (context, value) => {
    const x = toDouble(numberOf(name, value))
    if (exact !== undefined && value === exact[0]) return exact[1]
    if (domain !== undefined && !domain(x)) throw outOfRange(name, 'the answer is not real')
    return flonum(context, f(x))
  })
}

const division = (kind: 'quotient' | 'remainder' | 'modulo', doc: string, example: readonly [string, string]) =>
  fixed(`(${kind} N D)`, doc, (context, a, b) => integerDivision(context, kind, a, b), example)

function fraction(name: string, pick: (ratio: Ratio) => bigint, whole: (n: Value) => Value): PrimitiveDefinition {
  return fixed(`(${name} RATIONAL)`, `The ${name} of RATIONAL in lowest terms.`, (context, value) => {
    const exact = toExact(context, name, value)
    const result = exact instanceof Ratio ? normalize(pick(exact)) : whole(exact)
    return value instanceof Flonum ? flonum(context, toDouble(result as NumberValue)) : result
  })
}

/** From here on toFixed writes an exponent. */
const FIXED_BELOW = 1e21

/** Digits of a number behind the point; exact ones are rounded exactly. */
function withPrecision(context: Context, value: NumberValue, digits: number): string {
  if (value instanceof Flonum && !Number.isFinite(value.value)) return numberToString(value, 10)
  if (value instanceof Flonum && Math.abs(value.value) < FIXED_BELOW) return value.value.toFixed(digits)
  const exact = toExact(context, 'number->string', value)
  const scaled = roundNumber(context, 'round', multiply(context, exact, normalize(10n ** BigInt(digits))))
  const text = numberToString(scaled, 10)
    .replace('-', '')
    .padStart(digits + 1, '0')
  const sign = compare('number->string', scaled, 0) < 0 ? '-' : ''
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`
}

/** Characters of a numeral that is read at once; of the longer ones only integers are read. */
const LONG_NUMERAL = 16_384

const radixOf = (name: string, value: Value): number => {
  const radix = value === undefined ? 10 : value
  if (radix !== 2 && radix !== 8 && radix !== 10 && radix !== 16) throw outOfRange(name, 'the radix is 2, 8, 10 or 16')
  return radix
}

function lcm(context: Context, a: Value, b: Value): NumberValue {
  const common = greatestCommonDivisor(context, a, b, 'lcm')
  if (compare('lcm', common, 0) === 0) return common
  const product = multiply(context, a, divideIntegers(context, 'quotient', b, common))
  return compare('lcm', product, 0) < 0 ? subtract(context, 0, product) : product
}

const fold =
  (
    name: string,
    unit: Value,
    step: (context: Context, a: Value, b: Value) => NumberValue,
    slowStep: (context: Context, a: Value, b: Value) => Steps<NumberValue> | NumberValue = step,
  ) =>
  (context: Context, args: Value[]): Value => {
    if (args.length === 0) return unit
    if (args.length === 1) return numberOf(name, args[0]!)
    if (args.length > STRETCH || areHeavy(args)) {
      return begin(
        context,
        folded(args, (a, b) => slowStep(context, a, b)),
      )
    }
    let result: Value = args[0]!
    for (let i = 1; i < args.length; i++) result = step(context, result, args[i]!)
    context.charge(args.length)
    return result
  }

const imaginary = (name: string): PrimitiveDefinition =>
  fixed(`(${name} REAL)`, 'Of a real number: 0.', (_, value) => (numberOf(name, value) === undefined ? value : 0))

export const numbers: PrimitiveGroup = {
  title: 'Numbers',
  primitives: [
    test('number?', '#t if VALUE is a number.', isNumber),
    test('complex?', '#t if VALUE is a number.', isNumber),
    test('real?', '#t if VALUE is a number.', isNumber),
    test(
      'rational?',
      '#t if VALUE is a finite number.',
      value => isNumber(value) && (!(value instanceof Flonum) || Number.isFinite(value.value)),
    ),
    test('integer?', '#t if VALUE is an integer, exact or not.', isInteger),
    test('exact-integer?', '#t if VALUE is an exact integer.', isExactInteger),
    fixed('(exact? NUMBER)', '#t if NUMBER is exact.', (_, value) => !(numberOf('exact?', value) instanceof Flonum)),
    fixed('(inexact? NUMBER)', '#t if NUMBER is inexact.', (_, value) => numberOf('inexact?', value) instanceof Flonum),
    fixed('(nan? NUMBER)', '#t if NUMBER is not a number.', (_, value) =>
      Number.isNaN(toDouble(numberOf('nan?', value))),
    ),
    fixed(
      '(finite? NUMBER)',
      '#t if NUMBER is finite.',
      (_, value) => !(numberOf('finite?', value) instanceof Flonum) || Number.isFinite(toDouble(value as Flonum)),
    ),
    fixed(
      '(infinite? NUMBER)',
      '#t if NUMBER is infinite.',
      (_, value) => numberOf('infinite?', value) instanceof Flonum && Math.abs(toDouble(value as Flonum)) === Infinity,
    ),
    ordering('=', '#t if all are equal.', order => order === 0),
    ordering('<', '#t if each is less than the next.', order => order < 0),
    ordering('>', '#t if each is greater than the next.', order => order > 0),
    ordering('<=', '#t if none is greater than the next.', order => order <= 0),
    ordering('>=', '#t if none is less than the next.', order => order >= 0),
    sign('zero?', '#t if NUMBER is 0.', order => order === 0),
    sign('positive?', '#t if NUMBER is greater than 0.', order => order > 0),
    sign('negative?', '#t if NUMBER is less than 0.', order => order < 0),
    parity('odd?', true),
    parity('even?', false),
    extreme('max', 'The greatest; inexact if any is.', order => order > 0),
    extreme('min', 'The least; inexact if any is.', order => order < 0),
    spread('(+ NUMBER ...)', 'The sum.', fold('+', 0, add), ['(+ 1/2 1/3)', '5/6']),
    spread(
      '(* NUMBER ...)',
      'The product.',
      (context, args) =>
        args.length === 2 ? product(context, args[0]!, args[1]!) : fold('*', 1, multiply, multiplied)(context, args),
      ['(* 2 3.5)', '7.0'],
    ),
    spread(
      '(- NUMBER OTHER ...)',
      'NUMBER minus the others; of one, its negation.',
      (context, args) => {
        if (args.length === 1)
          return args[0] instanceof Flonum ? flonum(context, -args[0].value) : subtract(context, 0, args[0]!)
        return fold('-', 0, subtract)(context, args)
      },
      ['(- 10 1 2)', '7'],
    ),
    spread(
      '(/ NUMBER OTHER ...)',
      'NUMBER divided by the others; of one, its inverse. Exact of exact numbers.',
      (context, args) => {
        if (args.length === 1) return divide(context, 1, args[0]!)
        if (args.length === 2) return quotientOf(context, args[0]!, args[1]!)
        return fold('/', 1, divide, dividedBy)(context, args)
      },
      ['(/ 1 3)', '1/3'],
    ),
    fixed(
      '(abs NUMBER)',
      'NUMBER without its sign.',
      (context, value) =>
        value instanceof Flonum
          ? flonum(context, Math.abs(value.value))
          : compare('abs', value, 0) < 0
            ? subtract(context, 0, value)
            : value,
      ['(abs -7)', '7'],
    ),
    fixed('(magnitude NUMBER)', 'NUMBER without its sign.', (context, value) =>
      compare('magnitude', value, 0) < 0 ? subtract(context, 0, value) : value,
    ),
    division('quotient', 'N / D, rounded towards 0.', ['(quotient -7 2)', '-3']),
    division('remainder', 'What `quotient` leaves; has the sign of N.', ['(remainder -7 2)', '-1']),
    division('modulo', 'N modulo D; has the sign of D.', ['(modulo -7 2)', '1']),
    spread(
      '(gcd INTEGER ...)',
      'The greatest common divisor.',
      (context, args) => fold('gcd', 0, greatestCommonDivisor)(context, [0, ...args]),
      ['(gcd 32 -36)', '4'],
    ),
    spread(
      '(lcm INTEGER ...)',
      'The least common multiple.',
      (context, args) => fold('lcm', 1, lcm)(context, [1, ...args]),
      ['(lcm 32 -36)', '288'],
    ),
    fraction(
      'numerator',
      ratio => ratio.numerator,
      n => n,
    ),
    fraction(
      'denominator',
      ratio => ratio.denominator,
      () => 1,
    ),
    rounding('floor', 'The greatest integer not above NUMBER.', ['(floor -4.3)', '-5.0']),
    rounding('ceiling', 'The least integer not below NUMBER.', ['(ceiling -4.3)', '-4.0']),
    rounding('truncate', 'NUMBER without its fraction.', ['(truncate -4.3)', '-4.0']),
    rounding('round', 'The nearest integer; to even, if two are.', ['(round 7/2)', '4']),
    exactRounding('round'),
    exactRounding('floor'),
    exactRounding('ceiling'),
    exactRounding('truncate'),
    fixed(
      '(rationalize X Y)',
      'The simplest rational within Y of X.',
      (context, x, y) => begin(context, rationalize(context, numberOf('rationalize', x), numberOf('rationalize', y))),
      ['(rationalize 3/10 1/10)', '1/3'],
    ),
    real('exp', 'e to the NUMBER.', Math.exp, [0, 1]),
    fixed(
      '(log NUMBER [BASE])',
      'The natural logarithm, or that to BASE.',
      (context, value, base) => {
        if (value === 1) return 0
        const x = numberOf('log', value)
        if (value === 0) throw divideByZero('log')
        if (compare('log', value, 0) < 0) throw outOfRange('log', 'the answer is not real')
        const natural = typeof x === 'bigint' ? logOfBig(x) : Math.log(toDouble(x))
        return flonum(context, base === undefined ? natural : natural / Math.log(toDouble(numberOf('log', base))))
      },
      ['(log 1)', '0'],
    ),
    real('sin', 'The sine.', Math.sin, [0, 0]),
    real('cos', 'The cosine.', Math.cos, [0, 1]),
    real('tan', 'The tangent.', Math.tan, [0, 0]),
    real('asin', 'The arc sine.', Math.asin, [0, 0], x => Math.abs(x) <= 1),
    real('acos', 'The arc cosine.', Math.acos, [1, 0], x => Math.abs(x) <= 1),
    fixed('(atan Y [X])', 'The arc tangent of Y, or the angle of the point (X, Y).', (context, y, x) => {
      const a = toDouble(numberOf('atan', y))
      if (x === undefined) return y === 0 ? 0 : flonum(context, Math.atan(a))
      const b = toDouble(numberOf('atan', x))
      if (y === 0 && isExactInteger(x) && x > 0) return 0
      if (y === 0 && x === 0) throw divideByZero('atan')
      return flonum(context, Math.atan2(a, b))
    }),
    fixed('(sqrt NUMBER)', 'The square root; exact if NUMBER is and the root can be.', rootOfNumber, [
      '(sqrt 1/4)',
      '1/2',
    ]),
    fixed('(square NUMBER)', 'NUMBER times itself.', (context, value) => product(context, value, value, 'square')),
    fixed('(expt BASE EXPONENT)', 'BASE to the EXPONENT; exact if both are and EXPONENT is an integer.', powerOf, [
      '(expt 2 100)',
      '1267650600228229401496703205376',
    ]),
    fixed(
      '(exact->inexact NUMBER)',
      'The real nearest to NUMBER.',
      (context, value) =>
        value instanceof Flonum ? value : flonum(context, toDouble(numberOf('exact->inexact', value))),
      ['(exact->inexact 1/4)', '0.25'],
    ),
    fixed('(inexact NUMBER)', 'The real nearest to NUMBER.', (context, value) =>
      value instanceof Flonum ? value : flonum(context, toDouble(numberOf('inexact', value))),
    ),
    fixed(
      '(inexact->exact NUMBER)',
      'The exact number equal to NUMBER.',
      (context, value) => toExact(context, 'inexact->exact', value),
      ['(inexact->exact 0.5)', '1/2'],
    ),
    fixed('(exact NUMBER)', 'The exact number equal to NUMBER.', (context, value) => toExact(context, 'exact', value)),
    fixed(
      '(number->string NUMBER [RADIX] [DIGITS])',
      'NUMBER as text; with DIGITS behind the point, if given.',
      (context, value, radix, digits) => {
        const number = numberOf('number->string', value)
        const base = radixOf('number->string', radix)
        const places = digits === undefined ? undefined : indexOf('number->string', digits, 0, 100)
        if (places !== undefined && base !== 10) throw outOfRange('number->string', 'DIGITS go with radix 10 only')
        if (isLong(number) && base === 10) return context.inSlices(longText(context, number, places))
        const bits = typeof number === 'bigint' ? bitsOf(number) : 64
        context.charge((bits >> 6) * Math.min(bits >> 6, 100))
        return newText(
          context,
          places === undefined ? numberToString(number, base) : withPrecision(context, number, places),
        )
      },
      ['(number->string 2/3 10 2)', '"0.67"'],
    ),
    fixed(
      '(string->number STRING [RADIX])',
      'The number that STRING is written as, or #f.',
      (context, text, radix) => {
        const string = textOf('string->number', text).text()
        const base = radixOf('string->number', radix)
        context.charge(string.length >> 3)
        context.allocate(Bytes.Ratio + string.length)
        if (string.length > LONG_NUMERAL) {
          if (string.length > context.limits.maxIntegerBits) return false
          return base === 10 && /^[+-]?[0-9]+$/.test(string) ? context.inSlices(longInteger(context, string)) : false
        }
        return parseNumber(string, base) ?? false
      },
      ['(string->number "1e3")', '1000.0'],
    ),
    fixed(
      '(make-rectangular REAL IMAGINARY)',
      'REAL; IMAGINARY must be an exact 0: there are no complex numbers.',
      (_, x, y) => {
        if (y !== 0) throw outOfRange('make-rectangular', 'there are no complex numbers')
        return numberOf('make-rectangular', x)
      },
    ),
    fixed(
      '(make-polar MAGNITUDE ANGLE)',
      'MAGNITUDE; ANGLE must be an exact 0: there are no complex numbers.',
      (_, x, y) => {
        if (y !== 0) throw outOfRange('make-polar', 'there are no complex numbers')
        return numberOf('make-polar', x)
      },
    ),
    fixed('(real-part NUMBER)', 'NUMBER.', (_, value) => numberOf('real-part', value)),
    imaginary('imag-part'),
    fixed('(angle NUMBER)', '0 of a positive number, pi of a negative one.', (context, value) =>
      compare('angle', value, 0) < 0 ? flonum(context, Math.PI) : 0,
    ),
  ],
}

function* rationalize(context: Context, x: NumberValue, y: NumberValue): Resumable {
  const tolerance = compare('rationalize', y, 0) < 0 ? subtract(context, 0, y) : y
  if (!(x instanceof Flonum || tolerance instanceof Flonum)) return yield* within(context, x, tolerance)
  const [a, b] = [toDouble(x), toDouble(tolerance)]
  if (!Number.isFinite(a) || !Number.isFinite(b))
    return flonum(context, Number.isFinite(a) ? (Number.isNaN(b) ? b : 0) : Number.isFinite(b) ? a : Number.NaN)
  const exact = yield* within(context, toExact(context, 'rationalize', x), toExact(context, 'rationalize', tolerance))
  return flonum(context, toDouble(exact))
}

function* within(context: Context, x: NumberValue, tolerance: NumberValue): Steps<NumberValue> {
  const low = subtract(context, x, tolerance)
  const high = add(context, x, tolerance)
  if (compare('rationalize', low, high) === 0) return x
  if (compare('rationalize', low, 0) > 0) return yield* simplest(context, low, high)
  if (compare('rationalize', high, 0) < 0)
    return subtract(context, 0, yield* simplest(context, subtract(context, 0, high), subtract(context, 0, low)))
  return 0
}

/** Text of a long integer, with zeros behind the point if `digits` are wanted there. */
function* longText(context: Context, value: bigint, digits: number | undefined): Resumable {
  const text = yield* decimal(value)
  return newText(context, digits === undefined || digits === 0 ? text : `${text}.${'0'.repeat(digits)}`)
}

function* longInteger(context: Context, text: string): Resumable {
  const isNegative = text.startsWith('-')
  const size = yield* parsed(/^[+-]/.test(text) ? text.slice(1) : text)
  payBits(context, bitsOf(size))
  return normalize(isNegative ? -size : size)
}

function logOfBig(x: bigint): number {
  const digits = x.toString(16).length
  const shift = Math.max(0, digits * 4 - 1000)
  return Math.log(Number(x >> BigInt(shift))) + shift * Math.LN2
}
