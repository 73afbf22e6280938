// A bounded number of customers do something at once; the others wait in line and are woken in order.
import { Queue } from './delivery.js'

export class Turnstile<Visitor> {
  private inside = 0
  private readonly line = new Queue<Visitor>()
  private readonly waiting = new Set<Visitor>()

  constructor(
    private readonly most: number,
    /** There is room for this one now: it is to try `enter` again. */
    private readonly wake: (visitor: Visitor) => void,
  ) {}

  /** True: inside, until `leave`. False: in line, to be woken. */
  enter(visitor: Visitor): boolean {
    if (this.inside < this.most) {
      this.inside++
      return true
    }
    if (!this.waiting.has(visitor)) {
      this.waiting.add(visitor)
      this.line.push(visitor)
    }
    return false
  }

  leave(): void {
    this.inside--
    const next = this.line.shift()
    if (next === undefined) return
    this.waiting.delete(next)
    this.wake(next)
  }
}
