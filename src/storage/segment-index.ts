// Which customers have entries in a segment, and where. Three tables:
//
//   customers, 40 bytes a row, sorted by incarnation (high word, low word):
//     | low u32 | high u32 | first n f64 | last n f64 | count u32 | list u32 | 0 u64 |
//   lists, 4 bytes an entry: offsets of entry headers in the segment; `list` is a customer's first row here
//   frames, 24 bytes a row, in order of offset:
//     | offset u32 | length u32 | ms f64 | day i32 | entries u32 |
//
// The segment that is being written keeps a log instead (a row and an offset per entry), which sealing sorts into lists.
// Sealed, the tables go into a file beside the segment, so that the next start reads that instead of 64 MiB. Customers
// and frames stay in memory as they are on disk, lists are read when a customer replays: 20 bytes of memory an entry
// would be 280 MB at the journal's bound.
import { crc32 } from 'node:zlib'
import { assert } from '../core/errors.js'

const CUSTOMER_ROW = 40
const FRAME_ROW = 24
const INDEX_MAGIC = Buffer.from('LETHEIX1')
const INDEX_HEADER = 64

/** What replay and trimming ask a segment, sealed or not. Rows are numbered from 0; −1 is none. */
export interface SegmentIndex {
  readonly customers: number
  readonly entries: number
  readonly end: number
  find(low: number, high: number): number
  low(row: number): number
  high(row: number): number
  first(row: number): number
  last(row: number): number
  /** Offsets of a customer's entries, in order of n; of all customers' where the lists are in `lists`. */
  offsets(row: number, readList: (start: number, count: number) => Uint32Array): Uint32Array
  /** The row of the frame that holds the entry at `offset`. */
  frameOf(offset: number): number
  readonly frames: number
  frameOffset(row: number): number
  frameLength(row: number): number
  frameMs(row: number): number
  frameDay(row: number): number
}

/** Grows by doubling. */
class Words {
  rows = new Uint32Array(1024)
  length = 0

  push(value: number): void {
    if (this.length === this.rows.length) {
      const grown = new Uint32Array(this.length * 2)
      grown.set(this.rows)
      this.rows = grown
    }
    this.rows[this.length++] = value
  }
}

/** The index of a segment while it is written or scanned. */
export class GrowingIndex implements SegmentIndex {
  private readonly lows = new Words()
  private readonly highs = new Words()
  private readonly firsts: number[] = []
  private readonly lasts: number[] = []
  private readonly counts: number[] = []
  private readonly logRows = new Words()
  private readonly logOffsets = new Words()
  private slots = new Int32Array(256).fill(-1)
  private frameTable = Buffer.allocUnsafeSlow(FRAME_ROW * 256)
  frames = 0
  /** First byte behind the last frame. */
  end = 0
  // What the last frame changed, so that it can be taken out again.
  private undoRows: number[] = []
  private undoLasts: number[] = []
  private undoCustomers = 0

  get customers(): number {
    return this.lows.length
  }

  get entries(): number {
    return this.logRows.length
  }

