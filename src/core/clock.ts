// The only file that reads the machine's clocks. Everything else is handed a Clock, so that a seed replays a failure.

/** Milliseconds of a day. Days are UTC calendar days, numbered from 1970-01-01. */
export const DAY_MS = 86_400_000

export interface Clock {
  /** Wall clock: UTC milliseconds since the epoch. May jump. */
  nowMs(): number
  /** Milliseconds since some start; never goes back. Fractions are microseconds. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}

/** Answers the UTC day that `ms` falls into. */
export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS)
}

/** Writes a day as `2026-11-20`. */
export function dayToString(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}
