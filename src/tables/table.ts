import { Bug } from '../core/errors.js'
import type { Gauge } from '../sketch/gauge.js'
import type { Histogram } from '../sketch/histogram.js'
import type { Hll } from '../sketch/hll.js'
import type { TextSet } from '../sketch/text-set.js'
import type { Timeline } from '../sketch/timeline.js'
import type { TableKind } from './types.js'

/** A named map from key to cell, per day. A row is a key's number, for as long as the key lives. */
export class Table {
  /** Rows ever given out; a scan runs over [0, rows) and skips cells that are 0 or undefined. */
  rows = 0
  constructor(
    readonly id: number,
    readonly name: string,
    readonly kind: TableKind,
  ) {}
  /** The text of a row's key; '' for a row that is free. */
  keyText(_row: number): string {
    throw new Bug('not yet')
  }
  /** The row of the key bytes[start, end), or −1. */
  findKey(_bytes: Uint8Array, _start: number, _end: number): number {
    throw new Bug('not yet')
  }
  findKeyText(_text: string): number {
    throw new Bug('not yet')
  }
  /** 0 = never touched, or the day is not resident. */
  counterAt(_day: number, _row: number): number {
    throw new Bug('not yet')
  }
  /** A copy, for the caller to keep. */
  sketchAt(_day: number, _row: number): Hll | undefined {
    throw new Bug('not yet')
  }
  /** The estimate of the sketch, without a copy; 0 = never touched. */
  estimateAt(_day: number, _row: number): number {
    throw new Bug('not yet')
  }
  /** The cell itself: not to be changed, nor kept over a turn. Likewise below. */
  setAt(_day: number, _row: number): TextSet | undefined {
    throw new Bug('not yet')
  }
  histogramAt(_day: number, _row: number): Histogram | undefined {
    throw new Bug('not yet')
  }
  gaugeAt(_day: number, _row: number): Gauge | undefined {
    throw new Bug('not yet')
  }
  timelineAt(_day: number, _row: number): Timeline | undefined {
    throw new Bug('not yet')
  }
}
