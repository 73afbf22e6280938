// The latest event of each group on one day, as JSON. What came in another form stays as it came, and becomes JSON when it
// is written or asked for: most examples are replaced before anyone looks.

import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { type EventBatch, type EventReader, readJson } from '../event/batch.js'
import type { ColumnHome } from './column.js'
import { Mark, Page, recordKey, type Tracker } from './page.js'

const VERSION = 1
const PAGE_BITS = 4
const PAGE_EXAMPLES = 1 << PAGE_BITS

interface Example {
  atMs: number
  bytes: Uint8Array
  length: number
  /** Bytes as it came: what counts for the limit, before and after it became JSON. */
  size: number
  reader: EventReader
}

class ExamplePage extends Page {
  readonly list: (Example | undefined)[] = []

  constructor(
    private readonly examples: DayExamples,
    private readonly number: number,
  ) {
    super()
  }

  get day(): number {
    return this.examples.day
  }

  get alive(): boolean {
    return this.examples.alive
  }

  key(): Uint8Array {
    return recordKey('e', 0, this.number)
  }

  /** Version, varint number of examples; per example varint number in the page, double ms, varint size as it came, JSON text. */
  encode(writer: ByteWriter): void {
    writer.u8(VERSION)
    let found = 0
    for (const example of this.list) if (example !== undefined) found++
    writer.varint(found)
    for (let i = 0; i < this.list.length; i++) {
      const example = this.list[i]
      if (example === undefined) continue
      writer.varint(i)
      writer.f64(example.atMs)
      writer.varint(example.size)
      if (example.reader === readJson) writer.blob(example.bytes.subarray(0, example.length))
      else writer.text(jsonOf(example))
    }
  }
}

export class DayExamples {
  /** Bytes of all examples, as they came. */
  private total = 0
  private readonly pages: (ExamplePage | undefined)[] = []

  constructor(
    private readonly home: ColumnHome,
    private readonly limits: Limits,
    private readonly tracker: Tracker,
  ) {}

  get day(): number {
    return this.home.day
  }

  get alive(): boolean {
    return this.home.alive
  }

  /** Keeps the event as the group's example if none is later, and it is not too long. */
  note(group: number, batch: EventBatch, event: number, atMs: number): void {
    const start = batch.spans[2 * event]!
    const length = batch.spans[2 * event + 1]! - start
    const page = this.pageFor(group >>> PAGE_BITS)
    const place = group & (PAGE_EXAMPLES - 1)
    const before = page.list[place]
    if (before !== undefined && before.atMs > atMs) return
    const total = this.total + length - (before?.size ?? 0)
    if (length > this.limits.maxExampleBytes || total > this.limits.maxExampleBytesPerDay) return
    if (page.mark !== Mark.Dirty) this.tracker.touch(page)
    this.total = total
    let bytes = before?.bytes
    if (bytes === undefined || bytes.length < length) bytes = new Uint8Array(length)
    bytes.set(batch.bytes.subarray(start, start + length))
    if (before !== undefined) {
      before.atMs = atMs
      before.bytes = bytes
      before.length = length
      before.size = length
      before.reader = batch.reader
      return
    }
    while (page.list.length <= place) page.list.push(undefined)
    page.list[place] = { atMs, bytes, length, size: length, reader: batch.reader }
  }

  json(group: number): string | undefined {
    const example = this.pages[group >>> PAGE_BITS]?.list[group & (PAGE_EXAMPLES - 1)]
    return example === undefined ? undefined : jsonOf(example)
  }

  decode(number: number, reader: ByteReader): void {
    if (reader.u8() !== VERSION) throw new LetheError('page-unknown', 'a page of examples of an unknown version')
    const page = this.pageFor(number)
    const found = reader.varint()
    for (let i = 0; i < found; i++) {
      const place = reader.varint()
      if (place >= PAGE_EXAMPLES) throw new LetheError('page-damaged', `a page of examples holds place ${place}`)
      const atMs = reader.f64()
      const size = reader.varint()
      const bytes = Uint8Array.from(reader.blob())
      while (page.list.length <= place) page.list.push(undefined)
      page.list[place] = { atMs, bytes, length: bytes.length, size, reader: readJson }
      this.total += size
    }
  }

  eachPage(visit: (page: Page) => void): void {
    // A page whose first example was too long holds nothing, and was never written.
    for (const page of this.pages) if (page !== undefined && page.list.length > 0) visit(page)
  }

  get byteSize(): number {
    let size = 200
    for (const page of this.pages) {
      if (page === undefined) continue
      size += 200
      for (const example of page.list) if (example !== undefined) size += 350 + example.bytes.length
    }
    return size
  }

  private pageFor(number: number): ExamplePage {
    while (this.pages.length <= number) this.pages.push(undefined)
    return (this.pages[number] ??= new ExamplePage(this, number))
  }
}

function jsonOf(example: Example): string {
  const { bytes, length, reader } = example
  if (reader === readJson) return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('utf8')
  return JSON.stringify(reader(bytes, 0, length)) ?? 'null'
}
