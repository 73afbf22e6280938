// The supervisor: keeps one process per shard alive, owns the control store, and ends the node in order.
//
//   start:  lock data ─▶ claim port ─▶ control store ─▶ shards ─▶ (each) recover ─▶ listen
//   change: shard asks ─▶ control store ─▶ every live shard reads again ─▶ answer
//   end:    quiesce all ─▶ finish all ─▶ control store ─▶ lock
//
// It holds no customer's data and takes no event, so there is little that could break it; if it is killed all the same, its
// shards notice the end of their channel and exit, and the next start waits for their locks.
import { AdministrationDesk } from '../actors/administration.js'
import type { PeerAddress } from '../actors/peers.js'
import type { Clock } from '../core/clock.js'
import { LetheError } from '../core/errors.js'
import type { Random } from '../core/random.js'
import type { ShardReport } from '../http/node.js'
import type { ControlWriter } from '../storage/contract.js'
import { BackupDesk } from './backup-desk.js'
import type { Log } from './log.js'
import type { PlainError, ShardStart, ToShard, ToSupervisor } from './messages.js'
import { forkShard, ShardProcess } from './shard-process.js'
import { socketPath } from './sockets.js'

/** A recovering shard may hold its event loop for longer than limits.shardSilenceMs. */
const START_SILENCE_MS = 120_000
const TICK_MS = 1_000
/** A shard that lived shorter than this is started again after a pause, which doubles. */
const SHORT_LIFE_MS = 5_000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000
/** How long answers of a drain may take. */
const QUIESCE_MS = 15_000
/**
 * How long its checkpoints may go without any progress: beyond, the journal has it all anyway. There is no bound on all of
 * them: a customer costs some 3 ms, and another version cannot begin before the last one is saved (R14).
 */
const FINISH_MS = 60_000
/** How often a long drain says how far it is. */
const SAVING_LOG_MS = 10_000
const REPORT_MS = 2_000

export interface SupervisorOptions {
  /** What every shard is told, but for its own address. */
  readonly start: Omit<ShardStart, 'own' | 'run'>
  readonly socketFolder: string
  readonly control: ControlWriter
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** The process of shard 0, where it was started ahead. */
  readonly early: ReturnType<typeof forkShard> | undefined
  /** A shard cannot begin at all: the node ends. */
  readonly hopeless: (message: string) => void
}

interface Change {
  readonly waitingFor: Set<ShardProcess>
  readonly done: () => void
}

interface Gathering {
  readonly waitingFor: Set<ShardProcess>
  readonly reports: ShardReport[]
  readonly done: () => void
}

export class Supervisor {
  private readonly shards: ShardProcess[] = []
  private readonly pauses: number[]
  private readonly desk: AdministrationDesk
  private readonly run: string
  private readonly changes = new Map<number, Change>()
  private readonly gatherings = new Map<number, Gathering>()
  private readonly waiters = new Set<() => void>()
  private readonly backups: BackupDesk
  private readonly ticker: NodeJS.Timeout
  private generation = 0
  private numbers = 0
  private restarts = 0
  private draining = false
  /** When a drain last came any further, and last said so; monotonic ms. */
  private progressMs = 0
  private saidMs = 0
  /** All shards have listened at one time. */
  private served = false
  private tickedMs: number

  constructor(private readonly options: SupervisorOptions) {
    const { control, random, clock, start } = options
    this.desk = new AdministrationDesk(control, random, clock)
    this.run = Buffer.from(random.fill(new Uint8Array(8)))
      .readBigUInt64LE()
      .toString()
    this.pauses = new Array<number>(start.shards).fill(0)
    this.tickedMs = clock.monotonicMs()
    this.backups = new BackupDesk({ start, control, clock, shards: () => this.shards })
    for (let shard = 0; shard < start.shards; shard++) this.spawn(shard, shard === 0 ? options.early : undefined)
    this.ticker = setInterval(() => this.tick(), TICK_MS)
  }

  /** Resolves when every shard listens. */
  async serving(): Promise<void> {
    await this.until(() => this.shards.every(shard => shard.phase === 'listening'), Number.POSITIVE_INFINITY)
    this.served = true
  }

  // ——— processes

  private spawn(shard: number, early?: ReturnType<typeof forkShard>): void {
    const { options } = this
    const generation = ++this.generation
    const child = early ?? forkShard()
    const process = new ShardProcess(
      shard,
      generation,
      child,
      options.clock.monotonicMs(),
      (from, message) => this.told(from, message),
      (from, why) => this.ended(from, why),
    )
    this.shards[shard] = process
    const own: PeerAddress = { shard, generation, path: socketPath(options.socketFolder, shard, generation) }
    process.tell({ tag: 'start', start: { ...options.start, own, run: this.run } })
    process.tell(this.peersMessage())
  }

