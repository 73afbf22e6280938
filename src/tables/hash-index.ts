// An index from a keyed 64-bit hash to a number: open addressing in threes, rehashed in steps.
//
//      slots   | h1 | h2 | ref + 1 |   | h1 | h2 | ref + 1 |  …      0 is empty; −1 was removed (only in `old`)
//
// All 64 bits are compared, and nothing else: whoever is found by its hash is taken to be it. Under a key that nobody
// knows, two of a customer's two million keys meet with a chance of 1 in 10 million; comparing texts would cost four cache
// misses more for every update, which is most of what an update costs (1,000 customers in turn: 2.4 µs an event of five).
//
// An index of 1,024 slots or more grows by moving 32 slots of the old array with each insertion, so that no insertion moves
// more than that; meanwhile both are searched. Nothing here is persisted, and nothing depends on the order of slots: the
// order of a state's bytes must not (law 1).

const EMPTY = 0
const REMOVED = -1
const AT_ONCE = 1024
const STEP = 32
const FIRST = 16
/** Int32s of a cache line. */
const LINE_SLOTS = 16

export class HashIndex {
  slots = new Int32Array(3 * FIRST)
  mask = FIRST - 1
  private used = 0
  private old: Int32Array | undefined
  private oldMask = 0
  private oldAt = 0

  /** `isLive`: rehashing leaves out the numbers that it answers false for. */
  constructor(private readonly isLive?: (ref: number) => boolean) {}

  /** The number of a hash, or −1. */
  find(h1: number, h2: number): number {
    const { slots, mask } = this
    for (let slot = h1 & mask; ; slot = (slot + 1) & mask) {
      const at = slot * 3
      if (slots[at + 2] === EMPTY) break
      if (slots[at] === h1 && slots[at + 1] === h2) return slots[at + 2]! - 1
    }
    return this.old === undefined ? -1 : this.findOld(h1, h2)
  }

  /** The same, but does not look at what an unfinished rehash has not moved yet: −1 may be wrong. */
  probe(h1: number, h2: number): number {
    const { slots, mask } = this
    for (let slot = h1 & mask; ; slot = (slot + 1) & mask) {
      const at = slot * 3
      const ref = slots[at + 2]!
      if (ref === EMPTY || (slots[at] === h1 && slots[at + 1] === h2)) return ref - 1
    }
  }

  /** See Updates.prefetch. A great index is left alone: one body of events asks for little of it. */
  prefetch(bytes: number): number {
    const { slots } = this
    const end = slots.byteLength <= 4 * bytes ? slots.length : 1
    let sum = 0
    for (let at = 0; at < end; at += LINE_SLOTS) sum = (sum + slots[at]!) | 0
    return sum
  }

  /** Sets the number of a hash. `live` is how many hashes are of any use now: it sizes a rehash. */
  insert(h1: number, h2: number, ref: number, live: number): void {
    if (this.old !== undefined) this.moveSome()
    else if ((this.used + 1) * 4 > (this.mask + 1) * 3) this.beginRehash(live)
    this.put(h1, h2, ref, true)
  }

  /** Removes a hash, if its number is `ref`. */
  remove(h1: number, h2: number, ref: number): void {
    this.removeFrom(h1, h2, ref)
    const { old, oldMask } = this
    if (old === undefined) return
    for (let slot = h1 & oldMask; old[slot * 3 + 2] !== EMPTY; slot = (slot + 1) & oldMask) {
      const at = slot * 3
      if (old[at] === h1 && old[at + 1] === h2 && old[at + 2] === ref + 1) old[at + 2] = REMOVED
    }
  }

  /** Begins to give back memory if few of the slots are of use. */
  shrink(live: number): void {
    if (this.old === undefined && this.mask >= AT_ONCE && live * 8 < this.mask) this.beginRehash(live)
  }

  get byteSize(): number {
    return 300 + this.slots.byteLength + (this.old?.byteLength ?? 0)
  }

  private findOld(h1: number, h2: number): number {
    const old = this.old!
    const mask = this.oldMask
    for (let slot = h1 & mask; ; slot = (slot + 1) & mask) {
      const at = slot * 3
      const value = old[at + 2]!
      if (value === EMPTY) return -1
      if (old[at] === h1 && old[at + 1] === h2 && value > 0) return value - 1
    }
  }

  private put(h1: number, h2: number, ref: number, overwrite: boolean): void {
    const { slots, mask } = this
    let at = (h1 & mask) * 3
    while (slots[at + 2] !== EMPTY) {
      if (slots[at] === h1 && slots[at + 1] === h2) {
        if (overwrite) slots[at + 2] = ref + 1
        return
      }
      at = at === mask * 3 ? 0 : at + 3
    }
    slots[at] = h1
    slots[at + 1] = h2
    slots[at + 2] = ref + 1
    this.used++
    // A caller who underestimated what is live pays with a step that is no step. A full array would never end a search.
    if (this.used * 8 > mask * 7) this.growNow()
  }

  private growNow(): void {
    const { slots } = this
    this.slots = new Int32Array(slots.length * 2)
    this.mask = this.mask * 2 + 1
    this.used = 0
    for (let at = 0; at < slots.length; at += 3) {
      if (slots[at + 2] !== EMPTY) this.put(slots[at]!, slots[at + 1]!, slots[at + 2]! - 1, false)
    }
  }

  private removeFrom(h1: number, h2: number, ref: number): void {
    const { slots, mask } = this
    for (let slot = h1 & mask; slots[slot * 3 + 2] !== EMPTY; slot = (slot + 1) & mask) {
      const at = slot * 3
      if (slots[at] !== h1 || slots[at + 1] !== h2) continue
      if (slots[at + 2] === ref + 1) {
        this.close(slot)
        this.used--
      }
      return
    }
  }

  // Backward shift: what follows moves up into the gap unless its home lies behind the gap.
  private close(gap: number): void {
    const { slots, mask } = this
    for (let slot = (gap + 1) & mask; slots[slot * 3 + 2] !== EMPTY; slot = (slot + 1) & mask) {
      const home = slots[slot * 3]! & mask
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue
      slots[gap * 3] = slots[slot * 3]!
      slots[gap * 3 + 1] = slots[slot * 3 + 1]!
      slots[gap * 3 + 2] = slots[slot * 3 + 2]!
      gap = slot
    }
    slots[gap * 3 + 2] = EMPTY
  }

  // Insertions while the old array empties come on top of what is live; the new one must not fill before that.
  private beginRehash(live: number): void {
    this.old = this.slots
    this.oldMask = this.mask
    this.oldAt = 0
    const expected = live + 1 + (this.mask + 1) / STEP
    let size = FIRST
    while (size < expected * 1.6) size *= 2
    this.slots = new Int32Array(3 * size)
    this.mask = size - 1
    this.used = 0
    if (this.oldMask < AT_ONCE) while (this.old !== undefined) this.moveSome()
  }

  private moveSome(): void {
    const old = this.old!
    const end = Math.min(this.oldAt + STEP, this.oldMask + 1)
    for (let slot = this.oldAt; slot < end; slot++) {
      const at = slot * 3
      const value = old[at + 2]!
      if (value <= EMPTY) continue
      // Only marked: the searches of its neighbours pass over it.
      old[at + 2] = REMOVED
      if (this.isLive === undefined || this.isLive(value - 1)) this.put(old[at]!, old[at + 1]!, value - 1, false)
    }
    this.oldAt = end
    if (end > this.oldMask) this.old = undefined
  }
}
