// The way of an event into a shard: key → route, type → format, body → shard, outcome → reply.
//
// Most requests are one event in one piece under a key that was seen before. For those nothing is made but what
// uWebSockets.js asks for (two callbacks) and one object, which is also the reply that the shard answers. Whatever is
// unusual (pieces, compression, refusals, long ways to a key) leaves this road for body.ts, inflate.ts, exchange.ts.
//
//   head ─▶ key ─▶ format ─▶ body ─▶ (inflate) ─▶ ShardService.ingest ─▶ accepted | refused | unknown
//
// Invariant: `handed` has the requests handed on and not settled, whether or not the client still waits.
import type { HttpRequest, HttpResponse } from 'uWebSockets.js'
import type { KeyEntry, Routes } from '../actors/routes.js'
import type { CustomerRoute, IngestReply, RejectedEvent, ShardService } from '../actors/service.js'
import type { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { Format } from '../event/decode.js'
import { Body, type BodyBudget, type BodyReply } from './body.js'
import { Encoding, encodingOf, formatOf, sentAtOf } from './content.js'
import { bearer, queryParameter } from './exchange.js'
import { hasZlibHeader, type InflateReply, type Inflater } from './inflate.js'
import {
  cannotWrite,
  customerBlocked,
  draining,
  emptyBody,
  missingKey,
  overloaded,
  unknownEncoding,
  unknownKey,
  unknownType,
} from './refusals.js'
import type { ReadyReply, Replies } from './replies.js'
import { ACCEPTED_HEAD, acceptedBody, SENTRY_HEAD, writeError } from './reply.js'
import { envelopeId, fromBase64, peerAddress, sentryKeyOf, storeId, tunnelKey, withPeer } from './sentry.js'

/** Counts of one HTTP server, since its start. */
interface IngestStats {
  accepted: number
  refused: Record<string, number>
  unknown: number
  aborted: number
}

/** What ingest shares with the rest of the server. */
export interface IngestContext {
  readonly routes: Routes
  readonly service: ShardService
  readonly limits: Limits
  readonly budget: BodyBudget
  readonly inflater: Inflater
  readonly stats: IngestStats
  /** Requests handed on and not settled. */
  readonly handed: Handed
  /** Settled and not written yet. */
  readonly replies: Replies
  /** From the start of a drain on, all is refused. */
  draining: boolean
}

/** Requests that were handed on, oldest first: a list through the requests themselves, so that keeping it costs some ns. */
export class Handed {
  private oldest: IngestRequest | undefined
  private newest: IngestRequest | undefined
  count = 0
  /** About now, monotonic ms: set by `sweep`, about once a second. */
  private nowMs = 0

  add(request: IngestRequest): void {
    request.handedMs = this.nowMs
    request.before = this.newest
    if (this.newest) this.newest.after = request
    else this.oldest = request
    this.newest = request
    this.count++
  }

  remove(request: IngestRequest): void {
    const { before, after } = request
    if (before) before.after = after
    else this.oldest = after
    if (after) after.before = before
    else this.newest = before
    request.before = undefined
    request.after = undefined
    this.count--
  }

  /** Closes the connections of those that wait since before `deadlineMs` ago. Their outcome is unknown. */
  sweep(nowMs: number, deadlineMs: number): void {
    this.nowMs = nowMs
    for (let request = this.oldest; request && request.handedMs <= nowMs - deadlineMs; request = request.after) {
      request.giveUp()
    }
  }
}

/** How a client wants to be answered. */
const enum Dialect {
  Lethe = 0,
  Sentry = 1,
}

// What the one cork callback writes: no closure per reply. Set, corked and cleared within one call.
let corkResponse: HttpResponse
let corkHead = ''
let corkBody = ''
const writeCorked = () => {
  corkResponse.writeStatus(corkHead).end(corkBody)
}

function partlyBody(accepted: number, duplicates: number, rejected: readonly RejectedEvent[]): string {
  const list = rejected.map(({ index, code, message }) => ({ index, code, message }))
  return JSON.stringify({ status: 'ok', accepted, duplicates, rejected: list })
}

/** A request on its way. Also its own reply. */
class IngestRequest implements IngestReply, BodyReply, InflateReply, ReadyReply {
  over = false
  /** Neighbours in the list of those handed on. */
  before: IngestRequest | undefined
  after: IngestRequest | undefined
  handedMs = 0
  private handed = false
  private body: Body | undefined
  private eventId: string | undefined
  private answer = ''
  /** X-Forwarded-For, of Sentry's SDKs. */
  forwarded = ''

  constructor(
    private readonly context: IngestContext,
    private readonly response: HttpResponse,
    private route: CustomerRoute,
    private readonly format: Format,
    private readonly encoding: Encoding,
    private readonly sentAt: number,
    private readonly dialect: Dialect,
  ) {}

  /** Refuses once the body has been read and thrown away. */
  discard(error: LetheError, contentLength: number): void {
    const { context } = this
    this.body = new Body(context.budget, context.limits.maxBodyBytes, this, error)
    this.body.listen(this.response, contentLength)
  }

  take(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.body === undefined) {
      if (isLast && chunk.byteLength <= this.context.limits.maxBodyBytes) {
        return this.received(new Uint8Array(chunk), false)
      }
      this.body = new Body(this.context.budget, this.context.limits.maxBodyBytes, this)
    }
    this.body.take(chunk, isLast)
  }

  abandon(): void {
    if (this.over) return
    this.over = true
    this.context.stats.aborted++
    this.body?.abandon()
  }

  // ——— the body is here

  received(body: Uint8Array, owned: boolean): void {
    if (this.encoding !== Encoding.None) return this.expand(body, this.encoding, owned)
    if (this.format !== Format.SentryStore) return this.hand(body)
    const packed = fromBase64(body)
    if (packed !== undefined && hasZlibHeader(packed)) return this.expand(packed, Encoding.Deflate, true)
    // What is neither is told off as it came.
    this.hand(packed?.[0] === 0x7b ? packed : body)
  }

  private expand(body: Uint8Array, encoding: Encoding, owned: boolean): void {
    const { context } = this
    this.enlist()
    // Expanding may outlast this call, and then uWS has reused the memory.
    const stays = owned || body.length <= context.limits.maxSyncCompressedBytes ? body : Uint8Array.from(body)
    context.inflater.inflate(stays, encoding, this)
  }

  failed(error: LetheError, close: boolean): void {
    this.answerRefusal(error, close)
  }

  inflated(body: Uint8Array): void {
    this.settle()
    if (!this.over) this.hand(body)
  }

  private hand(body: Uint8Array): void {
    const { context } = this
    if (body.length === 0) return this.answerRefusal(emptyBody(), false)
    if (context.handed.count >= context.limits.maxInFlightRequests) {
      return this.answerRefusal(overloaded('too many requests at once: try again'), false)
    }
    if (this.dialect === Dialect.Sentry) {
      this.eventId = this.format === Format.SentryEnvelope ? envelopeId(body) : storeId(body)
      const refusal = this.route === NO_ROUTE ? this.routeByTunnel(body) : undefined
      if (refusal !== undefined) return this.answerRefusal(refusal, false)
      body = withPeer(body, () => peerAddress(this.response, this.forwarded))
    }
    this.enlist()
    context.service.ingest(this.route, this.format, this.sentAt, body, this)
  }

  /** An envelope that came without a key anywhere else. */
  private routeByTunnel(body: Uint8Array): LetheError | undefined {
    const key = tunnelKey(body)
    const entry = key === '' ? undefined : this.context.routes.byKey(key)
    if (entry !== undefined) this.route = entry.route
    return refusalOfKey(this.context, entry, key !== '')
  }

  // ——— the outcome

  accepted(accepted: number, duplicates: number, rejected: readonly RejectedEvent[]): void {
    this.settle()
    this.context.stats.accepted++
    if (this.over) return
    this.answer =
      rejected.length === 0 ? acceptedBody(accepted, duplicates) : partlyBody(accepted, duplicates, rejected)
    // The SDKs read the id and pass over the rest, which is for `npm run replay` and for people.
    if (this.eventId !== undefined) this.answer = `{"id":"${this.eventId}",${this.answer.slice(1)}`
    this.context.replies.add(this)
  }

  write(): void {
    if (this.over) return
    this.over = true
    corkResponse = this.response
    corkHead = this.dialect === Dialect.Sentry ? SENTRY_HEAD : ACCEPTED_HEAD
    corkBody = this.answer
    corkResponse.cork(writeCorked)
  }

  refused(error: LetheError): void {
    this.settle()
    this.answerRefusal(error, false)
  }

  unknown(): void {
    this.settle()
    this.context.stats.unknown++
    if (this.over) return
    this.over = true
    this.response.close()
  }

  /** It takes too long: the client hears nothing, and may send again. The reply, should it come, goes nowhere. */
  giveUp(): void {
    if (this.over) return
    this.over = true
    this.context.stats.unknown++
    this.response.close()
  }

  private enlist(): void {
    this.handed = true
    this.context.handed.add(this)
  }

  private settle(): void {
    if (!this.handed) return
    this.handed = false
    this.context.handed.remove(this)
  }

  private answerRefusal(error: LetheError, close: boolean): void {
    const { refused } = this.context.stats
    refused[error.code] = (refused[error.code] ?? 0) + 1
    if (this.over) return
    this.over = true
    const sentry = this.dialect === Dialect.Sentry
    this.response.cork(() => writeError(this.response, error, { close, sentry }))
  }
}

