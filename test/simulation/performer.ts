// Performs the operations of a life: what clients, operators, the disk and bugs do to a node.
import type { ControlRequest } from '../../src/actors/service.js'
import { DAY_MS } from '../../src/core/clock.js'
import { oneStep } from '../../src/core/steps.js'
import type { Auditor } from './auditor.js'
import type { Request } from './client.js'
import type { SimulatedCustomer } from './control.js'
import { type BodyPlan, writeBody } from './events.js'
import { PROGRAMS } from './model-programs.js'
import type { ShardProcess } from './node.js'
import type { Fault, Operation } from './operations.js'
import { QUERIES } from './queries.js'
import { count } from './report.js'
import { Violation } from './violation.js'
import type { World } from './world.js'

export class Performer {
  /** Makes each body another one. */
  private mark = 0

  constructor(
    private readonly world: World,
    private readonly auditor: Auditor,
  ) {}

  async perform(operation: Operation): Promise<void> {
    const { world } = this
    switch (operation.tag) {
      case 'send':
        this.send(operation.customer, this.writer(operation.body), operation.body.tag === 'broken')
        break
      case 'resend':
        this.resend()
        break
      case 'crowd':
        await this.crowd(operation.body)
        if (!operation.thenSleep) break
        world.peace()
        await this.auditor.everybodySleeps()
        break
      case 'query':
        await this.query(operation.customer, operation.source)
        break
      case 'pass':
        await world.pass(operation.ms)
        break
      case 'midnight':
        await world.pass(this.untilMidnight())
        break
      case 'jump':
        world.machine.clock.jump(operation.ms)
        break
      case 'settle':
        await world.settle()
        break
      case 'check':
        world.peace()
        await this.auditor.check()
        break
      case 'cure':
        world.poisonous = false
        break
      case 'throw':
        this.throwInto(operation.customer)
        break
      case 'damage':
        this.damage(operation.customer)
        break
      case 'fault':
        this.fault(operation.fault)
        break
      case 'crash':
        await world.supervisor.crashSoon(operation.kind, operation.after, operation.shards, operation.downMs)
        break
      default:
        this.administer(operation)
    }
  }

  /** Who has a place, and the process that would take a request of theirs now. */
  private reach(place: number): { customer: SimulatedCustomer; to: ShardProcess } | undefined {
    const customer = this.world.places[place]
    if (!customer) return undefined
    const to = this.world.processOf(customer)
    return to.alive && !to.booting ? { customer, to } : undefined
  }

  // ——— clients

  private writer(body: BodyPlan): () => Request['body'] {
    return () => writeBody(body, Math.floor(this.world.machine.clock.nowMs()), ++this.mark)
  }

  private send(place: number, write: () => Request['body'], broken: boolean): void {
    const reached = this.reach(place)
    if (!reached) return
    const { customer, to } = reached
    const { clients, witness } = this.world
    const body = write()
    const request = clients.send({ customer: place, incarnation: customer.incarnation, body, broken, to })
    this.world.inside(to, () => {
      // The bytes are lent: whoever keeps them has to copy.
      const lent = Buffer.from(body.bytes)
      to.shard.ingest(to.route(customer), body.format, body.sentAt, lent, clients.replyTo(request, witness))
      lent.fill(0x7a)
    })
  }

  private resend(): void {
    const { clients, places, report } = this.world
    const before = clients.toResend()
    if (!before) return
    before.resent = true
    if (places[before.customer]?.incarnation !== before.incarnation) return
    report.resends++
    this.send(before.customer, () => before.body, before.broken)
  }

  /** Everybody sends; then some ask, at any moment of what follows from it. */
  async crowd(body: BodyPlan): Promise<void> {
    const { world } = this
    const { places, limits } = world
    const { dice } = world.machine
    const write = this.writer(body)
    for (let place = 0; place < places.length; place++) this.send(place, write, body.tag === 'broken')
    if (dice.chance(0.5)) await world.pass(dice.between(limits.idleMs, 2 * limits.idleMs))
    for (let visits = dice.below(4 * places.length); visits > 0; visits--) {
      await this.query(dice.below(places.length), dice.below(1_000))
      if (dice.chance(0.2)) await world.someSteps(dice.below(12))
    }
  }

