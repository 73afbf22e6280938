// HyperLogLog: how many distinct texts, within about 0.8 %, in 12 bytes to 16 KiB. See registers.ts for the bits.
//
// This is the sketch as a value: what a query holds, merges and asks. The cells of tables keep the same registers in the
// slabs of their pages (tables/sketch-page.ts) and become an Hll when someone asks for one.

import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { LetheError } from '../core/errors.js'
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
} from './registers.js'

const KIND = 2
const SPARSE = 0
const DENSE = 1
const VERSION = 1

/** Bytes of dense registers on disk: six bits each. */
const PACKED_BYTES = (REGISTERS * 6) / 8

export class Hll {
  /** Standard error of an estimate. */
  static readonly relativeError: number = 1.04 / Math.sqrt(REGISTERS)

  // Sparse: 2^k slots, `count` of them used. Dense: all registers, k = −1.
  private bytes: Uint8Array = new Uint8Array(SLOT_BYTES << MIN_SPARSE)
  private k = MIN_SPARSE
  private count = 0

  /** A sketch of the registers in 2^k slots of `bytes` at `at`. */
  static ofSparse(bytes: Uint8Array, at: number, k: number, count: number): Hll {
    const sketch = new Hll()
    sketch.bytes = bytes.slice(at, at + (SLOT_BYTES << k))
    sketch.k = k
    sketch.count = count
    return sketch
  }

  static ofDense(dense: Uint8Array): Hll {
    const sketch = new Hll()
    sketch.bytes = dense.slice()
    sketch.k = -1
    return sketch
  }

  /** Adds a 64-bit hash; true when the sketch changed. */
  add(low: number, high: number): boolean {
    return this.raise(registerOf(low, high))
  }

  /** An estimate of how many distinct hashes were added: not rounded. */
  estimate(): number {
    return this.k < 0 ? estimateDense(this.bytes) : estimateSparse(this.bytes, 0, this.k, this.count)
  }

  /** Makes this the sketch of the union. */
  merge(other: Hll): void {
    if (other.k < 0) {
      this.toDense()
      const target = this.bytes
      const source = other.bytes
      for (let i = 0; i < REGISTERS; i++) if (source[i]! > target[i]!) target[i] = source[i]!
    } else if (this.k < 0) {
      sparseToDense(other.bytes, 0, other.k, this.bytes)
    } else {
      const end = SLOT_BYTES << other.k
      for (let offset = 0; offset < end; offset += SLOT_BYTES) {
        const register = readSlot(other.bytes, offset)
        if (register !== 0) this.raise(register)
      }
    }
  }

  clone(): Hll {
    const copy = new Hll()
    copy.bytes = this.bytes.slice()
    copy.k = this.k
    copy.count = this.count
    return copy
  }

  /** The dense registers, as a copy. */
  registers(): Uint8Array {
    if (this.k < 0) return this.bytes.slice()
    const dense = new Uint8Array(REGISTERS)
    sparseToDense(this.bytes, 0, this.k, dense)
    return dense
  }

  encode(writer: ByteWriter): void {
    if (this.k < 0) encodeDense(writer, this.bytes)
    else encodeSparse(writer, this.bytes, 0, this.k, this.count)
  }

  static decode(reader: ByteReader): Hll {
    const sketch = new Hll()
    const count = decodeHeader(reader)
    if (count < 0) {
      sketch.bytes = decodeDense(reader)
      sketch.k = -1
      return sketch
    }
    sketch.k = sparseSizeFor(count)
    sketch.bytes = new Uint8Array(SLOT_BYTES << sketch.k)
    sketch.count = count
    decodeSparse(reader, count, sketch.bytes, 0, sketch.k)
    return sketch
  }

  /** Bytes in memory, about. */
  get byteSize(): number {
    return 160 + this.bytes.length
  }

  private raise(register: number): boolean {
    if (this.k < 0) {
      const rank = register & 63
      if (rank <= this.bytes[register >>> 6]!) return false
      this.bytes[register >>> 6] = rank
      return true
    }
    let offset = sparseSlot(this.bytes, 0, this.k, register)
    const found = readSlot(this.bytes, offset)
    if (found >= register) return false
    if (found === 0) {
      if (this.count === sparseCapacity(this.k)) {
        this.grow()
        if (this.k < 0) return this.raise(register)
        offset = sparseSlot(this.bytes, 0, this.k, register)
      }
      this.count++
    }
    writeSlot(this.bytes, offset, register)
    return true
  }

  private grow(): void {
    if (this.k === MAX_SPARSE) return this.toDense()
    const grown = new Uint8Array(SLOT_BYTES << (this.k + 1))
    sparseMove(this.bytes, 0, this.k, grown, 0, this.k + 1)
    this.bytes = grown
    this.k++
  }

  private toDense(): void {
    if (this.k < 0) return
    this.bytes = this.registers()
    this.k = -1
    this.count = 0
  }
}

