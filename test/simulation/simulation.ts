// One life of a node, from a list of operations: run it, crash it, and compare what is left with the model.

import type { ResetEntry } from '../../src/actors/entry.js'
import { ownerOf } from '../../src/actors/routes.js'
import type { ControlReply } from '../../src/actors/service.js'
import { DAY_MS } from '../../src/core/clock.js'
import type { LetheError } from '../../src/core/errors.js'
import { defaultLimits, type Limits } from '../../src/core/limits.js'
import { oneStep } from '../../src/query/steps.js'
import { EntryKind } from '../../src/storage/contract.js'
import { Dice, mixSeed } from './choices.js'
import { Clients, type Request } from './client.js'
import { differences } from './compare.js'
import { newCustomer, type SimulatedCustomer } from './control.js'
import { type BodyPlan, writeBody } from './events.js'
import { leftOvers, PATIENCE_MS } from './liveness.js'
import { isDeath, Machine, type Process } from './machine.js'
import { type Convicted, CustomerModel } from './model.js'
import { PROGRAMS } from './model-programs.js'
import { type NodeParts, ShardProcess } from './node.js'
import { type CrashKind, describeOperation, type Fault, type Life, type Operation } from './operations.js'
import type { Plant } from './plants.js'
import { QUERIES } from './queries.js'
import { StoreWorld } from './store-world.js'
import { Violation } from './violation.js'
import { Witness } from './witness.js'

const START_MS = Date.UTC(2026, 10, 20, 21, 30)
/** Steps after which something must have come to rest. */
const MANY_STEPS = 60_000
const TICK_MS = 250
/** What a supervisor gives a drain, FINISH_MS; and while the disk does not work. */
const DRAIN_MS = 60_000
const TROUBLED_DRAIN_MS = 500_000

/** What a life has seen. */
export interface Report {
  operations: number
  steps: number
  entries: number
  events: number
  commits: number
  checkpoints: number
  checks: number
  queries: number
  resends: number
  convicted: number
  readonly crashes: Record<string, number>
  readonly faults: Record<string, number>
  readonly refusals: Record<string, number>
}

export function limitsOf(life: Life): Limits {
  return {
    ...defaultLimits,
    // Three small frames fill a segment, so that segments come and go.
    segmentBytes: 16 * 1024,
    maxFrameBytes: 12 * 1024,
    // Beyond a quarter of it customers are checkpointed for the journal's sake.
    maxJournalBytes: 256 * 1024,
    diskReserveBytes: 1024,
    maxInboxRequests: 12,
    checkpointEvents: 50,
    ...(life.crowded ? { maxLoadsAtOnce: 1, maxCheckpointsAtOnce: 1, idleMs: 1_000, checkpointMs: 5_000 } : {}),
    ...(life.smallWindow ? { maxDedupeIds: 24, minDedupeIds: 8 } : {}),
  }
}

export class Simulation {
  private readonly machine: Machine
  private readonly store = new StoreWorld()
  private readonly clients = new Clients()
  private readonly witness: Witness
  private readonly limits: Limits
  private readonly customers: SimulatedCustomer[] = []
  /** By place: who has the place now. */
  private readonly places: (SimulatedCustomer | undefined)[]
  private readonly models = new Map<bigint, CustomerModel>()
  /** Customers that have lost a file: what their clients were told was of another state. */
  private readonly damaged = new Set<bigint>()
  private processes: ShardProcess[] = []
  private shards: number
  private run = 0
  private poisonous = true
  private mark = 0
  private readonly dead: ShardProcess[] = []
  /** Queries and control requests without an answer. */
  private readonly asked = new Set<{ readonly to: ShardProcess }>()
  /** The operation that brought the last crash is not over before the node is up again. */
  private fallen: { kind: CrashKind; shards: number; downMs: number } | undefined
  /** Set by a step; thrown as soon as the step is over. */
  private violation: unknown
  readonly log: string[] = []
  readonly report: Report = {
    operations: 0,
    steps: 0,
    entries: 0,
    events: 0,
    commits: 0,
    checkpoints: 0,
    checks: 0,
    queries: 0,
    resends: 0,
    convicted: 0,
    crashes: {},
    faults: {},
    refusals: {},
  }

