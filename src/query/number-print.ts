// Numbers as text. A real always has a point or an exponent, so that it reads back inexact.

import { Flonum, Ratio } from './value.js'

export type NumberValue = number | bigint | Ratio | Flonum

function flonumToString(x: number, radix: number): string {
  if (Number.isNaN(x)) return '+nan.0'
  if (x === Infinity) return '+inf.0'
  if (x === -Infinity) return '-inf.0'
  if (Object.is(x, -0)) return '-0.0'
  const text = x.toString(radix)
  if (radix !== 10) return text.includes('.') ? text : `${text}.0`
  if (text.includes('e')) return (text.includes('.') ? text : text.replace('e', '.0e')).replace('e+', 'e')
  return text.includes('.') ? text : `${text}.0`
}

export function numberToString(value: NumberValue, radix: number): string {
  if (value instanceof Flonum) return flonumToString(value.value, radix)
  if (value instanceof Ratio) return `${value.numerator.toString(radix)}/${value.denominator.toString(radix)}`
  return value.toString(radix)
}
