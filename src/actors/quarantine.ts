// Events that crashed their customer twice (R16). The unit is (incarnation, n, event index).
//
// A verdict is a file of its own, synced before it takes effect, because it binds every later replay of that entry: the
// event counts as dropped(poison) there too, or a replay would give other bytes than the live run.
import type { Verdicts } from './apply.js'

/** One event set aside, as an operator sees it. */
export interface Verdict {
  readonly customer: string
  readonly incarnation: bigint
  readonly n: number
  readonly index: number
  /** UTC ms of the frame, which decides the ledger's day. */
  readonly ms: number
  readonly day: number
  /** When the client sent it, by its clock, ms; NaN where unknown. */
  readonly sentAt: number
  /** What was thrown. */
  readonly why: string
  /** The event as canonical JSON, as far as it can be read. */
  readonly event: string
  /** When the verdict fell, UTC ms. */
  readonly at: number
  /** When a replay was journaled, UTC ms. The verdict goes on to bind replays of the original entry. */
  readonly replayedAt?: number
}

/** Where verdicts are kept: a folder of the disk, or memory in the simulation. */
export interface VerdictStore {
  load(): Verdict[]
  /** Resolves when it is durable. */
  save(verdict: Verdict): Promise<void>
}

export class Quarantine {
  private readonly byCustomer = new Map<bigint, Map<string, Verdict>>()
  count = 0

  constructor(private readonly store: VerdictStore) {
    for (const verdict of store.load()) this.keep(verdict)
  }

  private keep(verdict: Verdict): void {
    let verdicts = this.byCustomer.get(verdict.incarnation)
    if (!verdicts) {
      verdicts = new Map()
      this.byCustomer.set(verdict.incarnation, verdicts)
    }
    const place = `${verdict.n}/${verdict.index}`
    if (!verdicts.has(place)) this.count++
    verdicts.set(place, verdict)
  }

  /** What an apply asks; undefined for the many customers that have none. */
  of(incarnation: bigint): Verdicts | undefined {
    if (this.byCustomer.size === 0) return undefined
    const verdicts = this.byCustomer.get(incarnation)
    return verdicts && { convicted: (n, index) => verdicts.has(`${n}/${index}`) }
  }

  list(incarnation: bigint): Verdict[] {
    return [...(this.byCustomer.get(incarnation)?.values() ?? [])]
  }

  find(incarnation: bigint, n: number, index: number): Verdict | undefined {
    return this.byCustomer.get(incarnation)?.get(`${n}/${index}`)
  }

  /** Takes effect, and resolves, when it is durable. */
  async convict(verdict: Verdict): Promise<void> {
    await this.store.save(verdict)
    this.keep(verdict)
  }
}
