// Days, as queries name them: a number, days since 1970-01-01 (UTC).

import { DAY_MS, dayToString } from '../core/clock.js'
import { outOfRange, wrongType } from './complaint.js'
import { dataOf } from './data.js'
import type { PrimitiveDefinition, PrimitiveGroup } from './primitive.js'
import { Bytes, listOf, Text, type Value } from './value.js'

const MAX_DAY = 3_000_000
const MAX_LAST = 10_000

function dayNumber(name: string, value: Value): number {
  if (typeof value !== 'number') throw wrongType(name, 'a day', value)
  if (Math.abs(value) > MAX_DAY) throw outOfRange(name, `${value} is no day`)
  return value
}

const primitives: PrimitiveDefinition[] = [
  {
    name: 'today',
    signature: '(today)',
    doc: 'Today, a day (UTC). It stays the same for the whole of a query.',
    example: ['(day->string (today))', '"2026-11-20"'],
    arity: [0, 0],
    run: context => dataOf(context, 'today').today,
  },
  {
    name: 'day',
    signature: '(day STRING)',
    doc: 'The day written as year-month-day.',
    example: ['(- (day "2026-11-20") (day "2026-11-01"))', '19'],
    arity: [1, 1],
    pure: true,
    run: (_context, value) => {
      if (!(value instanceof Text)) throw wrongType('day', 'a string such as "2026-11-20"', value)
      const text = value.text()
      const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
      if (Number.isNaN(ms) || dayToString(ms / DAY_MS) !== text) {
        throw wrongType('day', 'a date such as "2026-11-20"', value)
      }
      return ms / DAY_MS
    },
  },
  {
    name: 'days-ago',
    signature: '(days-ago N)',
    doc: 'The day N days before today.',
    example: ['(day->string (days-ago 3))', '"2026-11-17"'],
    arity: [1, 1],
    run: (context, n) => dataOf(context, 'days-ago').today - dayNumber('days-ago', n),
  },
  {
    name: 'last',
    signature: '(last N)',
    doc: 'The last N days as a list, oldest first, today last.',
    example: ['(map day->string (last 3))', '("2026-11-18" "2026-11-19" "2026-11-20")'],
    arity: [1, 1],
    run: (context, n) => {
      if (typeof n !== 'number' || n < 0) throw wrongType('last', 'a number of days', n)
      if (n > MAX_LAST) throw outOfRange('last', `more than ${MAX_LAST} days`)
      const { today } = dataOf(context, 'last')
      context.charge(n)
      context.allocate(n * Bytes.Pair)
      return listOf(Array.from({ length: n }, (_, i) => today - n + 1 + i))
    },
  },
  {
    name: 'day->string',
    signature: '(day->string DAY)',
    doc: 'The day, written as year-month-day.',
    example: ['(day->string 20000)', '"2024-10-04"'],
    arity: [1, 1],
    pure: true,
    run: (context, day) => {
      const text = dayToString(dayNumber('day->string', day))
      context.allocate(Bytes.Text + text.length)
      return new Text(text)
    },
  },
]

export const dayPrimitives: PrimitiveGroup = { title: 'Days', primitives }
