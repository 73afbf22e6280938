import fc from 'fast-check'
import t from 'tap'
import { ByteReader, ByteWriter } from '../../src/core/bytes.js'
import { hash, hashBytes } from '../../src/core/hash.js'
import { Gauge } from '../../src/sketch/gauge.js'
import { TextSet } from '../../src/sketch/text-set.js'
import { MINUTES, Timeline } from '../../src/sketch/timeline.js'

const key = { k0: 9, k1: 8 }

function bytesOf(cell: { encode(writer: ByteWriter): void }): Buffer {
  const writer = new ByteWriter()
  cell.encode(writer)
  return writer.finish()
}

function setOf(words: readonly string[], limit = 1000): TextSet {
  const set = new TextSet(limit)
  for (const word of words) put(set, word)
  return set
}

function put(set: TextSet, word: string): boolean {
  const bytes = Buffer.from(word)
  hashBytes(key, bytes, 0, bytes.length)
  return set.add(bytes, 0, bytes.length, hash.lo, hash.hi)
}

const word = fc.string({ unit: 'grapheme', maxLength: 100 }).filter(text => Buffer.from(text).toString() === text)
const words = fc.array(word, { maxLength: 80 })

t.test('a set of texts is a Set of strings, in order of arrival', async () => {
  fc.assert(
    fc.property(words, list => {
      const set = setOf(list)
      const expected = [...new Set(list)]
      return set.size === expected.length && set.members().every((member, i) => member === expected[i])
    }),
  )
})

t.test('a full set counts what found no room, and keeps what it has', async t => {
  const set = setOf(['a', 'b', 'c', 'd', 'a', 'd', 'e'], 3)
  t.same(set.members(), ['a', 'b', 'c'])
  t.equal(set.overflow, 3)
  t.notOk(put(set, 'x'))
  t.notOk(put(set, 'a'))
  t.equal(set.overflow, 4)
})

t.test('the union of sets has the members of both, and a merged set is a set again', async () => {
  fc.assert(
    fc.property(words, words, (a, b) => {
      const union = setOf(a)
      union.merge(setOf(b))
      return bytesOf(union).equals(bytesOf(setOf([...a, ...b]))) && bytesOf(union.clone()).equals(bytesOf(union))
    }),
  )
})

t.test('a decoded set is the encoded one, also under a smaller limit', async () => {
  fc.assert(
    fc.property(words, list => {
      const bytes = bytesOf(setOf(list))
      return bytesOf(TextSet.decode(new ByteReader(bytes), 2)).equals(bytes)
    }),
  )
})

const ticks = fc.array(fc.tuple(fc.integer({ min: 0, max: MINUTES - 1 }), fc.integer({ min: 1, max: 99 })), {
  maxLength: 1500,
})

function timelineOf(list: readonly (readonly [number, number])[]): Timeline {
  const timeline = new Timeline()
  for (const [minute, n] of list) timeline.add(minute, n)
  return timeline
}

t.test('a timeline is an array of 1,440 counts, sparse or dense', async () => {
  fc.assert(
    fc.property(ticks, list => {
      const timeline = timelineOf(list)
      const expected = new Float64Array(MINUTES)
      for (const [minute, n] of list) expected[minute]! += n
      return (
        expected.every((n, minute) => timeline.at(minute) === n) &&
        timeline.sum(0, MINUTES) === expected.reduce((a, b) => a + b, 0) &&
        timeline.sum(60, 120) === expected.subarray(60, 120).reduce((a, b) => a + b, 0)
      )
    }),
  )
})

t.test('merging timelines adds them, and what is decoded is what was encoded', async () => {
  fc.assert(
    fc.property(ticks, ticks, (a, b) => {
      const sum = timelineOf(a)
      sum.merge(timelineOf(b))
      const bytes = bytesOf(sum)
      return (
        bytes.equals(bytesOf(timelineOf([...b, ...a]))) &&
        bytesOf(Timeline.decode(new ByteReader(bytes))).equals(bytes) &&
        bytesOf(sum.clone()).equals(bytes)
      )
    }),
  )
})

t.test('a timeline counts fractions too, and takes kilobytes only when its minutes are many', async t => {
  const timeline = new Timeline()
  timeline.add(5, 0.5)
  timeline.add(5, -0.25)
  t.equal(Timeline.decode(new ByteReader(bytesOf(timeline))).at(5), 0.25)
  t.ok(timeline.byteSize < 250)
  for (let i = 0; i < MINUTES; i++) timeline.add(i, 1)
  t.ok(timeline.byteSize < 12_000)
  t.throws(() => timeline.add(1440, 1))
})

const settings = fc.array(fc.tuple(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), fc.integer({ min: 0, max: 50 })), {
  maxLength: 20,
})

t.test('a gauge keeps the latest by event time, and least, greatest, mean and number', async () => {
  fc.assert(
    fc.property(settings, list => {
      const gauge = new Gauge()
      for (const [x, at] of list) gauge.set(x, at)
      if (list.length === 0) return gauge.mean === undefined && gauge.n === 0
      const latest = Math.max(...list.map(([, at]) => at))
      const values = list.map(([x]) => x)
      return (
        gauge.last === list.findLast(([, at]) => at === latest)![0] &&
        gauge.min === Math.min(...values) &&
        gauge.max === Math.max(...values) &&
        gauge.n === list.length &&
        bytesOf(Gauge.decode(new ByteReader(bytesOf(gauge)))).equals(bytesOf(gauge))
      )
    }),
  )
})

t.test('merging gauges does not depend on the order', async () => {
  fc.assert(
    fc.property(settings, settings, (a, b) => {
      const [x, y] = [a, b].map(list => {
        const gauge = new Gauge()
        for (const [value, at] of list) gauge.set(Math.round(value), at)
        return gauge
      }) as [Gauge, Gauge]
      const [xy, yx] = [x.clone(), y.clone()]
      xy.merge(y)
      yx.merge(x)
      return bytesOf(xy).equals(bytesOf(yx))
    }),
  )
})
