// Keyed 64-bit hashing of bytes: HalfSipHash-1-3 with a 64-bit key and 64-bit answer
// (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; the half variant works on 32-bit words,
// which is what JavaScript has).
//
// Ingest keys ship inside public apps, so whoever holds one chooses the bytes that reach a sketch, an id window or a
// key index. Under an unkeyed hash they could make every user collide; under this one they would have to know the
// customer's secret.
//
// One departure from the reference: the upper half is taken after one more round instead of three (7 ns of 38 saved on
// 12 bytes); both halves stay keyed. The function is part of the format: registers and id windows persist its answers.
//
// An answer is two 32-bit halves, left in `hash.lo` and `hash.hi` as signed integers: a 64-bit value would be a
// bigint, an allocation per hash.

/** Two 32-bit words of secret key. One per customer, immutable, part of its state. */
export interface HashKey {
  readonly k0: number
  readonly k1: number
}

/** Where the last `hashBytes` left its answer. Read it at once: the next call overwrites it. */
export const hash = { lo: 0, hi: 0 }

/** Hashes bytes[start, end) under `key` into `hash.lo` and `hash.hi` (signed 32-bit each). */
export function hashBytes(key: HashKey, bytes: Uint8Array, start: number, end: number): void {
  const k0 = key.k0 | 0
  const k1 = key.k1 | 0
  let v0 = k0
  let v1 = k1 ^ 0xee
  let v2 = k0 ^ 0x6c796765
  let v3 = k1 ^ 0x74656462
  const length = end - start
  const wordsEnd = end - (length & 3)
  let i = start
  for (; i < wordsEnd; i += 4) {
    const m = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    v3 ^= m
    v0 = (v0 + v1) | 0
    v1 = (v1 << 5) | (v1 >>> 27)
    v1 ^= v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = (v3 << 8) | (v3 >>> 24)
    v3 ^= v2
    v0 = (v0 + v3) | 0
    v3 = (v3 << 7) | (v3 >>> 25)
    v3 ^= v0
    v2 = (v2 + v1) | 0
    v1 = (v1 << 13) | (v1 >>> 19)
    v1 ^= v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= m
  }
  let last = length << 24
  switch (length & 3) {
    // biome-ignore lint/suspicious/noFallthroughSwitchClause: the tail of 3, 2 or 1 bytes, as in the reference code
    case 3:
      last |= bytes[i + 2]! << 16
    // biome-ignore lint/suspicious/noFallthroughSwitchClause: see above
    case 2:
      last |= bytes[i + 1]! << 8
    case 1:
      last |= bytes[i]!
  }
  v3 ^= last
  v0 = (v0 + v1) | 0
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
  v0 = (v0 << 16) | (v0 >>> 16)
  v2 = (v2 + v3) | 0
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
  v0 = (v0 + v3) | 0
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
  v2 = (v2 + v1) | 0
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
  v2 = (v2 << 16) | (v2 >>> 16)
  v0 ^= last
  v2 ^= 0xee
  v0 = (v0 + v1) | 0
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
  v0 = (v0 << 16) | (v0 >>> 16)
  v2 = (v2 + v3) | 0
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
  v0 = (v0 + v3) | 0
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
  v2 = (v2 + v1) | 0
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
  v2 = (v2 << 16) | (v2 >>> 16)
  v0 = (v0 + v1) | 0
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
  v0 = (v0 << 16) | (v0 >>> 16)
  v2 = (v2 + v3) | 0
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
  v0 = (v0 + v3) | 0
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
  v2 = (v2 + v1) | 0
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
  v2 = (v2 << 16) | (v2 >>> 16)
  v0 = (v0 + v1) | 0
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
  v0 = (v0 << 16) | (v0 >>> 16)
  v2 = (v2 + v3) | 0
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
  v0 = (v0 + v3) | 0
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
  v2 = (v2 + v1) | 0
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
  v2 = (v2 << 16) | (v2 >>> 16)
  hash.lo = v1 ^ v3
  v1 ^= 0xdd
  v0 = (v0 + v1) | 0
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
  v0 = (v0 << 16) | (v0 >>> 16)
  v2 = (v2 + v3) | 0
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
  v0 = (v0 + v3) | 0
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
  v2 = (v2 + v1) | 0
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
  v2 = (v2 << 16) | (v2 >>> 16)
  hash.hi = v1 ^ v3
}
