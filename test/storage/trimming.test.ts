import t from 'tap'
import { seededRandom } from '../../src/core/random.js'
import type { Journal } from '../../src/storage/contract.js'
import { MemoryDisk } from '../../src/storage/memory-disk.js'
import { open, read, write } from './journal-rig.js'

const disk = () => new MemoryDisk({ random: seededRandom(7) })
const limits = { segmentBytes: 16 * 1024 }
const settle = async () => {
  for (let i = 0; i < 30; i++) await new Promise(resolve => setImmediate(resolve))
}
const segmentFiles = (memory: MemoryDisk, shard = 0) =>
  memory.files().filter(name => name.startsWith(`/journal/${shard}/`) && name.endsWith('.segment')).length

async function fill(journal: Journal, incarnation: bigint, entries: number): Promise<void> {
  for (let i = 0; i < entries; i++) await write(journal, incarnation, `${incarnation} ${'.'.repeat(2000)}`)
  await settle()
}

t.test('R11: a segment goes when no customer has an entry in it above its flushed n, and the newest stays', async t => {
  const memory = disk()
  const journal = await open({ disk: memory, limits })
  await write(journal, 2n, 'an early one')
  await fill(journal, 1n, 20)
  t.ok(journal.segments >= 5)
  const before = journal.bytes
  t.equal(journal.trim(), 0)
  journal.flushedTo(1n, 20)
  t.ok(journal.trim() >= 3, 'all but the first, where customer 2 is, and the newest')
  t.equal(journal.segments, 2)
  t.same([...journal.holding()], [2n])
  journal.flushedTo(2n, 1)
  t.equal(journal.trim(), 1)
  t.equal(journal.segments, 1)
  t.ok(journal.bytes < before / 4)
  t.same([...journal.holding()], [])
  await write(journal, 2n, 'later')
  t.equal(read(journal, 2n, 1).length, 1)
  await journal.close()
  t.notOk(memory.files().some(name => name.endsWith('.writing') || name.endsWith('.preparing')))
})

t.test('a customer that is forgotten holds nothing and is not listed', async t => {
  const journal = await open({ disk: disk(), limits })
  await fill(journal, 1n, 10)
  await fill(journal, 2n, 1)
  journal.forget(1n)
  t.ok(journal.trim() > 0)
  t.same([...journal.incarnations()], [2n])
  await journal.close()
})

t.test('R19: while trimming is held nothing goes', async t => {
  const journal = await open({ disk: disk(), limits })
  await fill(journal, 1n, 20)
  journal.flushedTo(1n, 20)
  journal.holdTrimming(true)
  t.equal(journal.trim(), 0)
  journal.holdTrimming(false)
  t.ok(journal.trim() > 0)
  await journal.close()
})

t.test('with fewer shards, folders that nobody owns are trimmed once all owners need nothing in them', async t => {
  const memory = disk()
  // Customers 0…5 on three shards; then on two.
  let journals = await Promise.all([0, 1, 2].map(shard => open({ disk: memory, limits, shard, shards: 3, run: 1n })))
  for (let i = 0; i < 6; i++) await fill(journals[i % 3]!, BigInt(i), 6)
  await Promise.all(journals.map(journal => journal.close()))
  t.ok(segmentFiles(memory, 2) >= 2)
  journals = await Promise.all([0, 1].map(shard => open({ disk: memory, limits, shard, shards: 2, run: 2n })))
  for (let i = 0; i < 6; i++) t.equal(read(journals[i % 2]!, BigInt(i)).length, 6)
  t.same([...journals[0]!.incarnations()].sort(), [0n, 2n, 4n])
  // Shard 1 is done first; shard 0, which is responsible for folder 2, still needs it.
  for (const i of [1, 3, 5]) journals[1]!.flushedTo(BigInt(i), 6)
  journals[1]!.trim()
  journals[0]!.trim()
  t.ok(segmentFiles(memory, 2) >= 2)
  for (const i of [0, 2, 4]) journals[0]!.flushedTo(BigInt(i), 6)
  for (const journal of [...journals, ...journals]) journal.trim()
  t.equal(segmentFiles(memory, 2), 0, 'the folder without an owner is empty')
  await settle()
  t.ok(segmentFiles(memory, 0) <= 3)
  await Promise.all(journals.map(journal => journal.close()))
  journals = await Promise.all([0, 1].map(shard => open({ disk: memory, limits, shard, shards: 2, run: 3n })))
  t.notOk(
    memory.files().some(name => name.includes('.done-')),
    'no mark is left behind',
  )
  await Promise.all(journals.map(journal => journal.close()))
})

t.test(
  'R11: a customer that cannot checkpoint is spilled: the journal trims, its entries stay, also over restarts',
  async t => {
    const memory = disk()
    let journal = await open({ disk: memory, limits })
    for (let i = 0; i < 12; i++) {
      await write(journal, 1n, `stuck ${i} ${'.'.repeat(100 * i)}`, 100 + Math.floor(i / 3))
      await write(journal, 2n, '.'.repeat(3000))
    }
    await settle()
    const expected = read(journal, 1n)
    t.equal(expected.length, 12)
    journal.flushedTo(2n, 12)
    t.equal(journal.trim(), 0)
    await journal.spill(1n)
    t.same(read(journal, 1n), expected, 'both copies are one')
    t.ok(journal.trim() >= 2)
    t.same(read(journal, 1n), expected)
    t.equal(journal.segments, 2, 'the spill and the newest')
    memory.crash()
    journal = await open({ disk: memory, limits })
    t.same(read(journal, 1n), expected)
    await write(journal, 1n, 'more')
    t.equal(read(journal, 1n).length, 13)
    await journal.spill(1n)
    journal.flushedTo(1n, 13)
    journal.flushedTo(2n, 12)
    journal.trim()
    t.equal(journal.segments, 1)
    await journal.close()
  },
)
