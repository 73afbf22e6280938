// What the supervisor and its shards tell each other, as JSON over the channel that `fork` opens. The channel's end is
// itself a message: a shard whose supervisor is gone exits at once (R4).
import type { AdminRequest } from '../actors/administration.js'
import type { PeerAddress } from '../actors/peers.js'
import type { Limits } from '../core/limits.js'
import type { ShardReport } from '../http/node.js'
import type { BackupTarget, CopiedFile } from './backup.js'

/** All that a shard needs to begin. */
export interface ShardStart {
  readonly own: PeerAddress
  readonly shards: number
  /** The same for all shards of one start of the node; decimal, 64 bits. */
  readonly run: string
  readonly dataFolder: string
  readonly host: string
  readonly port: number
  readonly retention: number
  readonly adminDigest: string
  readonly limits: Limits
  readonly memoryBytes: number
  readonly jsonLog: boolean
  /** A gap since the last event that no downtime explains is taken as one (R6). */
  readonly acceptClock: boolean
  readonly version: string
}

export type ToShard =
  | { readonly tag: 'start'; readonly start: ShardStart }
  /** Who lives, and whether every shard serves. */
  | { readonly tag: 'peers'; readonly addresses: readonly PeerAddress[]; readonly ready: boolean }
  /** Read this customer again, then say so. */
  | { readonly tag: 'changed'; readonly change: number; readonly customer: string }
  | { readonly tag: 'answered'; readonly ask: number; readonly value: unknown }
  | { readonly tag: 'refused'; readonly ask: number; readonly error: PlainError }
  | { readonly tag: 'report'; readonly ask: number }
  /** Do this step of a backup, then say so. */
  | { readonly tag: 'backup'; readonly ask: number; readonly step: BackupStep; readonly target: BackupTarget }
  /** Take nothing new; say `quiet` when all that was taken is answered. */
  | { readonly tag: 'quiesce' }
  /** Commit, checkpoint, close, exit. Every shard is quiet by now. */
  | { readonly tag: 'finish' }

export type ToSupervisor =
  /** Recovered: peers may send. */
  | { readonly tag: 'recovered' }
  | { readonly tag: 'listening' }
  | { readonly tag: 'changed'; readonly change: number }
  | { readonly tag: 'administer'; readonly ask: number; readonly request: AdminRequest }
  | { readonly tag: 'reports'; readonly ask: number }
  | { readonly tag: 'report'; readonly ask: number; readonly report: ShardReport }
  | { readonly tag: 'backup'; readonly ask: number; readonly folder: string }
  | {
      readonly tag: 'backed-up'
      readonly ask: number
      readonly files: readonly CopiedFile[]
      readonly error?: PlainError
    }
  /** Sent every second: the event loop turns. */
  | { readonly tag: 'alive' }
  | { readonly tag: 'quiet' }
  /** Sent every second of a `finish`: how many customers are to be saved yet. */
  | { readonly tag: 'saving'; readonly left: number }
  /** It cannot begin, and starting again would not help: what a person is told. */
  | { readonly tag: 'hopeless'; readonly code: string; readonly message: string }

/** `hold` stops trimming, `release` lets it go on. */
export type BackupStep = 'hold' | 'files' | 'journal' | 'release'

export interface PlainError {
  readonly code: string
  readonly message: string
  readonly status: number
}
