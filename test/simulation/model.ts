// The naive model of one customer: what its state must be after a list of entries. It reads the entries' bytes with
// JSON.parse and keeps everything in Maps; it knows nothing of pages, rings, checkpoints, replays or crashes.
import { DAY_MS, dayOf } from '../../src/core/clock.js'
import { type HashKey, hash, hashBytes } from '../../src/core/hash.js'
import type { Limits } from '../../src/core/limits.js'
import { type EventBatch, Field } from '../../src/event/batch.js'
import { DECODER_VERSION, decodeAll, Format } from '../../src/event/decode.js'
import { EntryKind } from '../../src/storage/contract.js'
import { expectEvent } from '../event/model.js'
import {
  type ModelEvent,
  type ModelMemory,
  type ModelProgram,
  type ModelSession,
  PROGRAMS,
  programOf,
} from './model-programs.js'
import { type ModelDay, ModelEffects } from './model-tables.js'

/** An entry as it went into the journal. */
export interface LoggedEntry {
  readonly n: number
  readonly kind: EntryKind
  /** Of events: what stands before the body. */
  readonly format: number
  readonly sentAt: number
  /** The body, or the JSON of other entries. */
  readonly payload: Buffer
  ms: number
  day: number
}

export interface ModelLedger {
  received: number
  applied: number
  duplicate: number
  bytes: number
  readonly dropped: Map<string, number>
  readonly noted: Map<string, number>
}

export interface ModelGroup {
  readonly id: string
  kind: 'crash' | 'error'
  first: number
  last: number
  lastDay: number
}

/** What the reply to an events entry must have said. */
export interface ModelReply {
  accepted: number
  duplicates: number
  rejected: { index: number; code: string }[]
}

/** Whether the event was set aside (R16); the model does not guess who is convicted, only what follows. */
export type Convicted = (n: number, index: number, ms: number) => boolean

const plus = (counts: Map<string, number>, name: string, n = 1) => counts.set(name, (counts.get(name) ?? 0) + n)

export class CustomerModel {
  n = 0
  /** Of the log it follows. */
  epoch = 0
  day = Number.NEGATIVE_INFINITY
  retention: number
  program: ModelProgram = PROGRAMS[0]!
  /** Share of users whose events are kept. */
  sampling = 1
  private readonly sessions = new Map<string, ModelSession>()
  private readonly memory: ModelMemory = {
    find: session => this.sessions.get(session),
    take: session => {
      let found = this.sessions.get(session)
      if (!found) {
        found = { day: this.day, seenBy: new Set(), state: undefined }
        this.sessions.set(session, found)
      }
      return found
    },
  }
  readonly days = new Map<number, ModelDay>()
  readonly ledger = new Map<number, ModelLedger>()
  readonly groups = new Map<string, ModelGroup>()
  /** First in, first out. */
  private readonly ids = new Map<string, number>()
  private latestSecond = 0
  readonly replies = new Map<number, ModelReply>()

  constructor(
    private readonly hashKey: HashKey,
    private readonly limits: Limits,
    retention: number,
  ) {
    this.retention = retention
  }

  get oldestDay(): number {
    return this.day - this.retention + 1
  }

  ledgerOf(day: number): ModelLedger {
    let ledger = this.ledger.get(day)
    if (!ledger) {
      ledger = { received: 0, applied: 0, duplicate: 0, bytes: 0, dropped: new Map(), noted: new Map() }
      this.ledger.set(day, ledger)
    }
    return ledger
  }

  apply(entry: LoggedEntry, convicted: Convicted): void {
    if (entry.n !== this.n + 1) throw new Error(`entry ${entry.n} follows entry ${this.n}`)
    this.rollTo(entry.day)
    switch (entry.kind) {
      case EntryKind.Events:
        this.applyEvents(entry, convicted)
        break
      case EntryKind.Create:
        this.retain(JSON.parse(entry.payload.toString()).retention)
        break
      case EntryKind.Settings: {
        const { retention, sampling } = JSON.parse(entry.payload.toString())
        if (retention !== undefined) this.retain(retention)
        if (sampling !== undefined) this.sampling = sampling
        break
      }
      case EntryKind.Program:
        this.program = programOf(JSON.parse(entry.payload.toString()).source)
        break
      case EntryKind.Replay:
        this.applyReplay(entry, convicted)
        break
      case EntryKind.Reset:
      case EntryKind.Poison:
        break
    }
    this.n = entry.n
  }

