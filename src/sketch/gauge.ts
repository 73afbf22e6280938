// A gauge: a value that is set, not added up. Keeps the latest by event time, and least, greatest, mean and number.

import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { LetheError } from '../core/errors.js'

const KIND = 5
const VERSION = 1

export class Gauge {
  n = 0
  last = Number.NaN
  lastAt = Number.NEGATIVE_INFINITY
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY
  sum = 0

  /** undefined while empty. */
  get mean(): number | undefined {
    return this.n === 0 ? undefined : this.sum / this.n
  }

  /** Of two at the same ms the later call wins. */
  set(x: number, atMs: number): void {
    x += 0 // −0 would tell the order of merging
    if (atMs >= this.lastAt) {
      this.last = x
      this.lastAt = atMs
    }
    if (x < this.min) this.min = x
    if (x > this.max) this.max = x
    this.sum += x
    this.n++
  }

  /** Of two lasts at the same ms the greater wins: merging must not depend on the order. */
  merge(other: Gauge): void {
    if (other.n === 0) return
    if (other.lastAt > this.lastAt || (other.lastAt === this.lastAt && other.last > this.last)) {
      this.last = other.last
      this.lastAt = other.lastAt
    }
    this.min = Math.min(this.min, other.min)
    this.max = Math.max(this.max, other.max)
    this.sum += other.sum
    this.n += other.n
  }

  clone(): Gauge {
    const copy = new Gauge()
    copy.merge(this)
    return copy
  }

  /** kind, representation, version, then n, last, lastAt, min, max, sum. */
  encode(writer: ByteWriter): void {
    writer.u8(KIND)
    writer.u8(0)
    writer.u8(VERSION)
    writer.varint(this.n)
    writer.f64(this.last)
    writer.f64(this.lastAt)
    writer.f64(this.min)
    writer.f64(this.max)
    writer.f64(this.sum)
  }

  static decode(reader: ByteReader): Gauge {
    if (reader.u8() !== KIND || reader.u8() !== 0 || reader.u8() !== VERSION) {
      throw new LetheError('cell-unknown', 'a gauge of an unknown kind, representation or version')
    }
    const gauge = new Gauge()
    gauge.n = reader.varint()
    gauge.last = reader.f64()
    gauge.lastAt = reader.f64()
    gauge.min = reader.f64()
    gauge.max = reader.f64()
    gauge.sum = reader.f64()
    return gauge
  }

  get byteSize(): number {
    return 72
  }
}
