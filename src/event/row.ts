// The event being decoded: what a scanner found, and what becomes of it: a row of the batch, or a rejection.
//
// A scanner writes plain texts straight into the batch's slices and numbers into its columns. Whatever is not that plain it marks
// `odd` and leaves here raw, for `finish` to settle once the type of the event says whether anybody cares:
//
//   odd     one bit a slot: something was found that is not yet what the column wants
//   kinds   what it was (Kind), per slot
//   starts  where it lies, for slots that have no slice in the batch
//
// Texts are settled as API.md says: numbers and booleans become text, null and the empty text are absent, objects and arrays reject
// the event, too long ones are cut at a character. An integer keeps the digits it was written with: beyond 2^53 a
// double would merge strangers.

import type { Limits } from '../core/limits.js'
import { type EventBatch, EventType, FIELD_NAMES, Field, Flag, NumberField, SLICE_STRIDE } from './batch.js'
import { eventTypeOf, Slot, same, TEXT_SLOTS } from './fields.js'
import { describeFault } from './group.js'
import { asciiText, Kind } from './scan.js'
import { cutText, hasEscape, measure, measured, plainText, unescapeText, writeText } from './text.js'
import { MAX_MS, parseInstant } from './time.js'

const SLOTS = 32

const WHO =
  (1 << Field.Id) |
  (1 << Field.User) |
  (1 << Field.Session) |
  (1 << Field.App) |
  (1 << Field.Platform) |
  (1 << Field.Os) |
  (1 << Field.Device) |
  (1 << Field.Country)
const FAULT =
  WHO |
  (1 << Field.ErrorType) |
  (1 << Field.ErrorMessage) |
  (1 << Field.ErrorWhere) |
  (1 << Slot.Error) |
  (1 << Slot.Fatal)

/** Which slots an event of each type has; in others the same name is an unknown field. */
const SLOTS_OF_TYPE = new Int32Array(8)
SLOTS_OF_TYPE[EventType.Crash] = FAULT
SLOTS_OF_TYPE[EventType.Error] = FAULT
SLOTS_OF_TYPE[EventType.Session] = WHO | (1 << Field.State)
SLOTS_OF_TYPE[EventType.Event] = WHO | (1 << Field.Name)
SLOTS_OF_TYPE[EventType.Metric] = WHO | (1 << Field.Name) | (1 << Field.Kind) | (1 << Slot.Value)
SLOTS_OF_TYPE[EventType.Network] = WHO | (1 << Field.Host) | (1 << Field.Status) | (1 << Slot.Ms) | (1 << Slot.Failed)
SLOTS_OF_TYPE[EventType.Transaction] = WHO | (1 << Field.Name) | (1 << Field.State) | (1 << Slot.Ms)

const TEXT_MASK = (1 << TEXT_SLOTS) - 1

/** What `common` of an envelope says, kept raw: each event that inherits settles it for itself. */
interface Inherited {
  /** The text slots that it says anything about. */
  readonly texts: Uint8Array
  readonly slices: Int32Array
  readonly numbers: Float64Array
  readonly kinds: Uint8Array
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly odd: number
  readonly have: number
  readonly flags: number
}

export class EventRow {
  odd = 0
  /** One bit for each of Error, Fatal, Failed, Stack: the event itself says something about it. */
  have = 0
  flags = 0
  readonly kinds = new Uint8Array(SLOTS)
  readonly starts = new Int32Array(SLOTS)
  readonly ends = new Int32Array(SLOTS)
  /** Texts are JSON between quotes (escapes), not plain bytes. */
  escaped = true
  /** Plain ASCII texts up to here need no look at all. */
  readonly plainLimit: number
  /** How far `finish` and `reserve` moved the arena, to be added to every position the scanner keeps. */
  moved = 0

  private inherited: Inherited | undefined
  private code = ''
  private message = ''

  constructor(
    public batch: EventBatch,
    private readonly limits: Limits,
  ) {
    this.plainLimit = limits.maxTextLength
  }

  /** Forgets `common` of the last body. */
  reset(batch: EventBatch): void {
    this.batch = batch
    this.inherited = undefined
    this.odd = 0
    this.have = 0
    this.flags = 0
  }

