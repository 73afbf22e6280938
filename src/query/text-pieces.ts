// Where long strings are cut for work a piece at a time.

/** UTF-16 units of a piece: 20 to 100 µs of most work. */
export const PIECE = 16_384

export const isLow = (code: number): boolean => (code & 0xfc00) === 0xdc00
export const isHigh = (code: number): boolean => (code & 0xfc00) === 0xd800

/** `at`, or one before it, where it would part a surrogate pair. */
export const wholeAt = (text: string, at: number): number =>
  at > 0 && at < text.length && isLow(text.charCodeAt(at)) && isHigh(text.charCodeAt(at - 1)) ? at - 1 : at
