// Time as the simulation makes it. Reading the clock takes a little of it, so that turns of a millisecond end somewhere in
// the middle of work, at places that the seed chooses.
import type { Clock } from '../../src/core/clock.js'
import type { Random } from '../../src/core/random.js'

export class FakeClock implements Clock {
  private elapsedMs = 0
  /** Wall minus monotonic clock. */
  private offsetMs: number

  constructor(
    startMs: number,
    /** Decides how long each look takes; replaced with every operation. */
    public random: Random,
  ) {
    this.offsetMs = startMs
  }

  nowMs(): number {
    return this.elapsedMs + this.offsetMs
  }

  monotonicMs(): number {
    const fraction = this.random.fraction()
    // Most looks cost a microsecond; one in sixteen costs a good part of a turn.
    this.elapsedMs += fraction < 0.0625 ? 0.4 : 0.001
    return this.elapsedMs
  }

  /** The monotonic clock without taking time. */
  peekMs(): number {
    return this.elapsedMs
  }

  advance(ms: number): void {
    this.elapsedMs += ms
  }

  /** The wall clock is set by somebody; the monotonic clock is not. */
  jump(ms: number): void {
    this.offsetMs += ms
  }
}
