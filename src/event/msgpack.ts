// MessagePack bodies: the same shapes as JSON. Events whose fields are what they should be are read from the bytes directly; any other is
// written as JSON into the arena and read by the JSON scanner, so that there is one place where the unusual is settled.

import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { type EventBatch, Field, Flag, NumberField, readJson, SLICE_STRIDE } from './batch.js'
import { Slot, slotOf, TEXT_SLOTS } from './fields.js'
import { emptyBody, tooManyEvents } from './json.js'
import { scanEvent } from './json-event.js'
import { head, JsonWriter, Pack, readHead, skipPacked, writeAsJson } from './msgpack-json.js'
import { EventRow } from './row.js'
import { badJson, fail, Kind, problem } from './scan.js'
import { parseInstant } from './time.js'

/** A step ends after about this many bytes, however few events they are. */
const STEP_BYTES = 256 * 1024
/** What the direct reader answers where an event needs the JSON scanner, and where the body is an envelope. */
const UNUSUAL = -1
const ENVELOPE = -2

const out = new JsonWriter()

export class PackedSource {
  private readonly row: EventRow
  private i = 0
  private end = 0
  private bodyStart = 0
  private started = false
  /** Events still to come. */
  private left = 0
  /** Members of the envelope still to come behind its array; their keys have been seen already. */
  private hasCommon = false
  /** Where the body ends, as its envelope's first pass found it. */
  private after = -1

  constructor(
    private batch: EventBatch,
    private readonly limits: Limits,
  ) {
    this.row = new EventRow(batch, limits)
  }

  start(batch: EventBatch, start: number, end: number): void {
    this.batch = batch
    batch.reader = readPacked
    this.row.reset(batch)
    this.i = start
    this.end = end
    this.bodyStart = start
    this.started = false
    this.left = 0
    this.hasCommon = false
    this.after = -1
  }

  step(maxEvents: number): boolean {
    try {
      return this.advance(maxEvents)
    } catch (error) {
      if (error !== badJson) throw error
      const position = Math.max(0, Math.min(problem.at, this.end) - this.bodyStart)
      const message = `the body is not MessagePack at byte ${position}: ${problem.why}`
      throw new LetheError('bad-messagepack', message, 400, { position })
    }
  }

  private advance(maxEvents: number): boolean {
    const batch = this.batch
    if (!this.started) this.begin()
    const stop = this.i + STEP_BYTES
    for (let n = 0; n < maxEvents && this.left > 0 && this.i < stop; n++) {
      if (batch.count === batch.capacity) batch.grow()
      this.left--
      this.event(this.i)
    }
    if (this.left > 0) return false
    if ((this.after < 0 ? this.i : this.after) < this.end) fail(this.i, 'something follows the value')
    return true
  }

  private begin(): void {
    const bytes = this.batch.bytes
    if (this.i >= this.end) throw emptyBody()
    this.started = true
    const start = this.i
    const contents = readHead(bytes, start, this.end)
    if (head.kind === Pack.Array) {
      this.left = this.countOf(head.size)
      this.i = contents
    } else if (head.kind === Pack.Map) {
      if (this.direct(start, true) === ENVELOPE) this.envelope(contents)
      else this.left = 1
      this.row.clear()
    } else this.left = 1
  }

  private countOf(size: number): number {
    if (size > this.limits.maxEventsPerRequest) throw tooManyEvents(this.limits.maxEventsPerRequest)
    return size
  }

  /** Finds the parts of an envelope. Passing over its events is cheap: heads only. */
  private envelope(i: number): void {
    const bytes = this.batch.bytes
    readHead(bytes, this.bodyStart, this.end)
    const size = head.size
    let events = -1
    let count = 0
    let common = -1
    let isEvent = false
    for (let n = 0; n < size; n++) {
      const key = readHead(bytes, i, this.end)
      const slot = head.kind === Pack.Text ? slotOf(bytes, key, key + head.size) : Slot.Unknown
      const value = skipPacked(bytes, i, this.end)
      i = skipPacked(bytes, value, this.end)
      const contents = readHead(bytes, value, this.end)
      if (slot === Slot.Events) {
        events = head.kind === Pack.Array ? contents : -1
        count = head.size
      } else if (slot === Slot.Common) common = head.kind === Pack.Map ? value : -1
      else if (slot === Slot.SentAt) this.readSentAt(value)
      else if (slot === Field.Type) {
        isEvent = head.kind === Pack.Number || (head.kind === Pack.Text && head.size > 0)
      }
    }
    if (events < 0 || isEvent) {
      this.left = 1
      return
    }
    this.after = i
    this.i = events
    this.left = this.countOf(count)
    if (common >= 0) this.readCommon(common)
  }

  private readSentAt(value: number): void {
    const bytes = this.batch.bytes
    out.length = 0
    writeAsJson(bytes, value, this.end, 1, out)
    const text = out.bytes.subarray(0, out.length)
    const when =
      text[0] === 0x22 ? parseInstant(text, 1, text.length - 1) : Number(Buffer.from(text).toString('latin1'))
    if (Number.isFinite(when) && out.length > 0 && text[0] !== 0x6e) this.batch.sentAt = when
  }

  private readCommon(value: number): void {
    const start = this.writeJson(value)
    const end = this.batch.arenaEnd
    this.batch.commonStart = start
    this.batch.commonEnd = end
    this.row.escaped = true
    scanEvent(this.row, start, end, this.limits.maxJsonDepth, this.limits.maxTags, undefined)
    this.row.inherit()
    this.hasCommon = true
  }

