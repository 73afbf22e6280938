// Updates of many events at once, for programs that do nothing but count what stands in fields (query/field-plan.ts).
//
//      events     e0   e1   e2  …           hashes of each field, event after event
//      bump A      ▼    ▼    ▼              then the row of each update, event after event
//      sketch B    ▼    ▼    ▼              then the updates themselves, likewise
//
// An event at a time, each of its updates waits for cache misses of its own: index, page, cell. In a loop over events that does
// little the processor has those of several events under way at once, and what is the same for all of them stays in registers.
//
// Nobody can tell from the tables: only events whose cells have all begun, and whose members are all known, are taken here, and no two
// updates of a program change the same table. So nothing is entered, and each cell gets what it would get, in the same order. The first
// event of another sort ends the group, and whoever asked takes it the usual way.

import { hash, hashBytes } from '../core/hash.js'
import { type EventBatch, Field, SLICE_STRIDE } from '../event/batch.js'
import type { TextSet } from '../sketch/text-set.js'
import type { DayData } from './day-data.js'
import type { EventTexts } from './event-texts.js'
import type { HashIndex } from './hash-index.js'
import { MixFactor } from './keys.js'
import type { Tracker } from './page.js'

export const enum FieldOperation {
  Bump = 1,
  Sketch = 2,
  Collect = 3,
}

/** What every event that has the fields does to one cell. */
export interface FieldUpdate {
  readonly operation: FieldOperation
  /** By the program's numbers. */
  readonly table: number
  /** Places in the plan's `fields`; −1: the empty key, or no value. */
  readonly key: number
  readonly value: number
  /** Above 0. */
  readonly amount: number
}

export interface FieldPlan {
  /** Text fields that the updates are about. */
  readonly fields: readonly Field[]
  readonly updates: readonly FieldUpdate[]
}

/** Events of a group: so many that their cells' first lines are under way together, so few that little was in vain where a group ends early. */
const GROUP = 16

/** The event does not have the field. */
const ABSENT = -1

export class FieldUpdates {
  // Where the cells of one customer and day are. `mixes`: what the program's tables mix into hashes, by its numbers.
  private index!: HashIndex
  private data!: DayData
  private tracker!: Tracker
  private mixes!: Int32Array
  private texts!: EventTexts
  // By field and event: the hash, and whether the event has the field.
  private low = new Int32Array(GROUP * 8)
  private high = new Int32Array(GROUP * 8)
  private there = new Uint8Array(GROUP * 8)
  // By update and event: the row.
  private rows = new Int32Array(GROUP * 8)

  constructor(private readonly maxKeyBytes: number) {}

  /** What follows changes `data`. `mixes` has a number above 0 for each table of the plans to come. */
  begin(index: HashIndex, data: DayData, tracker: Tracker, mixes: Int32Array, texts: EventTexts): void {
    this.index = index
    this.data = data
    this.tracker = tracker
    this.mixes = mixes
    this.texts = texts
  }

  /**
   * Applies `plan` to events of a batch from `from` on, none of them rejected, at most GROUP and none from `to` on; answers the event before
   * which it ended.
   */
  apply({ fields, updates }: FieldPlan, batch: EventBatch, from: number, to: number): number {
    this.makeRoom(Math.max(fields.length, updates.length))
    let count = this.hash(fields, batch, from, Math.min(to, from + GROUP)) - from
    for (let u = 0; u < updates.length && count > 0; u++) count = this.find(updates[u]!, u, count)
    // Sketches come first: to add to one of them twice is to add once, should a later one show that an event was too much.
    for (let u = 0; u < updates.length; u++)
      if (updates[u]!.operation === FieldOperation.Sketch) count = this.sketch(updates[u]!, u, count)
    for (let u = 0; u < updates.length; u++)
      if (updates[u]!.operation === FieldOperation.Bump) this.bump(updates[u]!, u, count)
    return from + count
  }

  private makeRoom(most: number): void {
    if (most * GROUP <= this.rows.length) return
    this.low = new Int32Array(GROUP * most)
    this.high = new Int32Array(GROUP * most)
    this.there = new Uint8Array(GROUP * most)
    this.rows = new Int32Array(GROUP * most)
  }

