import type { LetheError } from '../core/errors.js'
import { oneStep, type Steps } from '../core/steps.js'
import type { Decoder, Format } from '../event/decode.js'
import type { CompiledQuery, Compiling } from '../query/query.js'
import type { EntryKind, Frame } from '../storage/contract.js'
import { CACHE_LINE } from '../tables/page.js'
import { Admission, customerFailed, draining, gone, overloaded } from './admission.js'
import { Applier } from './apply.js'
import { ControlDesk } from './control.js'
import { Customer } from './customer.js'
import { type Delivery, Queue } from './delivery.js'
import { Intake } from './intake.js'
import { Pace } from './pace.js'
import type { Parts, Surroundings } from './parts.js'
import { Programs } from './programs.js'
import type { Directory, RunningQuery, WaitingBody } from './protocol.js'
import { QueryDesk } from './queries.js'
import { relieveJournal } from './relief.js'
import type {
  ControlReply,
  ControlRequest,
  CustomerRoute,
  IngestReply,
  QueryReply,
  QueryRequest,
  ShardService,
  ShardStats,
} from './service.js'
import { StatsCollector } from './stats.js'
import { NodeTime } from './time.js'
import { Turnstile } from './turnstile.js'

/** Bodies up to this are decoded on arrival (some 100 µs); greater ones wait for the customer's turns. */
const DECODE_AT_ONCE_BYTES = 64 * 1024
/** Work of all customers before the loop looks at sockets again. */
const LOOP_MS = 4
const SWEEP_MS = 250
/** Checkpoints begun in one sweep, where that is enough for everybody. */
const FEW_CHECKPOINTS = 8
/** Entries whose customers' cells are read ahead together: as many cache misses as a core can have under way, and some. */
const READ_AHEAD = 16
/** Events of a body that is applied as soon as it is durable (some 100 µs). */
const APPLIED_AT_ONCE = 128
const never = () => false

export class Shard implements ShardService, Directory {
  private readonly parts: Parts
  private readonly customers = new Set<Customer>()
  private readonly runQueue = new Queue<Customer>()
  private readonly checkpointsDue = new Pace<Customer>(SWEEP_MS, ({ actor }) => actor?.tell({ tag: 'checkpoint' }))
  private turnScheduled = false
  /** The journal has failed or is closed: no more turns. */
  private ended = false
  private lastSweepMs = 0
  private drained: (() => void) | undefined
  private readonly stat: StatsCollector
  private readonly queryDesk: QueryDesk
  private readonly controlDesk: ControlDesk
  private readonly admission: Admission
  private readonly intake: Intake
  private readonly toCustomer = (route: CustomerRoute) => this.customerOf(route)

  constructor(surroundings: Surroundings) {
    const programs = new Programs(surroundings.limits)
    this.queryDesk = new QueryDesk(surroundings.limits, surroundings.clock)
    this.stat = new StatsCollector()
    this.parts = {
      ...surroundings,
      programs,
      loads: new Turnstile(surroundings.limits.maxLoadsAtOnce, customer => this.wake(customer)),
      checkpoints: new Turnstile(surroundings.limits.maxCheckpointsAtOnce, customer => this.wake(customer)),
      applier: new Applier(surroundings.limits, programs.builtin),
      time: new NodeTime(surroundings.clock, {
        clockDisagrees: byMs => {
          if (byMs === 0) surroundings.log.warn({}, 'the wall clock is believed again')
          else
            surroundings.log.error({ byMs }, 'the wall clock has jumped; the monotonic clock goes on deciding the day')
        },
      }),
      startQuery: (query, data) => this.queryDesk.start(query, data),
      renderQuery: query => this.queryDesk.render(query),
      filesSetAside: () => {
        this.stat.filesSetAside++
      },
      checkpointFailed: (customer, error) => this.checkpointFailed(customer, error),
    }
    this.controlDesk = new ControlDesk(this.parts, this)
    this.admission = new Admission(this.parts)
    this.admission.accepting = true
    this.intake = new Intake(this.parts, this.admission, this.stat, {
      wake: customer => this.wake(customer),
      filled: () => this.scheduleTurn(),
    })
  }

  get ready(): boolean {
    return this.admission.accepting && !this.ended
  }

  // ——— ingest

