// A whole shard over a disk and a store in memory and a clock that stands still until it is told: what the real one does, at
// will. Restarted on what a crash leaves.

import type { Customer } from '../../src/actors/customer.js'
import { PlaceFile } from '../../src/actors/places.js'
import { Quarantine } from '../../src/actors/quarantine.js'
import type { ControlRequest, CustomerRoute, IngestReply } from '../../src/actors/service.js'
import { Shard } from '../../src/actors/shard.js'
import { nactSystem } from '../../src/actors/system.js'
import { verdictFolder } from '../../src/actors/verdicts.js'
import { VERSIONS, type Versions } from '../../src/actors/versions.js'
import type { LetheError } from '../../src/core/errors.js'
import { defaultLimits, type Limits } from '../../src/core/limits.js'
import { seededRandom } from '../../src/core/random.js'
import { Format } from '../../src/event/decode.js'
import type { Journal } from '../../src/storage/contract.js'
import { openJournal } from '../../src/storage/journal.js'
import { MemoryDisk } from '../../src/storage/memory-disk.js'
import { memoryCustomerStore } from '../../src/storage/memory-store.js'

/** Small segments: few events fill one. */
const LIMITS: Limits = { ...defaultLimits, segmentBytes: 64 * 1024, maxFrameBytes: 32 * 1024, diskReserveBytes: 0 }

const NOON = Date.UTC(2026, 10, 21, 12)

export interface Accepted {
  readonly accepted: number
  readonly duplicates: number
}

export class ShardRig {
  readonly disk = new MemoryDisk({ random: seededRandom(1) })
  /** When what the store was asked for is done. */
  later: (action: () => void) => void = setImmediate
  readonly store = memoryCustomerStore({ schedule: action => this.later(action) })
  readonly log: string[] = []
  readonly limits: Limits
  versions: Versions = VERSIONS
  usedBytes = 0
  nowMs = NOON
  /** Monotonic time that goes by with each look at the clock: turns and queries then end, as they do in life. */
  stepMs = 0
  fatal: Error | undefined
  shard!: Shard
  journal!: Journal
  quarantine!: Quarantine
  private routes = new Map<string, CustomerRoute>()
  private runs = 0

  constructor(limits: Partial<Limits> = {}) {
    this.limits = { ...LIMITS, ...limits }
  }

  /** Starts a process on what there is. */
  async start(): Promise<this> {
    const write = (facts: object, message: string) =>
      void this.log.push(
        `${message} ${JSON.stringify(facts, (_name, value) => (typeof value === 'bigint' ? `${value}` : value instanceof Error ? value.message : value))}`,
      )
    const log = { info: write, warn: write, error: write }
    const { limits } = this
    const disk = this.disk.attach()
    const random = seededRandom(++this.runs)
    this.routes = new Map()
    this.fatal = undefined
    const about = {
      disk,
      folder: 'journal',
      shard: 0,
      shards: 1,
      ownerOf: () => 0,
      run: BigInt(this.runs),
      limits,
      random,
      log,
    }
    this.journal = await openJournal(about)
    this.quarantine = new Quarantine(await verdictFolder(disk, 'quarantine'))
    this.shard = new Shard({
      clock: { nowMs: () => this.nowMs, monotonicMs: () => (this.nowMs += this.stepMs) - NOON },
      random,
      limits,
      settings: { retention: 7 },
      versions: this.versions,
      journal: this.journal,
      store: this.store,
      quarantine: this.quarantine,
      places: new PlaceFile(disk, 'run/place'),
      actors: nactSystem(),
      log,
      defer: setImmediate,
      routeOf: incarnation => [...this.routes.values()].find(route => route.incarnation === incarnation),
      freeDiskBytes: () => disk.freeBytes('journal'),
      memory: () => ({ usedBytes: this.usedBytes, budgetBytes: 1 << 30 }),
      fatal: error => {
        this.fatal = error
      },
    })
    return this
  }

  /** The power goes, and comes back. */
  async powerLoss(): Promise<this> {
    this.disk.crash()
    this.store.crash()
    return await this.start()
  }

  /** The process dies, the machine lives on. */
  kill(): void {
    this.disk.kill()
    this.store.kill()
  }

  async drain(): Promise<void> {
    await this.shard.drain()
    this.store.kill()
  }

  route(id: string): CustomerRoute {
    let route = this.routes.get(id)
    if (!route) {
      const incarnation = BigInt(1 + id.charCodeAt(0))
      const facts = { blocked: false, quota: {}, version: 1 }
      route = { id, incarnation, hashKey: { k0: 1, k1: 2 }, owner: 0, deleted: false, facts, attachment: undefined }
      this.routes.set(id, route)
    }
    return route
  }

  customer(id: string): Customer | undefined {
    return this.route(id).attachment as Customer | undefined
  }

  /** Answers what was accepted, or the refusal; 'unknown' where nobody knows. */
  send(id: string, events: unknown): Promise<Accepted | LetheError | 'unknown'> {
    return new Promise(resolve => {
      const reply: IngestReply = {
        accepted: (accepted, duplicates) => resolve({ accepted, duplicates }),
        refused: resolve,
        unknown: () => resolve('unknown'),
      }
      this.shard.ingest(this.route(id), Format.Json, Number.NaN, Buffer.from(JSON.stringify(events)), reply)
    })
  }

  /** The value of a query; rejects with the refusal. */
  query(id: string, source: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.shard.query(
        this.route(id),
        { source, params: {}, format: 'json' },
        { answered: (_type, body) => resolve(JSON.parse(String(body)).value), refused: reject },
      )
    })
  }

  control(id: string, request: ControlRequest): Promise<unknown> {
    return new Promise((resolve, reject) =>
      this.shard.control(this.route(id), request, { answered: resolve, refused: reject }),
    )
  }

  /** Time goes by, a sweep at a time, until `met` or for so long. */
  async pass(ms: number, met: () => boolean = () => false): Promise<boolean> {
    for (const end = this.nowMs + ms; this.nowMs < end; this.nowMs += 250) {
      this.shard.tick()
      for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
      if (met()) return true
    }
    return met()
  }
}
