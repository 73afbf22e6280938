// A checkpoint: the state at one boundary between entries, on its way into one transaction (R8).
//
// Beginning it marks the changed pages, in one turn, and encodes nothing but the settings. Encoding goes page by page,
// between entries; an entry that is about to change a marked page has it encoded first (page.ts).

import { encodePage, Mark, type Page, type PageSink, type Tracker } from './page.js'
import type { DayWrite, FileWrite, PageWrite } from './types.js'

export interface Checkpoint {
  readonly n: number
  /** Encodes up to `pages` pages; true when all are. */
  encode(pages: number): boolean
  /** Complete once `encode` has answered true. */
  readonly write: FileWrite
  /** The write failed, or is abandoned: what it held is dirty again. */
  fail(): void
  /** The write is in the file. */
  done(): void
}

/** What the state adds to the pages: computed at the beginning. */
export interface CheckpointPlan {
  readonly n: number
  readonly slots: number
  /** Records that are written in any case: the settings. */
  readonly meta: PageWrite[]
  /** Days to write into or to clear, in order of slot. */
  readonly days: DayWrite[]
  /** Called once, when the write is in the file. */
  readonly stored: () => void
  /** Called once, when it is given up. */
  readonly failed: () => void
}

export class RunningCheckpoint implements Checkpoint, PageSink {
  readonly n: number
  readonly write: FileWrite
  private readonly pages: Page[]
  private readonly deleted: Map<string, Uint8Array>
  private readonly dayWrites = new Map<number, DayWrite>()
  private at = 0
  private ended = false

  constructor(
    private readonly tracker: Tracker,
    private readonly plan: CheckpointPlan,
  ) {
    this.n = plan.n
    this.pages = []
    for (const page of tracker.dirty) {
      if (!page.alive) continue
      page.mark = Mark.Pending
      this.pages.push(page)
    }
    tracker.dirty = []
    this.deleted = tracker.deleted
    tracker.deleted = new Map()
    tracker.sink = this
    // Deletions first: a record that was deleted and written again is there.
    const meta: PageWrite[] = []
    for (const key of this.deleted.values()) meta.push({ key, value: null })
    meta.push(...plan.meta)
    for (const day of plan.days) this.dayWrites.set(day.day, day)
    this.write = { n: plan.n, meta, days: plan.days, slots: plan.slots }
  }

  encode(pages: number): boolean {
    const end = this.pages.length
    while (this.at < end && pages > 0) {
      const page = this.pages[this.at++]!
      if (page.mark !== Mark.Pending) continue
      page.mark = Mark.Clean
      this.put(page)
      pages--
    }
    if (this.at < end) return false
    if (this.tracker.sink === this) this.tracker.sink = undefined
    return true
  }

  take(page: Page): void {
    this.put(page)
  }

  fail(): void {
    if (this.ended) return
    this.ended = true
    if (this.tracker.sink === this) this.tracker.sink = undefined
    for (const page of this.pages) {
      if (page.mark === Mark.Dirty) continue
      page.mark = Mark.Dirty
      this.tracker.dirty.push(page)
    }
    for (const [hex, key] of this.deleted) this.tracker.deleted.set(hex, key)
    this.plan.failed()
  }

  done(): void {
    if (this.ended) return
    this.ended = true
    this.plan.stored()
  }

  private put(page: Page): void {
    const record = { key: page.key(), value: encodePage(page) }
    const { day } = page
    if (day === undefined) this.write.meta.push(record)
    else this.dayWrites.get(day)!.pages.push(record)
  }
}
