// Effects: what a program wants to happen to the tables, written down before anything happens (R13).
//
// A program runs to its end first, then its effects are applied together, or, after an error or a drop!, not at all.
// An effect is a row of numbers, no object: an operation, a table, and slices. A slice is a place in the batch's bytes,
// so that a key that stands in the event is never copied or made a string; a text that the program computed lies in the
// arena, at offsets from ARENA up.
//
//     ops      | operation | table << 4 ||  keyStart  |  keyEnd  |  valueStart  |  valueEnd  |   five int32 an effect
//     amounts  |  amount, observation, or place in `symbols` |                                  one double an effect
//     events   |  event  |      times  | when it happened |
//
// The buffer may hold the effects of several events of one batch, in order: Updates.apply finds all their keys first,
// and changes cells then.
//
// Hashes of slices are remembered until the buffer is emptied: the same user goes into four sketches, the same app
// version is a key of three tables, and a keyed hash costs 30 ns. Short keys are remembered by their text beyond that: types,
// versions, platforms come back with every event, and comparing eight bytes costs a third of hashing them.

import { LetheError } from '../core/errors.js'
import { type HashKey, hash, hashBytes } from '../core/hash.js'
import type { EventBatch } from '../event/batch.js'
import type { SessionStates } from './sessions.js'
import { kindNames, type TableDeclaration, type TableKind } from './types.js'

/** An offset from here up points into `effects.arena`, at (offset − ARENA); below, into the batch's bytes. */
export const ARENA = 0x4000_0000

export const enum Operation {
  Bump = 1,
  Sketch = 2,
  Collect = 3,
  Observe = 4,
  Gauge = 5,
  Tick = 6,
  SetState = 7,
  Once = 8,
  NoteGroup = 9,
}

/** Int32s an effect takes in `ops`. */
export const STRIDE = 5

const CACHE = 16
const CACHE_STRIDE = 5
// Short keys remembered by their text, how long they may be, and int32s that each takes: hash key, length, text in four
// words that may overlap, hash.
const MEMO_BITS = 10
const MEMO_BYTES = 16
const MEMO_STRIDE = 9
const noDeclarations: readonly TableDeclaration[] = []

export class Effects {
  /** Effects so far. */
  count = 0
  /** Rows of STRIDE numbers: operation | table << 4, keyStart, keyEnd, valueStart, valueEnd. */
  ops = new Int32Array(32 * STRIDE)
  amounts = new Float64Array(32)
  /** The event of each effect, and when it happened, ms. */
  events = new Int32Array(32)
  times = new Float64Array(32)
  /** For Updates.apply: what it mixes into each key's hash, the row it found, the hash of the value. */
  mixes = new Int32Array(32)
  rows = new Int32Array(32)
  lows = new Int32Array(32)
  highs = new Int32Array(32)
  symbols: string[] = []
  arena = new Uint8Array(512)
  arenaLength = 0
  /** Where the last `text` lies. */
  textStart = ARENA
  textEnd = ARENA
  declared: readonly TableDeclaration[] = noDeclarations
  /** Tables named at run time; their indexes follow the declared ones. */
  readonly named: TableDeclaration[] = []
  bytes: Uint8Array = new Uint8Array(0)

  /** Whether the event that runs has changed what the next one may ask for (`state`, `once!`): then it is to be applied first. */
  remembers = false
  private event = 0
  private atMs = 0
  /** Effects of the events before the one that runs. */
  private before = 0
  private words: DataView = new DataView(new ArrayBuffer(0))
  private arenaWords: DataView = new DataView(this.arena.buffer)
  private sessions: SessionStates | undefined
  private keyGiven: HashKey | undefined
  private hashKey: HashKey = { k0: 0, k1: 0 }
  private declaredIndex: Map<string, number> = new Map()
  private indexedFor: readonly TableDeclaration[] = noDeclarations
  private epoch = 0
  // Per place: start, end, epoch, lo, hi.
  private readonly cache = new Int32Array(CACHE * CACHE_STRIDE)
  private readonly memo = new Int32Array(MEMO_STRIDE << MEMO_BITS)
  private emptyLow = 0
  private emptyHigh = 0

  /** Empties the buffer for events of `batch`. Slices refer to `batch.bytes` as it is now. */
  begin(batch: EventBatch, declared: readonly TableDeclaration[], sessions: SessionStates): void {
    this.clear()
    this.arenaLength = 0
    this.declared = declared
    if (this.bytes !== batch.bytes) this.takeBytes(batch.bytes)
    this.sessions = sessions
    if (this.keyGiven !== sessions.hashKey) this.takeKey(sessions.hashKey)
    this.epoch = (this.epoch + 1) | 0
    if (this.named.length > 0) this.named.length = 0
    if (this.symbols.length > 0) this.symbols.length = 0
  }

