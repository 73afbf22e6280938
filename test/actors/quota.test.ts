import fc from 'fast-check'
import t from 'tap'
import { TokenBucket } from '../../src/actors/quota.js'

t.test('a bucket starts full and holds one second’s worth', t => {
  const bucket = new TokenBucket()
  t.equal(bucket.take(10, 10, 0), 0)
  t.equal(bucket.take(1, 10, 0), 100, 'the next event may pass after a tenth of a second')
  t.equal(bucket.take(1, 10, 100), 0)
  t.equal(bucket.take(10, 10, 1_000_000), 0)
  t.ok(bucket.take(1, 10, 1_000_000) > 0, 'an idle hour saves up no more than a second')
  t.end()
})

t.test('a batch greater than the bucket passes when it is full, and is paid for afterwards', t => {
  const bucket = new TokenBucket()
  t.equal(bucket.take(50, 10, 0), 0)
  t.ok(bucket.take(1, 10, 4_000) > 0)
  t.equal(bucket.take(1, 10, 4_100), 0)
  t.end()
})

t.test('a refused batch costs nothing, and passes after the time that was named', t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 0, max: 2_000 })), { maxLength: 30 }),
      (perSecond, batches) => {
        const bucket = new TokenBucket()
        let now = 0
        for (const [events, pause] of batches) {
          now += pause
          const wait = bucket.take(events, perSecond, now)
          if (wait === 0) continue
          now += wait + 0.001
          if (bucket.take(events, perSecond, now) !== 0) return false
        }
        return true
      },
    ),
  )
  t.end()
})

t.test('over any time no more passes than the quota, one bucket and one batch', t => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 300 })), { maxLength: 200 }),
      batches => {
        const bucket = new TokenBucket()
        let now = 0
        let passed = 0
        for (const [events, pause] of batches) {
          now += pause
          if (bucket.take(events, 20, now) === 0) passed += events
        }
        return passed <= 20 + 40 + (now * 20) / 1_000
      },
    ),
  )
  t.end()
})

t.test('a clock that goes back gives nothing', t => {
  const bucket = new TokenBucket()
  bucket.take(10, 10, 5_000)
  t.ok(bucket.take(1, 10, 1_000) > 0)
  t.end()
})
