// Reading tables as a whole or key by key: counters, sets, and what all kinds have in common.
//
// What runs over the keys of a table is a generator: at most SCAN_ROWS rows between two yields. A scan ends at the row count of
// its start (R18); days are brought into memory before it begins.

import type { Table } from '../tables/table.js'
import { kindNames, TableKind } from '../tables/types.js'
import { Best, type Ranked } from './best.js'
import { outOfRange, wrongType } from './complaint.js'
import { dataOf, daysOf, isKey, keyAndDays, present, type QueryData, SCAN_ROWS, sorted, tableOf, take } from './data.js'
import { normalize } from './number.js'
import type { Context, PrimitiveDefinition, PrimitiveGroup, Resumable } from './primitive.js'
import { listSlowly, stretches } from './slices.js'
import { Bytes, cons, Flonum, list, listOf, Text, type Value } from './value.js'

/** A counter's double as a number: exact where it is an integer. */
export function countValue(x: number): Value {
  return Number.isInteger(x) ? normalize(BigInt(x)) : new Flonum(x)
}

/** A new text, accounted for. */
export function textValue(context: Context, text: string): Text {
  context.allocate(Bytes.Text + 2 * text.length)
  return new Text(text)
}

/** The sum of a counter over days that are in memory. */
export function sumOf(table: Table | undefined, key: string, days: readonly number[]): number {
  const row = table === undefined ? -1 : table.findKeyText(key)
  let sum = 0
  if (row >= 0) for (const day of days) sum += table!.counterAt(day, row)
  return sum
}

/** Whether a key has a cell on that day. */
function isTouched(table: Table, day: number, row: number): boolean {
  switch (table.kind) {
    case TableKind.Counter:
      return table.counterAt(day, row) !== 0
    case TableKind.Sketch:
      return table.estimateAt(day, row) > 0
    case TableKind.Set:
      return table.setAt(day, row) !== undefined
    case TableKind.Histogram:
      return table.histogramAt(day, row) !== undefined
    case TableKind.Gauge:
      return table.gaugeAt(day, row) !== undefined
    case TableKind.Timeline:
      return table.timelineAt(day, row) !== undefined
  }
}

function* keysOf(context: Context, data: QueryData, table: Table, wanted: readonly number[]): Resumable {
  const days = yield* present(data, wanted)
  const keys: string[] = []
  const { rows } = table
  for (let row = 0; row < rows; row++) {
    if (row % SCAN_ROWS === SCAN_ROWS - 1) yield SCAN_ROWS * days.length
    if (!days.some(day => isTouched(table, day, row))) continue
    const key = table.keyText(row)
    context.allocate(Bytes.Text + 2 * key.length)
    keys.push(key)
  }
  const inOrder = yield* sorted(keys, (a, b) => a < b)
  const texts: Value[] = []
  yield* stretches(inOrder.length, (from, to) => {
    for (let i = from; i < to; i++) texts.push(new Text(inOrder[i]!))
  })
  return yield* listSlowly(context, texts)
}

function* totalOf(data: QueryData, table: Table, wanted: readonly number[]): Resumable {
  const days = yield* present(data, wanted)
  const { rows } = table
  let sum = 0
  for (const day of days) {
    for (let row = 0; row < rows; row++) {
      sum +=
        table.kind === TableKind.Counter ? table.counterAt(day, row) : (table.timelineAt(day, row)?.sum(0, 1_440) ?? 0)
      if (row % SCAN_ROWS === SCAN_ROWS - 1) yield SCAN_ROWS
    }
  }
  return countValue(sum)
}

/** The estimate for one key over several days. Merges only where there is something to merge. */
export function* unionEstimate(table: Table, days: readonly number[], row: number): Generator<number, number, void> {
  const touched = days.filter(day => table.estimateAt(day, row) > 0)
  if (touched.length === 0) return 0
  if (touched.length === 1) return Math.round(table.estimateAt(touched[0]!, row))
  const union = table.sketchAt(touched[0]!, row)!
  for (let i = 1; i < touched.length; i++) {
    const more = table.sketchAt(touched[i]!, row)
    if (more !== undefined) union.merge(more)
    yield 20 + (union.byteSize >> 4)
  }
  return Math.round(union.estimate())
}

// No generator: its doubles would be objects, 8 MB of garbage for 500,000 rows.
function offerCounts(best: Best, table: Table, days: readonly number[], from: number, to: number): number {
  let taken = 0
  for (let row = from; row < to; row++) {
    let rank = 0
    for (const day of days) rank += table.counterAt(day, row)
    if (rank !== 0 && rank >= best.least && best.offer({ row, rank })) taken++
  }
  return taken
}

