// A bounded number of customers do something at once; the others wait in line and are let in, in order.
//
// Whoever leaves gives the place to the first in line. It is kept until that one comes for it, so nobody is overtaken, and nobody
// is forgotten: a place that whoever was woken no longer wanted would be one that nobody wakes the next for. A visitor is in at
// most one of the three places, so `leave` needs to know nothing of what came before it: a crash may come anywhere.

export class Turnstile<Visitor> {
  private readonly inside = new Set<Visitor>()
  /** Places are kept for these. */
  private readonly called = new Set<Visitor>()
  private readonly line = new Set<Visitor>()

  constructor(
    private readonly most: number,
    /** There is a place for this one now: it is to try `enter` again, or to `leave`. */
    private readonly wake: (visitor: Visitor) => void,
  ) {}

  /** True: inside, until `leave`. False: in line, to be woken. */
  enter(visitor: Visitor): boolean {
    if (this.inside.has(visitor)) return true
    if (this.called.delete(visitor) || this.inside.size + this.called.size < this.most) {
      this.inside.add(visitor)
      return true
    }
    this.line.add(visitor)
    return false
  }

  /** It is done, or no longer wants to enter, whichever it was; nothing, if neither. */
  leave(visitor: Visitor): void {
    this.line.delete(visitor)
    if (!this.inside.delete(visitor) && !this.called.delete(visitor)) return
    for (const next of this.line) {
      this.line.delete(next)
      this.called.add(next)
      this.wake(next)
      return
    }
  }

  /** Who is inside, called or in line. */
  get size(): number {
    return this.inside.size + this.called.size + this.line.size
  }
}