const NO_ROUTE: CustomerRoute = {
  id: '',
  incarnation: 0n,
  hashKey: { k0: 0, k1: 0 },
  owner: 0,
  deleted: true,
  facts: { blocked: false, quota: {}, version: 0 },
  attachment: undefined,
}

function contentLengthOf(request: HttpRequest): number {
  const text = request.getHeader('content-length')
  return text === '' ? -1 : Number(text)
}

/** Why a known key may not write, if so. */
function refusalOfKey(context: IngestContext, entry: KeyEntry | undefined, sent: boolean): LetheError | undefined {
  if (context.draining) return draining()
  if (entry === undefined) return sent ? unknownKey() : missingKey()
  if (entry.kind !== 'ingest') return cannotWrite()
  if (entry.route.facts.blocked) return customerBlocked()
  return undefined
}

function begin(
  response: HttpResponse,
  ingest: IngestRequest,
  refusal: LetheError | undefined,
  contentLength: number,
): void {
  response.onAborted(() => ingest.abandon())
  if (refusal !== undefined) return ingest.discard(refusal, contentLength)
  response.onData((chunk, isLast) => ingest.take(chunk, isLast))
}

/** `POST /v1/events` */
export function handleEvents(context: IngestContext, response: HttpResponse, request: HttpRequest): void {
  const { routes } = context
  let text = request.getHeader('x-api-key')
  let entry = text === '' ? undefined : routes.cached(text)
  if (entry === undefined) {
    if (text === '') {
      text = request.getHeader('authorization')
      // A bare key is remembered too, but is no Authorization: what is answered must not depend on what was asked before.
      entry = text.startsWith('Bearer ') ? routes.cached(text) : undefined
      if (entry === undefined) {
        text = bearer(text)
        if (text !== '') entry = routes.byKey(text)
      }
    } else {
      entry = routes.byKey(text.trim())
    }
    if (text === '') {
      text = queryParameter(request.getQuery() ?? '', 'key')?.trim() ?? ''
      if (text !== '') entry = routes.cached(text) ?? routes.byKey(text)
    }
  }
  let refusal = refusalOfKey(context, entry, text !== '')
  const contentType = request.getHeader('content-type')
  const contentEncoding = request.getHeader('content-encoding')
  const format = formatOf(contentType)
  const encoding = encodingOf(contentEncoding)
  if (format === undefined) refusal ??= unknownType(contentType)
  if (encoding === Encoding.Unknown) refusal ??= unknownEncoding(contentEncoding)
  const sentAt = sentAtOf(request.getHeader('x-sent-at'))
  const route = entry === undefined ? NO_ROUTE : entry.route
  const ingest = new IngestRequest(context, response, route, format ?? Format.Json, encoding, sentAt, Dialect.Lethe)
  begin(response, ingest, refusal, refusal === undefined ? -1 : contentLengthOf(request))
}

/** `POST /api/<anything>/envelope/` and `…/store/`: what Sentry's SDKs send. Their Content-Type says nothing. */
export function handleSentry(
  context: IngestContext,
  response: HttpResponse,
  request: HttpRequest,
  format: Format.SentryEnvelope | Format.SentryStore,
): void {
  const { routes } = context
  const key = sentryKeyOf(request)
  const entry = key === '' ? undefined : (routes.cached(key) ?? routes.byKey(key))
  // An envelope may bring its key along.
  const isTunnel = key === '' && format === Format.SentryEnvelope && !context.draining
  let refusal = isTunnel ? undefined : refusalOfKey(context, entry, key !== '')
  const contentEncoding = request.getHeader('content-encoding')
  const encoding = encodingOf(contentEncoding)
  if (encoding === Encoding.Unknown) refusal ??= unknownEncoding(contentEncoding)
  const route = entry === undefined ? NO_ROUTE : entry.route
  const ingest = new IngestRequest(context, response, route, format, encoding, Number.NaN, Dialect.Sentry)
  ingest.forwarded = request.getHeader('x-forwarded-for')
  begin(response, ingest, refusal, refusal === undefined ? -1 : contentLengthOf(request))
}
