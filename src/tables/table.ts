// A table: a named map from key to cell, per day. It owns its keys; the cells of a day are with the day (day-data.ts).

import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { LetheError } from '../core/errors.js'
import type { Gauge } from '../sketch/gauge.js'
import type { Histogram } from '../sketch/histogram.js'
import type { Hll } from '../sketch/hll.js'
import type { TextSet } from '../sketch/text-set.js'
import type { Timeline } from '../sketch/timeline.js'
import type { DayData } from './day-data.js'
import { KEY_PAGE_BITS, type KeySpace, type KindRows } from './keys.js'
import { Page, recordKey } from './page.js'
import { SKETCH_PAGE_BITS } from './sketch-page.js'
import { kindNames, TableKind } from './types.js'

const PAGE_MASK = (1 << KEY_PAGE_BITS) - 1
const SKETCH_MASK = (1 << SKETCH_PAGE_BITS) - 1
const VERSION = 1

/** The days of the customer that are in memory. */
export interface Days {
  resident(day: number): DayData | undefined
}

export class Table extends Page {
  /** Keys in use. */
  live = 0
  alive = true
  /** The row of the key `(other)`, or −1 while it is not needed. */
  otherRow = -1
  private readonly numbering: KindRows
  // How many live keys have each stamp, as pairs: a handful, one a day of the ring.
  private readonly stamps: number[] = []

  constructor(
    readonly id: number,
    readonly name: string,
    readonly kind: TableKind,
    private readonly keys: KeySpace,
    private readonly days: Days,
  ) {
    super()
    this.numbering = keys.kinds[kind]!
  }

  /**
   * Rows of all tables of this kind: they share a numbering. A scan runs over [0, rows); rows of other tables read as
   * never touched. `nextRow` passes over them faster.
   */
  get rows(): number {
    return this.numbering.rows
  }

  /** The first row ≥ `from` with a live key of this table, or −1. */
  nextRow(from: number): number {
    const { pages, rows } = this.numbering
    let row = from
    while (row < rows) {
      const page = pages[row >>> KEY_PAGE_BITS]
      if (page === undefined || !page.mayHold(this.id)) {
        row = (row | PAGE_MASK) + 1
        continue
      }
      const { marks } = page
      const { deadline } = this.keys
      for (let at = 2 * (row & PAGE_MASK); at < marks.length; at += 2, row++) {
        if (marks[at] === this.id + 1 && marks[at + 1]! >= deadline) return row
      }
      row = ((row - 1) | PAGE_MASK) + 1
    }
    return -1
  }

  /** Whether the row has a live key of this table. */
  isLive(row: number): boolean {
    return this.numbering.isOf(row, this.id)
  }

  /** The text of a row's key; '' for a row that is free or another table's. */
  keyText(row: number): string {
    if (!this.numbering.isOf(row, this.id)) return ''
    return this.numbering.pages[row >>> KEY_PAGE_BITS]!.text(row & PAGE_MASK)
  }

  /** The row of the key bytes[start, end), or −1. */
  findKey(bytes: Uint8Array, start: number, end: number): number {
    return this.keys.find(this, bytes, start, end)
  }

  findKeyText(text: string): number {
    const bytes = Buffer.from(text)
    return this.keys.find(this, bytes, 0, bytes.length)
  }

  /** 0 = never touched, or the day is not resident. */
  counterAt(day: number, row: number): number {
    const n = this.days.resident(this.of(TableKind.Counter, day))?.counters.at(row) ?? 0
    return n !== 0 && this.isLive(row) ? n : 0
  }

  /** A copy, for the caller to keep. */
  sketchAt(day: number, row: number): Hll | undefined {
    const page = this.days.resident(this.of(TableKind.Sketch, day))?.sketches.page(row)
    return page && this.isLive(row) ? page.sketch(row & SKETCH_MASK) : undefined
  }

  /** The estimate of the sketch, without a copy; 0 = never touched. */
  estimateAt(day: number, row: number): number {
    const page = this.days.resident(this.of(TableKind.Sketch, day))?.sketches.page(row)
    return page && this.isLive(row) ? page.estimate(row & SKETCH_MASK) : 0
  }

  /** The cell itself: not to be changed, nor kept over a turn. Likewise below. */
  setAt(day: number, row: number): TextSet | undefined {
    return this.mine(row, this.days.resident(this.of(TableKind.Set, day))?.sets.at(row))
  }

  histogramAt(day: number, row: number): Histogram | undefined {
    return this.mine(row, this.days.resident(this.of(TableKind.Histogram, day))?.histograms.at(row))
  }

  gaugeAt(day: number, row: number): Gauge | undefined {
    return this.mine(row, this.days.resident(this.of(TableKind.Gauge, day))?.gauges.at(row))
  }

  timelineAt(day: number, row: number): Timeline | undefined {
    return this.mine(row, this.days.resident(this.of(TableKind.Timeline, day))?.timelines.at(row))
  }

  // ——— for the state

  countStamp(stamp: number, by: number): void {
    const { stamps } = this
    for (let i = 0; i < stamps.length; i += 2) {
      if (stamps[i] !== stamp) continue
      stamps[i + 1]! += by
      return
    }
    stamps.push(stamp, by)
  }

  /** Drops the keys with a stamp below `deadline`; answers how many. */
  dropKeys(deadline: number): number {
    let dropped = 0
    const { stamps } = this
    for (let i = 0; i < stamps.length; ) {
      if (stamps[i]! < deadline) {
        dropped += stamps[i + 1]!
        stamps.splice(i, 2)
      } else i += 2
    }
    this.live -= dropped
    return dropped
  }

  get byteSize(): number {
    return 240 + 16 * this.stamps.length
  }

  // ——— as a record of `meta`: its name and kind

  get day(): undefined {
    return undefined
  }

  key(): Uint8Array {
    return recordKey('T', this.id, 0)
  }

  /** Version, kind, name. */
  encode(writer: ByteWriter): void {
    writer.u8(VERSION)
    writer.u8(this.kind)
    writer.text(this.name)
  }

  static decode(reader: ByteReader): { name: string; kind: TableKind } {
    if (reader.u8() !== VERSION) throw new LetheError('page-unknown', 'a table of an unknown version')
    const kind = reader.u8() as TableKind
    if (kind < TableKind.Counter || kind > TableKind.Timeline) {
      throw new LetheError('page-damaged', `a table of kind ${kind}`)
    }
    return { kind, name: reader.text() }
  }

  // The day, if the table is of that kind.
  private of(kind: TableKind, day: number): number {
    if (this.kind === kind) return day
    const message = `table ${this.name} is a ${kindNames[this.kind]}, not a ${kindNames[kind]}`
    throw new LetheError('wrong-type', message, 400)
  }

  private mine<Cell>(row: number, cell: Cell | undefined): Cell | undefined {
    return cell !== undefined && this.isLive(row) ? cell : undefined
  }
}
