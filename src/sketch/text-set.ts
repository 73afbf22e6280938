// A bounded set of texts, kept as bytes: members behind one another in a heap, found by 32 bits of their keyed hash.
//
//      heap    | length (varint) | UTF-8 … | length | …         in order of arrival
//      slots   | hash | offset + 1 |  …                         open addressing; 0 is empty
//
// The hash is the caller's (the low half of hashBytes under the customer's key): computed once an event for all tables, and
// not to be forged. A text that finds the set full is counted in `overflow` and not kept.

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
  private slots: Int32Array = new Int32Array(8)

  constructor(readonly limit: number) {}

  /** Adds bytes[start, end). True when it is new and there was room. */
  add(bytes: Uint8Array, start: number, end: number, hash: number): boolean {
    const slot = this.find(bytes, start, end, hash)
    if (this.slots[slot + 1] !== 0) return false
    if (this.size >= this.limit) {
      this.overflow++
      return false
    }
    const offset = this.append(bytes, start, end)
    this.slots[slot] = hash
    this.slots[slot + 1] = offset + 1
    this.size++
    if (this.size * 8 > this.slots.length * 3) this.growSlots()
    return true
  }

  has(bytes: Uint8Array, start: number, end: number, hash: number): boolean {
    return this.slots[this.find(bytes, start, end, hash) + 1] !== 0
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
    other.eachSlot((hash, start, end) => this.add(other.heap, start, end, hash))
    this.overflow += other.overflow
  }

  clone(): TextSet {
    const copy = new TextSet(this.limit)
    copy.size = this.size
    copy.overflow = this.overflow
    copy.heap = this.heap.slice(0, this.used)
    copy.used = this.used
    copy.slots = this.slots.slice()
    return copy
  }

  /** kind, representation, version; varint overflow, varint size; per member hash (u32) and text, in order of arrival. */
  encode(writer: ByteWriter): void {
    writer.u8(KIND)
    writer.u8(0)
    writer.u8(VERSION)
    writer.varint(this.overflow)
    writer.varint(this.size)
    this.eachSlot((hash, start, end) => {
      writer.u32(hash)
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
      const hash = reader.u32() | 0
      const text = reader.blob()
      // What was stored stays, whatever the limit is today.
      const slot = set.find(text, 0, text.length, hash)
      if (set.slots[slot + 1] !== 0) throw new LetheError('cell-damaged', 'a set holds a member twice')
      const offset = set.append(text, 0, text.length)
      set.slots[slot] = hash
      set.slots[slot + 1] = offset + 1
      set.size++
      if (set.size * 8 > set.slots.length * 3) set.growSlots()
    }
    set.overflow = overflow
    return set
  }

  /** Bytes in memory, about. */
  get byteSize(): number {
    return 320 + this.heap.length + this.slots.byteLength
  }

  // The slot (index of its hash) of a text, or the empty one where it belongs.
  private find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const { slots } = this
    const mask = slots.length - 1
    let slot = (hash << 1) & mask
    for (;;) {
      const offset = slots[slot + 1]!
      if (offset === 0 || (slots[slot] === hash && this.equals(offset - 1, bytes, start, end))) return slot
      slot = (slot + 2) & mask
    }
  }

  private equals(offset: number, bytes: Uint8Array, start: number, end: number): boolean {
    const { heap } = this
    let length = heap[offset++]!
    if (length >= 0x80) length = (length & 0x7f) + heap[offset++]! * 0x80
    if (length !== end - start) return false
    for (let i = start, j = offset; i < end; i++, j++) if (bytes[i] !== heap[j]) return false
    return true
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
    const grown = new Int32Array(old.length * 2)
    const mask = grown.length - 1
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === 0) continue
      let slot = (old[i]! << 1) & mask
      while (grown[slot + 1] !== 0) slot = (slot + 2) & mask
      grown[slot] = old[i]!
      grown[slot + 1] = old[i + 1]!
    }
    this.slots = grown
  }

  // In order of arrival, which is that of the offsets.
  private eachSlot(visit: (hash: number, start: number, end: number) => void): void {
    const { slots, heap } = this
    const order: number[] = []
    for (let i = 0; i < slots.length; i += 2) if (slots[i + 1] !== 0) order.push(i)
    order.sort((a, b) => slots[a + 1]! - slots[b + 1]!)
    for (const i of order) {
      let at = slots[i + 1]! - 1
      let length = heap[at++]!
      if (length >= 0x80) length = (length & 0x7f) + heap[at++]! * 0x80
      visit(slots[i]!, at, at + length)
    }
  }
}
