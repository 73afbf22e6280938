// JSON bodies: one event, an array of events, an envelope around them, or a line for each (NDJSON). Resumable between events.

import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { type EventBatch, Field } from './batch.js'
import { Slot, slotOf } from './fields.js'
import { scanEvent, TopObject } from './json-event.js'
import { EventRow } from './row.js'
import {
  asciiText,
  badJson,
  fail,
  KIND_OF,
  Kind,
  passed,
  problem,
  skipColon,
  skipSpace,
  skipString,
  skipValue,
} from './scan.js'
import { parseInstant } from './time.js'

/** A step ends after about this many bytes, however few events they are: some 0.3 ms. */
const STEP_BYTES = 256 * 1024

/** Lines up to this long are read at once. */
const SHORT_LINE = 16 * 1024

const enum Mode {
  Start,
  Array,
  Envelope,
  Lines,
  Done,
}

export const tooManyEvents = (most: number) =>
  new LetheError('too-many-events', `more than ${most} events in one request`, 413)

export const emptyBody = () => new LetheError('empty-body', 'the body is empty', 400)

export class JsonSource {
  private readonly row: EventRow
  private readonly top = new TopObject()
  private mode: Mode = Mode.Start
  private bodyStart = 0
  private i = 0
  private end = 0
  private first = true
  /** The end of the envelope has been read, and the body started again for it. */
  private again = false

  constructor(
    private batch: EventBatch,
    private readonly limits: Limits,
    private readonly lines: boolean,
  ) {
    this.row = new EventRow(batch, limits)
  }

  start(batch: EventBatch, start: number, end: number): void {
    this.batch = batch
    this.row.reset(batch)
    this.top.clear()
    this.mode = Mode.Start
    this.bodyStart = start
    this.i = start
    this.end = end
    this.first = true
    this.again = false
  }

  /** At most about `maxEvents` more; true when the body is done. */
  step(maxEvents: number): boolean {
    try {
      return this.advance(maxEvents)
    } catch (error) {
      if (error === badJson) throw this.refusal()
      throw error
    }
  }

  /** Decodes one event of `bytes` that an adapter wrote behind the body: an object at [start, end). */
  one(start: number, end: number): void {
    const after = scanEvent(this.row, start, end, this.limits.maxJsonDepth, this.limits.maxTags, undefined)
    this.row.finish(start, after)
  }

  private refusal(): LetheError {
    const position = Math.max(0, Math.min(problem.at, this.end) - this.bodyStart)
    return new LetheError('bad-json', `the body is not JSON at byte ${position}: ${problem.why}`, 400, { position })
  }

  private advance(maxEvents: number): boolean {
    const batch = this.batch
    if (this.mode === Mode.Start && this.begin()) return true
    const stop = this.i + STEP_BYTES
    for (let n = 0; n < maxEvents && this.i < stop; n++) {
      if (batch.count === batch.capacity) batch.grow()
      if (batch.count >= this.limits.maxEventsPerRequest) {
        // Anything but the end of the body is one event too many.
        if (!this.atEnd()) throw tooManyEvents(this.limits.maxEventsPerRequest)
      }
      if (this.mode === Mode.Lines ? this.line() : this.element()) return true
    }
    return false
  }

  private atEnd(): boolean {
    const i = skipSpace(this.batch.bytes, this.i, this.end)
    return i >= this.end || this.batch.bytes[i] === 0x5d
  }

  /** Looks at the first byte. True when the body is already done: it was one event. */
  private begin(): boolean {
    const bytes = this.batch.bytes
    if (this.end - this.i >= 3 && bytes[this.i] === 0xef && bytes[this.i + 1] === 0xbb && bytes[this.i + 2] === 0xbf) {
      this.i += 3
    }
    const i = skipSpace(bytes, this.i, this.end)
    if (i >= this.end) throw emptyBody()
    if (this.lines) {
      this.mode = Mode.Lines
      return false
    }
    this.i = i
    const kind: Kind = KIND_OF[bytes[i]!]!
    if (kind === Kind.Array) {
      this.mode = Mode.Array
      this.i = i + 1
      return false
    }
    if (kind !== Kind.Object) {
      const after = skipValue(bytes, i, this.end, 1)
      this.expectEnd(after)
      this.row.finishOther(i, after)
      this.mode = Mode.Done
      return true
    }
    return this.object(i)
  }

