// A batch of decoded events: columns of numbers over one array of bytes. No event is ever a JavaScript object.
//
//   bytes    the body as received, and behind it, where needed, texts that had to be built
//   slices   per event and text field a pair (start, end) into bytes; start is −1 where the field is absent
//
//            event 0                          event 1
//           +-------+-------+-     -+--------+-------+-
//   slices  | Type  | Id    |  …    |Culprit | Type  | …      two Int32 each
//           +-------+-------+-     -+--------+-------+-
//
// Most texts are bytes of the body, so most batches never copy anything. The first text that is not (an escape, a group
// id) makes the batch copy the body into memory of its own, shifted to offset 0, slices with it, and put such texts behind.
// `bytes` may therefore be another array after each step of the decoder; between steps slices and bytes agree.
//
// Invariants: beyond `count` all slices are −1, numbers NaN, types and flags 0 (so an event needs no clearing);
// every slice of an accepted event is valid UTF-8; types[e] = 0 exactly where some rejection has index e.

import { assert } from '../core/errors.js'

export const enum EventType {
  Rejected = 0,
  Crash = 1,
  Error = 2,
  Session = 3,
  Event = 4,
  Metric = 5,
  Network = 6,
  Transaction = 7,
}

/** The types as clients write them, by EventType. */
export const EVENT_TYPES = ['', 'crash', 'error', 'session', 'event', 'metric', 'network', 'transaction'] as const

/** Text fields: a slice (start, end) into batch.bytes, or absent. */
export const enum Field {
  Type = 0,
  Id = 1,
  User = 2,
  Session = 3,
  App = 4,
  Platform = 5,
  Os = 6,
  Device = 7,
  Country = 8,
  Name = 9,
  ErrorType = 10,
  ErrorMessage = 11,
  ErrorWhere = 12,
  State = 13,
  Kind = 14,
  Host = 15,
  Status = 16,
  /** Of crashes and errors, built by the decoder: 16 hex digits, a title, a culprit. */
  Group = 17,
  Title = 18,
  Culprit = 19,
  Count_ = 20,
}

/** The fields as clients write them, by Field; those of `error` and the built ones by the path that programs use. */
export const FIELD_NAMES: readonly string[] = [
  'type',
  'id',
  'user',
  'session',
  'app',
  'platform',
  'os',
  'device',
  'country',
  'name',
  'error.type',
  'error.message',
  'error.where',
  'state',
  'kind',
  'host',
  'status',
  'group',
  'title',
  'culprit',
]

export const enum NumberField {
  /** Milliseconds of the device's clock, uncorrected. NaN where absent. */
  At = 0,
  Value = 1,
  Ms = 2,
  Count_ = 3,
}

export const enum Flag {
  Fatal = 1,
  Failed = 2,
  /** Some text or the tags were cut. */
  Truncated = 4,
}

/** Why an event was not taken. `index` counts the events of the body from 0. */
export interface Rejection {
  readonly index: number
  readonly code: string
  readonly message: string
}

/** Int32 slots of one event in `slices`. */
export const SLICE_STRIDE = 2 * Field.Count_

/** Bytes of one event in all columns. */
const ROW_BYTES = 4 * SLICE_STRIDE + 8 * NumberField.Count_ + 2 + 8

const FIRST_CAPACITY = 4
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Reads the whole of an event as plain JSON data: the decoder of its format. */
export type EventReader = (bytes: Uint8Array, start: number, end: number) => unknown

export class EventBatch {
  /** Arena. Offsets of slices and spans are absolute in it. */
  bytes: Uint8Array = new Uint8Array(0)
  /** Events, rejected ones included. */
  count = 0
  /** EventType per event; 0 = rejected. */
  types = new Uint8Array(FIRST_CAPACITY)
  /** [2 · (event · Field.Count_ + field)] = start, or −1; the next one = end. */
  slices = new Int32Array(FIRST_CAPACITY * SLICE_STRIDE).fill(-1)
  /** [event · NumberField.Count_ + field]; NaN where absent. */
  numbers = new Float64Array(FIRST_CAPACITY * NumberField.Count_).fill(Number.NaN)
  /** Flag bits per event. */
  flags = new Uint8Array(FIRST_CAPACITY)
  /** [2 · event], [2 · event + 1]: the whole event in bytes, in the form that `reader` reads. */
  spans = new Int32Array(2 * FIRST_CAPACITY)
  rejections: Rejection[] = []
  /** Whether some event says when it happened. */
  timed = false
  /** When the client sent this, by its clock, ms; or NaN. From the envelope, the header, or Sentry's sent_at. */
  sentAt = Number.NaN
  /** How many events the client says it dropped itself. */
  clientLost = 0
  /** Items of a foreign envelope that Lethe has no use for (replays, attachments, …). */
  ignoredItems = 0

