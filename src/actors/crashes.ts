// What a customer remembers of its crashes (R16), and what follows: the event that crashed it twice is set aside, and one
// that keeps crashing without getting anywhere waits longer and longer before it is loaded again.
import type { EventBatch } from '../event/batch.js'
import type { Parts } from './parts.js'
import type { CustomerRoute } from './service.js'

/** Crashes without any progress after which a customer waits before it is loaded again. */
const CRASHES_AT_ONCE = 3
const LONGEST_WAIT_MS = 60_000

/** An event to be set aside. */
export interface Found {
  readonly n: number
  readonly index: number
  readonly ms: number
  readonly day: number
  readonly batch: EventBatch
  readonly why: string
}

export class CrashRecord {
  /** A verdict is on its way to the disk: nothing of this customer is loaded before it is there. */
  convicting = false
  /** Monotonic ms before which it is not loaded again; 0 where nothing speaks against it. */
  retryAtMs = 0
  // Where the last crash was: one of `events` events of entry `n`, from `index` on. n = 0: nowhere.
  private last = { n: 0, index: 0, events: 0 }
  private inARow = 0
  // The last entry that ever went through: applying it again is no progress.
  private furthestN = 0

  constructor(
    private readonly route: CustomerRoute,
    private readonly parts: Parts,
    /** The verdict is there, or could not be written: go on. */
    private readonly settled: () => void,
  ) {}

  /** An entry went through. */
  progressed(n: number): void {
    if (n <= this.furthestN) return
    this.furthestN = n
    this.inARow = 0
  }

  /** The last crash was in entry n. */
  suspects(n: number): boolean {
    return this.last.n === n
  }

  /** Remembers where it was; convicts an event at its second crash. */
  record(error: unknown): void {
    const { applier, clock } = this.parts
    const { n, index, events, batch } = applier.place
    this.inARow++
    if (this.inARow > CRASHES_AT_ONCE) {
      this.retryAtMs = clock.monotonicMs() + Math.min(LONGEST_WAIT_MS, 500 * 2 ** (this.inARow - CRASHES_AT_ONCE))
    }
    if (n === 0 || batch === undefined) return
    applier.place.n = 0
    applier.place.batch = undefined
    const { last } = this
    const again = last.n === n && index >= last.index && index < last.index + last.events
    if (!again || events > 1) {
      this.last = { n, index, events }
      return
    }
    this.last = { n: 0, index: 0, events: 0 }
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    this.convict({ n, index, ms: applier.frameMs, day: applier.frameDay, batch, why })
  }

  /** Sets an event aside. */
  convict({ n, index, ms, day, batch, why }: Found): void {
    const { quarantine, time, log } = this.parts
    const { id: customer, incarnation } = this.route
    const event = eventText(batch, index)
    const verdict = { customer, incarnation, n, index, ms, day, sentAt: batch.sentAt, why, event, at: time.nowMs() }
    this.convicting = true
    quarantine
      .convict(verdict)
      .then(
        () => {
          this.inARow = 0
          this.retryAtMs = 0
          log.error({ customer, n, index, why }, 'an event crashed its customer twice and is set aside')
        },
        (error: unknown) => {
          log.error({ customer, n, index, err: error }, 'a verdict could not be written; the event will be tried again')
        },
      )
      .then(() => {
        this.convicting = false
        this.settled()
      })
  }
}

function eventText(batch: EventBatch, index: number): string {
  try {
    return JSON.stringify(batch.complete(index)) ?? 'null'
  } catch {
    return 'null'
  }
}
