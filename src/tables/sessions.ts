// What a customer remembers of sessions: a symbol a key (`state`, `set-state!`), and which of 16 scopes have seen the key
// (`once`). Keys are 64-bit keyed hashes; the oldest are forgotten beyond `maxSessions`, and when older than the retention.
//
//      | lo | hi | scopes (16 bits) · symbol + 1 (16 bits) | day of first sight |

import { LetheError } from '../core/errors.js'
import type { HashKey } from '../core/hash.js'
import type { Limits } from '../core/limits.js'
import { Fifo } from './fifo.js'
import type { Tracker } from './page.js'

const WORD = 2
const DAY = 3
const SCOPES = 0xffff

export class SessionStates {
  readonly queue: Fifo
  /** Symbols that were ever set, in order of first use. Programs name their states; data does not. */
  readonly symbols: string[] = []
  /** Called before a symbol is added. */
  onSymbol: () => void = () => {}
  private readonly numbers = new Map<string, number>()

  constructor(
    readonly hashKey: HashKey,
    private readonly limits: Limits,
    tracker: Tracker,
  ) {
    this.queue = new Fifo({ letter: 's', width: 4, pageBits: 8 }, tracker)
  }

  get size(): number {
    return this.queue.size
  }

  /** The symbol of a key, or undefined. */
  stateOf(low: number, high: number): string | undefined {
    const place = this.queue.find(low, high)
    return place < 0 ? undefined : this.symbols[(this.queue.word(place, WORD) >>> 16) - 1]
  }

  hasSeen(scope: number, low: number, high: number): boolean {
    const place = this.queue.find(low, high)
    return place >= 0 && (this.queue.word(place, WORD) & (1 << scope)) !== 0
  }

  see(scope: number, low: number, high: number, day: number): void {
    const place = this.placeOf(low, high, day)
    this.queue.setWord(place, WORD, this.queue.word(place, WORD) | (1 << scope))
  }

  setState(low: number, high: number, symbol: string, day: number): void {
    let number = this.numbers.get(symbol)
    if (number === undefined) {
      this.onSymbol()
      number = this.symbols.length
      this.restoreSymbol(symbol)
    }
    const place = this.placeOf(low, high, day)
    this.queue.setWord(place, WORD, (this.queue.word(place, WORD) & SCOPES) | ((number + 1) << 16))
  }

  /** Throws LetheError `out-of-range` if `symbol` is new and there is no room for it beside those of `pending`. */
  checkSymbol(symbol: string, pending: readonly string[]): void {
    if (this.numbers.has(symbol)) return
    let added = 0
    for (const other of pending) if (!this.numbers.has(other)) added++
    if (this.symbols.length + added >= this.limits.maxStateSymbols || symbol.length > this.limits.maxTextLength) {
      throw new LetheError('out-of-range', `more than ${this.limits.maxStateSymbols} different states`, 400)
    }
  }

  /** Adds a symbol that was stored. */
  restoreSymbol(symbol: string): void {
    this.symbols.push(symbol)
    this.numbers.set(symbol, this.symbols.length - 1)
  }

  /** Forgets the sessions first seen before `day`. */
  dropBefore(day: number): void {
    const { queue } = this
    let place = queue.head
    while (place < queue.tail && queue.word(place, DAY) < day) {
      const pageEnd = Math.min((Math.floor(place / 256) + 1) * 256, queue.tail)
      if (queue.word(pageEnd - 1, DAY) < day) place = pageEnd
      else place++
    }
    if (place > queue.head) queue.dropTo(place)
  }

  // `day` is the state's, so entries are in order of day.
  private placeOf(low: number, high: number, day: number): number {
    const { queue } = this
    const place = queue.find(low, high)
    if (place >= 0) return place
    const fresh = queue.push(low, high)
    queue.setWord(fresh, DAY, day)
    if (queue.size > this.limits.maxSessions) queue.dropTo(queue.tail - this.limits.maxSessions)
    return fresh
  }
}
