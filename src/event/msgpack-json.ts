// MessagePack values as bytes: where they end, and the same value written as JSON.
//
// Own code rather than msgpackr's, which makes objects (and turns the key `__proto__` into `__proto_`, so that two counters would merge): here the
// value becomes JSON text that the one scanner reads. What JSON lacks becomes the nearest thing it has: a timestamp (extension −1)
// its milliseconds, NaN and infinities null, binary its bytes as text, other extensions null, keys that are numbers their digits.
// https://github.com/msgpack/msgpack/blob/master/spec.md

import { fail } from './scan.js'

/** The head of a value: what it is, how many bytes or members, and where its contents start. */
export const head = { kind: 0, size: 0, start: 0, number: 0 }

export const enum Pack {
  Nil = 0,
  False = 1,
  True = 2,
  Number = 3,
  /** Text or binary. */
  Text = 4,
  Array = 5,
  Map = 6,
  Extension = 7,
}

const scratch = new DataView(new ArrayBuffer(8))

function unsigned(bytes: Uint8Array, i: number, width: number, end: number): number {
  if (i + width > end) fail(end, 'the body ends too early')
  let value = 0
  for (let j = i; j < i + width; j++) value = value * 256 + bytes[j]!
  return value
}

function float(bytes: Uint8Array, i: number, width: number, end: number): number {
  if (i + width > end) fail(end, 'the body ends too early')
  for (let j = 0; j < width; j++) scratch.setUint8(j, bytes[i + j]!)
  return width === 4 ? scratch.getFloat32(0) : scratch.getFloat64(0)
}

function setHead(kind: Pack, size: number, start: number, end: number): number {
  head.kind = kind
  head.size = size
  head.start = start
  // Text, binary and extensions carry their bytes; each member of a container takes at least one.
  if (size > end - start) fail(end, 'the body ends too early')
  return start
}

function setNumber(value: number, start: number): number {
  head.kind = Pack.Number
  head.number = value
  head.start = start
  return start
}

/** Reads the head of the value at i into `head`; answers where its contents start (for a number: the position after it). */
export function readHead(bytes: Uint8Array, i: number, end: number): number {
  if (i >= end) fail(end, 'the body ends too early')
  const c = bytes[i++]!
  if (c < 0x80) return setNumber(c, i)
  if (c < 0x90) return setHead(Pack.Map, c & 15, i, end)
  if (c < 0xa0) return setHead(Pack.Array, c & 15, i, end)
  if (c < 0xc0) return setHead(Pack.Text, c & 31, i, end)
  if (c >= 0xe0) return setNumber(c - 256, i)
  switch (c) {
    case 0xc0:
      return setHead(Pack.Nil, 0, i, end)
    case 0xc2:
      return setHead(Pack.False, 0, i, end)
    case 0xc3:
      return setHead(Pack.True, 0, i, end)
    case 0xc4:
    case 0xd9:
      return setHead(Pack.Text, unsigned(bytes, i, 1, end), i + 1, end)
    case 0xc5:
    case 0xda:
      return setHead(Pack.Text, unsigned(bytes, i, 2, end), i + 2, end)
    case 0xc6:
    case 0xdb:
      return setHead(Pack.Text, unsigned(bytes, i, 4, end), i + 4, end)
    case 0xc7:
    case 0xc8:
    case 0xc9: {
      const width = 1 << (c - 0xc7)
      return setHead(Pack.Extension, unsigned(bytes, i, width, end) + 1, i + width, end)
    }
    case 0xca:
      return setNumber(float(bytes, i, 4, end), i + 4)
    case 0xcb:
      return setNumber(float(bytes, i, 8, end), i + 8)
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf: {
      const width = 1 << (c - 0xcc)
      return setNumber(unsigned(bytes, i, width, end), i + width)
    }
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3: {
      const width = 1 << (c - 0xd0)
      const value = unsigned(bytes, i, width, end)
      return setNumber(bytes[i]! >= 0x80 ? value - 256 ** width : value, i + width)
    }
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return setHead(Pack.Extension, (1 << (c - 0xd4)) + 1, i, end)
    case 0xdc:
      return setHead(Pack.Array, unsigned(bytes, i, 2, end), i + 2, end)
    case 0xdd:
      return setHead(Pack.Array, unsigned(bytes, i, 4, end), i + 4, end)
    case 0xde:
      return setHead(Pack.Map, unsigned(bytes, i, 2, end), i + 2, end)
    case 0xdf:
      return setHead(Pack.Map, unsigned(bytes, i, 4, end), i + 4, end)
    default:
      return fail(i - 1, 'the byte 0xc1 means nothing')
  }
}

/** Passes over `pending` values; answers the position after them. */
export function skipPacked(bytes: Uint8Array, i: number, end: number, pending = 1): number {
  while (pending > 0) {
    i = readHead(bytes, i, end)
    pending--
    switch (head.kind) {
      case 4:
      case 7:
        i += head.size
        break
      case 5:
        pending += head.size
        break
      case 6:
        pending += 2 * head.size
        break
    }
  }
  return i
}

