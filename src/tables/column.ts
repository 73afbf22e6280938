// Columns: the cells of one kind on one day, of all tables, in pages by row. A page exists once one of its cells was touched,
// and begins small (4 → 16 → 64 → 256 rows), so that ten events cost kilobytes and a million keys cost no copy of a million
// cells. The first page is a field of its own: most customers have no other, and an array on the way is two cache misses.
//
// `add` and `cell` answer false or undefined for a cell that was never touched: the caller then sees to its key, and begins
// it with `start`.

import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { CACHE_LINE, Mark, Page, recordKey, type Tracker } from './page.js'
import { SKETCH_PAGE_BITS, SketchPage } from './sketch-page.js'
import { TableKind } from './types.js'

/** Where a column is. */
export interface ColumnHome {
  readonly day: number
  readonly alive: boolean
}

const VERSION = 1
const COUNTER_BITS = 8
const COUNTER_ROWS = 1 << COUNTER_BITS
const OBJECT_BITS = 5
const OBJECT_ROWS = 1 << OBJECT_BITS

/** Pages of sketches that are worth reading ahead. */
const PREFETCHED_PAGES = 4

const NO_COUNTS = new Float64Array(0)

const WHOLE = 0
const DOUBLE = 1

export class CounterPage extends Page {
  values = new Float64Array(8)

  constructor(
    private readonly home: ColumnHome,
    private readonly number: number,
  ) {
    super()
  }

  get day(): number {
    return this.home.day
  }

  get alive(): boolean {
    return this.home.alive
  }

  key(): Uint8Array {
    return recordKey('c', TableKind.Counter, this.number)
  }

  makeRows(row: number): void {
    let size = this.values.length
    while (size <= row) size *= 4
    const grown = new Float64Array(Math.min(size, COUNTER_ROWS))
    grown.set(this.values)
    this.values = grown
  }

  /** Kind, representation, version, varint number of cells; per cell varint step of the row, and the count (varint or double). */
  encode(writer: ByteWriter): void {
    const { values } = this
    let cells = 0
    let whole = true
    for (let row = 0; row < values.length; row++) {
      const value = values[row]!
      if (value === 0) continue
      cells++
      if (value < 0 || !Number.isSafeInteger(value)) whole = false
    }
    writer.u8(TableKind.Counter)
    writer.u8(whole ? WHOLE : DOUBLE)
    writer.u8(VERSION)
    writer.varint(cells)
    let before = 0
    for (let row = 0; row < values.length; row++) {
      const value = values[row]!
      if (value === 0) continue
      writer.varint(row - before)
      before = row
      if (whole) writer.varint(value)
      else writer.f64(value)
    }
  }

  decode(reader: ByteReader): void {
    const kind = reader.u8()
    const form = reader.u8()
    if (kind !== TableKind.Counter || form > DOUBLE || reader.u8() !== VERSION) {
      throw new LetheError('page-unknown', 'a page of counters of an unknown kind, representation or version')
    }
    const cells = reader.varint()
    let row = 0
    for (let i = 0; i < cells; i++) {
      row += reader.varint()
      if (row >= COUNTER_ROWS) throw new LetheError('page-damaged', `a page of counters holds row ${row}`)
      if (row >= this.values.length) this.makeRows(row)
      this.values[row] = form === WHOLE ? reader.varint() : reader.f64()
    }
  }
}

/** Cells that are objects of their own: sets, histograms, gauges, timelines. */
export interface ObjectCell {
  encode(writer: ByteWriter): void
  readonly byteSize: number
}

export interface CellCodec<Cell> {
  make(limits: Limits): Cell
  decode(reader: ByteReader, limits: Limits): Cell
}

export class ObjectPage<Cell extends ObjectCell> extends Page {
  readonly cells: (Cell | undefined)[] = []

  constructor(
    private readonly home: ColumnHome,
    private readonly kind: TableKind,
    private readonly number: number,
  ) {
    super()
  }

  get day(): number {
    return this.home.day
  }

  get alive(): boolean {
    return this.home.alive
  }

  key(): Uint8Array {
    return recordKey('c', this.kind, this.number)
  }

  set(row: number, cell: Cell): void {
    while (this.cells.length <= row) this.cells.push(undefined)
    this.cells[row] = cell
  }

  /** Version, varint number of cells; per cell varint step of the row and the cell. */
  encode(writer: ByteWriter): void {
    let cells = 0
    for (const cell of this.cells) if (cell !== undefined) cells++
    writer.u8(VERSION)
    writer.varint(cells)
    let before = 0
    for (let row = 0; row < this.cells.length; row++) {
      const cell = this.cells[row]
      if (cell === undefined) continue
      writer.varint(row - before)
      before = row
      cell.encode(writer)
    }
  }

  decode(reader: ByteReader, codec: CellCodec<Cell>, limits: Limits): void {
    if (reader.u8() !== VERSION) throw new LetheError('page-unknown', 'a page of cells of an unknown version')
    const cells = reader.varint()
    let row = 0
    for (let i = 0; i < cells; i++) {
      row += reader.varint()
      if (row >= OBJECT_ROWS) throw new LetheError('page-damaged', `a page of cells holds row ${row}`)
      this.set(row, codec.decode(reader, limits))
    }
  }
}

function fillTo<T>(pages: (T | undefined)[], number: number): void {
  while (pages.length <= number) pages.push(undefined)
}

export class CounterColumn {
  readonly pages: (CounterPage | undefined)[] = []
  private zeroth: CounterPage | undefined

  constructor(private readonly home: ColumnHome) {}

  /** The counts of the first rows. */
  get first(): Float64Array {
    return this.zeroth === undefined ? NO_COUNTS : this.zeroth.values
  }

