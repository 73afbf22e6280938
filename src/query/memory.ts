// How much memory a program really holds.
//
// Allocation is only counted; garbage is given back by JavaScript, which does not say so. So when a program has allocated
// what would fill its limit, the machine stands still and walks everything that the program can still reach, in slices:
// that is what it holds, and counting goes on from there. An object already seen carries the epoch of this walk in `note`.
//
// A walk is due after limit − held bytes, but never after fewer than limit / 8: so walks cost a constant factor at most, and a
// program that holds more than 7/8 of its limit is over it.

import { Closure } from './block.js'
import { Continuation, type Segment } from './continuation.js'
import { type HashEntry, HashTable } from './hash-table.js'
import {
  Box,
  Bytes,
  Char,
  Delayed,
  Flonum,
  Opaque,
  Pair,
  Port,
  Ratio,
  Text,
  type Value,
  Values,
  Vector,
} from './value.js'

let epochs = 0

/** A mark that no container bears yet. */
export const nextEpoch = (): number => ++epochs

export class Measurement {
  private readonly epoch = nextEpoch()
  private readonly pending: Value[]
  /** Where tables have been looked through to. */
  private readonly chains: HashEntry[] = []
  private readonly arrays: (readonly Value[])[] = []
  private array: readonly Value[] | undefined
  private index = 0
  bytes: number

  constructor(roots: readonly (readonly Value[])[], segments: Segment | null, fixedBytes: number) {
    this.bytes = fixedBytes
    this.pending = []
    this.arrays.push(...roots)
    this.segments(segments)
  }

  /** Looks at up to `steps` values; true when all have been seen. */
  step(steps: number): boolean {
    const { pending } = this
    while (steps-- > 0) {
      const next = pending.pop()
      if (next !== undefined) this.visit(next)
      else if (this.array !== undefined) this.fromArray()
      else if (this.chains.length > 0) this.fromChain(this.chains.pop()!)
      else {
        this.array = this.arrays.pop()
        this.index = 0
        if (this.array === undefined) return true
      }
    }
    return false
  }

  private fromArray(): void {
    const array = this.array!
    const end = Math.min(array.length, this.index + 256)
    for (let i = this.index; i < end; i++) this.push(array[i])
    this.index = end
    if (end === array.length) this.array = undefined
  }

  private fromChain(first: HashEntry): void {
    let entry: HashEntry | undefined = first
    for (let i = 0; i < 64 && entry !== undefined; i++, entry = entry.next) {
      this.bytes += Bytes.HashEntry
      this.push(entry.key)
      this.push(entry.value)
    }
    if (entry !== undefined) this.chains.push(entry)
  }

  private push(value: Value | undefined): void {
    if (typeof value === 'object' && value !== null) this.pending.push(value)
    else if (typeof value === 'bigint') this.bytes += 32
  }

  private visit(value: Value): void {
    if (value instanceof Pair) {
      // Along the list without the stack, which otherwise grew with every element.
      let pair = value
      for (let i = 0; i < 1000; i++) {
        if (pair.note === this.epoch) return
        pair.note = this.epoch
        this.bytes += Bytes.Pair
        this.push(pair.car)
        const rest = pair.cdr
        if (!(rest instanceof Pair)) return this.push(rest)
        pair = rest
      }
      this.push(pair)
    } else if (value instanceof Flonum) this.bytes += Bytes.Flonum
    else if (value instanceof Char) this.bytes += Bytes.Char
    else if (value instanceof Ratio) this.bytes += Bytes.Ratio
    else if (typeof value === 'object' && value !== null && 'note' in value) this.visitNoted(value)
  }

  private visitNoted(value: Exclude<Value, number | bigint | boolean | null> & { note: number }): void {
    if (value.note === this.epoch) return
    value.note = this.epoch
    if (value instanceof Vector) this.list(value.items, Bytes.Vector)
    else if (value instanceof Closure) this.list(value.free, Bytes.Closure)
    else if (value instanceof Box) {
      this.bytes += Bytes.Box
      this.push(value.value)
    } else if (value instanceof Text) this.bytes += value.byteSize
    else if (value instanceof Delayed) {
      this.bytes += Bytes.Box
      this.push(value.content)
    } else if (value instanceof Values) this.list(value.items, Bytes.Values)
    else if (value instanceof HashTable) {
      this.bytes += Bytes.HashTable
      if (value.first !== undefined) this.chains.push(value.first)
    } else if (value instanceof Port) this.bytes += value.byteSize
    else if (value instanceof Opaque) this.bytes += value.byteSize
    else if (value instanceof Continuation) {
      this.bytes += Bytes.Closure
      this.segments(value.segment)
      this.push(value.winders)
    }
  }

  private list(items: readonly Value[], own: number): void {
    this.bytes += own + items.length * Bytes.Slot
    if (items.length > 0) this.arrays.push(items)
  }

  private segments(segment: Segment | null): void {
    for (; segment !== null && segment.note !== this.epoch; segment = segment.next) {
      segment.note = this.epoch
      this.bytes += Bytes.Values
      if (segment.slots.note === this.epoch) continue
      segment.slots.note = this.epoch
      this.bytes += segment.slots.items.length * Bytes.Slot
      this.arrays.push(segment.slots.items)
    }
  }
}
