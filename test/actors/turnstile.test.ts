// Whoever waits is let in, in order, whatever the others do meanwhile: come again unasked, or go away.
import fc from 'fast-check'
import t from 'tap'
import { Turnstile } from '../../src/actors/turnstile.js'

const MOST = 2
const VISITORS = 8

type Step = readonly ['come' | 'leave' | 'withdraw', number]

t.test('a bounded number is inside, nobody is overtaken or forgotten', async () => {
  const step: fc.Arbitrary<Step> = fc.tuple(
    fc.constantFrom('come', 'leave', 'withdraw'),
    fc.integer({ min: 0, max: VISITORS - 1 }),
  )
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 100 }), steps => {
      const inside = new Set<number>()
      // Who waits, in order; who was woken among them.
      const waiting: number[] = []
      const woken = new Set<number>()
      const turnstile = new Turnstile<number>(MOST, visitor => woken.add(visitor))
      const come = (visitor: number) => {
        if (inside.has(visitor)) return
        if (!waiting.includes(visitor)) waiting.push(visitor)
        if (!turnstile.enter(visitor)) return
        const before = waiting.slice(0, waiting.indexOf(visitor))
        if (before.some(other => !woken.has(other))) throw new Error(`${visitor} overtook ${before}`)
        waiting.splice(waiting.indexOf(visitor), 1)
        woken.delete(visitor)
        inside.add(visitor)
        if (inside.size > MOST) throw new Error(`${[...inside]} are inside`)
      }
      for (const [action, visitor] of steps) {
        if (action === 'come') come(visitor)
        else if (action === 'leave') inside.delete(visitor) && turnstile.leave(visitor)
        else if (waiting.includes(visitor)) {
          waiting.splice(waiting.indexOf(visitor), 1)
          woken.delete(visitor)
          turnstile.leave(visitor)
        }
      }
      // Everybody goes when done, and comes when woken, but not otherwise.
      for (let round = 0; inside.size + waiting.length > 0; round++) {
        if (round > VISITORS) throw new Error(`${waiting} wait, ${[...inside]} are inside`)
        for (const visitor of [...woken]) if (waiting.includes(visitor)) come(visitor)
        for (const visitor of inside) {
          inside.delete(visitor)
          turnstile.leave(visitor)
        }
      }
      if (turnstile.size > 0) throw new Error(`${turnstile.size} places are taken`)
    }),
    { numRuns: 2_000 },
  )
})