  /** The body is an object: an event, or an envelope. */
  private object(i: number): boolean {
    const after = scanEvent(this.row, i, this.end, this.limits.maxJsonDepth, this.limits.maxTags, this.top)
    if (after >= 0) {
      this.expectEnd(after)
      this.row.finish(i, after)
      this.mode = Mode.Done
      return true
    }
    this.row.clear()
    this.readSentAt()
    this.i = this.top.events + 1
    if (this.top.commonStart >= 0) this.readCommon()
    this.mode = Mode.Envelope
    return false
  }

  private expectEnd(after: number): void {
    const i = skipSpace(this.batch.bytes, after, this.end)
    if (i < this.end) fail(i, 'something follows the value')
  }

  /** One element of the array; true when array and body are done. */
  private element(): boolean {
    const bytes = this.batch.bytes
    const end = this.end
    let i = this.i
    if (i < end && bytes[i]! <= 0x20) i = skipSpace(bytes, i, end)
    if (i < end && bytes[i] === 0x7b) {
      const after = scanEvent(this.row, i, end, this.limits.maxJsonDepth, this.limits.maxTags, undefined)
      this.row.finish(i, after)
      i = after + this.settleMove()
    } else if (this.first && i < end && bytes[i] === 0x5d) return this.endArray(i + 1)
    else {
      const after = skipValue(bytes, i, end, this.limits.maxJsonDepth)
      this.row.finishOther(i, after)
      i = after
    }
    this.first = false
    return this.afterElement(i)
  }

  /** The arena moved: so did everything we hold. */
  private settleMove(): number {
    const moved = this.row.moved
    if (moved !== 0) {
      this.end += moved
      this.bodyStart += moved
      this.top.events += moved
    }
    return moved
  }

  private afterElement(i: number): boolean {
    const bytes = this.batch.bytes
    if (i < this.end && bytes[i]! <= 0x20) i = skipSpace(bytes, i, this.end)
    const c = i < this.end ? bytes[i]! : 0
    if (c === 0x2c) {
      this.i = i + 1
      return false
    }
    if (c === 0x5d) return this.endArray(i + 1)
    return fail(i, i < this.end ? 'a comma or bracket is missing' : 'the body ends too early')
  }

  private endArray(i: number): boolean {
    if (this.mode === Mode.Envelope) {
      i = this.readTail(i)
      if (i < 0) return this.isDone()
    }
    this.expectEnd(i)
    this.mode = Mode.Done
    return true
  }

  private isDone(): boolean {
    return this.mode === Mode.Done
  }

  // What follows the array `events` in its envelope is rarely anything. But keys have no order: a `common` down here means to
  // start again with it, and a `type` that the whole was one event.
  private readTail(i: number): number {
    const bytes = this.batch.bytes
    const end = this.end
    let common = -1
    let isEvent = false
    for (;;) {
      i = skipSpace(bytes, i, end)
      const c = i < end ? bytes[i]! : 0
      if (c === 0x7d) break
      if (c !== 0x2c) fail(i, i < end ? 'a comma or bracket is missing' : 'the body ends too early')
      i = skipSpace(bytes, i + 1, end)
      if (i >= end || bytes[i] !== 0x22) fail(i, 'a key is missing')
      const key = i + 1
      i = skipString(bytes, key, end)
      const slot = slotOf(bytes, key, i - 1)
      i = skipColon(bytes, i, end)
      const start = i
      i = skipValue(bytes, i, end, this.limits.maxJsonDepth)
      const kind: Kind = KIND_OF[bytes[start]!]!
      if (slot === Slot.Common) common = kind === Kind.Object ? start : -1
      if (slot === Slot.Common && common >= 0) this.top.commonEnd = i
      if (slot === Slot.SentAt) {
        this.top.sentAtStart = start
        this.top.sentAtEnd = i
      }
      if (slot === Field.Type) isEvent = kind === Kind.Number || (kind === Kind.Text && i - start > 2)
      if (slot === Slot.Events) throw new LetheError('bad-envelope', 'an envelope must have one `events`', 400)
    }
    this.readSentAt()
    if (this.again || (!isEvent && common < 0)) return i + 1
    this.expectEnd(i + 1)
    this.startAgain(isEvent, common)
    return -1
  }

