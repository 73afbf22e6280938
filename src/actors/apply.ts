// A committed entry meets the state: the one place where events change tables. Live traffic, replay after a crash,
// simulation and standby all come through here (law 1), so nothing in this file may ask for the time, for randomness or
// for a file. What depends on time is decided from the frame's stamp (R5).
//
//   event ── invalid? ── seen id? ── too old? ── in the sample? ── program ── effects ── cells of its day
//               │            │           │             │              │
//            invalid     duplicate     late         sampled      drop!'s reason     exactly one outcome each (law 4)
import { DAY_MS, dayOf } from '../core/clock.js'
import { hash, hashBytes } from '../core/hash.js'
import type { Limits } from '../core/limits.js'
import { type EventBatch, EventType, Field, Flag, NumberField } from '../event/batch.js'
import { isSampled } from '../query/event-primitives.js'
import { type EventProgram, Outcome } from '../query/event-program.js'
import { DirectEffects } from '../tables/direct-effects.js'
import { Effects } from '../tables/effects.js'
import { type FieldPlan, FieldUpdates } from '../tables/field-updates.js'
import type { LedgerDay } from '../tables/ledger.js'
import type { CustomerState } from '../tables/state.js'
import type { Delivery } from './delivery.js'
import type { ReplayEntry } from './entry.js'

/**
 * Events between two looks at the clock, and in a replay after a crash between two notes of the place: some 5 to 20 µs of work,
 * where a note costs about one. No more are taken together.
 */
const EVENTS_PER_LOOK = 16

/** A body of so many events touches most of what a small customer has: it is worth reading ahead as a whole. */
const MANY_EVENTS = 8
const PREFETCHED_BYTES = 4096

/** Answers whether event `index` of entry `n`, which came in a frame of `ms`, was set aside (R16). */
export interface Verdicts {
  convicted(n: number, index: number, ms: number): boolean
}

/** Where an apply is, so that a crash can say which event it was, or which group; n = 0 while none runs. */
export interface Place {
  n: number
  index: number
  events: number
  batch: EventBatch | undefined
}

export class Applier {
  private readonly effects = new Effects()
  private readonly direct = new DirectEffects()
  private readonly fieldUpdates: FieldUpdates
  readonly place: Place = { n: 0, index: 0, events: 1, batch: undefined }

  /** Stamp of the frame whose entry runs, and the day of its ledger. */
  frameMs = 0
  frameDay = 0
  /**
   * While a replay is watched (R16): told of each event before it is applied, or of `events` together, where they do not go one
   * by one.
   */
  watch: ((n: number, index: number, events: number) => void) | undefined
  /** Whether `outcomes` counts what is applied. */
  counting = true

  // When the event happened, ms, by the node's clock: the device's clock corrected by what `sentAt` shows of it, and clamped to
  // the frame's time if it is ahead. `skewed` says whether it was. `day` is the day of that.
  private at = 0
  private day = 0
  private skewed = false
  // The program that has been told of the delivery that runs, and whether it failed at the last event.
  private begunFor: EventProgram | undefined
  private failed = false
  // For /metrics.
  private applied = 0
  private duplicates = 0
  private readonly dropped = new Map<string, number>()
  // What the reads ahead add up to: of no use, but used, so that nobody optimises them away.
  private prefetched = 0

  constructor(
    private readonly limits: Limits,
    private readonly builtin: EventProgram,
  ) {
    this.fieldUpdates = new FieldUpdates(limits.maxKeyBytes)
  }

  private readTime(batch: EventBatch, event: number, frameMs: number): void {
    const device = batch.numbers[event * NumberField.Count_ + NumberField.At]!
    this.skewed = false
    this.at = frameMs
    if (!Number.isNaN(device)) {
      const sent = batch.sentAt
      const corrected = Number.isNaN(sent) ? device : frameMs - (sent - device)
      if (corrected > frameMs + this.limits.maxSkewMs) this.skewed = true
      else this.at = corrected
    }
    this.day = dayOf(this.at)
  }

  /** Calls `visit` with each day that the entry may write to; days that are not resident must be loaded before `run` (R7). */
  days(batch: EventBatch, frameMs: number, visit: (day: number) => void): void {
    if (!batch.timed) return visit(dayOf(frameMs))
    let last = Number.NaN
    for (let event = 0; event < batch.count; event++) {
      this.readTime(batch, event, frameMs)
      if (this.day !== last) visit(this.day)
      last = this.day
    }
  }

