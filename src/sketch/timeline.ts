// Counts per minute of one day.
//
// Few minutes are pairs in a short array, ascending, and the latest minute is the last pair, where nearly every add goes:
//
//      | minute | n | minute | n | …          sparse: 16 bytes a minute that was touched
//      | n of 00:00 | n of 00:01 | … 1,440    dense: 11.5 KB, once more than 720 minutes were
//
// A minute whose count has come back to 0 is as if never touched.

import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { assert, LetheError } from '../core/errors.js'

const KIND = 6
const VERSION = 1
export const MINUTES = 1440
const MAX_PAIRS = MINUTES / 2

export class Timeline {
  private values: Float64Array = new Float64Array(4)
  /** Pairs in use; −1 = dense. */
  private pairs = 0

  /** Adds `n` to a minute of the day, 0 … 1439. */
  add(minute: number, n: number): void {
    assert(minute >= 0 && minute < MINUTES)
    if (this.pairs < 0) {
      this.values[minute]! += n
      return
    }
    const at = this.find(minute)
    if (at < this.pairs && this.values[2 * at] === minute) this.values[2 * at + 1]! += n
    else this.insert(at, minute, n)
  }

  at(minute: number): number {
    if (this.pairs < 0) return this.values[minute] ?? 0
    const at = this.find(minute)
    return at < this.pairs && this.values[2 * at] === minute ? this.values[2 * at + 1]! : 0
  }

  /** Sum over the minutes [from, to). */
  sum(from: number, to: number): number {
    let sum = 0
    this.each((minute, n) => {
      if (minute >= from && minute < to) sum += n
    })
    return sum
  }

  /** Calls `visit` with each minute that counts something, ascending. */
  each(visit: (minute: number, n: number) => void): void {
    const { values, pairs } = this
    if (pairs < 0) {
      for (let minute = 0; minute < MINUTES; minute++) if (values[minute] !== 0) visit(minute, values[minute]!)
      return
    }
    for (let i = 0; i < pairs; i++) if (values[2 * i + 1] !== 0) visit(values[2 * i]!, values[2 * i + 1]!)
  }

  merge(other: Timeline): void {
    other.each((minute, n) => this.add(minute, n))
  }

  clone(): Timeline {
    const copy = new Timeline()
    copy.values = this.values.slice()
    copy.pairs = this.pairs
    return copy
  }

  /**
   * kind, representation, version; varint number of minutes; per minute varint step from the one before, and the count:
   * representation 0 as varint (all are whole and not negative), 1 as double.
   */
  encode(writer: ByteWriter): void {
    let used = 0
    let whole = true
    this.each((_, n) => {
      used++
      if (!Number.isSafeInteger(n) || n < 0) whole = false
    })
    writer.u8(KIND)
    writer.u8(whole ? 0 : 1)
    writer.u8(VERSION)
    writer.varint(used)
    let before = 0
    this.each((minute, n) => {
      writer.varint(minute - before)
      before = minute
      if (whole) writer.varint(n)
      else writer.f64(n)
    })
  }

  static decode(reader: ByteReader): Timeline {
    const kind = reader.u8()
    const form = reader.u8()
    if (kind !== KIND || form > 1 || reader.u8() !== VERSION) {
      throw new LetheError('cell-unknown', 'a timeline of an unknown kind, representation or version')
    }
    const timeline = new Timeline()
    const used = reader.varint()
    let minute = 0
    for (let i = 0; i < used; i++) {
      minute += reader.varint()
      if (minute >= MINUTES) throw new LetheError('cell-damaged', `a timeline holds the minute ${minute}`)
      timeline.add(minute, form === 0 ? reader.varint() : reader.f64())
    }
    return timeline
  }

  /** Bytes in memory, about. */
  get byteSize(): number {
    return 160 + this.values.byteLength
  }

  // The place of the first pair whose minute is not before `minute`.
  private find(minute: number): number {
    const { values } = this
    let high = this.pairs
    if (high > 0 && values[2 * high - 2]! <= minute) return values[2 * high - 2] === minute ? high - 1 : high
    let low = 0
    while (low < high) {
      const middle = (low + high) >> 1
      if (values[2 * middle]! < minute) low = middle + 1
      else high = middle
    }
    return low
  }

  private insert(at: number, minute: number, n: number): void {
    if (this.pairs === MAX_PAIRS) {
      const dense = new Float64Array(MINUTES)
      this.each((each, count) => {
        dense[each] = count
      })
      dense[minute]! += n
      this.values = dense
      this.pairs = -1
      return
    }
    if (2 * this.pairs === this.values.length) {
      const grown = new Float64Array(this.values.length * 2)
      grown.set(this.values)
      this.values = grown
    }
    if (at < this.pairs) this.values.copyWithin(2 * at + 2, 2 * at, 2 * this.pairs)
    this.values[2 * at] = minute
    this.values[2 * at + 1] = n
    this.pairs++
  }
}