  private slotOf(low: number, high: number): number {
    const mask = this.slots.length - 1
    let slot = (Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1) >>> 12) & mask
    for (;;) {
      const row = this.slots[slot]!
      if (row < 0 || (this.lows.rows[row] === low && this.highs.rows[row] === high)) return slot
      slot = (slot + 1) & mask
    }
  }

  find(low: number, high: number): number {
    return this.slots[this.slotOf(low, high)]!
  }

  /** The customer's row, made if there is none. */
  rowOf(low: number, high: number): number {
    const slot = this.slotOf(low, high)
    const found = this.slots[slot]!
    if (found >= 0) return found
    const row = this.lows.length
    this.lows.push(low)
    this.highs.push(high)
    this.firsts.push(0)
    this.lasts.push(0)
    this.counts.push(0)
    this.slots[slot] = row
    if (this.lows.length * 2 > this.slots.length) this.rehash()
    return row
  }

  private rehash(): void {
    this.slots = new Int32Array(this.slots.length * 2).fill(-1)
    for (let row = 0; row < this.lows.length; row++) {
      this.slots[this.slotOf(this.lows.rows[row]!, this.highs.rows[row]!)] = row
    }
  }

  /**
   * Notes an entry. Answers false unless n is above the customer's last one here. Holes are allowed: a recovery copies single frames of other
   * segments; whether all is there shows when all segments are read together.
   */
  add(row: number, n: number, offset: number): boolean {
    const count = this.counts[row]!
    if (count === 0) this.firsts[row] = n
    else if (n <= this.lasts[row]!) return false
    this.undoRows.push(row)
    this.undoLasts.push(this.lasts[row]!)
    this.lasts[row] = n
    this.counts[row] = count + 1
    this.logRows.push(row)
    this.logOffsets.push(offset)
    return true
  }

  /** Before the frame's entries. */
  addFrame(offset: number, length: number, ms: number, day: number, entries: number): void {
    this.undoRows.length = 0
    this.undoLasts.length = 0
    this.undoCustomers = this.customers
    let at = this.frames++ * FRAME_ROW
    if (at + FRAME_ROW > this.frameTable.length) {
      const grown = Buffer.allocUnsafeSlow(this.frameTable.length * 2)
      this.frameTable.copy(grown)
      this.frameTable = grown
    }
    at = this.frameTable.writeUInt32LE(offset, at)
    at = this.frameTable.writeUInt32LE(length, at)
    at = this.frameTable.writeDoubleLE(ms, at)
    at = this.frameTable.writeInt32LE(day, at)
    this.frameTable.writeUInt32LE(entries, at)
  }

  /** Takes the last frame and its entries out again. Once. */
  dropLastFrame(): void {
    assert(this.frames > 0)
    for (let i = this.undoRows.length - 1; i >= 0; i--) {
      const row = this.undoRows[i]!
      this.lasts[row] = this.undoLasts[i]!
      this.counts[row] = this.counts[row]! - 1
      this.logRows.length--
      this.logOffsets.length--
    }
    this.lows.length = this.undoCustomers
    this.highs.length = this.undoCustomers
    this.firsts.length = this.undoCustomers
    this.lasts.length = this.undoCustomers
    this.counts.length = this.undoCustomers
    this.slots.fill(-1)
    for (let row = 0; row < this.customers; row++) this.slots[this.slotOf(this.low(row), this.high(row))] = row
    this.frames--
    this.end = this.frameOffset(this.frames)
    this.undoRows = []
  }

  low = (row: number): number => this.lows.rows[row]!
  high = (row: number): number => this.highs.rows[row]!
  first = (row: number): number => this.firsts[row]!
  last = (row: number): number => this.lasts[row]!

  offsets(row: number): Uint32Array {
    const list = new Uint32Array(this.counts[row]!)
    const rows = this.logRows.rows
    for (let i = 0, found = 0; found < list.length; i++) {
      if (rows[i] === row) list[found++] = this.logOffsets.rows[i]!
    }
    return list
  }

  frameOf(offset: number): number {
    return searchFrames(this.frameTable, this.frames, offset)
  }

  frameOffset = (row: number): number => this.frameTable.readUInt32LE(row * FRAME_ROW)
  frameLength = (row: number): number => this.frameTable.readUInt32LE(row * FRAME_ROW + 4)
  frameMs = (row: number): number => this.frameTable.readDoubleLE(row * FRAME_ROW + 8)
  frameDay = (row: number): number => this.frameTable.readInt32LE(row * FRAME_ROW + 16)

  /** Sorts the log into lists, the customers by incarnation. 450,000 entries, a full segment of small ones, take about 10 ms. */
  sealed(): SealedIndex {
    const order = new Uint32Array(this.customers)
    for (let i = 0; i < order.length; i++) order[i] = i
    const highs = this.highs.rows
    const lows = this.lows.rows
    order.sort((a, b) => highs[a]! - highs[b]! || lows[a]! - lows[b]!)
    const customers = Buffer.alloc(order.length * CUSTOMER_ROW)
    const next = new Uint32Array(order.length)
    let list = 0
    for (let i = 0; i < order.length; i++) {
      const row = order[i]!
      next[row] = list
      let at = customers.writeUInt32LE(lows[row]!, i * CUSTOMER_ROW)
      at = customers.writeUInt32LE(highs[row]!, at)
      at = customers.writeDoubleLE(this.firsts[row]!, at)
      at = customers.writeDoubleLE(this.lasts[row]!, at)
      at = customers.writeUInt32LE(this.counts[row]!, at)
      customers.writeUInt32LE(list, at)
      list += this.counts[row]!
    }
    const lists = new Uint32Array(this.entries)
    const rows = this.logRows.rows
    const offsets = this.logOffsets.rows
    for (let i = 0; i < lists.length; i++) lists[next[rows[i]!]!++] = offsets[i]!
    return new SealedIndex(
      customers,
      Buffer.from(this.frameTable.subarray(0, this.frames * FRAME_ROW)),
      this.end,
      lists.length,
      lists,
    )
  }
}

function searchFrames(table: Buffer, frames: number, offset: number): number {
  let low = 0
  let high = frames - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (table.readUInt32LE(middle * FRAME_ROW) <= offset) low = middle
    else high = middle - 1
  }
  assert(frames > 0)
  return low
}

/** The index of a segment that is complete. */
export class SealedIndex implements SegmentIndex {
  readonly customers: number
  readonly frames: number

