// Instants as text: the ISO 8601 that clients write, to milliseconds since the epoch. By hand, because Date.parse reads local time
// into some shapes and differs between engines, and a replay must read the same.

import { DAY_MS } from '../core/clock.js'

/** What Date can hold: ±100,000,000 days. */
export const MAX_MS = 8.64e15

const MONTH_DAYS = new Uint8Array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])

/**
 * Milliseconds of an instant written as `2026-11-20`, `2026-11-20T12:34`, `2026-11-20 12:34:56`, `…:56.789123`, with `Z`, `+02:00`,
 * `+0200`, `+02` or nothing (UTC) behind it, or as the milliseconds themselves in digits. NaN where it is none of these.
 */
export function parseInstant(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 10) return Number.NaN
  if (bytes[start + 4] !== 0x2d || bytes[start + 7] !== 0x2d) return parseDigits(bytes, start, end)
  const year = digits(bytes, start, 4)
  const month = digits(bytes, start + 5, 2)
  const day = digits(bytes, start + 8, 2)
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return Number.NaN
  const midnight = daysFromCivil(year, month, day) * DAY_MS
  let i = start + 10
  if (i === end) return midnight
  const separator = bytes[i]! | 0x20
  if (separator !== 0x74 && separator !== 0x20) return Number.NaN
  if (end - i < 6 || bytes[i + 3] !== 0x3a) return Number.NaN
  const hour = digits(bytes, i + 1, 2)
  const minute = digits(bytes, i + 4, 2)
  i += 6
  let second = 0
  let fraction = 0
  if (i < end && bytes[i] === 0x3a) {
    second = end - i >= 3 ? digits(bytes, i + 1, 2) : -1
    i += 3
    if (i < end && (bytes[i] === 0x2e || bytes[i] === 0x2c)) {
      const first = ++i
      let scale = 100
      for (; i < end && isDigit(bytes[i]!); i++, scale /= 10) if (scale >= 1) fraction += (bytes[i]! - 0x30) * scale
      if (i === first) return Number.NaN
    }
  }
  // 24:00:00 is the end of a day; second 60 is a leap second, which becomes the next second.
  if (hour < 0 || minute < 0 || second < 0 || minute > 59 || second > 60) return Number.NaN
  if (hour > 24 || (hour === 24 && (minute > 0 || second > 0 || fraction > 0))) return Number.NaN
  const offset = parseOffset(bytes, i, end)
  return midnight + ((hour * 60 + minute - offset) * 60 + second) * 1_000 + fraction
}

/** Minutes east of UTC; NaN where the rest is no offset. */
function parseOffset(bytes: Uint8Array, i: number, end: number): number {
  if (i === end) return 0
  const c = bytes[i]!
  if (c === 0x5a || c === 0x7a) return i + 1 === end ? 0 : Number.NaN
  if (c !== 0x2b && c !== 0x2d) return Number.NaN
  const size = end - i
  if (size !== 3 && size !== 5 && size !== 6) return Number.NaN
  if (size === 6 && bytes[i + 3] !== 0x3a) return Number.NaN
  const hours = digits(bytes, i + 1, 2)
  const minutes = size === 3 ? 0 : digits(bytes, end - 2, 2)
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return Number.NaN
  return (c === 0x2d ? -1 : 1) * (hours * 60 + minutes)
}

function parseDigits(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > 15) return Number.NaN
  const value = digits(bytes, start, end - start)
  return value < 0 ? Number.NaN : value
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39
}

/** A number of `size` digits, or −1. */
function digits(bytes: Uint8Array, start: number, size: number): number {
  let value = 0
  for (let i = start; i < start + size; i++) {
    const c = bytes[i]!
    if (!isDigit(c)) return -1
    value = value * 10 + (c - 0x30)
  }
  return value
}

function daysIn(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return month === 2 && leap ? 29 : MONTH_DAYS[month - 1]!
}

/** Days since 1970-01-01 of a Gregorian date (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}
