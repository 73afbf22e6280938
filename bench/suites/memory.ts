// Bytes in memory: what a key and a sketch take in a customer's tables, in a JavaScript Map, and in Redis.
import { defaultLimits } from '../../src/core/limits.js'
import { builtinProgram, compileProgram } from '../../src/query/program.js'
import { decodeEvents, emptyState, eventBatches } from '../batches.js'
import type { Bench, Measuring } from '../bench.js'
import { startRedis } from '../peers/redis.js'
import { encodeCommand } from '../peers/redis-client.js'
import { Feeder } from './tables.js'

const PER_BATCH = 100

/** Bytes in use after a full collection: the heap and what hangs outside it. */
function bytesInUse(): number {
  const collect = (globalThis as { gc?: () => void }).gc
  collect?.()
  collect?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** What `build` leaves in memory, per item. The answer is kept alive until it is measured. */
function measure<T>(b: Measuring, row: string, items: number, build: () => T): T {
  const before = bytesInUse()
  const kept = build()
  b.sample(row, 'bytes', Math.max(0, bytesInUse() - before) / items)
  return kept
}

const keyText = (i: number) => `screen/settings/button-${String(i).padStart(7, '0')}`

function countKeys(b: Measuring, keys: number): void {
  const program = compileProgram(`(define (on-event e) (bump! "clicks" (field e 'name)))`, defaultLimits)
  const target = new Feeder([emptyState(0)], program)
  const event = (i: number) => ({ type: 'event', name: keyText(i) })
  target.feed([decodeEvents([event(0)])], 1)
  measure(b, 'counter key of 30 characters, Lethe', keys, () => {
    for (let i = 0; i < keys; i += PER_BATCH)
      target.feed([decodeEvents(Array.from({ length: PER_BATCH }, (_, j) => event(i + j)))], 1)
  })
  const table = target.states[0]!.table('clicks')!
  b.checksum('counter key of 30 characters, Lethe', table.findKeyText(keyText(keys - 1)) >= 0 ? 'found' : 'lost')
  const map = measure(b, 'counter key of 30 characters, JavaScript Map', keys, () => {
    const counts = new Map<string, number>()
    for (let i = 0; i < keys; i++) counts.set(keyText(i), i)
    return counts
  })
  b.checksum('counter key of 30 characters, JavaScript Map', map.size)
}

function sketches(b: Measuring, count: number): void {
  const program = compileProgram(
    `(define (on-event e) (sketch! "users/event" (field e 'name) (field e 'user)))`,
    defaultLimits,
  )
  for (const users of [1, 10, 50, 99]) {
    const target = new Feeder([emptyState(users)], program)
    measure(b, `sketch of ${users} users, with its key of 11 characters`, count, () => {
      for (let i = 0; i < count; i++) {
        const name = `event-${String(i).padStart(5, '0')}`
        const events = Array.from({ length: users }, (_, j) => ({ type: 'event', name, user: `u${i * users + j}` }))
        target.feed([decodeEvents(events)], 1)
      }
    })
    // Reads the state after it was measured, so that it cannot be collected before.
    b.checksum(`sketch of ${users} users, with its key of 11 characters`, target.states[0]!.n)
  }
}

/** What a customer of the built-in program costs that has seen a little today. */
function smallCustomers(b: Measuring, count: number): void {
  const batches = eventBatches(7, 50, 30, 10)
  const target = measure(b, 'customer with 50 events today, built-in program', count, () => {
    const states = Array.from({ length: count }, (_, i) => emptyState(i))
    const feeder = new Feeder(states, builtinProgram())
    feeder.feed(batches, count)
    return feeder
  })
  b.checksum('customer with 50 events today, built-in program', target.states.length)
}

async function redis(b: Measuring, keys: number): Promise<void> {
  if (b.smoke) return
  const server = await startRedis(b.folder(), false)
  if (server === undefined) return
  b.atEnd(async () => void (await server.process.stop('SIGKILL')))
  const client = await server.client()
  const used = async () => Number(/used_memory:(\d+)/.exec(String(await client.ask('INFO', 'memory')))?.[1])
  for (let round = 0; round < b.rounds; round++) {
    await client.ask('FLUSHALL')
    const before = await used()
    for (let i = 0; i < keys; i += 1_000) {
      let commands = ''
      for (let j = 0; j < 1_000; j++) commands += encodeCommand(['HINCRBY', 'clicks', keyText(i + j), '1'])
      await new Promise<void>(resolve => client.pipeline(commands, 1_000, resolve))
    }
    b.sample('counter key of 30 characters, Redis hash', 'bytes', ((await used()) - before) / keys)
  }
  client.close()
}

async function memory(b: Measuring): Promise<void> {
  const keys = b.parameter('keys', 1_000, 300_000, 100_000)
  const cells = b.parameter('sketches', 20, 10_000, 2_000)
  const customers = b.parameter('customers', 5, 1_000, 300)
  if ((globalThis as { gc?: () => void }).gc === undefined)
    b.note('measured without a full collection before: not exact')
  for (let round = 0; round < b.rounds; round++) {
    countKeys(b, keys)
    sketches(b, cells)
    smallCustomers(b, customers)
  }
  await redis(b, keys)
  b.aim('bytes a counter key of 30 characters', b.median('counter key of 30 characters, Lethe', 'bytes'), 'at most', 90)
  const largest = b.median('sketch of 99 users, with its key of 11 characters', 'bytes')
  b.aim('bytes a sketch of 99 users', largest, 'at most', 500)
}

export const memoryBenches: readonly Bench[] = [
  { name: 'memory', about: 'bytes a key, a sketch and a customer take', placement: 'server', run: memory },
]
