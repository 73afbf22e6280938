// What a shard keeps of customers' files that it has closed: nothing. lmdb-js alone would keep 80 KiB of each.
import path from 'node:path'
import { allDbs } from 'lmdb'
import t from 'tap'
import { openCustomerStore } from '../../src/storage/customer-store.js'

const FILES = 40
const OPEN = 4

t.test('a shard that has opened many files remembers those that are open', async t => {
  const folder = t.testdir({ run: {} })
  const quiet = { info: () => {}, warn: () => {}, error: () => {} }
  const store = openCustomerStore({
    folder: path.join(folder, 'customers'),
    runFolder: path.join(folder, 'run'),
    shard: 0,
    shards: 1,
    maxOpenFiles: OPEN,
    maxFileCommits: 2,
    log: quiet,
  })
  for (let i = 1; i <= FILES; i++) {
    const file = store.open(BigInt(i))
    await file.commit({ n: 1, slots: 8, meta: [{ key: Buffer.from('k'), value: Buffer.from('v') }], days: [] })
    file.release()
  }
  t.ok(allDbs.size > 0 && allDbs.size <= 2 * OPEN, `${allDbs.size} of ${FILES} are remembered`)
  await store.close()
  t.equal(allDbs.size, 0)
})
