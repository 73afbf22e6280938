// One customer, alive: the state machine that its actor and the shard's turn loop drive.
//
//            first touch                       idle, inbox empty, checkpointed
//   (cold) ──────────────▶ loading ──▶ live ──────────────────────────────────▶ (cold)
//                             ▲          │
//                             └──────────┘  a broken assumption: memory dropped, snapshot + journal again
//
// A step does at most about a millisecond of work, in this order: load (loading.ts); apply what is committed
// (apply-entry.ts); run tasks; decode what waits; run queries; encode a checkpoint (checkpointing.ts). It is handed the
// deadline and never looks at a wall clock, so that the simulation drives it as the shard does.
//
// What must survive a crash of this object's memory is not in it: deliveries and query replies belong to the directory.

import { LetheError } from '../core/errors.js'
import type { Steps } from '../core/steps.js'
import { DECODER_VERSION, Decoder } from '../event/decode.js'
import type { EventProgram } from '../query/event-program.js'
import { EntryKind, type JournalWriter } from '../storage/contract.js'
import { CustomerState } from '../tables/state.js'
import { overloaded } from './admission.js'
import { applyEntry } from './apply-entry.js'
import { Checkpointing } from './checkpointing.js'
import { CrashRecord } from './crashes.js'
import { type Delivery, Queue } from './delivery.js'
import { encodeJson, type ResetEntry } from './entry.js'
import { loadCustomer, loadDay } from './loading.js'
import type { Parts } from './parts.js'
import type { CustomerMessage, Directory, RunningQuery, Task, WaitingBody } from './protocol.js'
import { TokenBucket } from './quota.js'
import type { CustomerRoute } from './service.js'
import type { ActorHandle } from './system.js'
import { type RecordedVersions, recorded } from './versions.js'

