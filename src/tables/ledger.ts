import { Bug } from '../core/errors.js'

/** One day of a customer's ledger: received = applied + duplicate + Σ dropped. */
export interface LedgerDay {
  readonly received: number
  readonly applied: number
  readonly duplicate: number
  /** reason → n, in order of first use. */
  readonly dropped: ReadonlyMap<string, number>
  readonly noted: ReadonlyMap<string, number>
  readonly bytes: number
}

/** What became of every event, by the day of receiving. Reasons and notes are bounded: the 33rd is `(other)`. */
export class Ledger {
  /** Counts what came in. The rest must add up to `events`. */
  received(_day: number, _events: number, _bytes: number): void {
    throw new Bug('not yet')
  }
  applied(_day: number, _events: number): void {
    throw new Bug('not yet')
  }
  duplicate(_day: number, _events: number): void {
    throw new Bug('not yet')
  }
  dropped(_day: number, _reason: string, _events: number): void {
    throw new Bug('not yet')
  }
  noted(_day: number, _name: string, _events: number): void {
    throw new Bug('not yet')
  }
  /** R16: events dropped for `reason` on that day are applied after all. False if the day no longer is there or holds no such drop. */
  replayed(_day: number, _reason: string, _events: number): boolean {
    throw new Bug('not yet')
  }
  /** The day's figures now, or undefined where nothing was received. */
  of(_day: number): LedgerDay | undefined {
    throw new Bug('not yet')
  }
  days(): readonly number[] {
    throw new Bug('not yet')
  }
}