  constructor(
    private readonly life: Life,
    private readonly plant?: Plant,
  ) {
    this.machine = new Machine(mixSeed(life.seed, 1), START_MS)
    this.witness = new Witness(this.clients.taken)
    this.limits = limitsOf(life)
    this.shards = life.shards
    this.places = Array.from({ length: life.customers }, (_, place) => this.create(place))
  }

  private create(place: number): SimulatedCustomer {
    // The same customers in every life of this seed, whatever else is taken out.
    const generation = this.customers.filter(({ id }) => id === `customer-${place}`).length
    const customer = newCustomer(
      `customer-${place}`,
      new Dice(mixSeed(this.life.seed, 1000 + place * 100 + generation)),
    )
    this.customers.push(customer)
    return customer
  }

  /** Lives it. Throws a Violation, or whatever else went wrong. */
  async live(): Promise<Report> {
    await this.start()
    for (const operation of this.life.operations) {
      this.machine.reseed(new Dice(mixSeed(this.life.seed, operation.salt)))
      this.note(describeOperation(operation))
      await this.perform(operation)
      this.report.operations++
      await this.someSteps(this.machine.dice.below(25))
    }
    this.machine.noTrouble()
    this.machine.calm()
    await this.recoverIfFallen()
    await this.everybodySleeps()
    await this.check()
    // Once more from what is on the disk alone.
    await this.crash('power', 0, 0)
    await this.check()
    await this.crowd(this.life.lastBody)
    await this.someSteps(this.machine.dice.below(60))
    await this.everybodySleeps()
    this.report.steps = this.machine.scheduler.steps
    this.report.entries = this.witness.entries
    this.report.commits = this.witness.commits
    this.report.checkpoints = this.store.commits
    Object.assign(this.report.faults, this.machine.met)
    Object.assign(this.report.refusals, this.clients.refusals)
    return this.report
  }

  private note(line: string): void {
    this.log.push(`— ${line}`)
  }

  // ——— operations

  private async perform(operation: Operation): Promise<void> {
    switch (operation.tag) {
      case 'send':
        this.send(
          operation.customer,
          () => writeBody(operation.body, Math.floor(this.machine.clock.nowMs()), ++this.mark),
          operation.body.tag === 'broken',
        )
        break
      case 'resend':
        this.resend()
        break
      case 'pass':
        await this.pass(operation.ms)
        break
      case 'midnight': {
        const now = this.machine.clock.nowMs()
        const left = DAY_MS - (now - Math.floor(now / DAY_MS) * DAY_MS)
        await this.pass(Math.max(0, left - this.machine.dice.below(4)))
        break
      }
      case 'jump':
        this.machine.clock.jump(operation.ms)
        break
      case 'settle':
        await this.settle()
        break
      case 'check':
        this.machine.noTrouble()
        this.machine.calm()
        await this.check()
        break
      case 'query':
        await this.query(operation.customer, operation.source)
        break
      case 'program': {
        const { source } = PROGRAMS[operation.program]!
        this.control(operation.customer, source === null ? { tag: 'program-delete' } : { tag: 'program-put', source })
        break
      }
      case 'crowd':
        await this.crowd(operation.body)
        if (!operation.thenSleep) break
        this.machine.noTrouble()
        this.machine.calm()
        await this.everybodySleeps()
        break
      case 'sampling':
        this.control(operation.customer, { tag: 'settings', sampling: operation.share })
        break
      case 'retention':
        this.control(operation.customer, { tag: 'settings', retention: operation.days })
        break
      case 'replay':
        this.replay(operation.customer)
        break
      case 'cure':
        this.poisonous = false
        break
      case 'throw':
        this.throwInto(operation.customer)
        break
      case 'damage': {
        const customer = this.places[operation.customer]
        if (customer && this.store.damage(customer.incarnation)) {
          this.damaged.add(customer.incarnation)
          this.witness.log(customer.incarnation).mayLose = true
          this.throwInto(operation.customer)
        }
        break
      }
      case 'fault':
        this.fault(operation.fault)
        break
      case 'crash':
        await this.crashSoon(operation.kind, operation.after, operation.shards, operation.downMs)
        break
      default:
        await this.administer(operation)
    }
  }

  private processOf(customer: SimulatedCustomer): ShardProcess {
    return this.processes[ownerOf(customer.incarnation, this.shards)]!
  }

