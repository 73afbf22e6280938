// One customer, alive: the state machine that its actor and the shard's turn loop drive.
//
//            first touch                       idle, inbox empty, checkpointed
//   (cold) ──────────────▶ loading ──▶ live ──────────────────────────────────▶ (cold)
//                             ▲          │
//                             └──────────┘  a broken assumption: memory dropped, snapshot + journal again
//
// A step does at most about a millisecond of work, in this order: load; decode what waits; apply what is committed;
// run queries; encode a checkpoint. It is handed the deadline and never looks at a wall clock, so that the simulation
// drives it as the shard does.
//
// What must survive a crash of this object's memory is not in it: deliveries and query replies belong to the directory.
import { LetheError } from '../core/errors.js'
import type { EventBatch } from '../event/batch.js'
import { DECODER_VERSION, Decoder, decodeAll, Format } from '../event/decode.js'
import type { Rendering } from '../query/answer.js'
import type { EventProgram } from '../query/event-program.js'
import type { CompiledQuery, QueryRun } from '../query/query.js'
import { type CustomerFile, EntryKind, type JournalWriter } from '../storage/contract.js'
import type { Checkpoint } from '../tables/checkpoint.js'
import { CustomerState } from '../tables/state.js'
import { Delivery, Queue } from './delivery.js'
import {
  type CreateEntry,
  decodeJson,
  EVENTS_PREFIX_BYTES,
  encodeJson,
  type ProgramEntry,
  type ReplayEntry,
  type ResetEntry,
  readEventsPrefix,
  type SettingsEntry,
} from './entry.js'
import type { Parts } from './parts.js'
import { TokenBucket } from './quota.js'
import type { CustomerRoute, IngestReply, QueryReply, QueryRequest } from './service.js'
import type { ActorHandle } from './system.js'

/** Everything a customer's actor can be told. Events never come this way: they go to the inbox. */
export type CustomerMessage =
  | { tag: 'query'; query: RunningQuery }
  | { tag: 'control' }
  | { tag: 'checkpoint' }
  | { tag: 'passivate' }

/** A query from its arrival to its reply. Lives in the directory; the run in it dies with the actor. */
export interface RunningQuery {
  readonly request: QueryRequest
  readonly reply: QueryReply
  readonly compiled: CompiledQuery
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

/** What the customer asks of the directory that owns it. */
export interface Directory {
  /** Puts a decoded body into the open group, or refuses it by the quota; false if the group takes no more now. */
  journalBody(customer: Customer, waiting: WaitingBody, decoder: Decoder): boolean
  /** Refuses a body that waited. */
  refuseWaiting(customer: Customer, waiting: WaitingBody, error: LetheError): void
  journalJson(customer: Customer, kind: EntryKind, payload: Buffer, reply?: IngestReply): void
  /** The entry is applied: answer it, free what it holds. */
  applied(customer: Customer, delivery: Delivery): void
  finishQuery(customer: Customer, query: RunningQuery, body: string | LetheError): void
  /** More work has come up outside a step. */
  wake(customer: Customer): void
  checkpointed(customer: Customer): void
  crashed(customer: Customer, error: unknown): void
}

/** Version of what entries mean to tables; in the first entry of each customer, and in each reset. */
export const ENGINE_VERSION = 1

const EVENTS_PER_DECODE_STEP = 64
/** Looks at the clock (16 events each) in one step of a replay. */
const LOOKS_PER_REPLAY_STEP = 8
/** Crashes without any progress after which a customer waits before it is loaded again. */
const CRASHES_AT_ONCE = 3

export class Customer {
  phase: 'loading' | 'live' = 'loading'
  state: CustomerState
  program: EventProgram
  readonly writer: JournalWriter
  actor: ActorHandle<CustomerMessage> | undefined
  /** Grows with each spawn; names the actor. */
  generation = 0

