// The names a decoder knows, found by their bytes: a table where length, first and last byte lead to at most one name.

import { Field } from './batch.js'

/**
 * What the scanners know. Below Slot.At these are text fields, numbered as in Field; then what is read otherwise; then what only
 * the envelope around a batch has.
 */
export const enum Slot {
  Unknown = -1,
  At = 17,
  Value = 18,
  Ms = 19,
  Fatal = 20,
  Failed = 21,
  Tags = 22,
  Error = 23,
  Stack = 24,
  Events = 25,
  Common = 26,
  SentAt = 27,
  Message = 28,
  Where = 29,
}

/** Text slots are those below this. */
export const TEXT_SLOTS = 17

const EVENT_KEYS: readonly (readonly [string, number])[] = [
  ['type', Field.Type],
  ['id', Field.Id],
  ['user', Field.User],
  ['session', Field.Session],
  ['app', Field.App],
  ['platform', Field.Platform],
  ['os', Field.Os],
  ['device', Field.Device],
  ['country', Field.Country],
  ['name', Field.Name],
  ['state', Field.State],
  ['kind', Field.Kind],
  ['host', Field.Host],
  ['status', Field.Status],
  ['at', Slot.At],
  ['value', Slot.Value],
  ['ms', Slot.Ms],
  ['fatal', Slot.Fatal],
  ['failed', Slot.Failed],
  ['tags', Slot.Tags],
  ['error', Slot.Error],
  ['events', Slot.Events],
  ['common', Slot.Common],
  ['sentAt', Slot.SentAt],
  // Of the object `error` only.
  ['message', Slot.Message],
  ['where', Slot.Where],
  ['stack', Slot.Stack],
]

const LONGEST = 8
const SIZE = 128

// The multipliers are searched at load, so that adding a key cannot break the table: a few dozen tries.
const [firstFactor, lastFactor] = findFactors()

function place(length: number, first: number, last: number, a: number, b: number): number {
  return (length * 37 + first * a + last * b) & (SIZE - 1)
}

function findFactors(): readonly [number, number] {
  for (let a = 1; a < 128; a++) {
    for (let b = 1; b < 128; b++) {
      const places = new Set(
        EVENT_KEYS.map(([key]) => place(key.length, key.charCodeAt(0), key.charCodeAt(key.length - 1), a, b)),
      )
      if (places.size === EVENT_KEYS.length) return [a, b]
    }
  }
  throw new Error('no perfect hash for the field names')
}

const SLOT_AT = new Int8Array(SIZE).fill(Slot.Unknown)
const LENGTH_AT = new Uint8Array(SIZE)
const BYTES_AT = new Uint8Array(SIZE * LONGEST)
for (const [key, slot] of EVENT_KEYS) {
  const at = place(key.length, key.charCodeAt(0), key.charCodeAt(key.length - 1), firstFactor, lastFactor)
  SLOT_AT[at] = slot
  LENGTH_AT[at] = key.length
  BYTES_AT.set(Buffer.from(key), at * LONGEST)
}

/** The slot of the key bytes[start, end), or Slot.Unknown. */
export function slotOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length === 0 || length > LONGEST) return Slot.Unknown
  const at = place(length, bytes[start]!, bytes[end - 1]!, firstFactor, lastFactor)
  if (LENGTH_AT[at] !== length) return Slot.Unknown
  for (let i = start, j = at * LONGEST; i < end; i++, j++) if (bytes[i] !== BYTES_AT[j]) return Slot.Unknown
  return SLOT_AT[at]!
}

/** In the object `error` the same names mean its own fields; other names mean nothing there. */
export function errorSlotOf(bytes: Uint8Array, start: number, end: number): number {
  switch (slotOf(bytes, start, end)) {
    case Field.Type:
      return Field.ErrorType
    case Slot.Message:
      return Field.ErrorMessage
    case Slot.Where:
      return Field.ErrorWhere
    case Slot.Stack:
      return Slot.Stack
    default:
      return Slot.Unknown
  }
}

const keyBytes = new Uint8Array(64)

/** The slot of a key that had to be made a string (escapes in it). */
export function slotOfText(key: string, slots: typeof slotOf): number {
  if (key.length > LONGEST) return Slot.Unknown
  const size = encoder.encodeInto(key, keyBytes).written
  return slots(keyBytes, 0, size)
}

const encoder = new TextEncoder()

/** The EventType that bytes[start, end) names, or 0. */
export function eventTypeOf(bytes: Uint8Array, start: number, end: number): number {
  switch (end - start) {
    case 5:
      if (bytes[start] === 0x63) return same(bytes, start, 'crash') ? 1 : 0
      if (bytes[start + 1] === 0x72) return same(bytes, start, 'error') ? 2 : 0
      return same(bytes, start, 'event') ? 4 : 0
    case 6:
      return same(bytes, start, 'metric') ? 5 : 0
    case 7:
      if (bytes[start] === 0x73) return same(bytes, start, 'session') ? 3 : 0
      return same(bytes, start, 'network') ? 6 : 0
    case 11:
      return same(bytes, start, 'transaction') ? 7 : 0
    default:
      return 0
  }
}

/** Do the bytes from `start` spell `word`? The caller knows that the lengths agree. */
export function same(bytes: Uint8Array, start: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) if (bytes[start + i] !== word.charCodeAt(i)) return false
  return true
}