  private send(place: number, write: () => Request['body'], broken: boolean): void {
    const customer = this.places[place]
    if (!customer) return
    const to = this.processOf(customer)
    if (!to.alive || to.booting) return
    const body = write()
    const request = this.clients.send({ customer: place, incarnation: customer.incarnation, body, broken, to })
    this.inside(to, () => {
      // The bytes are lent: whoever keeps them has to copy.
      const lent = Buffer.from(body.bytes)
      to.shard.ingest(to.route(customer), body.format, body.sentAt, lent, this.clients.replyTo(request, this.witness))
      lent.fill(0x7a)
    })
  }

  /** Everybody sends; then some ask, at any moment of what follows from it. */
  private async crowd(body: BodyPlan): Promise<void> {
    const write = () => writeBody(body, Math.floor(this.machine.clock.nowMs()), ++this.mark)
    for (let place = 0; place < this.places.length; place++) this.send(place, write, body.tag === 'broken')
    const { dice } = this.machine
    if (dice.chance(0.5)) await this.pass(dice.between(this.limits.idleMs, 2 * this.limits.idleMs))
    for (let visits = dice.below(4 * this.places.length); visits > 0; visits--) {
      await this.query(dice.below(this.places.length), dice.below(1_000))
      if (dice.chance(0.2)) await this.someSteps(dice.below(12))
    }
  }

  private resend(): void {
    const before = this.clients.toResend()
    if (!before) return
    before.resent = true
    if (this.places[before.customer]?.incarnation !== before.incarnation) return
    this.report.resends++
    this.send(before.customer, () => before.body, before.broken)
  }

  private async query(place: number, source: number): Promise<void> {
    const customer = this.places[place]
    if (!customer) return
    const to = this.processOf(customer)
    if (!to.alive || to.booting) return
    let answers = 0
    const asked = { to }
    this.asked.add(asked)
    const answered = () => {
      this.asked.delete(asked)
      if (!to.alive) return
      if (++answers > 1) throw new Violation('a query was answered twice, or after it was cancelled')
      this.report.queries++
    }
    let cancel = () => {}
    this.inside(to, () => {
      cancel = to.shard.query(
        to.route(customer),
        { source: QUERIES[source % QUERIES.length]!.source, params: {}, format: 'text' },
        { answered, refused: answered },
      )
    })
    // Now and then the client does not wait for the answer.
    if (!this.machine.dice.chance(0.2)) return
    await this.someSteps(this.machine.dice.below(8))
    if (!to.alive || answers > 0) return
    cancel()
    this.asked.delete(asked)
    answers = 1
  }

  private control(place: number, request: Parameters<ShardProcess['shard']['control']>[1]): void {
    const customer = this.places[place]
    if (!customer) return
    const to = this.processOf(customer)
    if (!to.alive || to.booting) return
    this.tell(customer, to, request)
  }

  private tell(
    customer: SimulatedCustomer,
    to: ShardProcess,
    request: Parameters<ShardProcess['shard']['control']>[1],
  ): void {
    let answers = 0
    const asked = { to }
    this.asked.add(asked)
    const answered = () => {
      this.asked.delete(asked)
      if (to.alive && ++answers > 1) throw new Violation(`a control request (${request.tag}) was answered twice`)
    }
    this.inside(to, () => to.shard.control(to.route(customer), request, { answered, refused: answered }))
  }

  private replay(place: number): void {
    const customer = this.places[place]
    if (!customer) return
    const to = this.processOf(customer)
    if (!to.alive || to.booting) return
    const verdicts = to.quarantine.list(customer.incarnation)
    if (verdicts.length === 0) return
    const { n, index } = this.machine.dice.of(verdicts)
    this.control(place, { tag: 'quarantine-replay', n, index })
  }

  /** A broken assumption somewhere in this customer (law 6). */
  private throwInto(place: number): void {
    const customer = this.places[place]
    if (!customer) return
    const to = this.processOf(customer)
    const live = to.alive && !to.booting ? to.customer(customer) : undefined
    if (!live) return
    this.count(this.report.crashes, 'actor')
    live.tasks.push({
      steps: oneStep(() => {
        throw new Error('a broken assumption')
      }),
      refused() {},
    })
    this.inside(to, () => to.shard.wake(live))
  }

