// A frame: what one group commit puts on the disk. One header, one checksum, many entries of many customers.
//
//   0            8            16           24           32      36       40       44        48
//   +------+-----+------------+------------+------------+-------+--------+--------+----+----+
//   | LFRM | crc | tag        | sequence   | UTC ms     | day   | entries| length | v. | fl.|
//   +------+-----+------------+------------+------------+-------+--------+--------+----+----+
//   48                 52                 56                 64
//   +------------------+------------------+------------------+---------- entries -- - -  - - 0 0 0
//   | prev. segment    | prev. good end   | prev. sequence   |                      padded to 4 KiB
//   +------------------+------------------+------------------+---------- - -
//
// and an entry, padded to 8 bytes:
//
//   0            8            16      20      24
//   +------------+------------+-------+-------+--------- - -
//   | incarnation| n          | size  | kind  | payload
//   +------------+------------+-------+-------+--------- - -
//
// crc is zlib's crc32 of [8, 64 + length), seeded with the segment's salt. Salt and tag are random, secret and other in
// each segment: a payload is a stranger's bytes, begins wherever it likes, and must not be able to look like a frame.
// The three "prev." fields mean something in the first frame of a segment only: the last good frame before it. Whatever
// its predecessor holds beyond `prev. good end` is void.
//
// Words are written through a Uint32Array in the machine's order, which has to be little-endian.
import { crc32 } from 'node:zlib'
import { assert } from '../core/errors.js'
import type { EntryKind, Frame } from './contract.js'
import { pageAligned } from './direct.js'

assert(new Uint8Array(new Uint32Array([1]).buffer)[0] === 1, 'the journal is written on little-endian machines')

export const FRAME_HEADER = 64
export const ENTRY_HEADER = 24
export const PAGE = 4096
const FRAME_MAGIC = 0x4d52464c
const FRAME_VERSION = 1
/** A copy of an earlier frame, made by a recovery (R3). */
export const REWRITTEN = 1

export const padded = (size: number): number => Math.ceil(size / PAGE) * PAGE

/** What makes a segment's frames its own. */
export interface Seal {
  readonly salt: number
  readonly tagLow: number
  readonly tagHigh: number
}

/** The last good frame before a segment. */
export interface Link {
  readonly segment: number
  readonly end: number
  readonly sequence: number
}

export const NO_LINK: Link = { segment: 0, end: 0, sequence: 0 }

/** One customer's handle. `row` is its row in the index of segment `segment`: looked up once per customer and segment. */
export class Writer {
  readonly low: number
  readonly high: number
  lastN = 0
  segment = -1
  row = -1

  constructor(readonly incarnation: bigint) {
    this.low = Number(incarnation & 0xffff_ffffn)
    this.high = Number(incarnation >> 32n)
  }
}

/** A frame under construction, and then the frame. One per buffer; the journal reuses them. */
export class Group implements Frame {
  readonly bytes: Buffer
  readonly words: Uint32Array
  length = FRAME_HEADER
  entries = 0
  sequence = 0
  ms = 0
  day = 0
  // Parallel arrays, a row an entry: whose it is, where, which n.
  readonly writers: Writer[] = []
  readonly offsets: number[] = []
  readonly numbers: number[] = []
  lent = false

  constructor(
    capacity: number,
    private readonly giveBack: (group: Group) => void,
  ) {
    this.bytes = pageAligned(padded(capacity))
    this.words = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length >> 2)
  }

  /** Completes the entry whose header is at `at`. */
  endEntry(at: number, writer: Writer, kind: EntryKind, n: number, size: number): void {
    const words = this.words
    const word = at >> 2
    words[word] = writer.low
    words[word + 1] = writer.high
    words[word + 2] = n
    words[word + 3] = n / 0x1_0000_0000
    words[word + 4] = size
    words[word + 5] = kind
    let end = at + ENTRY_HEADER + size
    while ((end & 7) !== 0) this.bytes[end++] = 0
    const row = this.entries++
    this.writers[row] = writer
    this.offsets[row] = at
    this.numbers[row] = n
    this.length = end
  }

  reset(): void {
    this.length = FRAME_HEADER
    this.entries = 0
  }

  release(): void {
    assert(this.lent, 'a frame is released once')
    this.lent = false
    this.giveBack(this)
  }
}

