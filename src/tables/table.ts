// A table: a named map from key to cell, per day. It owns its keys; the cells of a day are with the day (day-data.ts).

import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { LetheError } from '../core/errors.js'
import type { Gauge } from '../sketch/gauge.js'
import type { Histogram } from '../sketch/histogram.js'
import type { Hll } from '../sketch/hll.js'
import type { TextSet } from '../sketch/text-set.js'
import type { Timeline } from '../sketch/timeline.js'
import type { CounterColumn, ObjectColumn, SketchColumn } from './column.js'
import type { DayData } from './day-data.js'
import { KEY_PAGE_BITS, KeyPage, type KeySpace } from './keys.js'
import { Mark, Page, recordKey } from './page.js'
import { SKETCH_PAGE_BITS } from './sketch-page.js'
import { kindNames, TableKind } from './types.js'

const PAGE_ROWS = 1 << KEY_PAGE_BITS
const SKETCH_MASK = (1 << SKETCH_PAGE_BITS) - 1
const VERSION = 1

/** The days of the customer that are in memory. */
export interface Days {
  resident(day: number): DayData | undefined
}

export class Table extends Page {
  /** Rows ever given out; a scan runs over [0, rows) and skips cells that are 0 or undefined. */
  rows = 0
  /** Keys in use. */
  live = 0
  alive = true
  readonly keyPages: (KeyPage | undefined)[] = []
  /** The rows of the keys '' and `(other)`, or −1. */
  emptyRow = -1
  otherRow = -1
  // No row before it is free.
  private freeFrom = 0
  // How many live keys have each stamp, as pairs: a handful, one a day of the ring.
  private readonly stamps: number[] = []

  constructor(
    readonly id: number,
    readonly name: string,
    readonly kind: TableKind,
    private readonly space: KeySpace,
    private readonly days: Days,
  ) {
    super()
  }

  /** The text of a row's key; '' for a row that is free. */
  keyText(row: number): string {
    return this.isLive(row) ? this.keyPages[row >>> KEY_PAGE_BITS]!.text(row & (PAGE_ROWS - 1)) : ''
  }

  /** The row of the key bytes[start, end), or −1. */
  findKey(bytes: Uint8Array, start: number, end: number): number {
    return this.space.find(this, bytes, start, end)
  }

  findKeyText(text: string): number {
    const bytes = Buffer.from(text)
    return this.space.find(this, bytes, 0, bytes.length)
  }

  /** 0 = never touched, or the day is not resident. */
  counterAt(day: number, row: number): number {
    const column = this.columnAt(day, TableKind.Counter) as CounterColumn | undefined
    return column === undefined ? 0 : column.at(row)
  }

  /** A copy, for the caller to keep. */
  sketchAt(day: number, row: number): Hll | undefined {
    const column = this.columnAt(day, TableKind.Sketch) as SketchColumn | undefined
    return column?.page(row)?.sketch(row & SKETCH_MASK)
  }

  /** The estimate of the sketch, without a copy; 0 = never touched. */
  estimateAt(day: number, row: number): number {
    const column = this.columnAt(day, TableKind.Sketch) as SketchColumn | undefined
    return column?.page(row)?.estimate(row & SKETCH_MASK) ?? 0
  }

  /** The cell itself: not to be changed, nor kept over a turn. Likewise below. */
  setAt(day: number, row: number): TextSet | undefined {
    return (this.columnAt(day, TableKind.Set) as ObjectColumn<TextSet> | undefined)?.at(row)
  }

  histogramAt(day: number, row: number): Histogram | undefined {
    return (this.columnAt(day, TableKind.Histogram) as ObjectColumn<Histogram> | undefined)?.at(row)
  }

  gaugeAt(day: number, row: number): Gauge | undefined {
    return (this.columnAt(day, TableKind.Gauge) as ObjectColumn<Gauge> | undefined)?.at(row)
  }

  timelineAt(day: number, row: number): Timeline | undefined {
    return (this.columnAt(day, TableKind.Timeline) as ObjectColumn<Timeline> | undefined)?.at(row)
  }

  // ——— for the state

  isLive(row: number): boolean {
    const stamp = this.keyPages[row >>> KEY_PAGE_BITS]?.stamp(row & (PAGE_ROWS - 1)) ?? 0
    return stamp !== 0 && stamp >= this.space.deadline
  }