  /**
   * Applies events of a delivery from `delivery.index` on, until `expired` answers true; answers true when all are done.
   * The state has been rolled to the frame's day, and every day the entry writes to is resident. `oneByOne` says that the entry
   * crashed somebody before: its events are taken, and watched, one by one.
   */
  run(
    state: CustomerState,
    program: EventProgram,
    verdicts: Verdicts | undefined,
    delivery: Delivery,
    expired: () => boolean,
    oneByOne = false,
  ): boolean {
    const batch = delivery.batch!
    const { ids, identity } = state
    const ledger = state.ledger.day(ledgerDay(state, delivery.day))
    const oldest = (state.day - state.retention + 1) * DAY_MS
    const first = delivery.index
    let applied = 0
    let duplicates = 0
    let accepted = 0
    let event = first
    this.begunFor = undefined
    if (batch.count - first >= MANY_EVENTS) this.prefetch(state, PREFETCHED_BYTES)
    this.place.n = delivery.n
    this.place.events = 1
    this.place.batch = batch
    this.frameMs = delivery.ms
    this.frameDay = ledger.number
    this.at = delivery.ms
    this.day = dayOf(delivery.ms)
    this.skewed = false
    // Events that happened at other times, or that somebody judges or samples, go one by one.
    const plan =
      batch.timed || this.at < oldest || oneByOne || verdicts !== undefined || state.sampling < 1
        ? undefined
        : program.fieldPlan
    for (; event < batch.count; event++) {
      if (event % EVENTS_PER_LOOK === 0) {
        if (event > first && expired()) break
        if (this.watch && !oneByOne) this.note(delivery.n, event, Math.min(EVENTS_PER_LOOK, batch.count - event))
        const end = plan === undefined ? event : this.applyTogether(state, program, plan, batch, event)
        if (end > event) {
          applied += end - event
          accepted += end - event
          event = end - 1
          continue
        }
      }
      if (oneByOne && this.watch) this.note(delivery.n, event, 1)
      this.place.index = event
      if (batch.types[event] === EventType.Rejected) {
        this.drop(ledger, 'invalid')
        continue
      }
      const idAt = 2 * (event * Field.Count_ + Field.Id)
      const idStart = batch.slices[idAt]!
      if (idStart >= 0) {
        hashBytes(identity.hashKey, batch.bytes, idStart, batch.slices[idAt + 1]!)
        if (!ids.add(hash.lo, hash.hi, delivery.ms)) {
          duplicates++
          continue
        }
      }
      accepted++
      if (verdicts?.convicted(delivery.n, event, delivery.ms)) {
        this.drop(ledger, 'poison')
        continue
      }
      if (batch.timed) this.readTime(batch, event, delivery.ms)
      if (this.skewed) ledger.note('skewed')
      if (this.at < oldest) {
        this.drop(ledger, 'late')
        continue
      }
      if (state.sampling < 1 && !isSampled(batch, event, state.sampling, chanceOf(delivery.n, event))) {
        this.drop(ledger, 'sampled')
        continue
      }
      if (batch.flags[event]! & Flag.Truncated) ledger.note('truncated')
      if (this.applyOne(state, program, batch, event)) applied++
      else this.drop(ledger, program.reason)
      if (this.failed) ledger.note('program-error')
    }
    const done = event === batch.count
    ledger.receive(event - first)
    if (done) ledger.bytes(delivery.bytes)
    if (applied > 0) ledger.apply(applied)
    if (duplicates > 0) ledger.duplicate(duplicates)
    if (done && batch.clientLost > 0) ledger.note('client-lost', batch.clientLost)
    if (this.counting) {
      this.applied += applied
      this.duplicates += duplicates
    }
    delivery.accepted += accepted
    delivery.duplicates += duplicates
    delivery.index = event
    this.place.n = 0
    this.place.batch = undefined
    return done
  }

  /**
   * Applies an event that had been set aside, after a fix (R16): on the ledger of the day it was received, in the tables
   * of the day it happened, if they are still there. Once: a replay that was asked for twice finds its place in the id
   * window, which is part of the state, as a mark beside the verdict is not. One that crashes the customer again, or kills
   * the process, is set aside in its turn, as event 0 of this entry. `delivery.accepted` says whether it was applied.
   */
  replayPoison(
    state: CustomerState,
    program: EventProgram,
    verdicts: Verdicts | undefined,
    delivery: Delivery,
    entry: ReplayEntry,
    batch: EventBatch,
  ): void {
    const oldest = state.day - state.retention + 1
    const ledger = entry.day < oldest ? undefined : state.ledger.of(entry.day)
    if (!ledger || batch.count !== 1 || batch.types[0] === EventType.Rejected) return
    if (verdicts?.convicted(delivery.n, 0, entry.ms)) return
    const mark = replayMark(entry)
    hashBytes(state.identity.hashKey, mark, 0, mark.length)
    if (!state.ids.add(hash.lo, hash.hi, delivery.ms) || !ledger.replayed('poison')) return
    this.watch?.(delivery.n, 0, 1)
    this.begunFor = undefined
    this.place.n = delivery.n
    this.place.index = 0
    this.place.events = 1
    this.place.batch = batch
    this.frameMs = entry.ms
    this.frameDay = entry.day
    this.readTime(batch, 0, entry.ms)
    if (this.at >= oldest * DAY_MS) this.applyOne(state, program, batch, 0)
    delivery.accepted = 1
    this.place.n = 0
    this.place.batch = undefined
  }

