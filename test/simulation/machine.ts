// The simulated machine: a clock, a disk, and processes that can die at any operation of the disk.
//
// A process sees the disk through a view of its own. When it dies the view is dead: what it still tries has no effect, and
// what it waited for never comes. So nothing in the code under test has to know that it is being killed.
import { LetheError } from '../../src/core/errors.js'
import type { Disk, DiskFile } from '../../src/storage/disk.js'
import { type DiskOperation, MemoryDisk } from '../../src/storage/memory-disk.js'
import { Dice } from './choices.js'
import { FakeClock } from './clock.js'
import { type Owner, Scheduler } from './scheduler.js'

/** Thrown into a process that dies in the middle of what it does. */
export class Died extends LetheError {
  constructor(message: string) {
    super('died', message, 503)
  }
}

export interface Process extends Owner {
  readonly name: string
}

/** What the disk does wrong at the moment. */
export interface Trouble {
  syncFails: number
  writeFails: number
  slowSyncs: number
  tooManyFiles: number
  checkpointFails: number
  full: boolean
}

export class Machine {
  readonly dice: Dice
  readonly clock: FakeClock
  readonly scheduler: Scheduler
  readonly disk: MemoryDisk
  readonly trouble: Trouble = {
    syncFails: 0,
    writeFails: 0,
    slowSyncs: 0,
    tooManyFiles: 0,
    checkpointFails: 0,
    full: false,
  }
  /** Faults that the code under test has met. */
  readonly met: Record<string, number> = {}
  /** Operations until `fall` is called; 0: nobody waits. */
  private countdown = 0
  private fall: (process: Process) => void = () => {}
  /** Who the disk works for at the moment: its asynchronous operations are theirs. */
  private acting: Owner = { alive: true }

  constructor(seed: number, startMs: number) {
    this.dice = new Dice(seed)
    this.clock = new FakeClock(startMs, this.dice.random)
    this.scheduler = new Scheduler(this.clock, this.dice.random)
    this.disk = new MemoryDisk({
      random: { fill: target => this.dice.random.fill(target), fraction: () => this.dice.random.fraction() },
      schedule: (action, delayMs) => {
        const owner = this.acting
        this.scheduler.after(owner, delayMs, action)
      },
    })
    this.disk.fault = operation => this.fault(operation)
  }

  /** All choices from here on come from `seed`. */
  reseed(dice: Dice): void {
    Object.assign(this, { dice })
    this.clock.random = dice.random
    this.scheduler.random = dice.random
  }

  private fault(operation: DiskOperation): string | undefined {
    const { trouble } = this
    if (operation === 'sync' && trouble.syncFails > 0) {
      trouble.syncFails--
      return this.meet('sync-fails', 'EIO')
    }
    if (operation === 'write' && trouble.writeFails > 0) {
      trouble.writeFails--
      return this.meet('write-fails', 'EIO')
    }
    if (operation === 'fill' && trouble.full) return this.meet('disk-full', 'ENOSPC')
    if (operation === 'open' && trouble.tooManyFiles > 0) {
      trouble.tooManyFiles--
      return this.meet('too-many-files', 'EMFILE')
    }
    return undefined
  }

  meet<T>(fault: string, answer: T): T {
    this.met[fault] = (this.met[fault] ?? 0) + 1
    return answer
  }

  get inTrouble(): boolean {
    return Object.values(this.trouble).some(trouble => trouble !== 0 && trouble !== false)
  }

  noTrouble(): void {
    Object.assign(this.trouble, {
      syncFails: 0,
      writeFails: 0,
      slowSyncs: 0,
      tooManyFiles: 0,
      checkpointFails: 0,
      full: false,
    })
  }

  /** Calls `fall` at the `after`-th operation from now, with the process that does it. */
  dieAfter(after: number, fall: (process: Process) => void): void {
    this.countdown = after
    this.fall = fall
  }

  get deathIsNear(): boolean {
    return this.countdown > 0
  }

  calm(): void {
    this.countdown = 0
  }

  /** To be called before anything that leaves a trace outside of a process. Throws if the process is dead, or dies here. */
  touch(process: Process): void {
    if (!process.alive) throw new Died(`${process.name} is dead`)
    if (this.countdown > 0 && --this.countdown === 0) {
      this.fall(process)
      throw new Died(`${process.name} died here`)
    }
  }

  /** Syncs take a moment, or much longer while the disk is slow. */
  syncDelayMs(): number {
    if (this.trouble.slowSyncs > 0) {
      this.trouble.slowSyncs--
      return this.meet('slow-syncs', 2_000)
    }
    return 0.1 + this.dice.random.fraction() * 3
  }

  as<T>(owner: Owner, work: () => T): T {
    const before = this.acting
    this.acting = owner
    try {
      return work()
    } finally {
      this.acting = before
    }
  }

  diskOf(process: Process): Disk {
    return new ProcessDisk(this, process)
  }
}

class ProcessDisk implements Disk {
  constructor(
    private readonly machine: Machine,
    private readonly process: Process,
  ) {}

  private act<T>(work: () => T): T {
    this.machine.touch(this.process)
    return this.machine.as(this.process, work)
  }

  private look<T>(work: () => T): T {
    if (!this.process.alive) throw new Died(`${this.process.name} is dead`)
    return work()
  }

  open(path: string, mode: 'read' | 'write' | 'create'): DiskFile {
    const { machine } = this
    const file =
      mode === 'read' ? this.look(() => machine.disk.open(path, mode)) : this.act(() => machine.disk.open(path, mode))
    return {
      path,
      // Whoever dies again and again while it notes its place in a replay is rightly suspected (R16): not by our hand.
      write: (bytes, start, end, position) =>
        path.startsWith('data/run/')
          ? this.look(() => file.write(bytes, start, end, position))
          : this.act(() => file.write(bytes, start, end, position)),
      read: (target, start, end, position) => this.look(() => file.read(target, start, end, position)),
      sync: done => {
        this.act(() => {
          machine.disk.syncDelayMs = machine.syncDelayMs()
          file.sync(done)
        })
      },
      commit: (bytes, start, end, position, done) => {
        this.act(() => {
          machine.disk.syncDelayMs = machine.syncDelayMs()
          file.commit(bytes, start, end, position, done)
        })
      },
      fill: size => this.act(() => file.fill(size)),
      size: () => file.size(),
      close: () => file.close(),
    }
  }

  list(folder: string): string[] {
    return this.look(() => this.machine.disk.list(folder))
  }

  exists(path: string): boolean {
    return this.look(() => this.machine.disk.exists(path))
  }

  makeFolder(): void {
    this.look(() => this.machine.disk.makeFolder())
  }

  rename(from: string, to: string): void {
    this.act(() => this.machine.disk.rename(from, to))
  }

  remove(path: string): void {
    this.act(() => this.machine.disk.remove(path))
  }

  syncFolder(folder: string): Promise<void> {
    return this.act(() => this.machine.disk.syncFolder(folder))
  }

  freeBytes(): number {
    if (this.machine.trouble.full) return 0
    return 1e12
  }
}

/** Whether an error is what a process says when it was killed, not something that it did. */
export function isDeath(error: unknown): boolean {
  return error instanceof Died || (error instanceof LetheError && error.message.includes('is dead'))
}
