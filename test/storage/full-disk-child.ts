// A process with a file-size limit that commits until there is no space, and then goes on.
import { spawnSync } from 'node:child_process'
import type { LetheError } from '../../src/core/errors.js'
import { atOnce } from '../../src/core/steps.js'
import { openCustomerStore } from '../../src/storage/customer-store.js'

process.on('unhandledRejection', error => {
  console.log('unhandled', error)
  process.exit(1)
})
const folder = process.argv[2]!
const log = { info() {}, warn() {}, error() {} }
const store = openCustomerStore({
  folder: `${folder}/customers`,
  runFolder: `${folder}/run`,
  shard: 0,
  shards: 1,
  maxOpenFiles: 4,
  maxFileCommits: 2,
  log,
})
const file = store.open(1n)
let n = 0
try {
  for (;;) {
    const pages = Array.from({ length: 10 }, (_, i) => ({
      key: Buffer.from(`${n} ${i}`),
      value: Buffer.alloc(3000, n),
    }))
    await file.commit({ n: n + 1, slots: 8, meta: [], days: [{ slot: 0, day: 8, clear: false, pages }] })
    n++
  }
} catch (error) {
  console.log('failed:', (error as LetheError).code, (error as Error).message)
}
const rows = atOnce(file.day(0))!.rows.length
console.log(
  `after: n=${atOnce(file.meta())!.n} ${atOnce(file.meta())!.n === n && rows === n * 10 ? 'intact' : `broken, ${rows} rows, ${n} commits`}`,
)
spawnSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited'])
for (let i = 0; i < 20; i++) {
  const pages = [{ key: Buffer.from(`again ${i}`), value: Buffer.alloc(30_000, i) }]
  await file.commit({ n: n + 1 + i, slots: 8, meta: [], days: [{ slot: 0, day: 8, clear: false, pages }] })
}
console.log('again: ok', atOnce(file.day(0))!.rows.length === rows + 20, atOnce(file.meta())!.n === n + 20)
await store.close()
process.exit(0)
