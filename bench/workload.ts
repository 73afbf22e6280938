// The events that every server, peer and part is given: the same bytes everywhere, reproducible from a seed.
//
// A request in a benchmark is one of some thousand prepared ones, sent in turn: bodies rotate over the customers, so
// that neither a cache nor a branch predictor sees the same event twice in a row.
import { Packr } from 'msgpackr'
import { type Random, seededRandom } from '../src/core/random.js'

/** What a customer of a benchmark reports. */
export interface BenchEvent {
  readonly type: 'event'
  readonly name: string
  readonly user: string
  readonly country: string
  readonly app: string
  readonly os: string
  readonly platform: string
}

export interface BenchPoint {
  readonly type: 'metric'
  readonly name: string
  readonly kind: 'count' | 'gauge' | 'timer'
  readonly value: number
}

const COUNTRIES = ['de', 'gr', 'fr', 'us', 'jp', 'br', 'in', 'za', 'kr', 'se']
const VERSIONS = ['1.2.3', '1.2.4', '1.3.0', '2.0.1']
const SYSTEMS = ['17.1', '16.4', '15.8', '14.0']
/** Names of events a customer reports: with 1,000 customers, 50,000 sketches of users by name. */
const EVENT_NAMES = 50

function pick<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random.fraction() * values.length)]!
}

/** One event of about 118 bytes as JSON. */
export function benchEvent(random: Random, users: number, names = EVENT_NAMES): BenchEvent {
  const user = Math.floor(random.fraction() * users)
  const name = Math.floor(random.fraction() * names)
  return {
    type: 'event',
    name: `checkout-${String(name).padStart(2, '0')}`,
    user: `u${String(user).padStart(11, '0')}`,
    country: pick(random, COUNTRIES),
    app: pick(random, VERSIONS),
    os: pick(random, SYSTEMS),
    platform: 'ios',
  }
}

const KINDS = ['count', 'gauge', 'timer'] as const

/** One point of a metric, as a service that measures itself sends it. */
export function benchPoint(random: Random): BenchPoint {
  const kind = pick(random, KINDS)
  return {
    type: 'metric',
    name: `service.${kind}.${Math.floor(random.fraction() * 100)}`,
    kind,
    value: Math.round(random.fraction() * 100_000) / 100,
  }
}

/** The five updates that everything is compared by: two counters, a set, two sketches. */
export const FIVE_UPDATES = `(define (on-event e)
  (bump! "events" (field e 'type))
  (bump! "event" (field e 'name))
  (collect! "countries" "" (field e 'country))
  (sketch! "users" "" (field e 'user))
  (sketch! "users/event" (field e 'name) (field e 'user)))
`

export interface Traffic {
  /** Ingest keys, one a customer. */
  readonly keys: readonly string[]
  readonly bodiesPerCustomer: number
  readonly eventsPerBody: number
  readonly what: 'events' | 'points'
  readonly format: 'json' | 'msgpack'
  /** Distinct users a customer's events are drawn from. */
  readonly users: number
  /** Distinct names of events of a customer. */
  readonly names?: number
  readonly seed: number
}

/** The prepared requests of a run: complete HTTP/1.1 requests, in the order they are sent. */
export function buildRequests(traffic: Traffic): Buffer[] {
  const random = seededRandom(traffic.seed)
  const packer = new Packr({ useRecords: false })
  const requests: Buffer[] = []
  for (let round = 0; round < traffic.bodiesPerCustomer; round++) {
    for (const key of traffic.keys) {
      const items: (BenchEvent | BenchPoint)[] = []
      for (let i = 0; i < traffic.eventsPerBody; i++)
        items.push(traffic.what === 'events' ? benchEvent(random, traffic.users, traffic.names) : benchPoint(random))
      const value = traffic.eventsPerBody === 1 ? items[0]! : items
      const body = traffic.format === 'json' ? Buffer.from(JSON.stringify(value)) : Buffer.from(packer.pack(value))
      requests.push(httpRequest(key, body, traffic.format))
    }
  }
  return requests
}

function httpRequest(key: string, body: Buffer, format: Traffic['format']): Buffer {
  const head = `POST /v1/events HTTP/1.1\r\nHost: lethe\r\nX-Api-Key: ${key}\r\nContent-Type: application/${format}\r\nContent-Length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

/** Writes requests to a file as the loaders read it: each behind its length, four bytes, little-endian. */
export function packRequests(requests: readonly Buffer[]): Buffer {
  const parts: Buffer[] = []
  for (const request of requests) {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(request.length)
    parts.push(length, request)
  }
  return Buffer.concat(parts)
}

export function unpackRequests(bytes: Buffer): Buffer[] {
  const requests: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readUInt32LE(at)
    requests.push(bytes.subarray(at + 4, at + 4 + size))
    at += 4 + size
  }
  return requests
}
