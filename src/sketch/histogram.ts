// A histogram of numbers whose quantiles are within 1 % of the exact ones: DDSketch (Masson, Rim and Lee, 2019).
//
// Numbers fall into buckets whose bounds grow by a constant factor γ = 1.01 / 0.99, so that a bucket's middle is within
// 1 % of everything in it. The bucket of x is a logarithm; ours is the cubic interpolation between powers of two (the
// paper's section 2.2), 1 % more buckets than the exact logarithm, and made of IEEE operations alone: Math.log may differ
// from one engine to the next by a last bit, and a replay must find the same bucket (law 1).
//
//                 |   0   |            buckets of |x|, by index
//      negative   | zeros |   …  [γ^i, γ^(i+1))  [γ^(i+1), γ^(i+2))  …
//
// A side holds at most 2,048 buckets below its greatest one (18 decades); what is smaller counts in the lowest. That
// depends on the greatest alone, so merging stays commutative and associative.

import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { LetheError } from '../core/errors.js'

const KIND = 4
const VERSION = 1

const MAX_BUCKETS = 2048
// log2 is approximated by exponent + P(mantissa), P(s) = A s³ + B s² + C s; the least slope of P against log2 is C · ln 2.
const A = 6 / 35
const B = -3 / 5
const C = 10 / 7
// log2((1 + 0.01) / (1 − 0.01)) · C · ln 2, written out: a constant of the format.
const WIDTH = 0.02857238100952776
const PER_WIDTH = 1 / WIDTH

const float = new Float64Array(1)
const words = new Int32Array(float.buffer)

/** The bucket of x > 0. */
function bucketOf(x: number): number {
  float[0] = x
  const exponent = ((words[1]! >>> 20) & 0x7ff) - 1023
  words[1] = (words[1]! & 0xfffff) | 0x3ff00000
  const s = float[0]! - 1
  return Math.floor((exponent + ((A * s + B) * s + C) * s) * PER_WIDTH)
}

/** The x at which the approximate logarithm is `l`. */
function inverse(l: number): number {
  const exponent = Math.floor(l)
  const rest = l - exponent
  let low = 0
  let high = 1
  for (let i = 0; i < 52; i++) {
    const s = (low + high) / 2
    if (((A * s + B) * s + C) * s < rest) low = s
    else high = s
  }
  return (1 + (low + high) / 2) * 2 ** exponent
}

/** The number that stands for a bucket: within 1 % of everything in it. */
function middleOf(bucket: number): number {
  const low = inverse(bucket * WIDTH)
  const high = inverse((bucket + 1) * WIDTH)
  return (2 * low) / (1 + low / high)
}

/** Counts of the buckets [first, first + counts.length). Two bytes a bucket until one counts beyond them. */
class Buckets {
  counts: Uint16Array | Float64Array = new Uint16Array(8)
  first = 0
  /** The greatest bucket used; undefined while there is none. */
  greatest: number | undefined = undefined

  add(bucket: number, n: number): void {
    if (this.greatest === undefined) {
      this.first = bucket - 3
      this.greatest = bucket
    } else if (bucket > this.greatest) {
      this.greatest = bucket
    }
    const floor = this.greatest - MAX_BUCKETS + 1
    if (bucket < floor) bucket = floor
    if (this.first < floor || bucket < this.first || bucket >= this.first + this.counts.length)
      this.makeRoom(bucket, floor)
    const at = bucket - this.first
    const sum = this.counts[at]! + n
    if (sum > 0xffff && this.counts instanceof Uint16Array) this.counts = Float64Array.from(this.counts)
    this.counts[at] = sum
  }

  // After it [floor or what is used, bucket or what is used] lies in the array, and all below floor counts in floor.
  private makeRoom(bucket: number, floor: number): void {
    const used = this.usedFrom()
    let from = Math.max(Math.min(used, bucket), floor)
    const to = Math.max(this.greatest!, bucket) + 1
    const size = Math.max(8, Math.min(MAX_BUCKETS + 16, (to - from + 15) & ~7))
    if (bucket < used) from = Math.max(floor, to - size)
    const old = this.counts
    const oldFirst = this.first
    let lost = 0
    const fits = old instanceof Uint16Array
    const next = fits ? new Uint16Array(size) : new Float64Array(size)
    this.counts = next
    this.first = from
    for (let i = 0; i < old.length; i++) {
      const n = old[i]!
      if (n === 0) continue
      if (oldFirst + i < floor) lost += n
      else next[oldFirst + i - from] = n
    }
    if (lost > 0) this.add(floor, lost)
  }

  private usedFrom(): number {
    for (let i = 0; i < this.counts.length; i++) if (this.counts[i] !== 0) return this.first + i
    return this.greatest!
  }

  merge(other: Buckets): void {
    if (other.greatest === undefined) return
    // The greatest first: it decides what is too small to have a bucket of its own.
    for (let i = other.counts.length - 1; i >= 0; i--) {
      if (other.counts[i] !== 0) this.add(other.first + i, other.counts[i]!)
    }
  }

