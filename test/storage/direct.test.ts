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

/** Whether the file system of the tests knows direct I/O (tmpfs, for one, did not before Linux 6.6). */
const directIo = (() => {
  const path = `${t.testdir({ probe: '' })}/probe`
  const direct = openDirect(path, true)
  if (direct !== undefined) fs.closeSync(direct)
  return direct !== undefined
})()

const skip = directIo ? false : 'the file system has no direct I/O'

t.test('aligned memory is aligned whatever the heap has free', { skip }, async t => {
  const path = `${t.testdir({})}/file`
  fs.writeFileSync(path, Buffer.alloc(PAGE))
  const direct = openDirect(path, true) as number
  const random = seededRandom(11)
  try {
    for (let i = 0; i < 50; i++) {
      // Freed blocks of this size are what malloc hands out again, wherever they begin.
      let block: Buffer | undefined = Buffer.allocUnsafeSlow(Math.floor(random.fraction() * 4 * 1024 * 1024))
      block[0] = 1
      block = undefined
      const bytes = pageAligned(Math.floor(1 + random.fraction() * 64) * PAGE)
      t.equal(fs.writeSync(direct, bytes, 0, PAGE, 0), PAGE)
    }
  } catch (error) {
    if ((error as { code?: string }).code !== 'EINVAL') throw error
    t.fail('memory that is not aligned, seed 11')
  } finally {
    fs.closeSync(direct)
  }
})

t.test('a removed file is gone at once, and whoever reads it reads it to its end', async t => {
  const path = `${t.testdir({})}/file`
  const size = 20 * 1024 * 1024
  fs.writeFileSync(path, Buffer.alloc(size))
  const { ino } = fs.statSync(path)
  const reader = realDisk.open(path, 'read')
  /** How many descriptors of it there are; without /proc nobody knows. */
  const descriptors = () => {
    let count = 0
    for (const name of fs.existsSync('/proc/self/fd') ? fs.readdirSync('/proc/self/fd') : []) {
      try {
        if (fs.fstatSync(Number(name)).ino === ino) count++
      } catch {
        // It was the descriptor that read the folder.
      }
    }
    return count
  }
  const until = async (most: number) => {
    while (descriptors() > most) await new Promise(resolve => setImmediate(resolve))
  }
  realDisk.remove(path)
  t.notOk(fs.existsSync(path))
  await until(1)
  t.equal(reader.read(Buffer.alloc(1), 0, 1, size - 1), 1)
  reader.close()
  await until(0)
  realDisk.remove(path)
  fs.writeFileSync(path, '')
  t.throws(() => realDisk.remove(`${path}/below`), { code: 'disk-error' }, 'what cannot be removed says so')
})