  readonly inbox = new Queue<WaitingBody>()
  readonly committed = new Queue<Delivery>()
  /** Rare requests that need the state: run in order as soon as it is there. The directory's; they survive a crash. */
  readonly tasks = new Queue<() => void>()
  /** Queries not yet answered. The directory's, like the tasks; their runs are the actor's. */
  readonly asked = new Set<RunningQuery>()
  readonly queries: RunningQuery[] = []
  readonly bucket = new TokenBucket()
  /** Deliveries that a crash left unanswered although their entries are durable, by n. */
  readonly orphans = new Map<number, Delivery>()

  /** Number of the last entry given to the journal, synced or not. */
  lastN = 0
  /** Number of the last entry known to be durable. */
  syncedN = 0
  /** Bounds: what waits between arrival and reply. */
  waitingRequests = 0
  waitingBytes = 0
  waitingEvents = 0
  lastTouchMs = 0
  /** In the shard's run queue. */
  queued = false
  leaving = false

  /** Since when there is something that no checkpoint holds (monotonic ms), or undefined. */
  dirtySinceMs: number | undefined
  eventsSinceCheckpoint = 0
  /** In a row. */
  checkpointFailures = 0
  /** Its entries had to be copied out of the journal's way (R11): it takes nothing until a checkpoint succeeds. */
  behind = false
  private checkpointAsked = false
  private cut: Checkpoint | undefined
  committing = false
  private convicting = false
  /** Inside the turnstile of those who load. */
  private loading = false
  private loader: Generator<void, void> | undefined
  private dayLoader: Generator<void, void> | undefined
  // Crashes (R16): where, and how often since the last entry went through.
  private crashPlace = ''
  crashesInARow = 0
  // The last entry that ever went through: applying it again is no progress.
  private furthestN = 0
  retryAtMs = 0

  constructor(
    readonly route: CustomerRoute,
    private readonly parts: Parts,
    private readonly directory: Directory,
  ) {
    this.writer = parts.journal.writer(route.incarnation)
    this.lastN = this.writer.lastN
    this.syncedN = this.lastN
    this.state = this.emptyState()
    this.program = parts.programs.builtin
    this.loader = this.load()
  }

  private identity() {
    return { customer: this.route.id, incarnation: this.route.incarnation, hashKey: this.route.hashKey }
  }

  // Day 0: the first entry brings the day. Today's would be another one in a replay, and make its events late.
  private emptyState(): CustomerState {
    return CustomerState.empty(this.identity(), this.parts.limits, 0, this.parts.settings.retention)
  }

  /** What is durable and not applied is replayed with the rest; its deliveries are answered then. */
  orphanCommitted(): void {
    for (const delivery of this.committed.drain()) {
      delivery.hold?.drop()
      delivery.hold = undefined
      delivery.index = 0
      this.orphans.set(delivery.n, delivery)
    }
  }

  /** Drops the memory and starts over from snapshot + journal. */
  restart(): void {
    this.phase = 'loading'
    this.leaveLoads()
    if (this.cut) this.parts.checkpoints.leave()
    this.cut = undefined
    this.dayLoader = undefined
    this.checkpointAsked = false
    this.state = this.emptyState()
    this.program = this.parts.programs.builtin
    this.queries.length = 0
    this.loader = this.load()
  }

  receive(message: CustomerMessage): void {
    switch (message.tag) {
      case 'query':
        if (!message.query.cancelled) this.queries.push(message.query)
        break
      case 'control':
        break
      case 'checkpoint':
        this.checkpointAsked = true
        break
      case 'passivate':
        this.leaving = true
        this.checkpointAsked = this.dirtySinceMs !== undefined
        break
    }
    this.directory.wake(this)
  }

  /** Nothing is on its way here and nothing runs, but perhaps a checkpoint. */
  get idle(): boolean {
    return (
      this.phase === 'live' &&
      this.inbox.length === 0 &&
      this.committed.length === 0 &&
      this.orphans.size === 0 &&
      this.lastN === this.syncedN &&
      this.asked.size === 0 &&
      this.tasks.length === 0 &&
      this.dayLoader === undefined
    )
  }

