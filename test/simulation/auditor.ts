// Holds what there is against what there has to be: each customer's state, and what it answers, against the model; replies
// against what happened; and, when nobody asks anything any more, every account against zero (liveness.ts).
import type { ResetEntry } from '../../src/actors/entry.js'
import type { ControlReply, ControlRequest } from '../../src/actors/service.js'
import type { LetheError } from '../../src/core/errors.js'
import { EntryKind } from '../../src/storage/contract.js'
import { differences } from './compare.js'
import type { SimulatedCustomer } from './control.js'
import { leftOvers, nothingIsLeft, PATIENCE_MS } from './liveness.js'
import { type Convicted, CustomerModel } from './model.js'
import type { ShardProcess } from './node.js'
import { QUERIES } from './queries.js'
import { TICK_MS } from './scheduler.js'
import { Violation } from './violation.js'
import type { CustomerLog } from './witness.js'
import type { World } from './world.js'

export class Auditor {
  private readonly models = new Map<bigint, CustomerModel>()

  constructor(private readonly world: World) {}

  /** Waits until all is still, loads everybody, and compares. */
  async check(): Promise<void> {
    this.world.report.checks++
    await this.world.settle()
    for (const customer of this.world.customers) {
      if (customer.deleted) continue
      await this.checkCustomer(customer)
    }
    this.checkReplies()
  }

  /** Nobody asks anything any more: everybody is answered, saved and forgotten in time, and nothing is left over. */
  async everybodySleeps(): Promise<void> {
    const { world } = this
    await world.settle()
    const { clock } = world.machine
    const { idleMs, checkpointMs, maxJournalBytes } = world.limits
    const endMs = clock.peekMs() + idleMs + checkpointMs + PATIENCE_MS
    const awake = () => world.processes.flatMap(({ shard }) => [...shard['customers']])
    const isHeld = ({ journal }: ShardProcess) =>
      journal.heldBytes > maxJournalBytes / 4 && !journal.holding()[Symbol.iterator]().next().done
    const heavy = () => world.processes.filter(isHeld)
    while (awake().length > 0 || heavy().length > 0) {
      if (clock.peekMs() > endMs) {
        const found = [
          ...awake().map(({ route }) => `${route.id} is awake`),
          ...heavy().map(({ name, journal }) => `${name} holds ${journal.heldBytes} bytes of journal`),
          ...world.processes.flatMap(leftOvers),
        ]
        throw new Violation(`everybody ought to sleep, but ${found.slice(0, 12).join('; ')}`)
      }
      clock.advance(Math.max(TICK_MS, idleMs / 5))
      world.tick()
      await world.comeToRest('everybody is asleep')
    }
    nothingIsLeft(world.processes)
  }

  // ——— one customer

