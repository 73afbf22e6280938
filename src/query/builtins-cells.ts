// Reading single cells that say more than a number: sketches, histograms, gauges, timelines. Cells of several days are
// merged, one day after the other.

import { DAY_MS } from '../core/clock.js'
import { Gauge } from '../sketch/gauge.js'
import type { Histogram } from '../sketch/histogram.js'
import { differenceCount, Hll, intersectionCount } from '../sketch/hll.js'
import type { Table } from '../tables/table.js'
import { TableKind } from '../tables/types.js'
import { countValue, unionEstimate } from './builtins-tables.js'
import { outOfRange, wrongType } from './complaint.js'
import { dataOf, isKey, keyAndDays, present, type QueryData, tableOf, take } from './data.js'
import { isNumber, toDouble } from './number.js'
import type { Context, PrimitiveDefinition, PrimitiveGroup, Resumable } from './primitive.js'
import { SketchValue } from './sketch-value.js'
import { Bytes, cons, Flonum, list, listOf, type Value } from './value.js'

/** Inclusion and exclusion look at every subset. */
const MAX_INTERSECTION = 8
/** What merging a dense sketch costs, in steps. */
const MERGE_STEPS = 1_500

function* sketchOf(
  context: Context,
  data: QueryData,
  table: Table | undefined,
  key: string,
  wanted: readonly number[],
): Resumable {
  const days = yield* present(data, wanted)
  const union = new Hll()
  const row = table === undefined ? -1 : table.findKeyText(key)
  if (row >= 0) {
    for (const day of days) {
      const sketch = table!.sketchAt(day, row)
      if (sketch !== undefined) union.merge(sketch)
      yield 20 + (union.byteSize >> 4)
    }
  }
  yield* take(context, union.byteSize)
  return new SketchValue(union)
}

function sketchArgument(name: string, value: Value): Hll {
  if (!(value instanceof SketchValue)) throw wrongType(name, 'a sketch', value)
  return value.hll
}

function* histogramOf(data: QueryData, table: Table | undefined, key: string, wanted: readonly number[]) {
  const days = yield* present(data, wanted)
  const row = table === undefined ? -1 : table.findKeyText(key)
  let merged: Histogram | undefined
  if (row >= 0) {
    for (const day of days) {
      const histogram = table!.histogramAt(day, row)
      if (histogram === undefined) continue
      if (merged === undefined) merged = histogram.clone()
      else merged.merge(histogram)
      yield 20 + (histogram.byteSize >> 4)
    }
  }
  return merged
}

/** A procedure that answers one figure of a histogram. */
function figure(
  name: string,
  doc: string,
  example: readonly [string, string],
  of: (histogram: Histogram) => Value,
  none: Value,
): PrimitiveDefinition {
  return {
    name,
    signature: `(${name} TABLE [KEY] [DAYS])`,
    doc,
    example,
    arity: [1, 3],
    resumable: (context, tableName, a, b) => {
      const data = dataOf(context, name)
      const table = tableOf(data, name, tableName, [TableKind.Histogram])
      const { key, days } = keyAndDays(context, data, name, a, b)
      return (function* (): Resumable {
        const histogram = yield* histogramOf(data, table, key, days)
        return histogram === undefined || histogram.count === 0 ? none : of(histogram)
      })()
    },
  }
}

function* gaugeOf(
  context: Context,
  data: QueryData,
  table: Table | undefined,
  key: string,
  wanted: readonly number[],
): Resumable {
  const days = yield* present(data, wanted)
  const row = table === undefined ? -1 : table.findKeyText(key)
  const merged = new Gauge()
  if (row >= 0) {
    for (const day of days) {
      const gauge = table!.gaugeAt(day, row)
      if (gauge !== undefined) merged.merge(gauge)
      yield 5
    }
  }
  if (merged.n === 0) return null
  context.allocate(10 * Bytes.Pair + 4 * Bytes.Flonum)
  const named = (name: string, value: Value) => cons(context.symbols.intern(name), value)
  return list(
    named('last', new Flonum(merged.last)),
    named('min', new Flonum(merged.min)),
    named('max', new Flonum(merged.max)),
    named('mean', new Flonum(merged.mean!)),
    named('n', merged.n),
  )
}

