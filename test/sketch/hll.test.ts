import fc from 'fast-check'
import HyperLogLog from 'hyperloglog-lite'
import t from 'tap'
import { ByteReader, ByteWriter } from '../../src/core/bytes.js'
import { hash, hashBytes } from '../../src/core/hash.js'
import { seededRandom } from '../../src/core/random.js'
import { differenceCount, Hll, intersectionCount } from '../../src/sketch/hll.js'

const key = { k0: 1234, k1: 5678 }

function sketch(words: readonly string[]): Hll {
  const sketch = new Hll()
  for (const word of words) {
    const bytes = Buffer.from(word)
    hashBytes(key, bytes, 0, bytes.length)
    sketch.add(hash.lo, hash.hi)
  }
  return sketch
}

function merged(a: Hll, b: Hll): Hll {
  const union = a.clone()
  union.merge(b)
  return union
}

function bytesOf(sketch: Hll): Buffer {
  const writer = new ByteWriter()
  sketch.encode(writer)
  return writer.finish()
}

const same = (a: Hll, b: Hll) => bytesOf(a).equals(bytesOf(b)) && a.estimate() === b.estimate()

/** A sketch of n numbers, hashed. */
function counted(n: number, seed: number): Hll {
  const sketch = new Hll()
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32LE(seed, 4)
  for (let i = 0; i < n; i++) {
    bytes.writeUInt32LE(i, 0)
    hashBytes(key, bytes, 0, 8)
    sketch.add(hash.lo, hash.hi)
  }
  return sketch
}

const words = fc.array(fc.string({ maxLength: 4 }), { maxLength: 300 })

t.test('merging two sketches equals sketching the union', async t => {
  fc.assert(fc.property(words, words, (a, b) => same(merged(sketch(a), sketch(b)), sketch([...a, ...b]))))
  t.ok(same(merged(counted(3000, 1), counted(40, 2)), merged(counted(40, 2), counted(3000, 1))), 'dense and sparse')
})

t.test('merging is commutative, associative and idempotent', async () => {
  fc.assert(
    fc.property(words, words, words, (a, b, c) => {
      const [x, y, z] = [sketch(a), sketch(b), sketch(c)]
      return (
        same(merged(x, y), merged(y, x)) &&
        same(merged(merged(x, y), z), merged(x, merged(y, z))) &&
        same(merged(x, x), x)
      )
    }),
  )
})

t.test('adding says whether the sketch changed, and the order of adding does not matter', async () => {
  fc.assert(
    fc.property(words, a => {
      const forward = sketch(a)
      const before = bytesOf(forward)
      const unchanged = a.every(word => {
        const bytes = Buffer.from(word)
        hashBytes(key, bytes, 0, bytes.length)
        return !forward.add(hash.lo, hash.hi)
      })
      return unchanged && bytesOf(forward).equals(before) && same(forward, sketch([...a].reverse()))
    }),
  )
})

t.test('a decoded sketch is the encoded one, sparse or dense', async t => {
  for (const n of [0, 1, 3, 4, 100, 1638, 1639, 5000, 100_000]) {
    const before = counted(n, 7)
    const bytes = bytesOf(before)
    const after = Hll.decode(new ByteReader(bytes))
    t.ok(bytesOf(after).equals(bytes) && after.estimate() === before.estimate(), `${n}`)
    t.ok(Buffer.from(after.registers()).equals(before.registers()), `${n}: registers`)
  }
})

t.test('damaged sketches are refused, not guessed', async t => {
  const bytes = bytesOf(counted(50, 1))
  for (const at of [0, 1, 2]) {
    const damaged = Buffer.from(bytes)
    damaged[at] = 99
    t.throws(() => Hll.decode(new ByteReader(damaged)), { code: 'cell-unknown' })
  }
  t.throws(() => Hll.decode(new ByteReader(bytes.subarray(0, 20))), { code: 'bytes-short' })
})

t.test('the registers are those of hyperloglog-lite', async t => {
  const random = seededRandom(11)
  const theirs = HyperLogLog(14)
  const ours = new Hll()
  const word = Buffer.alloc(8)
  for (let i = 0; i < 50_000; i++) {
    random.fill(word)
    // Long runs of zeros, which chance alone would not show.
    if (i % 50 === 0) word.fill(0, 0, (i / 50) % 7)
    const low = word.readInt32LE(0)
    const high = word.readInt32LE(4)
    ours.add(low, high)
    theirs.add([high, 0, (high & 0x3ffff) | 0x40000, low])
  }
  t.ok(Buffer.from(ours.registers()).equals(theirs.output().buckets))
})

// Mean relative error and bias per decade, over sketches of different seeds. `LETHE_LONG=1` runs up to ten million.
t.test('estimates are within 0.85 % in the mean and unbiased, in every decade and around 2.5 m', async t => {
  const long = process.env.LETHE_LONG === '1'
  const sizes = long
    ? [100, 1_000, 10_000, 40_960, 100_000, 1_000_000, 10_000_000]
    : [100, 1_000, 10_000, 40_960, 100_000]
  for (const n of sizes) {
    const runs = long ? Math.min(400, Math.max(12, 40_000_000 / n)) : Math.min(60, Math.max(10, 1_500_000 / n))
    let error = 0
    let bias = 0
    for (let seed = 0; seed < runs; seed++) {
      const off = counted(n, seed + 1).estimate() / n - 1
      error += Math.abs(off) / runs
      bias += off / runs
    }
    // The mean of `runs` sketches is itself uncertain by 0.81 % / √runs.
    const slack = (3 * 0.0081) / Math.sqrt(runs)
    t.ok(error <= 0.0065 + slack, `${n}: mean relative error ${(error * 100).toFixed(3)} %`)
    t.ok(Math.abs(bias) <= 0.0005 + slack, `${n}: bias ${(bias * 100).toFixed(3)} % of ${runs} sketches`)
  }
})

t.test('few distinct texts are counted all but exactly', async t => {
  for (const n of [0, 1, 2, 5, 10, 50]) t.equal(Math.round(counted(n, 3).estimate()), n)
})

t.test('intersections and differences come from estimates and never fall below zero', async t => {
  const a = sketch(Array.from({ length: 1000 }, (_, i) => `a${i}`))
  const b = sketch(Array.from({ length: 1000 }, (_, i) => `a${i + 500}`))
  const c = sketch(Array.from({ length: 1000 }, (_, i) => `c${i}`))
  t.ok(Math.abs(intersectionCount([a, b]) - 500) < 40)
  t.ok(Math.abs(intersectionCount([a, a, a]) - a.estimate()) < 1e-6)
  t.ok(intersectionCount([a, b, c]) < 60)
  t.equal(intersectionCount([]), 0)
  t.ok(Math.abs(differenceCount(a, b) - 500) < 40)
  t.equal(differenceCount(a, a), 0)
})

t.test('a sketch of fewer than a hundred users is small, in memory and written down', async t => {
  t.ok(counted(99, 1).byteSize < 560)
  t.ok(bytesOf(counted(99, 1)).length < 300)
})
