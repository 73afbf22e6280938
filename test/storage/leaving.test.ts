// Which file leaves a full pool: what it is for, played with customers who come in turn, and who stop.
import t from 'tap'
import { seededRandom } from '../../src/core/random.js'
import { whoLeaves } from '../../src/storage/leaving.js'

const PLACES = 40

/** A pool that counts how often a file was there. */
class Pool {
  private readonly files = new Map<number, { id: number; users: number; usedAt: number }>()
  private now = 0
  private found = 0
  private uses = 0

  use(id: number): void {
    this.uses++
    const file = this.files.get(id) ?? this.enter(id)
    file.usedAt = ++this.now
  }

  private enter(id: number): { id: number; users: number; usedAt: number } {
    this.found--
    if (this.files.size === PLACES) this.files.delete(whoLeaves(this.files.values(), this.now, PLACES)!.id)
    const file = { id, users: 0, usedAt: 0 }
    this.files.set(id, file)
    return file
  }

  /** The share of uses since the last call that found the file there. */
  hits(): number {
    const share = 1 + this.found / this.uses
    this.found = 0
    this.uses = 0
    return share
  }
}

t.test('of customers who come in turn most of those that fit stay', async t => {
  const pool = new Pool()
  const rounds = (customers: number, count: number) => {
    for (let round = 0; round < count; round++) for (let id = 0; id < customers; id++) pool.use(id)
  }
  rounds(PLACES, 3)
  pool.hits()
  rounds(PLACES, 5)
  t.equal(pool.hits(), 1, 'who fits is never closed')
  rounds(2 * PLACES, 3)
  pool.hits()
  rounds(2 * PLACES, 5)
  const share = pool.hits()
  t.ok(
    share > 0.4,
    `of twice as many customers as places ${share} were open, and none in a pool that closes the oldest`,
  )
})

t.test('those who have stopped make room for those who come', async t => {
  const pool = new Pool()
  const random = seededRandom(7)
  for (let i = 0; i < 50 * PLACES; i++) pool.use(Math.floor(random.fraction() * PLACES))
  for (let i = 0; i < 40 * PLACES; i++) pool.use(1_000 + (i % PLACES))
  pool.hits()
  for (let i = 0; i < 5 * PLACES; i++) pool.use(1_000 + (i % PLACES))
  t.equal(pool.hits(), 1)
})

t.test('a file that is in use stays, and where all are nobody leaves', async t => {
  const files = [
    { users: 1, usedAt: 1 },
    { users: 0, usedAt: 2 },
  ]
  t.equal(whoLeaves(files, 3, 2), files[1])
  t.equal(whoLeaves([files[0]!], 3, 2), undefined)
})
