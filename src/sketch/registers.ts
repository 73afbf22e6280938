// HyperLogLog registers: 2^14 bytes, or, while few are set, a small hash table of those that are.
//
// A keyed 64-bit hash (hi, lo) chooses a register by its top 14 bits; the other 50 are read as coin flips from the lowest
// up, and the register keeps the longest opening run of zeros, plus one (Flajolet et al. 2007, with the 64-bit hash of
// Heule et al. 2013):
//
//       63           50 49                32 31                      0
//      +---------------+--------------------+-------------------------+
//      |  index (14)   |   hi & 0x3ffff     |   lo        … 1 0 0 0   |  rank 4
//      +---------------+--------------------+-------------------------+
//
// These are the registers of `hyperloglog-lite` at n = 14 when it is handed [hi, –, hi & 0x3ffff | 0x40000, lo].
//
// Sparse: 2^k slots of three bytes, open addressing by the low bits of the index (which are uniform already). A slot is
// index << 6 | rank, least byte first; 0 is empty, for no rank is 0. At most four fifths of the slots are used:
//
//      users      1–3   4–6  7–12  13–25  26–51  52–102  …  –1638     more
//      bytes       12    24    48     96    192     384  …   6144    16384
//
// Sparse is exact: it holds the same registers, and both forms have the same estimate. Nothing here owns memory; a cell
// of a table is a piece of its page's slab.

const INDEX_BITS = 14
export const REGISTERS = 1 << INDEX_BITS
/** Bits of the hash that ranks are made of; a rank is 1 … RANK_BITS + 1. */
const RANK_BITS = 64 - INDEX_BITS
export const SLOT_BYTES = 3
/** Slots of the smallest and the greatest sparse form, as powers of two. */
export const MIN_SPARSE = 2
export const MAX_SPARSE = 11

/** The register (14 bits) and rank (6 bits) of a hash, as one number. Its order is that of registers. */
export function registerOf(low: number, high: number): number {
  const rank =
    low !== 0
      ? 32 - Math.clz32(low & -low)
      : 64 - Math.clz32(((high & 0x3ffff) | 0x40000) & -((high & 0x3ffff) | 0x40000))
  return ((high >>> 18) << 6) | rank
}

/** How many registers 2^k slots may hold. */
export function sparseCapacity(k: number): number {
  return (((1 << k) * 4) / 5) | 0
}

/**
 * Where in bytes[at …] the slot of `register` is: the slot that holds its index, or the empty one where it belongs.
 * Answers the offset of the slot.
 */
export function sparseSlot(bytes: Uint8Array, at: number, k: number, register: number): number {
  const mask = (1 << k) - 1
  const index = register >>> 6
  let slot = index & mask
  for (;;) {
    const offset = at + slot * SLOT_BYTES
    const found = bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16)
    if (found === 0 || found >>> 6 === index) return offset
    slot = (slot + 1) & mask
  }
}

export function readSlot(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16)
}

export function writeSlot(bytes: Uint8Array, offset: number, register: number): void {
  bytes[offset] = register
  bytes[offset + 1] = register >>> 8
  bytes[offset + 2] = register >>> 16
}

/** Puts the registers of 2^k slots at `from` into 2^toK empty slots of `target` at `to`. */
export function sparseMove(
  source: Uint8Array,
  from: number,
  k: number,
  target: Uint8Array,
  to: number,
  toK: number,
): void {
  const end = from + (SLOT_BYTES << k)
  for (let offset = from; offset < end; offset += SLOT_BYTES) {
    const register = readSlot(source, offset)
    if (register !== 0) writeSlot(target, sparseSlot(target, to, toK, register), register)
  }
}

/** Raises the dense registers by those of 2^k slots; answers how many rose. */
export function sparseToDense(source: Uint8Array, from: number, k: number, dense: Uint8Array): number {
  let raised = 0
  const end = from + (SLOT_BYTES << k)
  for (let offset = from; offset < end; offset += SLOT_BYTES) {
    const register = readSlot(source, offset)
    const rank = register & 63
    if (rank > dense[register >>> 6]!) {
      dense[register >>> 6] = rank
      raised++
    }
  }
  return raised
}

// How many registers have each rank: all that the estimate depends on. Filled and read within one call.
const ranks = new Float64Array(RANK_BITS + 2)

export function estimateDense(dense: Uint8Array): number {
  ranks.fill(0)
  for (let i = 0; i < REGISTERS; i++) ranks[dense[i]!]!++
  return estimateOfRanks()
}

export function estimateSparse(bytes: Uint8Array, at: number, k: number, count: number): number {
  if (count === 0) return 0
  ranks.fill(0)
  const end = at + (SLOT_BYTES << k)
  for (let offset = at; offset < end; offset += SLOT_BYTES) {
    const low = bytes[offset]!
    if (low !== 0) ranks[low & 63]!++
  }
  ranks[0] = REGISTERS - count
  return estimateOfRanks()
}

/**
 * Ertl's improved raw estimator ("New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6):
 * unbiased from nothing to 2^64 without a table of corrections or a switch between formulas.
 */
function estimateOfRanks(): number {
  const m = REGISTERS
  let z = m * tau(1 - ranks[RANK_BITS + 1]! / m)
  for (let rank = RANK_BITS; rank >= 1; rank--) z = 0.5 * (z + ranks[rank]!)
  z += m * sigma(ranks[0]! / m)
  return (m * m) / (2 * Math.LN2 * z)
}

function sigma(x: number): number {
  if (x === 1) return Number.POSITIVE_INFINITY
  let y = 1
  let z = x
  for (;;) {
    x *= x
    const before = z
    z += x * y
    y += y
    if (z === before) return z
  }
}

function tau(x: number): number {
  if (x === 0 || x === 1) return 0
  let y = 1
  let z = 1 - x
  for (;;) {
    x = Math.sqrt(x)
    const before = z
    y *= 0.5
    z -= (1 - x) * (1 - x) * y
    if (z === before) return z / 3
  }
}
