// What an HTTP server needs of the node around its shard: the supervisor, behind an interface.
import type { AdminRequest } from '../actors/administration.js'
import type { Verdict } from '../actors/quarantine.js'
import type { ShardStats } from '../actors/service.js'

/** What one shard process reports for /metrics. */
export interface ShardReport {
  readonly shard: number
  readonly stats: ShardStats
  readonly http: HttpReport
  readonly process: ProcessReport
}

export interface HttpReport {
  /** Requests by `route status`; status 0 is a client that went away, or a connection closed because the outcome is unknown. */
  readonly requests: Readonly<Record<string, number>>
  /** Ingest requests refused before or by the shard, by code. */
  readonly refused: Readonly<Record<string, number>>
  readonly connections: number
  readonly inFlight: number
}

export interface ProcessReport {
  readonly residentBytes: number
  readonly heapUsedBytes: number
  readonly externalBytes: number
  readonly cpuSeconds: number
  readonly uptimeSeconds: number
  /** Event-loop delay, seconds, since the last report. */
  readonly loopLagSeconds: { readonly mean: number; readonly p99: number; readonly max: number }
}

export interface NodeSupervision {
  /** Every shard serves, and no drain has begun. */
  readonly ready: boolean
  /** SHA-256 of the admin token, hex. */
  readonly adminDigest: string
  /** Performed and in force on every live shard when it resolves. Rejects with a LetheError. */
  administer(request: AdminRequest): Promise<unknown>
  /** A consistent copy of the data folder into `folder`, absolute, empty or not there. Answers {folder, files, bytes}. */
  backup(folder: string): Promise<unknown>
  /** What is in quarantine, of all customers and shards. */
  quarantined(): readonly Verdict[]
  /** Reports of all live shards, and how often each was started again. */
  reports(): Promise<{ shards: readonly ShardReport[]; restarts: number }>
}
