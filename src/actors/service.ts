// What a shard does for those who speak to it: the HTTP server of its own process, and peers over a socket.
//
// Both speak the same calls, so that a request which landed on another shard takes the same road. Nothing here returns a
// promise on the way of an event: a reply is an object whose method is called once, maybe in a much later turn, and
// maybe thousands of times in one turn (a commit group).
//
//   http ──┐                       ┌── ingest ── accepted | refused | unknown
//          ├── ShardService ───────┼── query ─── answered | refused
//   peers ─┘   (of the owner)      └── control ─ answered | refused
//
// Invariants: exactly one method of a reply is called, exactly once; a body's bytes are valid only during the call.
import type { LetheError } from '../core/errors.js'
import type { Quota } from './quota.js'

/** How a body is written down. The values of event/decode.ts's Format, which journal entries store. */
export type BodyFormat = number

/** One event of a batch that was refused; the others were taken. Structurally event/batch.ts's Rejection. */
export interface RejectedEvent {
  readonly index: number
  readonly code: string
  readonly message: string
}

/** What a front knows of a customer. Replaced as a whole when the control store changes; a route stays. */
interface CustomerFacts {
  readonly blocked: boolean
  readonly quota: Quota
  /** Grows with each change of the customer in the control store. */
  readonly version: number
}

/**
 * The way to one customer: one object per incarnation in a process, shared by all keys of the customer and alive until
 * the customer is deleted or nobody asks for it any more. `attachment` belongs to the shard: it spares a lookup per event.
 */
export interface CustomerRoute {
  readonly id: string
  readonly incarnation: bigint
  /** Secret key of the customer's hashes, of the control store. */
  readonly hashKey: { readonly k0: number; readonly k1: number }
  /** The shard that owns it: hash(incarnation) mod shards. */
  readonly owner: number
  /** True once the customer is deleted: whoever still holds the route refuses with 401. */
  deleted: boolean
  facts: CustomerFacts
  attachment: object | undefined
}

/** The outcome of one ingest request. */
export interface IngestReply {
  /** Durable. accepted + duplicates + rejected.length = events sent. */
  accepted(accepted: number, duplicates: number, rejected: readonly RejectedEvent[]): void
  /** Nothing was taken. Status and `retryAfterSeconds` (in details) are the error's. */
  refused(error: LetheError): void
  /** Nobody knows whether it was taken (R12): the connection is closed without an answer. */
  unknown(): void
}

export type QueryFormat = 'json' | 'text' | 'csv'
export type QueryParameters = Readonly<Record<string, string | number | boolean | null>>

export interface QueryRequest {
  readonly source: string
  readonly params: QueryParameters
  readonly format: QueryFormat
}

/** The outcome of a query. Bodies are rendered at the owner: a value of the language never leaves its process. */
export interface QueryReply {
  answered(contentType: string, body: string | Uint8Array): void
  /** Compile errors (400, with line and column), limits (422), overload (503). */
  refused(error: LetheError): void
}

/** Rare requests about one customer. Each is answered by a JSON value. */
export type ControlRequest =
  /** { source, builtin, error?: {code, message, line?, column?, at?}} */
  | { readonly tag: 'program-get' }
  /** Checked first; refused with 400 and the old one stays. Answers as program-get. */
  | { readonly tag: 'program-put'; readonly source: string }
  | { readonly tag: 'program-delete' }
  /** Answers as describe. */
  | { readonly tag: 'settings'; readonly retention?: number; readonly sampling?: number }
  /** What an operator sees of it: { retention, day, n, resident, bytes, … }. Does not load it. */
  | { readonly tag: 'describe' }
  /** { events: [{n, index, why, at}] } */
  | { readonly tag: 'quarantine' }
  | { readonly tag: 'quarantine-replay'; readonly n: number; readonly index: number }
  /** R19: the tombstone is in the control store and every front refuses; drain what is in flight, drop the state, erase the file. */
  | { readonly tag: 'forget' }

export interface ControlReply {
  answered(value: unknown): void
  refused(error: LetheError): void
}

/** Cumulative counts of a histogram in Prometheus' sense: counts[i] is what fell at or below bounds[i], last one +Inf. */
export interface HistogramCounts {
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
  readonly sum: number
}

/** What a shard reports for /metrics. Counters since its start. */
export interface ShardStats {
  /** Events by what became of them: applied, duplicate, and a name per reason of dropping (invalid, late, program, poison, …). */
  readonly eventsByOutcome: Readonly<Record<string, number>>
  /** Requests refused before the journal, by code (quota, overloaded, disk-full, …). */
  readonly refusalsByCode: Readonly<Record<string, number>>
  readonly queriesByOutcome: Readonly<Record<string, number>>
  /** Seconds from write to synced. */
  readonly commitSeconds: HistogramCounts
  readonly actors: number
  readonly inboxRequests: number
  readonly inboxBytes: number
  readonly journalBytes: number
  /** Seconds since the oldest change that is in no checkpoint yet; 0 where there is none. */
  readonly checkpointAgeSeconds: number
  readonly openFiles: number
  /** Files set aside as damaged, and events in quarantine. */
  readonly filesSetAside: number
  readonly quarantined: number
  /** Customers whose memory was dropped and loaded again (law 6), and checkpoints that could not be written; since the start. */
  readonly crashes: number
  readonly checkpointFailures: number
  readonly clockDisagrees: boolean
}

/** One shard, to its HTTP server and to its peers. All calls are for customers that this shard owns. */
export interface ShardService {
  /**
   * Takes one body for a customer. `body` is valid only during the call: the shard copies it into the journal's open
   * group. `sentAt` is the X-Sent-At header in ms, NaN if absent. The reply may come within the call (refusals).
   * The caller has checked that the key may write and that the customer is not blocked; the shard checks `deleted`, facts
   * and quota again.
   */
  ingest(route: CustomerRoute, format: BodyFormat, sentAt: number, body: Uint8Array, reply: IngestReply): void
  /** Runs a query. Answers how to cancel it: after that no reply comes, its heap is freed. */
  query(route: CustomerRoute, request: QueryRequest, reply: QueryReply): () => void
  control(route: CustomerRoute, request: ControlRequest, reply: ControlReply): void
  stats(): ShardStats
  /** True from the end of recovery until a drain begins. */
  readonly ready: boolean
  /** Refuses what comes (503), commits, answers, checkpoints, closes. Resolves when all is on disk. */
  drain(): Promise<void>
  /** Customers with changes that no checkpoint holds. With thousands of them a drain takes a while. */
  readonly unsaved: number
}
