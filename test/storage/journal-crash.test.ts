// The journal against a model that is a list per customer: whatever the disk does, all that was acknowledged is there,
// in order, once; and what is there beyond it is only what was in flight.
import fc from 'fast-check'
import t from 'tap'
import { seededRandom } from '../../src/core/random.js'
import type { Journal } from '../../src/storage/contract.js'
import { MemoryDisk } from '../../src/storage/memory-disk.js'
import { append, commit, open, read, write } from './journal-rig.js'

const tick = () => new Promise<void>(resolve => setImmediate(resolve))

interface Customer {
  /** Texts by n − 1. The first `acknowledged` are durable. */
  texts: string[]
  acknowledged: number
  flushed: number
}

class World {
  readonly random
  readonly disk
  readonly customers: Customer[] = []
  journals: Journal[] = []
  shards = 1
  run = 1n
  written = 0
  crashes = 0

  constructor(readonly seed: number) {
    this.random = seededRandom(seed)
    this.disk = new MemoryDisk({ random: this.random })
    for (let i = 0; i < 6; i++) this.customers.push({ texts: [], acknowledged: 0, flushed: 0 })
  }

  below(n: number): number {
    return Math.floor(this.random.fraction() * n)
  }

  async start(): Promise<void> {
    this.run++
    this.shards = 1 + this.below(3)
    const opening = Array.from({ length: this.shards }, (_, shard) => this.openShard(shard))
    this.journals = await Promise.all(opening)
  }

  openShard(shard: number): Promise<Journal> {
    const { disk, random, shards, run } = this
    return open({ disk, random, shard, shards, run, limits: { segmentBytes: 16 * 1024 } })
  }

  async restartShard(shard: number): Promise<void> {
    // A shard process that is killed alone: its handles die with it, but a memory disk kills all, so it closes instead.
    await this.journals[shard]!.close()
    this.journals[shard] = await this.openShard(shard)
    this.verify()
    // The owner knows from its snapshots how far it was, the journal may have been trimmed.
    this.customers.forEach((customer, i) => {
      const writer = this.journals[i % this.shards]!.writer(BigInt(i))
      writer.lastN = Math.max(writer.lastN, customer.flushed)
    })
  }

  verify(): void {
    this.customers.forEach((customer, i) => {
      const incarnation = BigInt(i)
      const found = read(this.journals[i % this.shards]!, incarnation, customer.flushed)
      const last = customer.flushed + found.length
      const expected = customer.texts
        .slice(customer.flushed, last)
        .map((text, at) => `${customer.flushed + at + 1}:${text}`)
      if (last < customer.acknowledged || JSON.stringify(found) !== JSON.stringify(expected)) {
        throw new Error(
          `seed ${this.seed}: customer ${i}: acknowledged ${customer.acknowledged}, flushed ${customer.flushed}, found ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`,
        )
      }
    })
  }

  /** After a crash: what survived is what is. */
  settle(): void {
    this.verify()
    this.customers.forEach((customer, i) => {
      const journal = this.journals[i % this.shards]!
      const last = Math.max(customer.flushed, journal.range(BigInt(i))?.last ?? 0)
      customer.texts.length = last
      customer.acknowledged = last
      journal.writer(BigInt(i)).lastN = last
    })
  }

  /** Commits what is pending; resolves when durable, or never if the power goes. */
  commit(shard: number, batch: [Customer, number][]): Promise<void> {
    const ms = 1_000 + this.below(1_000_000)
    for (const [customer, n] of batch) customer.texts[n - 1] += `@${ms}/20000`
    return new Promise((resolve, reject) =>
      this.journals[shard]!.commit(
        ms,
        20_000,
        frame => {
          for (const [customer, n] of batch) customer.acknowledged = Math.max(customer.acknowledged, n)
          frame.release()
          resolve()
        },
        reject,
      ),
    )
  }

  fill(shard: number): [Customer, number][] {
    const batch: [Customer, number][] = []
    for (let count = 1 + this.below(5); count > 0; count--) {
      const i = this.below(6)
      if (i % this.shards !== shard) continue
      const customer = this.customers[i]!
      const text = `${++this.written} ${'x'.repeat(this.below(this.below(10) === 0 ? 20_000 : 300))}`
      const n = append(this.journals[shard]!, BigInt(i), text)
      if (n < 0) continue
      customer.texts[n - 1] = text
      batch.push([customer, n])
    }
    return batch
  }