  /** For the decoder: reads a span for `lookup`. */
  reader: EventReader = readJson
  /** For the decoder: where the envelope’s `common` lies, in the form that `reader` reads; −1 where there is none. */
  commonStart = -1
  commonEnd = -1

  /** Bytes of its own memory, about: not asked of the columns, which may be cold. */
  byteSize = FIRST_CAPACITY * ROW_BYTES + 1_000

  // Memory of its own, kept over reuse: [0, bodyLength) is the copied body, [.., ownEnd) built texts.
  private own: Uint8Array = new Uint8Array(0)
  private ownEnd = -1
  private ownLarge = false
  private dirty = false
  private bodyStart = 0
  private bodyEnd = 0
  private parsedEvent = -1
  private parsed: unknown = undefined
  private parsedCommon: unknown = undefined

  /** How many events fit without growing. */
  get capacity(): number {
    return this.types.length
  }

  /** Forgets everything and points at a new body. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    // One more than `count`: a body that turned out broken leaves half an event.
    const used = this.dirty ? Math.min(this.count + 1, this.types.length) : 0
    this.dirty = true
    // Filling a few cells by hand is cheaper than four calls.
    if (used <= 2) this.clearRows(used)
    else {
      this.types.fill(0, 0, used)
      this.slices.fill(-1, 0, used * SLICE_STRIDE)
      this.numbers.fill(Number.NaN, 0, used * NumberField.Count_)
      this.flags.fill(0, 0, used)
    }
    this.bytes = bytes
    this.bodyStart = start
    this.bodyEnd = end
    this.count = 0
    if (this.rejections.length > 0) this.rejections = []
    this.timed = false
    this.sentAt = Number.NaN
    this.clientLost = 0
    this.ignoredItems = 0
    this.reader = readJson
    this.commonStart = -1
    this.commonEnd = -1
    this.parsedCommon = undefined
    this.ownEnd = -1
    this.parsedEvent = -1
    this.parsed = undefined
    if (this.ownLarge) this.takeArena(new Uint8Array(0))
  }

  private clearRows(used: number): void {
    for (let i = 0; i < used; i++) {
      this.types[i] = 0
      this.flags[i] = 0
    }
    for (let i = 0; i < used * SLICE_STRIDE; i++) this.slices[i] = -1
    for (let i = 0; i < used * NumberField.Count_; i++) this.numbers[i] = Number.NaN
  }

  /** Doubles the columns. */
  grow(): void {
    const capacity = this.types.length * 2
    const types = new Uint8Array(capacity)
    types.set(this.types)
    this.types = types
    const slices = new Int32Array(capacity * SLICE_STRIDE).fill(-1, this.slices.length)
    slices.set(this.slices)
    this.slices = slices
    const numbers = new Float64Array(capacity * NumberField.Count_).fill(Number.NaN, this.numbers.length)
    numbers.set(this.numbers)
    this.numbers = numbers
    const flags = new Uint8Array(capacity)
    flags.set(this.flags)
    this.flags = flags
    const spans = new Int32Array(capacity * 2)
    spans.set(this.spans)
    this.spans = spans
    this.byteSize += (capacity / 2) * ROW_BYTES
  }

  /**
   * Makes room for `more` built bytes at the end of the arena; answers how far every offset into `bytes` known so far has
   * moved (0, except the first time, when the body moves to offset 0). The bytes go to [arenaEnd, arenaEnd + more); then call `take`.
   */
  reserve(more: number): number {
    if (this.ownEnd >= 0) {
      if (this.ownEnd + more > this.own.length) {
        const grown = new Uint8Array(2 * (this.ownEnd + more))
        grown.set(this.own.subarray(0, this.ownEnd))
        this.takeArena(grown)
        this.bytes = grown
      }
      return 0
    }
    const size = this.bodyEnd - this.bodyStart
    if (this.own.length < size + more) this.takeArena(new Uint8Array(size + (size >> 1) + 4 * more + 256))
    this.own.set(this.bytes.subarray(this.bodyStart, this.bodyEnd))
    this.bytes = this.own
    this.ownEnd = size
    const shift = -this.bodyStart
    if (shift !== 0) {
      // The event being decoded may hold slices too, hence one more than `count`.
      const events = Math.min(this.count + 1, this.capacity)
      const slices = this.slices
      for (let i = 0; i < events * SLICE_STRIDE; i++) if (slices[i]! >= 0) slices[i]! += shift
      for (let i = 0; i < events * 2; i++) this.spans[i]! += shift
    }
    return shift
  }

