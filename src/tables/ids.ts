import { Bug } from '../core/errors.js'

/** The dedupe window (R15): a paged FIFO of keyed 64-bit hashes with ms. */
export class IdWindow {
  readonly size: number = 0
  /** True when the id is new: then it is in the window from here on. */
  add(_low: number, _high: number, _ms: number): boolean {
    throw new Bug('not yet')
  }
  /** Whether the window holds the id; changes nothing. */
  has(_low: number, _high: number): boolean {
    throw new Bug('not yet')
  }
}
