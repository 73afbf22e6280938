// The dedupe window (R15): the ids of the latest events, as 64-bit keyed hashes, with the second they came.
//
// An id goes when more than `maxDedupeIds` are there, or when it is older than a day and more than `minDedupeIds` are
// there: a retry after a night without signal is still known, and a flood does not take more than its 45 MB.
//
// Time is the frame's, and never runs backwards here: an owner's clock that does counts as standing still.

import type { Limits } from '../core/limits.js'
import { Fifo } from './fifo.js'
import type { Tracker } from './page.js'

const SECOND = 2

export class IdWindow {
  readonly queue: Fifo
  /** Seconds since the epoch of the latest id. */
  latest = 0

  constructor(
    private readonly limits: Limits,
    tracker: Tracker,
  ) {
    this.queue = new Fifo({ letter: 'i', width: 3, pageBits: 10 }, tracker)
  }

  get size(): number {
    return this.queue.size
  }

  /** Whether the window holds the id; changes nothing. */
  has(low: number, high: number): boolean {
    return this.queue.find(low, high) >= 0
  }

  /** True when the id is new: then it is in the window from here on. `ms` is the frame's. */
  add(low: number, high: number, ms: number): boolean {
    const second = Math.floor(ms / 1000)
    if (second > this.latest) this.latest = second
    const { queue } = this
    if (queue.size > this.limits.minDedupeIds) this.expire()
    if (queue.find(low, high) >= 0) return false
    queue.setWord(queue.push(low, high), SECOND, this.latest | 0)
    if (queue.size > this.limits.maxDedupeIds) queue.dropTo(queue.tail - this.limits.maxDedupeIds)
    return true
  }

  // Oldest first, by page where a whole page is too old.
  private expire(): void {
    const { queue } = this
    const last = queue.tail - this.limits.minDedupeIds
    const oldest = this.latest - Math.floor(this.limits.dedupeWindowMs / 1000)
    let place = queue.head
    while (place < last && queue.word(place, SECOND) >>> 0 < oldest) {
      const pageEnd = Math.min((Math.floor(place / 1024) + 1) * 1024, last)
      if (queue.word(pageEnd - 1, SECOND) >>> 0 < oldest) place = pageEnd
      else place++
    }
    if (place > queue.head) queue.dropTo(place)
  }
}
