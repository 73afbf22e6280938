import { Bug } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { EventBatch } from '../event/batch.js'
import type { Checkpoint } from './checkpoint.js'
import type { Effects } from './effects.js'
import { Groups } from './groups.js'
import { IdWindow } from './ids.js'
import { Ledger } from './ledger.js'
import { SessionStates } from './sessions.js'
import type { Table } from './table.js'
import type { Identity, Row } from './types.js'

export type DayState = 'resident' | 'stored' | 'empty' | 'outside'

/** A customer's memory: a function of its entries and of nothing else (law 1). */
export class CustomerState {
  /** The last entry that this state contains. The caller sets it after each entry. */
  n = 0
  day = 0
  retention = 7
  programSource: string | null = null
  programError: string | null = null
  programVersion = 1
  groupingVersion = 1
  sampling = 1
  readonly ids = new IdWindow()
  readonly sessions: SessionStates
  readonly ledger = new Ledger()
  readonly groups = new Groups()

  private constructor(
    readonly identity: Identity,
    readonly limits: Limits,
  ) {
    this.sessions = new SessionStates(identity.hashKey)
  }

  static empty(_identity: Identity, _limits: Limits, _day: number, _retention: number): CustomerState {
    throw new Bug('not yet')
  }
  /** A state from the `meta` rows of its file. Days come later, on touch. */
  static load(_identity: Identity, _limits: Limits, _meta: Iterable<Row>): CustomerState {
    throw new Bug('not yet')
  }
  /** The same in steps of about a millisecond: the generator returns the state. */
  static loading(_identity: Identity, _limits: Limits, _meta: Iterable<Row>): Generator<void, CustomerState> {
    throw new Bug('not yet')
  }
  tables(): readonly Table[] {
    throw new Bug('not yet')
  }
  table(_name: string): Table | undefined {
    throw new Bug('not yet')
  }
  /** `stored`: in the file, not loaded. `outside`: neither readable nor writable. */
  dayState(_day: number): DayState {
    throw new Bug('not yet')
  }
  /** The slot of the file that a day lives in: day mod (N+1). */
  slotOf(_day: number): number {
    throw new Bug('not yet')
  }
  /** Loads a stored day; yields about every millisecond of work. */
  loadDay(_day: number, _rows: Iterable<Row>): Generator<void, void> {
    throw new Bug('not yet')
  }
  /** R6, R7: makes `day` the state's day if it is later; drops expired days and keys whose last day left the ring. */
  rollTo(_day: number): void {
    throw new Bug('not yet')
  }
  setRetention(_retention: number): void {
    throw new Bug('not yet')
  }
  /** Applies one event's effects to the cells of `day`, which must be resident or empty (see dayState). */
  apply(_effects: Effects, _batch: EventBatch, _day: number, _atMs: number): void {
    throw new Bug('not yet')
  }
  /** Whether a checkpoint would have anything to write besides n. */
  get dirty(): boolean {
    throw new Bug('not yet')
  }
  /** Days to load before `beginCheckpoint`: not empty only after a change of retention, which rewrites the whole file. */
  daysForCheckpoint(): readonly number[] {
    throw new Bug('not yet')
  }
  /** R8. One at a time: `done` or `fail` of the one before must have been called. */
  beginCheckpoint(): Checkpoint {
    throw new Bug('not yet')
  }
  /** Bytes this state takes, about. */
  byteSize(): number {
    throw new Bug('not yet')
  }
}
