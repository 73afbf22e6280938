// Sketches of a table and day: sixteen rows a page, their registers behind one another in the page's slab.
//
//      meta    | offset | count << 8 | k |  …       by row; offset −1 = never touched, −2 = dense
//      slab    | row 3: 12 bytes | row 0: 48 bytes | (left behind) | row 1: 12 bytes | free …
//      dense   row → 16,384 registers of its own
//
// A memory of its own for each sketch would cost 250 bytes of headers, more than the registers of 25 users, and a cache miss
// more an add. A sketch that outgrows its place moves to the end of the slab; what is left behind is squeezed out when the
// slab is full and a quarter of it is such.

import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { LetheError } from '../core/errors.js'
import {
  decodeDense,
  decodeHeader,
  decodeSparse,
  encodeDense,
  encodeSparse,
  Hll,
  sparseSizeFor,
} from '../sketch/hll.js'
import {
  estimateDense,
  estimateSparse,
  MAX_SPARSE,
  MIN_SPARSE,
  REGISTERS,
  readSlot,
  registerOf,
  SLOT_BYTES,
  sparseCapacity,
  sparseMove,
  sparseSlot,
  sparseToDense,
  writeSlot,
} from '../sketch/registers.js'
import type { ColumnHome } from './column.js'
import { CACHE_LINE, Mark, Page, recordKey, type Tracker } from './page.js'
import { TableKind } from './types.js'

export const SKETCH_PAGE_BITS = 4
const ROWS = 1 << SKETCH_PAGE_BITS
const UNTOUCHED = -1
const DENSE = -2
const VERSION = 1