  constructor(
    readonly customerTable: Buffer,
    readonly frameTable: Buffer,
    readonly end: number,
    readonly entries: number,
    /** Until they are in the index file. */
    public lists: Uint32Array | undefined,
  ) {
    this.customers = customerTable.length / CUSTOMER_ROW
    this.frames = frameTable.length / FRAME_ROW
  }

  find(low: number, high: number): number {
    let from = 0
    let to = this.customers - 1
    while (from <= to) {
      const middle = (from + to) >> 1
      const order = this.high(middle) - high || this.low(middle) - low
      if (order === 0) return middle
      if (order < 0) from = middle + 1
      else to = middle - 1
    }
    return -1
  }

  low = (row: number): number => this.customerTable.readUInt32LE(row * CUSTOMER_ROW)
  high = (row: number): number => this.customerTable.readUInt32LE(row * CUSTOMER_ROW + 4)
  first = (row: number): number => this.customerTable.readDoubleLE(row * CUSTOMER_ROW + 8)
  last = (row: number): number => this.customerTable.readDoubleLE(row * CUSTOMER_ROW + 16)

  offsets(row: number, readList: (start: number, count: number) => Uint32Array): Uint32Array {
    const count = this.customerTable.readUInt32LE(row * CUSTOMER_ROW + 24)
    const start = this.customerTable.readUInt32LE(row * CUSTOMER_ROW + 28)
    return this.lists === undefined ? readList(start, count) : this.lists.subarray(start, start + count)
  }

  frameOf(offset: number): number {
    return searchFrames(this.frameTable, this.frames, offset)
  }

  frameOffset = (row: number): number => this.frameTable.readUInt32LE(row * FRAME_ROW)
  frameLength = (row: number): number => this.frameTable.readUInt32LE(row * FRAME_ROW + 4)
  frameMs = (row: number): number => this.frameTable.readDoubleLE(row * FRAME_ROW + 8)
  frameDay = (row: number): number => this.frameTable.readInt32LE(row * FRAME_ROW + 16)

  /** Where the lists start in the index file. */
  get listsAt(): number {
    return listsOffset(this.customers, this.frames)
  }

  /** The file: header, customers, frames, lists. `rewritten` is whether the segment begins with frames copied by a recovery. */
  encode(tagLow: number, tagHigh: number, rewritten: boolean): Buffer {
    const lists = this.lists!
    const bytes = Buffer.alloc(this.listsAt + lists.length * 4)
    INDEX_MAGIC.copy(bytes)
    bytes.writeUInt32LE(tagLow, 16)
    bytes.writeUInt32LE(tagHigh, 20)
    bytes.writeUInt32LE(this.customers, 24)
    bytes.writeUInt32LE(this.frames, 28)
    bytes.writeUInt32LE(lists.length, 32)
    bytes.writeUInt32LE(this.end, 36)
    bytes.writeUInt32LE(rewritten ? 1 : 0, 40)
    this.customerTable.copy(bytes, INDEX_HEADER)
    this.frameTable.copy(bytes, INDEX_HEADER + this.customerTable.length)
    Buffer.from(lists.buffer, lists.byteOffset, lists.length * 4).copy(bytes, this.listsAt)
    bytes.writeUInt32LE(crc32(bytes.subarray(this.listsAt)), 12)
    bytes.writeUInt32LE(crc32(bytes.subarray(12, this.listsAt)), 8)
    return bytes
  }
}

/** Where the lists start in an index file. */
export const listsOffset = (customers: number, frames: number): number =>
  INDEX_HEADER + customers * CUSTOMER_ROW + frames * FRAME_ROW

/** Bytes of an index file up to its lists, as its header says; undefined if it is none. */
export function indexHeadBytes(header: Buffer): number | undefined {
  if (header.length < INDEX_HEADER || header.compare(INDEX_MAGIC, 0, 8, 0, 8) !== 0) return undefined
  return listsOffset(header.readUInt32LE(24), header.readUInt32LE(28))
}

/** The index in `head` (all before the lists); undefined if it is not intact, or not of this segment. */
export function decodeIndex(
  head: Buffer,
  fileBytes: number,
  tagLow: number,
  tagHigh: number,
): { index: SealedIndex; rewritten: boolean } | undefined {
  const size = indexHeadBytes(head)
  if (size === undefined || head.length !== size) return undefined
  if (crc32(head.subarray(12)) !== head.readUInt32LE(8)) return undefined
  if (head.readUInt32LE(16) !== tagLow || head.readUInt32LE(20) !== tagHigh) return undefined
  const entries = head.readUInt32LE(32)
  if (fileBytes !== size + entries * 4) return undefined
  const frames = INDEX_HEADER + head.readUInt32LE(24) * CUSTOMER_ROW
  const index = new SealedIndex(
    head.subarray(INDEX_HEADER, frames),
    head.subarray(frames),
    head.readUInt32LE(36),
    entries,
    undefined,
  )
  return { index, rewritten: head.readUInt32LE(40) === 1 }
}
