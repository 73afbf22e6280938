// The cells of one day: a column a kind of table, and the examples of groups.

import { ByteReader } from '../core/bytes.js'
import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { Gauge } from '../sketch/gauge.js'
import { Histogram } from '../sketch/histogram.js'
import { TextSet } from '../sketch/text-set.js'
import { Timeline } from '../sketch/timeline.js'
import { type CellCodec, type ColumnHome, CounterColumn, ObjectColumn, SketchColumn } from './column.js'
import { DayExamples } from './examples.js'
import { type Page, readRecordKey, type Tracker } from './page.js'
import { type Row, TableKind } from './types.js'

const setCells: CellCodec<TextSet> = {
  make: limits => new TextSet(limits.maxSetMembers),
  decode: (reader, limits) => TextSet.decode(reader, limits.maxSetMembers),
}
const histogramCells: CellCodec<Histogram> = { make: () => new Histogram(), decode: Histogram.decode }
const gaugeCells: CellCodec<Gauge> = { make: () => new Gauge(), decode: Gauge.decode }
const timelineCells: CellCodec<Timeline> = { make: () => new Timeline(), decode: Timeline.decode }

export class DayData implements ColumnHome {
  readonly counters: CounterColumn
  readonly sketches: SketchColumn
  readonly sets: ObjectColumn<TextSet>
  readonly histograms: ObjectColumn<Histogram>
  readonly gauges: ObjectColumn<Gauge>
  readonly timelines: ObjectColumn<Timeline>
  readonly examples: DayExamples
  /** False once its slot was given to another day. */
  alive = true

  constructor(
    readonly day: number,
    limits: Limits,
    tracker: Tracker,
  ) {
    this.counters = new CounterColumn(this)
    this.sketches = new SketchColumn(this)
    this.sets = new ObjectColumn(this, TableKind.Set, setCells, limits)
    this.histograms = new ObjectColumn(this, TableKind.Histogram, histogramCells, limits)
    this.gauges = new ObjectColumn(this, TableKind.Gauge, gaugeCells, limits)
    this.timelines = new ObjectColumn(this, TableKind.Timeline, timelineCells, limits)
    this.examples = new DayExamples(this, limits, tracker)
  }

  /** Reads one record of the day's database. */
  decode(row: Row): void {
    const { letter, table: kind, page } = readRecordKey(row.key)
    const reader = new ByteReader(row.value)
    if (letter === 'e') return this.examples.decode(page, reader)
    const column = letter === 'c' ? this.columns()[kind - 1] : undefined
    if (column === undefined) throw new LetheError('page-unknown', `a day holds a record of kind ${letter} ${kind}`)
    column.decode(page, reader)
  }

  eachPage(visit: (page: Page) => void): void {
    for (const column of this.columns()) for (const page of column.pages) if (page !== undefined) visit(page)
    this.examples.eachPage(visit)
  }

  get byteSize(): number {
    let size = 150 + this.examples.byteSize
    for (const column of this.columns()) size += column.byteSize
    return size
  }

  // In order of TableKind, from Counter on.
  private columns() {
    return [this.counters, this.sketches, this.sets, this.histograms, this.gauges, this.timelines] as const
  }
}