  private async query(place: number, source: number): Promise<void> {
    const reached = this.reach(place)
    if (!reached) return
    const { customer, to } = reached
    const { world } = this
    const { dice } = world.machine
    let answers = 0
    const asked = { to }
    world.asked.add(asked)
    const answered = () => {
      world.asked.delete(asked)
      if (!to.alive) return
      if (++answers > 1) throw new Violation('a query was answered twice, or after it was cancelled')
      world.report.queries++
    }
    let cancel = () => {}
    world.inside(to, () => {
      cancel = to.shard.query(
        to.route(customer),
        { source: QUERIES[source % QUERIES.length]!.source, params: {}, format: 'text' },
        { answered, refused: answered },
      )
    })
    // Now and then the client does not wait for the answer.
    if (!dice.chance(0.2)) return
    await world.someSteps(dice.below(8))
    if (!to.alive || answers > 0) return
    cancel()
    world.asked.delete(asked)
    answers = 1
  }

  private untilMidnight(): number {
    const { clock, dice } = this.world.machine
    const now = clock.nowMs()
    const left = DAY_MS - (now - Math.floor(now / DAY_MS) * DAY_MS)
    return Math.max(0, left - dice.below(4))
  }

  // ——— operators

  private administer(operation: Extract<Operation, { customer: number }>): void {
    const { world } = this
    const place = operation.customer
    switch (operation.tag) {
      case 'program': {
        const { source } = PROGRAMS[operation.program]!
        return this.control(place, source === null ? { tag: 'program-delete' } : { tag: 'program-put', source })
      }
      case 'sampling':
        return this.control(place, { tag: 'settings', sampling: operation.share })
      case 'retention':
        return this.control(place, { tag: 'settings', retention: operation.days })
      case 'replay':
        return this.replay(place)
    }
    this.changeIdentity(operation)
    for (const other of world.customers) {
      const process = world.processOf(other)
      if (process.alive && !process.booting) process.route(other)
    }
  }

  /** Changes the control store; every live shard hears of it. */
  private changeIdentity(operation: Extract<Operation, { customer: number }>): void {
    const { places } = this.world
    const customer = places[operation.customer]
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
        if (!customer) places[operation.customer] = this.world.create(operation.customer)
        break
      case 'delete': {
        if (!customer) break
        const reached = this.reach(operation.customer)
        customer.deleted = true
        places[operation.customer] = undefined
        if (reached) this.tell(customer, reached.to, { tag: 'forget' })
        break
      }
    }
  }

  private control(place: number, request: ControlRequest): void {
    const reached = this.reach(place)
    if (reached) this.tell(reached.customer, reached.to, request)
  }

  private tell(customer: SimulatedCustomer, to: ShardProcess, request: ControlRequest): void {
    const { asked: open } = this.world
    let answers = 0
    const asked = { to }
    open.add(asked)
    const answered = () => {
      open.delete(asked)
      if (to.alive && ++answers > 1) throw new Violation(`a control request (${request.tag}) was answered twice`)
    }
    this.world.inside(to, () => to.shard.control(to.route(customer), request, { answered, refused: answered }))
  }

  private replay(place: number): void {
    const reached = this.reach(place)
    if (!reached) return
    const verdicts = reached.to.quarantine.list(reached.customer.incarnation)
    if (verdicts.length === 0) return
    const { n, index } = this.world.machine.dice.of(verdicts)
    this.control(place, { tag: 'quarantine-replay', n, index })
  }

  // ——— bugs and bad luck

  /** A broken assumption somewhere in this customer (law 6). */
  private throwInto(place: number): void {
    const reached = this.reach(place)
    const live = reached?.to.customer(reached.customer)
    if (!reached || !live) return
    count(this.world.report.crashes, 'actor')
    live.tasks.push({
      steps: oneStep(() => {
        throw new Error('a broken assumption')
      }),
      refused() {},
    })
    this.world.inside(reached.to, () => reached.to.shard.wake(live))
  }

  private damage(place: number): void {
    const { places, store, damaged, witness } = this.world
    const customer = places[place]
    if (!customer || !store.damage(customer.incarnation)) return
    damaged.add(customer.incarnation)
    witness.log(customer.incarnation).mayLose = true
    this.throwInto(place)
  }

  private fault(fault: Fault): void {
    const { trouble, dice } = this.world.machine
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
}