export class SketchPage extends Page {
  private meta = new Int32Array(8).fill(UNTOUCHED)
  private slab = new Uint8Array(24)
  private used = 0
  private left = 0
  private dense: (Uint8Array | undefined)[] | undefined

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
    return recordKey('c', TableKind.Sketch, this.number)
  }

  /** Adds a hash; false, and nothing is done, if the cell was never touched. A page that does not change does not get dirty. */
  add(row: number, low: number, high: number, tracker: Tracker): boolean {
    const register = registerOf(low, high)
    const offset = 2 * row < this.meta.length ? this.meta[2 * row]! : UNTOUCHED
    if (offset >= 0) {
      const form = this.meta[2 * row + 1]!
      const slot = sparseSlot(this.slab, offset, form & 255, register)
      const found = readSlot(this.slab, slot)
      if (found >= register) return true
      if (this.mark !== Mark.Dirty) tracker.touch(this)
      if (found !== 0) writeSlot(this.slab, slot, register)
      else this.insert(row, offset, form, slot, register)
      return true
    }
    if (offset === DENSE) {
      const dense = this.dense![row]!
      const rank = register & 63
      if (rank <= dense[register >>> 6]!) return true
      if (this.mark !== Mark.Dirty) tracker.touch(this)
      dense[register >>> 6] = rank
      return true
    }
    return false
  }

  /** See Updates.prefetch. */
  prefetch(bytes: number): number {
    const { meta, slab } = this
    const end = Math.min(this.used, bytes)
    let sum = (meta[0]! + meta[meta.length - 1]!) | 0
    for (let at = 0; at < end; at += CACHE_LINE) sum = (sum + slab[at]!) | 0
    return sum
  }

  /** Begins a cell with its first hash. */
  start(row: number, low: number, high: number, tracker: Tracker): void {
    const register = registerOf(low, high)
    if (this.mark !== Mark.Dirty) tracker.touch(this)
    this.place(row, MIN_SPARSE, 1)
    writeSlot(this.slab, sparseSlot(this.slab, this.meta[2 * row]!, MIN_SPARSE, register), register)
  }

  /** The estimate of a row; 0 if it was never touched. */
  estimate(row: number): number {
    const offset = this.meta[2 * row] ?? UNTOUCHED
    if (offset === DENSE) return estimateDense(this.dense![row]!)
    if (offset < 0) return 0
    const form = this.meta[2 * row + 1]!
    return estimateSparse(this.slab, offset, form & 255, form >>> 8)
  }

  /** A copy of a row's sketch. */
  sketch(row: number): Hll | undefined {
    const offset = this.meta[2 * row] ?? UNTOUCHED
    if (offset === DENSE) return Hll.ofDense(this.dense![row]!)
    if (offset < 0) return undefined
    const form = this.meta[2 * row + 1]!
    return Hll.ofSparse(this.slab, offset, form & 255, form >>> 8)
  }

  /** Version, varint number of cells; per cell varint step of the row and the sketch. */
  encode(writer: ByteWriter): void {
    const { meta } = this
    let cells = 0
    for (let at = 0; at < meta.length; at += 2) if (meta[at] !== UNTOUCHED) cells++
    writer.u8(VERSION)
    writer.varint(cells)
    let before = 0
    for (let row = 0; 2 * row < meta.length; row++) {
      const offset = meta[2 * row]!
      if (offset === UNTOUCHED) continue
      writer.varint(row - before)
      before = row
      const form = meta[2 * row + 1]!
      if (offset === DENSE) encodeDense(writer, this.dense![row]!)
      else encodeSparse(writer, this.slab, offset, form & 255, form >>> 8)
    }
  }

  decode(reader: ByteReader): void {
    if (reader.u8() !== VERSION) throw new LetheError('page-unknown', 'a page of sketches of an unknown version')
    const cells = reader.varint()
    let row = 0
    for (let i = 0; i < cells; i++) {
      row += reader.varint()
      if (row >= ROWS) throw new LetheError('page-damaged', `a page of sketches holds row ${row}`)
      const count = decodeHeader(reader)
      if (count < 0) {
        this.makeRows(row)
        this.setDense(row, decodeDense(reader))
      } else {
        const k = sparseSizeFor(count)
        this.place(row, k, count)
        decodeSparse(reader, count, this.slab, this.meta[2 * row]!, k)
      }
    }
  }

  get byteSize(): number {
    let size = 620 + this.meta.byteLength + this.slab.length
    if (this.dense) for (const dense of this.dense) size += 8 + (dense ? REGISTERS + 200 : 0)
    return size
  }

  private insert(row: number, offset: number, form: number, slot: number, register: number): void {
    const k = form & 255
    const count = form >>> 8
    if (count < sparseCapacity(k)) {
      writeSlot(this.slab, slot, register)
      this.meta[2 * row + 1] = form + 256
      return
    }
    if (k === MAX_SPARSE) {
      const dense = new Uint8Array(REGISTERS)
      sparseToDense(this.slab, offset, k, dense)
      dense[register >>> 6] = register & 63
      this.left += SLOT_BYTES << k
      this.setDense(row, dense)
      return
    }
    // `place` may squeeze the slab: the old place is noted there, and read after.
    this.place(row, k + 1, count + 1)
    writeSlot(this.slab, sparseSlot(this.slab, this.meta[2 * row]!, k + 1, register), register)
  }

  // Gives a row 2^k slots at the end of the slab, with what it had before.
  private place(row: number, k: number, count: number): void {
    this.makeRows(row)
    const size = SLOT_BYTES << k
    if (this.used + size > this.slab.length) this.makeRoom(size)
    const { meta, slab } = this
    const before = meta[2 * row]!
    const at = this.used
    this.used += size
    if (before >= 0) {
      const old = meta[2 * row + 1]! & 255
      sparseMove(slab, before, old, slab, at, k)
      this.left += SLOT_BYTES << old
    }
    meta[2 * row] = at
    meta[2 * row + 1] = (count << 8) | k
  }

  private setDense(row: number, dense: Uint8Array): void {
    this.dense ??= []
    while (this.dense.length <= row) this.dense.push(undefined)
    this.dense[row] = dense
    this.meta[2 * row] = DENSE
    this.meta[2 * row + 1] = 0
  }

  private makeRows(row: number): void {
    if (2 * row < this.meta.length) return
    const grown = new Int32Array(2 * ROWS).fill(UNTOUCHED)
    grown.set(this.meta)
    this.meta = grown
  }

  private makeRoom(size: number): void {
    const live = this.used - this.left
    let capacity = this.slab.length
    if (this.left * 4 < capacity || live + size > capacity) capacity = live + size + (live >> 3)
    const next = new Uint8Array(capacity)
    let to = 0
    for (let at = 0; at < this.meta.length; at += 2) {
      const from = this.meta[at]!
      if (from < 0) continue
      const length = SLOT_BYTES << (this.meta[at + 1]! & 255)
      next.set(this.slab.subarray(from, from + length), to)
      this.meta[at] = to
      to += length
    }
    this.slab = next
    this.used = to
    this.left = 0
  }
}