  /** Clears what a half-scanned event left, in the batch's row too. */
  clear(): void {
    const at = this.batch.count * SLICE_STRIDE
    this.batch.slices.fill(-1, at, at + SLICE_STRIDE)
    const number = this.batch.count * NumberField.Count_
    this.batch.numbers.fill(Number.NaN, number, number + NumberField.Count_)
    this.odd = 0
    this.have = 0
    this.flags = 0
  }

  /** Marks a slot as odd. For text slots with bytes (Text, OddText, Number) the slice is written too. */
  mark(slot: number, kind: Kind, start: number, end: number): void {
    if (slot < TEXT_SLOTS) {
      const at = this.batch.count * SLICE_STRIDE + 2 * slot
      const hasBytes = kind <= Kind.Number
      this.batch.slices[at] = hasBytes ? start : -1
      this.batch.slices[at + 1] = end
    }
    this.kinds[slot] = kind
    this.starts[slot] = start
    this.ends[slot] = end
    if (kind === Kind.Null) this.odd &= ~(1 << slot)
    else this.odd |= 1 << slot
  }

  /** Forgets what an earlier `error` of the same object said: the last of two equal keys wins. */
  clearError(): void {
    for (let field: number = Field.ErrorType; field <= Field.ErrorWhere; field++) this.mark(field, Kind.Null, 0, 0)
    this.mark(Slot.Error, Kind.Null, 0, 0)
    this.have &= ~((1 << Slot.Error) | (1 << Slot.Stack))
  }

  /** Makes what was scanned the defaults of all later events of the body. The arena must be the batch's own by now. */
  inherit(): void {
    const at = this.batch.count * SLICE_STRIDE
    const number = this.batch.count * NumberField.Count_
    const texts: number[] = []
    for (let slot = 0; slot < TEXT_SLOTS; slot++) {
      if (this.batch.slices[at + 2 * slot]! >= 0 || (this.odd & (1 << slot)) !== 0) texts.push(slot)
    }
    this.inherited = {
      texts: Uint8Array.from(texts),
      slices: this.batch.slices.slice(at, at + SLICE_STRIDE),
      numbers: this.batch.numbers.slice(number, number + NumberField.Count_),
      kinds: this.kinds.slice(),
      starts: this.starts.slice(),
      ends: this.ends.slice(),
      odd: this.odd,
      have: this.have,
      flags: this.flags,
    }
    this.clear()
  }

  /** Ends the event at bytes[start, end): it becomes row `count` of the batch, accepted or rejected. */
  finish(start: number, end: number): void {
    const batch = this.batch
    const event = batch.count
    batch.spans[2 * event] = start
    batch.spans[2 * event + 1] = end
    this.moved = 0
    if (this.inherited !== undefined) this.takeDefaults(this.inherited)
    const type = this.settle()
    if (type === 0) this.reject()
    else {
      batch.types[event] = type
      batch.flags[event] = this.flags
      batch.count = event + 1
    }
    this.odd = 0
    this.have = 0
    this.flags = 0
  }

  /** Rejects what is not even an object, at bytes[start, end). */
  finishOther(start: number, end: number): void {
    this.moved = 0
    this.batch.spans[2 * this.batch.count] = start
    this.batch.spans[2 * this.batch.count + 1] = end
    this.refuse('not-an-object', 'an event must be an object')
    this.reject()
  }

  /** Rejects an event that could not be scanned; its span is empty. */
  finishBroken(at: number, code: string, message: string): void {
    this.clear()
    this.moved = 0
    this.batch.spans[2 * this.batch.count] = at
    this.batch.spans[2 * this.batch.count + 1] = at
    this.refuse(code, message)
    this.reject()
  }

  private reject(): void {
    this.batch.rejections.push({ index: this.batch.count, code: this.code, message: this.message })
    this.batch.types[this.batch.count] = 0
    this.batch.count++
  }

  private refuse(code: string, message: string): 0 {
    this.code = code
    this.message = message
    return 0
  }

