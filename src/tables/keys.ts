// Keys of tables: texts in bytes, a number each. Interned once, found by their keyed hash, never made a string on the way of
// an event.
//
// All tables of one kind share one numbering, so that their cells share pages: a small customer has one page of counters,
// not one for each of fifteen tables, and an event's counters lie on a few cache lines. A row is the number of one key of
// one table. Rows lie in pages of 256 keys:
//
//      marks   | table + 1 | stamp |  …            by row in the page; table 0 = nobody yet
//      places  | offset |  …                       of the text in the heap
//      heap    | length (1–2) | UTF-8 … | length | …
//
// `stamp` is 1 + the last day on which the key had a cell. A key is dropped when that day has left the ring: when its stamp
// is below the customer's `deadline`, which only rises. That takes no sweep. Its row is free from then on, its text stays
// until the row is taken again (the lowest free row first), and a page of nothing but dropped keys goes as a whole. So
// nothing is renumbered, no day is rewritten, and a million keys expire in no time. (R18 calls rows append-only: a scan
// that meets a reused row sees a key that came after the scan's start, as it might at the end. No slot holds old cells.)
//
// One index a customer serves all tables: (hash ^ table) → row. Entries of dropped keys go when their row is taken; those of
// a page that went, a few at a time, from the page's texts, and all before there is a page of that number again.

import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { LetheError } from '../core/errors.js'
import { type HashKey, hash, hashBytes } from '../core/hash.js'
import type { Limits } from '../core/limits.js'
import { ARENA, type EventTexts } from './event-texts.js'
import { HashIndex } from './hash-index.js'
import { Mark, Page, recordKey, type Tracker } from './page.js'
import type { Table } from './table.js'
import { TableKind } from './types.js'

export const KEY_PAGE_BITS = 8
const PAGE_ROWS = 1 << KEY_PAGE_BITS
const PAGE_MASK = PAGE_ROWS - 1
const VERSION = 1
const OTHER = Buffer.from('(other)')
// Tables that a page remembers having keys of; with more it is searched for any.
const FEW_TABLES = 8
// Index entries of a page that went that are cleared with each new key.
const CLEAR_SOME = 64

/** What tells tables apart in the index, above 0. The kind is in it: numbers of rows are unique within a kind only. */
export function mixOf(table: number, kind: TableKind): number {
  return ((table + 1) << 3) | kind
}

/** Factors of the mix in the two halves of a key's hash: odd, so that tables never coincide. */
export const enum MixFactor {
  Low = 0x9e3779b1,
  High = 0x85ebca6b,
}

export class KeyPage extends Page {
  /** Pairs (table + 1, stamp). */
  marks = new Uint16Array(8)
  /** The greatest stamp: below the deadline, the page is dead. */
  maxStamp = 0
  private places = new Uint32Array(4)
  private heap = new Uint8Array(64)
  private used = 0
  private few: number[] | undefined = []

  constructor(
    private readonly rows: KindRows,
    readonly number: number,
  ) {
    super()
  }

  get day(): undefined {
    return undefined
  }

  get alive(): boolean {
    return this.rows.pages[this.number] === this
  }

  key(): Uint8Array {
    return recordKey('k', this.rows.kind, this.number)
  }

  mayHold(table: number): boolean {
    return this.few === undefined || this.few.includes(table)
  }

  setStamp(row: number, stamp: number): void {
    this.marks[2 * row + 1] = stamp
    if (stamp > this.maxStamp) this.maxStamp = stamp
  }

  text(row: number): string {
    const at = this.textAt(row)
    return Buffer.from(this.heap.buffer, this.heap.byteOffset + at, this.lengthAt(row)).toString('utf8')
  }

  /** Hashes a row's text into `hash`. */
  hashText(row: number, key: HashKey): void {
    const at = this.textAt(row)
    hashBytes(key, this.heap, at, at + this.lengthAt(row))
  }

  /** Gives a row a key. */
  set(row: number, table: number, bytes: Uint8Array, start: number, end: number, stamp: number): void {
    if (2 * row >= this.marks.length) this.growRows(row)
    const length = end - start
    const size = length + (length < 0x80 ? 1 : 2)
    // The old text is garbage before room is made: it must not be copied along.
    this.marks[2 * row] = 0
    if (this.used + size > this.heap.length) this.makeRoom(size, row === PAGE_ROWS - 1)
    const { heap } = this
    let at = this.used
    this.marks[2 * row] = table + 1
    this.places[row] = at
    if (length < 0x80) heap[at++] = length
    else {
      heap[at++] = (length & 0x7f) | 0x80
      heap[at++] = length >>> 7
    }
    for (let i = start; i < end; i++) heap[at++] = bytes[i]!
    this.used = at
    this.setStamp(row, stamp)
    const { few } = this
    if (few === undefined || few.includes(table)) return
    if (few.length < FEW_TABLES) few.push(table)
    else this.few = undefined
  }

