// HyperLogLog: the cost of adding, beside hyperloglog-lite and Redis; and the error over the whole range.
import { createRequire } from 'node:module'
import { hash, hashBytes } from '../../src/core/hash.js'
import { seededRandom } from '../../src/core/random.js'
import { Hll } from '../../src/sketch/hll.js'
import type { Bench, Measuring } from '../bench.js'
import { startRedis } from '../peers/redis.js'
import { encodeCommand } from '../peers/redis-client.js'
import { lineChart, type Series } from '../svg.js'

interface LiteSketch {
  add(hash: number[]): void
  count(): number
  merge(data: { n: number; buckets: Uint8Array }): void
}
interface Lite {
  (precision: number): LiteSketch
  hash(text: string): number[]
}
const lite = createRequire(import.meta.url)('hyperloglog-lite') as Lite

const PRECISION = 14
const REGISTERS = 1 << PRECISION
const KEY = { k0: 0x01234567, k1: 0x89abcdef }
const SIZE = 12

async function add(b: Measuring): Promise<void> {
  const adds = b.parameter('adds', 2_000, 2_000_000, 400_000)
  const distinct = b.parameter('distinct strings', 500, 200_000)
  const texts = Array.from({ length: distinct }, (_, i) => `u${String(i).padStart(SIZE - 1, '0')}`)
  const bytes = Buffer.from(texts.join(''))
  const scattered = b.parameter('sketches, scattered', 100, 50_000)
  const few = b.parameter('strings of a scattered sketch', 20, 20)
  await b.contest(adds, [
    {
      name: 'one sketch, from bytes, hash included',
      run: () => {
        const sketch = new Hll()
        for (let i = 0, at = 0; i < adds; i++, at = at + SIZE === bytes.length ? 0 : at + SIZE) {
          hashBytes(KEY, bytes, at, at + SIZE)
          sketch.add(hash.lo, hash.hi)
        }
        return Math.round(sketch.estimate())
      },
    },
    {
      name: 'hyperloglog-lite, its own hash of a string',
      run: () => {
        const sketch = lite(PRECISION)
        for (let i = 0, at = 0; i < adds; i++, at = at + 1 === distinct ? 0 : at + 1) sketch.add(lite.hash(texts[at]!))
        return sketch.count()
      },
    },
    {
      name: 'hyperloglog-lite, hash given',
      run: () => {
        const sketch = lite(PRECISION)
        const words = [0, 0, 0, 0]
        for (let i = 0, at = 0; i < adds; i++, at = at + SIZE === bytes.length ? 0 : at + SIZE) {
          hashBytes(KEY, bytes, at, at + SIZE)
          words[0] = hash.hi
          words[3] = hash.lo
          sketch.add(words)
        }
        return sketch.count()
      },
    },
  ])
  const sketches = Array.from({ length: scattered }, () => new Hll())
  await b.contest(adds, [
    {
      name: 'one of many small sketches at random, hash included',
      run: () => {
        let changed = 0
        let at = 1
        for (let i = 0; i < adds; i++) {
          at = (Math.imul(at, 1_103_515_245) + 12_345) >>> 0
          const start = (at % few) * SIZE
          hashBytes(KEY, bytes, start, start + SIZE)
          if (sketches[(at >>> 8) % scattered]!.add(hash.lo, hash.hi)) changed++
        }
        // Changes only in the first round; the sum over sketches is the same in all.
        return changed >= 0 ? Math.round(sketches.reduce((sum, sketch) => sum + sketch.estimate(), 0)) : 0
      },
    },
  ])
  await pfadd(b, texts)
  const perSecond = 1e9 / b.median('one sketch, from bytes, hash included', 'ns')
  b.aim('HLL add, hash included, 12-character strings, adds/s', perSecond, 'at least', 20_000_000)
  b.ratio(
    'hyperloglog-lite : ours',
    'hyperloglog-lite, its own hash of a string',
    'one sketch, from bytes, hash included',
    'ns',
  )
}

/** What PFADD costs Redis, from its own count of microseconds. */
async function pfadd(b: Measuring, texts: readonly string[]): Promise<void> {
  if (b.smoke) return
  const redis = await startRedis(b.folder(), false)
  if (redis === undefined) return
  b.atEnd(async () => void (await redis.process.stop('SIGKILL')))
  const client = await redis.client()
  for (let round = 0; round < b.rounds; round++) {
    await client.ask('CONFIG', 'RESETSTAT')
    let commands = ''
    for (const text of texts) commands += encodeCommand(['PFADD', 'users', text])
    await new Promise<void>(resolve => client.pipeline(commands, texts.length, resolve))
    const stats = String(await client.ask('INFO', 'commandstats'))
    const usec = /cmdstat_pfadd:calls=\d+,usec=(\d+)/.exec(stats)?.[1]
    b.sample('Redis PFADD, CPU of the command alone', 'ns', (Number(usec) * 1000) / texts.length)
  }
  client.close()
}