  private ended(process: ShardProcess, why: string): void {
    const { clock, log } = this.options
    for (const [number, change] of this.changes) {
      change.waitingFor.delete(process)
      this.settleChange(number, change)
    }
    for (const [number, gathering] of this.gatherings) {
      gathering.waitingFor.delete(process)
      this.settleGathering(number, gathering)
    }
    this.backups.ended()
    this.wakeWaiters()
    if (this.draining || this.shards[process.shard] !== process) return
    const { hopeless } = process
    // A node that has served waits for space; a start on a full disk says so and ends.
    if (hopeless && !(this.served && hopeless.code === 'disk-full')) return this.options.hopeless(hopeless.message)
    this.restarts++
    const { shard } = process
    const livedMs = clock.monotonicMs() - process.startedMs
    const pauseMs = livedMs < SHORT_LIFE_MS ? this.pauses[shard]! : 0
    this.pauses[shard] = Math.min(LONGEST_PAUSE_MS, pauseMs === 0 ? FIRST_PAUSE_MS : pauseMs * 2)
    log.error(
      { shard, why: hopeless?.message ?? why, livedMs: Math.round(livedMs), pauseMs },
      'a shard died and is started again',
    )
    this.broadcastPeers()
    setTimeout(() => {
      if (!this.draining) this.spawn(shard)
    }, pauseMs)
  }

  /** Replaces shards that say nothing. A supervisor that was itself stopped for a while must not blame them. */
  private tick(): void {
    const now = this.options.clock.monotonicMs()
    const wasStopped = now - this.tickedMs > 3 * TICK_MS
    this.tickedMs = now
    for (const shard of this.shards) {
      if (shard.phase === 'dead') continue
      if (wasStopped) shard.lastSeenMs = now
      const allowedMs = shard.phase === 'starting' ? START_SILENCE_MS : this.options.start.limits.shardSilenceMs
      if (now - shard.lastSeenMs <= allowedMs) continue
      this.options.log.error(
        { shard: shard.shard, silentMs: Math.round(now - shard.lastSeenMs) },
        'a shard is silent: killed',
      )
      shard.lastSeenMs = now
      shard.kill()
    }
  }

  private get live(): ShardProcess[] {
    return this.shards.filter(shard => shard.phase !== 'dead')
  }

  private peersMessage(): ToShard {
    const { options } = this
    const reachable = this.shards.filter(shard => shard.phase === 'recovered' || shard.phase === 'listening')
    return {
      tag: 'peers',
      addresses: reachable.map(({ shard, generation }) => ({
        shard,
        generation,
        path: socketPath(options.socketFolder, shard, generation),
      })),
      ready:
        !this.draining &&
        this.shards.length === options.start.shards &&
        this.shards.every(shard => shard.phase === 'listening'),
    }
  }

  private broadcastPeers(): void {
    const message = this.peersMessage()
    for (const shard of this.live) shard.tell(message)
  }

  // ——— what shards say

  private told(from: ShardProcess, message: ToSupervisor): void {
    from.lastSeenMs = this.options.clock.monotonicMs()
    switch (message.tag) {
      case 'alive':
        return
      case 'recovered':
      case 'listening':
        from.phase = message.tag
        this.broadcastPeers()
        return this.wakeWaiters()
      case 'quiet':
        from.quiet = true
        return this.wakeWaiters()
      case 'saving':
        return this.saving(from, message.left)
      case 'hopeless':
        from.hopeless = message
        return
      case 'changed': {
        const change = this.changes.get(message.change)
        if (!change) return
        change.waitingFor.delete(from)
        return this.settleChange(message.change, change)
      }
      case 'administer':
        void this.desk
          .perform(message.request)
          .then(async ({ value, changed }) => {
            if (changed !== undefined) await this.inForce(changed)
            from.tell({ tag: 'answered', ask: message.ask, value })
          })
          .catch((error: unknown) => from.tell({ tag: 'refused', ask: message.ask, error: this.plainError(error) }))
        return
      case 'backup':
        void this.backups
          .backUp(message.folder)
          .then(value => from.tell({ tag: 'answered', ask: message.ask, value }))
          .catch((error: unknown) => from.tell({ tag: 'refused', ask: message.ask, error: this.plainError(error) }))
        return
      case 'backed-up':
        return this.backups.done(from, message)
      case 'reports':
        void this.gather().then(shards =>
          from.tell({ tag: 'answered', ask: message.ask, value: { shards, restarts: this.restarts } }),
        )
        return
      case 'report': {
        const gathering = this.gatherings.get(message.ask)
        if (!gathering) return
        gathering.reports.push(message.report)
        gathering.waitingFor.delete(from)
        return this.settleGathering(message.ask, gathering)
      }
    }
  }

