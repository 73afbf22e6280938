// The only source of "later" in a simulation: deferred turns, messages to actors, completions of the disk. Which of the
// things that could happen next does happen is the seed's choice.
//
// Work belongs to a process. When a process dies its work is dropped, as a kernel drops it; promises that waited for such
// work wait for ever and are collected.
import type { Random } from '../../src/core/random.js'
import type { FakeClock } from './clock.js'

/** Steps after which something must have come to rest. */
export const MANY_STEPS = 60_000
/** Between two ticks of a shard. */
export const TICK_MS = 250

/** A process of the simulated machine, as far as the scheduler cares. */
export interface Owner {
  alive: boolean
}

interface Task {
  readonly atMs: number
  readonly owner: Owner
  readonly run: () => void
}

/** Lets every promise that can go on do so: they settle between two turns of the real event loop. */
export const promisesSettle = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

export class Scheduler {
  private tasks: Task[] = []
  private later: Task[] = []
  steps = 0

  constructor(
    private readonly clock: FakeClock,
    /** Chooses what happens next; replaced with every operation. */
    public random: Random,
  ) {}

  /** Runs `run` in some later step, as setImmediate would. */
  defer(owner: Owner, run: () => void): void {
    this.tasks.push({ atMs: 0, owner, run })
  }

  /** Runs `run` when `ms` have passed. */
  after(owner: Owner, ms: number, run: () => void): void {
    this.later.push({ atMs: this.clock.peekMs() + ms, owner, run })
  }

  /** Something could happen, now or when time passes. */
  get busy(): boolean {
    return this.tasks.length > 0 || this.later.length > 0
  }

  /** Forgets what dead processes had under way. */
  bury(): void {
    this.tasks = this.tasks.filter(task => task.owner.alive)
    this.later = this.later.filter(task => task.owner.alive)
  }

  /** Does one thing; false if there is nothing to do. Time passes if all there is lies in the future. */
  async step(): Promise<boolean> {
    this.bury()
    if (this.tasks.length === 0 && this.later.length === 0) return false
    if (this.tasks.length === 0) {
      const next = Math.min(...this.later.map(task => task.atMs))
      const wait = next - this.clock.peekMs()
      if (wait > 0) this.clock.advance(wait)
    }
    // Sums of doubles: what is due now may lie a hair after now.
    const now = this.clock.peekMs() + 1e-6
    const due = this.later.filter(task => task.atMs <= now)
    if (due.length > 0) {
      this.later = this.later.filter(task => task.atMs > now)
      this.tasks.push(...due)
    }
    const chosen = Math.floor(this.random.fraction() * this.tasks.length)
    const [task] = this.tasks.splice(chosen, 1)
    this.steps++
    task!.run()
    await promisesSettle()
    return true
  }
}
