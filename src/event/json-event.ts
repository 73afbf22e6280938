// One JSON event: a byte scanner that fills a row of the batch and makes no string.
//
// A short way takes members in the order of the event before, four bytes at a time, and calls nothing; what it does not know, the long way
// takes: it knows each byte's meaning inside a string by table and each field by a perfect hash of its name. Both store where texts lie
// and validate all that they pass over, so that what is accepted is exactly what JSON.parse accepts.

import { Flag, NumberField, SLICE_STRIDE } from './batch.js'
import { errorSlotOf, Slot, slotOf, slotOfText, TEXT_SLOTS } from './fields.js'
import type { EventRow } from './row.js'
import {
  CLASS,
  Class,
  fail,
  KIND_OF,
  Kind,
  passed,
  readNumber,
  skipColon,
  skipLiteral,
  skipNumber,
  skipSpace,
  skipString,
  skipValue,
} from './scan.js'
import { hasEscape, unescapeText } from './text.js'

/** What the top object of a body said beyond a plain event. Positions are −1 where it did not. */
export class TopObject {
  /** The first byte of the array `events`. */
  events = -1
  commonStart = -1
  commonEnd = -1
  sentAtStart = -1
  sentAtEnd = -1

  clear(): void {
    this.events = -1
    this.commonStart = -1
    this.commonEnd = -1
    this.sentAtStart = -1
    this.sentAtEnd = -1
  }
}

// What stood between the values of the last event, in order: from the comma or brace before a key to the first byte of its value, four to sixteen
// bytes in four overlapping words. Only a shortcut: a guess that fails, or none, costs the long way and changes nothing.
const GUESSES = 32
const LONGEST_GUESS = 16
/** Size (0 where there is none), slot, and the words at 0, −4, 4 and −8 from start or end. */
const GUESS_STRIDE = 6
const guesses = new Int32Array(GUESS_STRIDE * (GUESSES + 1))

function learn(n: number, slot: number, view: DataView, start: number, end: number): void {
  const size = end - start
  if (n >= GUESSES || size > LONGEST_GUESS) return
  const at = n * GUESS_STRIDE
  guesses[at] = size
  guesses[at + 1] = slot
  guesses[at + 2] = view.getInt32(start, true)
  guesses[at + 3] = view.getInt32(end - 4, true)
  if (size <= 8) return
  guesses[at + 4] = view.getInt32(start + 4, true)
  guesses[at + 5] = view.getInt32(end - 8, true)
}

// Bodies lie one after the other in one buffer, so its view is most often at hand.
let viewedBytes: Uint8Array = new Uint8Array(0)
let view: DataView = new DataView(viewedBytes.buffer)

function viewOf(bytes: Uint8Array): DataView {
  if (bytes !== viewedBytes) {
    viewedBytes = bytes
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }
  return view
}

/**
 * Scans the object whose `{` is at i into `row`; answers the position after its `}`. With `top`, an array `events` before any `type` makes it an
 * envelope: the scan stops there and answers −1.
 */