  /** Version, varint number of rows; per row varint table + 1 (0 = nobody, nothing follows), varint stamp, and text. */
  encode(writer: ByteWriter): void {
    writer.u8(VERSION)
    let rows = this.marks.length / 2
    while (rows > 0 && this.marks[2 * rows - 2] === 0) rows--
    writer.varint(rows)
    for (let row = 0; row < rows; row++) {
      writer.varint(this.marks[2 * row]!)
      if (this.marks[2 * row] === 0) continue
      writer.varint(this.marks[2 * row + 1]!)
      const at = this.textAt(row)
      const length = this.lengthAt(row)
      writer.varint(length)
      writer.raw(this.heap, at, at + length)
    }
  }

  /** Answers the number of rows. */
  decode(reader: ByteReader): number {
    if (reader.u8() !== VERSION) throw new LetheError('page-unknown', 'a page of keys of an unknown version')
    const rows = reader.varint()
    if (rows > PAGE_ROWS) throw new LetheError('page-damaged', `a page of ${rows} keys`)
    for (let row = 0; row < rows; row++) {
      const table = reader.varint()
      if (table === 0) continue
      const stamp = reader.varint()
      const text = reader.blob()
      this.set(row, table - 1, text, 0, text.length, stamp)
    }
    return rows
  }

  get byteSize(): number {
    return 760 + this.places.byteLength + this.heap.length + this.marks.byteLength
  }

  private textAt(row: number): number {
    const at = this.places[row]!
    return at + (this.heap[at]! < 0x80 ? 1 : 2)
  }

  private lengthAt(row: number): number {
    const at = this.places[row]!
    const first = this.heap[at]!
    return first < 0x80 ? first : (first & 0x7f) | (this.heap[at + 1]! << 7)
  }

  private growRows(row: number): void {
    let size = this.places.length
    while (size <= row) size *= 4
    const places = new Uint32Array(size)
    places.set(this.places)
    this.places = places
    const marks = new Uint16Array(2 * size)
    marks.set(this.marks)
    this.marks = marks
  }

  // Drops the texts of rows that were taken again, then grows by half; the last row of a page takes just what it needs.
  private makeRoom(size: number, exact: boolean): void {
    const { places, heap, marks } = this
    const rows = places.length
    let live = 0
    for (let row = 0; row < rows; row++)
      if (marks[2 * row] !== 0) live += this.textAt(row) - places[row]! + this.lengthAt(row)
    let capacity = heap.length
    if (live + size > capacity) capacity = exact ? live + size : Math.max(live + size, capacity + (capacity >> 1))
    const next = new Uint8Array(capacity)
    let to = 0
    for (let row = 0; row < rows; row++) {
      if (marks[2 * row] === 0) continue
      const from = places[row]!
      const end = this.textAt(row) + this.lengthAt(row)
      places[row] = to
      for (let i = from; i < end; i++) next[to++] = heap[i]!
    }
    this.heap = next
    this.used = to
  }
}

/** The rows of all tables of one kind. */
export class KindRows {
  readonly pages: (KeyPage | undefined)[] = []
  /** Rows ever given out, but for those of pages that went from the end. */
  rows = 0
  /** Rows with a live key. */
  live = 0
  /** Pages that went, whose entries the index still has. */
  readonly gone = new Map<number, { page: KeyPage; row: number }>()
  // No row before it is free.
  private freeFrom = 0

  constructor(
    readonly kind: TableKind,
    private readonly keys: KeySpace,
  ) {}

  isLive(row: number): boolean {
    const page = this.pages[row >>> KEY_PAGE_BITS]
    return page !== undefined && (page.marks[2 * (row & PAGE_MASK) + 1] ?? 0) >= Math.max(1, this.keys.deadline)
  }

  /** Whether the row has a live key of that table. */
  isOf(row: number, table: number): boolean {
    const page = this.pages[row >>> KEY_PAGE_BITS]
    if (page === undefined) return false
    const at = 2 * (row & PAGE_MASK)
    return page.marks[at] === table + 1 && page.marks[at + 1]! >= this.keys.deadline
  }