function* timelineOf(
  context: Context,
  data: QueryData,
  table: Table | undefined,
  key: string,
  days: readonly number[],
  minutes: number,
): Resumable {
  const there = new Set(yield* present(data, days))
  const row = table === undefined ? -1 : table.findKeyText(key)
  if (row < 0) return null
  const buckets: Value[] = []
  for (const day of days) {
    const line = there.has(day) ? table!.timelineAt(day, row) : undefined
    for (let minute = 0; minute < 1_440; minute += minutes) {
      const n = line === undefined ? 0 : line.sum(minute, Math.min(minute + minutes, 1_440))
      buckets.push(cons(day * DAY_MS + minute * 60_000, countValue(n)))
    }
    context.allocate(Math.ceil(1_440 / minutes) * 2 * Bytes.Pair)
    yield 20 * Math.ceil(1_440 / minutes)
  }
  return listOf(buckets)
}

const sketches: PrimitiveDefinition[] = [
  {
    name: 'uniques',
    signature: '(uniques TABLE [KEY] [DAYS])',
    doc: 'How many distinct values the sketch has seen over the days together, within about 0.8 %: an exact integer.',
    example: ['(uniques "users" (last 7))', '4'],
    arity: [1, 3],
    resumable: (context, name, a, b) => {
      const data = dataOf(context, 'uniques')
      const table = tableOf(data, 'uniques', name, [TableKind.Sketch])
      const { key, days } = keyAndDays(context, data, 'uniques', a, b)
      return (function* (): Resumable {
        const there = yield* present(data, days)
        const row = table === undefined ? -1 : table.findKeyText(key)
        return row < 0 ? 0 : yield* unionEstimate(table!, there, row)
      })()
    },
  },
  {
    name: 'sketch',
    signature: '(sketch TABLE [KEY] [DAYS])',
    doc: 'The sketch itself, of the days together.',
    example: ['(sketch-count (sketch "users" (last 7)))', '4'],
    arity: [1, 3],
    resumable: (context, name, a, b) => {
      const data = dataOf(context, 'sketch')
      const table = tableOf(data, 'sketch', name, [TableKind.Sketch])
      const { key, days } = keyAndDays(context, data, 'sketch', a, b)
      return sketchOf(context, data, table, key, days)
    },
  },
  {
    name: 'sketch-union',
    signature: '(sketch-union SKETCH …)',
    doc: 'A sketch of all that is in any of them.',
    example: ['(sketch-count (sketch-union (sketch "users" (today)) (sketch "users" (days-ago 1))))', '3'],
    arity: [0, Number.POSITIVE_INFINITY],
    spread: (context, args) => {
      const union = new Hll()
      for (const arg of args) {
        context.charge(MERGE_STEPS)
        union.merge(sketchArgument('sketch-union', arg))
      }
      context.allocate(union.byteSize)
      return new SketchValue(union)
    },
  },
  {
    name: 'sketch-count',
    signature: '(sketch-count SKETCH)',
    doc: 'How many distinct values are in it, about: an exact integer.',
    example: ['(sketch-count (sketch "users" "no such key"))', '0'],
    arity: [1, 1],
    run: (context, sketch) => {
      context.charge(MERGE_STEPS)
      return Math.round(sketchArgument('sketch-count', sketch).estimate())
    },
  },
  {
    name: 'sketch-intersection-count',
    signature: '(sketch-intersection-count SKETCH …)',
    doc: 'How many values are in all of them, about. The error is that of the union, so small overlaps of large sketches are guesses.',
    example: ['(sketch-intersection-count (sketch "users" (today)) (sketch "users" (days-ago 1)))', '2'],
    arity: [1, MAX_INTERSECTION],
    spread: (context, args) => {
      const sketches = args.map(arg => sketchArgument('sketch-intersection-count', arg))
      context.charge(MERGE_STEPS << sketches.length)
      return Math.round(intersectionCount(sketches))
    },
  },
  {
    name: 'sketch-difference-count',
    signature: '(sketch-difference-count A B)',
    doc: 'How many values are in A and not in B, about.',
    example: ['(sketch-difference-count (sketch "users" (today)) (sketch "users" (days-ago 1)))', '1'],
    arity: [2, 2],
    run: (context, a, b) => {
      context.charge(2 * MERGE_STEPS)
      return Math.round(
        differenceCount(sketchArgument('sketch-difference-count', a), sketchArgument('sketch-difference-count', b)),
      )
    },
  },
]

