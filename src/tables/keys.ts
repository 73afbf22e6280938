// Keys of tables: texts in bytes, a number each. Interned once, found by 32 bits of their keyed hash, never made a string
// on the way of an event.
//
// A table's rows lie in pages of 256 keys, each page with a heap of its own, so that a page is what a checkpoint writes
// and what a freed key is cleaned from:
//
//      places  | offset | offset | …              by row in the page; 0 = free
//      heap    (one unused byte) | stamp (2) | length (1–2) | UTF-8 … | stamp | …
//
// `stamp` is 1 + the last day on which the key had a cell. A key is dropped when that day has left the ring: when its stamp
// is below the customer's `deadline`, which only rises. That takes no sweep. Its row is free from then on, its text stays
// until the row is taken again (the lowest free row first), and a page of nothing but dropped keys goes as a whole. So
// nothing is renumbered, no day is rewritten, and a million keys expire in no time. (R18 calls rows append-only: a scan
// that meets a reused row sees a key that came after the scan's start, as it might at the end. No slot holds old cells.)
//
// One index a customer serves all tables: hash ^ table → table << 20 | row. A candidate counts if its key is not dropped and
// its text is equal; entries of dropped keys go when their row is taken, or when the index is rehashed.

import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { assert, LetheError } from '../core/errors.js'
import { type HashKey, hash, hashBytes } from '../core/hash.js'
import type { Limits } from '../core/limits.js'
import { ARENA, type Effects } from './effects.js'
import { HashIndex } from './hash-index.js'
import { Mark, Page, recordKey, type Tracker } from './page.js'
import type { Table } from './table.js'

export const KEY_PAGE_BITS = 8
const KEY_PAGE_ROWS = 1 << KEY_PAGE_BITS
const ROW_BITS = 20
const ROW_MASK = (1 << ROW_BITS) - 1
const VERSION = 1
const OTHER = Buffer.from('(other)')
// Rows that are found without hashing, once a customer is busy.
const RECENT = 256
const BUSY_AFTER = 64

export class KeyPage extends Page {
  private places = new Uint32Array(4)
  private heap = new Uint8Array(56)
  private used = 1
  /** The greatest stamp: below the deadline, the page is dead. */
  maxStamp = 0

  constructor(
    private readonly table: Table,
    private readonly number: number,
  ) {
    super()
  }

  get day(): undefined {
    return undefined
  }

  get alive(): boolean {
    return this.table.alive && this.table.keyPages[this.number] === this
  }

  key(): Uint8Array {
    return recordKey('k', this.table.id, this.number)
  }

  /** 1 + the last day of the key; 0 = there never was one. */
  stamp(row: number): number {
    const at = this.places[row] ?? 0
    return at === 0 ? 0 : this.heap[at]! | (this.heap[at + 1]! << 8)
  }

  setStamp(row: number, stamp: number): void {
    const at = this.places[row]!
    this.heap[at] = stamp
    this.heap[at + 1] = stamp >>> 8
    if (stamp > this.maxStamp) this.maxStamp = stamp
  }

  /** Whether the row's key is in use (its stamp reaches the deadline) and equals bytes[start, end). */
  equals(row: number, bytes: Uint8Array, start: number, end: number, deadline: number): boolean {
    if (row >= this.places.length) return false
    let at = this.places[row]!
    if (at === 0) return false
    const { heap } = this
    if ((heap[at]! | (heap[at + 1]! << 8)) < deadline) return false
    at += 2
    let length = heap[at++]!
    if (length >= 0x80) length = (length & 0x7f) | (heap[at++]! << 7)
    if (length !== end - start) return false
    for (let i = start; i < end; i++, at++) if (bytes[i] !== heap[at]) return false
    return true
  }

  text(row: number): string {
    let at = this.places[row] ?? 0
    if (at === 0) return ''
    at += 2
    let length = this.heap[at++]!
    if (length >= 0x80) length = (length & 0x7f) | (this.heap[at++]! << 7)
    return Buffer.from(this.heap.buffer, this.heap.byteOffset + at, length).toString('utf8')
  }

  hashText(row: number, key: HashKey): void {
    let at = this.places[row]! + 2
    let length = this.heap[at++]!
    if (length >= 0x80) length = (length & 0x7f) | (this.heap[at++]! << 7)
    hashBytes(key, this.heap, at, at + length)
  }

  /** Gives a free row a key. */
  set(row: number, bytes: Uint8Array, start: number, end: number, stamp: number): void {
    if (row >= this.places.length) this.growPlaces(row)
    const length = end - start
    const size = length + (length < 0x80 ? 3 : 4)
    if (this.used + size > this.heap.length) this.makeRoom(size, row === KEY_PAGE_ROWS - 1)
    const { heap } = this
    let at = this.used
    this.places[row] = at
    heap[at++] = stamp
    heap[at++] = stamp >>> 8
    if (length < 0x80) heap[at++] = length
    else {
      heap[at++] = (length & 0x7f) | 0x80
      heap[at++] = length >>> 7
    }
    for (let i = start; i < end; i++) heap[at++] = bytes[i]!
    this.used = at
    if (stamp > this.maxStamp) this.maxStamp = stamp
  }

