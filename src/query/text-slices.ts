// Work on long strings, a piece at a time (slices.ts). Pieces are cut where no character comes apart.

import { STRETCH, type Steps } from './slices.js'
import { isHigh, isLow, PIECE, wholeAt } from './text-pieces.js'

/** What searching for a pattern piece by piece may compare at worst: its length times that of a piece. */
const LONGEST_NAIVE = 32

const isWordEnd = (code: number): boolean => code < 128 && !/[a-zA-Z]/.test(String.fromCharCode(code))

// What case a letter takes may depend on its neighbours in the word (final sigma): cut between words where one ends nearby.
function pieceEnd(text: string, from: number): number {
  const end = from + PIECE
  if (end >= text.length) return text.length
  for (let at = end; at > end - 256; at--) if (isWordEnd(text.charCodeAt(at))) return at
  return wholeAt(text, end)
}

/** The pieces of a text, in order. */
export function* pieces(text: string, each: (piece: string) => void): Steps<void> {
  for (let from = 0; from < text.length; ) {
    if (from > 0) yield STRETCH
    const end = pieceEnd(text, from)
    each(text.slice(from, end))
    from = end
  }
}

/** What `change` makes of all pieces. */
export function* mapped(text: string, change: (piece: string) => string): Steps<string> {
  const parts: string[] = []
  yield* pieces(text, piece => {
    parts.push(change(piece))
  })
  return parts.join('')
}

/** Code points before `end`. */
export function* pointsBefore(text: string, end: number): Steps<number> {
  let count = end
  for (let i = 0; i < end; i++) {
    if (isLow(text.charCodeAt(i)) && i > 0 && isHigh(text.charCodeAt(i - 1))) count--
    if ((i & (PIECE - 1)) === PIECE - 1) yield STRETCH
  }
  return count
}

/** The place of `part` in `text` from `from` on, or −1: linear, whatever they are. */
export function* placeOfPart(text: string, part: string, from: number): Steps<number> {
  if (part.length > LONGEST_NAIVE) return yield* placeOfLong(text, part, from)
  for (let at = from; at + part.length <= text.length; at += PIECE) {
    const found = text.slice(at, at + PIECE + part.length - 1).indexOf(part)
    if (found >= 0) return at + found
    yield STRETCH
  }
  return -1
}

// Knuth, Morris and Pratt: how much of the pattern still matches where its next unit does not.
function* placeOfLong(text: string, part: string, from: number): Steps<number> {
  const fallback = new Int32Array(part.length)
  for (let i = 1, matched = 0; i < part.length; i++) {
    while (matched > 0 && part.charCodeAt(i) !== part.charCodeAt(matched)) matched = fallback[matched - 1]!
    if (part.charCodeAt(i) === part.charCodeAt(matched)) matched++
    fallback[i] = matched
    if ((i & (PIECE - 1)) === 0) yield STRETCH
  }
  for (let i = from, matched = 0; i < text.length; i++) {
    while (matched > 0 && text.charCodeAt(i) !== part.charCodeAt(matched)) matched = fallback[matched - 1]!
    if (text.charCodeAt(i) === part.charCodeAt(matched)) matched++
    if (matched === part.length) return i - matched + 1
    if ((i & (PIECE - 1)) === 0) yield STRETCH
  }
  return -1
}

/** The text between the places where `part` is; with none, the whole of it. */
export function* between(text: string, part: string): Steps<string[]> {
  const parts: string[] = []
  let from = 0
  for (;;) {
    const found = part.length <= LONGEST_NAIVE && parts.length % 64 !== 0 ? near(text, part, from) : -2
    const at = found === -2 ? yield* placeOfPart(text, part, from) : found
    if (at < 0) break
    parts.push(text.slice(from, at))
    from = at + part.length
    if (parts.length % STRETCH === 0) yield STRETCH
  }
  parts.push(text.slice(from))
  return parts
}

/** Where `part` is within a short piece; −2 if not there. Without a generator: most parts are short. */
function near(text: string, part: string, from: number): number {
  const found = text.slice(from, from + 256).indexOf(part)
  return found < 0 ? -2 : from + found
}

/** Negative, zero or positive as `a` comes before, is, or comes after `b`; by code points, which JavaScript's `<` is not. */
export function compareTexts(a: string, b: string, from = 0, to = Number.MAX_SAFE_INTEGER): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length, to)
  for (let i = from; i < length; i++) {
    if (a.charCodeAt(i) === b.charCodeAt(i)) continue
    const low = i > 0 && isLow(a.charCodeAt(i)) && isLow(b.charCodeAt(i)) ? i - 1 : i
    return a.codePointAt(low)! - b.codePointAt(low)!
  }
  return to <= length ? 0 : a.length - b.length
}

export function* compareSlowly(a: string, b: string): Steps<number> {
  const length = Math.min(a.length, b.length)
  for (let from = 0; from < length; from += PIECE) {
    const order = compareTexts(a, b, from, from + PIECE)
    if (order !== 0) return order
    yield STRETCH
  }
  return a.length - b.length
}

/** What the five comparisons of texts and characters hold of. */
export const orders: readonly (readonly [string, string, (order: number) => boolean])[] = [
  ['=?', 'all are equal', order => order === 0],
  ['<?', 'each comes before the next', order => order < 0],
  ['>?', 'each comes after the next', order => order > 0],
  ['<=?', 'none comes after the next', order => order <= 0],
  ['>=?', 'none comes before the next', order => order >= 0],
]