  /** The lowest row without a live key. */
  take(): number {
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

  pageFor(row: number): KeyPage {
    const number = row >>> KEY_PAGE_BITS
    while (this.pages.length <= number) this.pages.push(undefined)
    return (this.pages[number] ??= new KeyPage(this, number))
  }

  /** Lets pages without a live key go. `dropped` keys of this kind fell below the deadline. */
  drop(deadline: number, dropped: number, tracker: Tracker): void {
    if (dropped === 0) return
    this.live -= dropped
    this.freeFrom = 0
    const { pages } = this
    for (let number = 0; number < pages.length; number++) {
      const page = pages[number]
      if (page === undefined || page.maxStamp >= deadline) continue
      tracker.delete(page.key())
      pages[number] = undefined
      this.gone.set(number, { page, row: 0 })
    }
    while (pages.length > 0 && pages[pages.length - 1] === undefined) pages.pop()
    this.rows = Math.min(this.rows, pages.length * PAGE_ROWS)
  }
}

/** The keys of all tables of a customer. */
export class KeySpace {
  readonly index: HashIndex
  /** By TableKind. */
  readonly kinds: readonly KindRows[]
  /** Keys in use in all tables. */
  live = 0
  /** Keys with a stamp below it are dropped. Never falls. */
  deadline = 0

  constructor(
    readonly hashKey: HashKey,
    private readonly limits: Limits,
    readonly tracker: Tracker,
  ) {
    this.index = new HashIndex()
    const kinds: KindRows[] = []
    for (let kind = 0; kind <= TableKind.Timeline; kind++) kinds.push(new KindRows(kind, this))
    this.kinds = kinds
  }

  /** The row of a key, or −1. */
  find(table: Table, bytes: Uint8Array, start: number, end: number): number {
    if (end - start > this.limits.maxKeyBytes) end = cutAtCharacter(bytes, start, start + this.limits.maxKeyBytes)
    hashBytes(this.hashKey, bytes, start, end)
    const mix = mixOf(table.id, table.kind)
    const row = this.index.find(hash.lo ^ Math.imul(mix, MixFactor.Low), hash.hi ^ Math.imul(mix, MixFactor.High))
    return row >= 0 && this.kinds[table.kind]!.isOf(row, table.id) ? row : -1
  }

  /**
   * The row for the first touch of a cell: `row` if the index had one and its key still lives; else a new one, or, at a limit,
   * that of `(other)`. The key is stamped. `start` and `end` are a place in `texts`, not longer than a key may be.
   */
  touch(table: Table, row: number, texts: EventTexts, start: number, end: number, stamp: number): number {
    // After the retention has grown, days before the deadline come back: their keys live until it rises again.
    if (stamp < this.deadline) stamp = this.deadline
    const rows = this.kinds[table.kind]!
    if (row < 0 || !rows.isOf(row, table.id)) {
      if (table.live >= this.limits.maxKeysPerTable || this.live >= this.limits.maxKeysPerCustomer) {
        row = this.other(table, rows, stamp)
      } else {
        const at = texts.hashedKey(start, end)
        hash.lo = texts.hashes[at + 2]!
        hash.hi = texts.hashes[at + 3]!
        if (start >= ARENA) return this.append(table, rows, texts.arena, start - ARENA, end - ARENA, stamp)
        return this.append(table, rows, texts.bytes, start, end, stamp)
      }
    }
    this.stamp(table, rows, row, stamp)
    return row
  }

  /** Enters the live rows of a page that was loaded. Its tables are known. */
  load(kind: TableKind, number: number, reader: ByteReader, tables: readonly (Table | undefined)[]): void {
    const rows = this.kinds[kind]
    if (rows === undefined || kind < 1) throw new LetheError('page-damaged', `keys of kind ${kind}`)
    const page = rows.pageFor(number * PAGE_ROWS)
    const count = page.decode(reader)
    rows.rows = Math.max(rows.rows, number * PAGE_ROWS + count)
    for (let i = 0; i < count; i++) {
      const row = number * PAGE_ROWS + i
      if (!rows.isLive(row)) continue
      const id = page.marks[2 * i]! - 1
      const table = tables[id]
      if (table === undefined) throw new LetheError('page-damaged', `a key of the unknown table ${id}`)
      page.hashText(i, this.hashKey)
      this.enter(table, rows, row, page.marks[2 * i + 1]!)
    }
  }

