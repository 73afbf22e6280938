// A hash table: JavaScript Maps under keys that stand for Scheme values (builtins-hash.ts), and a chain through all entries in
// the order they came.
//
// A Map that grows copies itself: 30 to 80 ms at 500,000 entries. So a large table is spread over many Maps, by a hash of
// its own; whoever forges keys to fall into one of them is back at those milliseconds, and pays for them.

import type { Value } from './value.js'

const LARGE = 4096
const SHARDS = 128

export class HashEntry {
  note = 0
  next: HashEntry | undefined
  constructor(
    readonly mapKey: unknown,
    readonly key: Value,
    public value: Value,
    public previous: HashEntry | undefined,
  ) {}
}

export class HashTable {
  note = 0
  size = 0
  first: HashEntry | undefined
  private last: HashEntry | undefined
  private maps: Map<unknown, HashEntry>[] = [new Map()]

  get(mapKey: unknown): HashEntry | undefined {
    return this.mapOf(mapKey).get(mapKey)
  }

  /** Adds an entry whose key is not there yet. */
  add(mapKey: unknown, key: Value, value: Value): void {
    if (this.size === LARGE && this.maps.length === 1) this.spread()
    const entry = new HashEntry(mapKey, key, value, this.last)
    this.mapOf(mapKey).set(mapKey, entry)
    if (this.last === undefined) this.first = entry
    else this.last.next = entry
    this.last = entry
    this.size++
  }

  delete(mapKey: unknown): void {
    const map = this.mapOf(mapKey)
    const entry = map.get(mapKey)
    if (entry === undefined) return
    map.delete(mapKey)
    if (entry.previous === undefined) this.first = entry.next
    else entry.previous.next = entry.next
    if (entry.next === undefined) this.last = entry.previous
    else entry.next.previous = entry.previous
    this.size--
  }

  clear(): void {
    this.maps = [new Map()]
    this.first = undefined
    this.last = undefined
    this.size = 0
  }

  /** All entries, in the order their keys came. */
  *entries(): Generator<HashEntry> {
    for (let entry = this.first; entry !== undefined; entry = entry.next) yield entry
  }

  private mapOf(mapKey: unknown): Map<unknown, HashEntry> {
    const { maps } = this
    return maps.length === 1 ? maps[0]! : maps[hashOf(mapKey) & (SHARDS - 1)]!
  }

  private spread(): void {
    this.maps = Array.from({ length: SHARDS }, () => new Map())
    for (const entry of this.entries()) this.mapOf(entry.mapKey).set(entry.mapKey, entry)
  }
}

function hashOf(mapKey: unknown): number {
  switch (typeof mapKey) {
    case 'string':
      return hashOfText(mapKey)
    case 'number':
      return Math.imul(mapKey, 0x9e37_79b1) >>> 20
    case 'bigint':
      return Number(BigInt.asUintN(20, mapKey))
    case 'object':
      return mapKey !== null && 'name' in mapKey ? hashOfText(String(mapKey.name)) : 0
    default:
      return 0
  }
}

/** Of both ends: keys that are counted through differ there. */
function hashOfText(text: string): number {
  const { length } = text
  let hash = length
  for (let i = Math.max(0, length - 12); i < length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  for (let i = Math.min(11, length - 13); i >= 0; i--) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash ^ (hash >>> 15)
}
