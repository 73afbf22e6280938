// A customer's checkpoints, one after the other (R8):
//
//   asked ─▶ a place at the turnstile ─▶ cut: the dirty pages are marked ─▶ encoded, in steps ─▶ committed, flushed
//     ▲                                  (between two entries, in one turn)   beside new entries        │
//     └───── a damaged file was set aside: once more, into a fresh one ◀── failed ──────────────────────┤
//                                                                                                       ▼
//                                                                       the journal is told: it may trim up to n (R3)
//
// A commit on its way to the disk outlives a crash of the customer's memory: its end is noted here all the same, but
// of the state it was cut from it says nothing any more if that is gone (`generation`).
import type { CustomerFile } from '../storage/contract.js'
import type { Checkpoint } from '../tables/checkpoint.js'
import type { Customer } from './customer.js'
import { replaceFile } from './loading.js'

/** Pages that are encoded between two looks at the clock. */
const PAGES_PER_LOOK = 16

export class Checkpointing {
  /** In a row. */
  failures = 0
  /** On its way to the disk. */
  committing = false
  private asked = false
  private cut: Checkpoint | undefined

  constructor(private readonly customer: Customer) {}

  /** One is asked for or under way. */
  get pending(): boolean {
    return this.asked || this.cut !== undefined || this.committing
  }

  /** Asks for one. Also of what is clean: the journal may not know that. What is being written now will tell it. */
  ask(): void {
    if (this.customer.dirtySinceMs !== undefined || !this.pending) this.asked = true
  }

  /** True if nobody has asked yet although it is time. */
  due(nowMs: number): boolean {
    const { dirtySinceMs, eventsSinceCheckpoint, phase, parts } = this.customer
    if (dirtySinceMs === undefined || this.pending || phase !== 'live') return false
    const { checkpointMs, checkpointEvents } = parts.limits
    return nowMs - dirtySinceMs >= checkpointMs || eventsSinceCheckpoint >= checkpointEvents
  }

  /** Drops what is not on its way to the disk yet. */
  stop(): void {
    this.cut = undefined
    this.asked = false
    if (!this.committing) this.customer.parts.checkpoints.leave(this.customer)
  }

  /** Cuts and encodes; false if the turn ended before the last page. */
  step(expired: () => boolean): boolean {
    const { customer } = this
    if (this.asked && !this.cut && !this.committing) {
      const first = customer.committed.peek()
      if (first && first.index > 0) return true // in the middle of an entry
      if (!customer.parts.checkpoints.enter(customer)) return true
      this.asked = false
      this.cut = customer.state.beginCheckpoint()
      customer.dirtySinceMs = undefined
      customer.eventsSinceCheckpoint = 0
    }
    const cut = this.cut
    if (!cut) return true
    while (!cut.encode(PAGES_PER_LOOK)) if (expired()) return false
    this.cut = undefined
    this.committing = true
    this.write(cut).catch(error => customer.directory.crashed(customer, error))
    return true
  }

  private async write(cut: Checkpoint): Promise<void> {
    const { customer } = this
    const { parts, route, generation, directory } = customer
    let file: CustomerFile | undefined
    try {
      file = parts.store.open(route.incarnation)
      await file.commit(cut.write)
      await file.flushed()
      if (generation === customer.generation) cut.done()
      this.failures = 0
      parts.journal.flushedTo(route.incarnation, cut.n)
      directory.checkpointed(customer)
    } catch (error) {
      if (generation === customer.generation) {
        cut.fail()
        customer.dirtySinceMs = parts.clock.monotonicMs()
      }
      parts.checkpointFailed(customer, error)
      file?.release()
      file = undefined
      if (generation === customer.generation) this.replaceDamaged(error)
    } finally {
      this.committing = false
      parts.checkpoints.leave(customer)
      directory.wake(customer)
      file?.release()
    }
  }

  /** A fresh file is written at once, the first time; a disk that damages them all is tried as seldom as any. */
  private replaceDamaged(error: unknown): void {
    if (replaceFile(this.customer, error)) this.asked = this.failures === 1
  }
}
