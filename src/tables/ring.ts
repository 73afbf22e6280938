// The days of a customer: a slot each, day mod (N+1), in memory once they have been touched.
//
//      slot       0          1          2               N
//              | day 7 |  (stored) | tomorrow |  …  |  day 6 |        what memory has
//              | day 7 |   day 1   |  day −1  |  …  |  day 6 |        what the file has (fileDays)
//
// R7: writable are the days day−N+1 … day+1, which are N+1; so a slot is given to tomorrow when tomorrow's first event
// comes, and until then the day that has just expired stays readable for whoever was reading it.

import { assert } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { Steps } from '../core/steps.js'
import { DayData } from './day-data.js'
import { type Page, readRows, type Tracker } from './page.js'
import type { DayWrite, Row } from './types.js'

export type DayState = 'resident' | 'stored' | 'empty' | 'outside'

/** A slot in use. Without `data` the day is in the file alone. */
interface Slot {
  readonly day: number
  data: DayData | undefined
}

export class DayRing {
  /** The day that was written to last, if it is in memory. */
  hot: DayData | undefined
  // A change of retention forgets what the file holds, for the next one is a fresh one.
  private fileDays: (number | undefined)[]
  private fileGeneration = 0
  private slots: (Slot | undefined)[]

  /** `day`: the latest that a frame had (R6). `retention`: N, of 1 … maxRetentionDays. */
  constructor(
    private currentDay: number,
    private currentRetention: number,
    private readonly limits: Limits,
    private readonly tracker: Tracker,
  ) {
    this.slots = emptySlots(currentRetention)
    this.fileDays = emptySlots(currentRetention)
  }

  get day(): number {
    return this.currentDay
  }

  get retention(): number {
    return this.currentRetention
  }

  /** `stored`: in the file, not loaded. `outside`: neither readable nor writable. */
  stateOf(day: number): DayState {
    if (day > this.currentDay + 1 || day <= this.currentDay - this.currentRetention) return 'outside'
    const slot = this.slots[this.slotOf(day)]
    if (slot?.day !== day) return 'empty'
    return slot.data === undefined ? 'stored' : 'resident'
  }

  slotOf(day: number): number {
    return day % (this.currentRetention + 1)
  }

  /** The cells of a day, if it is in memory: also of the day just expired, for a reader who had begun. */
  resident(day: number): DayData | undefined {
    const slot = this.slots[this.slotOf(day)]
    return slot !== undefined && slot.day === day ? slot.data : undefined
  }

  /** The days that are in memory, latest first. */
  residents(): DayData[] {
    return this.slots.flatMap(slot => slot?.data ?? []).toSorted((a, b) => b.day - a.day)
  }

  /** The cells of a day to write to, begun if there are none. The day must be resident or empty. */
  writable(day: number): DayData {
    const slot = this.slots[this.slotOf(day)]
    if (slot !== undefined && slot.day === day && slot.data !== undefined) {
      this.hot = slot.data
      return slot.data
    }
    const state = this.stateOf(day)
    assert(state === 'empty', `day ${day} is ${state}`)
    if (slot?.data) slot.data.alive = false
    const data = new DayData(day, this.limits, this.tracker)
    this.slots[this.slotOf(day)] = { day, data }
    this.hot = data
    return data
  }

  /** Loads a stored day from its rows; yields about every millisecond of work. */
  *load(day: number, rows: Iterable<Row>): Steps<void> {
    const data = new DayData(day, this.limits, this.tracker)
    yield* readRows(rows, row => data.decode(row))
    const slot = this.slots[this.slotOf(day)]
    if (slot?.day === day && slot.data === undefined) slot.data = data
  }

  /** Goes on to a later day; days that are too old now go. Answers the oldest that stays. */
  advance(day: number): number {
    this.currentDay = day
    return this.dropBefore(day - this.currentRetention)
  }

