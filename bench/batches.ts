// Decoded batches of a benchmark's events, as the parts behind the decoder get them.
import { DAY_MS, dayOf } from '../src/core/clock.js'
import { defaultLimits } from '../src/core/limits.js'
import { seededRandom } from '../src/core/random.js'
import type { EventBatch } from '../src/event/batch.js'
import { DECODER_VERSION, decodeAll, Format } from '../src/event/decode.js'
import { CustomerState } from '../src/tables/state.js'
import { benchEvent, benchPoint } from './workload.js'

export function decodeEvents(events: readonly unknown[]): EventBatch {
  const bytes = Buffer.from(JSON.stringify(events))
  const context = { format: Format.Json, version: DECODER_VERSION, sentAt: Number.NaN, limits: defaultLimits }
  const batch = decodeAll(bytes, 0, bytes.length, context)
  if (batch.rejections.length > 0) throw new Error(`a benchmark's event was rejected: ${batch.rejections[0]!.message}`)
  return batch
}

/** `count` batches of `size` events of one kind. */
export function eventBatches(count: number, size: number, users: number, names?: number, seed = 5): EventBatch[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () =>
    decodeEvents(Array.from({ length: size }, () => benchEvent(random, users, names))),
  )
}

/** The same of every type that the built-in program has a branch for, in the shares that an app might send. */
export function mixedBatches(count: number, size: number, users: number, seed = 6): EventBatch[] {
  const random = seededRandom(seed)
  const one = () => {
    const { type: _type, name, ...who } = benchEvent(random, users)
    const draw = random.fraction()
    const ms = Math.round(random.fraction() * 500)
    if (draw < 0.4) return { type: 'event', name, ...who }
    if (draw < 0.55)
      return { type: 'session', state: 'start', session: `s${Math.floor(random.fraction() * 1e6)}`, ...who }
    if (draw < 0.7) return { type: 'network', host: 'api.example.com', status: 200, ms, ...who }
    if (draw < 0.8) return { type: 'transaction', name, state: 'success', ms, ...who }
    if (draw < 0.95) return { ...benchPoint(random) }
    const line = Math.floor(random.fraction() * 500)
    const stack = [`at com.example.Main${line % 20}.run (Main.java:${line})`, 'at java.lang.Thread.run (Thread.java:9)']
    return { type: 'crash', error: { type: 'NullPointerException', message: `no ${line}`, stack }, ...who }
  }
  return Array.from({ length: count }, () => decodeEvents(Array.from({ length: size }, one)))
}

/** When the events of a benchmark happen: noon, so that none falls into another day. */
export const NOON = dayOf(Date.now()) * DAY_MS + DAY_MS / 2
export const TODAY = dayOf(NOON)

/** A customer that has seen nothing. */
export function emptyState(index: number, retention = 7): CustomerState {
  const identity = {
    customer: `c${index}`,
    incarnation: BigInt(index + 1),
    hashKey: { k0: index * 7919, k1: 0x5bd1e995 },
  }
  return CustomerState.empty(identity, defaultLimits, TODAY, retention)
}