export function scanEvent(
  row: EventRow,
  i: number,
  end: number,
  levels: number,
  maxTags: number,
  top: TopObject | undefined,
): number {
  const batch = row.batch
  const bytes = batch.bytes
  const slices = batch.slices
  const base = batch.count * SLICE_STRIDE
  const plainLimit = row.plainLimit | 0
  const view = viewOf(bytes)
  end |= 0
  i |= 0
  const readable = Math.min(end, bytes.length | 0) | 0
  // From here on a guess could end at a value that others' bytes follow.
  const lastGuess = (readable - LONGEST_GUESS - 1) | 0
  const lastWord = (readable - 4) | 0
  for (let n = 0; ; ) {
    // Here stands the brace before the first key, the comma before another one, the brace behind the last, or something else.
    //
    // The short way: a key as before, and a plain short text. Nothing is called in this loop, so that what it needs stays in registers.
    let at = Math.imul(n, GUESS_STRIDE)
    while (i < lastGuess) {
      const size = guesses[at]!
      if (
        size === 0 ||
        view.getInt32(i, true) !== guesses[(at + 2) | 0] ||
        view.getInt32((i + size - 4) | 0, true) !== guesses[(at + 3) | 0] ||
        (size > 8 &&
          (view.getInt32((i + 4) | 0, true) !== guesses[(at + 4) | 0] ||
            view.getInt32((i + size - 8) | 0, true) !== guesses[(at + 5) | 0]))
      )
        break
      const start = (i + size + 1) | 0
      if (bytes[(start - 1) | 0] !== 0x22) break
      let stop = start
      while (stop < lastWord) {
        const word = view.getInt32(stop, true)
        // The lowest bit set is the highest of the first of four bytes that is not plain (see Class). Each sum has a byte's highest bit set
        // where it is plain; only a byte beyond ASCII, which is looked for too, carries into the bytes above it.
        const odd =
          ~(((word ^ 0x22222222) + 0x7f7f7f7f) & ((word ^ 0x5c5c5c5c) + 0x7f7f7f7f) & (word + 0x60606060) & ~word) &
          0x80808080
        if (odd !== 0) {
          stop = (stop + ((31 - Math.clz32(odd & -odd)) >> 3)) | 0
          break
        }
        stop = (stop + 4) | 0
      }
      if (bytes[stop] !== 0x22 || ((stop - start) | 0) > plainLimit) break
      const slot = guesses[(at + 1) | 0]!
      if (slot >= TEXT_SLOTS) break
      if (slot >= 0) {
        const place = (base + 2 * slot) | 0
        slices[place] = stop === start ? -1 : start
        slices[(place + 1) | 0] = stop
        row.odd &= ~(1 << slot)
      }
      i = (stop + 1) | 0
      n = (n + 1) | 0
      at = (at + GUESS_STRIDE) | 0
    }
    // The long way, for all that the short one does not know.
    if (n > 0) {
      if (i < end && bytes[i]! <= 0x20) i = skipSpace(bytes, i, end) | 0
      const c = i < end ? bytes[i]! : 0
      if (c === 0x7d) return i + 1
      if (c !== 0x2c) fail(i, i < end ? 'a comma or bracket is missing' : 'the body ends too early')
    }
    const from = i
    i = (i + 1) | 0
    const lines = passed.lines
    if (i < end && bytes[i]! <= 0x20) i = skipSpace(bytes, i, end) | 0
    if (n === 0 && i < end && bytes[i] === 0x7d) return i + 1
    if (i >= end || bytes[i] !== 0x22) fail(i, 'a key is missing')
    const key = (i + 1) | 0
    i = key
    while (i < end && CLASS[bytes[i]!] === Class.Plain) i = (i + 1) | 0
    let slot: number
    if (i < end && bytes[i] === 0x22) {
      slot = slotOf(bytes, key, i)
      i = skipColon(bytes, i + 1, end) | 0
      // Ends of lines count wherever they stand.
      if (passed.lines === lines) learn(n, slot, view, from, i)
    } else {
      i = skipString(bytes, i, end) | 0
      slot = slotOfText(unescapeText(bytes, key, i - 1), slotOf)
      i = skipColon(bytes, i, end) | 0
    }
    if (i >= end) fail(end, 'the body ends too early')
    if (n < GUESSES) n = (n + 1) | 0
    if (bytes[i] === 0x22) {
      const start = i + 1
      i = start
      while (i < end && CLASS[bytes[i]!] === Class.Plain) i = (i + 1) | 0
      const plain = i < end && bytes[i] === 0x22
      if (plain) i = (i + 1) | 0
      else i = skipString(bytes, i, end) | 0
      if (slot < 0) continue
      if (slot < TEXT_SLOTS && plain && i - start <= plainLimit) {
        const at = base + 2 * slot
        slices[at] = i - 1 === start ? -1 : start
        slices[at + 1] = i - 1
        row.odd &= ~(1 << slot)
      } else textValue(row, slot, plain ? Kind.Text : Kind.OddText, start, i - 1, top)
    } else if (slot < 0) i = skipValue(bytes, i, end, levels - 1) | 0
    else {
      i = otherValue(row, slot, i, end, levels - 1, maxTags, top) | 0
      if (i < 0) return -1
    }
  }
}

/** A string that is not a short plain text of a text field. The empty one is as good as null. */
function textValue(row: EventRow, slot: number, kind: Kind, start: number, end: number, top: TopObject | undefined) {
  if (start === end) kind = Kind.Null
  if (slot >= Slot.At && slot <= Slot.Ms) {
    row.batch.numbers[row.batch.count * NumberField.Count_ + slot - Slot.At] = Number.NaN
  } else if (slot >= Slot.Fatal && slot <= Slot.Tags) row.flags &= ~flagOf(slot)
  else if (slot === Slot.Error) row.clearError()
  else if (slot >= TEXT_SLOTS) {
    if (top !== undefined && slot === Slot.SentAt) {
      top.sentAtStart = start - 1
      top.sentAtEnd = end + 1
    } else if (top !== undefined && slot === Slot.Common) top.commonStart = -1
    return
  }
  row.have = kind === Kind.Null ? row.have & ~(1 << slot) : row.have | (1 << slot)
  row.mark(slot, kind, start, end)
}

