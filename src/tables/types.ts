// The words that the parts of a customer's state share.

import type { HashKey } from '../core/hash.js'

/** What all cells of a table are. The numbers are on disk and in compiled programs: never renumber. */
export const enum TableKind {
  Counter = 1,
  Sketch = 2,
  Set = 3,
  Histogram = 4,
  Gauge = 5,
  Timeline = 6,
}

/** Names of the kinds, by number, as a person reads them. */
export const kindNames: readonly string[] = ['', 'counter', 'sketch', 'set', 'histogram', 'gauge', 'timeline']

export interface TableDeclaration {
  readonly name: string
  readonly kind: TableKind
}

/** Who a state belongs to (R1). The hash key is part of every persisted hash, so it never changes. */
export interface Identity {
  readonly customer: string
  readonly incarnation: bigint
  readonly hashKey: HashKey
}

/** A record of a customer's file. */
export interface Row {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** A record to write; `value` null deletes it. */
export interface PageWrite {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/** One checkpoint's worth of changes, for one transaction. */
export interface FileWrite {
  readonly n: number
  readonly meta: PageWrite[]
  readonly days: DayWrite[]
  /** N+1. When it differs from the file's, this write carries everything, and goes into a fresh file (R7). */
  readonly slots: number
}

export interface DayWrite {
  readonly slot: number
  readonly day: number
  /** The slot's old contents go first: another day lived there, or the day expired (then `pages` is empty). */
  readonly clear: boolean
  readonly pages: PageWrite[]
}