  async step(): Promise<void> {
    const shard = this.below(this.shards)
    const journal = this.journals[shard]!
    switch (this.below(8)) {
      case 0: {
        const i = this.below(6)
        const customer = this.customers[i]!
        customer.flushed = customer.acknowledged
        this.journals[i % this.shards]!.flushedTo(BigInt(i), customer.flushed)
        break
      }
      case 1:
        for (const each of this.journals) each.trim()
        break
      case 2: {
        await tick()
        const i = this.below(6)
        if (this.below(4) === 0) await this.journals[i % this.shards]!.spill(BigInt(i))
        break
      }
      case 3: {
        const batch = this.fill(shard)
        if (batch.length === 0) break
        void this.commit(shard, batch)
        for (let ticks = this.below(4); ticks > 0; ticks--) await tick()
        if (!journal.syncing) break
        this.crashes++
        if (this.below(2) === 0) this.disk.crash()
        else this.disk.kill()
        // A start may be cut short too.
        if (this.below(3) === 0) {
          void this.start().catch(() => {})
          for (let ticks = this.below(12); ticks > 0; ticks--) await tick()
          if (this.below(2) === 0) this.disk.crash()
          else this.disk.kill()
        }
        await this.start()
        this.settle()
        break
      }
      case 4:
        if (this.below(4) === 0) await this.restartShard(shard)
        break
      default: {
        const batch = this.fill(shard)
        if (batch.length > 0) await this.commit(shard, batch)
      }
    }
  }
}

async function live(seed: number, steps: number): Promise<World> {
  const world = new World(seed)
  await world.start()
  for (let i = 0; i < steps; i++) {
    try {
      await world.step()
    } catch (error) {
      throw new Error(`seed ${seed}, step ${i}: ${(error as Error).stack}`)
    }
  }
  world.verify()
  return world
}

t.test(
  'R1 R2 R3: what was acknowledged survives crashes at any point, in order, once, with any number of shards',
  { timeout: 240_000 },
  async t => {
    let crashes = 0
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), async seed => {
        crashes += (await live(seed, 60)).crashes
      }),
      { numRuns: Number(process.env['JOURNAL_RUNS'] ?? 40) },
    )
    t.ok(crashes > 20, `${crashes} crashes`)
  },
)

t.test('R2: the last frame cut at every byte is void, the ones before it live, and so do later ones', async t => {
  const memory = new MemoryDisk({ random: seededRandom(3) })
  const journal = await open({ disk: memory })
  await write(journal, 5n, 'one')
  await write(journal, 5n, 'two')
  const path = memory.files().find(name => name.endsWith('.segment'))!
  const before = Buffer.from(memory.contents(path))
  await write(journal, 5n, 'three')
  memory.kill()
  const whole = Buffer.from(memory.contents(path))
  const used = 64 + 24 + 8
  const frame = 4096 * 3
  let cuts = 0
  for (let cut = 0; cut < used; cut++) {
    // Sectors do not tear within, but nothing here depends on that.
    const torn = Buffer.from(before)
    whole.copy(torn, frame, frame, frame + cut)
    if (torn.equals(whole)) continue
    const crashed = new MemoryDisk({ random: seededRandom(cut) })
    for (const name of memory.files()) {
      if (!name.endsWith('.segment')) continue
      crashed.open(name, 'create').close()
      crashed.damage(name, name === path ? torn : memory.contents(name))
    }
    let next = await open({ disk: crashed })
    t.same(read(next, 5n), ['1:one@1000/20000', '2:two@1000/20000'])
    await write(next, 5n, 'four')
    crashed.kill()
    next = await open({ disk: crashed })
    const expected = ['1:one@1000/20000', '2:two@1000/20000', '3:four@1000/20000']
    if (JSON.stringify(read(next, 5n)) !== JSON.stringify(expected)) t.same(read(next, 5n), expected, `cut at ${cut}`)
    await next.close()
    cuts++
  }
  t.ok(cuts > 80, `${cuts} cuts`)
})

t.test('R2: a damaged frame before the last one is refused, with file and offset', async t => {
  for (const damage of ['bit', 'page', 'header', 'file header', 'emptied', 'cut'] as const) {
    const memory = new MemoryDisk({ random: seededRandom(3) })
    const journal = await open({ disk: memory })
    for (let i = 0; i < 4; i++) await write(journal, 5n, `entry ${i}`)
    memory.kill()
    const path = memory.files().find(name => name.endsWith('.segment'))!
    let bytes = Buffer.from(memory.contents(path))
    const at = 4096 * 2
    if (damage === 'bit') bytes[at + 90]! ^= 4
    if (damage === 'page') bytes.fill(0, at, at + 4096)
    if (damage === 'header') bytes[at + 1]! ^= 1
    if (damage === 'file header') bytes[20]! ^= 1
    if (damage === 'emptied') bytes = Buffer.alloc(0)
    if (damage === 'cut') bytes = bytes.subarray(0, 3000)
    memory.damage(path, bytes)
    await t.rejects(
      open({ disk: memory }),
      {
        code: 'journal-damaged',
        details: { path, offset: ['bit', 'page', 'header'].includes(damage) ? at : Number },
      },
      damage,
    )
  }
})