  /** Keeps `retention` days from here on. Answers the oldest that stays. Every stored day must have been loaded. */
  resize(retention: number): number {
    // The day just expired would come back to life if the ring grew.
    const oldest = this.dropBefore(this.currentDay - Math.min(retention, this.currentRetention) + 1)
    const kept = this.slots.filter(slot => slot !== undefined)
    this.currentRetention = retention
    this.slots = emptySlots(retention)
    for (const slot of kept) {
      assert(slot.data !== undefined, 'a stored day was not loaded before a change of retention')
      this.slots[this.slotOf(slot.day)] = slot
    }
    this.startFile()
    return oldest
  }

  private dropBefore(oldest: number): number {
    for (const [index, slot] of this.slots.entries()) {
      if (slot === undefined || slot.day >= oldest) continue
      if (slot.data) slot.data.alive = false
      this.slots[index] = undefined
    }
    this.hot = undefined
    return oldest
  }

  eachPage(visit: (page: Page) => void): void {
    for (const slot of this.slots) slot?.data?.eachPage(visit)
  }

  get byteSize(): number {
    let size = 0
    for (const slot of this.slots) size += slot?.data?.byteSize ?? 0
    return size
  }

  // ——— the file

  /** What the file holds is gone, or will not do: the next one is a fresh one. */
  private startFile(): void {
    this.fileDays = emptySlots(this.currentRetention)
    this.fileGeneration++
  }

  /** The file is gone. Answers the days that it alone had. */
  forgetFile(): number[] {
    const lost: number[] = []
    for (const [index, slot] of this.slots.entries()) {
      if (slot === undefined || slot.data !== undefined) continue
      lost.push(slot.day)
      this.slots[index] = undefined
    }
    this.startFile()
    return lost
  }

  /** By slot: what the file holds, as its settings say. */
  takeFileDays(days: readonly (number | undefined)[]): void {
    this.fileDays = days.slice()
    for (const [slot, day] of days.entries()) if (day !== undefined) this.slots[slot] = { day, data: undefined }
  }

  get daysInFile(): readonly (number | undefined)[] {
    return this.fileDays
  }

  /** What a checkpoint has to do about days: to write those with changed pages, to clear slots whose day has expired. */
  planned(): DayWrite[] {
    const changed = new Set<number>()
    for (const page of this.tracker.dirty) if (page.day !== undefined && page.alive) changed.add(page.day)
    const days: DayWrite[] = []
    for (const [slot, entry] of this.slots.entries()) {
      const inFile = this.fileDays[slot]
      const expired = inFile !== undefined && inFile !== entry?.day
      if (entry !== undefined && (expired || changed.has(entry.day))) {
        // The first write of a day clears its slot, also one thought empty: its stamp may still be there.
        days.push({ slot, day: entry.day, clear: inFile !== entry.day, pages: [] })
      } else if (expired) days.push({ slot, day: inFile, clear: true, pages: [] })
    }
    return days
  }

  /** What the file will hold after `writes`. `stored` is to be called when it does; false if meanwhile it is another file. */
  after(writes: readonly DayWrite[]): { days: (number | undefined)[]; stored: () => boolean } {
    const days = this.fileDays.slice()
    for (const write of writes) days[write.slot] = this.slots[write.slot]?.day
    const generation = this.fileGeneration
    const stored = () => {
      if (generation !== this.fileGeneration) return false
      this.fileDays = days
      return true
    }
    return { days, stored }
  }

  /** All days, each with its slot; every one must be in memory. */
  everyDay(): { slot: number; day: number }[] {
    const days: { slot: number; day: number }[] = []
    for (const [slot, entry] of this.slots.entries()) {
      assert(entry === undefined || entry.data !== undefined, 'a stored day is not loaded')
      if (entry !== undefined) days.push({ slot, day: entry.day })
    }
    return days
  }
}

function emptySlots<T>(retention: number): (T | undefined)[] {
  return new Array<T | undefined>(retention + 1).fill(undefined)
}
