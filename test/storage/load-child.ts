// A process that loads customer 1 as a shard would, and says what became of it.
import { createHash } from 'node:crypto'
import type { LetheError } from '../../src/core/errors.js'
import { atOnce } from '../../src/core/steps.js'
import { openCustomerStore } from '../../src/storage/customer-store.js'

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
const hash = createHash('sha256')
let rows = 0
let word: string
try {
  const file = store.open(1n)
  const meta = atOnce(file.meta())
  const day = atOnce(file.day(3))
  for (const row of [...(meta?.rows ?? []), ...(day?.rows ?? [])]) hash.update(row.key).update(row.value)
  rows = day?.rows.length ?? 0
  word = meta === undefined ? 'no snapshot' : `loaded ${rows} n=${meta.n} ${hash.digest('hex')}`
} catch (error) {
  word = `damaged ${(error as LetheError).code} ${(error as Error).message}`
}
if (store.asideAtStart.length > 0) word = `aside at start ${store.asideAtStart[0]!.path}`
process.stdout.write(`${word}\n`, () => process.exit(0))
