// Who may write a file now: bounded, in order, and a place that was given back is nobody's loss.
import t from 'tap'
import { FilePlaces } from '../../src/storage/file-places.js'

t.test(
  'as many at once as there are places, whoever asked first comes first, and a failure gives its place back',
  async t => {
    const places = new FilePlaces(2)
    const begun: number[] = []
    const ends: (() => void)[] = []
    let inside = 0
    let most = 0
    const asked = Array.from({ length: 6 }, (_, i) =>
      places.take(async () => {
        begun.push(i)
        most = Math.max(most, ++inside)
        await new Promise<void>(resolve => ends.push(resolve))
        inside--
        if (i === 1) throw new Error('the disk is full')
        return i
      }),
    )
    const outcomes = Promise.allSettled(asked)
    t.same(begun, [0, 1])
    for (let i = 0; i < 6; i++) {
      while (ends.length <= i) await new Promise(resolve => setImmediate(resolve))
      t.ok(begun.length <= i + 2)
      ends[i]!()
    }
    t.same(
      (await outcomes).map(each => (each.status === 'fulfilled' ? each.value : (each.reason as Error).message)),
      [0, 'the disk is full', 2, 3, 4, 5],
    )
    t.same(begun, [0, 1, 2, 3, 4, 5])
    t.equal(most, 2)
  },
)