/** |a ∩ b ∩ …| by inclusion–exclusion on estimates; never below 0. */
export function intersectionCount(sketches: readonly Hll[]): number {
  if (sketches.length === 0) return 0
  // |∩| = Σ over non-empty subsets of (−1)^(size+1) |∪ subset|: 2^n unions, so callers bound n.
  let total = 0
  const visit = (from: number, union: Hll | undefined, sign: number) => {
    for (let i = from; i < sketches.length; i++) {
      const next = union ? union.clone() : sketches[i]!.clone()
      if (union) next.merge(sketches[i]!)
      total += sign * next.estimate()
      visit(i + 1, next, -sign)
    }
  }
  visit(0, undefined, 1)
  return Math.max(0, total)
}

/** |a \ b| on estimates; never below 0. */
export function differenceCount(a: Hll, b: Hll): number {
  const union = a.clone()
  union.merge(b)
  return Math.max(0, union.estimate() - b.estimate())
}

/** The least k whose slots hold `count` registers. */
export function sparseSizeFor(count: number): number {
  let k = MIN_SPARSE
  while (sparseCapacity(k) < count) k++
  return k
}

// ——— bytes: kind, representation, version, then
//   sparse  varint count, then the registers (index << 6 | rank) ascending, each as varint of the step from the one before
//   dense   16,384 ranks of six bits, four in three bytes, least first

// Which registers a sparse form has, a bit each; which words of those are not 0; and their ranks. Reading them back gives what the form holds
// without an order in order, in a third of the time of sorting it. Filled and emptied within one call.
const isSet = new Int32Array(REGISTERS / 32)
const isTouched = new Int32Array(isSet.length / 32)
const rankAt = new Uint8Array(REGISTERS)

const lowestBit = (word: number): number => 31 - Math.clz32(word & -word)

export function encodeSparse(writer: ByteWriter, bytes: Uint8Array, at: number, k: number, count: number): void {
  writer.u8(KIND)
  writer.u8(SPARSE)
  writer.u8(VERSION)
  writer.varint(count)
  const end = at + (SLOT_BYTES << k)
  for (let offset = at; offset < end; offset += SLOT_BYTES) {
    const register = readSlot(bytes, offset)
    const index = register >>> 6
    // 0 of an empty slot, which so changes nothing: every second branch here would be mispredicted.
    const one = -register >>> 31
    isSet[index >>> 5]! |= one << (index & 31)
    isTouched[index >>> 10]! |= one << ((index >>> 5) & 31)
    rankAt[index]! |= register & 63
  }
  // The steps between registers are below 2^20: three bytes at most.
  let to = writer.reserve(3 * count)
  const target = writer.bytes
  let before = 0
  for (let group = 0; group < isTouched.length; group++) {
    for (let words = isTouched[group]!; words !== 0; words &= words - 1) {
      const word = (group << 5) + lowestBit(words)
      for (let bits = isSet[word]!; bits !== 0; bits &= bits - 1) {
        const index = (word << 5) + lowestBit(bits)
        const register = (index << 6) | rankAt[index]!
        rankAt[index] = 0
        let step = register - before
        before = register
        for (; step >= 0x80; step >>>= 7) target[to++] = (step & 0x7f) | 0x80
        target[to++] = step
      }
      isSet[word] = 0
    }
    isTouched[group] = 0
  }
  writer.length = to
}

export function encodeDense(writer: ByteWriter, dense: Uint8Array): void {
  writer.u8(KIND)
  writer.u8(DENSE)
  writer.u8(VERSION)
  let at = writer.reserve(PACKED_BYTES)
  const target = writer.bytes
  for (let i = 0; i < REGISTERS; i += 4) {
    const four = dense[i]! | (dense[i + 1]! << 6) | (dense[i + 2]! << 12) | (dense[i + 3]! << 18)
    target[at] = four
    target[at + 1] = four >>> 8
    target[at + 2] = four >>> 16
    at += 3
  }
}

/** Reads up to the registers: answers how many a sparse form has, or −1 for the dense form. */
export function decodeHeader(reader: ByteReader): number {
  const kind = reader.u8()
  const form = reader.u8()
  const version = reader.u8()
  if (kind !== KIND || form > DENSE || version !== VERSION) {
    throw new LetheError('cell-unknown', `a sketch of kind ${kind}, representation ${form}, version ${version}`)
  }
  if (form === DENSE) return -1
  const count = reader.varint()
  if (count > sparseCapacity(MAX_SPARSE)) throw new LetheError('cell-damaged', `a sparse sketch of ${count} registers`)
  return count
}

export function decodeSparse(reader: ByteReader, count: number, bytes: Uint8Array, at: number, k: number): void {
  let register = 0
  for (let i = 0; i < count; i++) {
    register += reader.varint()
    if ((register & 63) === 0 || register >>> 6 >= REGISTERS) {
      throw new LetheError('cell-damaged', `a sketch holds the register ${register}`)
    }
    writeSlot(bytes, sparseSlot(bytes, at, k, register), register)
  }
}

export function decodeDense(reader: ByteReader): Uint8Array {
  const packed = reader.raw(PACKED_BYTES)
  const dense = new Uint8Array(REGISTERS)
  for (let i = 0, at = 0; i < REGISTERS; i += 4, at += 3) {
    const four = packed[at]! | (packed[at + 1]! << 8) | (packed[at + 2]! << 16)
    dense[i] = four & 63
    dense[i + 1] = (four >>> 6) & 63
    dense[i + 2] = (four >>> 12) & 63
    dense[i + 3] = four >>> 18
  }
  return dense
}
