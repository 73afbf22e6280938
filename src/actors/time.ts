// What time it is for a node (R6).
//
// A wall clock may jump: an operator corrects it, NTP steps it, a virtual machine wakes up. Days decide where counts go
// and which days expire, so a node does not follow the wall clock blindly. It reads the wall clock once, then follows
// the monotonic clock, and compares:
//
//   disagreement < 10 min     the wall clock is right (slewing, leap smear): follow it
//   disagreement ≥ 10 min     alarm; the monotonic clock goes on deciding; once the wall clock has agreed with itself
//                             for 10 min, it is adopted: somebody meant it
//
// A gap while the process was down is no jump: downtime is taken at once.
import type { Clock } from '../core/clock.js'
import { dayOf } from '../core/clock.js'

/** Disagreement that raises the alarm, and how long the wall clock must agree with itself before it is adopted. */
const CLOCK_JUMP_MS = 600_000

export interface TimeAlarm {
  /** Wall minus node time, ms, when the disagreement was first seen; 0 when it was settled. */
  clockDisagrees(byMs: number): void
}

export class NodeTime {
  private wallBase: number
  private monotonicBase: number
  /** The disagreement under observation, and since when (monotonic ms). Undefined while clocks agree. */
  private suspect: { offset: number; since: number } | undefined

  constructor(
    private readonly clock: Clock,
    private readonly alarm: TimeAlarm,
  ) {
    this.wallBase = clock.nowMs()
    this.monotonicBase = clock.monotonicMs()
  }

  /** UTC milliseconds, whole. */
  nowMs(): number {
    return Math.floor(this.wallBase + this.clock.monotonicMs() - this.monotonicBase)
  }

  day(): number {
    return dayOf(this.nowMs())
  }

  /** True while the wall clock is not believed. */
  get disagrees(): boolean {
    return this.suspect !== undefined
  }

  /** Compares the clocks. To be called about once a second. */
  check(): void {
    const wall = this.clock.nowMs()
    const monotonic = this.clock.monotonicMs()
    const offset = wall - (this.wallBase + monotonic - this.monotonicBase)
    if (Math.abs(offset) < CLOCK_JUMP_MS) {
      if (this.suspect) this.alarm.clockDisagrees(0)
      this.suspect = undefined
      this.rebase(wall, monotonic)
      return
    }
    const suspect = this.suspect
    if (!suspect || Math.abs(offset - suspect.offset) >= CLOCK_JUMP_MS / 10) {
      this.suspect = { offset, since: monotonic }
      this.alarm.clockDisagrees(offset)
      return
    }
    if (monotonic - suspect.since < CLOCK_JUMP_MS) return
    this.suspect = undefined
    this.rebase(wall, monotonic)
    this.alarm.clockDisagrees(0)
  }

  private rebase(wall: number, monotonic: number): void {
    this.wallBase = wall
    this.monotonicBase = monotonic
  }
}
