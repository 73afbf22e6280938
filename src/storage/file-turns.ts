// Who may write to, or copy, a customer's file: one at a time for each customer, whichever handle of the file it has.
// Handles come and go (the pool closes and opens them while a copy runs), so the turn belongs to the customer.
export class FileTurns {
  private readonly last = new Map<bigint, Promise<unknown>>()

  /** Runs `work` when all that came before it has ended, well or not. */
  take<T>(incarnation: bigint, work: () => Promise<T>): Promise<T> {
    const before = this.last.get(incarnation)
    const mine = before === undefined ? work() : before.then(work)
    const settled: Promise<unknown> = mine
      .catch(() => {})
      .then(() => {
        if (this.last.get(incarnation) === settled) this.last.delete(incarnation)
      })
    this.last.set(incarnation, settled)
    return mine
  }
}