const EVENTS_PER_DECODE_STEP = 64

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
  readonly tasks = new Queue<Task>()
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

  // Every entry writes these two: in `checkpoint` they would be one more cache line of a customer whose turn comes.
  /** Since when there is something that no checkpoint holds (monotonic ms), or undefined. */
  dirtySinceMs: number | undefined
  eventsSinceCheckpoint = 0
  /** Its entries had to be copied out of the journal's way (R11): it takes nothing until a checkpoint succeeds. */
  behind = false
  private loader: Steps<void> | undefined
  /** What the next entry, or a query, waits for: a stored day, a recorded program. */
  preparation: Steps<unknown> | undefined
  readonly crashes: CrashRecord
  readonly checkpoint: Checkpointing
  /** The journal says of the next entry what it depends on: retention, versions (R14). */
  surroundingsJournaled = false
  /** Set while loading when what came before this n is lost and no entry says so yet. */
  resetNeeded = 0

  constructor(
    readonly route: CustomerRoute,
    readonly parts: Parts,
    readonly directory: Directory,
  ) {
    this.crashes = new CrashRecord(route, parts, () => directory.wake(this))
    this.checkpoint = new Checkpointing(this)
    this.writer = parts.journal.writer(route.incarnation)
    this.lastN = this.writer.lastN
    this.syncedN = this.lastN
    this.state = this.emptyState()
    this.program = parts.programs.builtin
    this.loader = loadCustomer(this)
  }

  identity() {
    return { customer: this.route.id, incarnation: this.route.incarnation, hashKey: this.route.hashKey }
  }

  // Day 0: the first entry brings the day. Today's would be another one in a replay, and make its events late.
  emptyState(): CustomerState {
    const state = CustomerState.empty(this.identity(), this.parts.limits, 0, this.parts.settings.retention)
    state.programVersion = this.parts.versions.program
    state.groupingVersion = this.parts.versions.grouping
    return state
  }

  /** Its entries are applied with the versions of this process (R14). */
  get sameVersions(): boolean {
    const { state, parts } = this
    return state.programVersion === parts.versions.program && state.groupingVersion === parts.versions.grouping
  }

  takeVersions({ engine, grouping = 1 }: Partial<RecordedVersions>): void {
    if (engine === undefined) return
    this.state.programVersion = engine
    this.state.groupingVersion = grouping
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

  /** Ends what runs, with the files that it holds and its places in line; not a commit that is on its way to the disk. */
  stop(): void {
    this.loader?.return()
    this.loader = undefined
    this.preparation?.return(undefined)
    this.preparation = undefined
    this.parts.loads.leave(this)
    this.checkpoint.stop()
  }

  /** Drops the memory and starts over from snapshot + journal. */
  restart(): void {
    this.stop()
    this.phase = 'loading'
    this.state = this.emptyState()
    this.program = this.parts.programs.builtin
    this.queries.length = 0
    this.loader = loadCustomer(this)
  }

  receive(message: CustomerMessage): void {
    switch (message.tag) {
      case 'query':
        if (!message.query.cancelled) this.queries.push(message.query)
        break
      case 'control':
        break
      case 'checkpoint':
        this.checkpoint.ask()
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
      this.preparation === undefined
    )
  }

  /** It has crashed too often while it was loaded; it tries again after a while. */
  get cannotLoad(): boolean {
    return this.crashes.retryAtMs > 0
  }

  /** Idle, and no checkpoint runs: it may be forgotten, if it has nothing that no checkpoint holds. */
  get quiet(): boolean {
    return this.idle && !this.checkpoint.pending
  }

  /** Deleted, it may be forgotten: nobody loads it for that, but what is on its way to the disk comes to its end. */
  get over(): boolean {
    if (this.phase === 'live') return this.quiet
    return !this.checkpoint.committing && !this.crashes.convicting && this.lastN === this.syncedN
  }

  /** Works until `untilMs` (monotonic) at most, about. Answers whether there is more to do at once. */
  step(untilMs: number): boolean {
    const { clock } = this.parts
    const expired = () => clock.monotonicMs() >= untilMs
    if (this.loader) {
      // A commit under way will change the file; a customer that keeps crashing waits before it tries again.
      if (this.checkpoint.committing || this.crashes.convicting || clock.monotonicMs() < this.crashes.retryAtMs)
        return false
      if (!this.parts.loads.enter(this)) return false
      if (advance(this.loader, expired)) {
        this.loader = undefined
        this.parts.loads.leave(this)
        this.becomeLive()
      }
      return true
    }
    if (this.preparation) {
      if (!this.parts.loads.enter(this)) return false
      if (advance(this.preparation, expired)) {
        this.preparation = undefined
        this.parts.loads.leave(this)
      }
      return true
    }
    if (!this.applyCommitted(expired)) return true
    const tasksDone = this.runTasks(expired)
    const decoded = this.decodeWaiting(expired)
    const more = this.runQueries(untilMs)
    const encoded = this.checkpoint.step(expired)
    return this.preparation !== undefined || more || !tasksDone || !decoded || !encoded
  }

  /** Runs the tasks that are there; false if the turn ended before their work did. */
  private runTasks(expired: () => boolean): boolean {
    // A task that finds no room in the commit group comes back behind the others: not in this turn.
    for (let left = this.tasks.length; left > 0; left--) {
      if (!this.runTask(this.tasks.peek()!, expired)) return false
    }
    return true
  }

  private runTask(task: Task, expired: () => boolean): boolean {
    try {
      if (!advance(task.steps, expired)) return false
    } catch (error) {
      this.tasks.shift()
      task.refused(overloaded('the customer crashed on this request'))
      throw error
    }
    this.tasks.shift()
    return true
  }

  private becomeLive(): void {
    this.phase = 'live'
    this.surroundingsJournaled = this.lastN > 0 && this.sameVersions
    this.crashes.retryAtMs = 0
    // It is refused until a checkpoint says that it is not, and nothing may be due.
    if (this.behind) this.checkpoint.ask()
    if (this.resetNeeded > 0) {
      const reset: ResetEntry = {
        reason: 'the customer file was lost',
        lostUpTo: this.resetNeeded,
        retention: this.state.retention,
        ...recorded(this.parts.versions),
      }
      this.resetNeeded = 0
      this.directory.journalJson(this, EntryKind.Reset, encodeJson(reset))
      this.checkpoint.ask()
    }
  }

  // ——— entries

  private applyCommitted(expired: () => boolean): boolean {
    for (let delivery = this.committed.peek(); delivery; delivery = this.committed.peek()) {
      if (delivery.n > this.state.n) {
        if (!this.apply(delivery, expired)) {
          if (this.preparation) for (const waiting of this.committed) waiting.letGo()
          return false
        }
      }
      this.committed.shift()
      this.directory.applied(this, delivery)
      if (expired()) return this.committed.length === 0
    }
    return true
  }

  /** Whether an entry that has just become durable is the next to apply, and there is nothing to do before it. */
  canApply(delivery: Delivery): boolean {
    return (
      this.phase === 'live' &&
      this.committed.length === 0 &&
      this.preparation === undefined &&
      delivery.n === this.state.n + 1
    )
  }

  /** Applies one entry, or some of it; true when it is done. May leave a day to be loaded first. */
  apply(delivery: Delivery, expired: () => boolean): boolean {
    const { state } = this
    if (delivery.day > state.day) state.rollTo(delivery.day)
    if (!applyEntry(this, delivery, expired)) return false
    state.n = delivery.n
    this.crashes.progressed(delivery.n)
    if (this.dirtySinceMs === undefined) this.dirtySinceMs = this.parts.clock.monotonicMs()
    return true
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
    // Back to the end of those that take turns, not of all: heaps are few, and who waits has none yet.
    if (body === undefined) this.queries.splice(this.parts.limits.maxQueriesAtOnce - 1, 0, query)
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
    this.preparation ??= loadDay(this, day)
    return 'loading'
  }
}

/** Advances a generator until it ends (true) or the turn does. */
function advance(work: Steps<unknown>, expired: () => boolean): boolean {
  do if (work.next().done) return true
  while (!expired())
  return false
}
