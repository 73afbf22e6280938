// A simulated node: shards as processes over one disk, with what the composition root and the supervisor do for them.

import type { Customer } from '../../src/actors/customer.js'
import { PlaceFile } from '../../src/actors/places.js'
import { Quarantine } from '../../src/actors/quarantine.js'
import { ownerOf } from '../../src/actors/routes.js'
import type { CustomerRoute } from '../../src/actors/service.js'
import { Shard } from '../../src/actors/shard.js'
import { verdictFolder } from '../../src/actors/verdicts.js'
import { VERSIONS } from '../../src/actors/versions.js'
import { LetheError } from '../../src/core/errors.js'
import type { Limits } from '../../src/core/limits.js'
import { seededRandom } from '../../src/core/random.js'
import { type EventBatch, Field } from '../../src/event/batch.js'
import type { CustomerStore, Journal } from '../../src/storage/contract.js'
import { openJournal } from '../../src/storage/journal.js'
import { simulatedActors } from './actors.js'
import type { SimulatedCustomer } from './control.js'
import { isDeath, type Machine, type Process } from './machine.js'
import type { Plant } from './plants.js'
import type { StoreWorld } from './store-world.js'
import type { Witness } from './witness.js'

export const MEMORY = { usedBytes: 0, budgetBytes: 1e12 }

export interface NodeParts {
  readonly machine: Machine
  readonly store: StoreWorld
  readonly witness: Witness
  readonly limits: Limits
  readonly retention: number
  readonly customers: readonly SimulatedCustomer[]
  readonly plant: Plant | undefined
  /** Events called `poison` throw while they are applied. */
  readonly poisonous: () => boolean
  /** Told when a process has to end by itself (R12). */
  readonly ended: (process: ShardProcess, error: Error) => void
  readonly log: string[]
}

export class ShardProcess implements Process {
  alive = true
  readonly name: string
  journal!: Journal
  shard!: Shard
  store!: CustomerStore
  quarantine!: Quarantine
  private places!: PlaceFile
  private readonly routes = new Map<bigint, CustomerRoute>()
  /** Set while the process starts. */
  booting = true
  failure: unknown

  constructor(
    private readonly parts: NodeParts,
    readonly index: number,
    readonly shards: number,
    readonly run: number,
  ) {
    this.name = `shard ${index} of ${shards}, run ${run}`
  }

  async boot(): Promise<void> {
    const { machine, limits, witness, plant, retention, store: world, customers } = this.parts
    const { clock, scheduler } = machine
    const view = machine.diskOf(this)
    const owns = (incarnation: bigint) => ownerOf(incarnation, this.shards) === this.index
    const log = this.logger()
    const random = seededRandom(this.run * 64 + this.index)
    this.journal = await openJournal({
      disk: plant?.disk?.(view) ?? view,
      folder: 'data/journal',
      shard: this.index,
      shards: this.shards,
      ownerOf: incarnation => ownerOf(incarnation, this.shards),
      run: BigInt(this.run),
      limits,
      random,
      log,
    })
    plant?.journal?.(this.journal)
    witness.recovered(this.journal, owns)
    witness.watch(this.journal, this)
    const store = world.open(machine, this)
    this.store = store
    this.quarantine = new Quarantine(await verdictFolder(view, 'data/verdicts'), owns)
    this.places = new PlaceFile(view, `data/run/places-${this.index}`)
    this.shard = new Shard({
      clock,
      random,
      limits,
      settings: { retention },
      versions: VERSIONS,
      journal: this.journal,
      store: plant?.store?.(store) ?? store,
      quarantine: this.quarantine,
      places: this.places,
      actors: simulatedActors(scheduler, this),
      log,
      defer: work => scheduler.defer(this, work),
      routeOf: incarnation => {
        const customer = customers.find(known => known.incarnation === incarnation && !known.deleted)
        return customer && this.route(customer)
      },
      freeDiskBytes: () => view.freeBytes('data'),
      memory: () => MEMORY,
      fatal: error => this.parts.ended(this, error),
    })
    plant?.shard?.(this.shard)
    this.addPoison()
    for (const { incarnation, deleted } of customers) {
      if (!deleted || !owns(incarnation)) continue
      this.journal.forget(incarnation)
      if (store.exists(incarnation)) await store.erase(incarnation)
    }
    this.booting = false
  }

  /** The bug that poison events meet: an exception in the middle of an apply. */
  private addPoison(): void {
    const { applier } = this.shard['parts']
    const applyOne = applier['applyOne'].bind(applier)
    applier['applyOne'] = (state, program, batch: EventBatch, event: number) => {
      if (batch.text(event, Field.Name) === 'poison' && this.parts.poisonous()) throw new Error('poison')
      return applyOne(state, program, batch, event)
    }
  }

  /** After a drain. */
  close(): void {
    this.places.close()
  }

  private logger() {
    const write = (level: string) => (facts: object, message: string) => {
      const { log } = this.parts
      log.push(`${level} ${this.name}: ${message} ${JSON.stringify(facts, plain)}`)
      if (log.length > 4_000) log.splice(0, 2_000)
    }
    return { info: write('info'), warn: write('warn'), error: write('error') }
  }

  route(customer: SimulatedCustomer): CustomerRoute {
    let route = this.routes.get(customer.incarnation)
    if (!route) {
      const { id, incarnation, hashKey, deleted } = customer
      route = { id, incarnation, hashKey, owner: this.index, deleted, facts: customer, attachment: undefined }
      this.routes.set(incarnation, route)
    }
    route.facts = { blocked: customer.blocked, quota: customer.quota, version: customer.version }
    route.deleted = customer.deleted
    return route
  }

  customer(customer: SimulatedCustomer): Customer | undefined {
    return this.routes.get(customer.incarnation)?.attachment as Customer | undefined
  }
}

export { isDeath, LetheError }

function plain(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString(16)
  if (value instanceof Error) return `${value.name}: ${value.message} ${value.stack?.split('\n')[1]?.trim() ?? ''}`
  return value
}