/** Collects JSON. Reused: `start` forgets the last one. */
export class JsonWriter {
  bytes = new Uint8Array(1024)
  length = 0

  room(more: number): void {
    if (this.length + more <= this.bytes.length) return
    const grown = new Uint8Array(2 * (this.length + more))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }

  byte(c: number): void {
    if (this.length === this.bytes.length) this.room(1)
    this.bytes[this.length++] = c
  }

  ascii(text: string): void {
    this.room(text.length)
    for (let i = 0; i < text.length; i++) this.bytes[this.length++] = text.charCodeAt(i)
  }

  /** A quoted string of raw bytes: what is no UTF-8 stays that, for the scanner to replace. */
  quoted(source: Uint8Array, start: number, end: number): void {
    this.room(6 * (end - start) + 2)
    const bytes = this.bytes
    let at = this.length
    bytes[at++] = 0x22
    for (let i = start; i < end; i++) {
      const c = source[i]!
      if (c === 0x22 || c === 0x5c) {
        bytes[at++] = 0x5c
        bytes[at++] = c
      } else if (c < 0x20) {
        bytes.set([0x5c, 0x75, 0x30, 0x30, HEX.charCodeAt(c >> 4), HEX.charCodeAt(c & 15)], at)
        at += 6
      } else bytes[at++] = c
    }
    bytes[at++] = 0x22
    this.length = at
  }
}

const HEX = '0123456789abcdef'

/** Writes the value at i as JSON; answers the position after it. Beyond `levels` of nesting it writes null. */
export function writeAsJson(bytes: Uint8Array, i: number, end: number, levels: number, out: JsonWriter): number {
  const first = i < end ? bytes[i]! : 0
  const start = readHead(bytes, i, end)
  const size = head.size
  switch (head.kind) {
    case 1:
      out.ascii('false')
      return start
    case 2:
      out.ascii('true')
      return start
    case 3:
      out.ascii(numberText(bytes, start, first))
      return start
    case 4:
      out.quoted(bytes, start, start + size)
      return start + size
    case 5:
    case 6:
      break
    case 7:
      out.ascii(timestampText(bytes, start, size))
      return start + size
    default:
      out.ascii('null')
      return start
  }
  const isMap = head.kind === Pack.Map
  if (levels <= 0) {
    out.ascii('null')
    return skipPacked(bytes, start, end, isMap ? 2 * size : size)
  }
  i = start
  out.byte(isMap ? 0x7b : 0x5b)
  for (let n = 0; n < size; n++) {
    if (n > 0) out.byte(0x2c)
    if (isMap) {
      i = writeKey(bytes, i, end, out)
      out.byte(0x3a)
    }
    i = writeAsJson(bytes, i, end, levels - 1, out)
  }
  out.byte(isMap ? 0x7d : 0x5d)
  return i
}

function writeKey(bytes: Uint8Array, i: number, end: number, out: JsonWriter): number {
  const first = i < end ? bytes[i]! : 0
  const start = readHead(bytes, i, end)
  const { kind, size } = head
  if (kind === Pack.Text) {
    out.quoted(bytes, start, start + size)
    return start + size
  }
  if (kind > Pack.Text) fail(i, 'a key must be a text')
  const text =
    kind === Pack.Number ? numberText(bytes, start, first) : kind === Pack.Nil ? 'null' : String(kind === Pack.True)
  out.ascii(`"${text}"`)
  return start
}

/** The digits of the number in `head`, which ended at `after` and began with the byte `first`. */
function numberText(bytes: Uint8Array, after: number, first: number): string {
  // 64-bit integers beyond 2^53 keep all their digits: they are ids.
  if ((first === 0xcf || first === 0xd3) && !Number.isSafeInteger(head.number)) {
    for (let j = 0; j < 8; j++) scratch.setUint8(j, bytes[after - 8 + j]!)
    return String(first === 0xcf ? scratch.getBigUint64(0) : scratch.getBigInt64(0))
  }
  return Number.isFinite(head.number) ? String(head.number) : 'null'
}

/** An extension's value: its type byte, then its bytes. */
function timestampText(bytes: Uint8Array, start: number, size: number): string {
  if (bytes[start] !== 0xff) return 'null'
  const at = start + 1
  const end = start + size
  if (size === 5) return String(unsigned(bytes, at, 4, end) * 1_000)
  let seconds = 0
  let nanos = 0
  if (size === 9) {
    const high = unsigned(bytes, at, 4, end)
    nanos = Math.floor(high / 4)
    seconds = (high % 4) * 2 ** 32 + unsigned(bytes, at + 4, 4, end)
  } else if (size === 13) {
    nanos = unsigned(bytes, at, 4, end)
    seconds = (unsigned(bytes, at + 4, 4, end) | 0) * 2 ** 32 + unsigned(bytes, at + 8, 4, end)
  } else return 'null'
  return String(seconds * 1_000 + Math.floor(nanos / 1_000_000))
}