  /** Answers the type of a good event, or 0 after `refuse`. */
  private settle(): number {
    const slices = this.batch.slices
    const at = this.batch.count * SLICE_STRIDE
    if ((this.odd & (1 << Field.Type)) !== 0 && !this.settleText(Field.Type)) return 0
    if (slices[at]! < 0) return this.missing('type')
    const type = eventTypeOf(this.batch.bytes, slices[at]!, slices[at + 1]!)
    if (type === 0) {
      return this.refuse('unknown-type', `type "${this.clip(slices[at]!, slices[at + 1]!)}" is none that Lethe knows`)
    }
    if (this.odd !== 0 && !this.settleOdd(SLOTS_OF_TYPE[type]!)) return 0
    const id = at + 2 * Field.Id
    if (slices[id]! >= 0 && slices[id + 1]! - slices[id]! > this.limits.maxIdBytes) {
      return this.refuse('id-too-long', `id is longer than ${this.limits.maxIdBytes} bytes`)
    }
    const when = this.batch.numbers[this.batch.count * NumberField.Count_ + NumberField.At]!
    if (when > MAX_MS || when < -MAX_MS) return this.refuse('bad-at', 'at is beyond what a date can be')
    if (!Number.isNaN(when)) this.batch.timed = true
    switch (type) {
      case 1:
      case 2:
        if (slices[at + 2 * Field.ErrorType]! < 0) return this.missing('error.type')
        describeFault(this)
        return type
      case 3:
        return this.settleState(type, SESSION_STATES)
      case 4:
        return slices[at + 2 * Field.Name]! < 0 ? this.missing('name') : type
      case 5:
        return this.settleMetric(at)
      case 6:
        return slices[at + 2 * Field.Host]! < 0 ? this.missing('host') : type
      default:
        if (slices[at + 2 * Field.Name]! < 0) return this.missing('name')
        return this.settleState(type, TRANSACTION_STATES)
    }
  }

  private settleMetric(at: number): number {
    const slices = this.batch.slices
    if (slices[at + 2 * Field.Name]! < 0) return this.missing('name')
    if (slices[at + 2 * Field.Kind]! < 0) return this.missing('kind')
    if (!this.isOneOf(Field.Kind, METRIC_KINDS)) return 0
    const value = this.batch.numbers[this.batch.count * NumberField.Count_ + NumberField.Value]!
    // NaN: absent. A number beyond a double is read as infinite, and no table can hold that.
    if (Number.isNaN(value)) return this.missing('value')
    if (!Number.isFinite(value)) return this.refuse('bad-field', 'value must be a finite number')
    return EventType.Metric
  }

  private settleState(type: number, words: readonly string[]): number {
    if (this.batch.slices[this.batch.count * SLICE_STRIDE + 2 * Field.State]! < 0) return this.missing('state')
    return this.isOneOf(Field.State, words) ? type : 0
  }

  private isOneOf(field: Field, words: readonly string[]): boolean {
    const at = this.batch.count * SLICE_STRIDE + 2 * field
    const start = this.batch.slices[at]!
    const size = this.batch.slices[at + 1]! - start
    for (let i = 0; i < words.length; i++) {
      if (words[i]!.length === size && same(this.batch.bytes, start, words[i]!)) return true
    }
    this.refuse('bad-field', `${FIELD_NAMES[field]} must be one of: ${words.join(', ')}`)
    return false
  }

  private missing(name: string): 0 {
    return this.refuse('missing-field', `${name} is required`)
  }

  private clip(start: number, end: number): string {
    return cutText(plainText(this.batch.bytes, start, end), 40)
  }

  /** Settles every odd slot. Those that this type of event has must be right; elsewhere objects are simply no text. */
  private settleOdd(wanted: number): boolean {
    for (let slot = 0; slot < TEXT_SLOTS; slot++) {
      if ((this.odd & (1 << slot)) === 0) continue
      const { flags } = this
      if (this.settleText(slot)) {
        if ((wanted & (1 << slot)) === 0) this.flags = flags
      } else if ((wanted & (1 << slot)) !== 0) return false
    }
    if ((this.odd & ~TEXT_MASK) === 0) return true
    return (
      this.settleAt() &&
      this.settleNumber(Slot.Value, wanted) &&
      this.settleNumber(Slot.Ms, wanted) &&
      this.settleFlag(Slot.Fatal, Flag.Fatal, wanted) &&
      this.settleFlag(Slot.Failed, Flag.Failed, wanted) &&
      this.settleObject(Slot.Error, 'error', wanted) &&
      this.settleObject(Slot.Tags, 'tags', -1)
    )
  }