  /** It has crashed too often while it was loaded; it tries again after a while. */
  get cannotLoad(): boolean {
    return this.retryAtMs > 0
  }

  /** A checkpoint is asked for or under way. */
  get checkpointing(): boolean {
    return this.checkpointAsked || this.cut !== undefined || this.committing
  }

  /** Idle, and no checkpoint runs: it may be forgotten, if it has nothing that no checkpoint holds. */
  get quiet(): boolean {
    return this.idle && !this.checkpointing
  }

  /** Works until `untilMs` (monotonic) at most, about. Answers whether there is more to do at once. */
  step(untilMs: number): boolean {
    const { clock } = this.parts
    const expired = () => clock.monotonicMs() >= untilMs
    if (this.loader) {
      // A commit under way will change the file; a customer that keeps crashing waits before it tries again.
      if (this.committing || this.convicting || clock.monotonicMs() < this.retryAtMs) return false
      if (!this.enterLoads()) return false
      if (advance(this.loader, expired)) {
        this.loader = undefined
        this.leaveLoads()
        this.becomeLive()
      }
      return true
    }
    if (this.dayLoader) {
      if (!this.enterLoads()) return false
      if (advance(this.dayLoader, expired)) {
        this.dayLoader = undefined
        this.leaveLoads()
      }
      return true
    }
    if (!this.applyCommitted(expired)) return true
    // A task that finds no room in the commit group comes back behind the others: not in this turn.
    for (let left = this.tasks.length; left > 0; left--) this.tasks.shift()!()
    const decoded = this.decodeWaiting(expired)
    const more = this.runQueries(untilMs)
    const encoded = this.runCheckpoint(expired)
    return this.dayLoader !== undefined || more || !decoded || !encoded
  }

  private enterLoads(): boolean {
    this.loading ||= this.parts.loads.enter(this)
    return this.loading
  }

  private leaveLoads(): void {
    if (this.loading) this.parts.loads.leave()
    this.loading = false
  }

  private becomeLive(): void {
    this.phase = 'live'
    this.retryAtMs = 0
    if (this.resetNeeded > 0) {
      const reset: ResetEntry = {
        reason: 'the customer file was lost',
        lostUpTo: this.resetNeeded,
        retention: this.state.retention,
        engine: ENGINE_VERSION,
      }
      this.resetNeeded = 0
      this.directory.journalJson(this, EntryKind.Reset, encodeJson(reset))
      this.checkpointAsked = true
    }
  }

  /** Remembers where a crash was, convicts the event that crashed twice, and slows down a customer that keeps crashing. */
  recordCrash(error: unknown): void {
    const { applier, clock } = this.parts
    const { n, index, batch } = applier.place
    this.crashesInARow++
    if (this.crashesInARow > CRASHES_AT_ONCE) {
      this.retryAtMs = clock.monotonicMs() + Math.min(60_000, 500 * 2 ** (this.crashesInARow - CRASHES_AT_ONCE))
    }
    if (n === 0 || batch === undefined) return
    applier.place.n = 0
    applier.place.batch = undefined
    const place = `${n}/${index}`
    if (this.crashPlace !== place) {
      this.crashPlace = place
      return
    }
    this.crashPlace = ''
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    this.convict({ n, index, ms: applier.frameMs, day: applier.frameDay, batch, why })
  }

