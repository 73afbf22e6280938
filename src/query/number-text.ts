// From text to numbers: `string->number`, and what the reader takes for a number. The grammar is R4RS's
// (section 6.5.6 and 7.1.1) without complex numbers: what JavaScript would also read (0x1f, 10n, 1_000, Infinity,
// leading blanks) is no number here.

import { defaultLimits } from '../core/limits.js'
import { exactOfDecimal, makeRatio, normalize } from './number.js'
import type { NumberValue } from './number-print.js'
import { Flonum, Ratio } from './value.js'

const maxDigits = Math.floor(defaultLimits.maxIntegerBits * 0.3)

const integerPatterns: Readonly<Record<number, RegExp>> = {
  2: /^[01]+#*$/,
  8: /^[0-7]+#*$/,
  10: /^[0-9]+#*$/,
  16: /^[0-9a-fA-F]+#*$/,
}
const prefixes: Readonly<Record<number, string>> = { 2: '0b', 8: '0o', 10: '', 16: '0x' }
const decimalPattern = /^(?:([0-9]+)(#*)\.(#*)|([0-9]*)\.([0-9]+)(#*)|([0-9]+)(#*)\.?)(?:[esfdlESFDL]([+-]?[0-9]+))?$/

/** Reads a number; undefined if `text` is none. `radix` is the default that a prefix may override. */
export function parseNumber(text: string, radix = 10): NumberValue | undefined {
  let exactness = ''
  let radixSeen = false
  let at = 0
  while (text.charCodeAt(at) === 35 /* # */) {
    const letter = text.charAt(at + 1).toLowerCase()
    if (letter === 'e' || letter === 'i') {
      if (exactness !== '') return undefined
      exactness = letter
    } else {
      const given = letter === 'b' ? 2 : letter === 'o' ? 8 : letter === 'd' ? 10 : letter === 'x' ? 16 : 0
      if (given === 0 || radixSeen) return undefined
      radix = given
      radixSeen = true
    }
    at += 2
  }
  return parseReal(text.slice(at), radix, exactness)
}

function parseReal(text: string, radix: number, exactness: string): NumberValue | undefined {
  if (radix === 10 && exactness === '' && text.length < 16 && /^[+-]?[0-9]+$/.test(text)) return Number(text) + 0
  if (text === '+inf.0' || text === '-inf.0' || text === '+nan.0' || text === '-nan.0') {
    if (exactness === 'e') return undefined
    return new Flonum(text === '+inf.0' ? Infinity : text === '-inf.0' ? -Infinity : NaN)
  }
  let negative = false
  let rest = text
  if (text.startsWith('-') || text.startsWith('+')) {
    negative = text.startsWith('-')
    rest = text.slice(1)
  }
  if (rest === '' || rest.length > maxDigits) return undefined
  const slash = rest.indexOf('/')
  const integer = integerPatterns[radix]!
  if (slash >= 0) {
    const above = parseInteger(rest.slice(0, slash), radix, integer)
    const below = parseInteger(rest.slice(slash + 1), radix, integer)
    if (above === undefined || below === undefined || below === 0n) return undefined
    const ratio = makeRatio(negative ? -above : above, below)
    return exactness === 'i' || (rest.includes('#') && exactness !== 'e') ? toInexact(ratio) : ratio
  }
  if (integer.test(rest)) {
    const whole = parseInteger(rest, radix, integer)!
    if (exactness === 'i' || (rest.includes('#') && exactness !== 'e')) {
      return new Flonum(negative ? -Number(whole) : Number(whole))
    }
    return normalize(negative ? -whole : whole)
  }
  return radix === 10 ? parseDecimal(rest, negative, exactness) : undefined
}

function toInexact(value: NumberValue): Flonum {
  if (value instanceof Flonum) return value
  return new Flonum(value instanceof Ratio ? Number(value.numerator) / Number(value.denominator) : Number(value))
}

function parseInteger(text: string, radix: number, pattern: RegExp): bigint | undefined {
  if (!pattern.test(text)) return undefined
  return BigInt(prefixes[radix]! + text.replaceAll('#', '0'))
}

function parseDecimal(text: string, negative: boolean, exactness: string): NumberValue | undefined {
  const found = decimalPattern.exec(text)
  if (found === null) return undefined
  const whole = (found[1] ?? found[4] ?? found[7] ?? '') + '0'.repeat((found[2] ?? found[8] ?? '').length)
  const fraction = found[5] ?? ''
  const exponent = found[9] ?? '0'
  if (exactness === 'e') {
    const exact = exactOfDecimal(BigInt(`${whole}${fraction}` || '0'), Number(exponent) - fraction.length)
    if (exact === undefined) return undefined
    return negative
      ? exact instanceof Ratio
        ? new Ratio(-exact.numerator, exact.denominator)
        : normalize(-BigInt(exact))
      : exact
  }
  const size = Number(`${whole || '0'}.${fraction || '0'}e${exponent}`)
  return new Flonum(negative ? -size : size)
}
