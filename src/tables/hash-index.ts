// An index from 32 bits of a keyed hash to a number: open addressing in pairs, rehashed in steps.
//
//      slots   | hash | ref + 1 |   | hash | ref + 1 |  …      0 is empty; −1 was removed (only in `old`)
//
// Whoever uses it verifies each candidate: equal hashes are not equal keys. An index above 1,024 slots grows by moving 32
// slots of the old array with each insertion, so that no insertion moves more than that; meanwhile both are searched.
// Nothing here is persisted, nothing depends on the order of slots: the order of a state's bytes must not (law 1).

const EMPTY = 0
const REMOVED = -1
const AT_ONCE = 1024
const STEP = 32

export class HashIndex {
  private slots: Int32Array
  private mask: number
  private used = 0
  private old: Int32Array | undefined
  private oldMask = 0
  private oldAt = 0

  // The search that `first` began.
  private hash = 0
  private at = 0
  private inOld = false

  /** `isLive`: rehashing leaves out the pairs that it answers false for. */
  constructor(
    slots = 16,
    private readonly isLive?: (ref: number, hash: number) => boolean,
  ) {
    this.slots = new Int32Array(2 * slots)
    this.mask = slots - 1
  }

  /** The first candidate for a hash, or −1. */
  first(hash: number): number {
    this.hash = hash
    this.at = hash & this.mask
    this.inOld = false
    return this.next()
  }

  /** The next candidate of the same search, or −1. */
  next(): number {
    if (this.inOld) return this.nextOld()
    const { slots, mask, hash } = this
    let at = this.at
    for (;;) {
      const value = slots[2 * at + 1]!
      if (value === EMPTY) break
      const found = slots[2 * at] === hash
      at = (at + 1) & mask
      if (found) {
        this.at = at
        return value - 1
      }
    }
    if (this.old === undefined) return -1
    this.at = hash & this.oldMask
    this.inOld = true
    return this.nextOld()
  }

  private nextOld(): number {
    const old = this.old!
    const mask = this.oldMask
    let at = this.at
    for (;;) {
      const value = old[2 * at + 1]!
      if (value === EMPTY) return -1
      const found = old[2 * at] === this.hash && value > 0
      at = (at + 1) & mask
      if (found) {
        this.at = at
        return value - 1
      }
    }
  }

  /** Adds a pair, which the caller knows not to be there. `live` is how many pairs are of any use now: it sizes a rehash. */
  insert(hash: number, ref: number, live: number): void {
    if (this.old !== undefined) this.moveSome()
    else if ((this.used + 1) * 4 > (this.mask + 1) * 3) this.beginRehash(live)
    this.put(hash, ref)
  }

  /** Begins to give back memory if few of the pairs are of use. */
  shrink(live: number): void {
    if (this.old === undefined && this.mask >= AT_ONCE && live * 8 < this.mask) this.beginRehash(live)
  }

  /** Removes a pair; does nothing if it is not there. */
  remove(hash: number, ref: number): void {
    this.removeFrom(hash, ref)
    const { old } = this
    if (old === undefined) return
    const mask = this.oldMask
    for (let at = hash & mask; old[2 * at + 1] !== EMPTY; at = (at + 1) & mask) {
      if (old[2 * at] === hash && old[2 * at + 1] === ref + 1) old[2 * at + 1] = REMOVED
    }
  }

  get byteSize(): number {
    return 300 + this.slots.byteLength + (this.old?.byteLength ?? 0)
  }

  private put(hash: number, ref: number): void {
    const { slots, mask } = this
    let at = hash & mask
    for (; slots[2 * at + 1] !== EMPTY; at = (at + 1) & mask) {
      // A pair that became live again while its old entry was still there.
      if (slots[2 * at] === hash && slots[2 * at + 1] === ref + 1) return
    }
    slots[2 * at] = hash
    slots[2 * at + 1] = ref + 1
    this.used++
    // A caller who underestimated what is live pays with a step that is no step. A full array would never end a search.
    if (this.used * 8 > mask * 7) this.growNow()
  }

  private growNow(): void {
    const { slots } = this
    this.slots = new Int32Array(slots.length * 2)
    this.mask = this.slots.length / 2 - 1
    this.used = 0
    for (let at = 0; at < slots.length; at += 2) if (slots[at + 1] !== EMPTY) this.put(slots[at]!, slots[at + 1]! - 1)
  }

  private removeFrom(hash: number, ref: number): void {
    const { slots, mask } = this
    let at = hash & mask
    while (slots[2 * at + 1] !== EMPTY) {
      if (slots[2 * at] === hash && slots[2 * at + 1] === ref + 1) {
        this.close(at)
        this.used--
        return
      }
      at = (at + 1) & mask
    }
  }

  // Backward shift: what follows moves up into the gap unless its home lies behind the gap.
  private close(gap: number): void {
    const { slots, mask } = this
    let at = gap
    for (;;) {
      at = (at + 1) & mask
      if (slots[2 * at + 1] === EMPTY) break
      const home = slots[2 * at]! & mask
      if (((at - home) & mask) >= ((at - gap) & mask)) {
        slots[2 * gap] = slots[2 * at]!
        slots[2 * gap + 1] = slots[2 * at + 1]!
        gap = at
      }
    }
    slots[2 * gap + 1] = EMPTY
  }

  // Insertions while the old array empties come on top of what is live; the new one must not fill before that.
  private beginRehash(live: number): void {
    this.old = this.slots
    this.oldMask = this.mask
    this.oldAt = 0
    const expected = live + 1 + (this.mask + 1) / STEP
    let size = 16
    while (size < expected * 1.6) size *= 2
    this.slots = new Int32Array(2 * size)
    this.mask = size - 1
    this.used = 0
    if (this.oldMask < AT_ONCE) while (this.old !== undefined) this.moveSome()
  }

  private moveSome(): void {
    const old = this.old!
    const end = Math.min(this.oldAt + STEP, this.oldMask + 1)
    for (let at = this.oldAt; at < end; at++) {
      const value = old[2 * at + 1]!
      if (value <= EMPTY) continue
      // Taken out of the old array only by the mark: its neighbours' searches pass over it.
      old[2 * at + 1] = REMOVED
      if (this.isLive === undefined || this.isLive(value - 1, old[2 * at]!)) this.put(old[2 * at]!, value - 1)
    }
    this.oldAt = end
    if (end > this.oldMask) this.old = undefined
  }
}
