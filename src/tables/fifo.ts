// A paged queue of 64-bit hashes, found by hash: what the dedupe window and the memory of sessions are made of.
//
//      pages     | lo | hi | extra … |  lo | hi | …        by place in the queue, a page some hundred entries
//                   ▲ swept        ▲ head             ▲ tail
//
// Entries come in at the tail and go at the head: by moving it, at once, however many go. The index forgets them a few at a
// time, with the entries that come in later; until then a place before the head is no answer. Pages behind go when swept.
//
// Places count from the first entry ever. The index holds them modulo 2^30, more than a queue ever holds.

import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { LetheError } from '../core/errors.js'
import { HashIndex } from './hash-index.js'
import { Mark, Page, recordKey, type Tracker } from './page.js'

const VERSION = 1
const REF_MASK = 0x3fff_ffff
// Entries that the index forgets with each that comes in. Two would do; four catch up.
const SWEEP = 4
const FIRST_ENTRIES = 4

/** What a queue is like. */
export interface FifoShape {
  /** Its letter in record keys. */
  readonly letter: string
  /** Int32s an entry, the two of the hash included. */
  readonly width: number
  /** Entries of a page, as a power of two. */
  readonly pageBits: number
}

class FifoPage extends Page {
  words: Int32Array
  /** The place of its first entry: that of the page, but for the queue's very first. */
  first: number
  /** Entries it holds. */
  count = 0

  constructor(
    private readonly fifo: Fifo,
    readonly number: number,
    first: number,
  ) {
    super()
    this.first = first
    this.words = new Int32Array(fifo.shape.width * FIRST_ENTRIES)
  }

  get day(): undefined {
    return undefined
  }

  get alive(): boolean {
    return this.fifo.holds(this)
  }

  key(): Uint8Array {
    return recordKey(this.fifo.shape.letter, 0, this.number)
  }

  /** Version, varint first place, varint number of entries, then their words (int32). Entries that have gone stay in. */
  encode(writer: ByteWriter): void {
    writer.u8(VERSION)
    writer.varint(this.first)
    writer.varint(this.count)
    const words = this.count * this.fifo.shape.width
    for (let i = 0; i < words; i++) writer.u32(this.words[i]!)
  }
}

export class Fifo {
  head = 0
  tail = 0
  private swept = 0
  private readonly pages = new Map<number, FifoPage>()
  private last: FifoPage | undefined
  private readonly index = new HashIndex()

  constructor(
    readonly shape: FifoShape,
    private readonly tracker: Tracker,
  ) {}

  get size(): number {
    return this.tail - this.head
  }

  holds(page: FifoPage): boolean {
    return page.number >= this.pageOfPlace(this.head) && this.pages.get(page.number) === page
  }

  /** The place of a hash in the queue, or −1. */
  find(low: number, high: number): number {
    const ref = this.index.find(low, high)
    if (ref < 0) return -1
    // Places before the head, which the index still has, come out as huge distances.
    const distance = (ref - this.head) & REF_MASK
    return distance < this.tail - this.head ? this.head + distance : -1
  }

  /** Adds a hash that is not there, its extra words 0; answers its place. */
  push(low: number, high: number): number {
    const place = this.tail++
    let page = this.last
    const number = this.pageOfPlace(place)
    if (page === undefined || page.number !== number) {
      page = this.last = new FifoPage(this, number, place)
      this.pages.set(number, page)
    }
    if (page.mark !== Mark.Dirty) this.tracker.touch(page)
    const { width } = this.shape
    const at = page.count * width
    if (at === page.words.length) {
      const grown = new Int32Array(Math.min(page.words.length * 4, width << this.shape.pageBits))
      grown.set(page.words)
      page.words = grown
    }
    page.words[at] = low
    page.words[at + 1] = high
    for (let i = 2; i < width; i++) page.words[at + i] = 0
    page.count++
    this.index.insert(low, high, place & REF_MASK, this.tail - this.swept)
    this.sweep(SWEEP)
    return place
  }

  /** An extra word of an entry, from 2 up. */
  word(place: number, word: number): number {
    const page = this.pageOf(place)
    return page.words[(place - page.first) * this.shape.width + word]!
  }

  setWord(place: number, word: number, value: number): void {
    const page = this.pageOf(place)
    const at = (place - page.first) * this.shape.width + word
    if (page.words[at] === value) return
    if (page.mark !== Mark.Dirty) this.tracker.touch(page)
    page.words[at] = value
  }

  /** Lets the entries before `place` go. */
  dropTo(place: number): void {
    let number = this.pageOfPlace(this.head)
    const end = this.pageOfPlace(place)
    this.head = place
    for (; number < end; number++) this.tracker.delete(recordKey(this.shape.letter, 0, number))
  }

  /** Reads a page's record; places before `head` or behind `tail` (set before) are left out. */
  decode(number: number, reader: ByteReader): void {
    if (reader.u8() !== VERSION) throw new LetheError('page-unknown', 'a page of hashes of an unknown version')
    const first = reader.varint()
    const count = reader.varint()
    if (count > 2 ** this.shape.pageBits) throw new LetheError('page-damaged', `a page of ${count} hashes`)
    if (number < this.pageOfPlace(this.head) || first >= this.tail) return
    const { width } = this.shape
    const page = new FifoPage(this, number, first)
    page.words = new Int32Array(Math.max(width * FIRST_ENTRIES, count * width))
    page.count = count
    for (let i = 0; i < count * width; i++) page.words[i] = reader.u32()
    this.pages.set(number, page)
    if (this.last === undefined || number > this.last.number) this.last = page
    for (let i = Math.max(0, this.head - first); i < count; i++) {
      this.index.insert(
        page.words[i * width]!,
        page.words[i * width + 1]!,
        (first + i) & REF_MASK,
        this.tail - this.head,
      )
    }
  }

  /** To be called before the first `decode`. */
  startAt(head: number, tail: number): void {
    this.head = head
    this.tail = tail
    this.swept = head
  }

  /** Throws LetheError `page-damaged` unless all places from head to tail were read. */
  checkComplete(): void {
    let found = 0
    for (const page of this.pages.values())
      found += Math.max(0, page.first + page.count - Math.max(page.first, this.head))
    if (found !== this.size) throw new LetheError('page-damaged', `${found} hashes where ${this.size} should be`)
  }

  eachPage(visit: (page: Page) => void): void {
    for (const page of this.pages.values()) if (this.holds(page)) visit(page)
  }

  get byteSize(): number {
    let size = 200 + this.index.byteSize
    for (const page of this.pages.values()) size += 300 + page.words.byteLength
    return size
  }

  private pageOf(place: number): FifoPage {
    const last = this.last!
    if (place >= last.first) return last
    return this.pages.get(this.pageOfPlace(place))!
  }

  private pageOfPlace(place: number): number {
    return Math.floor(place / 2 ** this.shape.pageBits)
  }

  private sweep(entries: number): void {
    const { width, pageBits } = this.shape
    const end = Math.min(this.head, this.swept + entries)
    while (this.swept < end) {
      const number = this.pageOfPlace(this.swept)
      const page = this.pages.get(number)
      if (page !== undefined && this.swept >= page.first) {
        const at = (this.swept - page.first) * width
        this.index.remove(page.words[at]!, page.words[at + 1]!, this.swept & REF_MASK)
      }
      this.swept++
      if (page !== undefined && this.swept === (number + 1) * 2 ** pageBits) this.pages.delete(number)
    }
  }
}
