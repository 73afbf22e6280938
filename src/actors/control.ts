// Rare requests about one customer: its program, its settings, what is in quarantine, its end. What changes state is
// journaled and answered once it is applied, like an event.
import { LetheError } from '../core/errors.js'
import { DECODER_VERSION } from '../event/decode.js'
import { EntryKind } from '../storage/contract.js'
import type { Customer } from './customer.js'
import { encodeJson, type ReplayEntry } from './entry.js'
import type { Parts } from './parts.js'
import type { ControlReply, ControlRequest, CustomerRoute, IngestReply } from './service.js'

/** What the desk needs of the shard. */
export interface ControlHost {
  whenLive(route: CustomerRoute, task: (customer: Customer) => void): void
  journalJson(customer: Customer, kind: EntryKind, payload: Buffer, reply?: IngestReply): void
  forgetCustomer(route: CustomerRoute, done: () => void, failed: (error: unknown) => void): void
}

export class ControlDesk {
  constructor(
    private readonly parts: Parts,
    private readonly host: ControlHost,
  ) {}

  take(route: CustomerRoute, request: ControlRequest, reply: ControlReply): void {
    switch (request.tag) {
      case 'program-get':
        return this.host.whenLive(route, customer => reply.answered(this.program(customer)))
      case 'program-put':
        return this.putProgram(route, request.source, reply)
      case 'program-delete':
        return this.putProgram(route, null, reply)
      case 'settings':
        return this.putRetention(route, request.retention, reply)
      case 'describe':
        return this.host.whenLive(route, customer => reply.answered(this.describe(customer)))
      case 'quarantine':
        return reply.answered({ events: this.quarantined(route) })
      case 'quarantine-replay':
        return this.replay(route, request.n, request.index, reply)
      case 'forget':
        return this.host.forgetCustomer(
          route,
          () => reply.answered({ forgotten: route.id }),
          error => reply.refused(erasureFailed(error)),
        )
    }
  }

  private program(customer: Customer): object {
    const { programSource, programError } = customer.state
    return {
      source: programSource ?? this.parts.programs.builtin.source,
      builtin: programSource === null,
      ...(programError === null ? {} : { error: programError }),
    }
  }

  private putProgram(route: CustomerRoute, source: string | null, reply: ControlReply): void {
    try {
      this.parts.programs.check(source)
    } catch (error) {
      return reply.refused(asError(error))
    }
    this.host.whenLive(route, customer =>
      this.host.journalJson(
        customer,
        EntryKind.Program,
        encodeJson({ source }),
        whenApplied(reply, () => this.program(customer)),
      ),
    )
  }

  private putRetention(route: CustomerRoute, retention: number, reply: ControlReply): void {
    const most = this.parts.limits.maxRetentionDays
    if (!Number.isInteger(retention) || retention < 1 || retention > most) {
      return reply.refused(new LetheError('bad-retention', `retention is a whole number of days, 1 to ${most}`, 400))
    }
    this.host.whenLive(route, customer =>
      this.host.journalJson(
        customer,
        EntryKind.Settings,
        encodeJson({ retention }),
        whenApplied(reply, () => this.describe(customer)),
      ),
    )
  }

  private describe(customer: Customer): object {
    const { state } = customer
    return {
      retention: state.retention,
      day: state.day,
      n: state.n,
      bytes: state.byteSize(),
      builtinProgram: state.programSource === null,
    }
  }

  private quarantined(route: CustomerRoute): object[] {
    return this.parts.quarantine.list(route.incarnation).map(({ n, index, why, at, event, replayedAt }) => ({
      customer: route.id,
      n,
      index,
      why,
      at,
      event: JSON.parse(event),
      ...(replayedAt === undefined ? {} : { replayedAt }),
    }))
  }

  private replay(route: CustomerRoute, n: number, index: number, reply: ControlReply): void {
    const { quarantine, time, log } = this.parts
    const verdict = quarantine.find(route.incarnation, n, index)
    if (!verdict || verdict.replayedAt !== undefined) {
      return reply.refused(
        new LetheError('not-found', `nothing is in quarantine under entry ${n}, event ${index}`, 404),
      )
    }
    const entry: ReplayEntry = {
      n,
      index,
      ms: verdict.ms,
      day: verdict.day,
      sentAt: Number.isNaN(verdict.sentAt) ? null : verdict.sentAt,
      version: DECODER_VERSION,
      event: verdict.event,
    }
    this.host.whenLive(route, customer =>
      this.host.journalJson(
        customer,
        EntryKind.Replay,
        encodeJson(entry),
        whenApplied(reply, () => {
          // Should this not reach the disk, the ledger still holds: a second replay finds no such drop to move.
          quarantine.convict({ ...verdict, replayedAt: time.nowMs() }).catch((error: unknown) => {
            log.error({ customer: route.id, n, index, err: error }, 'a replay could not be noted beside its verdict')
          })
          return { replayed: { n, index } }
        }),
      ),
    )
  }
}

/** Answers a control request when its entry has been applied. */
function whenApplied(reply: ControlReply, value: () => unknown): IngestReply {
  return {
    accepted: () => reply.answered(value()),
    refused: error => reply.refused(error),
    unknown: () =>
      reply.refused(
        new LetheError('unknown-outcome', 'the journal failed; ask again whether the change was made', 500),
      ),
  }
}

const erasureFailed = (error: unknown): LetheError =>
  error instanceof LetheError
    ? error
    : new LetheError('erase-failed', `the customer's file could not be removed: ${(error as Error).message}`, 500)

function asError(error: unknown): LetheError {
  if (error instanceof LetheError) return error
  throw error
}