  /** Starts over, knowing what the end of the envelope said. */
  private startAgain(isEvent: boolean, common: number): void {
    const batch = this.batch
    const { sentAt, bytes } = batch
    const end = this.end
    const start = this.bodyStart
    const { events, commonEnd } = this.top
    batch.reset(bytes, start, end)
    batch.sentAt = sentAt
    this.start(batch, start, end)
    if (isEvent) {
      const i = skipSpace(bytes, start, end)
      this.row.finish(i, scanEvent(this.row, i, end, this.limits.maxJsonDepth, this.limits.maxTags, undefined))
      this.mode = Mode.Done
      return
    }
    this.again = true
    this.top.events = events
    this.top.commonStart = common
    this.top.commonEnd = commonEnd
    this.i = events + 1
    this.readCommon()
    this.mode = Mode.Envelope
  }

  private readCommon(): void {
    const row = this.row
    row.moved = 0
    row.reserve(0)
    const shift = row.moved
    this.settleMove()
    this.i += shift
    row.moved = 0
    const start = this.top.commonStart + shift
    const end = this.top.commonEnd + shift
    this.batch.commonStart = start
    this.batch.commonEnd = end
    scanEvent(row, start, end, this.limits.maxJsonDepth, this.limits.maxTags, undefined)
    row.inherit()
  }

  private readSentAt(): void {
    const { sentAtStart: start, sentAtEnd: end } = this.top
    if (start < 0) return
    const bytes = this.batch.bytes
    const kind: Kind = KIND_OF[bytes[start]!]!
    let when = Number.NaN
    if (kind === Kind.Text) when = parseInstant(bytes, start + 1, end - 1)
    else if (kind === Kind.Number) when = Number(asciiText(bytes, start, end))
    if (Number.isFinite(when)) this.batch.sentAt = when
    // Read once: the arena may move, and the end of the envelope asks again for what it says itself.
    this.top.sentAtStart = -1
  }

  /** One line; true when there are no more. */
  private line(): boolean {
    const bytes = this.batch.bytes
    let i = this.i
    // Blank lines are nothing, not even a rejection.
    while (i < this.end && (bytes[i] === 0x0a || bytes[i] === 0x0d || bytes[i] === 0x20 || bytes[i] === 0x09)) i++
    if (i >= this.end) {
      this.mode = Mode.Done
      return true
    }
    this.i = i
    if (bytes[i] === 0x7b && this.wholeLine(i)) return false
    let stop = i
    while (stop < this.end && bytes[stop] !== 0x0a) stop++
    this.row.moved = 0
    try {
      if (bytes[i] === 0x7b) {
        const after = scanEvent(this.row, i, stop, this.limits.maxJsonDepth, this.limits.maxTags, undefined)
        this.expectLineEnd(after, stop)
        this.row.finish(i, after)
      } else {
        const after = skipValue(bytes, i, stop, this.limits.maxJsonDepth)
        this.expectLineEnd(after, stop)
        this.row.finishOther(i, after)
      }
    } catch (error) {
      if (error !== badJson) throw error
      const column = Math.min(problem.at, stop) - i
      this.row.finishBroken(i, 'bad-json', `the line is not JSON at byte ${column}: ${problem.why}`)
    }
    stop += this.settleMove()
    this.i = Math.min(stop + 1, this.end)
    return false
  }

  /**
   * Takes the object at i if it is a line of its own, without looking for the line's end first: that would read every byte twice. False if
   * anything is unusual, with nothing changed.
   */
  private wholeLine(i: number): boolean {
    const bytes = this.batch.bytes
    // Bounded, so that a line without an end does not make each of its successors read the whole body.
    const end = Math.min(this.end, i + SHORT_LINE)
    passed.lines = 0
    let after: number
    try {
      after = scanEvent(this.row, i, end, this.limits.maxJsonDepth, this.limits.maxTags, undefined)
    } catch (error) {
      if (error !== badJson) throw error
      this.row.clear()
      return false
    }
    if (after < end && bytes[after] === 0x0d) after++
    const isEnd = after < end ? bytes[after] === 0x0a : after === this.end
    if (passed.lines > 0 || !isEnd) {
      this.row.clear()
      return false
    }
    const stop = after
    if (bytes[after - 1] === 0x0d) after--
    this.row.finish(i, after)
    this.i = Math.min(stop + 1 + this.settleMove(), this.end)
    return true
  }

  private expectLineEnd(after: number, stop: number): void {
    const i = skipSpace(this.batch.bytes, after, stop)
    if (i < stop) fail(i, 'something follows the value')
  }
}
