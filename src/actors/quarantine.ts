// Events that crashed their customer twice (R16). The unit is (incarnation, n, event index), and the frame's ms with it: should
// a customer lose its file and all its entries, n starts again, and an old verdict must not bind a new entry.
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
  /** The event as canonical JSON, with what its envelope says for all, as far as it can be read. */
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
  remove(verdict: Verdict): Promise<void>
}

/** A verdict as the HTTP interface shows it. */
export function shown({ customer, n, index, why, at, event, replayedAt }: Verdict): object {
  const replayed = replayedAt === undefined ? {} : { replayedAt }
  return { customer, n, index, why, at, event: JSON.parse(event), ...replayed }
}

export class Quarantine {
  private readonly byCustomer = new Map<bigint, Map<string, Verdict>>()
  /** `owned` says whose verdicts are this shard's: the folder holds those of all. */
  constructor(
    private readonly store: VerdictStore,
    owned: (incarnation: bigint) => boolean = () => true,
  ) {
    for (const verdict of store.load()) if (owned(verdict.incarnation)) this.keep(verdict)
  }

  private keep(verdict: Verdict): void {
    let verdicts = this.byCustomer.get(verdict.incarnation)
    if (!verdicts) {
      verdicts = new Map()
      this.byCustomer.set(verdict.incarnation, verdicts)
    }
    verdicts.set(`${verdict.n}/${verdict.index}`, verdict)
  }

  /** What an apply asks; undefined for the many customers that have none. */
  of(incarnation: bigint): Verdicts | undefined {
    if (this.byCustomer.size === 0) return undefined
    const verdicts = this.byCustomer.get(incarnation)
    return verdicts && { convicted: (n, index, ms) => verdicts.get(`${n}/${index}`)?.ms === ms }
  }

  list(incarnation: bigint): Verdict[] {
    return [...(this.byCustomer.get(incarnation)?.values() ?? [])]
  }

  find(incarnation: bigint, n: number, index: number): Verdict | undefined {
    return this.byCustomer.get(incarnation)?.get(`${n}/${index}`)
  }

  /** The customer is deleted (R19): its events go with it. */
  async forget(incarnation: bigint): Promise<void> {
    for (const verdict of this.list(incarnation)) await this.store.remove(verdict)
    this.byCustomer.delete(incarnation)
  }

  /** Events that are set aside and were not replayed. */
  get waiting(): number {
    let waiting = 0
    for (const verdicts of this.byCustomer.values()) {
      for (const { replayedAt } of verdicts.values()) if (replayedAt === undefined) waiting++
    }
    return waiting
  }

  incarnations(): bigint[] {
    return [...this.byCustomer.keys()]
  }

  /** Its event was journaled once more. */
  noteReplay(verdict: Verdict, nowMs: number): Promise<void> {
    return this.convict({ ...verdict, replayedAt: nowMs })
  }

  /** Takes effect, and resolves, when it is durable. */
  async convict(verdict: Verdict): Promise<void> {
    await this.store.save(verdict)
    this.keep(verdict)
  }
}
