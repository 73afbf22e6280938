import fc from 'fast-check'
import t from 'tap'
import { ByteReader, ByteWriter } from '../../src/core/bytes.js'
import { Histogram } from '../../src/sketch/histogram.js'

function histogram(values: readonly number[]): Histogram {
  const histogram = new Histogram()
  for (const value of values) histogram.add(value)
  return histogram
}

function merged(a: Histogram, b: Histogram): Histogram {
  const sum = a.clone()
  sum.merge(b)
  return sum
}

function bytesOf(histogram: Histogram): Buffer {
  const writer = new ByteWriter()
  histogram.encode(writer)
  return writer.finish()
}

/** Equal but for `sum`, where the order of adding shows in the last bits of the greatest number added (`scale`). */
function same(a: Histogram, b: Histogram, scale: number): boolean {
  const close = Math.abs(a.sum - b.sum) <= 1e-9 * Math.max(1, scale)
  a.sum = 0
  b.sum = 0
  return close && bytesOf(a).equals(bytesOf(b))
}

const plain = fc
  .oneof(
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc.double({ min: 1e-6, max: 1e9, noNaN: true }),
    fc.integer({ min: -5, max: 5000 }),
  )
  .map(x => (Math.abs(x) < 1e-8 ? 0 : x)) // a side spans 18 decades, see below
const wild = fc.double({ noNaN: true, min: -1e290, max: 1e290 })

t.test('every quantile is within 1 % of the exact one', async () => {
  fc.assert(
    fc.property(
      fc.array(plain, { minLength: 1, maxLength: 400 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, q) => {
        const ordered = Float64Array.from(values).sort()
        const exact = ordered[Math.floor(q * (ordered.length - 1))]!
        const found = histogram(values).quantile(q)!
        return Math.abs(found - exact) <= 0.01 * Math.abs(exact) * (1 + 1e-9)
      },
    ),
  )
})

t.test('count, sum, mean, least and greatest are exact', async t => {
  const h = histogram([3, 1, 2.5, -4, 0])
  t.same([h.count, h.sum, h.mean, h.min, h.max], [5, 2.5, 0.5, -4, 3])
  t.equal(h.quantile(0), -4)
  t.equal(h.quantile(1), 3)
})

t.test('an empty histogram has no quantile and no mean', async t => {
  const h = new Histogram()
  t.equal(h.quantile(0.5), undefined)
  t.equal(h.mean, undefined)
  t.ok(Number.isNaN(h.min) && Number.isNaN(h.max))
})

// Wild numbers span 600 decades: more than a side holds, so the smallest collapse. The law must hold there too.
t.test('merging is commutative and associative and equals adding everything to one', async () => {
  for (const values of [plain, wild]) {
    const list = fc.array(values, { maxLength: 60 })
    fc.assert(
      fc.property(list, list, list, (a, b, c) => {
        const [x, y, z] = [histogram(a), histogram(b), histogram(c)]
        const scale = Math.max(...[...a, ...b, ...c].map(Math.abs), 0)
        return (
          same(merged(x, y), merged(y, x), scale) &&
          same(merged(merged(x, y), z), merged(x, merged(y, z)), scale) &&
          same(merged(x, y), histogram([...a, ...b]), scale)
        )
      }),
    )
  }
})

t.test('a decoded histogram is the encoded one', async () => {
  fc.assert(
    fc.property(fc.array(wild, { maxLength: 80 }), values => {
      const bytes = bytesOf(histogram(values))
      return bytesOf(Histogram.decode(new ByteReader(bytes))).equals(bytes)
    }),
  )
})

t.test('a bucket counts beyond 65,535', async t => {
  const h = new Histogram()
  for (let i = 0; i < 70_000; i++) h.add(12)
  h.add(1000)
  t.equal(h.count, 70_001)
  t.ok(Math.abs(h.quantile(0.5)! - 12) < 0.12)
  t.equal(bytesOf(Histogram.decode(new ByteReader(bytesOf(h)))).compare(bytesOf(h)), 0)
})

t.test('timers over two decades take less than two kilobytes', async t => {
  const h = new Histogram()
  for (let i = 10; i < 1000; i++) h.add(i)
  t.ok(h.byteSize < 2048, `${h.byteSize}`)
})
