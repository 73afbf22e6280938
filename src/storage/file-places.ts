// How many customers' files are written at once. LMDB's commits run in the thread pool that the journal's writes need, too: eight
// checkpoints in one sweep would take all of its threads, and every reply would wait for eight syncs of files that nobody waits for.
export class FilePlaces {
  private readonly line: (() => void)[] = []

  constructor(private free: number) {}

  /** Runs `work` when there is a place for it: whoever asks first comes first. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--
    else await new Promise<void>(resolve => this.line.push(resolve))
    try {
      return await work()
    } finally {
      // The place goes to the next one as it is.
      const next = this.line.shift()
      if (next === undefined) this.free++
      else next()
    }
  }
}