  /** Raises the deadline: keys with stamps below it are dropped, by table. Answers nothing: look at `table.live`. */
  drop(deadline: number, tables: readonly (Table | undefined)[]): void {
    this.deadline = deadline
    const dropped = this.kinds.map(() => 0)
    for (const table of tables) {
      if (table === undefined) continue
      const n = table.dropKeys(deadline)
      dropped[table.kind]! += n
      this.live -= n
      if (table.otherRow >= 0 && !this.kinds[table.kind]!.isOf(table.otherRow, table.id)) table.otherRow = -1
    }
    for (const rows of this.kinds) rows.drop(deadline, dropped[rows.kind]!, this.tracker)
  }

  get byteSize(): number {
    let size = 200 + this.index.byteSize
    for (const rows of this.kinds) {
      size += 250 + 8 * rows.pages.length
      for (const page of rows.pages) if (page !== undefined) size += page.byteSize
      for (const { page } of rows.gone.values()) size += page.byteSize
    }
    return size
  }

  // `(other)` may come on top of the limits: without it nothing could be counted at all.
  private other(table: Table, rows: KindRows, stamp: number): number {
    if (table.otherRow >= 0) return table.otherRow
    let row = this.find(table, OTHER, 0, OTHER.length)
    if (row < 0) {
      hashBytes(this.hashKey, OTHER, 0, OTHER.length)
      row = this.append(table, rows, OTHER, 0, OTHER.length, stamp)
    }
    table.otherRow = row
    return row
  }

  // The text's hash is in `hash`.
  private append(table: Table, rows: KindRows, bytes: Uint8Array, start: number, end: number, stamp: number): number {
    const low = hash.lo
    const high = hash.hi
    const row = rows.take()
    if (rows.gone.size > 0) this.clearGone(rows, row >>> KEY_PAGE_BITS)
    const page = rows.pageFor(row)
    if (page.mark !== Mark.Dirty) this.tracker.touch(page)
    const inPage = row & PAGE_MASK
    const before = page.marks[2 * inPage] ?? 0
    if (before !== 0) {
      page.hashText(inPage, this.hashKey)
      const mix = mixOf(before - 1, table.kind)
      this.index.remove(hash.lo ^ Math.imul(mix, MixFactor.Low), hash.hi ^ Math.imul(mix, MixFactor.High), row)
    }
    page.set(inPage, table.id, bytes, start, end, stamp)
    hash.lo = low
    hash.hi = high
    this.enter(table, rows, row, stamp)
    return row
  }

  private enter(table: Table, rows: KindRows, row: number, stamp: number): void {
    const mix = mixOf(table.id, table.kind)
    this.index.insert(hash.lo ^ Math.imul(mix, MixFactor.Low), hash.hi ^ Math.imul(mix, MixFactor.High), row, this.live)
    table.countStamp(stamp, 1)
    table.live++
    rows.live++
    this.live++
  }

  private stamp(table: Table, rows: KindRows, row: number, stamp: number): void {
    const page = rows.pages[row >>> KEY_PAGE_BITS]!
    const before = page.marks[2 * (row & PAGE_MASK) + 1]!
    if (before >= stamp) return
    if (page.mark !== Mark.Dirty) this.tracker.touch(page)
    page.setStamp(row & PAGE_MASK, stamp)
    table.countStamp(before, -1)
    table.countStamp(stamp, 1)
  }

  // Clears the index of what a page held that went: all of it if the page's number is about to be used again.
  private clearGone(rows: KindRows, number: number): void {
    const again = rows.gone.get(number)
    if (again !== undefined) this.clear(rows, again.page, again.row, PAGE_ROWS)
    for (const entry of rows.gone.values()) {
      const end = entry.row + CLEAR_SOME
      this.clear(rows, entry.page, entry.row, end)
      entry.row = end
      break
    }
  }

  private clear(rows: KindRows, page: KeyPage, from: number, end: number): void {
    const held = page.marks.length / 2
    for (let row = from; row < Math.min(end, held); row++) {
      if (page.marks[2 * row] === 0) continue
      const mix = mixOf(page.marks[2 * row]! - 1, rows.kind)
      page.hashText(row, this.hashKey)
      const ref = page.number * PAGE_ROWS + row
      this.index.remove(hash.lo ^ Math.imul(mix, MixFactor.Low), hash.hi ^ Math.imul(mix, MixFactor.High), ref)
    }
    if (end >= held) rows.gone.delete(page.number)
  }
}

/** The greatest end ≤ `end` at which a UTF-8 character of bytes[start, …) ends. */
export function cutAtCharacter(bytes: Uint8Array, start: number, end: number): number {
  while (end > start && (bytes[end]! & 0xc0) === 0x80) end--
  return end
}
