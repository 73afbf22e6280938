// Quotas (R14): checked at the owner before the journal, by the clock, never replayed, no part of the ledger.

/** What a customer is allowed; absent means without bound. */
export interface Quota {
  readonly eventsPerSecond?: number | undefined
  readonly eventsPerDay?: number | undefined
}

/** A token bucket of one second's worth of events. A batch greater than the bucket passes when the bucket is full, and leaves a debt. */
export class TokenBucket {
  private tokens = Number.NaN
  private filledAt = 0

  /** Takes `count` tokens at `nowMs` (monotonic) under `perSecond`; answers 0, or the milliseconds until it may pass. */
  take(count: number, perSecond: number, nowMs: number): number {
    if (Number.isNaN(this.tokens)) {
      this.tokens = perSecond
      this.filledAt = nowMs
    }
    const elapsed = Math.max(0, nowMs - this.filledAt)
    this.tokens = Math.min(perSecond, this.tokens + (elapsed * perSecond) / 1000)
    this.filledAt = nowMs
    const needed = Math.min(count, perSecond)
    if (this.tokens >= needed) {
      this.tokens -= count
      return 0
    }
    return Math.max(1, ((needed - this.tokens) * 1000) / perSecond)
  }
}
