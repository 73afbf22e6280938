// The texts that the effects of an event are about, as places (start, end): in the bytes of its batch, or, from ARENA up, in an
// arena for what a program computed. A key that stands in the event is never copied nor made a string.
//
// Hashes of places are remembered for as long as the bytes are there: the same user goes into four sketches, the same app
// version is a key of three tables, and a keyed hash costs 30 ns. Short keys are remembered by their text beyond that: types,
// versions, platforms come back with every event, and comparing eight bytes costs a third of hashing them.

import { type HashKey, hash, hashBytes } from '../core/hash.js'

/** A place from here up is in the arena, at (place − ARENA); below, in the batch's bytes. */
export const ARENA = 0x4000_0000

/** Hashes remembered by place. With 128, nothing is faster. */
const PLACES = 32
/** Where those of other texts begin in `hashes`: before them stands the empty text's. */
const FIRST_PLACE = 4
// Short keys remembered by their text, how long they may be, and int32s that each takes: hash key, length, text in four
// words that may overlap, hash.
const MEMO_BITS = 10
const MEMO_BYTES = 16
const MEMO_STRIDE = 9

/** Bytes of computed texts that may lie in the arena when an event begins. */
const ARENA_KEPT = 2_048

export class EventTexts {
  bytes: Uint8Array = new Uint8Array(0)
  arena = new Uint8Array(512)
  arenaLength = 0
  /** Where the last `text` or `join` lies. */
  textStart = ARENA
  textEnd = ARENA
  /** Four int32 a text, at what `hashed` answers: start, end, lower and upper half of the hash. */
  readonly hashes = new Int32Array(FIRST_PLACE + 4 * PLACES)

  private words: DataView = new DataView(new ArrayBuffer(0))
  private arenaWords: DataView = new DataView(this.arena.buffer)
  private keyGiven: HashKey | undefined
  hashKey: HashKey = { k0: 0, k1: 0 }
  private readonly memo = new Int32Array(MEMO_STRIDE << MEMO_BITS)

  /** Places are in `bytes` as they are now, and hashed under `key`; the arena is empty. */
  protected readTexts(bytes: Uint8Array, key: HashKey): void {
    if (this.bytes !== bytes) this.takeBytes(bytes)
    if (this.keyGiven !== key) this.takeKey(key)
    this.emptyArena()
  }

  /** Texts of the events before this one are of no use any more. */
  protected forgetTexts(): void {
    if (this.arenaLength > ARENA_KEPT) this.emptyArena()
  }

  private emptyArena(): void {
    this.arenaLength = 0
    this.hashes.fill(0, FIRST_PLACE)
  }

