import t from 'tap'
import { seededRandom } from '../../src/core/random.js'
import { EntryKind } from '../../src/storage/contract.js'
import { MemoryDisk } from '../../src/storage/memory-disk.js'
import { append, commit, open, read, write } from './journal-rig.js'

const disk = () => new MemoryDisk({ random: seededRandom(7) })

t.test('what was committed is read back in order, with kind, time and day', async t => {
  const journal = await open({ disk: disk() })
  append(journal, 5n, 'one')
  append(journal, 6n, 'other')
  append(journal, 5n, 'two', EntryKind.Program)
  const frame = await commit(journal, 42, 19_000)
  t.equal(frame.entries, 3)
  t.same([frame.ms, frame.day], [42, 19_000])
  frame.release()
  await write(journal, 5n, 'three', 43, 19_001)
  t.same(read(journal, 5n), ['1:one@42/19000', '2:two@42/19000', '3:three@43/19001'])
  t.same(read(journal, 6n), ['1:other@42/19000'])
  t.same(read(journal, 5n, 2), ['3:three@43/19001'])
  t.same(read(journal, 7n), [])
  t.equal([...journal.replay(5n, 1)][0]!.kind, EntryKind.Program)
  await journal.close()
})

t.test('an entry is not read back before its frame is durable', async t => {
  const journal = await open({ disk: disk() })
  append(journal, 5n, 'one')
  const done = commit(journal)
  t.same(read(journal, 5n), [])
  t.equal(journal.syncing, true)
  t.equal(append(journal, 5n, 'two'), 2, 'while a frame syncs, the next group fills')
  const frame = await done
  t.same(read(journal, 5n), ['1:one@1000/20000'])
  frame.release()
  await commit(journal)
  t.same(read(journal, 5n).length, 2)
  await journal.close()
})

t.test('a cancelled entry leaves nothing', async t => {
  const journal = await open({ disk: disk() })
  journal.begin(journal.writer(5n), EntryKind.Events, 100)
  journal.cancel()
  t.equal(journal.pendingBytes, 0)
  await write(journal, 5n, 'one')
  t.same(read(journal, 5n), ['1:one@1000/20000'])
  await journal.close()
})

t.test('a frame keeps its bytes until it is released', async t => {
  const journal = await open({ disk: disk() })
  const writer = journal.writer(5n)
  const at = journal.begin(writer, EntryKind.Events, 3)
  journal.group.write('abc', at)
  journal.end(1, 3)
  const frame = await commit(journal)
  for (let i = 0; i < 20; i++) await write(journal, 5n, 'xyz')
  t.equal(frame.bytes.toString('utf8', at, at + 3), 'abc')
  frame.release()
  t.throws(() => frame.release(), /released once/)
  await journal.close()
})

t.test('an entry greater than a frame has one of its own', async t => {
  const journal = await open({ disk: disk() })
  const big = 'b'.repeat(100_000)
  append(journal, 5n, 'small')
  t.equal(append(journal, 5n, big), -1)
  ;(await commit(journal)).release()
  t.equal(append(journal, 5n, big), 2)
  ;(await commit(journal)).release()
  await write(journal, 5n, 'after')
  t.same(
    read(journal, 5n).map(text => text.length),
    ['1:small@1000/20000'.length, '2:@1000/20000'.length + big.length, '3:after@1000/20000'.length],
  )
  await journal.close()
})

t.test('R10: frames fill segments, sealed ones are read by their index, and a restart finds everything', async t => {
  const memory = disk()
  let journal = await open({ disk: memory })
  const expected: string[] = []
  for (let i = 1; i <= 300; i++) {
    await write(journal, BigInt(i % 7), `entry ${i} ${'.'.repeat(i)}`, i)
    if (i % 7 === 3) expected.push(`${expected.length + 1}:entry ${i} ${'.'.repeat(i)}@${i}/20000`)
  }
  t.ok(journal.segments > 5, `${journal.segments} segments`)
  t.same(read(journal, 3n), expected)
  await journal.close()
  for (let start = 0; start < 3; start++) {
    journal = await open({ disk: memory })
    t.same(read(journal, 3n), expected)
    t.same(journal.range(3n), { first: 1, last: expected.length })
    t.equal(journal.writer(3n).lastN, expected.length)
    t.same([...journal.incarnations()].sort(), [0n, 1n, 2n, 3n, 4n, 5n, 6n])
    await journal.close()
  }
})

t.test('R3: the last frame is copied into the fresh segment, and counts once', async t => {
  const memory = disk()
  let journal = await open({ disk: memory })
  await write(journal, 5n, 'one')
  await write(journal, 5n, 'two')
  memory.kill()
  journal = await open({ disk: memory })
  t.same(read(journal, 5n), ['1:one@1000/20000', '2:two@1000/20000'])
  memory.kill()
  journal = await open({ disk: memory })
  await write(journal, 5n, 'three')
  t.same(read(journal, 5n), ['1:one@1000/20000', '2:two@1000/20000', '3:three@1000/20000'])
  await journal.close()
})

t.test(
  'R1: a gap above the snapshot shows as a first entry that does not follow; a gap within is corruption',
  async t => {
    const memory = disk()
    const journal = await open({ disk: memory, limits: { segmentBytes: 8192 } })
    journal.writer(5n).lastN = 10
    const roll = async () => {
      for (let i = 0; i < 3; i++) await write(journal, 6n, 'other '.repeat(500))
    }
    await write(journal, 5n, 'eleven')
    t.same(read(journal, 5n, 10), ['11:eleven@1000/20000'])
    t.same(read(journal, 5n, 4), ['11:eleven@1000/20000'])
    await roll()
    journal.writer(5n).lastN = 19
    await write(journal, 5n, 'twenty')
    await roll()
    await write(journal, 5n, 'twenty-one')
    t.throws(() => read(journal, 5n, 10), { code: 'journal-damaged', details: { gap: true, expected: 12, found: 20 } })
    t.same(read(journal, 5n, 19), ['20:twenty@1000/20000', '21:twenty-one@1000/20000'])
    t.same(read(journal, 5n, 0), ['20:twenty@1000/20000', '21:twenty-one@1000/20000'], 'the last stretch')
    await journal.close()
  },
)

t.test('numbers that do not follow are a bug', async t => {
  const journal = await open({ disk: disk() })
  journal.begin(journal.writer(5n), EntryKind.Events, 1)
  t.throws(() => journal.end(2, 1), /without gaps/)
  journal.cancel()
  await journal.close()
})
