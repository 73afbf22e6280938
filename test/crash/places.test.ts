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

/** Replays entry 7 of customer 5 event by event, up to `last`. */
function replayUpTo(places: PlaceFile, last: number): void {
  for (let index = 0; index <= last; index++) places.record(5n, 7, index, 1)
}

t.test('R16: the second process that dies at an event convicts it', async t => {
  const next = processes()
  next()
  for (const deaths of [0, 1]) {
    const places = next()
    t.ok(places.watching)
    t.equal(places.convicted(5n, 7), undefined, `after ${deaths} deaths`)
    places.record(5n, 6, 0, 1)
    places.record(5n, 7, 3, 1)
  }
  t.equal(next().convicted(5n, 7), 3)
})

t.test('R16: a death in a group has its entry taken one by one, and two at an event of it convict', async t => {
  const next = processes()
  next()
  const first = next()
  t.notOk(first.suspects(5n, 7))
  first.record(5n, 7, 16, 16)
  const second = next()
  t.ok(second.suspects(5n, 7))
  t.notOk(second.suspects(5n, 8))
  t.notOk(second.suspects(6n, 7))
  replayUpTo(second, 21)
  const third = next()
  t.equal(third.convicted(5n, 7), undefined, 'it died once at an event')
  t.ok(third.suspects(5n, 7))
  replayUpTo(third, 21)
  t.equal(next().convicted(5n, 7), 21)
})

t.test('R16: processes killed twice in a group, or twice near an event, convict nobody', async t => {
  const next = processes()
  next()
  next().record(5n, 7, 16, 16)
  replayUpTo(next(), 20)
  const near = next()
  t.equal(near.convicted(5n, 7), undefined)
  replayUpTo(near, 25)
  t.equal(next().convicted(5n, 7), undefined)
  for (const group of [32, 48, 48]) next().record(5n, 7, group, 16)
  const last = next()
  t.ok(last.suspects(5n, 7))
  t.equal(last.convicted(5n, 7), undefined)
})

// Seen with a range of sixteen events from a suspect on, wherever its group ended.
t.test('R16: a death behind a suspect that went through is no death of anybody who follows it', async t => {
  const next = processes()
  next()
  next().record(5n, 7, 0, 16)
  replayUpTo(next(), 40)
  replayUpTo(next(), 50)
  t.equal(next().convicted(5n, 7), undefined)
  replayUpTo(next(), 50)
  t.equal(next().convicted(5n, 7), 50, 'the second one there is')
})

t.test('R16: a process killed at its start, or elsewhere, is no second death of a suspect', async t => {
  const next = processes()
  next()
  next().record(5n, 7, 3, 1)
  for (let i = 0; i < 5; i++) next()
  const elsewhere = next()
  t.equal(elsewhere.convicted(5n, 7), undefined)
  elsewhere.record(6n, 1, 0, 1)
  elsewhere.clear()
  const again = next()
  t.ok(again.suspects(5n, 7), 'it is still a suspect')
  again.record(5n, 7, 3, 1)
  t.equal(next().convicted(5n, 7), 3)
})

t.test('R16: several suspects are remembered beside each other, whoever is replayed first', async t => {
  const next = processes()
  next()
  const customers = [1n, 2n, 3n, 4n, 5n]
  for (const _ of ['first', 'second']) for (const customer of customers) next().record(customer, 7, Number(customer), 1)
  const last = next()
  for (const customer of customers) t.equal(last.convicted(customer, 7), Number(customer))
})

t.test('R16: of more suspects than the file has room for the oldest are forgotten', async t => {
  const next = processes()
  next()
  for (let customer = 1n; customer <= 20n; customer++) next().record(customer, 7, 0, 1)
  const last = next()
  t.notOk(last.suspects(5n, 7))
  for (let customer = 6n; customer <= 20n; customer++) t.ok(last.suspects(customer, 7), `${customer}`)
})

t.test('R16: an event that went through is a suspect no more', async t => {
  for (const events of [1, 16]) {
    const next = processes()
    next()
    next().record(5n, 7, 16, events)
    const places = next()
    for (let index = 0; index < 16 + events; index++) places.record(5n, 7, index, 1)
    t.ok(places.suspects(5n, 7), 'until the next one, or the end, comes')
    places.clear()
    t.notOk(places.suspects(5n, 7))
    t.notOk(next().suspects(5n, 7))
  }
})

t.test('R16: after a clean end nothing is watched', async t => {
  const next = processes()
  next()
  next().record(5n, 7, 3, 1)
  next().close()
  const places = next()
  t.notOk(places.watching)
  t.notOk(places.suspects(5n, 7))
})

t.test('R16: a file of another version is watched after, and suspects nobody', async t => {
  const disk = new MemoryDisk({ random: seededRandom(1) })
  const file = disk.open('run/place-0', 'create')
  file.write(Buffer.from('0100000001000000070000000000000000000000000014400300000001000000', 'hex'), 0, 32, 0)
  const places = new PlaceFile(disk.attach(), 'run/place-0')
  t.ok(places.watching)
  t.notOk(places.suspects(7n, 5))
})