  ingest(route: CustomerRoute, format: Format, sentAt: number, body: Uint8Array, reply: IngestReply): void {
    const { admission } = this
    const refusal = admission.refusal(route, body.length)
    if (refusal) return this.intake.refuse(reply, refusal)
    const customer = this.customerOf(route)
    const busy = admission.refusalOf(customer, body.length)
    if (busy) return this.intake.refuse(reply, busy)
    admission.enter(customer, body.length)
    const atOnce = customer.phase === 'live' && customer.inbox.length === 0 && body.length <= DECODE_AT_ONCE_BYTES
    if (!atOnce || !this.intake.take(customer, format, sentAt, body, reply)) {
      customer.inbox.push({ format, sentAt, body: Buffer.from(body), reply, decoder: undefined, decoded: false })
      this.wake(customer)
    }
  }

  refuseWaiting(customer: Customer, waiting: WaitingBody, error: unknown): void {
    this.intake.refuseWaiting(customer, waiting, error)
  }

  journalBody(customer: Customer, waiting: WaitingBody, decoder: Decoder): boolean {
    return this.intake.journalBody(customer, waiting, decoder)
  }

  journalJson(customer: Customer, kind: EntryKind, payload: Buffer, reply?: IngestReply): void {
    this.intake.journalJson(customer, kind, payload, reply)
  }

  applied(customer: Customer, delivery: Delivery): void {
    this.intake.applied(customer, delivery)
  }

  /** Nobody waits for this customer any more, but for what is durable or on its way to the disk. */
  private turnAway(customer: Customer, error: LetheError): void {
    for (const waiting of customer.inbox.drain()) this.refuseWaiting(customer, waiting, error)
    for (const task of customer.tasks.drain()) task.refused(error)
  }

  /** What is durable and will not be applied before this process, or the customer, ends: nobody can say how it counts. */
  private abandonOrphans(customer: Customer): void {
    customer.orphanCommitted()
    for (const delivery of customer.orphans.values()) {
      if (delivery.batch) customer.waitingEvents -= delivery.batch.count
      this.admission.leave(customer, delivery.bytes)
      delivery.reply?.unknown()
    }
    customer.orphans.clear()
  }

  // ——— the directory

  /** The customer of a route, spawned at its first message. */
  customerOf(route: CustomerRoute): Customer {
    let customer = route.attachment as Customer | undefined
    if (!customer) {
      customer = new Customer(route, this.parts, this)
      route.attachment = customer
      this.customers.add(customer)
      this.spawn(customer)
      this.wake(customer)
    }
    customer.lastTouchMs = this.lastSweepMs
    return customer
  }

  private spawn(customer: Customer): void {
    const generation = ++customer.generation
    customer.actor = this.parts.actors.spawn(
      `${customer.route.incarnation.toString(16)}-${generation}`,
      message => customer.receive(message),
      error => {
        if (generation === customer.generation) this.crashed(customer, error)
      },
    )
  }

  /** Law 6: the customer's memory goes, its deliveries wait, and it comes back from snapshot + journal. */
  crashed(customer: Customer, error: unknown): void {
    customer.actor?.stop()
    const { place } = this.parts.applier
    this.stat.crashes++
    this.parts.log.error(
      { customer: customer.route.id, n: place.n, index: place.index, err: error },
      'a customer crashed and starts again from its snapshot and the journal',
    )
    customer.orphanCommitted()
    for (const query of customer.asked) {
      this.stat.queried('crashed')
      query.cancelled = true
      query.reply.refused(overloaded('the customer crashed while the query ran'))
    }
    customer.asked.clear()
    customer.crashes.record(error)
    if (customer.cannotLoad) this.turnAway(customer, customerFailed())
    customer.restart()
    this.spawn(customer)
    this.wake(customer)
  }

  /** Forgets a customer's memory. Its file and the journal have everything. */
  private forget(customer: Customer): void {
    customer.stop()
    customer.actor?.stop()
    customer.actor = undefined
    customer.route.attachment = undefined
    this.customers.delete(customer)
  }

  checkpointed(customer: Customer): void {
    customer.behind = false
  }

  // ——— queries and control