  /** Sets an event aside. Nothing of this customer is loaded before the verdict is durable. */
  private convict(found: { n: number; index: number; ms: number; day: number; batch: EventBatch; why: string }): void {
    const { quarantine, time, log } = this.parts
    const { n, index, ms, day, batch, why } = found
    const { id, incarnation } = this.route
    const sentAt = batch.sentAt
    this.convicting = true
    const settled = (error?: unknown) => {
      this.convicting = false
      if (error)
        log.error(
          { customer: id, n, index, err: error },
          'a verdict could not be written; the event will be tried again',
        )
      else {
        this.crashesInARow = 0
        this.retryAtMs = 0
        log.error({ customer: id, n, index, why }, 'an event crashed its customer twice and is set aside')
      }
      this.directory.wake(this)
    }
    quarantine
      .convict({
        customer: id,
        incarnation,
        n,
        index,
        ms,
        day,
        sentAt,
        why,
        event: eventText(batch, index),
        at: time.nowMs(),
      })
      .then(() => settled(), settled)
  }

  // ——— entries

  private applyCommitted(expired: () => boolean): boolean {
    for (let delivery = this.committed.peek(); delivery; delivery = this.committed.peek()) {
      if (delivery.n > this.state.n) {
        if (!this.apply(delivery, expired)) return false
      }
      this.committed.shift()
      this.directory.applied(this, delivery)
      if (expired()) return this.committed.length === 0
    }
    return true
  }

  /** Applies one entry, or some of it; true when it is done. May leave a day to be loaded first. */
  private apply(delivery: Delivery, expired: () => boolean): boolean {
    const { state, parts } = this
    if (delivery.day > state.day) state.rollTo(delivery.day)
    switch (delivery.kind) {
      case EntryKind.Events: {
        const batch = delivery.batch!
        if (delivery.index === 0 && !this.daysReady(batch, delivery.ms)) return false
        if (!parts.applier.run(state, this.program, parts.quarantine.of(this.route.incarnation), delivery, expired))
          return false
        this.eventsSinceCheckpoint += batch.count
        break
      }
      case EntryKind.Create: {
        const entry = decodeJson<CreateEntry>(delivery.payload!, 0, delivery.payload!.length)
        state.setRetention(entry.retention)
        break
      }
      case EntryKind.Program: {
        const entry = decodeJson<ProgramEntry>(delivery.payload!, 0, delivery.payload!.length)
        const { program, refused } = parts.programs.recorded(entry.source)
        state.setProgram(entry.source)
        this.program = program
        if (refused)
          parts.log.error(
            { customer: this.route.id, err: refused },
            'a recorded program no longer compiles; the built-in one stands in',
          )
        break
      }
      case EntryKind.Settings: {
        const entry = decodeJson<SettingsEntry>(delivery.payload!, 0, delivery.payload!.length)
        if (entry.retention !== undefined && entry.retention !== state.retention) {
          // The next checkpoint writes a file under the new modulus, so all that is in the old one has to be here.
          if (!this.everyDayReady()) return false
          state.setRetention(entry.retention)
        }
        break
      }
      case EntryKind.Reset: {
        const entry = decodeJson<ResetEntry>(delivery.payload!, 0, delivery.payload!.length)
        if (state.n === 0) state.setRetention(entry.retention)
        break
      }
      case EntryKind.Replay: {
        const entry = decodeJson<ReplayEntry>(delivery.payload!, 0, delivery.payload!.length)
        const event = Buffer.from(entry.event)
        const batch = decodeAll(event, 0, event.length, {
          format: Format.Json,
          version: entry.version,
          sentAt: entry.sentAt ?? Number.NaN,
          limits: parts.limits,
        })
        if (!this.daysReady(batch, entry.ms)) return false
        const verdicts = parts.quarantine.of(this.route.incarnation)
        parts.applier.replayPoison(state, this.program, verdicts, delivery, entry, batch)
        break
      }
    }
    state.n = delivery.n
    if (delivery.n > this.furthestN) {
      this.furthestN = delivery.n
      this.crashesInARow = 0
    }
    if (this.dirtySinceMs === undefined) this.dirtySinceMs = parts.clock.monotonicMs()
    return true
  }

  private daysReady(batch: EventBatch, frameMs: number): boolean {
    let ready = true
    this.parts.applier.days(batch, frameMs, day => {
      if (ready && this.state.dayState(day) === 'stored') {
        ready = false
        this.dayLoader = this.loadDay(day)
      }
    })
    return ready
  }