  private takeArena(own: Uint8Array): void {
    this.byteSize += own.length - this.own.length
    this.own = own
    this.ownLarge = own.length > KEPT_ARENA
  }

  /** Moves the body into memory of the batch's own, if it is not there yet: what it was decoded from may be used again. */
  keep(): void {
    if (this.ownEnd >= 0) return
    const shift = this.reserve(0)
    if (this.commonStart < 0) return
    this.commonStart += shift
    this.commonEnd += shift
  }

  /** Where the next built text starts. Only after `reserve`. */
  get arenaEnd(): number {
    return this.ownEnd
  }

  /** Keeps `size` bytes written at arenaEnd. */
  take(size: number): void {
    assert(this.ownEnd >= 0 && this.ownEnd + size <= this.own.length)
    this.ownEnd += size
  }

  /** The text of a field, or undefined. Makes a string: for tests, messages and cold paths. */
  text(event: number, field: Field): string | undefined {
    const at = 2 * (event * Field.Count_ + field)
    const start = this.slices[at]!
    return start < 0 ? undefined : decoder.decode(this.bytes.subarray(start, this.slices[at + 1]!))
  }

  number(event: number, field: NumberField): number {
    return this.numbers[event * NumberField.Count_ + field]!
  }

  /** The whole event as plain JSON data, as sent (without `common`). Parsed at most once in a row of questions about one event. */
  whole(event: number): unknown {
    if (this.parsedEvent !== event) {
      const start = this.spans[2 * event]!
      const end = this.spans[2 * event + 1]!
      this.parsed = start < end ? this.reader(this.bytes, start, end) : undefined
      this.parsedEvent = event
    }
    return this.parsed
  }

  /** The envelope's `common`. */
  private defaults(): unknown {
    if (this.commonStart >= 0 && this.parsedCommon === undefined) {
      this.parsedCommon = this.reader(this.bytes, this.commonStart, this.commonEnd)
    }
    return this.parsedCommon
  }

  /** The whole event with what `common` says of fields that it leaves out. */
  complete(event: number): unknown {
    const whole = this.whole(event)
    const common = this.defaults()
    if (!isObject(whole) || !isObject(common)) return whole
    const complete = { ...whole }
    for (const [name, value] of Object.entries(common)) {
      // Not by assignment: `__proto__` is a name like any other.
      if ((descend(whole, name) ?? null) === null) Object.defineProperty(complete, name, { value, enumerable: true })
    }
    return complete
  }

  /**
   * Any field, known or not, by path, as plain JSON data; `common` stands in for a top-level field that is absent or null.
   * undefined where there is none. For programs only: it parses the event.
   */
  lookup(event: number, path: readonly string[]): unknown {
    let value = descend(this.whole(event), path[0])
    if (value === undefined || value === null) value = descend(this.defaults(), path[0])
    for (let i = 1; i < path.length; i++) value = descend(value, path[i])
    return value ?? undefined
  }
}

/** Batches to be used again. */
export class BatchPool {
  private readonly free: EventBatch[] = []
  private bytes = 0

  /** Keeps as many as have `maxBytes` together. */
  constructor(private readonly maxBytes: number) {}

  take(): EventBatch {
    const batch = this.free.pop()
    if (batch === undefined) return new EventBatch()
    this.bytes -= batch.byteSize
    return batch
  }

  give(batch: EventBatch): void {
    const bytes = batch.byteSize
    if (this.bytes + bytes > this.maxBytes) return
    this.bytes += bytes
    this.free.push(batch)
  }
}

// Arenas above this are given back when the batch is reused.
const KEPT_ARENA = 1 << 20

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** Own properties only: no event reaches Object.prototype. */
function descend(value: unknown, name: string | undefined): unknown {
  return name !== undefined && isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

/** The reader of JSON events. */
export function readJson(bytes: Uint8Array, start: number, end: number): unknown {
  return JSON.parse(decoder.decode(bytes.subarray(start, end)))
}