  private async administer(operation: Extract<Operation, { customer: number }>): Promise<void> {
    const customer = this.places[operation.customer]
    switch (operation.tag) {
      case 'block':
      case 'unblock':
        if (customer) customer.blocked = operation.tag === 'block'
        break
      case 'quota':
        if (customer) {
          const { perSecond, perDay } = operation
          customer.quota = {
            ...(perSecond === undefined ? {} : { eventsPerSecond: perSecond }),
            ...(perDay === undefined ? {} : { eventsPerDay: perDay }),
          }
        }
        break
      case 'create':
        if (!customer) this.places[operation.customer] = this.create(operation.customer)
        break
      case 'delete': {
        if (!customer) break
        customer.deleted = true
        this.places[operation.customer] = undefined
        const to = this.processOf(customer)
        if (to.alive && !to.booting) this.tell(customer, to, { tag: 'forget' })
        break
      }
    }
    for (const other of this.customers) {
      const process = this.processOf(other)
      if (process.alive && !process.booting) process.route(other)
    }
  }

  private fault(fault: Fault): void {
    const { trouble, dice } = this.machine
    switch (fault) {
      case 'sync-fails':
        trouble.syncFails = 1
        break
      case 'write-fails':
        trouble.writeFails = 1
        break
      case 'slow-syncs':
        trouble.slowSyncs = dice.between(1, 4)
        break
      case 'disk-full':
        trouble.full = true
        break
      case 'disk-has-room':
        trouble.full = false
        break
      case 'too-many-files':
        trouble.tooManyFiles = dice.between(1, 6)
        break
      case 'checkpoint-fails':
        trouble.checkpointFails = dice.between(1, 3)
        break
    }
  }

  // ——— time and turns