  /** What is not readable under both the old and the new number is gone. */
  private retain(retention: number): void {
    if (retention === this.retention) return
    const oldest = this.day - Math.min(retention, this.retention) + 1
    this.retention = retention
    this.forget(oldest, oldest)
  }

  /** Sessions and groups are remembered one day longer than a day is readable: as long as its slot. */
  private rollTo(day: number): void {
    if (day <= this.day) return
    this.day = day
    this.forget(this.oldestDay, day - this.retention)
  }

  private forget(oldest: number, oldestSlot: number): void {
    for (const day of this.days.keys()) if (day < oldest) this.days.delete(day)
    for (const day of this.ledger.keys()) if (day < oldest) this.ledger.delete(day)
    for (const [key, session] of this.sessions) if (session.day < oldestSlot) this.sessions.delete(key)
    for (const [id, group] of this.groups) if (group.lastDay < oldestSlot) this.groups.delete(id)
  }

  private applyEvents(entry: LoggedEntry, convicted: Convicted): void {
    const body = readBody(entry.payload, entry.format)
    const sentAt = Number.isNaN(body.sentAt) ? entry.sentAt : body.sentAt
    const day = Math.max(entry.day, this.oldestDay)
    const ledger = this.ledgerOf(day)
    const reply: ModelReply = { accepted: 0, duplicates: 0, rejected: [] }
    body.events.forEach((raw, index) => {
      ledger.received++
      const event = this.read(raw, body.common)
      if (event.code !== '') {
        reply.rejected.push({ index, code: event.code })
        plus(ledger.dropped, 'invalid')
        return
      }
      const id = event.texts['id']
      if (id !== undefined && !this.takeId(id, entry.ms)) {
        reply.duplicates++
        ledger.duplicate++
        return
      }
      reply.accepted++
      if (convicted(entry.n, index, entry.ms)) {
        plus(ledger.dropped, 'poison')
        return
      }
      this.applyOne(event, ledger, sentAt, entry.ms, () => isKept(event, this.sampling, entry.n, index))
    })
    ledger.bytes += entry.payload.length
    this.replies.set(entry.n, reply)
  }

  private applyReplay(entry: LoggedEntry, convicted: Convicted): void {
    const replay = JSON.parse(entry.payload.toString())
    const ledger = this.ledger.get(replay.day)
    if (!ledger || convicted(entry.n, 0, replay.ms)) return
    if (!this.takeId(`replay of ${replay.n}/${replay.index}`, entry.ms)) return
    if ((ledger.dropped.get('poison') ?? 0) === 0) return
    plus(ledger.dropped, 'poison', -1)
    ledger.applied++
    const event = this.read(JSON.parse(replay.event), {})
    const at = this.timeOf(event, replay.sentAt ?? Number.NaN, replay.ms).at
    if (dayOf(at) >= this.oldestDay) this.run(event, at, () => {})
  }

  private read(raw: unknown, common: Record<string, unknown>): ModelEvent {
    const event = expectEvent(raw, common)
    return { ...event, group: event.type === 'crash' || event.type === 'error' ? this.groupOf(raw, common) : undefined }
  }

  /** Which bug this is: asked of the decoder, which has its own tests for it. */
  private groupOf(raw: unknown, common: Record<string, unknown>): string | undefined {
    const bytes = Buffer.from(JSON.stringify({ common, events: [raw] }))
    const batch: EventBatch = decodeAll(bytes, 0, bytes.length, {
      format: Format.Json,
      version: DECODER_VERSION,
      sentAt: Number.NaN,
      limits: this.limits,
    })
    return batch.text(0, Field.Group)
  }

  /** The window: at most `maxDedupeIds`; beyond `minDedupeIds` those older than the window go. Time counts in seconds and never runs back. */
  private takeId(id: string, ms: number): boolean {
    const { maxDedupeIds, minDedupeIds, dedupeWindowMs } = this.limits
    const second = Math.floor(ms / 1000)
    this.latestSecond = Math.max(second, this.latestSecond)
    for (const [oldest, at] of this.ids) {
      if (this.ids.size <= minDedupeIds || at >= this.latestSecond - Math.floor(dedupeWindowMs / 1000)) break
      this.ids.delete(oldest)
    }
    if (this.ids.has(id)) return false
    this.ids.set(id, this.latestSecond)
    for (const oldest of this.ids.keys()) {
      if (this.ids.size <= maxDedupeIds) break
      this.ids.delete(oldest)
    }
    return true
  }

