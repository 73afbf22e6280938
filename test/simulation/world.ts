// The world of one life: a machine, the node's processes on it, the store and the clients; and how time goes by in it, step by
// step. Nothing happens between two steps but what the life's operations do.
import { ownerOf } from '../../src/actors/routes.js'
import { defaultLimits, type Limits } from '../../src/core/limits.js'
import { Dice, mixSeed } from './choices.js'
import { Clients } from './client.js'
import { newCustomer, type SimulatedCustomer } from './control.js'
import { isDeath, Machine } from './machine.js'
import type { ShardProcess } from './node.js'
import type { Life } from './operations.js'
import type { Plant } from './plants.js'
import { emptyReport, type Report } from './report.js'
import { MANY_STEPS, TICK_MS } from './scheduler.js'
import { StoreWorld } from './store-world.js'
import { Supervisor } from './supervisor.js'
import { Violation } from './violation.js'
import { Witness } from './witness.js'

const START_MS = Date.UTC(2026, 10, 20, 21, 30)

function limitsOf(life: Life): Limits {
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

export class World {
  readonly machine: Machine
  readonly store = new StoreWorld()
  readonly clients = new Clients()
  readonly witness: Witness
  readonly limits: Limits
  readonly supervisor: Supervisor
  /** The shards of the node, by number. */
  processes: ShardProcess[] = []
  /** All that there ever were. */
  readonly customers: SimulatedCustomer[] = []
  /** By place: who has the place now. */
  readonly places: (SimulatedCustomer | undefined)[]
  /** Customers that have lost a file: what their clients were told was of another state. */
  readonly damaged = new Set<bigint>()
  /** Queries and control requests without an answer. */
  readonly asked = new Set<{ readonly to: ShardProcess }>()
  /** Events called `poison` throw while they are applied. */
  poisonous = true
  /** Set by a step; thrown as soon as the step is over. */
  violation: unknown
  readonly log: string[] = []
  readonly report = emptyReport()

  constructor(
    readonly life: Life,
    readonly plant: Plant | undefined,
  ) {
    this.machine = new Machine(mixSeed(life.seed, 1), START_MS)
    this.witness = new Witness(this.clients.taken)
    this.limits = limitsOf(life)
    this.supervisor = new Supervisor(this)
    this.places = Array.from({ length: life.customers }, (_, place) => this.create(place))
  }

  create(place: number): SimulatedCustomer {
    // The same customers in every life of this seed, whatever else is taken out.
    const generation = this.customers.filter(({ id }) => id === `customer-${place}`).length
    const dice = new Dice(mixSeed(this.life.seed, 1000 + place * 100 + generation))
    const customer = newCustomer(`customer-${place}`, dice)
    this.customers.push(customer)
    return customer
  }

  processOf(customer: SimulatedCustomer): ShardProcess {
    return this.processes[ownerOf(customer.incarnation, this.processes.length)]!
  }

  /** Nothing is wrong with the machine any more, and nobody is about to die. */
  peace(): void {
    this.machine.noTrouble()
    this.machine.calm()
  }

  finalReport(): Report {
    const { report, machine, witness, store, clients } = this
    report.steps = machine.scheduler.steps
    report.entries = witness.entries
    report.commits = witness.commits
    report.checkpoints = store.commits
    Object.assign(report.faults, machine.met)
    Object.assign(report.refusals, clients.refusals)
    return report
  }

  // ——— steps

  /** Calls into a process from outside. What it throws there is its own fault, unless it died of it. */
  inside(process: ShardProcess, work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!isDeath(error)) throw error
      this.supervisor.fellDown(process)
    }
  }

  /** Does one thing of what could happen next; false if there was nothing. Whoever died of it is started again before it is over. */
  async step(): Promise<boolean> {
    try {
      const more = await this.machine.scheduler.step()
      if (this.violation !== undefined) throw this.violation
      return more
    } catch (error) {
      if (!isDeath(error)) throw error
      return true
    } finally {
      await this.supervisor.recoverIfFallen()
    }
  }

  async someSteps(steps: number): Promise<void> {
    for (let i = 0; i < steps; i++) if (!(await this.step())) break
  }

  // ——— time

  tick(): void {
    for (const process of this.processes) {
      if (process.alive && !process.booting) this.inside(process, () => process.shard.tick())
    }
  }

  /** Lets time go by, with the ticks that a shard gets; over a long time not all of them. */
  async pass(ms: number): Promise<void> {
    const ticks = Math.min(8, Math.ceil(ms / TICK_MS))
    for (let i = 0; i < ticks; i++) {
      this.machine.clock.advance(ms / ticks)
      this.tick()
      await this.someSteps(this.machine.dice.between(1, 40))
    }
  }

  /** Runs until nobody waits for anything. */
  async settle(): Promise<void> {
    await this.rest(() => {
      for (const asked of this.asked) if (!asked.to.alive) this.asked.delete(asked)
      return this.clients.pending === 0 && this.asked.size === 0
    }, 'every request is answered')
  }

  /** Runs, with time going by, until `done`. */
  async rest(done: () => boolean, what: string): Promise<void> {
    for (let round = 0; round < 800; round++) {
      await this.comeToRest(what)
      if (done()) return
      // A customer that crashes again and again is loaded after up to a minute.
      this.machine.clock.advance(round < 8 ? TICK_MS : 1_000)
      this.tick()
    }
    throw new Violation(`it never comes to pass that ${what}`)
  }

  /** Runs until there is nothing to do at this time. */
  async comeToRest(what: string): Promise<void> {
    for (let steps = 0; this.machine.scheduler.busy; steps++) {
      if (steps > MANY_STEPS) throw new Violation(`the node does not come to rest before ${what}`)
      await this.step()
    }
  }
}
