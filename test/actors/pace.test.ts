// Those who are due go evenly, and none is lost.
import t from 'tap'
import { Pace } from '../../src/actors/pace.js'

t.test('they go one after the other within the period', async t => {
  const gone: number[] = []
  const pace = new Pace<number>(250, visitor => gone.push(visitor))
  for (let i = 0; i < 10; i++) pace.add(i)
  pace.start(1_000)
  const seen: number[] = []
  for (let ms = 1_000; ms < 1_250; ms += 25) {
    pace.look(ms)
    seen.push(gone.length)
  }
  t.same(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  t.same(gone, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

t.test('whoever looks seldom finds all whose time has come, and the end of the period the rest', async t => {
  const gone: number[] = []
  const pace = new Pace<number>(100, visitor => gone.push(visitor))
  for (let i = 0; i < 4; i++) pace.add(i)
  pace.add(2)
  pace.start(0)
  pace.look(60)
  t.same(gone, [0, 1, 2])
  pace.add(4)
  pace.finish()
  t.same(gone, [0, 1, 2, 3, 4])
  pace.start(100)
  pace.look(10_000)
  t.equal(gone.length, 5, 'nobody goes twice, added twice or not')
})