/** Writes the header of bytes[0, length) and pads with zeros; answers the padded length. */
export function sealFrame(
  bytes: Buffer,
  length: number,
  seal: Seal,
  frame: { sequence: number; ms: number; day: number; entries: number; flags: number; link: Link },
): number {
  const end = padded(length)
  assert(end <= bytes.length)
  bytes.fill(0, length, end)
  bytes.writeUInt32LE(FRAME_MAGIC, 0)
  bytes.writeUInt32LE(seal.tagLow, 8)
  bytes.writeUInt32LE(seal.tagHigh, 12)
  bytes.writeDoubleLE(frame.sequence, 16)
  bytes.writeDoubleLE(frame.ms, 24)
  bytes.writeInt32LE(frame.day, 32)
  bytes.writeUInt32LE(frame.entries, 36)
  bytes.writeUInt32LE(length - FRAME_HEADER, 40)
  bytes.writeUInt16LE(FRAME_VERSION, 44)
  bytes.writeUInt16LE(frame.flags, 46)
  bytes.writeUInt32LE(frame.link.segment, 48)
  bytes.writeUInt32LE(frame.link.end, 52)
  bytes.writeDoubleLE(frame.link.sequence, 56)
  bytes.writeUInt32LE(crc32(bytes.subarray(8, length), seal.salt), 4)
  return end
}

/** True if a frame of this segment may start at `at`: magic, tag and version, nothing more. */
export function looksLikeFrame(bytes: Buffer, at: number, seal: Seal): boolean {
  return (
    bytes.readUInt32LE(at) === FRAME_MAGIC &&
    bytes.readUInt32LE(at + 8) === seal.tagLow &&
    bytes.readUInt32LE(at + 12) === seal.tagHigh &&
    bytes.readUInt16LE(at + 44) === FRAME_VERSION
  )
}

/** Bytes from the header to the end of the last entry, as the header claims. */
export const frameLength = (bytes: Buffer, at: number): number => FRAME_HEADER + bytes.readUInt32LE(at + 40)
export const frameSequence = (bytes: Buffer, at: number): number => bytes.readDoubleLE(at + 16)
export const frameMs = (bytes: Buffer, at: number): number => bytes.readDoubleLE(at + 24)
export const frameDay = (bytes: Buffer, at: number): number => bytes.readInt32LE(at + 32)
export const frameEntries = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at + 36)
export const frameFlags = (bytes: Buffer, at: number): number => bytes.readUInt16LE(at + 46)
export const frameLink = (bytes: Buffer, at: number): Link => ({
  segment: bytes.readUInt32LE(at + 48),
  end: bytes.readUInt32LE(at + 52),
  sequence: bytes.readDoubleLE(at + 56),
})

/** True if the frame at `at`, all of `length` bytes present, is what was written. */
export function frameIntact(bytes: Buffer, at: number, length: number, seal: Seal): boolean {
  return crc32(bytes.subarray(at + 8, at + length), seal.salt) === bytes.readUInt32LE(at + 4)
}

/** Fields of the entry whose header is at `at`. */
export const entryLow = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at)
export const entryHigh = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at + 4)
export const entryN = (bytes: Buffer, at: number): number =>
  bytes.readUInt32LE(at + 8) + bytes.readUInt32LE(at + 12) * 0x1_0000_0000
export const entrySize = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at + 16)
export const entryKind = (bytes: Buffer, at: number): EntryKind => bytes.readUInt32LE(at + 20)
/** Where the entry after it starts. */
export const entryEnd = (bytes: Buffer, at: number): number => (at + ENTRY_HEADER + entrySize(bytes, at) + 7) & ~7