  /** The hashes of all fields; ends before an event with a text that is too long for a key. */
  private hash(fields: readonly Field[], { slices, types }: EventBatch, from: number, to: number): number {
    const { low, high, there } = this
    const { bytes, hashKey } = this.texts
    for (let f = 0; f < fields.length; f++) {
      const isType = fields[f] === Field.Type
      let at = 2 * (from * Field.Count_ + fields[f]!)
      let place = f * GROUP
      for (let event = from; event < to; event++, place++, at += SLICE_STRIDE) {
        const start = slices[at]!
        there[place] = start < 0 ? 0 : 1
        if (start < 0) continue
        const stop = slices[at + 1]!
        if (stop - start > this.maxKeyBytes) {
          to = event
          break
        }
        if (isType && event > from && types[event] === types[event - 1]) {
          low[place] = low[place - 1]!
          high[place] = high[place - 1]!
          continue
        }
        hashBytes(hashKey, bytes, start, stop)
        low[place] = hash.lo
        high[place] = hash.hi
      }
    }
    return to
  }

  /** The rows of one update; answers before which of the events the cell, or the member, is not there yet. */
  private find(update: FieldUpdate, u: number, count: number): number {
    const first = u * GROUP
    const { key, value } = update
    if (key < 0) {
      const { hashes } = this.texts
      const empty = this.texts.hashed(0, 0)
      const mix = this.mixes[update.table]!
      const row = this.index.probe(
        hashes[empty + 2]! ^ Math.imul(mix, MixFactor.Low),
        hashes[empty + 3]! ^ Math.imul(mix, MixFactor.High),
      )
      if (row < 0) return 0
      for (let i = 0; i < count; i++) this.rows[first + i] = row
    } else count = this.findKeys(update.table, key * GROUP, first, count)
    if (value >= 0)
      for (let i = 0; i < count; i++) if (this.there[value * GROUP + i] === 0) this.rows[first + i] = ABSENT
    switch (update.operation) {
      case 1: // Bump
        return this.begunCounters(first, count)
      case 2: // Sketch: see `sketch`
        return count
      default: // Collect
        return this.knownMembers(first, value * GROUP, count)
    }
  }

  private findKeys(table: number, keys: number, first: number, count: number): number {
    const { low, high, there, rows } = this
    const { slots, mask } = this.index
    const mix = this.mixes[table]!
    const mixLow = Math.imul(mix, MixFactor.Low)
    const mixHigh = Math.imul(mix, MixFactor.High)
    for (let i = 0; i < count; i++) {
      if (there[keys + i] === 0) {
        rows[first + i] = ABSENT
        continue
      }
      const h1 = low[keys + i]! ^ mixLow
      const h2 = high[keys + i]! ^ mixHigh
      let at = 3 * (h1 & mask)
      while (slots[at] !== h1 || slots[at + 1] !== h2) {
        if (slots[at + 2] === 0) return i
        at = at === 3 * mask ? 0 : at + 3
      }
      if (slots[at + 2] === 0) return i
      rows[first + i] = slots[at + 2]! - 1
    }
    return count
  }

  /** Answers before which of the events a cell has not begun. One below 0, of an earlier program, may come to 0 on the way, and has not begun then. */
  private begunCounters(first: number, count: number): number {
    const { rows } = this
    const { counters } = this.data
    const values = counters.first
    for (let i = 0; i < count; i++) {
      const row = rows[first + i]!
      if (row >= 0 && !((row < values.length ? values[row]! : counters.at(row)) > 0)) return i
    }
    return count
  }

  /** A member that is known changes nothing: those events are done. */
  private knownMembers(first: number, values: number, count: number): number {
    const { low, high, rows } = this
    const { sets } = this.data
    let at = ABSENT
    let set: TextSet | undefined
    for (let i = 0; i < count; i++) {
      const row = rows[first + i]!
      if (row < 0) continue
      if (row !== at) {
        set = sets.at(row)
        at = row
      }
      if (set === undefined || !set.has(low[values + i]!, high[values + i]!)) return i
    }
    return count
  }

  /** Adds to sketches; answers before which of the events the cell has not begun. */
  private sketch(update: FieldUpdate, u: number, count: number): number {
    const { rows } = this
    const { sketches } = this.data
    const first = u * GROUP
    const values = update.value * GROUP
    for (let i = 0; i < count; i++) {
      const row = rows[first + i]!
      if (row >= 0 && !sketches.add(row, this.low[values + i]!, this.high[values + i]!, this.tracker)) return i
    }
    return count
  }

  private bump({ amount }: FieldUpdate, u: number, count: number): void {
    const { rows } = this
    const { counters } = this.data
    const first = u * GROUP
    for (let i = 0; i < count; i++) if (rows[first + i]! >= 0) counters.add(rows[first + i]!, amount, this.tracker)
  }
}