  /** Version; then per row varint stamp (0 = free, nothing follows) and text, up to the last row in use. */
  encode(writer: ByteWriter): void {
    writer.u8(VERSION)
    let rows = this.places.length
    while (rows > 0 && this.places[rows - 1] === 0) rows--
    writer.varint(rows)
    for (let row = 0; row < rows; row++) {
      const stamp = this.stamp(row)
      writer.varint(stamp)
      if (stamp === 0) continue
      let at = this.places[row]! + 2
      let length = this.heap[at++]!
      if (length >= 0x80) length = (length & 0x7f) | (this.heap[at++]! << 7)
      writer.varint(length)
      writer.raw(this.heap, at, at + length)
    }
  }

  isEmpty(row: number): boolean {
    return this.heap[this.places[row]! + 2] === 0
  }

  /** Answers the number of rows. */
  decode(reader: ByteReader): number {
    if (reader.u8() !== VERSION) throw new LetheError('page-unknown', 'a page of keys of an unknown version')
    const rows = reader.varint()
    if (rows > KEY_PAGE_ROWS) throw new LetheError('page-damaged', `a page of ${rows} keys`)
    for (let row = 0; row < rows; row++) {
      const stamp = reader.varint()
      if (stamp === 0) continue
      const text = reader.blob()
      this.set(row, text, 0, text.length, stamp)
    }
    return rows
  }

  get byteSize(): number {
    return 560 + this.places.byteLength + this.heap.length
  }

  private growPlaces(row: number): void {
    let size = this.places.length
    while (size <= row) size *= 4
    const grown = new Uint32Array(Math.min(size, KEY_PAGE_ROWS))
    grown.set(this.places)
    this.places = grown
  }

  // Drops the texts of rows that were taken again, then grows by half; the last row of a page takes just what it needs.
  private makeRoom(size: number, exact: boolean): void {
    const { places, heap } = this
    let live = 1
    for (let row = 0; row < places.length; row++) if (places[row] !== 0) live += this.sizeAt(places[row]!)
    let capacity = heap.length
    if (live + size > capacity) capacity = exact ? live + size : Math.max(live + size, capacity + (capacity >> 1))
    const next = new Uint8Array(capacity)
    let to = 1
    for (let row = 0; row < places.length; row++) {
      const at = places[row]!
      if (at === 0) continue
      const length = this.sizeAt(at)
      for (let i = 0; i < length; i++) next[to + i] = heap[at + i]!
      places[row] = to
      to += length
    }
    this.heap = next
    this.used = to
  }

  private sizeAt(at: number): number {
    const first = this.heap[at + 2]!
    return first < 0x80 ? 3 + first : 4 + ((first & 0x7f) | (this.heap[at + 3]! << 7))
  }
}

/** The keys of all tables of a customer. */
export class KeySpace {
  /** Keys in use in all tables. */
  live = 0
  /** Keys with a stamp below it are dropped. Never falls. */
  deadline = 0
  private readonly index: HashIndex
  private recent: Int32Array | undefined
  private events = 0

  constructor(
    private readonly hashKey: HashKey,
    private readonly limits: Limits,
    readonly tracker: Tracker,
    private readonly tables: readonly (Table | undefined)[],
  ) {
    this.index = new HashIndex(16, (ref, entryHash) => this.isEntry(ref, entryHash))
  }

  /** To be called once an event: makes the cache of rows worth its kilobyte. */
  countEvent(): void {
    if (this.recent === undefined && ++this.events > BUSY_AFTER) this.recent = new Int32Array(RECENT).fill(-1)
  }

  /** The row of a key of an event, which is given one if it is new: its own, or, at a limit, that of `(other)`. */
  intern(table: Table, effects: Effects, start: number, end: number, stamp: number): number {
    if (start === end && table.emptyRow >= 0) return table.emptyRow
    let bytes = effects.bytes
    let from = start
    let to = end
    if (start >= ARENA) {
      bytes = effects.arena
      from -= ARENA
      to -= ARENA
    }
    if (to - from > this.limits.maxKeyBytes) {
      to = cutAtCharacter(bytes, from, from + this.limits.maxKeyBytes)
      end = start + (to - from)
    }
    const { recent } = this
    let slot = 0
    if (recent !== undefined) {
      const length = to - from
      slot =
        (Math.imul(bytes[from]! + (bytes[to - 1]! << 8) + (bytes[(from + to) >> 1]! << 16), 0x9e3779b1) >>> 24) ^
        ((table.id * 29 + length * 5) & (RECENT - 1))
      const ref = recent[slot]!
      if (ref >>> ROW_BITS === table.id && table.equals(ref & ROW_MASK, bytes, from, to)) return ref & ROW_MASK
    }
    effects.hashOf(start, end)
    const tableHash = hash.lo ^ Math.imul(table.id + 1, 0x9e3779b1)
    let row = this.search(table, tableHash, bytes, from, to)
    if (row < 0) row = this.create(table, tableHash, bytes, from, to, stamp)
    if (recent !== undefined) recent[slot] = (table.id << ROW_BITS) | row
    return row
  }

