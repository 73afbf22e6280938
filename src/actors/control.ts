// Rare requests about one customer: its program, its settings, what is in quarantine, its end. What changes state is
// journaled and answered once it is applied, like an event.
import { LetheError } from '../core/errors.js'
import type { Steps } from '../core/steps.js'
import { EventType } from '../event/batch.js'
import { DECODER_VERSION, decodeAll, Format } from '../event/decode.js'
import { EntryKind } from '../storage/contract.js'
import type { Customer } from './customer.js'
import { encodeJson, type ReplayEntry, type SettingsEntry } from './entry.js'
import type { Parts } from './parts.js'
import { shown, type Verdict } from './quarantine.js'
import type { ControlReply, ControlRequest, CustomerRoute, IngestReply } from './service.js'

/** What the desk needs of the shard. */
export interface ControlHost {
  /** Runs `task` in a turn of the customer in which its state is there, or refuses it. */
  whenLive(route: CustomerRoute, reply: ControlReply, task: (customer: Customer) => void): void
  /** As `whenLive`, in as many turns as it takes. */
  inSteps(route: CustomerRoute, reply: ControlReply, task: (customer: Customer) => Steps<void>): void
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
        return this.host.whenLive(route, reply, customer => reply.answered(this.program(customer)))
      case 'program-put':
        return this.host.inSteps(route, reply, customer => this.puttingProgram(customer, request.source, reply))
      case 'program-delete':
        return this.host.inSteps(route, reply, customer => this.puttingProgram(customer, null, reply))
      case 'settings':
        return this.putSettings(route, request, reply)
      case 'describe':
        return this.host.whenLive(route, reply, customer => reply.answered(this.describe(customer)))
      case 'quarantine':
        return reply.answered({ events: this.parts.quarantine.list(route.incarnation).map(shown) })
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

  private *puttingProgram(customer: Customer, source: string | null, reply: ControlReply): Steps<void> {
    const refused = yield* this.parts.programs.checking(source)
    if (refused) return reply.refused(refused)
    this.host.journalJson(
      customer,
      EntryKind.Program,
      encodeJson({ source }),
      whenApplied(reply, () => this.program(customer)),
    )
  }

  private putSettings(route: CustomerRoute, { retention, sampling }: SettingsEntry, reply: ControlReply): void {
    const most = this.parts.limits.maxRetentionDays
    if (retention !== undefined && (!Number.isInteger(retention) || retention < 1 || retention > most)) {
      return reply.refused(new LetheError('bad-retention', `retention is a whole number of days, 1 to ${most}`, 400))
    }
    const least = 1 / this.parts.limits.maxSamplingWeight
    if (sampling !== undefined && !(sampling >= least && sampling <= 1)) {
      return reply.refused(new LetheError('bad-sampling', `sampling is a share of users, ${least} to 1`, 400))
    }
    this.host.whenLive(route, reply, customer =>
      this.host.journalJson(
        customer,
        EntryKind.Settings,
        encodeJson({ ...(retention !== undefined && { retention }), ...(sampling !== undefined && { sampling }) }),
        whenApplied(reply, () => this.describe(customer)),
      ),
    )
  }

  private describe(customer: Customer): object {
    const { state } = customer
    return {
      retention: state.retention,
      sampling: state.sampling,
      day: state.day,
      n: state.n,
      bytes: state.byteSize(),
      builtinProgram: state.programSource === null,
    }
  }

  /** The verdict on the replay of an event, if it crashed its customer in its turn. */
  private crashedAgain({ incarnation, n, ms, event }: Verdict): Verdict | undefined {
    const same = (other: Verdict) => other.n > n && other.index === 0 && other.ms === ms && other.event === event
    return this.parts.quarantine.list(incarnation).find(same)
  }

  /** An entry that does not decode would crash its customer at every load. */
  private readable({ event, sentAt }: Verdict): boolean {
    const bytes = Buffer.from(event)
    const { limits } = this.parts
    try {
      const batch = decodeAll(bytes, 0, bytes.length, { format: Format.Json, version: DECODER_VERSION, sentAt, limits })
      return batch.count === 1 && batch.types[0] !== EventType.Rejected
    } catch (error) {
      if (error instanceof LetheError) return false
      throw error
    }
  }

  private replay(route: CustomerRoute, n: number, index: number, reply: ControlReply): void {
    const verdict = this.parts.quarantine.find(route.incarnation, n, index)
    if (!verdict || verdict.replayedAt !== undefined) {
      return reply.refused(
        new LetheError('not-found', `nothing is in quarantine under entry ${n}, event ${index}`, 404),
      )
    }
    if (!this.readable(verdict)) {
      return reply.refused(new LetheError('not-readable', `event ${index} of entry ${n} does not decode any more`, 409))
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
    const applied = (events: number) => {
      this.replayed(verdict, events).then(
        () => reply.answered({ replayed: { n, index } }),
        (error: unknown) => reply.refused(asError(error)),
      )
    }
    this.host.whenLive(route, reply, customer =>
      this.host.journalJson(customer, EntryKind.Replay, encodeJson(entry), {
        ...whenApplied(reply, () => undefined),
        accepted: applied,
      }),
    )
  }

  /** The entry of a replay has been applied, and `events` of it. Throws unless the event counts now. */
  private async replayed(verdict: Verdict, events: number): Promise<void> {
    const { quarantine, time, log } = this.parts
    const { customer, n, index } = verdict
    const again = events === 0 ? this.crashedAgain(verdict) : undefined
    if (events === 0 && !again) throw notApplied(n, index)
    try {
      await quarantine.noteReplay(verdict, time.nowMs())
    } catch (error) {
      // The ledger still holds: a second replay finds no such drop to move.
      log.error({ customer, n, index, err: error }, 'a replay could not be noted beside its verdict')
    }
    if (again) throw stillCrashes(again)
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

const notApplied = (n: number, index: number): LetheError =>
  new LetheError(
    'not-applied',
    `event ${index} of entry ${n} was not applied: its day has left the retention, or it was replayed before`,
    409,
  )

const stillCrashes = ({ n, index, why }: Verdict): LetheError =>
  new LetheError('still-crashes', `it crashed its customer again (${why}); it is now event ${index} of entry ${n}`, 409)

const erasureFailed = (error: unknown): LetheError =>
  error instanceof LetheError
    ? error
    : new LetheError('erase-failed', `the customer's file could not be removed: ${(error as Error).message}`, 500)

function asError(error: unknown): LetheError {
  if (error instanceof LetheError) return error
  throw error
}
