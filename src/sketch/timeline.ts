import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { Bug } from '../core/errors.js'

/** Counts per minute of one day. */
export class Timeline {
  add(_minuteOfDay: number, _n: number): void {
    throw new Bug('not yet')
  }
  at(_minuteOfDay: number): number {
    throw new Bug('not yet')
  }
  /** Sum over the minutes [from, to). */
  sum(_from: number, _to: number): number {
    throw new Bug('not yet')
  }
  merge(_other: Timeline): void {
    throw new Bug('not yet')
  }
  clone(): Timeline {
    throw new Bug('not yet')
  }
  encode(_writer: ByteWriter): void {
    throw new Bug('not yet')
  }
  static decode(_reader: ByteReader): Timeline {
    throw new Bug('not yet')
  }
  get byteSize(): number {
    throw new Bug('not yet')
  }
}
