// The clients: they send, and send again with the same ids what they do not know the fate of.

import type { IngestReply, RejectedEvent } from '../../src/actors/service.js'
import type { LetheError } from '../../src/core/errors.js'
import type { WrittenBody } from './events.js'
import type { Process } from './machine.js'
import { Violation } from './violation.js'
import type { Witness } from './witness.js'

export interface Request {
  readonly customer: number
  readonly incarnation: bigint
  readonly body: WrittenBody
  readonly broken: boolean
  readonly to: Process
  state: 'pending' | 'accepted' | 'refused' | 'unknown'
  /** The entry that carries it, once there is one. */
  n: number | undefined
  reply: { accepted: number; duplicates: number; rejected: readonly RejectedEvent[] } | undefined
  resent: boolean
}

export class Clients {
  readonly requests: Request[] = []
  readonly refusals: Record<string, number> = {}

  /** Finds the request whose body just went into the journal. */
  readonly taken = (incarnation: bigint, payload: Buffer, n: number): void => {
    const request = this.requests.find(
      candidate =>
        candidate.state === 'pending' &&
        candidate.n === undefined &&
        candidate.incarnation === incarnation &&
        candidate.body.bytes.equals(payload),
    )
    if (!request) throw new Violation(`entry ${n} of ${incarnation.toString(16)} holds a body that nobody waits for`)
    if (request.broken && request.body.format === 1) throw new Violation('a broken body was written to the journal')
    request.n = n
  }

  send(about: Pick<Request, 'customer' | 'incarnation' | 'body' | 'broken' | 'to'>): Request {
    const request: Request = { ...about, state: 'pending', n: undefined, reply: undefined, resent: false }
    this.requests.push(request)
    return request
  }

  /** What the shard answers to. Nothing that a dead process says reaches anybody. */
  replyTo(request: Request, witness: Witness): IngestReply {
    const once = (state: Request['state']): boolean => {
      if (!request.to.alive) return false
      if (request.state !== 'pending')
        throw new Violation(`a request was answered twice: ${request.state}, then ${state}`)
      request.state = state
      return true
    }
    return {
      accepted: (accepted, duplicates, rejected) => {
        if (!once('accepted')) return
        const log = witness.log(request.incarnation)
        if (request.n === undefined || request.n > log.durableN) {
          throw new Violation(`a request was accepted before its entry ${request.n} was durable`)
        }
        request.reply = { accepted, duplicates, rejected: [...rejected] }
      },
      refused: error => {
        if (!once('refused')) return
        this.refusals[error.code] = (this.refusals[error.code] ?? 0) + 1
        this.checkRefusal(request, error, witness)
      },
      unknown: () => void once('unknown'),
    }
  }

  private checkRefusal(request: Request, error: LetheError, witness: Witness): void {
    const { n } = request
    if (n !== undefined) {
      const log = witness.log(request.incarnation)
      const undecided = log.undecided.find(({ entry }) => entry.n === n)
      if (!undecided || undecided.flying) {
        throw new Violation(`a request was refused (${error.code}) although its entry ${n} went to the disk`)
      }
    }
    if (error.status === 400 && !request.broken) throw new Violation(`a good body was refused: ${error.message}`)
    if (error.status === 503 && typeof error.details['retryAfterSeconds'] !== 'number') {
      throw new Violation(`a refusal with 503 (${error.code}) does not say when to come back`)
    }
  }

  /** The process is gone: what it was asked and did not answer nobody knows. */
  died(process: Process): void {
    for (const request of this.requests) {
      if (request.to === process && request.state === 'pending') request.state = 'unknown'
    }
  }

  /** The oldest request that has to be sent again. */
  toResend(): Request | undefined {
    return this.requests.find(
      ({ state, resent, broken }) => !resent && !broken && (state === 'unknown' || state === 'refused'),
    )
  }

  get pending(): number {
    return this.requests.reduce((count, { state }) => count + (state === 'pending' ? 1 : 0), 0)
  }
}
