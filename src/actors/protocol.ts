// The words between a customer and the directory that owns it. What must survive a crash of the customer's memory is the
// directory's: replies, deliveries, queries asked.
import type { LetheError } from '../core/errors.js'
import type { Steps } from '../core/steps.js'
import type { Decoder } from '../event/decode.js'
import type { Rendering } from '../query/answer.js'
import type { CompiledQuery, Compiling, QueryRun } from '../query/query.js'
import type { EntryKind } from '../storage/contract.js'
import type { Customer } from './customer.js'
import type { Delivery } from './delivery.js'
import type { IngestReply, QueryReply, QueryRequest } from './service.js'

/** Everything a customer's actor can be told. Events never come this way: they go to the inbox. */
export type CustomerMessage = { tag: 'query'; query: RunningQuery } | { tag: 'control' } | { tag: 'checkpoint' }

/** A query from its arrival to its reply. Lives in the directory; the run in it dies with the actor. */
export interface RunningQuery {
  readonly request: QueryRequest
  readonly reply: QueryReply
  readonly compiled: CompiledQuery | Compiling
  run: QueryRun | undefined
  rendering: Rendering | undefined
  startedMs: number
  cancelled: boolean
}

/** A body that could not be taken at once: the customer was loading, or it is too large for one turn. */
export interface WaitingBody {
  readonly format: number
  readonly sentAt: number
  readonly body: Buffer
  readonly reply: IngestReply
  decoder: Decoder | undefined
  /** The decoder has come to the body's end: stepped again it would begin another event. */
  decoded: boolean
}

/** A rare request that needs the customer's state. */
export interface Task {
  readonly steps: Steps<void>
  /** It cannot be run: its caller is told. */
  refused(error: LetheError): void
}

/** What the customer asks of the directory that owns it. */
export interface Directory {
  /** Puts a decoded body into the open group, or refuses it by the quota; false if the group takes no more now. */
  journalBody(customer: Customer, waiting: WaitingBody, decoder: Decoder): boolean
  /** Refuses a body that waited. What is no LetheError is a bug of ours: the log has it. */
  refuseWaiting(customer: Customer, waiting: WaitingBody, error: unknown): void
  journalJson(customer: Customer, kind: EntryKind, payload: Buffer, reply?: IngestReply): void
  /** The entry is applied: answer it, free what it holds. */
  applied(customer: Customer, delivery: Delivery): void
  finishQuery(customer: Customer, query: RunningQuery, body: string | LetheError): void
  /** More work has come up outside a step. */
  wake(customer: Customer): void
  checkpointed(customer: Customer): void
  crashed(customer: Customer, error: unknown): void
}