  /** Forgets all effects. */
  clear(): void {
    this.count = 0
    this.before = 0
  }

  /** What follows is of event `index`, which happened at `atMs`. */
  nextEvent(index: number, atMs: number): void {
    this.event = index
    this.atMs = atMs
    this.before = this.count
    this.remembers = false
  }

  /** Forgets the effects of the event that runs. */
  dropEvent(): void {
    this.count = this.before
    this.remembers = false
    if (this.symbols.length > 0) this.symbols.length = 0
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
    this.arenaLength = at
    this.textStart = ARENA + start
    this.textEnd = ARENA + at
  }

  /**
   * The index of a table named at run time, appended behind the declared ones.
   * Throws LetheError `wrong-type` if the name is taken by another kind.
   */
  dynamic(name: string, kind: TableKind): number {
    if (this.indexedFor !== this.declared) this.indexDeclared()
    const declared = this.declaredIndex.get(name)
    if (declared !== undefined) return this.sameKind(this.declared[declared]!, kind, declared)
    const named = this.named
    for (let i = 0; i < named.length; i++) {
      if (named[i]!.name === name) return this.sameKind(named[i]!, kind, this.declared.length + i)
    }
    named.push({ name, kind })
    return this.declared.length + named.length - 1
  }

  /** Makes what the event that runs adds to counters and timelines count `weight` times. */
  weigh(weight: number): void {
    for (let i = this.before; i < this.count; i++) {
      const operation = this.ops[i * STRIDE]! & 15
      if (operation === Operation.Bump || operation === Operation.Tick) this.amounts[i]! *= weight
    }
  }

  /** Adds `amount` to a counter. */
  bump(table: number, keyStart: number, keyEnd: number, amount: number): void {
    this.push(Operation.Bump | (table << 4), keyStart, keyEnd, 0, 0, finite(amount))
  }