  private timeOf(event: ModelEvent, sentAt: number, frameMs: number): { at: number; skewed: boolean } {
    if (Number.isNaN(event.at)) return { at: frameMs, skewed: false }
    const corrected = Number.isNaN(sentAt) ? event.at : frameMs - (sentAt - event.at)
    return corrected > frameMs + this.limits.maxSkewMs
      ? { at: frameMs, skewed: true }
      : { at: corrected, skewed: false }
  }

  private applyOne(
    event: ModelEvent,
    ledger: ModelLedger,
    sentAt: number,
    frameMs: number,
    isInSample: () => boolean,
  ): void {
    const { at, skewed } = this.timeOf(event, sentAt, frameMs)
    if (skewed) plus(ledger.noted, 'skewed')
    if (at < this.oldestDay * DAY_MS) {
      plus(ledger.dropped, 'late')
      return
    }
    if (!isInSample()) {
      plus(ledger.dropped, 'sampled')
      return
    }
    if (event.truncated) plus(ledger.noted, 'truncated')
    const reason = this.run(event, at, () => plus(ledger.noted, 'program-error'))
    if (reason === undefined) ledger.applied++
    else plus(ledger.dropped, reason)
  }

  /** Runs the program over one event; answers why it was dropped, if it was. */
  private run(event: ModelEvent, at: number, failed: () => void): string | undefined {
    let effects = new ModelEffects(this.hashKey, 1 / this.sampling)
    const noteGroup = () => effects.also(() => this.noteGroup(event, at))
    let outcome = this.program.run(event, effects, this.memory, noteGroup)
    if (outcome.tag === 'failed') {
      failed()
      effects = new ModelEffects(this.hashKey, 1 / this.sampling)
      outcome = PROGRAMS[0]!.run(event, effects, this.memory, noteGroup)
    }
    if (outcome.tag === 'dropped') return outcome.reason
    const day = dayOf(at)
    let tables = this.days.get(day)
    if (!tables) {
      tables = new Map()
      this.days.set(day, tables)
    }
    effects.applyTo(tables, at)
    return undefined
  }

  private noteGroup(event: ModelEvent, at: number): void {
    const id = event.group
    if (id === undefined) return
    const kind = event.type as 'crash' | 'error'
    const day = dayOf(at)
    const known = this.groups.get(id)
    if (!known) {
      this.groups.set(id, { id, kind, first: at, last: at, lastDay: day })
      return
    }
    known.lastDay = Math.max(known.lastDay, day)
    known.first = Math.min(known.first, at)
    known.last = Math.max(known.last, at)
    if (kind === 'crash') known.kind = 'crash'
  }
}

// The same in all nodes, and for ever: who is in a sample is part of what was counted.
const USER_KEY: HashKey = { k0: 0x5a3b1e77, k1: 0x1f83d9ab }
const PLACE_KEY: HashKey = { k0: 0x2f6c9d31, k1: 0x68e31da4 }

const fractionOf = (key: HashKey, bytes: Buffer): number => {
  hashBytes(key, bytes, 0, bytes.length)
  return (hash.hi >>> 0) / 2 ** 32
}

/** One share of all users is kept, with everything; who is nobody is kept event by event. */
function isKept({ texts }: ModelEvent, share: number, n: number, index: number): boolean {
  if (share === 1) return true
  const who = texts['user'] ?? texts['session'] ?? texts['id']
  if (who !== undefined) return fractionOf(USER_KEY, Buffer.from(who)) < share
  const place = Buffer.alloc(12)
  place.writeDoubleBE(n, 0)
  place.writeUInt32BE(index, 8)
  return fractionOf(PLACE_KEY, place) < share
}

interface ReadBody {
  readonly events: unknown[]
  readonly common: Record<string, unknown>
  readonly sentAt: number
}

/** A line that is no JSON: one rejection. */
const BROKEN = Symbol('broken line')

function readLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return BROKEN
  }
}

/** Throws where a body is not what its format says. */
export function readBody(bytes: Buffer, format: number): ReadBody {
  const text = bytes.toString()
  if (format === Format.Ndjson) {
    const lines = text.split('\n').filter(line => line.trim() !== '')
    return { events: lines.map(readLine), common: {}, sentAt: Number.NaN }
  }
  const parsed = JSON.parse(text)
  if (Array.isArray(parsed)) return { events: parsed, common: {}, sentAt: Number.NaN }
  if (Array.isArray(parsed.events)) {
    return { events: parsed.events, common: parsed.common ?? {}, sentAt: parsed.sentAt ?? Number.NaN }
  }
  return { events: [parsed], common: {}, sentAt: Number.NaN }
}