  private everyDayReady(): boolean {
    const { state } = this
    for (let day = state.day - state.retention; day <= state.day + 1; day++) {
      if (state.dayState(day) === 'stored') {
        this.dayLoader = this.loadDay(day)
        return false
      }
    }
    return true
  }

  // ——— loading

  private *load(): Generator<void, void> {
    const { parts, route } = this
    const upTo = this.syncedN
    this.orphanCommitted()
    const snapshot = yield* this.readSnapshot()
    if (snapshot) {
      this.state = snapshot
      const { program, refused } = parts.programs.recorded(snapshot.programSource)
      this.program = program
      if (refused) {
        parts.log.error(
          { customer: route.id, err: refused },
          'a stored program no longer compiles; the built-in one stands in',
        )
      }
    }
    yield
    const delivery = new Delivery()
    for (const entry of parts.journal.replay(route.incarnation, this.state.n)) {
      if (entry.n > upTo) break
      if (entry.n !== this.state.n + 1) yield* this.acceptGap(entry.n)
      delivery.clear()
      delivery.customer = this
      delivery.kind = entry.kind
      delivery.n = entry.n
      delivery.ms = entry.ms
      delivery.day = entry.day
      delivery.bytes = entry.end - entry.start
      if (entry.kind === EntryKind.Events) {
        const prefix = readEventsPrefix(entry.bytes, entry.start)
        const decoder = new Decoder({
          format: prefix.format,
          version: prefix.version,
          sentAt: prefix.sentAt,
          limits: parts.limits,
        })
        decoder.start(entry.bytes, entry.start + EVENTS_PREFIX_BYTES, entry.end)
        while (!decoder.step(EVENTS_PER_DECODE_STEP)) yield
        delivery.batch = decoder.batch
        delivery.bytes -= EVENTS_PREFIX_BYTES
        yield* this.judge(delivery)
      } else {
        delivery.payload = Buffer.from(entry.bytes.subarray(entry.start, entry.end))
      }
      while (!this.applyAgain(delivery)) {
        if (this.dayLoader) {
          yield* this.dayLoader
          this.dayLoader = undefined
        } else yield
      }
      const orphan = this.orphans.get(entry.n)
      if (orphan) {
        orphan.accepted = delivery.accepted
        orphan.duplicates = delivery.duplicates
        this.orphans.delete(entry.n)
        this.directory.applied(this, orphan)
      }
      yield
    }
    this.lastN = Math.max(this.lastN, this.state.n)
    // What a snapshot has, the journal may have trimmed: it does not know how far this customer has come.
    this.writer.lastN = this.lastN
    this.syncedN = Math.max(this.syncedN, this.state.n)
  }

  /** Sets the event aside at which two processes died, before it is applied a third time. */
  private *judge(delivery: Delivery): Generator<void, void> {
    const { places, quarantine } = this.parts
    const { n, ms, day, batch } = delivery
    const index = places.convicted(this.route.incarnation, n)
    if (index === undefined || quarantine.find(this.route.incarnation, n, index)) return
    this.convict({ n, index, ms, day, batch: batch!, why: 'the process died here twice' })
    while (this.convicting) yield
  }

  /** Applies a replayed entry; what it counts for /metrics was counted when it came. */
  private applyAgain(delivery: Delivery): boolean {
    const { applier, places } = this.parts
    let looks = 0
    applier.counting = this.orphans.has(delivery.n)
    if (places.watching) applier.watch = (n, index) => places.record(this.route.incarnation, n, index)
    try {
      return this.apply(delivery, () => ++looks >= LOOKS_PER_REPLAY_STEP)
    } finally {
      applier.counting = true
      if (applier.watch) {
        applier.watch = undefined
        places.clear()
      }
    }
  }