  query(route: CustomerRoute, request: QueryRequest, reply: QueryReply): () => void {
    const refusal = this.queryRefusal(route)
    let compiled: CompiledQuery | Compiling
    try {
      if (refusal) throw refusal
      compiled = this.queryDesk.compile(request)
    } catch (error) {
      return this.refuseQuery(reply, this.intake.asLetheError(error))
    }
    const customer = this.customerOf(route)
    const failed = this.admission.refusalToLoad(customer)
    if (failed) return this.refuseQuery(reply, failed)
    if (customer.asked.size >= this.parts.limits.maxQueriesPerCustomer) {
      return this.refuseQuery(reply, overloaded('too many queries of this customer are running'))
    }
    const startedMs = this.parts.clock.monotonicMs()
    const query: RunningQuery = {
      request,
      reply,
      compiled,
      run: undefined,
      rendering: undefined,
      startedMs,
      cancelled: false,
    }
    customer.asked.add(query)
    customer.actor!.tell({ tag: 'query', query })
    return () => {
      query.cancelled = true
      query.run = undefined
      customer.asked.delete(query)
    }
  }

  private refuseQuery(reply: QueryReply, error: LetheError): () => void {
    this.stat.queried(error.code)
    reply.refused(error)
    return () => {}
  }

  private queryRefusal(route: CustomerRoute): LetheError | undefined {
    if (!this.admission.accepting) return draining()
    if (route.deleted) return gone()
    return undefined
  }

  finishQuery(customer: Customer, query: RunningQuery, body: string | LetheError): void {
    customer.asked.delete(query)
    this.stat.queried(this.queryDesk.answer(query, body))
    query.run = undefined
    query.rendering = undefined
  }

  control(route: CustomerRoute, request: ControlRequest, reply: ControlReply): void {
    if (!this.admission.accepting) return reply.refused(draining())
    if (route.deleted && request.tag !== 'forget') return reply.refused(gone())
    try {
      this.controlDesk.take(route, request, reply)
    } catch (error) {
      reply.refused(this.intake.asLetheError(error))
    }
  }

  whenLive(route: CustomerRoute, reply: ControlReply, task: (customer: Customer) => void): void {
    this.inSteps(route, reply, customer => oneStep(() => task(customer)))
  }

  inSteps(route: CustomerRoute, reply: ControlReply, task: (customer: Customer) => Steps<void>): void {
    const customer = this.customerOf(route)
    const failed = this.admission.refusalToLoad(customer)
    if (failed) return reply.refused(failed)
    customer.tasks.push({ steps: task(customer), refused: error => reply.refused(error) })
    customer.actor!.tell({ tag: 'control' })
  }

  /** R19: what waits is refused, what is in flight ends, then nothing is left of it. */
  forgetCustomer(route: CustomerRoute, done: () => void, failed: (error: unknown) => void): void {
    const customer = this.customerOf(route)
    this.turnAway(customer, gone())
    for (const query of customer.asked) {
      query.cancelled = true
      query.reply.refused(gone())
    }
    customer.asked.clear()
    customer.queries.length = 0
    const asked = this.leaving.get(customer) ?? []
    this.leaving.set(customer, [...asked, { done, failed }])
    this.wake(customer)
  }

  /** Deleted customers on their way out, and who waits for it. */
  private readonly leaving = new Map<Customer, { done: () => void; failed: (error: unknown) => void }[]>()

  private finishLeaving(): void {
    for (const [customer, asked] of this.leaving) {
      if (!customer.over) continue
      this.leaving.delete(customer)
      this.abandonOrphans(customer)
      this.turnAway(customer, gone())
      this.forget(customer)
      this.parts.journal.forget(customer.route.incarnation)
      const { incarnation } = customer.route
      const { store, quarantine } = this.parts
      const erased = Promise.all([store.erase(incarnation), quarantine.forget(incarnation)])
      for (const { done, failed } of asked) erased.then(() => done(), failed)
    }
  }

  // ——— the end

  async drain(): Promise<void> {
    this.admission.accepting = false
    this.checkpointsDue.finish()
    for (const customer of this.customers) customer.actor?.tell({ tag: 'control' })
    await this.until(customer => customer.idle)
    for (const customer of this.customers) {
      // Only those who cannot be loaded have any left.
      this.turnAway(customer, draining())
      // Whatever failed before, everybody has a last try.
      customer.checkpoint.failures = 0
      if (customer.dirtySinceMs !== undefined) customer.actor?.tell({ tag: 'checkpoint' })
    }
    await this.until(customer => this.saved(customer))
    this.ended = true
    for (const customer of this.customers) this.abandonOrphans(customer)
    this.parts.journal.trim()
    await this.parts.journal.close()
    await this.parts.store.close()
    this.parts.actors.close()
  }

