import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { Bug } from '../core/errors.js'

export class Histogram {
  readonly count: number = 0
  readonly sum: number = 0
  /** NaN while empty. */
  readonly min: number = Number.NaN
  readonly max: number = Number.NaN
  /** undefined while empty. */
  get mean(): number | undefined {
    throw new Bug('not yet')
  }
  add(_x: number): void {
    throw new Bug('not yet')
  }
  /** Within 1 % of the exact quantile; undefined while empty. */
  quantile(_q: number): number | undefined {
    throw new Bug('not yet')
  }
  merge(_other: Histogram): void {
    throw new Bug('not yet')
  }
  clone(): Histogram {
    throw new Bug('not yet')
  }
  encode(_writer: ByteWriter): void {
    throw new Bug('not yet')
  }
  static decode(_reader: ByteReader): Histogram {
    throw new Bug('not yet')
  }
  get byteSize(): number {
    throw new Bug('not yet')
  }
}