  private event(start: number): void {
    const bytes = this.batch.bytes
    if (start >= this.end || bytes[start]! >> 4 !== 8) readHead(bytes, start, this.end)
    else head.kind = Pack.Map
    if (head.kind !== Pack.Map) {
      this.i = skipPacked(bytes, start, this.end)
      this.row.finishOther(start, this.i)
      return
    }
    if (!this.hasCommon) {
      this.row.escaped = false
      const after = this.direct(start, false)
      if (after >= 0) {
        this.row.finish(start, after)
        this.i = after
        this.move()
        return
      }
      this.row.clear()
    }
    this.i = skipPacked(bytes, start, this.end)
    this.row.escaped = true
    const at = this.writeJson(start)
    const end = this.batch.arenaEnd
    scanEvent(this.row, at, end, this.limits.maxJsonDepth, this.limits.maxTags, undefined)
    this.row.finish(at, end)
    this.move()
  }

  /** Writes the value at `start` as JSON into the arena; answers where. */
  private writeJson(start: number): number {
    out.length = 0
    writeAsJson(this.batch.bytes, start, this.end, this.limits.maxJsonDepth, out)
    this.row.moved = 0
    this.row.reserve(out.length)
    this.move()
    const at = this.batch.arenaEnd
    this.batch.bytes.set(out.bytes.subarray(0, out.length), at)
    this.batch.take(out.length)
    return at
  }

  private move(): void {
    const moved = this.row.moved
    if (moved === 0) return
    this.row.moved = 0
    this.i += moved
    this.end += moved
    this.bodyStart += moved
    if (this.after >= 0) this.after += moved
  }

  /** Reads the map at `start` into the row; answers the position after it, UNUSUAL or ENVELOPE. */
  private direct(start: number, top: boolean): number {
    const bytes = this.batch.bytes
    const end = this.end
    let i = readHead(bytes, start, end)
    for (let left = head.size; left > 0; left--) {
      // Short texts, which most keys and values are, say it all in their first byte.
      let c = i < end ? bytes[i]! : 0
      let size = c & 31
      if (c >> 5 === 5 && size < end - i) i++
      else {
        i = readHead(bytes, i, end)
        if (head.kind !== Pack.Text) return UNUSUAL
        size = head.size
      }
      const slot = slotOf(bytes, i, i + size)
      i += size
      if (slot < 0) {
        i = skipPacked(bytes, i, end)
        continue
      }
      const value = i
      c = i < end ? bytes[i]! : 0
      if (slot < TEXT_SLOTS && c >> 5 === 5 && (c & 31) < end - i) {
        i += 1 + (c & 31)
        this.text(slot, value + 1, i)
        continue
      }
      i = readHead(bytes, i, end)
      if (slot < TEXT_SLOTS) {
        const kind = kindOfHead()
        if (kind === Pack.Text) this.text(slot, i, (i += head.size))
        else if (kind === Pack.Nil) this.row.mark(slot, Kind.Null, 0, 0)
        else return UNUSUAL
      } else if (slot <= Slot.Tags) {
        if (!this.other(slot)) return UNUSUAL
        if (kindOfHead() === Pack.Map) i = skipPacked(bytes, value, end)
      } else {
        const kind = kindOfHead()
        if (slot === Slot.Error && kind !== Pack.Nil) return UNUSUAL
        const type = this.batch.slices[this.batch.count * SLICE_STRIDE]!
        if (top && slot === Slot.Events && kind === Pack.Array && type < 0) return ENVELOPE
        i = skipPacked(bytes, value, end)
      }
    }
    return i
  }

  private text(slot: number, start: number, end: number): void {
    const { bytes, slices, count } = this.batch
    let ascii = end - start <= this.row.plainLimit
    for (let i = start; ascii && i < end; i++) ascii = bytes[i]! < 0x80
    if (!ascii) {
      this.row.mark(slot, Kind.OddText, start, end)
      return
    }
    const at = count * SLICE_STRIDE + 2 * slot
    slices[at] = end === start ? -1 : start
    slices[at + 1] = end
    if (this.row.odd !== 0) this.row.odd &= ~(1 << slot)
  }

  /** A number, a flag or the tags, whose head has just been read. False where it is not what it should be. */
  private other(slot: number): boolean {
    const { kind, size, number } = head
    const row = this.row
    if (slot <= Slot.Ms) {
      if (kind !== Pack.Number && kind !== Pack.Nil) return false
      let value = kind === Pack.Number && Number.isFinite(number) ? number : Number.NaN
      if (slot === Slot.At) value = Math.floor(value)
      this.batch.numbers[this.batch.count * NumberField.Count_ + slot - Slot.At] = value
      return true
    }
    if (slot === Slot.Tags) {
      if (kind !== Pack.Map && kind !== Pack.Nil) return false
      row.flags &= ~Flag.Truncated
      if (kind === Pack.Map && size > this.limits.maxTags) row.flags |= Flag.Truncated
      return true
    }
    if (kind > Pack.True) return false
    const flag = slot === Slot.Fatal ? Flag.Fatal : Flag.Failed
    row.flags = kind === Pack.True ? row.flags | flag : row.flags & ~flag
    return true
  }
}

// `head` is written behind the type checker's back.
const kindOfHead = (): number => head.kind

/** The reader of packed events, and of those that had to be written as JSON: `{` begins no map in MessagePack. */
function readPacked(bytes: Uint8Array, start: number, end: number): unknown {
  if (bytes[start] === 0x7b) return readJson(bytes, start, end)
  out.length = 0
  writeAsJson(bytes, start, end, READ_LEVELS, out)
  return readJson(out.bytes, 0, out.length)
}

const READ_LEVELS = 64