interface Point {
  readonly n: number
  ours: number[]
  lite: number[]
}

async function error(b: Measuring): Promise<void> {
  const counted = b.parameter('distinct up to, added one by one', 1_000, 500_000)
  const sampled = b.parameter('distinct up to, registers drawn', 10_000_000, 100_000_000)
  const trials = b.parameter('trials', 3, 300, 100)
  const random = seededRandom(7)
  const word = () => (random.fraction() * 0x1_0000_0000) | 0
  const points: Point[] = []
  const steps = (low: number, high: number) =>
    Array.from({ length: 27 }, (_, i) => [1, 2, 5][i % 3]! * 10 ** Math.floor(i / 3)).filter(n => n >= low && n <= high)
  const added = [...steps(1, counted), 40_000, 41_000].filter(n => n <= counted).sort((a, c) => a - c)
  for (const n of [...added, ...steps(1_000_000, sampled)]) points.push({ n, ours: [], lite: [] })
  for (let trial = 0; trial < trials; trial++) {
    const sketch = new Hll()
    let n = 0
    for (const point of points) {
      if (point.n > counted) {
        measure(point, Hll.ofDense(drawRegisters(point.n, random.fraction)))
        continue
      }
      for (; n < point.n; n++) sketch.add(word(), word())
      measure(point, sketch)
    }
  }
  const relative = (n: number, seen: number[]) => seen.map(estimate => (estimate - n) / n)
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const curves = { ours: [] as [number, number][], lite: [] as [number, number][] }
  for (const point of points) {
    const row = point.n.toLocaleString('en-US')
    for (const name of ['ours', 'lite'] as const) {
      const errors = relative(point.n, point[name])
      const percent = mean(errors.map(Math.abs)) * 100
      const title = name === 'ours' ? 'ours' : 'hyperloglog-lite'
      b.sample(row, `${title}, error %`, percent)
      b.sample(row, `${title}, bias %`, mean(errors) * 100)
      curves[name].push([point.n, percent])
    }
  }
  const series: Series[] = [
    { name: 'ours', points: curves.ours },
    { name: 'hyperloglog-lite', points: curves.lite },
  ]
  const x = { label: 'distinct', logarithmic: true }
  b.plot('hll-error.svg', lineChart('Mean relative error of a sketch, %', x, { label: '%' }, series))
  if (b.smoke) return
  const worst = Math.max(...curves.ours.map(([, percent]) => percent))
  const bias = Math.max(...points.map(point => Math.abs(mean(relative(point.n, point.ours)) * 100)))
  b.aim('HLL mean relative error, worst point of 1…10^8, %', worst, 'at most', 0.85)
  b.aim('HLL bias, worst point, % (of it some 0.1 is chance at 300 trials)', bias, 'at most', 0.2)
}

function measure(point: Point, sketch: Hll): void {
  // As it is: at a hundred users, rounding to whole ones takes a third of a user back that was corrected for.
  point.ours.push(sketch.estimate())
  const other = lite(PRECISION)
  other.merge({ n: PRECISION, buckets: sketch.registers() })
  point.lite.push(other.count())
}

/**
 * Registers as n distinct values leave them, without adding them: a register sees about n/m values, and the greatest
 * rank of a Poisson number of them, λ in the mean, is at most r with probability exp(−λ · 2^−r).
 */
function drawRegisters(n: number, fraction: () => number): Uint8Array {
  const registers = new Uint8Array(REGISTERS)
  const lambda = n / REGISTERS
  for (let i = 0; i < REGISTERS; i++) {
    const rank = Math.ceil(Math.log2(lambda / -Math.log(fraction() || 1e-300)))
    registers[i] = Math.min(Math.max(rank, 0), 64 - PRECISION + 1)
  }
  return registers
}

export const hllBenches: readonly Bench[] = [
  { name: 'hll/add', about: 'adding 12-character strings to sketches', placement: 'server', run: add },
  { name: 'hll/error', about: 'mean relative error and bias from 1 to 10^8 distinct', placement: 'server', run: error },
]
