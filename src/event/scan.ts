// JSON as bytes: where values end, whether they are JSON at all, and what a number is worth. Makes no string.
//
// Accepts exactly what JSON.parse accepts of the same bytes read as UTF-8 (with U+FFFD for what is not UTF-8), but for a bound
// on depth. Each function takes the position of a value's first byte and answers the position after its last one, or throws
// `badJson`, having left place and reason in `problem`. Bytes at and beyond `end` belong to others and are never believed.

/** Where and why the last scan failed. Read it where `badJson` is caught: the next failure overwrites it. */
export const problem = { at: 0, why: '' }

/** What a scan throws: one object for all, because a stack trace per broken line would cost more than the line. */
export const badJson = new Error('not valid JSON')

export function fail(at: number, why: string): never {
  problem.at = at
  problem.why = why
  throw badJson
}

/** What a byte means inside a string. */
export const enum Class {
  Plain = 0,
  Quote = 1,
  Backslash = 2,
  Control = 3,
  /** Part of a character beyond ASCII. */
  High = 4,
}

export const CLASS = new Uint8Array(256)
CLASS.fill(Class.Control, 0, 0x20)
CLASS.fill(Class.High, 0x80)
CLASS[0x22] = Class.Quote
CLASS[0x5c] = Class.Backslash

/** What kind of value starts with a byte. */
export const enum Kind {
  None = 0,
  Text = 1,
  /** A string whose bytes are not its text: escapes, characters beyond ASCII (to be checked), or too long. */
  OddText = 2,
  Number = 3,
  True = 4,
  False = 5,
  Null = 6,
  Object = 7,
  Array = 8,
}

export const KIND_OF = new Uint8Array(256)
KIND_OF[0x22] = Kind.Text
KIND_OF[0x2d] = Kind.Number
KIND_OF.fill(Kind.Number, 0x30, 0x3a)
KIND_OF[0x74] = Kind.True
KIND_OF[0x66] = Kind.False
KIND_OF[0x6e] = Kind.Null
KIND_OF[0x7b] = Kind.Object
KIND_OF[0x5b] = Kind.Array

/** How many line ends were passed over as space: to a reader of lines they are no space. Whoever asks sets it to 0 first. */
export const passed = { lines: 0 }

export function skipSpace(bytes: Uint8Array, i: number, end: number): number {
  while (i < end) {
    const c = bytes[i]!
    if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return i
    if (c === 0x0a) passed.lines++
    i++
  }
  return i
}

/** From the byte after the opening quote to after the closing one. */
export function skipString(bytes: Uint8Array, i: number, end: number): number {
  for (;;) {
    let c: number = Class.Control
    while (i < end) {
      c = CLASS[bytes[i]!]!
      if (c !== Class.Plain && c !== Class.High) break
      i++
    }
    if (i >= end) fail(end, 'a string does not end')
    if (c === Class.Quote) return i + 1
    if (c === Class.Control) fail(i, 'a control character in a string')
    i = skipEscape(bytes, i, end)
  }
}

function skipEscape(bytes: Uint8Array, i: number, end: number): number {
  if (i + 1 >= end) fail(end, 'a string does not end')
  switch (bytes[i + 1]!) {
    case 0x22:
    case 0x5c:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return i + 2
    case 0x75:
      for (let j = i + 2; j < i + 6; j++)
        if (j >= end || !isHex(bytes[j]!)) fail(Math.min(j, end), 'a broken \\u escape')
      return i + 6
    default:
      return fail(i + 1, 'an unknown escape')
  }
}

function isHex(c: number): boolean {
  return (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x46) || (c >= 0x61 && c <= 0x66)
}

export function skipNumber(bytes: Uint8Array, i: number, end: number): number {
  if (bytes[i] === 0x2d) i++
  let c = i < end ? bytes[i]! : 0
  if (c === 0x30) i++
  else if (c >= 0x31 && c <= 0x39) {
    do i++
    while (i < end && bytes[i]! >= 0x30 && bytes[i]! <= 0x39)
  } else fail(i, 'a broken number')
  if (i < end && bytes[i] === 0x2e) {
    const first = ++i
    while (i < end && bytes[i]! >= 0x30 && bytes[i]! <= 0x39) i++
    if (i === first) fail(i, 'a broken number')
  }
  c = i < end ? bytes[i]! : 0
  if (c === 0x65 || c === 0x45) {
    i++
    if (i < end && (bytes[i] === 0x2b || bytes[i] === 0x2d)) i++
    const first = i
    while (i < end && bytes[i]! >= 0x30 && bytes[i]! <= 0x39) i++
    if (i === first) fail(i, 'a broken number')
  }
  return i
}

// 10^0 … 10^22 are exact doubles.
const POWERS = new Float64Array(23)
for (let i = 0; i < 23; i++) POWERS[i] = Number(`1e${i}`)

