// A bounded set of texts, kept as bytes: members behind one another in a heap, found by their keyed 64-bit hash.
//
//      heap    | length (varint) | UTF-8 … | length | …         in order of arrival
//      slots   | lo | hi | offset + 1 |  …                      open addressing; 0 is empty
//
// The hash is the caller's (hashBytes under the customer's key): computed once an event for all tables, and not to be
// forged; so equal hashes are equal texts here, and asking for a member that is there never touches the heap. A text that finds the set full is counted in `overflow` and not kept.

import { ByteReader, type ByteWriter } from '../core/bytes.js'
import { LetheError } from '../core/errors.js'

const KIND = 3
const VERSION = 1

export class TextSet {
  size = 0
  /** How often a text that is no member found no room. */
  overflow = 0
  private heap: Uint8Array = new Uint8Array(48)
  private used = 0
  private slots: Int32Array = new Int32Array(3 * 4)
  /** Slots, less one. */
  private mask = 3

  constructor(readonly limit: number) {}

  /** Adds bytes[start, end), whose hash is (low, high). True when it is new and there was room. */
  add(bytes: Uint8Array, start: number, end: number, low: number, high: number): boolean {
    const slot = this.find(low, high)
    if (this.slots[slot + 2] !== 0) return false
    if (this.size >= this.limit) {
      this.overflow++
      return false
    }
    this.put(slot, low, high, this.append(bytes, start, end))
    return true
  }

  /** Reads a slot, so that the rest is on its way into the cache. Answers a number of no meaning. */
  prefetch(): number {
    return this.slots[0]!
  }

  has(low: number, high: number): boolean {
    return this.slots[this.find(low, high) + 2] !== 0
  }

  /** In order of arrival. */
  members(): string[] {
    const members: string[] = []
    const reader = new ByteReader(this.heap, 0, this.used)
    while (reader.remaining > 0) members.push(reader.text())
    return members
  }

  /** Adds the members of a set that was hashed under the same key. */
  merge(other: TextSet): void {
    other.eachMember((low, high, start, end) => this.add(other.heap, start, end, low, high))
    this.overflow += other.overflow
  }

  clone(): TextSet {
    const copy = new TextSet(this.limit)
    copy.size = this.size
    copy.overflow = this.overflow
    copy.heap = this.heap.slice(0, this.used)
    copy.used = this.used
    copy.slots = this.slots.slice()
    copy.mask = this.mask
    return copy
  }

  /** kind, representation, version; varint overflow, varint size; per member lo, hi (u32) and text, in order of arrival. */
  encode(writer: ByteWriter): void {
    writer.u8(KIND)
    writer.u8(0)
    writer.u8(VERSION)
    writer.varint(this.overflow)
    writer.varint(this.size)
    this.eachMember((low, high, start, end) => {
      writer.u32(low)
      writer.u32(high)
      writer.varint(end - start)
      writer.raw(this.heap, start, end)
    })
  }

  static decode(reader: ByteReader, limit: number): TextSet {
    if (reader.u8() !== KIND || reader.u8() !== 0 || reader.u8() !== VERSION) {
      throw new LetheError('cell-unknown', 'a set of an unknown kind, representation or version')
    }
    const set = new TextSet(limit)
    const overflow = reader.varint()
    const size = reader.varint()
    for (let i = 0; i < size; i++) {
      const low = reader.u32() | 0
      const high = reader.u32() | 0
      const text = reader.blob()
      // What was stored stays, whatever the limit is today.
      const slot = set.find(low, high)
      if (set.slots[slot + 2] !== 0) throw new LetheError('cell-damaged', 'a set holds a member twice')
      set.put(slot, low, high, set.append(text, 0, text.length))
    }
    set.overflow = overflow
    return set
  }

  /** Bytes in memory, about. */
  get byteSize(): number {
    return 320 + this.heap.length + this.slots.byteLength
  }

  // The slot of a hash, or the empty one where it belongs.
  private find(low: number, high: number): number {
    const { slots, mask } = this
    let slot = Math.imul(low & mask, 3)
    while (slots[slot + 2] !== 0 && (slots[slot] !== low || slots[slot + 1] !== high)) {
      slot = slot === 3 * mask ? 0 : slot + 3
    }
    return slot
  }

  private put(slot: number, low: number, high: number, offset: number): void {
    this.slots[slot] = low
    this.slots[slot + 1] = high
    this.slots[slot + 2] = offset + 1
    this.size++
    if (this.size * 4 >= this.slots.length) this.growSlots()
  }

  // Members are at most 16,383 bytes long: a length takes one byte or two.
  private append(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start
    if (length > 0x3fff) throw new LetheError('out-of-range', `a set's member of ${length} bytes`)
    const needed = this.used + length + 2
    if (needed > this.heap.length) {
      const grown = new Uint8Array(Math.max(needed, this.heap.length + (this.heap.length >> 1)))
      grown.set(this.heap.subarray(0, this.used))
      this.heap = grown
    }
    const { heap } = this
    const offset = this.used
    let at = offset
    if (length < 0x80) heap[at++] = length
    else {
      heap[at++] = (length & 0x7f) | 0x80
      heap[at++] = length >>> 7
    }
    for (let i = start; i < end; i++) heap[at++] = bytes[i]!
    this.used = at
    return offset
  }

  private growSlots(): void {
    const old = this.slots
    this.slots = new Int32Array(old.length * 2)
    this.mask = this.mask * 2 + 1
    for (let i = 0; i < old.length; i += 3) {
      if (old[i + 2] === 0) continue
      const slot = this.find(old[i]!, old[i + 1]!)
      this.slots[slot] = old[i]!
      this.slots[slot + 1] = old[i + 1]!
      this.slots[slot + 2] = old[i + 2]!
    }
  }

  // In order of arrival, which is that of the offsets.
  private eachMember(visit: (low: number, high: number, start: number, end: number) => void): void {
    const { slots, heap } = this
    const order: number[] = []
    for (let i = 0; i < slots.length; i += 3) if (slots[i + 2] !== 0) order.push(i)
    order.sort((a, b) => slots[a + 2]! - slots[b + 2]!)
    for (const i of order) {
      let at = slots[i + 2]! - 1
      let length = heap[at++]!
      if (length >= 0x80) length = (length & 0x7f) + heap[at++]! * 0x80
      visit(slots[i]!, slots[i + 1]!, at, at + length)
    }
  }
}