  private plainError(error: unknown): PlainError {
    if (error instanceof LetheError) return { code: error.code, message: error.message, status: error.status }
    this.options.log.error({ err: error }, 'a change of the control store, or a backup, failed')
    return { code: 'internal', message: 'something is broken here: the log says what', status: 500 }
  }

  // ——— changes and reports: asked of all, answered by those that live

  /** Resolves when every live shard has read the customer again. */
  private inForce(customer: string): Promise<void> {
    return new Promise(resolve => {
      const number = ++this.numbers
      const change = { waitingFor: new Set(this.live), done: resolve }
      this.changes.set(number, change)
      for (const shard of change.waitingFor) shard.tell({ tag: 'changed', change: number, customer })
      this.settleChange(number, change)
    })
  }

  private settleChange(number: number, change: Change): void {
    if (change.waitingFor.size > 0) return
    this.changes.delete(number)
    change.done()
  }

  private gather(): Promise<ShardReport[]> {
    return new Promise(resolve => {
      const number = ++this.numbers
      const asked = this.live.filter(shard => shard.phase !== 'starting')
      const reports: ShardReport[] = []
      const timer = setTimeout(() => gathering.done(), REPORT_MS)
      const gathering = {
        waitingFor: new Set(asked),
        reports,
        done: () => {
          clearTimeout(timer)
          this.gatherings.delete(number)
          resolve(reports.sort((a, b) => a.shard - b.shard))
        },
      }
      this.gatherings.set(number, gathering)
      for (const shard of asked) shard.tell({ tag: 'report', ask: number })
      this.settleGathering(number, gathering)
    })
  }

  private settleGathering(_number: number, gathering: Gathering): void {
    if (gathering.waitingFor.size === 0) gathering.done()
  }

  // ——— the end

  /** Stops listening, answers what was taken, commits, checkpoints, closes. Answers whether every shard ended well. */
  async drain(): Promise<boolean> {
    this.draining = true
    clearInterval(this.ticker)
    this.broadcastPeers()
    for (const shard of this.live) shard.tell({ tag: 'quiesce' })
    // No shard finishes before all are quiet: a request at one may wait for another.
    await this.until(() => this.live.every(shard => shard.quiet), QUIESCE_MS)
    for (const shard of this.live) shard.tell({ tag: 'finish' })
    const { clock } = this.options
    this.progressMs = this.saidMs = clock.monotonicMs()
    for (let leftMs = FINISH_MS; leftMs > 0 && this.live.length > 0; ) {
      await this.until(() => this.live.length === 0, leftMs)
      leftMs = this.progressMs + FINISH_MS - clock.monotonicMs()
    }
    const late = this.live
    for (const shard of late) shard.kill()
    await this.until(() => this.live.length === 0, FINISH_MS)
    await this.options.control.close()
    return late.length === 0 && this.shards.every(shard => shard.child.exitCode === 0)
  }

  private saving(from: ShardProcess, left: number): void {
    if (left >= from.unsaved) return
    from.unsaved = left
    this.progressMs = this.options.clock.monotonicMs()
    if (this.progressMs - this.saidMs < SAVING_LOG_MS) return
    this.saidMs = this.progressMs
    this.options.log.info({ shard: from.shard, left }, 'this node ends when all customers are saved')
  }

  /** Ends the shards at once. What was acknowledged is in their journals. */
  killAll(): void {
    this.draining = true
    for (const shard of this.live) shard.kill()
  }

  private until(met: () => boolean, forMs: number): Promise<void> {
    return new Promise(resolve => {
      if (met()) return resolve()
      let timer: NodeJS.Timeout | undefined
      const look = () => {
        if (!met()) return
        stop()
      }
      const stop = () => {
        clearTimeout(timer)
        this.waiters.delete(look)
        resolve()
      }
      this.waiters.add(look)
      if (Number.isFinite(forMs)) timer = setTimeout(stop, forMs)
    })
  }

  private wakeWaiters(): void {
    for (const look of [...this.waiters]) look()
  }
}
