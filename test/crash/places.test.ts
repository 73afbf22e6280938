// Who is convicted by the deaths of processes (R16), and who is not.
import t from 'tap'
import { PlaceFile } from '../../src/actors/places.js'
import { seededRandom } from '../../src/core/random.js'
import { MemoryDisk } from '../../src/storage/memory-disk.js'

function processes() {
  const disk = new MemoryDisk({ random: seededRandom(1) })
  /** The next process, after the one before it died. */
  return () => {
    disk.kill()
    return new PlaceFile(disk.attach(), 'run/place-0')
  }
}

t.test('R16: the second process that dies at an event convicts it', async t => {
  const next = processes()
  next()
  for (const deaths of [0, 1]) {
    const places = next()
    t.ok(places.watching)
    t.equal(places.convicted(5n, 7), undefined, `after ${deaths} deaths`)
    places.record(5n, 6, 0)
    places.record(5n, 7, 3)
  }
  t.equal(next().convicted(5n, 7), 3)
})

t.test('R16: the first death says which group it was, the second which event', async t => {
  const next = processes()
  next()
  const first = next()
  t.notOk(first.suspects(5n, 7))
  first.record(5n, 7, 16)
  const second = next()
  t.ok(second.suspects(5n, 7))
  t.notOk(second.suspects(5n, 8))
  t.notOk(second.suspects(6n, 7))
  for (let index = 0; index <= 21; index++) second.record(5n, 7, index)
  t.equal(next().convicted(5n, 7), 21)
})

t.test('R16: deaths in different groups of an entry are of different places', async t => {
  const next = processes()
  next()
  next().record(5n, 7, 16)
  next().record(5n, 7, 32)
  const third = next()
  t.equal(third.convicted(5n, 7), undefined)
  t.equal(third.suspect?.deaths, 1)
})

t.test('R16: a process killed at its start, or elsewhere, is no second death of a suspect', async t => {
  const next = processes()
  next()
  next().record(5n, 7, 3)
  for (let i = 0; i < 5; i++) next()
  const elsewhere = next()
  t.equal(elsewhere.convicted(5n, 7), undefined)
  elsewhere.record(6n, 1, 0)
  elsewhere.clear()
  const again = next()
  t.equal(again.suspect?.deaths, 1, 'it is still a suspect')
  again.record(5n, 7, 3)
  const convicting = next()
  t.equal(convicting.convicted(5n, 7), 3)
})

t.test('R16: an event that went through is a suspect no more', async t => {
  const next = processes()
  next()
  next().record(5n, 7, 3)
  const places = next()
  places.record(5n, 7, 3)
  places.clear()
  t.equal(next().suspect, undefined)
})

t.test('R16: after a clean end nothing is watched', async t => {
  const next = processes()
  next().close()
  t.notOk(next().watching)
})
