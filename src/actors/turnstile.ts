// A bounded number of customers do something at once; the others wait in line and are let in, in order.
//
// Whoever leaves gives the place to the first in line. It is kept until that one comes for it, so nobody is overtaken, and nobody
// is forgotten: a place that whoever was woken no longer wanted would be one that nobody wakes the next for.

export class Turnstile<Visitor> {
  private inside = 0
  private readonly line = new Set<Visitor>()
  /** Places are kept for these. */
  private readonly called = new Set<Visitor>()

  constructor(
    private readonly most: number,
    /** There is a place for this one now: it is to try `enter` again, or to `withdraw`. */
    private readonly wake: (visitor: Visitor) => void,
  ) {}

  /** True: inside, until `leave`. False: in line, to be woken. */
  enter(visitor: Visitor): boolean {
    if (this.called.delete(visitor) || this.inside + this.called.size < this.most) {
      this.inside++
      return true
    }
    this.line.add(visitor)
    return false
  }

  leave(): void {
    this.inside--
    this.callNext()
  }

  /** It no longer wants to enter, if it did. */
  withdraw(visitor: Visitor): void {
    this.line.delete(visitor)
    if (this.called.delete(visitor)) this.callNext()
  }

  private callNext(): void {
    for (const visitor of this.line) {
      this.line.delete(visitor)
      this.called.add(visitor)
      this.wake(visitor)
      return
    }
  }
}