  get unsaved(): number {
    let unsaved = 0
    for (const { dirtySinceMs, checkpoint } of this.customers)
      if (dirtySinceMs !== undefined || checkpoint.pending) unsaved++
    return unsaved
  }

  private saved(customer: Customer): boolean {
    if (!customer.quiet) return false
    if (customer.dirtySinceMs === undefined || customer.checkpoint.failures > 0) return true
    // What it was told before died with its actor.
    customer.actor?.tell({ tag: 'checkpoint' })
    return false
  }

  /** Waits, turn by turn, until every customer has been as asked. Those who have are not looked at again: there may be 30,000. */
  private until(met: (customer: Customer) => boolean): Promise<void> {
    return new Promise(resolve => {
      const left = new Set(this.customers)
      this.drained = () => {
        for (const customer of left) {
          // One who was deleted meanwhile is as nobody asks it to be.
          if (this.customers.has(customer) && !met(customer) && !customer.cannotLoad) return
          left.delete(customer)
        }
        this.drained = undefined
        resolve()
      }
      this.scheduleTurn()
    })
  }

  stats(): ShardStats {
    const { journal, store, quarantine, clock, time, applier } = this.parts
    const now = clock.monotonicMs()
    let oldest = now
    let inboxRequests = 0
    for (const customer of this.customers) {
      inboxRequests += customer.waitingRequests
      if (customer.dirtySinceMs !== undefined && customer.dirtySinceMs < oldest) oldest = customer.dirtySinceMs
    }
    return {
      eventsByOutcome: applier.outcomes,
      refusalsByCode: this.stat.refusals,
      queriesByOutcome: this.stat.queries,
      commitSeconds: this.stat.commitSeconds(),
      actors: this.customers.size,
      inboxRequests,
      inboxBytes: this.admission.requestBytes,
      journalBytes: journal.bytes,
      checkpointAgeSeconds: (now - oldest) / 1000,
      openFiles: store.openFiles,
      filesSetAside: this.stat.filesSetAside + store.asideAtStart.length,
      crashes: this.stat.crashes,
      checkpointFailures: this.stat.checkpointFailures,
      quarantined: quarantine.waiting,
      clockDisagrees: time.disagrees,
    }
  }

  private checkpointFailed(customer: Customer, error: unknown): void {
    customer.checkpoint.failures++
    this.stat.checkpointFailures++
    this.parts.log.error(
      { customer: customer.route.id, err: error },
      'a checkpoint failed; the journal keeps what it would have held',
    )
  }

  // ——— turns

  wake(customer: Customer): void {
    if (!customer.queued) {
      customer.queued = true
      this.runQueue.push(customer)
    }
    this.scheduleTurn()
  }

  private scheduleTurn(): void {
    if (this.turnScheduled) return
    this.turnScheduled = true
    // Only here is the mark taken back: a turn that a finished commit begins by itself has another one scheduled already, and
    // each such pair would go on as two, until the loop ran dozens of turns for every look at the sockets.
    this.parts.defer(() => {
      this.turnScheduled = false
      this.turn()
    })
  }

  /** One round of the loop: customers in turn, then the commit of what has gathered. */
  turn(): void {
    if (this.ended) return
    this.intake.commit(this.onSynced, this.onFailed)
    const { clock, limits, journal } = this.parts
    const now = clock.monotonicMs()
    const until = now + LOOP_MS
    // While a commit is under way somebody waits for its end, which the loop sees only between turns.
    const turnMs = journal.syncing ? limits.hurriedTurnMs : limits.turnMs
    if (now - this.lastSweepMs >= SWEEP_MS) this.sweep(now)
    this.checkpointsDue.look(now)
    if (this.leaving.size > 0) this.finishLeaving()
    for (let left = this.runQueue.length; left > 0; left--) {
      const customer = this.runQueue.shift()!
      customer.queued = false
      const start = clock.monotonicMs()
      if (this.stepSupervised(customer, start + turnMs)) this.wake(customer)
      if (start >= until) break
    }
    this.intake.commit(this.onSynced, this.onFailed)
    this.drained?.()
    if (this.runQueue.length > 0) this.scheduleTurn()
  }

  private stepSupervised(customer: Customer, untilMs: number): boolean {
    try {
      return customer.step(untilMs)
    } catch (error) {
      this.crashed(customer, error)
      return false
    }
  }