  /** Calls into a process from outside. What it throws there is its own fault, unless it died of it. */
  private inside(process: ShardProcess, work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!isDeath(error)) throw error
      this.fellDown(process)
    }
  }

  private async step(): Promise<boolean> {
    try {
      const more = await this.machine.scheduler.step()
      if (this.violation !== undefined) throw this.violation
      return more
    } catch (error) {
      if (!isDeath(error)) throw error
      return true
    } finally {
      await this.recoverIfFallen()
    }
  }

  private async someSteps(steps: number): Promise<void> {
    for (let i = 0; i < steps; i++) if (!(await this.step())) break
  }

  private tick(): void {
    for (const process of this.processes) {
      if (process.alive && !process.booting) this.inside(process, () => process.shard.tick())
    }
  }

  /** Lets time go by, with the ticks that a shard gets; over a long time not all of them. */
  private async pass(ms: number): Promise<void> {
    const ticks = Math.min(8, Math.ceil(ms / TICK_MS))
    for (let i = 0; i < ticks; i++) {
      this.machine.clock.advance(ms / ticks)
      this.tick()
      await this.someSteps(this.machine.dice.between(1, 40))
    }
  }

  /** Runs until nobody waits for anything. */
  private async settle(): Promise<void> {
    await this.rest(() => {
      for (const asked of this.asked) if (!asked.to.alive) this.asked.delete(asked)
      return this.clients.pending === 0 && this.asked.size === 0
    }, 'every request is answered')
  }

  private async comeToRest(what: string): Promise<void> {
    for (let steps = 0; this.machine.scheduler.busy; steps++) {
      if (steps > MANY_STEPS) throw new Violation(`the node does not come to rest before ${what}`)
      await this.step()
    }
  }

  private async rest(done: () => boolean, what: string): Promise<void> {
    for (let round = 0; round < 800; round++) {
      await this.comeToRest(what)
      if (done()) return
      // A customer that crashes again and again is loaded after up to a minute.
      this.machine.clock.advance(round < 8 ? TICK_MS : 1_000)
      this.tick()
    }
    throw new Violation(`it never comes to pass that ${what}`)
  }

  /** Nobody asks anything any more: everybody is answered, saved and forgotten in time, and nothing is left over. */
  private async everybodySleeps(): Promise<void> {
    await this.settle()
    const { idleMs, checkpointMs, maxJournalBytes } = this.limits
    const endMs = this.machine.clock.peekMs() + idleMs + checkpointMs + PATIENCE_MS
    const awake = () => this.processes.flatMap(({ shard }) => [...shard['customers']])
    const isHeld = ({ journal }: ShardProcess) =>
      journal.heldBytes > maxJournalBytes / 4 && !journal.holding()[Symbol.iterator]().next().done
    const heavy = () => this.processes.filter(isHeld)
    while (awake().length > 0 || heavy().length > 0) {
      if (this.machine.clock.peekMs() > endMs) {
        const found = [
          ...awake().map(({ route }) => `${route.id} is awake`),
          ...heavy().map(({ name, journal }) => `${name} holds ${journal.heldBytes} bytes of journal`),
          ...this.processes.flatMap(leftOvers),
        ]
        throw new Violation(`everybody ought to sleep, but ${found.slice(0, 12).join('; ')}`)
      }
      this.machine.clock.advance(Math.max(TICK_MS, idleMs / 5))
      this.tick()
      await this.comeToRest('everybody is asleep')
    }
    this.nothingIsLeft(this.processes)
  }

  private nothingIsLeft(processes: readonly ShardProcess[]): void {
    const left = processes.flatMap(process => leftOvers(process).map(what => `${process.name}: ${what}`))
    if (left.length > 0) throw new Violation(`left over: ${left.slice(0, 12).join('; ')}`)
  }

  // ——— crashes

  private readonly nodeParts = (): NodeParts => ({
    machine: this.machine,
    store: this.store,
    witness: this.witness,
    limits: this.limits,
    retention: this.life.retention,
    customers: this.customers,
    plant: this.plant,
    poisonous: () => this.poisonous,
    ended: (process, error) => {
      this.log.push(`  ${process.name} ends: ${error.message}`)
      this.fellDown(process)
    },
    log: this.log,
  })

  /** A process is gone, by whatever reason. */
  private fellDown(process: Process): void {
    const shard = process as ShardProcess
    if (!shard.alive) return
    shard.alive = false
    this.dead.push(shard)
    this.fallen ??= { kind: 'shard', shards: 0, downMs: 500 }
  }

  private async crashSoon(kind: CrashKind, after: number, shards: number, downMs: number): Promise<void> {
    if (after === 0 || kind === 'drain') return await this.crash(kind, shards, downMs)
    this.machine.dieAfter(after, process => {
      this.fallen = { kind, shards, downMs }
      for (const victim of kind === 'shard' ? [process as ShardProcess] : this.processes) this.fellDown(victim)
    })
  }

  private async crash(kind: CrashKind, shards: number, downMs: number): Promise<void> {
    this.machine.calm()
    if (kind === 'drain') return await this.drain(shards, downMs)
    const victims = kind === 'shard' ? [this.machine.dice.of(this.processes)] : this.processes
    this.fallen = { kind, shards, downMs }
    for (const victim of victims) this.fellDown(victim)
    await this.recoverIfFallen()
  }

  private recovering = false

  private async recoverIfFallen(): Promise<void> {
    if (!this.fallen || this.recovering) return
    this.recovering = true
    try {
      for (let attempt = 0; this.fallen; attempt++) {
        if (attempt > 30) throw new Violation('the node does not start')
        const { kind, shards, downMs } = this.fallen
        this.fallen = undefined
        this.machine.calm()
        this.bury(kind)
        this.machine.clock.advance(downMs)
        // Whatever was wrong with the disk is over at the third attempt, or the node would never start.
        if (attempt >= 2) this.machine.noTrouble()
        if (kind === 'shard') await this.bootAll(this.processes.map(process => (process.alive ? process : undefined)))
        else await this.start(shards === 0 ? this.shards : shards)
      }
    } finally {
      this.recovering = false
    }
  }

  private bury(kind: CrashKind): void {
    this.count(this.report.crashes, kind)
    for (const process of this.dead.splice(0)) {
      this.witness.died(process)
      this.clients.died(process)
    }
    this.machine.scheduler.bury()
    if (kind === 'power') {
      this.machine.disk.crash()
      this.store.losePower(below => this.machine.dice.below(below))
    } else if (kind !== 'shard') this.machine.disk.kill()
  }

  private async start(shards = this.shards): Promise<void> {
    for (const process of this.processes) this.fellDown(process)
    for (const process of this.dead.splice(0)) {
      this.witness.died(process)
      this.clients.died(process)
    }
    this.fallen = undefined
    this.shards = shards
    this.run++
    await this.bootAll(Array.from({ length: shards }, () => undefined))
  }

  /** Boots the shards that are not there. */
  private async bootAll(running: (ShardProcess | undefined)[]): Promise<void> {
    let booting = 0
    this.processes = running.map((process, index) => {
      if (process) return process
      const fresh = new ShardProcess(this.nodeParts(), index, this.shards, this.run)
      booting++
      fresh
        .boot()
        .catch((error: unknown) => {
          if (!fresh.alive) return
          this.log.push(`  ${fresh.name} does not start: ${(error as Error).message}`)
          fresh.failure = error
          this.fellDown(fresh)
        })
        .finally(() => booting--)
      return fresh
    })
    for (let steps = 0; booting > 0 && !this.processes.some(process => !process.alive); steps++) {
      if (steps > MANY_STEPS) throw new Violation('the node hangs while it starts')
      if (!(await this.step()) && booting > 0) await new Promise(resolve => setImmediate(resolve))
    }
    for (const { failure } of this.processes) {
      if (failure !== undefined && !expectedAtBoot(failure)) throw failure
    }
  }

  private async drain(shards: number, downMs: number): Promise<void> {
    this.count(this.report.crashes, 'drain')
    const { processes } = this
    if (processes.some(process => process.booting)) return await this.crash('kill', shards, downMs)
    let left = processes.length
    const rounds = (this.machine.inTrouble ? TROUBLED_DRAIN_MS : DRAIN_MS) / TICK_MS
    for (const process of processes) {
      void process.shard.drain().then(
        () => left--,
        error => (this.violation = error),
      )
    }
    for (let round = 0; left > 0 && processes.every(process => process.alive); round++) {
      if (round > rounds) throw new Violation('the node does not drain')
      for (let steps = 0; this.machine.scheduler.busy && steps < MANY_STEPS; steps++) await this.step()
      if (left === 0 || processes !== this.processes) break
      this.machine.clock.advance(TICK_MS)
      this.tick()
      await new Promise(resolve => setImmediate(resolve))
      if (this.violation !== undefined) throw this.violation
    }
    // One died of it: the supervisor ends the others, too.
    if (processes !== this.processes || left > 0) return await this.crash('kill', shards, downMs)
    this.machine.noTrouble()
    for (const process of processes) process.close()
    for (const { state } of this.clients.requests) {
      if (state === 'pending') throw new Violation('a drained node has left a request unanswered')
    }
    for (const { to } of this.asked) {
      if (processes.includes(to)) throw new Violation('a drained node has left a query or a control request unanswered')
    }
    this.nothingIsLeft(processes)
    this.machine.clock.advance(downMs)
    this.machine.disk.kill()
    await this.start(shards === 0 ? this.shards : shards)
    await this.recoverIfFallen()
  }

  private count(counts: Record<string, number>, name: string): void {
    counts[name] = (counts[name] ?? 0) + 1
  }

  // ——— the check

  /** Waits until all is still, loads everybody, and compares. */
  private async check(): Promise<void> {
    this.report.checks++
    await this.settle()
    for (const customer of this.customers) {
      if (customer.deleted) continue
      await this.checkCustomer(customer)
    }
    this.checkReplies()
  }

  private async checkCustomer(customer: SimulatedCustomer): Promise<void> {
    const log = this.witness.log(customer.incarnation)
    await this.positionOf(customer)
    // A reset entry that waited for room may have come since: what counts is where it stands now.
    const n = this.processOf(customer).customer(customer)?.state.n ?? -1
    if (n < log.durableN && log.mayLose) log.cutTo(n)
    if (n !== log.durableN)
      throw new Violation(`${customer.id} stands at entry ${n}; entry ${log.durableN} was durable`)
    log.mayLose &&= this.store.isDamaged(customer.incarnation)
    const process = this.processOf(customer)
    const live = process.customer(customer)
    if (!live) throw new Violation(`${customer.id} is not there after it has answered`)
    let model = this.models.get(customer.incarnation)
    if (!model || model.epoch !== log.epoch) {
      model = new CustomerModel(customer.hashKey, this.limits, this.life.retention)
      model.epoch = log.epoch
      this.models.set(customer.incarnation, model)
    }
    const convicted: Convicted = (n, index, ms) => process.quarantine.find(customer.incarnation, n, index)?.ms === ms
    for (const entry of log.entries.slice(model.n)) {
      model.apply(entry, convicted)
      if (entry.kind !== EntryKind.Reset) continue
      // The file is gone, and what the journal no longer had with it. What it had is all that there is.
      const reset: ResetEntry = JSON.parse(entry.payload.toString())
      model = new CustomerModel(customer.hashKey, this.limits, reset.retention)
      model.n = reset.lostUpTo
      model.epoch = log.epoch
      for (const kept of log.entries.slice(reset.lostUpTo, entry.n)) model.apply(kept, convicted)
    }
    this.models.set(customer.incarnation, model)
    await this.rest(() => {
      for (let day = live.state.day - live.state.retention + 1; day <= live.state.day + 1; day++) {
        if (live.phase !== 'live') return false
        if (live['ensureDay'](day) === 'loading') {
          process.shard.wake(live)
          return false
        }
      }
      return true
    }, `all days of ${customer.id} are loaded`)
    // Of a customer that has lost its file nobody knows exactly what is left: a segment whose removal was not durable comes
    // back with the power. It has to live, take events, and balance.
    const lossy = this.damaged.has(customer.incarnation)
    const found = differences(live.state, model).filter(line => !lossy || /balances|twice|stored/.test(line))
    if (found.length > 0) {
      throw new Violation(`${customer.id} is not what its entries say:\n    ${found.slice(0, 12).join('\n    ')}`)
    }
    if (model.n > 0 && !lossy) await this.checkQueries(customer, process, model)
    for (const verdict of process.quarantine.list(customer.incarnation)) {
      this.report.convicted++
      if (!verdict.event.includes('poison')) throw new Violation(`an innocent event was set aside: ${verdict.event}`)
    }
  }

  /** Where the customer stands: asked until it is at rest, for being asked may make it write a reset entry. */
  private async positionOf(customer: SimulatedCustomer): Promise<void> {
    for (let before = -1; ; ) {
      const described = (await this.ask(customer, { tag: 'describe' })) as { n: number } | LetheError
      if (described instanceof Error) throw new Violation(`${customer.id} cannot be described: ${described.message}`)
      await this.settle()
      if (described.n === before) return
      before = described.n
    }
  }

  /** Asks until it is not refused for want of a load: a customer that crashes again and again waits up to a minute before the next. */
  private async ask(
    customer: SimulatedCustomer,
    request: Parameters<ShardProcess['shard']['control']>[1],
  ): Promise<unknown> {
    let answer: unknown
    let done = false
    const to = this.processOf(customer)
    const reply: ControlReply = {
      answered: value => {
        answer = value
        done = true
      },
      refused: error => {
        answer = error
        done = error.code !== 'customer-failed'
        if (!done) asked = false
      },
    }
    let asked = false
    const again = () => {
      if (asked) return
      asked = true
      this.inside(to, () => to.shard.control(to.route(customer), request, reply))
    }
    await this.rest(() => {
      if (!done) again()
      return done
    }, `${customer.id} answers`)
    return answer
  }

  private async checkQueries(customer: SimulatedCustomer, process: ShardProcess, model: CustomerModel): Promise<void> {
    for (const { source, answer } of QUERIES) {
      let real: string | undefined
      const today = Math.max(model.day, process.shard['parts'].time.day())
      this.inside(process, () => {
        process.shard.query(
          process.route(customer),
          { source, params: {}, format: 'text' },
          {
            answered: (_type, body) => {
              real = Buffer.from(body).toString().trim()
            },
            refused: error => {
              real = `${error.code}: ${error.message}`
            },
          },
        )
      })
      await this.rest(() => real !== undefined, `${customer.id} answers ${source}`)
      this.report.queries++
      // A query that met midnight may have seen either day.
      if (today !== Math.max(model.day, process.shard['parts'].time.day())) continue
      const expected = answer(model, today)
      if (real !== expected) throw new Violation(`${customer.id} answers ${source} with ${real}; should be ${expected}`)
    }
  }

  /** What clients were told is what happened. */
  private checkReplies(): void {
    for (const request of this.clients.requests) {
      const { reply, n, incarnation } = request
      const expected = n === undefined ? undefined : this.models.get(incarnation)?.replies.get(n)
      if (!reply || !expected || this.damaged.has(incarnation)) continue
      request.reply = undefined
      this.report.events += expected.accepted + expected.duplicates + expected.rejected.length
      const is = `${reply.accepted} accepted, ${reply.duplicates} duplicates, rejected ${reply.rejected.map(r => r.index)}`
      const should = `${expected.accepted} accepted, ${expected.duplicates} duplicates, rejected ${expected.rejected.map(r => r.index)}`
      if (is !== should) throw new Violation(`the reply to entry ${n} was: ${is}; should be: ${should}`)
    }
  }
}

/** A start may fail because the disk does; then it is tried again. Anything else is news. */
function expectedAtBoot(error: unknown): boolean {
  const { code } = error as { code?: string }
  return code === 'disk-error' || code === 'disk-full'
}
