// What a shard is made of, and hands to each customer. Everything that touches the machine is an argument here, so that
// the simulation builds the same shard over a fake clock, a faulty disk and a store in memory.
import type { Clock } from '../core/clock.js'
import type { Limits } from '../core/limits.js'
import type { Random } from '../core/random.js'
import type { Rendering } from '../query/answer.js'
import type { QueryData } from '../query/data.js'
import type { QueryRun } from '../query/query.js'
import type { CustomerStore, Journal } from '../storage/contract.js'
import type { Applier } from './apply.js'
import type { Customer } from './customer.js'
import type { PlaceFile } from './places.js'
import type { Programs } from './programs.js'
import type { RunningQuery } from './protocol.js'
import type { Quarantine } from './quarantine.js'
import type { CustomerRoute } from './service.js'
import type { ActorSystem } from './system.js'
import type { NodeTime } from './time.js'
import type { Turnstile } from './turnstile.js'
import type { Versions } from './versions.js'

/** The part of a structured logger (pino) that a shard needs. */
interface Log {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

interface ShardSettings {
  /** Retention N of customers created from now on, days. */
  readonly retention: number
}

/** What the composition root (or the simulation) provides. */
export interface Surroundings {
  readonly clock: Clock
  readonly random: Random
  readonly limits: Limits
  readonly settings: ShardSettings
  readonly versions: Versions
  readonly journal: Journal
  readonly store: CustomerStore
  readonly quarantine: Quarantine
  readonly places: PlaceFile
  readonly actors: ActorSystem
  readonly log: Log
  /** Calls back in a later turn of the event loop (setImmediate). */
  readonly defer: (work: () => void) => void
  /** The route to a customer, for work that nobody asked for; undefined once it is deleted. */
  readonly routeOf: (incarnation: bigint) => CustomerRoute | undefined
  /** Bytes free where the data lies; asked about four times a second. */
  readonly freeDiskBytes: () => number
  /** Resident memory of this process and what it may take; asked about four times a second. */
  readonly memory: () => { usedBytes: number; budgetBytes: number }
  /** The journal can no longer be trusted (R12): the process must end. */
  readonly fatal: (error: Error) => void
}

/** What each customer gets to see of its shard. */
export interface Parts extends Surroundings {
  readonly time: NodeTime
  readonly applier: Applier
  readonly programs: Programs
  /** Bound the files open at once. */
  readonly loads: Turnstile<Customer>
  readonly checkpoints: Turnstile<Customer>
  startQuery(query: RunningQuery, data: QueryData): QueryRun
  renderQuery(query: RunningQuery): Rendering
  filesSetAside(): void
  checkpointFailed(customer: Customer, error: unknown): void
}