function* offerSketches(
  best: Best,
  table: Table,
  days: readonly number[],
  from: number,
  to: number,
): Generator<number, number, void> {
  let taken = 0
  for (let row = from; row < to; row++) {
    const rank = yield* unionEstimate(table, days, row)
    if (rank !== 0 && rank >= best.least && best.offer({ row, rank })) taken++
  }
  return taken
}

function* topOf(context: Context, data: QueryData, k: number, table: Table, wanted: readonly number[]): Resumable {
  const days = yield* present(data, wanted)
  const isBefore = (a: Ranked, b: Ranked): boolean =>
    a.rank !== b.rank ? a.rank > b.rank : table.keyText(a.row) < table.keyText(b.row)
  const best = new Best(k, isBefore)
  const { rows } = table
  for (let row = 0; k > 0 && row < rows; row += SCAN_ROWS) {
    const end = Math.min(rows, row + SCAN_ROWS)
    const taken =
      table.kind === TableKind.Counter
        ? offerCounts(best, table, days, row, end)
        : yield* offerSketches(best, table, days, row, end)
    context.allocate(best.grown() * Bytes.Pair)
    yield SCAN_ROWS * days.length + taken * 20
  }
  const inOrder = yield* sorted(best.heap, isBefore)
  const pairs: Value[] = []
  for (const { row, rank } of inOrder) {
    context.allocate(Bytes.Pair)
    pairs.push(cons(textValue(context, table.keyText(row)), countValue(rank)))
    if (pairs.length % SCAN_ROWS === 0) yield SCAN_ROWS
  }
  return yield* listSlowly(context, pairs)
}

/** One day of a table as a number, by its kind: a sum, distinct ones, members, observations, the last value. */
function* figureOf(data: QueryData, table: Table, key: string, day: number): Resumable {
  const [there] = yield* present(data, [day])
  const row = there === undefined ? -1 : table.findKeyText(key)
  switch (table.kind) {
    case TableKind.Counter:
      return row < 0 ? 0 : countValue(table.counterAt(day, row))
    case TableKind.Sketch:
      return row < 0 ? 0 : Math.round(table.estimateAt(day, row))
    case TableKind.Set:
      return row < 0 ? 0 : (table.setAt(day, row)?.size ?? 0)
    case TableKind.Histogram:
      return row < 0 ? 0 : (table.histogramAt(day, row)?.count ?? 0)
    case TableKind.Timeline:
      return row < 0 ? 0 : countValue(table.timelineAt(day, row)?.sum(0, 1_440) ?? 0)
    case TableKind.Gauge: {
      const gauge = row < 0 ? undefined : table.gaugeAt(day, row)
      return gauge === undefined ? false : new Flonum(gauge.last)
    }
  }
}

function* seriesOf(
  context: Context,
  data: QueryData,
  table: Table | undefined,
  key: string,
  days: readonly number[],
): Resumable {
  const rows: Value[] = []
  for (const day of days) {
    context.allocate(2 * Bytes.Pair)
    rows.push(cons(day, table === undefined ? 0 : yield* figureOf(data, table, key, day)))
    yield 10
  }
  return listOf(rows)
}

function* membersOf(context: Context, data: QueryData, table: Table, key: string, wanted: readonly number[]) {
  const days = yield* present(data, wanted)
  const row = table.findKeyText(key)
  const members = new Set<string>()
  if (row < 0) return members
  for (const day of days) {
    const set = table.setAt(day, row)
    if (set === undefined) continue
    yield* take(context, set.byteSize)
    for (const member of set.members()) members.add(member)
    yield set.size * 8
  }
  return members
}

function* membersValue(
  context: Context,
  data: QueryData,
  table: Table,
  key: string,
  days: readonly number[],
): Resumable {
  const members = yield* membersOf(context, data, table, key, days)
  const inOrder = yield* sorted([...members], (a, b) => a < b)
  yield* take(context, inOrder.length * (Bytes.Pair + Bytes.Text))
  return listOf(inOrder.map(member => new Text(member)))
}

const {
  Counter,
  Sketch,
  Set: SetKind,
  Timeline,
} = {
  Counter: TableKind.Counter,
  Sketch: TableKind.Sketch,
  Set: TableKind.Set,
  Timeline: TableKind.Timeline,
}