  /** The snapshot in the customer's file; undefined if there is none, or if it is damaged and has been set aside. */
  private *readSnapshot(): Generator<void, CustomerState | undefined> {
    const { parts, route } = this
    if (!parts.store.exists(route.incarnation)) return undefined
    let file: CustomerFile | undefined
    try {
      file = parts.store.open(route.incarnation)
      const meta = file.meta()
      return meta && (yield* CustomerState.loading(this.identity(), parts.limits, meta.rows))
    } catch (error) {
      if (!isDamage(error)) throw error
      file?.release()
      file = undefined
      this.setAside(error.message)
      return undefined
    } finally {
      file?.release()
    }
  }

  private setAside(why: string): void {
    const { parts, route } = this
    const kept = parts.store.setAside(route.incarnation, why)
    parts.filesSetAside()
    parts.log.error(
      { customer: route.id, kept, why },
      'a damaged customer file was set aside; the customer goes on with what the journal has',
    )
  }

  /** The journal starts above what the snapshot has: the snapshot is gone. Goes on from here if an entry says so, or by writing one. */
  private *acceptGap(firstN: number): Generator<void, void> {
    const { parts, route } = this
    if (this.state.n !== 0) {
      throw new LetheError(
        'journal-gap',
        `customer ${route.id}: the snapshot ends at entry ${this.state.n}, the journal goes on at ${firstN}`,
      )
    }
    let recorded = false
    for (const entry of parts.journal.replay(route.incarnation, 0)) {
      if (entry.kind !== EntryKind.Reset) continue
      const reset = decodeJson<ResetEntry>(entry.bytes, entry.start, entry.end)
      if (reset.lostUpTo >= firstN - 1) recorded = true
      this.state.setRetention(reset.retention)
      yield
    }
    this.state.n = firstN - 1
    if (!recorded) this.resetNeeded = firstN - 1
  }

  /** Set while loading when what came before this n is lost and no entry says so yet. */
  resetNeeded = 0

  private *loadDay(day: number): Generator<void, void> {
    const { parts, route, state } = this
    let file: CustomerFile | undefined
    try {
      file = parts.store.open(route.incarnation)
      const slot = file.days().find(([, stored]) => stored === day)?.[0]
      const stored = slot === undefined ? undefined : file.day(slot)
      if (stored === undefined) {
        throw new LetheError(
          'file-damaged',
          `customer ${route.id}: the snapshot lists day ${day}, the file has no such day`,
        )
      }
      yield* state.loadDay(day, stored.rows)
    } catch (error) {
      // The file goes aside as a whole: what is left of it is not to be trusted. The crash brings the customer back from the journal.
      if (isDamage(error)) {
        file?.release()
        file = undefined
        this.setAside(error.message)
      }
      throw error
    } finally {
      file?.release()
    }
  }

  // ——— bodies that wait

  private decodeWaiting(expired: () => boolean): boolean {
    for (let waiting = this.inbox.peek(); waiting; waiting = this.inbox.peek()) {
      let decoder = waiting.decoder
      try {
        if (!decoder) {
          decoder = new Decoder({
            format: waiting.format,
            version: DECODER_VERSION,
            sentAt: waiting.sentAt,
            limits: this.parts.limits,
          })
          waiting.decoder = decoder
          decoder.start(waiting.body, 0, waiting.body.length)
        }
        while (!waiting.decoded) {
          waiting.decoded = decoder.step(EVENTS_PER_DECODE_STEP)
          if (!waiting.decoded && expired()) return false
        }
      } catch (error) {
        if (!(error instanceof LetheError)) throw error
        this.inbox.shift()
        this.directory.refuseWaiting(this, waiting, error)
        continue
      }
      // A full group: the next commit makes room, and wakes this customer.
      if (!this.directory.journalBody(this, waiting, decoder)) return true
      this.inbox.shift()
      if (expired()) return this.inbox.length === 0
    }
    return true
  }

  // ——— queries

