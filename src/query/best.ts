// The rows that come first by a rank, of very many, without holding the others.

export interface Ranked {
  readonly row: number
  readonly rank: number
}

/** The k that come first of those offered: a heap with the last of them on top. Nothing is held for the others. */
export class Best {
  readonly heap: Ranked[] = []
  private counted = 0

  constructor(
    private readonly k: number,
    private readonly isBefore: (a: Ranked, b: Ranked) => boolean,
  ) {}

  /** Ranks below this come after k others. */
  get least(): number {
    return this.heap.length < this.k ? -Infinity : this.heap[0]!.rank
  }

  /** How many more there are than when it was asked last. */
  grown(): number {
    const more = this.heap.length - this.counted
    this.counted = this.heap.length
    return more
  }

  /** False where it comes after k others. */
  offer(item: Ranked): boolean {
    const { heap } = this
    if (heap.length < this.k) {
      heap.push(item)
      this.rise(heap.length - 1)
    } else if (this.isBefore(item, heap[0]!)) {
      heap[0] = item
      this.sink(0)
    } else return false
    return true
  }

  private sink(at: number): void {
    const { heap } = this
    for (;;) {
      let last = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && this.isBefore(heap[last]!, heap[child]!)) last = child
      }
      if (last === at) return
      this.swap(at, last)
      at = last
    }
  }

  private rise(at: number): void {
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.isBefore(this.heap[parent]!, this.heap[at]!)) return
      this.swap(at, parent)
      at = parent
    }
  }

  private swap(a: number, b: number): void {
    const { heap } = this
    const item = heap[a]!
    heap[a] = heap[b]!
    heap[b] = item
  }
}
