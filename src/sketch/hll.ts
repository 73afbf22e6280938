import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { Bug } from '../core/errors.js'

export class Hll {
  /** Adds a 64-bit hash; true when the sketch changed. */
  add(_low: number, _high: number): boolean {
    throw new Bug('not yet')
  }
  estimate(): number {
    throw new Bug('not yet')
  }
  merge(_other: Hll): void {
    throw new Bug('not yet')
  }
  clone(): Hll {
    throw new Bug('not yet')
  }
  encode(_writer: ByteWriter): void {
    throw new Bug('not yet')
  }
  static decode(_reader: ByteReader): Hll {
    throw new Bug('not yet')
  }
  get byteSize(): number {
    throw new Bug('not yet')
  }
  static readonly relativeError: number = 1.04 / 128
}
/** |a ∩ b ∩ …| by inclusion–exclusion on estimates; never below 0. */
export function intersectionCount(_sketches: readonly Hll[]): number {
  throw new Bug('not yet')
}
/** |a \ b| on estimates; never below 0. */
export function differenceCount(_a: Hll, _b: Hll): number {
  throw new Bug('not yet')
}