  /** Copies a computed text into the arena; its place is left in `textStart` and `textEnd`. */
  text(value: string): void {
    const start = this.arenaLength
    const length = value.length
    if (start + length * 3 > this.arena.length) this.growArena(start + length * 3)
    const arena = this.arena
    let at = start
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i)
      if (unit >= 0x80) {
        at = start + Buffer.from(arena.buffer, arena.byteOffset, arena.length).write(value, start, 'utf8')
        break
      }
      arena[at++] = unit
    }
    this.leave(start, at)
  }

  /** Joins two texts with a space between them, in the arena; the place is left in `textStart` and `textEnd`. */
  join(aStart: number, aEnd: number, bStart: number, bEnd: number): void {
    const start = this.arenaLength
    const size = aEnd - aStart + 1 + (bEnd - bStart)
    if (start + size > this.arena.length) this.growArena(start + size)
    const middle = this.copy(start, aStart, aEnd)
    this.arena[middle] = 0x20
    this.leave(start, this.copy(middle + 1, bStart, bEnd))
  }

  /** Hashes a text under the customer's key: `hashes` has it at the place that is answered, until the next call. */
  hashed(start: number, end: number): number {
    if (start === end) return 0
    const { hashes } = this
    const at = ((start & (PLACES - 1)) << 2) + FIRST_PLACE
    if (hashes[at] !== start || hashes[at + 1] !== end) this.hashAt(at, start, end, false)
    return at
  }

  /** The same for a text that is a key, and so has likely been one before. */
  hashedKey(start: number, end: number): number {
    if (start === end) return 0
    const { hashes } = this
    const at = ((start & (PLACES - 1)) << 2) + FIRST_PLACE
    if (hashes[at] !== start || hashes[at + 1] !== end) this.hashAt(at, start, end, end - start <= MEMO_BYTES)
    return at
  }

  private hashAt(at: number, start: number, end: number, isShortKey: boolean): void {
    if (isShortKey) this.hashShort(start, end)
    else if (start >= ARENA) hashBytes(this.hashKey, this.arena, start - ARENA, end - ARENA)
    else hashBytes(this.hashKey, this.bytes, start, end)
    const { hashes } = this
    hashes[at] = start
    hashes[at + 1] = end
    hashes[at + 2] = hash.lo
    hashes[at + 3] = hash.hi
  }

  private hashShort(start: number, end: number): void {
    const inArena = start >= ARENA
    const bytes = inArena ? this.arena : this.bytes
    const words = inArena ? this.arenaWords : this.words
    const from = inArena ? start - ARENA : start
    const length = end - start
    const to = from + length
    const { k0, k1 } = this.hashKey
    let first: number
    let last = 0
    let second = 0
    let third = 0
    if (length >= 4) {
      first = words.getInt32(from, true)
      last = words.getInt32(to - 4, true)
      if (length > 8) {
        second = words.getInt32(from + 4, true)
        third = words.getInt32(to - 8, true)
      }
    } else first = bytes[from]! | (bytes[from + (length >> 1)]! << 8) | (bytes[to - 1]! << 16)
    // Any mixture does: what it finds is compared.
    const mixed = Math.imul(first ^ Math.imul(last ^ third, 0x2c1b3c6d) ^ second ^ k0, 0x297a2d39)
    const at = (mixed >>> (32 - MEMO_BITS)) * MEMO_STRIDE
    const memo = this.memo
    if (
      memo[at] === k0 &&
      memo[at + 1] === k1 &&
      memo[at + 2] === length &&
      memo[at + 3] === first &&
      memo[at + 4] === last &&
      memo[at + 5] === second &&
      memo[at + 6] === third
    ) {
      hash.lo = memo[at + 7]!
      hash.hi = memo[at + 8]!
      return
    }
    hashBytes(this.hashKey, bytes, from, to)
    memo[at] = k0
    memo[at + 1] = k1
    memo[at + 2] = length
    memo[at + 3] = first
    memo[at + 4] = last
    memo[at + 5] = second
    memo[at + 6] = third
    memo[at + 7] = hash.lo
    memo[at + 8] = hash.hi
  }

  private takeBytes(bytes: Uint8Array): void {
    this.bytes = bytes
    this.words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  private takeKey(key: HashKey): void {
    this.keyGiven = key
    // As int32, which is how the memo remembers them.
    this.hashKey = { k0: key.k0 | 0, k1: key.k1 | 0 }
    hashBytes(this.hashKey, this.arena, 0, 0)
    this.hashes[2] = hash.lo
    this.hashes[3] = hash.hi
  }

  // Answers where the copy ends.
  private copy(to: number, start: number, end: number): number {
    const { arena } = this
    const source = start >= ARENA ? arena : this.bytes
    const shift = start >= ARENA ? ARENA : 0
    for (let i = start - shift; i < end - shift; i++) arena[to++] = source[i]!
    return to
  }

  private leave(start: number, end: number): void {
    this.arenaLength = end
    this.textStart = ARENA + start
    this.textEnd = ARENA + end
  }

  private growArena(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.arena.length * 2))
    grown.set(this.arena)
    this.arena = grown
    this.arenaWords = new DataView(grown.buffer)
  }
}