/**
 * Like skipNumber, and leaves its value in target[index]. Up to 15 digits with a point among them are read by hand: integer and
 * power of ten are exact doubles, so their one division rounds correctly (Clinger, "How to read floating point numbers
 * accurately", 1990). The rest goes through Number.
 */
export function readNumber(bytes: Uint8Array, start: number, end: number, target: Float64Array, index: number): number {
  let i = start
  const negative = bytes[i] === 0x2d
  if (negative) i++
  const first = i
  let value = 0
  let c = 0
  while (i < end && (c = bytes[i]!) >= 0x30 && c <= 0x39) {
    value = value * 10 + (c - 0x30)
    i++
  }
  const whole = i - first
  if (whole === 0 || (whole > 1 && bytes[first] === 0x30)) fail(i, 'a broken number')
  let digits = whole
  if (i < end && c === 0x2e) {
    const point = ++i
    while (i < end && (c = bytes[i]!) >= 0x30 && c <= 0x39) {
      value = value * 10 + (c - 0x30)
      i++
    }
    if (i === point) fail(i, 'a broken number')
    digits += i - point
    if (digits <= 15) value /= POWERS[i - point]!
  }
  if (digits > 15 || (i < end && (c === 0x65 || c === 0x45))) {
    i = skipNumber(bytes, start, end)
    target[index] = slowNumber(bytes, start, i)
    return i
  }
  target[index] = negative ? -value : value
  return i
}

function slowNumber(bytes: Uint8Array, start: number, end: number): number {
  return Number(asciiText(bytes, start, end))
}

/** Bytes that are known to be ASCII, and few, as a string. */
export function asciiText(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!)
  return text
}

export function skipLiteral(bytes: Uint8Array, i: number, end: number, kind: Kind): number {
  const word = kind === Kind.True ? 'true' : kind === Kind.False ? 'false' : 'null'
  for (let j = 0; j < word.length; j++) {
    if (i + j >= end || bytes[i + j] !== word.charCodeAt(j)) fail(Math.min(i + j, end), 'an unknown word')
  }
  return i + word.length
}

const MAX_STACK = 1_024
const stack = new Uint8Array(MAX_STACK)

/** Any value. `levels` is how many containers may nest here. */
export function skipValue(bytes: Uint8Array, i: number, end: number, levels: number): number {
  const kind = i < end ? KIND_OF[bytes[i]!]! : Kind.None
  switch (kind) {
    case 1:
      return skipString(bytes, i + 1, end)
    case 3:
      return skipNumber(bytes, i, end)
    case 4:
    case 5:
    case 6:
      return skipLiteral(bytes, i, end, kind)
    case 7:
    case 8:
      return skipContainer(bytes, i, end, Math.min(levels, MAX_STACK))
    default:
      return fail(i, i < end ? 'a value is missing' : 'the body ends too early')
  }
}

/** An object or array, without recursion: strangers choose the depth. */
function skipContainer(bytes: Uint8Array, i: number, end: number, levels: number): number {
  let depth = 0
  for (;;) {
    // A value starts at i.
    const kind = i < end ? KIND_OF[bytes[i]!]! : Kind.None
    if (kind === Kind.Text) i = skipString(bytes, i + 1, end)
    else if (kind === Kind.Number) i = skipNumber(bytes, i, end)
    else if (kind >= Kind.Object) {
      if (depth >= levels) fail(i, 'it nests too deep')
      const isObject = kind === Kind.Object
      stack[depth++] = isObject ? 1 : 0
      i = skipSpace(bytes, i + 1, end)
      if (i < end && bytes[i] === (isObject ? 0x7d : 0x5d)) {
        i++
        depth--
      } else {
        if (isObject) i = skipKey(bytes, i, end)
        continue
      }
    } else if (kind !== Kind.None) i = skipLiteral(bytes, i, end, kind)
    else fail(i, i < end ? 'a value is missing' : 'the body ends too early')
    // A value ended before i: close what ends here, or go on to the next value.
    for (;;) {
      if (depth === 0) return i
      i = skipSpace(bytes, i, end)
      const c = i < end ? bytes[i]! : 0
      const isObject = stack[depth - 1] === 1
      if (c === 0x2c) {
        i = skipSpace(bytes, i + 1, end)
        if (isObject) i = skipKey(bytes, i, end)
        break
      }
      if (c !== (isObject ? 0x7d : 0x5d)) fail(i, i < end ? 'a comma or bracket is missing' : 'the body ends too early')
      i++
      depth--
    }
  }
}

/** A key, its colon and the space behind it: answers where the value starts. */
function skipKey(bytes: Uint8Array, i: number, end: number): number {
  if (i >= end || bytes[i] !== 0x22) fail(i, 'a key is missing')
  return skipColon(bytes, skipString(bytes, i + 1, end), end)
}

/** The colon, with space around it. */
export function skipColon(bytes: Uint8Array, i: number, end: number): number {
  i = skipSpace(bytes, i, end)
  if (i >= end || bytes[i] !== 0x3a) fail(i, 'a colon is missing')
  return skipSpace(bytes, i + 1, end)
}