  private readonly onSynced = (frame: Frame): void => {
    const deliveries = this.intake.settle(frame)
    // The disk works on the next group while this one is applied.
    this.intake.commit(this.onSynced, this.onFailed)
    this.applySynced(deliveries)
    deliveries.length = 0
    this.turn()
  }

  /** A failed write or sync is never tried again (R12): nobody knows what is on disk, so nobody is told. */
  private readonly onFailed = (error: Error): void => {
    this.ended = true
    this.admission.accepting = false
    this.intake.fail()
    for (const customer of this.customers) {
      for (const waiting of customer.inbox.drain()) waiting.reply.refused(overloaded('the journal has failed'))
    }
    this.parts.fatal(error)
  }

  /**
   * Applies small entries right here, a few at a time: first what their customers' cells need is read ahead, then they are
   * applied. Whatever has to wait (for a load, a day, an entry before it, or the sockets) goes the long way round, through the
   * customer's queue and its turn.
   */
  private applySynced(deliveries: readonly Delivery[]): void {
    const { clock, applier } = this.parts
    const until = clock.monotonicMs() + LOOP_MS
    for (let from = 0; from < deliveries.length; from += READ_AHEAD) {
      const end = Math.min(from + READ_AHEAD, deliveries.length)
      const late = clock.monotonicMs() >= until
      for (let i = from; i < end && !late; i++) {
        applier.prefetch(deliveries[i]!.customer!.state, CACHE_LINE)
      }
      for (let i = from; i < end; i++) {
        const delivery = deliveries[i]!
        const customer = delivery.customer!
        if (!late && this.applyAtOnce(customer, delivery)) continue
        customer.committed.push(delivery)
        if (customer.phase === 'loading' || customer.preparation) delivery.letGo()
        if (customer.queued) continue
        customer.queued = true
        this.runQueue.push(customer)
      }
    }
  }

  private applyAtOnce(customer: Customer, delivery: Delivery): boolean {
    if (delivery.batch === undefined || delivery.batch.count > APPLIED_AT_ONCE || !customer.canApply(delivery))
      return false
    let done = false
    try {
      done = customer.apply(delivery, never)
      if (done) this.applied(customer, delivery)
    } catch (error) {
      // As if it had been in its turn: what is durable and not applied waits for the replay.
      if (!done) customer.committed.push(delivery)
      this.crashed(customer, error)
      return true
    }
    return done
  }

  // ——— what happens by itself

  /** Checkpoints that are due, customers that are idle, the clocks, the disk, memory. */
  private sweep(now: number): void {
    this.lastSweepMs = now
    this.checkpointsDue.finish()
    const { time, limits } = this.parts
    time.check()
    this.admission.look()
    // By itself, too: where nothing is committed or checkpointed any more nobody else would try again what has failed.
    this.parts.journal.trim()
    // Room may have come back without a commit: a segment was made at last.
    this.intake.wakeThoseWithoutRoom()
    if (this.admission.accepting)
      relieveJournal(this.parts, this.admission.freeDiskBytes, this.toCustomer, this.checkpointsDue)
    const idleMs = this.admission.memoryLow ? 1_000 : limits.idleMs
    // Customers who came together are due together. Spread out, so that all of them have their turn within one checkpointMs.
    let due = Math.max(FEW_CHECKPOINTS, Math.ceil((this.customers.size * SWEEP_MS) / limits.checkpointMs))
    for (const customer of this.customers) {
      // Others who wait are woken by what they wait for; this one waits for time to pass.
      if (customer.cannotLoad) this.wake(customer)
      if (due > 0 && customer.dirtySinceMs !== undefined && customer.checkpoint.due(now)) {
        due--
        this.checkpointsDue.add(customer)
      }
      if (now - customer.lastTouchMs >= idleMs && customer.quiet) {
        if (customer.dirtySinceMs === undefined) this.forget(customer)
        // One whose checkpoints fail is tried again when it is due.
        else if (customer.checkpoint.failures === 0) this.checkpointsDue.add(customer)
      }
    }
    // A drain waits for them, and whoever came after its end would wait at the turnstile for ever.
    if (this.admission.accepting) this.checkpointsDue.start(now)
    else this.checkpointsDue.finish()
  }

  /** To be called about four times a second, so that an idle shard sweeps too. */
  tick(): void {
    this.scheduleTurn()
  }
}