  /** Adds to a cell; false, and nothing is done, if it was never touched (stands at 0). */
  add(row: number, amount: number, tracker: Tracker): boolean {
    const page = row < COUNTER_ROWS ? this.zeroth : this.pages[row >>> COUNTER_BITS]
    if (page === undefined) return false
    const { values } = page
    const inPage = row & (COUNTER_ROWS - 1)
    if (inPage >= values.length) return false
    const before = values[inPage]!
    if (before === 0) return false
    if (page.mark !== Mark.Dirty) tracker.touch(page)
    values[inPage] = before + amount
    return true
  }

  /** See Updates.prefetch. */
  prefetch(bytes: number): number {
    if (this.zeroth === undefined) return 0
    const { values } = this.zeroth
    const end = Math.min(values.length, bytes >> 3)
    let sum = 0
    for (let row = 0; row < end; row += CACHE_LINE >> 3) sum = (sum + (values[row]! | 0)) | 0
    return sum
  }

  start(row: number, amount: number, tracker: Tracker): void {
    const number = row >>> COUNTER_BITS
    fillTo(this.pages, number)
    const page = (this.pages[number] ??= this.adopt(new CounterPage(this.home, number), number))
    const inPage = row & (COUNTER_ROWS - 1)
    if (inPage >= page.values.length) page.makeRows(inPage)
    if (page.mark !== Mark.Dirty) tracker.touch(page)
    page.values[inPage]! += amount
  }

  at(row: number): number {
    return this.pages[row >>> COUNTER_BITS]?.values[row & (COUNTER_ROWS - 1)] ?? 0
  }

  decode(number: number, reader: ByteReader): void {
    const page = this.adopt(new CounterPage(this.home, number), number)
    page.decode(reader)
    fillTo(this.pages, number)
    this.pages[number] = page
  }

  get byteSize(): number {
    let size = 120 + 8 * this.pages.length
    for (const page of this.pages) if (page) size += 280 + page.values.byteLength
    return size
  }

  private adopt(page: CounterPage, number: number): CounterPage {
    if (number === 0) this.zeroth = page
    return page
  }
}

export class SketchColumn {
  readonly pages: (SketchPage | undefined)[] = []
  constructor(private readonly home: ColumnHome) {}

  /** Adds a hash to a cell; false, and nothing is done, if it was never touched. */
  add(row: number, low: number, high: number, tracker: Tracker): boolean {
    const page = this.pages[row >>> SKETCH_PAGE_BITS]
    return page?.add(row & ((1 << SKETCH_PAGE_BITS) - 1), low, high, tracker) ?? false
  }

  start(row: number, low: number, high: number, tracker: Tracker): void {
    const number = row >>> SKETCH_PAGE_BITS
    fillTo(this.pages, number)
    const page = (this.pages[number] ??= new SketchPage(this.home, number))
    const inPage = row & ((1 << SKETCH_PAGE_BITS) - 1)
    if (!page.add(inPage, low, high, tracker)) page.start(inPage, low, high, tracker)
  }

  /** See Updates.prefetch. */
  prefetch(bytes: number): number {
    const { pages } = this
    const end = Math.min(pages.length, PREFETCHED_PAGES)
    let sum = 0
    for (let number = 0; number < end; number++) {
      const page = pages[number]
      if (page !== undefined) sum = (sum + page.prefetch(bytes)) | 0
    }
    return sum
  }

  page(row: number): SketchPage | undefined {
    return this.pages[row >>> SKETCH_PAGE_BITS]
  }

  decode(number: number, reader: ByteReader): void {
    const page = new SketchPage(this.home, number)
    page.decode(reader)
    fillTo(this.pages, number)
    this.pages[number] = page
  }

  get byteSize(): number {
    let size = 120 + 8 * this.pages.length
    for (const page of this.pages) if (page) size += page.byteSize
    return size
  }
}

export class ObjectColumn<Cell extends ObjectCell> {
  readonly pages: (ObjectPage<Cell> | undefined)[] = []

  constructor(
    private readonly home: ColumnHome,
    private readonly kind: TableKind,
    private readonly codec: CellCodec<Cell>,
    private readonly limits: Limits,
  ) {}

  /** The cell, to be changed; undefined if it was never touched. */
  cell(row: number, tracker: Tracker): Cell | undefined {
    const page = this.pages[row >>> OBJECT_BITS]
    const cell = page?.cells[row & (OBJECT_ROWS - 1)]
    if (cell !== undefined && page!.mark !== Mark.Dirty) tracker.touch(page!)
    return cell
  }

  /** The cell, to be changed, made if there is none. */
  start(row: number, tracker: Tracker): Cell {
    const number = row >>> OBJECT_BITS
    fillTo(this.pages, number)
    const page = (this.pages[number] ??= new ObjectPage<Cell>(this.home, this.kind, number))
    if (page.mark !== Mark.Dirty) tracker.touch(page)
    let cell = page.cells[row & (OBJECT_ROWS - 1)]
    if (cell === undefined) {
      cell = this.codec.make(this.limits)
      page.set(row & (OBJECT_ROWS - 1), cell)
    }
    return cell
  }

  at(row: number): Cell | undefined {
    return this.pages[row >>> OBJECT_BITS]?.cells[row & (OBJECT_ROWS - 1)]
  }

  decode(number: number, reader: ByteReader): void {
    const page = new ObjectPage<Cell>(this.home, this.kind, number)
    page.decode(reader, this.codec, this.limits)
    fillTo(this.pages, number)
    this.pages[number] = page
  }

  get byteSize(): number {
    let size = 120 + 8 * this.pages.length
    for (const page of this.pages) {
      if (!page) continue
      size += 160 + 8 * page.cells.length
      for (const cell of page.cells) if (cell) size += cell.byteSize
    }
    return size
  }
}
