// Who is due for a checkpoint comes evenly, and once. A sweep finds eight of them or more, with 0.6 to 3 ms of CPU each, and may find
// one for two reasons.

export class Pace<Visitor> {
  private waiting = new Set<Visitor>()
  private gapMs = 0
  private nextMs = 0

  constructor(
    /** In which all who were added go. */
    private readonly periodMs: number,
    private readonly go: (visitor: Visitor) => void,
  ) {}

  add(visitor: Visitor): void {
    this.waiting.add(visitor)
  }

  /** Those who were added go from now on. */
  start(nowMs: number): void {
    this.gapMs = this.periodMs / Math.max(1, this.waiting.size)
    this.nextMs = nowMs
  }

  /** To be called often: whose time has come goes. */
  look(nowMs: number): void {
    for (const visitor of this.waiting) {
      if (nowMs < this.nextMs) return
      this.nextMs += this.gapMs
      this.waiting.delete(visitor)
      this.go(visitor)
    }
  }

  /** The period is over: so do the others. */
  finish(): void {
    const { waiting } = this
    this.waiting = new Set()
    for (const visitor of waiting) this.go(visitor)
  }
}
