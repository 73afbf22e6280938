// Crash groups: what is known of a bug beside its counts, which are in `crashes/group`, `errors/group` and `users/group`.
//
// Pages of 64 groups in `meta`; the latest event of each is its example, which lies with its day, in pages of 16 groups.
// A group whose last day has left the ring is dropped, and its number is free for the next new one. Beyond `maxGroups` all
// new ones are the group `(other)`.

import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { LetheError } from '../core/errors.js'
import { type HashKey, hash, hashBytes } from '../core/hash.js'
import type { Limits } from '../core/limits.js'
import { type EventBatch, EventType, Field } from '../event/batch.js'
import type { DayExamples } from './examples.js'
import { HashIndex } from './hash-index.js'
import { Mark, Page, recordKey, type Tracker } from './page.js'

const VERSION = 1
const PAGE_BITS = 6
const PAGE_GROUPS = 1 << PAGE_BITS
const OTHER = '(other)'
const otherBytes = Buffer.from(OTHER)
const decoder = new TextDecoder('utf-8')

export interface GroupInfo {
  readonly id: string
  readonly title: string
  readonly culprit: string
  readonly platform: string
  readonly kind: 'crash' | 'error'
  /** Event times, ms. */
  readonly first: number
  readonly last: number
  /** The latest event of it among the days resident now. */
  exampleOf(): { day: number; json: string } | undefined
}

class Group implements GroupInfo {
  kind: 'crash' | 'error' = 'error'
  first = 0
  last = 0
  /** 1 + the last day on which it was seen. */
  stamp = 0
  title = ''
  culprit = ''
  platform = ''

  constructor(
    private readonly groups: Groups,
    readonly number: number,
    readonly id: string,
    readonly low: number,
    readonly high: number,
  ) {}

  exampleOf(): { day: number; json: string } | undefined {
    return this.groups.exampleOf(this.number)
  }
}

class GroupPage extends Page {
  readonly list: (Group | undefined)[] = []

  constructor(readonly number: number) {
    super()
  }

  get day(): undefined {
    return undefined
  }

  get alive(): boolean {
    return true
  }

  key(): Uint8Array {
    return recordKey('g', 0, this.number)
  }

  /**
   * Version, varint number of groups; per group varint number in the page, kind (0 error, 1 crash), doubles first and last,
   * varint stamp, texts id, title, culprit, platform.
   */
  encode(writer: ByteWriter): void {
    writer.u8(VERSION)
    let groups = 0
    for (const group of this.list) if (group !== undefined) groups++
    writer.varint(groups)
    for (const group of this.list) {
      if (group === undefined) continue
      writer.varint(group.number & (PAGE_GROUPS - 1))
      writer.u8(group.kind === 'crash' ? 1 : 0)
      writer.f64(group.first)
      writer.f64(group.last)
      writer.varint(group.stamp)
      writer.text(group.id)
      writer.text(group.title)
      writer.text(group.culprit)
      writer.text(group.platform)
    }
  }
}

export class Groups {
  size = 0
  private readonly pages: GroupPage[] = []
  private readonly index = new HashIndex()
  private freeFrom = 0

  constructor(
    private readonly hashKey: HashKey,
    private readonly limits: Limits,
    private readonly tracker: Tracker,
    /** The days in memory, latest first. */
    private readonly residentDays: () => readonly DayExamples[],
  ) {}

  find(id: string): GroupInfo | undefined {
    const bytes = Buffer.from(id)
    hashBytes(this.hashKey, bytes, 0, bytes.length)
    return this.search(hash.lo, hash.hi)
  }

  /** In order of number, which is that of first sight unless groups were dropped. */
  list(): readonly GroupInfo[] {
    const groups: GroupInfo[] = []
    for (const page of this.pages) for (const group of page.list) if (group !== undefined) groups.push(group)
    return groups
  }

  /** Notes an event of a group at a day; its example goes to `examples`. Events without a group are passed over. */
  note(batch: EventBatch, event: number, day: number, atMs: number, examples: DayExamples): void {
    const at = 2 * (event * Field.Count_ + Field.Group)
    const start = batch.slices[at]!
    if (start < 0) return
    hashBytes(this.hashKey, batch.bytes, start, batch.slices[at + 1]!)
    const group = this.search(hash.lo, hash.hi) ?? this.create(batch, event, atMs)
    this.touch(group.number)
    if (batch.types[event] === EventType.Crash) group.kind = 'crash'
    if (atMs < group.first) group.first = atMs
    if (atMs > group.last) group.last = atMs
    if (day + 1 > group.stamp) group.stamp = day + 1
    examples.note(group.number, batch, event, atMs)
  }