  equals(row: number, bytes: Uint8Array, start: number, end: number): boolean {
    const page = this.keyPages[row >>> KEY_PAGE_BITS]
    return page?.equals(row & (PAGE_ROWS - 1), bytes, start, end, this.space.deadline) ?? false
  }

  /** Notes that a key has a cell on the day `stamp − 1`. */
  setStamp(row: number, stamp: number): void {
    const page = this.keyPages[row >>> KEY_PAGE_BITS]!
    const before = page.stamp(row & (PAGE_ROWS - 1))
    if (before >= stamp) return
    if (page.mark !== Mark.Dirty) this.space.tracker.touch(page)
    page.setStamp(row & (PAGE_ROWS - 1), stamp)
    this.countStamp(before, -1)
    this.countStamp(stamp, 1)
  }

  countStamp(stamp: number, by: number): void {
    const { stamps } = this
    for (let i = 0; i < stamps.length; i += 2) {
      if (stamps[i] !== stamp) continue
      stamps[i + 1]! += by
      return
    }
    stamps.push(stamp, by)
  }

  /** The lowest row without a live key. */
  nextFreeRow(): number {
    if (this.live < this.rows) {
      for (let row = this.freeFrom; row < this.rows; row++) {
        if (this.isLive(row)) continue
        this.freeFrom = row + 1
        return row
      }
    }
    this.freeFrom = this.rows + 1
    return this.rows++
  }

  keyPageFor(row: number): KeyPage {
    const number = row >>> KEY_PAGE_BITS
    while (this.keyPages.length <= number) this.keyPages.push(undefined)
    return (this.keyPages[number] ??= new KeyPage(this, number))
  }

  /** Drops the keys with a stamp below `deadline`, and pages with no others; answers how many keys. */
  dropKeys(deadline: number): number {
    let dropped = 0
    const { stamps, keyPages } = this
    for (let i = 0; i < stamps.length; ) {
      if (stamps[i]! < deadline) {
        dropped += stamps[i + 1]!
        stamps.splice(i, 2)
      } else i += 2
    }
    if (dropped === 0) return 0
    this.live -= dropped
    this.freeFrom = 0
    for (let number = 0; number < keyPages.length; number++) {
      const page = keyPages[number]
      if (page === undefined || page.maxStamp >= deadline) continue
      this.space.tracker.delete(page.key())
      keyPages[number] = undefined
    }
    while (keyPages.length > 0 && keyPages[keyPages.length - 1] === undefined) keyPages.pop()
    this.rows = Math.min(this.rows, keyPages.length * PAGE_ROWS)
    for (const row of [this.emptyRow, this.otherRow]) {
      const stamp = row < 0 ? deadline : (keyPages[row >>> KEY_PAGE_BITS]?.stamp(row & (PAGE_ROWS - 1)) ?? 0)
      if (stamp >= deadline) continue
      if (row === this.emptyRow) this.emptyRow = -1
      if (row === this.otherRow) this.otherRow = -1
    }
    return dropped
  }

  decodeKeys(number: number, reader: ByteReader): void {
    const page = this.keyPageFor(number * PAGE_ROWS)
    const rows = page.decode(reader)
    this.rows = Math.max(this.rows, number * PAGE_ROWS + rows)
    for (let row = number * PAGE_ROWS; row < number * PAGE_ROWS + rows; row++) {
      if (!this.isLive(row)) continue
      this.live++
      this.countStamp(page.stamp(row & (PAGE_ROWS - 1)), 1)
      if (page.isEmpty(row & (PAGE_ROWS - 1))) this.emptyRow = row
      this.space.enter(this, row)
    }
  }

  get byteSize(): number {
    let size = 320 + 16 * this.stamps.length + 8 * this.keyPages.length
    for (const page of this.keyPages) if (page !== undefined) size += page.byteSize
    return size
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

  private columnAt(day: number, kind: TableKind) {
    if (this.kind !== kind) {
      throw new LetheError(
        'wrong-type',
        `table ${this.name} is a ${kindNames[this.kind]}, not a ${kindNames[kind]}`,
        400,
      )
    }
    return this.days.resident(day)?.columns[this.id]
  }
}