  private settleText(slot: number): boolean {
    this.odd &= ~(1 << slot)
    const at = this.batch.count * SLICE_STRIDE + 2 * slot
    const start = this.batch.slices[at]!
    const end = this.batch.slices[at + 1]!
    switch (this.kinds[slot]!) {
      case 1:
      case 2:
        this.settleString(slot, start, end)
        return true
      case 3:
        if (!isInteger(this.batch.bytes, start, end)) {
          this.build(slot, String(Number(asciiText(this.batch.bytes, start, end))))
        } else if (end - start === 2 && this.batch.bytes[start] === 0x2d && this.batch.bytes[start + 1] === 0x30) {
          this.batch.slices[at] = start + 1
        }
        return true
      case 4:
        this.build(slot, 'true')
        return true
      case 5:
        this.build(slot, 'false')
        return true
      default:
        // `mark` left no slice.
        this.refuse('bad-field', `${FIELD_NAMES[slot]} must be a text`)
        return false
    }
  }

  private settleString(slot: number, start: number, end: number): void {
    const at = this.batch.count * SLICE_STRIDE + 2 * slot
    // Ids are refused, not cut; messages and places are no keys, and rules may want them whole.
    const cuts = slot !== Field.Id && slot !== Field.ErrorMessage && slot !== Field.ErrorWhere
    const maxUnits = cuts ? this.limits.maxTextLength : Number.MAX_SAFE_INTEGER
    const raw = this.escaped && hasEscape(this.batch.bytes, start, end)
    if (!raw && measure(this.batch.bytes, start, end, maxUnits)) {
      if (measured.end < end) this.flags |= Flag.Truncated
      this.batch.slices[at] = measured.end === start ? -1 : start
      this.batch.slices[at + 1] = measured.end
      return
    }
    const text = raw ? unescapeText(this.batch.bytes, start, end) : plainText(this.batch.bytes, start, end)
    const cut = cutText(text, maxUnits)
    if (cut.length < text.length) this.flags |= Flag.Truncated
    this.build(slot, cut)
  }

  /** Puts a built text into the arena and its slice into the row. An empty one is absent. */
  build(slot: number, text: string): void {
    if (text.length === 0) {
      this.batch.slices[this.batch.count * SLICE_STRIDE + 2 * slot] = -1
      return
    }
    this.reserve(3 * text.length)
    const start = this.batch.arenaEnd
    const size = writeText(text, this.batch.bytes, start)
    this.batch.take(size)
    const at = this.batch.count * SLICE_STRIDE + 2 * slot
    this.batch.slices[at] = start
    this.batch.slices[at + 1] = start + size
  }

  /** Room in the arena. What is kept here moves with it; the scanner adds `moved` to what it keeps itself. */
  reserve(more: number): void {
    const shift = this.batch.reserve(more)
    if (shift === 0) return
    this.moved += shift
    for (let slot = 0; slot < SLOTS; slot++) {
      this.starts[slot]! += shift
      this.ends[slot]! += shift
    }
  }

  private settleAt(): boolean {
    if ((this.odd & (1 << Slot.At)) === 0) return true
    const kind = this.kinds[Slot.At]!
    let when = Number.NaN
    if (kind === Kind.Text || kind === Kind.OddText) {
      const start = this.starts[Slot.At]!
      const end = this.ends[Slot.At]!
      // .NET writes the plus of an offset as an escape.
      const raw = this.escaped && hasEscape(this.batch.bytes, start, end)
      if (raw) {
        const text = Buffer.from(unescapeText(this.batch.bytes, start, end))
        when = parseInstant(text, 0, text.length)
      } else when = parseInstant(this.batch.bytes, start, end)
    }
    if (Number.isNaN(when)) {
      this.refuse('bad-at', 'at must be milliseconds since the epoch or ISO 8601')
      return false
    }
    this.batch.numbers[this.batch.count * NumberField.Count_ + NumberField.At] = when
    return true
  }

  private settleNumber(slot: Slot, wanted: number): boolean {
    if ((this.odd & wanted & (1 << slot)) === 0) return true
    this.refuse('bad-field', `${slot === Slot.Ms ? 'ms' : 'value'} must be a number`)
    return false
  }

