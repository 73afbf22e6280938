import fc from 'fast-check'
import t from 'tap'
import { Queue } from '../../src/actors/delivery.js'

t.test('a queue is first in, first out, whatever is done to it', t => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 900 }).map(n => ({ push: n, shift: 0, drain: false })) },
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 900 }).map(n => ({ push: 0, shift: n, drain: false })) },
    { weight: 1, arbitrary: fc.constant({ push: 0, shift: 0, drain: true }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), steps => {
      const queue = new Queue<number>()
      let model: number[] = []
      let next = 0
      for (const { push, shift, drain } of steps) {
        for (let i = 0; i < push; i++) {
          queue.push(next)
          model.push(next++)
        }
        for (let i = 0; i < shift; i++) {
          if (queue.peek() !== model[0] || queue.shift() !== model.shift()) return false
        }
        if (drain) {
          if (queue.drain().join() !== model.join()) return false
          model = []
        }
        if (queue.length !== model.length) return false
      }
      return true
    }),
  )
  t.end()
})

t.test('an empty queue has nothing', t => {
  const queue = new Queue<string>()
  t.equal(queue.peek(), undefined)
  t.equal(queue.shift(), undefined)
  t.same(queue.drain(), [])
  t.end()
})
