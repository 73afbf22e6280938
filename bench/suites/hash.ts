// The keyed hash that every user, key and id goes through, beside an unkeyed one of the kind that a public ingest key
// would let anybody invert, and beside hyperloglog-lite's own, which takes a string.
import { createRequire } from 'node:module'
import { hash, hashBytes } from '../../src/core/hash.js'
import type { Bench } from '../bench.js'

const require = createRequire(import.meta.url)
const liteHash = (require('hyperloglog-lite') as { hash(text: string): number[] }).hash

/** FNV-1a with a multiplication per byte: what a hash costs that keeps nobody out. */
function unkeyed(bytes: Uint8Array, start: number, end: number): number {
  let value = 0x811c9dc5
  for (let i = start; i < end; i++) value = Math.imul(value ^ bytes[i]!, 0x01000193)
  return value
}

export const hashBenches: readonly Bench[] = [
  {
    name: 'hash',
    about: 'hashing 12-character strings that stand in a body',
    placement: 'server',
    async run(b) {
      const strings = b.parameter('strings', 2_000, 5_000_000, 1_000_000)
      const size = 12
      const distinct = 1024
      const texts = Array.from({ length: distinct }, (_, i) => `user-${String(i * 7919).padStart(7, '0')}`)
      const bytes = Buffer.from(texts.join(''))
      const key = { k0: 0x12345678, k1: 0x9abcdef0 }
      await b.contest(strings, [
        {
          name: 'keyed, 64 bits',
          run: () => {
            let sum = 0
            for (let i = 0; i < strings; i++) {
              const start = (i & (distinct - 1)) * size
              hashBytes(key, bytes, start, start + size)
              sum = (sum + hash.lo + hash.hi) | 0
            }
            return sum
          },
        },
        {
          name: 'unkeyed FNV-1a, 32 bits',
          run: () => {
            let sum = 0
            for (let i = 0; i < strings; i++) {
              const start = (i & (distinct - 1)) * size
              sum = (sum + unkeyed(bytes, start, start + size)) | 0
            }
            return sum
          },
        },
        {
          name: 'hyperloglog-lite: murmur of a string, 128 bits',
          run: () => {
            let sum = 0
            for (let i = 0; i < strings; i++) sum = (sum + liteHash(texts[i & (distinct - 1)]!)[0]!) | 0
            return sum
          },
        },
      ])
    },
  },
]
