// Files of each format version, written once and kept: whatever changes, they are read, and read the same.
import * as fs from 'node:fs'
import t from 'tap'
import { systemRandom } from '../../src/core/random.js'
import { atOnce } from '../../src/core/steps.js'
import { customerPath, openCustomerStore } from '../../src/storage/customer-store.js'
import { realDisk } from '../../src/storage/disk.js'
import { openJournal } from '../../src/storage/journal.js'
import { read, silent, smallLimits, write } from './journal-rig.js'
import { text } from './store-suite.js'

const fixtures = 'test/fixtures/storage'

const journalAt = (folder: string, run: bigint) =>
  openJournal({
    disk: realDisk,
    folder,
    shard: 0,
    shards: 1,
    ownerOf: () => 0,
    run,
    limits: { ...smallLimits, segmentBytes: 16_384 },
    random: systemRandom,
    log: silent,
  })

t.test('a journal of version 1 is read, and goes on', async t => {
  const folder = t.testdir({ '0': {} })
  for (const name of fs.readdirSync(`${fixtures}/journal-1`)) {
    fs.copyFileSync(`${fixtures}/journal-1/${name}`, `${folder}/0/${name}`)
  }
  const expected = ['1:one@1000/20000', '2:two@2000/20001', '3:three@3000/20001']
  let journal = await journalAt(folder, 8n)
  t.same(read(journal, 0x1122334455667788n), expected)
  t.same(read(journal, 7n), ['1:other@1000/20000'])
  await write(journal, 0x1122334455667788n, 'four', 4000)
  await journal.close()
  journal = await journalAt(folder, 9n)
  t.same(read(journal, 0x1122334455667788n), [...expected, '4:four@4000/20000'])
  await journal.close()
})

t.test('a customer file of version 1 is read', async t => {
  const root = t.testdir()
  const store = openCustomerStore({
    folder: `${root}/customers`,
    runFolder: `${root}/run`,
    shard: 0,
    shards: 1,
    maxOpenFiles: 4,
    maxFileCommits: 2,
    log: silent,
  })
  const path = customerPath(`${root}/customers`, 0x1122334455667788n)
  fs.mkdirSync(path.slice(0, path.lastIndexOf('/')), { recursive: true })
  fs.copyFileSync(`${fixtures}/customer-1.mdb`, path)
  const file = store.open(0x1122334455667788n)
  t.match(atOnce(file.meta()), { n: 42, slots: 8 })
  t.equal(text(atOnce(file.meta())?.rows), 'a=1 b=2')
  t.equal(atOnce(file.day(1))?.day, 20_001)
  t.equal(text(atOnce(file.day(1))?.rows), 'key=value')
  file.release()
  await store.close()
})

t.test('the real disk: errors say which file, a full list, free bytes', async t => {
  const folder = t.testdir({ b: 'x', a: 'y' })
  t.same(realDisk.list(folder), ['a', 'b'])
  t.same(realDisk.list(`${folder}/none`), [])
  t.ok(realDisk.freeBytes(`${folder}/none`) > 0)
  t.throws(() => realDisk.open(`${folder}/none`, 'read'), { code: 'disk-error', details: { errno: 'ENOENT' } })
  t.throws(() => realDisk.open(`${folder}/a`, 'create'), { code: 'disk-error', details: { errno: 'EEXIST' } })
  t.throws(() => realDisk.rename(`${folder}/none`, `${folder}/c`), { code: 'disk-error' })
  await t.rejects(realDisk.syncFolder(`${folder}/none`), { code: 'disk-error' })
  const file = realDisk.open(`${folder}/c`, 'create')
  await file.fill(3_000_000)
  t.equal(file.size(), 3_000_000)
  file.write(Buffer.from('hello'), 0, 5, 2_999_998)
  const back = Buffer.alloc(10)
  t.equal(file.read(back, 0, 10, 2_999_998), 5)
  await new Promise(resolve => file.sync(resolve))
  file.close()
  t.throws(() => file.size(), { code: 'disk-error' })
  t.throws(() => file.close(), { code: 'disk-error' })
  t.throws(() => file.write(back, 0, 1, 0), { code: 'disk-error' })
  t.throws(() => file.read(back, 0, 1, 0), { code: 'disk-error' })
  await t.rejects(file.fill(10), { code: 'disk-error' })
  t.match(await new Promise(resolve => file.sync(resolve)), { code: 'disk-error' })
  realDisk.remove(`${folder}/c`)
  realDisk.remove(`${folder}/c`)
  t.notOk(realDisk.exists(`${folder}/c`))
})
