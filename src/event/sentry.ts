// Sentry's envelope: a header line, then items: each a header line and a payload, which ends where its `length` says or, often, with the line.
//
//   {"event_id":"…","sent_at":"…"} \n
//   {"type":"event"}               \n  {"exception":…} \n
//   {"type":"attachment","length":10} \n  ten bytes \n
//
// https://develop.sentry.dev/sdk/data-model/envelopes/ — and the older /store/, whose body is one event.
// Items become canonical events (sentry-map.ts), written into the arena as JSON and read there by the one scanner.

import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { EventBatch } from './batch.js'
import { emptyBody, tooManyEvents } from './json.js'
import { scanEvent } from './json-event.js'
import { EventRow } from './row.js'
import {
  type Canonical,
  countLost,
  type Data,
  isData,
  mapEvent,
  mapSession,
  mapSessions,
  mapSpans,
  mapTransaction,
} from './sentry-map.js'
import { plainText } from './text.js'
import { parseInstant } from './time.js'

const badEnvelope = (why: string, position: number) =>
  new LetheError('bad-envelope', `the envelope is broken at byte ${position}: ${why}`, 400, { position })

/** What an SDK writes for an address that it does not know: whoever receives it fills it in. */
export const AUTO_ADDRESS = '{{auto}}'
/** Where the node writes the peer's address before the body is journaled, so that all replays know it: in the first object of a body. */
export const PEER_ADDRESS = 'lethe_peer'

export class SentrySource {
  private readonly row: EventRow
  private i = 0
  private end = 0
  private started = false
  private envelopeId: unknown
  private peer: unknown
  // Events that are known but not yet decoded, so that a step stays short.
  private readonly waiting: Canonical[] = []
  private taken = 0

  constructor(
    private batch: EventBatch,
    private readonly limits: Limits,
    private readonly store: boolean,
  ) {
    this.row = new EventRow(batch, limits)
  }

  start(batch: EventBatch, start: number, end: number): void {
    this.batch = batch
    this.row.reset(batch)
    this.waiting.length = 0
    this.taken = 0
    this.started = false
    this.i = start
    this.end = end
  }

  step(maxEvents: number): boolean {
    if (!this.started) this.begin()
    for (let n = 0; n < maxEvents; n++) {
      const next = this.waiting[0]
      if (next === undefined) {
        if (this.i >= this.end) return true
        this.item()
        continue
      }
      this.emit(next.event)
      if (++this.taken >= next.times) {
        this.waiting.shift()
        this.taken = 0
      }
    }
    return false
  }

  private begin(): void {
    this.started = true
    if (this.i >= this.end) throw emptyBody()
    // All events are built texts: the body moves to the arena now, and no offset changes later.
    const shift = this.batch.reserve(0)
    this.i += shift
    this.end += shift
    if (this.store) {
      const payload = this.parse(this.i, this.end)
      if (!isData(payload)) throw new LetheError('bad-json', 'the body is not a JSON object', 400)
      this.peer = payload[PEER_ADDRESS]
      this.push(mapEvent(this.located(payload), undefined))
      this.i = this.end
      return
    }
    const header = this.headerLine('the header is no JSON object')
    this.envelopeId = header['event_id']
    this.peer = header[PEER_ADDRESS]
    const sentAt = header['sent_at']
    if (typeof sentAt === 'string') {
      const bytes = Buffer.from(sentAt)
      const when = parseInstant(bytes, 0, bytes.length)
      if (Number.isFinite(when)) this.batch.sentAt = when
    }
    this.skipBlank()
  }

  private lineEnd(): number {
    const at = this.batch.bytes.subarray(this.i, this.end).indexOf(0x0a)
    return at < 0 ? this.end : this.i + at
  }

  private headerLine(why: string): Readonly<Record<string, unknown>> {
    const stop = this.lineEnd()
    const header = this.parse(this.i, stop)
    if (!isData(header)) throw badEnvelope(why, this.i)
    this.i = Math.min(stop + 1, this.end)
    return header
  }

  private skipBlank(): void {
    while (this.i < this.end && (this.batch.bytes[this.i] === 0x0a || this.batch.bytes[this.i] === 0x0d)) this.i++
  }

  private parse(start: number, end: number): unknown {
    try {
      return JSON.parse(plainText(this.batch.bytes, start, end)) as unknown
    } catch {
      return undefined
    }
  }

  /** Reads one item: a header line and its payload. */
  private item(): void {
    const header = this.headerLine('an item has no header')
    const type = header['type']
    if (typeof type !== 'string') throw badEnvelope('an item has no type', this.i)
    const length = header['length']
    const start = this.i
    let stop: number
    if (typeof length === 'number' && Number.isSafeInteger(length) && length >= 0) {
      if (length > this.end - start) throw badEnvelope('an item ends before its length', this.end)
      stop = start + length
    } else stop = this.lineEnd()
    this.i = stop
    this.skipBlank()
    this.read(type, start, stop)
  }

  private read(type: string, start: number, stop: number): void {
    switch (type) {
      case 'event':
      case 'transaction':
      case 'span':
      case 'session':
      case 'sessions':
      case 'client_report':
        break
      default:
        this.batch.ignoredItems++
        return
    }
    const payload = this.parse(start, stop)
    if (!isData(payload)) {
      if (type === 'client_report') this.batch.ignoredItems++
      else this.broken(start, type)
      return
    }
    if (type === 'event') this.push(mapEvent(this.located(payload), this.envelopeId))
    else if (type === 'transaction') this.push(mapTransaction(this.located(payload), this.envelopeId))
    else if (type === 'session') this.push(mapSession(payload))
    else if (type === 'client_report') this.batch.clientLost += countLost(payload)
    else {
      let left = this.limits.maxEventsPerRequest
      for (const canonical of type === 'span' ? mapSpans(payload) : mapSessions(payload)) {
        left -= canonical.times
        if (left < 0) throw tooManyEvents(this.limits.maxEventsPerRequest)
        this.waiting.push(canonical)
      }
    }
  }

  /** With the peer's address where the SDK leaves that to us, and nothing there where nobody wrote it down. */
  private located(payload: Data): Data {
    const user = payload['user']
    if (!isData(user) || user['ip_address'] !== AUTO_ADDRESS) return payload
    return { ...payload, user: { ...user, ip_address: this.peer } }
  }

  private push(event: Canonical['event']): void {
    this.waiting.push({ event, times: 1 })
  }

  private room(): void {
    const batch = this.batch
    if (batch.count >= this.limits.maxEventsPerRequest) throw tooManyEvents(this.limits.maxEventsPerRequest)
    if (batch.count === batch.capacity) batch.grow()
  }

  private broken(at: number, type: string): void {
    this.room()
    this.row.finishBroken(at, 'bad-json', `the item "${type}" is not a JSON object`)
  }

  private emit(event: Canonical['event']): void {
    this.room()
    const text = Buffer.from(JSON.stringify(event))
    this.batch.reserve(text.length)
    const start = this.batch.arenaEnd
    this.batch.bytes.set(text, start)
    this.batch.take(text.length)
    const end = start + text.length
    scanEvent(this.row, start, end, this.limits.maxJsonDepth, this.limits.maxTags, undefined)
    this.row.finish(start, end)
  }
}