  private async checkCustomer(customer: SimulatedCustomer): Promise<void> {
    const { world } = this
    const log = world.witness.log(customer.incarnation)
    await this.positionOf(customer)
    // A reset entry that waited for room may have come since: what counts is where it stands now.
    const n = world.processOf(customer).customer(customer)?.state.n ?? -1
    if (n < log.durableN && log.mayLose) log.cutTo(n)
    if (n !== log.durableN)
      throw new Violation(`${customer.id} stands at entry ${n}; entry ${log.durableN} was durable`)
    log.mayLose &&= world.store.isDamaged(customer.incarnation)
    const process = world.processOf(customer)
    const live = process.customer(customer)
    if (!live) throw new Violation(`${customer.id} is not there after it has answered`)
    const model = this.modelOf(customer, log, process)
    await world.rest(() => {
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
    const lossy = world.damaged.has(customer.incarnation)
    const found = differences(live.state, model).filter(line => !lossy || /balances|twice|stored/.test(line))
    if (found.length > 0) {
      throw new Violation(`${customer.id} is not what its entries say:\n    ${found.slice(0, 12).join('\n    ')}`)
    }
    if (model.n > 0 && !lossy) await this.checkQueries(customer, process, model)
    for (const verdict of process.quarantine.list(customer.incarnation)) {
      world.report.convicted++
      if (!verdict.event.includes('poison')) throw new Violation(`an innocent event was set aside: ${verdict.event}`)
    }
  }

  /** The model of a customer, brought to where its log ends. */
  private modelOf(customer: SimulatedCustomer, log: CustomerLog, { quarantine }: ShardProcess): CustomerModel {
    const { limits, life } = this.world
    const { incarnation, hashKey } = customer
    let model = this.models.get(incarnation)
    if (!model || model.epoch !== log.epoch) {
      model = new CustomerModel(hashKey, limits, life.retention)
      model.epoch = log.epoch
    }
    const convicted: Convicted = (n, index, ms) => quarantine.find(incarnation, n, index)?.ms === ms
    for (const entry of log.entries.slice(model.n)) {
      model.apply(entry, convicted)
      if (entry.kind !== EntryKind.Reset) continue
      // The file is gone, and what the journal no longer had with it. What it had is all that there is.
      const reset: ResetEntry = JSON.parse(entry.payload.toString())
      model = new CustomerModel(hashKey, limits, reset.retention)
      model.n = reset.lostUpTo
      model.epoch = log.epoch
      for (const kept of log.entries.slice(reset.lostUpTo, entry.n)) model.apply(kept, convicted)
    }
    this.models.set(incarnation, model)
    return model
  }

  /** Waits until the customer is at rest, for being asked may make it write a reset entry. */
  private async positionOf(customer: SimulatedCustomer): Promise<void> {
    for (let before = -1; ; ) {
      const described = (await this.ask(customer, { tag: 'describe' })) as { n: number } | LetheError
      if (described instanceof Error) throw new Violation(`${customer.id} cannot be described: ${described.message}`)
      await this.world.settle()
      if (described.n === before) return
      before = described.n
    }
  }

  /** Asks until it is not refused for want of a load: a customer that crashes again and again waits up to a minute before the next. */
  private async ask(customer: SimulatedCustomer, request: ControlRequest): Promise<unknown> {
    const { world } = this
    let answer: unknown
    let done = false
    const to = world.processOf(customer)
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
      world.inside(to, () => to.shard.control(to.route(customer), request, reply))
    }
    await world.rest(() => {
      if (!done) again()
      return done
    }, `${customer.id} answers`)
    return answer
  }

  private async checkQueries(customer: SimulatedCustomer, process: ShardProcess, model: CustomerModel): Promise<void> {
    const { world } = this
    for (const { source, answer } of QUERIES) {
      let real: string | undefined
      const today = Math.max(model.day, process.shard['parts'].time.day())
      world.inside(process, () => {
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
      await world.rest(() => real !== undefined, `${customer.id} answers ${source}`)
      world.report.queries++
      // A query that met midnight may have seen either day.
      if (today !== Math.max(model.day, process.shard['parts'].time.day())) continue
      const expected = answer(model, today)
      if (real !== expected) throw new Violation(`${customer.id} answers ${source} with ${real}; should be ${expected}`)
    }
  }

  // ——— all replies

  /** What clients were told is what happened. */
  private checkReplies(): void {
    const { clients, damaged, report } = this.world
    for (const request of clients.requests) {
      const { reply, n, incarnation } = request
      const expected = n === undefined ? undefined : this.models.get(incarnation)?.replies.get(n)
      if (!reply || !expected || damaged.has(incarnation)) continue
      request.reply = undefined
      report.events += expected.accepted + expected.duplicates + expected.rejected.length
      const is = `${reply.accepted} accepted, ${reply.duplicates} duplicates, rejected ${reply.rejected.map(r => r.index)}`
      const should = `${expected.accepted} accepted, ${expected.duplicates} duplicates, rejected ${expected.rejected.map(r => r.index)}`
      if (is !== should) throw new Violation(`the reply to entry ${n} was: ${is}; should be: ${should}`)
    }
  }
}
