// What a query may see of its customer, and how its procedures name places in it.
//
// Days that are not in memory are loaded on the way: a procedure that needs one waits (`yield WAIT`), and the customer goes on
// with other work. What a query sees does not follow the clock: `today` is fixed when it starts (R18).

import { LetheError } from '../core/errors.js'
import type { CustomerState } from '../tables/state.js'
import type { Table } from '../tables/table.js'
import { kindNames, type TableKind } from '../tables/types.js'
import { outOfRange, wrongType } from './complaint.js'
import { type Context, WAIT } from './primitive.js'
import { Pair, Sym, Text, type Value } from './value.js'

/** One customer's data, for the length of one query. */
export interface QueryData {
  /** The later of the customer's day and the node's. */
  readonly today: number
  readonly state: CustomerState
  /** Asks for a day that is in the file but not in memory. While it is loading, the query is stepped again later. */
  ensureDay(day: number): 'ready' | 'loading'
}

/** Longest list of days. */
const MAX_DAYS = 10_000

/** The data that a query runs on. */
export function dataOf(context: Context, name: string): QueryData {
  if (context.host === undefined || context.host === null) {
    throw new LetheError('no-data', `\`${name}\` reads a customer's data: ask a node with \`lethe query\``, 400)
  }
  return context.host as QueryData
}

/** The table of that name, or undefined. Throws where it is of none of `kinds`. */
export function tableOf(data: QueryData, name: string, value: Value, kinds: readonly TableKind[]): Table | undefined {
  if (!(value instanceof Text) && !(value instanceof Sym))
    throw wrongType(name, 'the name of a table (a string)', value)
  const tableName = value instanceof Text ? value.text() : value.name
  const table = data.state.table(tableName)
  if (table === undefined || kinds.length === 0 || kinds.includes(table.kind)) return table
  const wanted = kinds.map(kind => `a ${kindNames[kind]}`).join(' or ')
  throw new LetheError(
    'wrong-type',
    `\`${name}\` wanted ${wanted}, and ${tableName} is a ${kindNames[table.kind]}`,
    400,
  )
}

export const isKey = (value: Value | undefined): value is Text | Sym => value instanceof Text || value instanceof Sym

const textOf = (key: Text | Sym): string => (key instanceof Text ? key.text() : key.name)

/** The days that an argument means; left out, today. A day that is named twice counts once. */
export function daysOf(context: Context, data: QueryData, name: string, value: Value | undefined): number[] {
  if (value === undefined) return [data.today]
  if (typeof value === 'number') return [value]
  const days = new Set<number>()
  let rest: Value = value
  for (; rest instanceof Pair; rest = rest.cdr) {
    context.charge(1)
    if (typeof rest.car !== 'number') throw wrongType(name, 'a day or a list of days', rest.car)
    days.add(rest.car)
    if (days.size > MAX_DAYS) throw outOfRange(name, `more than ${MAX_DAYS} days`)
  }
  if (rest !== null) throw wrongType(name, 'a day or a list of days', value)
  return [...days]
}

/** `[KEY] [DAYS]`: a number or a list in the key's place is the days. */
export function keyAndDays(
  context: Context,
  data: QueryData,
  name: string,
  first: Value | undefined,
  second: Value | undefined,
): { key: string; days: number[] } {
  if (first === undefined || isKey(first)) {
    return { key: first === undefined ? '' : textOf(first), days: daysOf(context, data, name, second) }
  }
  if (second !== undefined) throw wrongType(name, 'a key (a string)', first)
  return { key: '', days: daysOf(context, data, name, first) }
}

/** Whether a query may see a day: within the retention, counted from its today; tomorrow, for clocks ahead of ours. */
export function isVisible(data: QueryData, day: number): boolean {
  return day > data.today - data.state.retention && day <= data.today + 1
}

/** Brings the days into memory; answers those that hold anything. */
export function* present(data: QueryData, days: readonly number[]): Generator<number, number[], void> {
  const found: number[] = []
  for (const day of days) {
    if (!isVisible(data, day)) continue
    while (data.state.dayState(day) === 'stored') {
      yield data.ensureDay(day) === 'loading' ? WAIT : 1
    }
    if (data.state.dayState(day) === 'resident') found.push(day)
  }
  return found
}

/** All days that may hold something. */
export function retainedDays(data: QueryData): number[] {
  return Array.from({ length: data.state.retention + 1 }, (_, i) => data.today - data.state.retention + 1 + i)
}

// The machine measures memory between steps, so a generator asks for much of it in pieces.
const PIECE = 16_384

/** Accounts for memory that a generator is about to take. */
export function* take(context: Context, bytes: number): Generator<number, void, void> {
  for (let rest = bytes; rest > 0; rest -= PIECE) {
    context.allocate(Math.min(rest, PIECE))
    yield 1
  }
}

/** Rows that a scan looks at between two yields: some 10 µs. */
export const SCAN_ROWS = 1_000
const SORT_STEP = 1_000

/** Sorts in steps (merge sort). */
export function* sorted<T>(items: T[], isBefore: (a: T, b: T) => boolean): Generator<number, T[], void> {
  let from = items
  let to = new Array<T>(items.length)
  let work = 0
  for (let width = 1; width < items.length; width *= 2) {
    for (let start = 0; start < items.length; start += 2 * width) {
      const middle = Math.min(start + width, items.length)
      const end = Math.min(start + 2 * width, items.length)
      let left = start
      let right = middle
      for (let at = start; at < end; at++) {
        const takeRight = left >= middle || (right < end && isBefore(from[right]!, from[left]!))
        to[at] = takeRight ? from[right++]! : from[left++]!
        if (++work === SORT_STEP) {
          yield work * 4
          work = 0
        }
      }
    }
    const spare = from
    from = to
    to = spare
  }
  if (work > 0) yield work * 4
  return from
}