  /** The row of a key, or −1. */
  find(table: Table, bytes: Uint8Array, start: number, end: number): number {
    if (end - start > this.limits.maxKeyBytes) end = cutAtCharacter(bytes, start, start + this.limits.maxKeyBytes)
    hashBytes(this.hashKey, bytes, start, end)
    return this.search(table, hash.lo ^ Math.imul(table.id + 1, 0x9e3779b1), bytes, start, end)
  }

  /** Puts a live row that was loaded into the index. */
  enter(table: Table, row: number): void {
    table.keyPages[row >>> KEY_PAGE_BITS]!.hashText(row & (KEY_PAGE_ROWS - 1), this.hashKey)
    this.index.insert(hash.lo ^ Math.imul(table.id + 1, 0x9e3779b1), (table.id << ROW_BITS) | row, this.live)
    this.live++
  }

  /** Raises the deadline: keys below it are dropped. Tables have their counts of live keys brought down by the caller. */
  drop(deadline: number, dropped: number): void {
    this.deadline = deadline
    this.live -= dropped
    if (dropped > 0) this.index.shrink(this.live)
  }

  get byteSize(): number {
    return this.index.byteSize + (this.recent?.byteLength ?? 0)
  }

  // Whether an entry of the index stands for a live key: not for one that was dropped, nor for its row's former key.
  private isEntry(ref: number, entryHash: number): boolean {
    const table = this.tables[ref >>> ROW_BITS]
    const row = ref & ROW_MASK
    if (!table?.isLive(row)) return false
    table.keyPages[row >>> KEY_PAGE_BITS]!.hashText(row & (KEY_PAGE_ROWS - 1), this.hashKey)
    return (hash.lo ^ Math.imul(table.id + 1, 0x9e3779b1)) === entryHash
  }

  private search(table: Table, tableHash: number, bytes: Uint8Array, start: number, end: number): number {
    for (let ref = this.index.first(tableHash); ref >= 0; ref = this.index.next()) {
      if (ref >>> ROW_BITS === table.id && table.equals(ref & ROW_MASK, bytes, start, end)) return ref & ROW_MASK
    }
    return -1
  }

  private create(
    table: Table,
    tableHash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    stamp: number,
  ): number {
    if (table.live >= this.limits.maxKeysPerTable || this.live >= this.limits.maxKeysPerCustomer) {
      return this.other(table, stamp)
    }
    return this.append(table, tableHash, bytes, start, end, stamp)
  }

  // `(other)` may come on top of the limits: without it nothing could be counted at all.
  private other(table: Table, stamp: number): number {
    if (table.otherRow >= 0) return table.otherRow
    hashBytes(this.hashKey, OTHER, 0, OTHER.length)
    const tableHash = hash.lo ^ Math.imul(table.id + 1, 0x9e3779b1)
    const row = this.search(table, tableHash, OTHER, 0, OTHER.length)
    table.otherRow = row >= 0 ? row : this.append(table, tableHash, OTHER, 0, OTHER.length, stamp)
    return table.otherRow
  }

  private append(
    table: Table,
    tableHash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    stamp: number,
  ): number {
    const row = table.nextFreeRow()
    assert(row <= ROW_MASK)
    const page = table.keyPageFor(row)
    if (page.mark !== Mark.Dirty) this.tracker.touch(page)
    const inPage = row & (KEY_PAGE_ROWS - 1)
    const ref = (table.id << ROW_BITS) | row
    if (page.stamp(inPage) !== 0) {
      page.hashText(inPage, this.hashKey)
      this.index.remove(hash.lo ^ Math.imul(table.id + 1, 0x9e3779b1), ref)
    }
    page.set(inPage, bytes, start, end, stamp)
    this.index.insert(tableHash, ref, this.live)
    table.countStamp(stamp, 1)
    table.live++
    this.live++
    if (start === end) table.emptyRow = row
    return row
  }
}

/** The greatest end ≤ `end` at which a UTF-8 character of bytes[start, …) ends. */
export function cutAtCharacter(bytes: Uint8Array, start: number, end: number): number {
  while (end > start && (bytes[end]! & 0xc0) === 0x80) end--
  return end
}