  /** varint number of used buckets; then each as (zigzag step of its index, count), ascending. */
  encode(writer: ByteWriter): void {
    let used = 0
    for (const n of this.counts) if (n !== 0) used++
    writer.varint(used)
    let before = 0
    for (let i = 0; i < this.counts.length; i++) {
      if (this.counts[i] === 0) continue
      const step = this.first + i - before
      before = this.first + i
      writer.varint(step >= 0 ? step * 2 : -step * 2 - 1)
      writer.varint(this.counts[i]!)
    }
  }

  static decode(reader: ByteReader): Buckets {
    const buckets = new Buckets()
    const used = reader.varint()
    if (used > MAX_BUCKETS) throw new LetheError('cell-damaged', `a histogram of ${used} buckets`)
    const found: number[] = []
    let bucket = 0
    for (let i = 0; i < used; i++) {
      const step = reader.varint()
      bucket += step % 2 === 0 ? step / 2 : -(step + 1) / 2
      found.push(bucket, reader.varint())
    }
    for (let i = found.length - 2; i >= 0; i -= 2) buckets.add(found[i]!, found[i + 1]!)
    return buckets
  }
}

export class Histogram {
  count = 0
  sum = 0
  /** NaN while empty. */
  min = Number.NaN
  max = Number.NaN
  private zeros = 0
  private positive: Buckets | undefined
  private negative: Buckets | undefined

  /** undefined while empty. */
  get mean(): number | undefined {
    return this.count === 0 ? undefined : this.sum / this.count
  }

  /** Adds a finite number. */
  add(x: number): void {
    if (this.count === 0) {
      this.min = x
      this.max = x
    } else if (x < this.min) this.min = x
    else if (x > this.max) this.max = x
    this.count++
    this.sum += x
    if (x > SMALLEST) {
      this.positive ??= new Buckets()
      this.positive.add(bucketOf(x), 1)
    } else if (x < -SMALLEST) {
      this.negative ??= new Buckets()
      this.negative.add(bucketOf(-x), 1)
    } else this.zeros++
  }

  /** The element of rank ⌊q · (count − 1)⌋, within 1 %; undefined while empty. */
  quantile(q: number): number | undefined {
    if (this.count === 0) return undefined
    if (q <= 0) return this.min
    if (q >= 1) return this.max
    return Math.min(this.max, Math.max(this.min, this.ranked(Math.floor(q * (this.count - 1)))))
  }

  private ranked(rank: number): number {
    const { negative, positive } = this
    if (negative) {
      for (let i = negative.counts.length - 1; i >= 0; i--) {
        rank -= negative.counts[i]!
        if (rank < 0) return -middleOf(negative.first + i)
      }
    }
    rank -= this.zeros
    if (rank < 0) return 0
    if (positive) {
      for (let i = 0; i < positive.counts.length; i++) {
        rank -= positive.counts[i]!
        if (rank < 0) return middleOf(positive.first + i)
      }
    }
    return this.max
  }

  merge(other: Histogram): void {
    if (other.count === 0) return
    this.min = this.count === 0 ? other.min : Math.min(this.min, other.min)
    this.max = this.count === 0 ? other.max : Math.max(this.max, other.max)
    this.count += other.count
    this.sum += other.sum
    this.zeros += other.zeros
    if (other.positive) (this.positive ??= new Buckets()).merge(other.positive)
    if (other.negative) (this.negative ??= new Buckets()).merge(other.negative)
  }

  clone(): Histogram {
    const copy = new Histogram()
    copy.merge(this)
    return copy
  }

  /** kind, representation, version; count, zeros, sum, min, max; the positive, then the negative buckets. */
  encode(writer: ByteWriter): void {
    writer.u8(KIND)
    writer.u8(0)
    writer.u8(VERSION)
    writer.varint(this.count)
    writer.varint(this.zeros)
    writer.f64(this.sum)
    writer.f64(this.min)
    writer.f64(this.max)
    for (const side of [this.positive, this.negative]) {
      if (side) side.encode(writer)
      else writer.varint(0)
    }
  }

  static decode(reader: ByteReader): Histogram {
    if (reader.u8() !== KIND || reader.u8() !== 0 || reader.u8() !== VERSION) {
      throw new LetheError('cell-unknown', 'a histogram of an unknown kind, representation or version')
    }
    const histogram = new Histogram()
    histogram.count = reader.varint()
    histogram.zeros = reader.varint()
    histogram.sum = reader.f64()
    histogram.min = reader.f64()
    histogram.max = reader.f64()
    const positive = Buckets.decode(reader)
    const negative = Buckets.decode(reader)
    if (positive.greatest !== undefined) histogram.positive = positive
    if (negative.greatest !== undefined) histogram.negative = negative
    return histogram
  }

  /** Bytes in memory, about. */
  get byteSize(): number {
    return (
      120 +
      (this.positive ? 180 + this.positive.counts.byteLength : 0) +
      (this.negative ? 180 + this.negative.counts.byteLength : 0)
    )
  }
}

// Subnormal numbers have no exponent of their own; nobody measures them.
const SMALLEST = 2 ** -1022