  /** Adds a text to a sketch of distinct ones. */
  sketch(table: number, keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void {
    this.push(Operation.Sketch | (table << 4), keyStart, keyEnd, valueStart, valueEnd, 0)
  }

  /** Adds a text to a set. */
  collect(table: number, keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void {
    this.push(Operation.Collect | (table << 4), keyStart, keyEnd, valueStart, valueEnd, 0)
  }

  /** Adds an observation to a histogram. */
  observe(table: number, keyStart: number, keyEnd: number, x: number): void {
    this.push(Operation.Observe | (table << 4), keyStart, keyEnd, 0, 0, finite(x))
  }

  /** Sets a gauge. */
  gauge(table: number, keyStart: number, keyEnd: number, x: number): void {
    this.push(Operation.Gauge | (table << 4), keyStart, keyEnd, 0, 0, finite(x))
  }

  /** Adds `amount` to the event's minute in a timeline. */
  tick(table: number, keyStart: number, keyEnd: number, amount: number): void {
    this.push(Operation.Tick | (table << 4), keyStart, keyEnd, 0, 0, finite(amount))
  }

  /** Sets the state of a session. Throws LetheError `out-of-range` when the customer has too many symbols. */
  setState(keyStart: number, keyEnd: number, symbol: string): void {
    this.sessions!.checkSymbol(symbol, this.symbols)
    this.hashOf(keyStart, keyEnd)
    this.symbols.push(symbol)
    this.remembers = true
    this.push(Operation.SetState, keyStart, keyEnd, hash.lo, hash.hi, this.symbols.length - 1)
  }

  /** The state of a session: as this event has set it, else as it stands. */
  getState(keyStart: number, keyEnd: number): string | undefined {
    this.hashOf(keyStart, keyEnd)
    const low = hash.lo
    const high = hash.hi
    for (let i = this.count - 1; i >= this.before; i--) {
      const at = i * STRIDE
      if (this.ops[at] === Operation.SetState && this.ops[at + 3] === low && this.ops[at + 4] === high) {
        return this.symbols[this.amounts[i]!]
      }
    }
    return this.sessions!.stateOf(low, high)
  }

  /** True the first time that a (scope, key) is seen. `scope` is 0…15. */
  once(scope: number, keyStart: number, keyEnd: number): boolean {
    this.hashOf(keyStart, keyEnd)
    const low = hash.lo
    const high = hash.hi
    if (this.sessions!.hasSeen(scope, low, high)) return false
    for (let i = this.count - 1; i >= this.before; i--) {
      const at = i * STRIDE
      if (
        this.ops[at] === Operation.Once &&
        this.ops[at + 3] === low &&
        this.ops[at + 4] === high &&
        this.amounts[i] === scope
      ) {
        return false
      }
    }
    this.remembers = true
    this.push(Operation.Once, keyStart, keyEnd, low, high, scope)
    return true
  }

  /** Registers the event's crash group: title, culprit, platform, first, last and example. */
  noteGroup(event: number): void {
    this.push(Operation.NoteGroup, event, 0, 0, 0, 0)
  }

  /** Hashes a slice under the customer's key into `hash.lo` and `hash.hi`, once per event. */
  hashOf(start: number, end: number): void {
    const cache = this.cache
    const at = ((start ^ (start >>> 4)) & (CACHE - 1)) * CACHE_STRIDE
    if (cache[at] === start && cache[at + 1] === end && cache[at + 2] === this.epoch) {
      hash.lo = cache[at + 3]!
      hash.hi = cache[at + 4]!
      return
    }
    if (start >= ARENA) hashBytes(this.hashKey, this.arena, start - ARENA, end - ARENA)
    else hashBytes(this.hashKey, this.bytes, start, end)
    this.remember(at, start, end)
  }

  /** The same for a slice that is a key, and so has likely been one before. */
  hashOfKey(start: number, end: number): void {
    if (start === end) {
      hash.lo = this.emptyLow
      hash.hi = this.emptyHigh
      return
    }
    const cache = this.cache
    const at = ((start ^ (start >>> 4)) & (CACHE - 1)) * CACHE_STRIDE
    if (cache[at] === start && cache[at + 1] === end && cache[at + 2] === this.epoch) {
      hash.lo = cache[at + 3]!
      hash.hi = cache[at + 4]!
      return
    }
    if (end - start <= MEMO_BYTES) this.hashShort(start, end)
    else if (start >= ARENA) hashBytes(this.hashKey, this.arena, start - ARENA, end - ARENA)
    else hashBytes(this.hashKey, this.bytes, start, end)
    this.remember(at, start, end)
  }

  private remember(at: number, start: number, end: number): void {
    const cache = this.cache
    cache[at] = start
    cache[at + 1] = end
    cache[at + 2] = this.epoch
    cache[at + 3] = hash.lo
    cache[at + 4] = hash.hi
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
    this.emptyLow = hash.lo
    this.emptyHigh = hash.hi
  }

  private push(op: number, a: number, b: number, c: number, d: number, amount: number): void {
    const index = this.count
    if (index === this.amounts.length) this.grow()
    const ops = this.ops
    const at = index * STRIDE
    ops[at] = op
    ops[at + 1] = a
    ops[at + 2] = b
    ops[at + 3] = c
    ops[at + 4] = d
    this.amounts[index] = amount
    this.events[index] = this.event
    this.times[index] = this.atMs
    this.count = index + 1
  }

  private grow(): void {
    const size = this.count * 2
    this.ops = grown(this.ops, new Int32Array(size * STRIDE))
    this.amounts = grown(this.amounts, new Float64Array(size))
    this.events = grown(this.events, new Int32Array(size))
    this.times = grown(this.times, new Float64Array(size))
    this.mixes = new Int32Array(size)
    this.rows = new Int32Array(size)
    this.lows = new Int32Array(size)
    this.highs = new Int32Array(size)
  }

  private growArena(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.arena.length * 2))
    grown.set(this.arena)
    this.arena = grown
    this.arenaWords = new DataView(grown.buffer)
  }

  private indexDeclared(): void {
    this.declaredIndex = new Map(this.declared.map((table, index) => [table.name, index]))
    this.indexedFor = this.declared
  }

  private sameKind(table: TableDeclaration, kind: TableKind, index: number): number {
    if (table.kind === kind) return index
    throw new LetheError(
      'wrong-type',
      `table ${table.name} is a ${kindNames[table.kind]}, not a ${kindNames[kind]}`,
      400,
      { table: table.name },
    )
  }
}

function grown<Numbers extends Int32Array | Float64Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from)
  return to
}

// A NaN in a counter would never leave it.
function finite(x: number): number {
  if (x - x === 0) return x
  throw new LetheError('out-of-range', `${x} cannot be added to a table`, 400)
}