  /** Reads ahead what the next events of a customer will need (tables/updates.ts). */
  prefetch(state: CustomerState, bytes: number): void {
    this.prefetched = (this.prefetched + state.updates.prefetch(bytes)) | 0
  }

  /** Events by what became of them since the start, for /metrics. Replayed entries were counted when they came. */
  get outcomes(): Record<string, number> {
    return { applied: this.applied, duplicate: this.duplicates, ...Object.fromEntries(this.dropped) }
  }

  // What goes wrong with a note is put down to no event.
  private note(n: number, index: number, events: number): void {
    this.place.n = 0
    this.watch!(n, index, events)
    this.place.n = n
  }

  private drop(ledger: LedgerDay, reason: string): void {
    ledger.drop(reason)
    if (!this.counting) return
    // Programs make reasons up (drop!).
    const known = this.dropped.has(reason) || this.dropped.size < this.limits.maxLedgerNames ? reason : '(other)'
    this.dropped.set(known, (this.dropped.get(known) ?? 0) + 1)
  }

  /**
   * Applies as many plain events as can be taken at once, at most up to the next look at the clock; answers the event before which that ended.
   */
  private applyTogether(
    state: CustomerState,
    program: EventProgram,
    plan: FieldPlan,
    batch: EventBatch,
    from: number,
  ): number {
    const most = Math.min(from + EVENTS_PER_LOOK, batch.count)
    let to = from
    while (to < most && isPlain(batch, to)) to++
    if (to === from) return from
    this.place.index = from
    this.place.events = to - from
    if (this.begunFor !== program) this.begin(state, program, batch)
    this.direct.nextEvent(this.day, this.at)
    const end = state.updates.applyFields(plan, this.fieldUpdates, from, to)
    this.place.events = 1
    return end
  }

  /** Runs the program over one event and applies its effects. False if the program dropped it. */
  private applyOne(state: CustomerState, program: EventProgram, batch: EventBatch, event: number): boolean {
    const { effects, day } = this
    this.failed = false
    if (this.begunFor !== program) this.begin(state, program, batch)
    if (program.certain) {
      this.direct.nextEvent(day, this.at)
      program.runCertain(event)
      return true
    }
    effects.clear()
    const outcome = program.run(event)
    if (outcome === Outcome.Applied) {
      if (state.sampling < 1) effects.weigh(weightOf(state))
      state.updates.apply(effects, batch, day, this.at)
      return true
    }
    if (outcome === Outcome.Dropped) return false
    state.noteProgramError(program.error!)
    const applied = program !== this.builtin && this.applyOne(state, this.builtin, batch, event)
    this.failed = true
    return applied
  }

  private begin(state: CustomerState, program: EventProgram, batch: EventBatch): void {
    if (program.certain) {
      this.direct.begin(batch, program.declared, state, weightOf(state))
      program.begin(batch, this.direct)
    } else {
      this.effects.begin(batch, program.declared, state.sessions)
      program.begin(batch, this.effects)
    }
    this.begunFor = program
  }
}

/** Nothing but its program has a say in what becomes of it. */
function isPlain(batch: EventBatch, event: number): boolean {
  return (
    batch.types[event] !== EventType.Rejected &&
    batch.slices[2 * (event * Field.Count_ + Field.Id)]! < 0 &&
    (batch.flags[event]! & Flag.Truncated) === 0
  )
}

/** Who is kept stands for all who are like it: the sums are those of all, as near as a sample says. */
const weightOf = ({ sampling }: CustomerState): number => (sampling < 1 ? 1 / sampling : 1)

const place = new DataView(new ArrayBuffer(12))
const placeBytes = new Uint8Array(place.buffer)
const PLACE_KEY = { k0: 0x2f6c9d31, k1: 0x68e31da4 }

/** A number from 0 to 1 that an event's place in the journal gives it: the same whenever it is replayed. */
function chanceOf(n: number, event: number): number {
  place.setFloat64(0, n)
  place.setUint32(8, event)
  hashBytes(PLACE_KEY, placeBytes, 0, placeBytes.length)
  return (hash.hi >>> 0) / 0x1_0000_0000
}

/** The day whose ledger a frame counts in: its own, unless a clock that jumped back has put it before the ring. */
function ledgerDay(state: CustomerState, frameDay: number): number {
  return Math.max(frameDay, state.day - state.retention + 1)
}

// Longer than the id of an event may be: no client can take its place.
function replayMark({ n, index }: { readonly n: number; readonly index: number }): Buffer {
  return Buffer.from(`replay of an event that was set aside, whatever its own id may be: ${n}/${index}`)
}
