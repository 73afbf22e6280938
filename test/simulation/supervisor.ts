// How the simulated node's processes die and come back: what the machine, the kernel and the supervisor do to them.
import { nothingIsLeft } from './liveness.js'
import type { Process } from './machine.js'
import { type NodeParts, ShardProcess } from './node.js'
import type { CrashKind } from './operations.js'
import { count } from './report.js'
import { MANY_STEPS, TICK_MS } from './scheduler.js'
import { Violation } from './violation.js'
import type { World } from './world.js'

/** What a supervisor gives a drain, FINISH_MS; and while the disk does not work. */
const DRAIN_MS = 60_000
const TROUBLED_DRAIN_MS = 500_000

export class Supervisor {
  private shards: number
  private run = 0
  private readonly dead: ShardProcess[] = []
  /** What has brought processes down: it is not over before the node is up again. */
  private fallen: { kind: CrashKind; shards: number; downMs: number } | undefined
  private recovering = false

  constructor(private readonly world: World) {
    this.shards = world.life.shards
  }

  private readonly nodeParts = (): NodeParts => {
    const { machine, store, witness, limits, life, customers, plant, log } = this.world
    return {
      machine,
      store,
      witness,
      limits,
      retention: life.retention,
      customers,
      plant,
      poisonous: () => this.world.poisonous,
      ended: (process, error) => {
        log.push(`  ${process.name} ends: ${error.message}`)
        this.fellDown(process)
      },
      log,
    }
  }

  // ——— going down

  /** A process is gone, by whatever reason. */
  fellDown(process: Process): void {
    const shard = process as ShardProcess
    if (!shard.alive) return
    shard.alive = false
    this.dead.push(shard)
    this.fallen ??= { kind: 'shard', shards: 0, downMs: 500 }
  }

  /** A crash at the `after`-th operation of the disk from now; 0: at once. */
  async crashSoon(kind: CrashKind, after: number, shards: number, downMs: number): Promise<void> {
    if (after === 0 || kind === 'drain') return await this.crash(kind, shards, downMs)
    const { machine } = this.world
    machine.dieAfter(after, process => {
      this.fallen = { kind, shards, downMs }
      for (const victim of kind === 'shard' ? [process as ShardProcess] : this.world.processes) this.fellDown(victim)
    })
  }

  /** A crash, and the start after it. The node comes back with `shards` shards; 0: as many as it had. */
  async crash(kind: CrashKind, shards: number, downMs: number): Promise<void> {
    const { machine, processes } = this.world
    machine.calm()
    if (kind === 'drain') return await this.drain(shards, downMs)
    const victims = kind === 'shard' ? [machine.dice.of(processes)] : processes
    this.fallen = { kind, shards, downMs }
    for (const victim of victims) this.fellDown(victim)
    await this.recoverIfFallen()
  }

  private async drain(shards: number, downMs: number): Promise<void> {
    const { world } = this
    const { machine, processes } = world
    count(world.report.crashes, 'drain')
    if (processes.some(process => process.booting)) return await this.crash('kill', shards, downMs)
    let left = processes.length
    const rounds = (machine.inTrouble ? TROUBLED_DRAIN_MS : DRAIN_MS) / TICK_MS
    for (const process of processes) {
      void process.shard.drain().then(
        () => left--,
        error => (world.violation = error),
      )
    }
    for (let round = 0; left > 0 && processes.every(process => process.alive); round++) {
      if (round > rounds) throw new Violation('the node does not drain')
      for (let steps = 0; machine.scheduler.busy && steps < MANY_STEPS; steps++) await world.step()
      if (left === 0 || processes !== world.processes) break
      machine.clock.advance(TICK_MS)
      world.tick()
      await new Promise(resolve => setImmediate(resolve))
      if (world.violation !== undefined) throw world.violation
    }
    // One died of it: the supervisor ends the others, too.
    if (processes !== world.processes || left > 0) return await this.crash('kill', shards, downMs)
    machine.noTrouble()
    for (const process of processes) process.close()
    this.everybodyIsAnswered(processes)
    nothingIsLeft(processes)
    machine.clock.advance(downMs)
    machine.disk.kill()
    await this.start(shards === 0 ? this.shards : shards)
    await this.recoverIfFallen()
  }

  private everybodyIsAnswered(drained: readonly ShardProcess[]): void {
    const { clients, asked } = this.world
    for (const { state } of clients.requests) {
      if (state === 'pending') throw new Violation('a drained node has left a request unanswered')
    }
    for (const { to } of asked) {
      if (drained.includes(to)) throw new Violation('a drained node has left a query or a control request unanswered')
    }
  }

  // ——— coming up

  /** Starts again whoever has fallen, until the node is up. */
  async recoverIfFallen(): Promise<void> {
    if (!this.fallen || this.recovering) return
    const { machine } = this.world
    this.recovering = true
    try {
      for (let attempt = 0; this.fallen; attempt++) {
        if (attempt > 30) throw new Violation('the node does not start')
        const { kind, shards, downMs } = this.fallen
        this.fallen = undefined
        machine.calm()
        this.bury(kind)
        machine.clock.advance(downMs)
        // Whatever was wrong with the disk is over at the third attempt, or the node would never start.
        if (attempt >= 2) machine.noTrouble()
        const { processes } = this.world
        if (kind === 'shard') await this.bootAll(processes.map(process => (process.alive ? process : undefined)))
        else await this.start(shards === 0 ? this.shards : shards)
      }
    } finally {
      this.recovering = false
    }
  }

  private bury(kind: CrashKind): void {
    const { machine, store, report } = this.world
    count(report.crashes, kind)
    this.noteDeaths()
    machine.scheduler.bury()
    if (kind === 'power') {
      machine.disk.crash()
      store.losePower(below => machine.dice.below(below))
    } else if (kind !== 'shard') machine.disk.kill()
  }

  private noteDeaths(): void {
    const { witness, clients } = this.world
    for (const process of this.dead.splice(0)) {
      witness.died(process)
      clients.died(process)
    }
  }

  /** Starts the node, with all its shards anew. */
  async start(shards = this.shards): Promise<void> {
    for (const process of this.world.processes) this.fellDown(process)
    this.noteDeaths()
    this.fallen = undefined
    this.shards = shards
    this.run++
    await this.bootAll(Array.from({ length: shards }, () => undefined))
  }

  /** Boots the shards that are not there. */
  private async bootAll(running: (ShardProcess | undefined)[]): Promise<void> {
    const { world } = this
    let booting = 0
    world.processes = running.map((process, index) => {
      if (process) return process
      const fresh = new ShardProcess(this.nodeParts(), index, this.shards, this.run)
      booting++
      fresh
        .boot()
        .catch((error: unknown) => {
          if (!fresh.alive) return
          world.log.push(`  ${fresh.name} does not start: ${(error as Error).message}`)
          fresh.failure = error
          this.fellDown(fresh)
        })
        .finally(() => booting--)
      return fresh
    })
    for (let steps = 0; booting > 0 && !world.processes.some(process => !process.alive); steps++) {
      if (steps > MANY_STEPS) throw new Violation('the node hangs while it starts')
      if (!(await world.step()) && booting > 0) await new Promise(resolve => setImmediate(resolve))
    }
    for (const { failure } of world.processes) {
      if (failure !== undefined && !expectedAtBoot(failure)) throw failure
    }
  }
}

/** A start may fail because the disk does; then it is tried again. Anything else is news. */
function expectedAtBoot(error: unknown): boolean {
  const { code } = error as { code?: string }
  return code === 'disk-error' || code === 'disk-full'
}