const primitives: PrimitiveDefinition[] = [
  {
    name: 'tables',
    signature: '(tables)',
    doc: 'Every table and its kind: counter, sketch, set, histogram, gauge or timeline.',
    example: ['(assoc "crashes/app" (tables))', '("crashes/app" counter)'],
    arity: [0, 0],
    run: context => {
      const tables = dataOf(context, 'tables').state.tables()
      context.allocate(tables.length * (3 * Bytes.Pair + Bytes.Text))
      context.charge(tables.length)
      return listOf(
        tables.map(table => list(textValue(context, table.name), context.symbols.intern(kindNames[table.kind]!))),
      )
    },
  },
  {
    name: 'keys',
    signature: '(keys TABLE [DAYS])',
    doc: 'The keys that have a value on those days, sorted.',
    example: ['(keys "crashes/app" (today))', '("1.0" "1.1")'],
    arity: [1, 2],
    resumable: (context, name, days) => {
      const data = dataOf(context, 'keys')
      const table = tableOf(data, 'keys', name, [])
      const wanted = daysOf(context, data, 'keys', days)
      return table === undefined ? null : keysOf(context, data, table, wanted)
    },
  },
  {
    name: 'count',
    signature: '(count TABLE [KEY] [DAYS])',
    doc: "A counter's sum over the days; 0 where nothing was written.",
    example: ['(count "crashes/app" "1.1" (last 7))', '5'],
    arity: [1, 3],
    resumable: (context, name, a, b) => {
      const data = dataOf(context, 'count')
      const table = tableOf(data, 'count', name, [Counter])
      const { key, days } = keyAndDays(context, data, 'count', a, b)
      return (function* (): Resumable {
        const there = yield* present(data, days)
        yield there.length
        return countValue(sumOf(table, key, there))
      })()
    },
  },
  {
    name: 'total',
    signature: '(total TABLE [DAYS])',
    doc: 'The sum over all keys of a counter (or timeline) and the days.',
    example: ['(total "crashes/app" (last 7))', '7'],
    arity: [1, 2],
    resumable: (context, name, days) => {
      const data = dataOf(context, 'total')
      const table = tableOf(data, 'total', name, [Counter, Timeline])
      const wanted = daysOf(context, data, 'total', days)
      return table === undefined ? 0 : totalOf(data, table, wanted)
    },
  },
  {
    name: 'top',
    signature: '(top K TABLE [DAYS])',
    doc: 'The K greatest keys of a counter and their sums, or of a sketch and their estimates, greatest first, ties by key.',
    example: ['(top 2 "crashes/app" (last 7))', '(("1.1" . 5) ("1.0" . 2))'],
    arity: [2, 3],
    resumable: (context, k, name, days) => {
      const data = dataOf(context, 'top')
      if (typeof k !== 'number') throw wrongType('top', 'how many (an integer)', k)
      if (k < 0) throw outOfRange('top', `${k} is no number of keys`)
      const table = tableOf(data, 'top', name, [Counter, Sketch])
      const wanted = daysOf(context, data, 'top', days)
      return table === undefined ? null : topOf(context, data, k, table, wanted)
    },
  },
  {
    name: 'series',
    signature: '(series TABLE [KEY] [DAYS])',
    doc: 'A row a day: ((day . value) …). The value is the sum of a counter or timeline, the estimate of a sketch, the size of a set, the observations of a histogram, the last value of a gauge.',
    example: ['(map cdr (series "crashes" (last 3)))', '(1 2 4)'],
    arity: [1, 3],
    resumable: (context, name, a, b) => {
      const data = dataOf(context, 'series')
      const table = tableOf(data, 'series', name, [])
      const { key, days } = keyAndDays(context, data, 'series', a, b)
      return seriesOf(context, data, table, key, days)
    },
  },
  {
    name: 'members',
    signature: '(members TABLE [KEY] [DAYS])',
    doc: "A set's members, over all the days, sorted.",
    example: ['(members "apps" (last 7))', '("1.0" "1.1")'],
    arity: [1, 3],
    resumable: (context, name, a, b) => {
      const data = dataOf(context, 'members')
      const table = tableOf(data, 'members', name, [SetKind])
      const { key, days } = keyAndDays(context, data, 'members', a, b)
      return table === undefined ? null : membersValue(context, data, table, key, days)
    },
  },
  {
    name: 'member?',
    signature: '(member? TABLE KEY VALUE [DAYS])',
    doc: 'Whether the value is in the set.',
    example: ['(member? "platforms" "" "ios" (last 7))', '#t'],
    arity: [3, 4],
    resumable: (context, name, key, value, wanted) => {
      const data = dataOf(context, 'member?')
      const table = tableOf(data, 'member?', name, [SetKind])
      if (!isKey(key)) throw wrongType('member?', 'a key (a string)', key)
      if (!(value instanceof Text)) throw wrongType('member?', 'a string', value)
      const { key: text, days } = keyAndDays(context, data, 'member?', key, wanted)
      if (table === undefined) return false
      return (function* (): Resumable {
        return (yield* membersOf(context, data, table, text, days)).has(value.text())
      })()
    },
  },
]

export const tablePrimitives: PrimitiveGroup = { title: 'Tables, counters and sets', primitives }