  /** Gives each query a slice in turn; true if one of them could go on at once. */
  private runQueries(untilMs: number): boolean {
    const query = this.queries.shift()
    if (!query) return false
    if (query.cancelled) return this.queries.length > 0
    const body = this.stepQuery(query, untilMs)
    if (body === undefined) this.queries.push(query)
    else this.directory.finishQuery(this, query, body)
    return this.queries.length > 0
  }

  /** Runs a query, then writes its answer down; undefined while there is more to do. */
  private stepQuery(query: RunningQuery, untilMs: number): string | LetheError | undefined {
    const { clock } = this.parts
    // Another query or an entry may have used the turn up; a query always gets a little.
    const until = Math.max(untilMs, clock.monotonicMs() + 0.2)
    if (!query.rendering) {
      query.run ??= this.parts.startQuery(query, {
        state: this.state,
        today: Math.max(this.state.day, this.parts.time.day()),
        ensureDay: day => this.ensureDay(day),
      })
      if (!query.run.step(until)) return undefined
      query.rendering = this.parts.renderQuery(query)
    }
    try {
      do {
        const { done, value } = query.rendering.next()
        if (done) return value as string
      } while (clock.monotonicMs() < until)
    } catch (error) {
      if (!(error instanceof LetheError)) throw error
      return error
    }
    return undefined
  }

  private ensureDay(day: number): 'ready' | 'loading' {
    if (this.state.dayState(day) !== 'stored') return 'ready'
    this.dayLoader ??= this.loadDay(day)
    return 'loading'
  }

  // ——— checkpoints (R8)

  checkpointDue(nowMs: number): boolean {
    const since = this.dirtySinceMs
    if (since === undefined || this.cut || this.committing || this.phase !== 'live') return false
    const { checkpointMs, checkpointEvents } = this.parts.limits
    return nowMs - since >= checkpointMs || this.eventsSinceCheckpoint >= checkpointEvents
  }

  private runCheckpoint(expired: () => boolean): boolean {
    if (this.checkpointAsked && !this.cut && !this.committing) {
      const first = this.committed.peek()
      if (first && first.index > 0) return true // in the middle of an entry
      if (!this.parts.checkpoints.enter(this)) return true
      this.checkpointAsked = false
      this.cut = this.state.beginCheckpoint()
      this.dirtySinceMs = undefined
      this.eventsSinceCheckpoint = 0
    }
    const cut = this.cut
    if (!cut) return true
    while (!cut.encode(16)) if (expired()) return false
    this.cut = undefined
    this.committing = true
    void this.writeCheckpoint(cut)
    return true
  }

  private async writeCheckpoint(cut: Checkpoint): Promise<void> {
    const { parts, route, generation } = this
    let file: CustomerFile | undefined
    try {
      file = parts.store.open(route.incarnation)
      await file.commit(cut.write)
      await file.flushed()
      if (generation === this.generation) cut.done()
      this.checkpointFailures = 0
      parts.journal.flushedTo(route.incarnation, cut.n)
      this.directory.checkpointed(this)
    } catch (error) {
      if (generation === this.generation) {
        cut.fail()
        this.dirtySinceMs = parts.clock.monotonicMs()
      }
      parts.checkpointFailed(this, error)
    } finally {
      file?.release()
      this.committing = false
      parts.checkpoints.leave()
      this.directory.wake(this)
    }
  }
}

/** Advances a generator until it ends (true) or the turn does. */
function advance(work: Generator<void, void>, expired: () => boolean): boolean {
  do if (work.next().done) return true
  while (!expired())
  return false
}

/** What is on disk is not what was written: the file's own check said so, or a record in it does not read. */
function isDamage(error: unknown): error is LetheError {
  return error instanceof LetheError && /^(file|page)-damaged$|^bytes-/.test(error.code)
}

function eventText(batch: EventBatch, index: number): string {
  try {
    return JSON.stringify(batch.whole(index))
  } catch {
    return 'null'
  }
}
