// Reading and writing the byte formats of Lethe: little-endian fixed widths, LEB128 varints, length-prefixed text.

import { LetheError } from './errors.js'

const textDecoder = new TextDecoder('utf-8')

/** Writes into a buffer that grows by doubling. `finish()` answers a copy of what was written. */
export class ByteWriter {
  bytes: Buffer
  length = 0

  constructor(capacity = 256) {
    this.bytes = Buffer.allocUnsafeSlow(capacity)
  }

  /** Makes room for `more` bytes and answers the offset where they start. */
  reserve(more: number): number {
    const start = this.length
    const needed = start + more
    if (needed > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
      this.bytes.copy(grown, 0, 0, start)
      this.bytes = grown
    }
    this.length = needed
    return start
  }

  u8(value: number): void {
    const at = this.reserve(1)
    this.bytes[at] = value
  }

  u32(value: number): void {
    const at = this.reserve(4)
    this.bytes.writeUInt32LE(value >>> 0, at)
  }

  f64(value: number): void {
    const at = this.reserve(8)
    this.bytes.writeDoubleLE(value, at)
  }

  u64(value: bigint): void {
    const at = this.reserve(8)
    this.bytes.writeBigUInt64LE(value, at)
  }

  /** An unsigned integer below 2^53, seven bits a byte. */
  varint(value: number): void {
    while (value >= 0x80) {
      this.u8((value % 0x80) | 0x80)
      value = Math.floor(value / 0x80)
    }
    this.u8(value)
  }

  raw(source: Uint8Array, start = 0, end = source.length): void {
    const at = this.reserve(end - start)
    for (let i = start, j = at; i < end; i++, j++) this.bytes[j] = source[i]!
  }

  /** Varint length, then the bytes. */
  blob(source: Uint8Array): void {
    this.varint(source.length)
    const at = this.reserve(source.length)
    this.bytes.set(source, at)
  }

  /** Varint length, then UTF-8. */
  text(value: string): void {
    const size = Buffer.byteLength(value)
    this.varint(size)
    const at = this.reserve(size)
    this.bytes.write(value, at, 'utf8')
  }

  finish(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.length))
  }
}

const short = () => new LetheError('bytes-short', 'a record ends before its contents do')

/** Reads what ByteWriter wrote. Every read past the end throws `bytes-short`. */
export class ByteReader {
  private readonly view: Buffer
  at: number

  constructor(
    readonly bytes: Uint8Array,
    start = 0,
    readonly end: number = bytes.length,
  ) {
    this.view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.at = start
  }

  get remaining(): number {
    return this.end - this.at
  }

  private take(size: number): number {
    const start = this.at
    if (start + size > this.end) throw short()
    this.at = start + size
    return start
  }

  u8(): number {
    return this.view[this.take(1)]!
  }

  u32(): number {
    return this.view.readUInt32LE(this.take(4))
  }

  f64(): number {
    return this.view.readDoubleLE(this.take(8))
  }

  u64(): bigint {
    return this.view.readBigUInt64LE(this.take(8))
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 0x80
      if (scale > 2 ** 53) throw new LetheError('bytes-varint', 'a varint exceeds 2^53')
    }
  }

  /** A view, not a copy. */
  raw(size: number): Buffer {
    const start = this.take(size)
    return this.view.subarray(start, start + size)
  }

  /** A view, not a copy. */
  blob(): Buffer {
    return this.raw(this.varint())
  }

  text(): string {
    return textDecoder.decode(this.blob())
  }
}