t.test('R2: damage in a sealed segment is refused when it is read, never skipped', async t => {
  const memory = new MemoryDisk({ random: seededRandom(3) })
  let journal = await open({ disk: memory })
  for (let i = 0; i < 4; i++) await write(journal, 5n, `entry ${i}`)
  await journal.close()
  const path = memory.files().find(name => name.endsWith('.segment'))!
  const bytes = Buffer.from(memory.contents(path))
  bytes[4096 * 2 + 90]! ^= 4
  memory.damage(path, bytes)
  journal = await open({ disk: memory })
  t.throws(() => read(journal, 5n), { code: 'journal-damaged', details: { path, offset: 4096 * 2 } })
  await journal.close()
})

t.test('R12: a failed write or sync is told as failed, and nothing is taken afterwards', async t => {
  for (const operation of ['write', 'sync'] as const) {
    const memory = new MemoryDisk({ random: seededRandom(3) })
    let journal = await open({ disk: memory })
    await write(journal, 5n, 'one')
    memory.fault = kind => (kind === operation ? 'EIO' : undefined)
    append(journal, 5n, 'two')
    await t.rejects(commit(journal), { code: 'disk-error' })
    memory.fault = () => undefined
    t.throws(() => append(journal, 5n, 'three'), { code: 'journal-failed' })
    t.ok(journal.failed)
    await journal.close()
    memory.crash()
    journal = await open({ disk: memory })
    t.match(read(journal, 5n)[0], /^1:one/)
    await write(journal, 5n, 'more')
    await journal.close()
  }
})

t.test('a full disk refuses entries before they reach it, and room comes back by itself', async t => {
  const memory = new MemoryDisk({ random: seededRandom(3) })
  const journal = await open({ disk: memory })
  for (let i = 0; i < 5; i++) await tick()
  memory.capacity = 200 * 1024
  let n = 0
  for (; n < 1000; n++) {
    if (append(journal, 5n, 'x'.repeat(1000)) < 0) break
    ;(await commit(journal)).release()
  }
  t.ok(n > 5 && n < 100, `${n} entries until it was full`)
  t.equal(journal.full, true)
  t.equal(journal.failed, undefined)
  t.equal(read(journal, 5n).length, n)
  memory.capacity = 1_000_000
  journal.trim()
  for (let i = 0; i < 20; i++) await tick()
  t.equal(journal.full, false)
  t.equal(append(journal, 5n, 'again'), n + 1)
  ;(await commit(journal)).release()
  t.equal(read(journal, 5n).length, n + 1)
  await journal.close()
})

t.test('too many open files delay the next segment, nothing else', async t => {
  const memory = new MemoryDisk({ random: seededRandom(3) })
  memory.maxOpen = 3
  const journal = await open({ disk: memory })
  for (let i = 0; i < 5; i++) await tick()
  memory.maxOpen = 1
  for (let i = 0; i < 60; i++) await write(journal, 5n, 'x'.repeat(1000))
  memory.maxOpen = 100
  journal.trim()
  for (let i = 0; i < 20; i++) await tick()
  await write(journal, 5n, 'last')
  t.equal(read(journal, 5n).length, 61)
  await journal.close()
})

t.test('a stalled sync shows since when it stalls, and groups are bounded', async t => {
  const held: (() => void)[] = []
  let hold = false
  const memory = new MemoryDisk({
    random: seededRandom(3),
    schedule: action => (hold ? held.push(action) : setImmediate(action)),
  })
  const journal = await open({ disk: memory })
  for (let i = 0; i < 5; i++) await tick()
  t.ok(Number.isNaN(journal.syncingSinceMs))
  hold = true
  append(journal, 5n, 'one')
  const first = commit(journal, 77)
  t.equal(journal.syncingSinceMs, 77)
  let taken = 0
  while (append(journal, 5n, 'x'.repeat(1000)) > 0) taken++
  t.ok(taken < 40, `${taken} entries while the disk stalls`)
  hold = false
  for (const action of held.splice(0)) action()
  ;(await first).release()
  await commit(journal)
  await journal.close()
})
