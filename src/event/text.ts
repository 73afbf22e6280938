// Texts as bytes: is it UTF-8, where may it be cut, and how the unusual ones become canonical.

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()

/** Where `measure` found the cut: the position after the last character that fits. Equals `end` where all fits. */
export const measured = { end: 0 }

/**
 * Is bytes[start, end) UTF-8 (as TextDecoder sees it: no surrogates, nothing overlong)? Leaves in `measured.end` where to cut so that at
 * most `maxUnits` UTF-16 units remain and no character is split.
 */
export function measure(bytes: Uint8Array, start: number, end: number, maxUnits: number): boolean {
  let units = 0
  let cut = -1
  let i = start
  while (i < end) {
    const c = bytes[i]!
    let size = 1
    if (c >= 0x80) {
      size = sequenceAt(bytes, i, end)
      if (size === 0) return false
    }
    units += size === 4 ? 2 : 1
    if (units > maxUnits && cut < 0) cut = i
    i += size
  }
  measured.end = cut < 0 ? end : cut
  return true
}

/** How many bytes the character beyond ASCII at i has; 0 if it is none. Unicode 15, table 3-7. */
function sequenceAt(bytes: Uint8Array, i: number, end: number): number {
  const c = bytes[i]!
  const size = c >= 0xc2 && c <= 0xdf ? 2 : c >= 0xe0 && c <= 0xef ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0
  if (size === 0 || i + size > end) return 0
  const second = bytes[i + 1]!
  const low = c === 0xe0 ? 0xa0 : c === 0xf0 ? 0x90 : 0x80
  const high = c === 0xed ? 0x9f : c === 0xf4 ? 0x8f : 0xbf
  if (second < low || second > high) return 0
  for (let j = i + 2; j < i + size; j++) if ((bytes[j]! & 0xc0) !== 0x80) return 0
  return size
}

export function hasEscape(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === 0x5c) return true
  return false
}

/** The text of a JSON string from the bytes between its quotes, exactly as JSON.parse makes it of TextDecoder's answer. */
export function unescapeText(bytes: Uint8Array, start: number, end: number): string {
  return JSON.parse(`"${decoder.decode(bytes.subarray(start, end))}"`) as string
}

/** Bytes as text, with U+FFFD for what is not UTF-8. */
export function plainText(bytes: Uint8Array, start: number, end: number): string {
  return decoder.decode(bytes.subarray(start, end))
}

/** At most `maxUnits` UTF-16 units, no surrogate pair split. */
export function cutText(text: string, maxUnits: number): string {
  if (text.length <= maxUnits) return text
  const isPair = isHigh(text.charCodeAt(maxUnits - 1)) && isLow(text.charCodeAt(maxUnits))
  return text.slice(0, isPair ? maxUnits - 1 : maxUnits)
}

const isHigh = (unit: number) => unit >= 0xd800 && unit <= 0xdbff
const isLow = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff

/** Writes `text` as UTF-8 at `at`, where 3 bytes a unit are free; answers how many it took. A lone surrogate becomes U+FFFD. */
export function writeText(text: string, bytes: Uint8Array, at: number): number {
  return encoder.encodeInto(text, at === 0 ? bytes : bytes.subarray(at)).written
}
