// The ledger: what became of every event, by the day of receiving. received = applied + duplicate + Σ dropped (law 4).
//
// Reasons come from programs (`(drop! reason)`), so their number is bounded: the 33rd of a day counts as `(other)`.

import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { Mark, Page, recordKey, type Tracker } from './page.js'

const VERSION = 1
const OTHER = '(other)'

/** One day of a customer's ledger. */
export class LedgerDay extends Page {
  received = 0
  applied = 0
  duplicates = 0
  byteCount = 0
  /** reason → n, in order of first use. */
  readonly dropped = new Map<string, number>()
  readonly noted = new Map<string, number>()

  constructor(
    private readonly ledger: Ledger,
    readonly number: number,
    private readonly tracker: Tracker,
    private readonly limits: Limits,
  ) {
    super()
  }

  get day(): undefined {
    return undefined
  }

  get alive(): boolean {
    return this.ledger.of(this.number) === this
  }

  key(): Uint8Array {
    return recordKey('l', 0, this.number)
  }

  get isEmpty(): boolean {
    return this.received + this.byteCount + this.applied + this.dropped.size + this.noted.size === 0
  }

  /** Counts what came in; applied, duplicate and dropped must add up to it. */
  receive(events: number): void {
    this.touch()
    this.received += events
  }

  apply(events: number): void {
    this.touch()
    this.applied += events
  }

  duplicate(events: number): void {
    this.touch()
    this.duplicates += events
  }

  drop(reason: string, events = 1): void {
    this.touch()
    this.count(this.dropped, reason, events)
  }

  note(name: string, events = 1): void {
    this.touch()
    this.count(this.noted, name, events)
  }

  bytes(bytes: number): void {
    this.touch()
    this.byteCount += bytes
  }

  /** R16: an event dropped for `reason` is applied after all. False if there is none: then nothing changed. */
  replayed(reason: string, events = 1): boolean {
    const dropped = this.dropped.get(reason) ?? 0
    if (dropped < events) return false
    this.touch()
    if (dropped === events) this.dropped.delete(reason)
    else this.dropped.set(reason, dropped - events)
    this.applied += events
    return true
  }

  /** Version; varints received, applied, duplicate, bytes; then dropped and noted, each varint n, (text, varint n) …. */
  encode(writer: ByteWriter): void {
    writer.u8(VERSION)
    writer.varint(this.received)
    writer.varint(this.applied)
    writer.varint(this.duplicates)
    writer.varint(this.byteCount)
    for (const counts of [this.dropped, this.noted]) {
      writer.varint(counts.size)
      for (const [name, n] of counts) {
        writer.text(name)
        writer.varint(n)
      }
    }
  }

  decode(reader: ByteReader): void {
    if (reader.u8() !== VERSION) throw new LetheError('page-unknown', 'a ledger of an unknown version')
    this.received = reader.varint()
    this.applied = reader.varint()
    this.duplicates = reader.varint()
    this.byteCount = reader.varint()
    for (const counts of [this.dropped, this.noted]) {
      const names = reader.varint()
      for (let i = 0; i < names; i++) {
        const name = reader.text()
        counts.set(name, reader.varint())
      }
    }
  }

  private count(counts: Map<string, number>, name: string, events: number): void {
    if (events === 0) return
    if (name.length > this.limits.maxTextLength) name = name.slice(0, this.limits.maxTextLength)
    const before = counts.get(name)
    if (before === undefined && counts.size >= this.limits.maxLedgerNames) name = OTHER
    counts.set(name, (before ?? counts.get(name) ?? 0) + events)
  }

  private touch(): void {
    if (this.mark !== Mark.Dirty) this.tracker.touch(this)
  }
}

export class Ledger {
  private readonly byDay = new Map<number, LedgerDay>()
  private recent: LedgerDay | undefined

  constructor(
    private readonly limits: Limits,
    private readonly tracker: Tracker,
  ) {}

  /** The page of a day, to count on. */
  day(day: number): LedgerDay {
    const { recent } = this
    if (recent !== undefined && recent.number === day) return recent
    let found = this.byDay.get(day)
    if (found === undefined) {
      found = new LedgerDay(this, day, this.tracker, this.limits)
      this.byDay.set(day, found)
    }
    this.recent = found
    return found
  }

  /** The figures of a day, or undefined where nothing was received. */
  of(day: number): LedgerDay | undefined {
    return this.byDay.get(day)
  }

  /** Ascending. */
  days(): readonly number[] {
    return [...this.byDay.keys()].sort((a, b) => a - b)
  }

  dropBefore(day: number): void {
    for (const [number, page] of this.byDay) {
      if (number >= day) continue
      this.byDay.delete(number)
      this.tracker.delete(page.key())
      if (this.recent === page) this.recent = undefined
    }
  }

  decode(day: number, reader: ByteReader): void {
    this.day(day).decode(reader)
  }

  eachPage(visit: (page: Page) => void): void {
    for (const page of this.byDay.values()) if (!page.isEmpty) visit(page)
  }

  get byteSize(): number {
    let size = 150
    for (const page of this.byDay.values()) size += 500 + 80 * (page.dropped.size + page.noted.size)
    return size
  }
}