  exampleOf(number: number): { day: number; json: string } | undefined {
    for (const day of this.residentDays()) {
      const json = day.json(number)
      if (json !== undefined) return { day: day.day, json }
    }
    return undefined
  }

  /** Drops the groups that were last seen before the day `deadline − 1`. */
  dropBefore(deadline: number): void {
    for (const page of this.pages) {
      for (let i = 0; i < page.list.length; i++) {
        const group = page.list[i]
        if (group === undefined || group.stamp >= deadline) continue
        this.touch(group.number)
        page.list[i] = undefined
        this.index.remove(group.low, group.high, group.number)
        this.size--
        this.freeFrom = 0
      }
    }
  }

  decode(number: number, reader: ByteReader): void {
    if (reader.u8() !== VERSION) throw new LetheError('page-unknown', 'a page of groups of an unknown version')
    const page = this.pageFor(number)
    const groups = reader.varint()
    for (let i = 0; i < groups; i++) {
      const place = reader.varint()
      const crash = reader.u8() === 1
      const first = reader.f64()
      const last = reader.f64()
      const stamp = reader.varint()
      const id = reader.text()
      const bytes = Buffer.from(id)
      hashBytes(this.hashKey, bytes, 0, bytes.length)
      const group = new Group(this, (number << PAGE_BITS) | place, id, hash.lo, hash.hi)
      group.kind = crash ? 'crash' : 'error'
      group.first = first
      group.last = last
      group.stamp = stamp
      group.title = reader.text()
      group.culprit = reader.text()
      group.platform = reader.text()
      this.put(page, group)
    }
  }

  eachPage(visit: (page: Page) => void): void {
    for (const page of this.pages) visit(page)
  }

  get byteSize(): number {
    return 200 + this.index.byteSize + this.size * 600
  }

  private search(low: number, high: number): Group | undefined {
    const number = this.index.find(low, high)
    return number < 0 ? undefined : this.pages[number >>> PAGE_BITS]!.list[number & (PAGE_GROUPS - 1)]
  }

  private create(batch: EventBatch, event: number, atMs: number): Group {
    let id = batch.text(event, Field.Group)!
    let low = hash.lo
    let high = hash.hi
    const other = this.size >= this.limits.maxGroups
    if (other) {
      hashBytes(this.hashKey, otherBytes, 0, otherBytes.length)
      const found = this.search(hash.lo, hash.hi)
      if (found) return found
      id = OTHER
      low = hash.lo
      high = hash.hi
    }
    const number = this.nextFree()
    const group = new Group(this, number, id, low, high)
    group.first = atMs
    group.last = atMs
    group.title = other ? OTHER : this.text(batch, event, Field.Title)
    group.culprit = other ? '' : this.text(batch, event, Field.Culprit)
    group.platform = other ? '' : this.text(batch, event, Field.Platform)
    const page = this.pageFor(number >>> PAGE_BITS)
    this.touch(number)
    this.put(page, group)
    return group
  }

  private put(page: GroupPage, group: Group): void {
    const place = group.number & (PAGE_GROUPS - 1)
    while (page.list.length <= place) page.list.push(undefined)
    page.list[place] = group
    this.index.insert(group.low, group.high, group.number, this.size + 1)
    this.size++
  }

  private nextFree(): number {
    for (let number = this.freeFrom; ; number++) {
      if (this.pages[number >>> PAGE_BITS]?.list[number & (PAGE_GROUPS - 1)] === undefined) {
        this.freeFrom = number + 1
        return number
      }
    }
  }

  private pageFor(number: number): GroupPage {
    while (this.pages.length <= number) this.pages.push(new GroupPage(this.pages.length))
    return this.pages[number]!
  }

  private touch(number: number): void {
    const page = this.pages[number >>> PAGE_BITS]!
    if (page.mark !== Mark.Dirty) this.tracker.touch(page)
  }

  private text(batch: EventBatch, event: number, field: Field): string {
    const at = 2 * (event * Field.Count_ + field)
    const start = batch.slices[at]!
    return start < 0 ? '' : decoder.decode(batch.bytes.subarray(start, batch.slices[at + 1]!))
  }
}