const histograms: PrimitiveDefinition[] = [
  {
    name: 'quantile',
    signature: '(quantile TABLE KEY Q [DAYS])',
    doc: 'The value that the fraction Q (0…1) of all observations does not exceed, within 1 %; #f where there are none. Numbers more than 18 decades below the greatest count as if they lay at that distance.',
    example: ['(exact-round (quantile "network/ms" "api" 0.5))', '20'],
    arity: [2, 4],
    resumable: (context, name, a, b, c) => {
      const data = dataOf(context, 'quantile')
      const table = tableOf(data, 'quantile', name, [TableKind.Histogram])
      const [keyArgument, q, wanted] = isKey(a) ? [a, b, c] : [undefined, a, b]
      if (q === undefined || !isNumber(q))
        throw wrongType('quantile', 'a fraction from 0 to 1', q === undefined ? false : q)
      const fraction = toDouble(q)
      if (!(fraction >= 0 && fraction <= 1)) throw outOfRange('quantile', `${fraction} is not from 0 to 1`)
      const { key, days } =
        keyArgument === undefined
          ? keyAndDays(context, data, 'quantile', wanted, undefined)
          : keyAndDays(context, data, 'quantile', keyArgument, wanted)
      return (function* (): Resumable {
        const histogram = yield* histogramOf(data, table, key, days)
        const value = histogram?.quantile(fraction)
        return value === undefined ? false : new Flonum(value)
      })()
    },
  },
  figure(
    'mean',
    'The mean of all observations; #f where there are none.',
    ['(mean "network/ms" "api")', '20.0'],
    h => new Flonum(h.mean!),
    false,
  ),
  figure(
    'minimum',
    'The least observation; #f where there are none.',
    ['(minimum "network/ms" "api")', '10.0'],
    h => new Flonum(h.min),
    false,
  ),
  figure(
    'maximum',
    'The greatest observation; #f where there are none.',
    ['(maximum "network/ms" "api")', '30.0'],
    h => new Flonum(h.max),
    false,
  ),
  figure(
    'observations',
    'How many observations there are.',
    ['(observations "network/ms" "api")', '3'],
    h => countValue(h.count),
    0,
  ),
]

const others: PrimitiveDefinition[] = [
  {
    name: 'gauge',
    signature: '(gauge TABLE [KEY] [DAYS])',
    doc: 'What is known of a gauge: ((last . x) (min . x) (max . x) (mean . x) (n . k)); () where it was never set.',
    example: ['(gauge "metric/gauge" "memory")', '((last . 3.0) (min . 1.0) (max . 3.0) (mean . 2.0) (n . 2))'],
    arity: [1, 3],
    resumable: (context, name, a, b) => {
      const data = dataOf(context, 'gauge')
      const table = tableOf(data, 'gauge', name, [TableKind.Gauge])
      const { key, days } = keyAndDays(context, data, 'gauge', a, b)
      return gaugeOf(context, data, table, key, days)
    },
  },
  {
    name: 'timeline',
    signature: '(timeline TABLE [KEY] [DAYS] [MINUTES])',
    doc: 'Counts over time: ((ms-since-epoch . n) …) in buckets of MINUTES (60 if left out), empty ones included.',
    example: ['(length (timeline "timeline/crashes" (today) 30))', '48'],
    arity: [1, 4],
    resumable: (context, name, a, b, c) => {
      const data = dataOf(context, 'timeline')
      const table = tableOf(data, 'timeline', name, [TableKind.Timeline])
      const hasKey = a === undefined || isKey(a)
      const given = hasKey ? c : b
      const minutes = given === undefined ? 60 : given
      if (!hasKey && c !== undefined) throw wrongType('timeline', 'a key (a string)', a)
      if (typeof minutes !== 'number') throw wrongType('timeline', 'a number of minutes', minutes)
      if (minutes < 1 || minutes > 1_440) throw outOfRange('timeline', 'a bucket has 1 to 1440 minutes')
      const { key, days } = keyAndDays(context, data, 'timeline', a, hasKey ? b : undefined)
      return timelineOf(context, data, table, key, days, minutes)
    },
  },
]

export const cellPrimitives: readonly PrimitiveGroup[] = [
  { title: 'Distinct users: sketches', primitives: sketches },
  { title: 'Durations and sizes: histograms', primitives: histograms },
  { title: 'Gauges and timelines', primitives: others },
]
