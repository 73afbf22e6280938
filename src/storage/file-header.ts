// What a customer file says about itself: the one record under key [1], written in the transaction of every checkpoint.
//
//   0         8         12            20      28      32       36
//   +---------+---------+-------------+-------+-------+--------+------------------- - -  --+-----+
//   |LETHECF1 | version | incarnation | n     | slots | scopes | scopes, 32 bytes each …   | crc |
//   +---------+---------+-------------+-------+-------+--------+------------------- - -  --+-----+
//   scope: | slot i32, −1: meta | day i32 | rows u32 | sum u32 | mix u32 | 0 u32 | bytes f64 |
//
// Rows of meta have keys [2, key…], those of a slot [3, slot high, slot low, key…]. A scope counts its rows and sums over
// them, in no order, so that a commit of ten pages reads ten old values and not the whole file. LMDB has no checksums:
// a flipped bit or a lost page would otherwise shorten a table in silence.
import { crc32 } from 'node:zlib'
import { ByteReader, ByteWriter } from '../core/bytes.js'

export const HEADER_KEY = Buffer.from([1])
export const META = -1
const MAGIC = 'LETHECF1'
const FILE_VERSION = 1

/** Rows of one key range, counted and summed. */
export class Scope {
  rows = 0
  sum = 0
  mix = 0
  bytes = 0

  constructor(
    readonly slot: number,
    public day: number,
  ) {}

  copy(): Scope {
    const scope = new Scope(this.slot, this.day)
    scope.rows = this.rows
    scope.sum = this.sum
    scope.mix = this.mix
    scope.bytes = this.bytes
    return scope
  }

  add(key: Uint8Array, value: Uint8Array): void {
    this.count(key, value, 1)
  }

  remove(key: Uint8Array, value: Uint8Array): void {
    this.count(key, value, -1)
  }

  private count(key: Uint8Array, value: Uint8Array, sign: number): void {
    const hash = crc32(value, crc32(key))
    const spread = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) ^ value.length
    this.rows += sign
    this.bytes += sign * (key.length + value.length)
    this.sum = (this.sum + sign * hash) >>> 0
    this.mix = (this.mix + sign * Math.imul(spread ^ (spread >>> 12), 0x297a2d39)) >>> 0
  }

  same(other: Scope): boolean {
    return this.rows === other.rows && this.sum === other.sum && this.mix === other.mix && this.bytes === other.bytes
  }
}

export class FileHeader {
  n = 0
  readonly scopes = new Map<number, Scope>()

  constructor(
    readonly incarnation: bigint,
    public slots: number,
  ) {}

  copy(): FileHeader {
    const header = new FileHeader(this.incarnation, this.slots)
    header.n = this.n
    for (const [slot, scope] of this.scopes) header.scopes.set(slot, scope.copy())
    return header
  }

  encode(): Buffer {
    const writer = new ByteWriter(64 + this.scopes.size * 32)
    writer.raw(Buffer.from(MAGIC))
    writer.u32(FILE_VERSION)
    writer.u64(this.incarnation)
    writer.f64(this.n)
    writer.u32(this.slots)
    writer.u32(this.scopes.size)
    for (const scope of this.scopes.values()) {
      writer.u32(scope.slot >>> 0)
      writer.u32(scope.day >>> 0)
      writer.u32(scope.rows)
      writer.u32(scope.sum)
      writer.u32(scope.mix)
      writer.u32(0)
      writer.f64(scope.bytes)
    }
    writer.u32(crc32(writer.bytes.subarray(0, writer.length)))
    return writer.finish()
  }
}

/** The header in `bytes`, or why it is none. */
export function decodeHeader(bytes: Buffer, incarnation: bigint): FileHeader | string {
  if (bytes.length < 40 || bytes.toString('latin1', 0, 8) !== MAGIC) return 'no header'
  if (crc32(bytes.subarray(0, bytes.length - 4)) !== bytes.readUInt32LE(bytes.length - 4)) return 'header checksum'
  const reader = new ByteReader(bytes, 8)
  const version = reader.u32()
  if (version !== FILE_VERSION) return `version ${version}, this Lethe reads ${FILE_VERSION}`
  const found = reader.u64()
  if (found !== incarnation) return `it is the file of ${found.toString(16)}`
  const n = reader.f64()
  const header = new FileHeader(incarnation, reader.u32())
  header.n = n
  for (let left = reader.u32(); left > 0; left--) {
    const scope = new Scope(reader.u32() | 0, reader.u32() | 0)
    scope.rows = reader.u32()
    scope.sum = reader.u32()
    scope.mix = reader.u32()
    reader.u32()
    scope.bytes = reader.f64()
    header.scopes.set(scope.slot, scope)
  }
  return header
}

/** Key ranges: [prefix, end). */
export const prefixOf = (slot: number): Buffer =>
  slot === META ? Buffer.from([2]) : Buffer.from([3, slot >> 8, slot & 255])

export function endOf(slot: number): Buffer {
  if (slot === META) return Buffer.from([3])
  return slot === 0xffff ? Buffer.from([4]) : prefixOf(slot + 1)
}