  private settleFlag(slot: Slot, flag: Flag, wanted: number): boolean {
    if ((this.odd & wanted & (1 << slot)) === 0) return true
    const kind = this.kinds[slot]!
    const start = this.starts[slot]!
    const end = this.ends[slot]!
    const isNumber = kind === Kind.Number
    const isWord = (kind === Kind.Text || kind === Kind.OddText) && end - start <= LONGEST_FLAG
    if (isNumber || isWord) {
      const { bytes } = this.batch
      const text =
        isWord && this.escaped && hasEscape(bytes, start, end)
          ? unescapeText(bytes, start, end)
          : asciiText(bytes, start, end)
      // A number is its value, however it is written.
      const isTrue = isNumber ? Number(text) === 1 : text === 'true' || text === '1'
      if (isTrue) this.flags |= flag
      if (isTrue || (isNumber ? Number(text) === 0 : text === 'false' || text === '0')) return true
    }
    this.refuse('bad-field', `${slot === Slot.Fatal ? 'fatal' : 'failed'} must be true or false`)
    return false
  }

  private settleObject(slot: Slot, name: string, wanted: number): boolean {
    if ((this.odd & wanted & (1 << slot)) === 0) return true
    this.refuse('bad-field', `${name} must be an object`)
    return false
  }

  /** Fields that the event leaves out come from `common`, whole top-level fields at a time. */
  private takeDefaults(from: Inherited): void {
    const slices = this.batch.slices
    const at = this.batch.count * SLICE_STRIDE
    const hasError = (this.have & (1 << Slot.Error)) !== 0
    for (let k = 0; k < from.texts.length; k++) {
      const slot = from.texts[k]!
      if (slices[at + 2 * slot]! >= 0 || (this.odd & (1 << slot)) !== 0) continue
      if (hasError && slot >= Field.ErrorType && slot <= Field.ErrorWhere) continue
      slices[at + 2 * slot] = from.slices[2 * slot]!
      slices[at + 2 * slot + 1] = from.slices[2 * slot + 1]!
      this.takeOdd(from, slot)
    }
    const numbers = this.batch.numbers
    const number = this.batch.count * NumberField.Count_
    for (let i = 0; i < NumberField.Count_; i++) {
      const value = numbers[number + i]!
      if (!Number.isNaN(value) || (this.odd & (1 << (Slot.At + i))) !== 0) continue
      numbers[number + i] = from.numbers[i]!
      this.takeOdd(from, Slot.At + i)
    }
    if ((this.have & (1 << Slot.Fatal)) === 0) this.takeFlag(from, Slot.Fatal, Flag.Fatal)
    if ((this.have & (1 << Slot.Failed)) === 0) this.takeFlag(from, Slot.Failed, Flag.Failed)
    if ((this.have & (1 << Slot.Tags)) === 0) this.takeFlag(from, Slot.Tags, Flag.Truncated)
    if (!hasError) {
      this.takeOdd(from, Slot.Error)
      this.kinds[Slot.Stack] = from.kinds[Slot.Stack]!
      this.starts[Slot.Stack] = from.starts[Slot.Stack]!
      this.ends[Slot.Stack] = from.ends[Slot.Stack]!
      this.have |= from.have & ((1 << Slot.Error) | (1 << Slot.Stack))
    }
  }

  private takeFlag(from: Inherited, slot: Slot, flag: Flag): void {
    this.flags |= from.flags & flag
    this.takeOdd(from, slot)
  }

  private takeOdd(from: Inherited, slot: number): void {
    if ((from.odd & (1 << slot)) === 0) return
    this.odd |= 1 << slot
    this.kinds[slot] = from.kinds[slot]!
    this.starts[slot] = from.starts[slot]!
    this.ends[slot] = from.ends[slot]!
  }
}

/** Bytes of `false` with each letter escaped. */
const LONGEST_FLAG = 6 * 'false'.length
const SESSION_STATES = ['start', 'end']
const TRANSACTION_STATES = ['start', 'success', 'fail', 'cancel']
const METRIC_KINDS = ['count', 'gauge', 'timer']

function isInteger(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = bytes[start] === 0x2d ? start + 1 : start; i < end; i++) {
    if (bytes[i]! < 0x30 || bytes[i]! > 0x39) return false
  }
  return true
}