/** A value that is no string, of a known field. */
function otherValue(
  row: EventRow,
  slot: number,
  i: number,
  end: number,
  levels: number,
  maxTags: number,
  top: TopObject | undefined,
): number {
  const batch = row.batch
  const bytes = batch.bytes
  const kind: Kind = KIND_OF[bytes[i]!]!
  const start = i
  if (slot >= Slot.At && slot <= Slot.Ms) {
    const index = batch.count * NumberField.Count_ + slot - Slot.At
    if (kind === Kind.Number) {
      i = readNumber(bytes, i, end, batch.numbers, index)
      if (slot === Slot.At) batch.numbers[index] = Math.floor(batch.numbers[index]!)
      row.odd &= ~(1 << slot)
      return i
    }
    batch.numbers[index] = Number.NaN
  } else if (slot === Slot.Error) {
    row.clearError()
    if (kind === Kind.Object) {
      row.have |= 1 << slot
      return scanError(row, i, end, levels)
    }
    if (kind !== Kind.Null) row.have |= 1 << slot
  } else if (slot === Slot.Tags) {
    row.flags &= ~Flag.Truncated
    row.have &= ~(1 << slot)
    if (kind === Kind.Object) {
      row.have |= 1 << slot
      row.mark(slot, Kind.Null, 0, 0)
      i = skipValue(bytes, i, end, levels)
      if (countMembers(bytes, start, i) > maxTags) row.flags |= Flag.Truncated
      return i
    }
  } else if (slot === Slot.Fatal || slot === Slot.Failed) {
    row.flags &= ~flagOf(slot)
    row.have &= ~(1 << slot)
    if (kind !== Kind.Null) row.have |= 1 << slot
    if (kind === Kind.True || kind === Kind.False) {
      if (kind === Kind.True) row.flags |= flagOf(slot)
      row.mark(slot, Kind.Null, 0, 0)
      return skipLiteral(bytes, i, end, kind)
    }
  } else if (slot >= Slot.Events || slot === Slot.Stack) {
    if (top !== undefined) {
      if (slot === Slot.Events && kind === Kind.Array && batch.slices[batch.count * SLICE_STRIDE]! < 0) {
        top.events = i
        return -1
      }
      i = skipValue(bytes, i, end, levels)
      if (slot === Slot.Common) {
        top.commonStart = kind === Kind.Object ? start : -1
        top.commonEnd = i
      } else if (slot === Slot.SentAt) {
        top.sentAtStart = kind === Kind.Number ? start : -1
        top.sentAtEnd = i
      }
      return i
    }
    return skipValue(bytes, i, end, levels)
  }
  i = kind === Kind.Number ? skipNumber(bytes, i, end) : skipValue(bytes, i, end, levels)
  row.mark(slot, kind, start, i)
  return i
}

/** The object `error`, whose `{` is at i. */
function scanError(row: EventRow, i: number, end: number, levels: number): number {
  const bytes = row.batch.bytes
  if (levels <= 0) fail(i, 'it nests too deep')
  i = skipSpace(bytes, i + 1, end)
  if (i < end && bytes[i] === 0x7d) return i + 1
  for (;;) {
    if (i >= end || bytes[i] !== 0x22) fail(i, 'a key is missing')
    const key = i + 1
    i = skipString(bytes, key, end)
    let slot = errorSlotOf(bytes, key, i - 1)
    if (slot === Slot.Unknown && hasEscape(bytes, key, i - 1)) {
      slot = slotOfText(unescapeText(bytes, key, i - 1), errorSlotOf)
    }
    i = skipColon(bytes, i, end)
    const start = i
    const kind: Kind = i < end ? KIND_OF[bytes[i]!]! : Kind.None
    i = skipValue(bytes, i, end, levels - 1)
    if (slot >= 0) {
      if (kind === Kind.Text) row.mark(slot, Kind.OddText, start + 1, i - 1)
      else row.mark(slot, kind, start, i)
      if (slot === Slot.Stack) {
        row.odd &= ~(1 << Slot.Stack)
        row.have = kind === Kind.Null ? row.have & ~(1 << slot) : row.have | (1 << slot)
      }
    }
    i = skipSpace(bytes, i, end) | 0
    const c = i < end ? bytes[i]! : 0
    i++
    if (c === 0x2c) i = skipSpace(bytes, i, end) | 0
    else if (c === 0x7d) return i
    else fail(i - 1, i <= end ? 'a comma or bracket is missing' : 'the body ends too early')
  }
}

function flagOf(slot: number): number {
  return slot === Slot.Fatal ? Flag.Fatal : slot === Slot.Failed ? Flag.Failed : Flag.Truncated
}

/** How many members the valid object bytes[start, end) has: the commas of its own level, plus one. */
function countMembers(bytes: Uint8Array, start: number, end: number): number {
  let depth = 0
  let commas = 0
  let any = false
  for (let i = start; i < end; i++) {
    const c = bytes[i]!
    if (c === 0x22) {
      any = true
      i = skipString(bytes, i + 1, end) - 1
    } else if (c === 0x7b || c === 0x5b) depth++
    else if (c === 0x7d || c === 0x5d) depth--
    else if (c === 0x2c && depth === 1) commas++
  }
  return any ? commas + 1 : 0
}
