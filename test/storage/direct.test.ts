// Commits past the page cache: the same bytes, whatever memory and file system they meet.
import fs from 'node:fs'
import t from 'tap'
import { seededRandom } from '../../src/core/random.js'
import { openDirect, pageAligned } from '../../src/storage/direct.js'
import { type DiskFile, realDisk } from '../../src/storage/disk.js'

const PAGE = 4096

const commit = (file: DiskFile, bytes: Uint8Array, position: number) =>
  new Promise<void>((resolve, reject) =>
    file.commit(bytes, 0, bytes.length, position, error => (error === null ? resolve() : reject(error))),
  )

t.test('what is committed is in the file, from memory that is aligned and from memory that is not', async t => {
  const folder = t.testdir({})
  const random = seededRandom(3)
  const whole = pageAligned(8 * PAGE)
  random.fill(whole)
  for (const filled of [true, false]) {
    const path = `${folder}/${filled ? 'filled' : 'plain'}`
    const file = realDisk.open(path, 'create')
    if (filled) await file.fill(4 * PAGE)
    const expected = Buffer.alloc(9 * PAGE)
    // The last one lies beyond what was filled.
    for (const [from, position] of [
      [0, PAGE],
      [1, 2 * PAGE],
      [2 * PAGE, 3 * PAGE],
      [512, 8 * PAGE],
    ] as const) {
      const bytes = whole.subarray(from, from + PAGE)
      await commit(file, bytes, position)
      expected.set(bytes, position)
      t.ok(fs.readFileSync(path).equals(expected.subarray(0, fs.statSync(path).size)), `${path} from byte ${from}`)
    }
    t.equal(fs.statSync(path).size, expected.length)
    file.close()
  }
})

t.test('a commit that the disk refuses says so and is not tried again', async t => {
  const folder = t.testdir({})
  const file = realDisk.open(`${folder}/file`, 'create')
  await file.fill(PAGE)
  file.close()
  const readable = realDisk.open(`${folder}/file`, 'read')
  await t.rejects(commit(readable, pageAligned(PAGE), 0), { code: 'disk-error' })
  readable.close()
})

t.test('where a file cannot be opened for direct writes there is no descriptor', async t => {
  t.equal(openDirect(`${t.testdir({})}/none`, true), undefined)
})
