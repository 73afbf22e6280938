import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { systemRandom } from '../../src/core/random.js'
import { atOnce } from '../../src/core/steps.js'
import type { CopyableStore, PageWrite } from '../../src/storage/contract.js'
import { customerPath, openCustomerStore } from '../../src/storage/customer-store.js'
import { memoryCustomerStore } from '../../src/storage/memory-store.js'
import { silent } from './journal-rig.js'
import { page, storeSuite, text } from './store-suite.js'

const root = t.testdir()

export const store = (name: string, maxOpenFiles = 16): CopyableStore =>
  openCustomerStore({
    folder: `${root}/${name}/customers`,
    runFolder: `${root}/${name}/run`,
    shard: 0,
    shards: 1,
    maxOpenFiles,
    maxFileCommits: 2,
    log: silent,
  })

t.test('the store on LMDB', async t => {
  storeSuite(t as never, name => {
    const made = store(name)
    return {
      store: made,
      reopen: async () => {
        await made.close()
        return store(name)
      },
    }
  })
})

// A copy of a file may take minutes; meanwhile the pool may close the file, and somebody open it again.
t.test('R19: nobody writes to a file that is being copied, through whatever handle', async t => {
  const made = store('copied', 2)
  const write = (n: number) => ({ n, slots: 8, meta: [page('a', String(n))], days: [] })
  const first = made.open(1n)
  await first.commit(write(1))
  first.release()
  let copied = () => {}
  const copying = new Promise<void>(resolve => {
    copied = resolve
  })
  let seen: string | undefined
  const done = made.whileStill(1n, async path => {
    seen = path
    await copying
    fs.copyFileSync(path, `${root}/copied/copy.mdb`)
  })
  for (const other of [2n, 3n]) {
    const file = made.open(other)
    atOnce(file.meta())
    file.release()
  }
  const second = made.open(1n)
  const order: string[] = []
  const committed = second.commit(write(2)).then(() => order.push('commit'))
  const others = made.open(3n)
  await others.commit(write(1))
  order.push("another's commit")
  copied()
  await done
  order.push('copy')
  await committed
  t.same(order, ["another's commit", 'copy', 'commit'])
  t.equal(seen, customerPath(`${root}/copied/customers`, 1n))
  t.equal(atOnce(second.meta())?.n, 2)
  second.release()
  others.release()
  await made.close()
  fs.mkdirSync(`${root}/restored/customers/01`, { recursive: true })
  fs.copyFileSync(`${root}/copied/copy.mdb`, customerPath(`${root}/restored/customers`, 1n))
  const restored = store('restored')
  t.equal(atOnce(restored.open(1n).meta())?.n, 1)
  await restored.whileStill(9n, async () => {
    t.fail('there is no such file')
  })
  await t.rejects(
    restored.whileStill(1n, () => Promise.reject(new Error('the disk'))),
    /the disk/,
  )
  await restored.open(1n).commit(write(2))
  t.equal(atOnce(restored.open(1n).meta())?.n, 2, 'a copy that failed holds nobody up')
  await restored.close()
})

t.test('R7: a file whose rewrite fails, before its end or at it, lives on, and nothing stays open', async t => {
  const made = store('rewritten')
  const write = (n: number, slots: number, ...pages: PageWrite[]) => ({ n, slots, meta: pages, days: [] })
  const file = made.open(1n)
  await file.commit(write(1, 8, page('a', '1')))
  const openAtFirst = fs.readdirSync('/proc/self/fd').length
  for (let i = 0; i < 10; i++) {
    await t.rejects(file.commit(write(2, 3, page('a', '2'), page('a', '2'))), /a page is written once/)
  }
  t.equal(fs.readdirSync('/proc/self/fd').length, openAtFirst)
  const { renameSync } = fs
  fs.renameSync = () => {
    throw new Error('no names today')
  }
  syncBuiltinESMExports()
  await t.rejects(file.commit(write(2, 3, page('a', '2'))), /no names today/)
  fs.renameSync = renameSync
  syncBuiltinESMExports()
  t.match(atOnce(file.meta()), { n: 1, slots: 8 })
  await file.commit(write(2, 3, page('a', '2')))
  t.match(atOnce(file.meta()), { n: 2, slots: 3 })
  file.release()
  await made.close()
})

t.test('the store in memory', async t => {
  storeSuite(t as never, () => {
    const made = memoryCustomerStore()
    return {
      store: made,
      reopen: async () => {
        made.crash()
        return made
      },
    }
  })
})

t.test('R3: the store in memory loses what was not flushed', async t => {
  const made = memoryCustomerStore()
  const file = made.open(1n)
  await file.commit({ n: 1, slots: 8, meta: [page('a', '1')], days: [] })
  await file.flushed()
  await file.commit({ n: 2, slots: 8, meta: [page('a', '2')], days: [] })
  t.equal(atOnce(file.meta())?.n, 2)
  made.crash()
  t.equal(atOnce(made.open(1n).meta())?.n, 1)
})

t.test('R9: never more files are open than may be; those in use are never closed', async t => {
  const made = store('pool', 4)
  for (let i = 0n; i < 40n; i++) {
    const file = made.open(i)
    await file.commit({ n: Number(i) + 1, slots: 8, meta: [page('a', String(i))], days: [] })
    file.release()
    t.ok(made.openFiles <= 8, `${made.openFiles} open`)
  }
  const held = [0n, 1n, 2n, 3n].map(i => made.open(i))
  t.throws(() => made.open(9n), { code: 'too-many-files', status: 503 })
  t.equal(text(atOnce(held[3]!.meta())?.rows), 'a=3')
  held[0]!.release()
  await new Promise(resolve => setImmediate(resolve))
  while (made.openFiles > 4) await new Promise(resolve => setImmediate(resolve))
  const next = made.open(9n)
  t.equal(text(atOnce(next.meta())?.rows), 'a=9')
  await made.close()
})

t.test('a commit that fails for want of space is told, once, and the file lives on', async t => {
  const child = spawn(
    'bash',
    [
      '-c',
      `ulimit -S -f 400; trap '' XFSZ; exec "${process.execPath}" "${fileURLToPath(new URL('./full-disk-child.js', import.meta.url))}" "${root}/full"`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let out = ''
  child.stdout.on('data', data => (out += data))
  child.stderr.on('data', data => (out += data))
  const code = await new Promise(resolve => child.on('close', resolve))
  t.match(out, /failed: disk-(full|error)/)
  t.match(out, /after: n=\d+ intact/)
  t.match(out, /again: ok/)
  t.notMatch(out, /unhandled/)
  t.equal(code, 0, out)
})

// ——— nine kinds of damage

const ROWS = 600

async function prepare(name: string): Promise<{ folder: string; path: string }> {
  fs.mkdirSync(`${root}/${name}`, { recursive: true })
  const made = store(name)
  for (const incarnation of [1n, 2n]) {
    const file = made.open(incarnation)
    const pages = Array.from({ length: ROWS }, (_, i) => page(`key ${i}`, `${incarnation} `.repeat(20 + (i % 100))))
    await file.commit({ n: 5, slots: 8, meta: [page('m', '1')], days: [{ slot: 3, day: 11, clear: false, pages }] })
    pages.push(page('big', 'x'.repeat(30_000)))
    await file.commit({ n: 6, slots: 8, meta: [page('m', '2')], days: [{ slot: 3, day: 11, clear: false, pages }] })
    file.release()
  }
  await made.close()
  return { folder: `${root}/${name}`, path: customerPath(`${root}/${name}/customers`, 1n) }
}

const someByte = (bytes: Buffer) => Math.floor(systemRandom.fraction() * bytes.length)
const somePage = (bytes: Buffer) => 4096 * Math.floor(systemRandom.fraction() * (bytes.length / 4096))

const damages: Record<string, (bytes: Buffer, path: string) => Buffer> = {
  emptied: () => Buffer.alloc(0),
  'cut to a page': bytes => bytes.subarray(0, 4096),
  'cut mid-page': bytes => bytes.subarray(0, Math.floor(bytes.length / 2 / 4096) * 4096 + 1000),
  'meta pages zeroed': bytes => bytes.fill(0, 0, 8192),
  'one bit': bytes => {
    bytes[someByte(bytes)]! ^= 1 << Math.floor(systemRandom.fraction() * 8)
    return bytes
  },
  'one page': bytes => {
    const at = somePage(bytes)
    return bytes.fill(0, at, at + 4096)
  },
  'random pages': bytes => {
    for (let i = 0; i < 5; i++) {
      const at = somePage(bytes)
      systemRandom.fill(bytes.subarray(at, at + 4096))
    }
    return bytes
  },
  'wrong version': bytes => {
    bytes.writeUInt32LE(77, 28)
    bytes.writeUInt32LE(77, 4096 + 28)
    return bytes
  },
  "replaced by another customer's": (_, path) =>
    fs.readFileSync(path.replace('/01/', '/02/').replace('01.mdb', '02.mdb')),
}

/** Loads customer 1 in a child, as a shard would; answers its last word, or the signal that ended it. */
function load(folder: string): Promise<string> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./load-child.js', import.meta.url)), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  child.stdout.on('data', data => (out += data))
  return new Promise(resolve =>
    child.on('close', (code, signal) => resolve(code === 0 ? out.trim() : `died ${signal}`)),
  )
}

t.test('R9: no kind of damage shortens a table in silence', { timeout: 240_000 }, async t => {
  const { folder, path } = await prepare('damage')
  const whole = fs.readFileSync(path)
  const good = await load(folder)
  t.match(good, /^loaded 601 /)
  const seen: Record<string, number> = {}
  for (const [kind, damage] of Object.entries(damages)) {
    const random = ['one bit', 'one page', 'random pages'].includes(kind)
    for (let round = 0; round < (random ? 6 : 1); round++) {
      fs.writeFileSync(path, damage(Buffer.from(whole), path))
      fs.rmSync(`${path}-lock`, { force: true })
      let answer = await load(folder)
      if (answer.startsWith('died')) {
        // The next start finds the marker, tries the file in a child of its own and sets it aside.
        seen['died'] = (seen['died'] ?? 0) + 1
        answer = await load(folder)
        t.match(answer, /^aside at start/, `${kind}: set aside after a death`)
      } else if (answer.startsWith('damaged')) seen['found'] = (seen['found'] ?? 0) + 1
      else {
        // Damage where there is no data: all is there, to the byte.
        t.equal(answer, good, `${kind}: loaded, and whole`)
        t.ok(random, `${kind} is never loaded`)
        seen['harmless'] = (seen['harmless'] ?? 0) + 1
      }
      if (!random) t.match(answer, /^(damaged|aside)/, `${kind}: ${answer}`)
    }
  }
  t.comment(JSON.stringify(seen))
})

t.test(
  'R9: a process that is killed while it opens a file loses nothing: the file is tried, found intact and kept',
  async t => {
    const { folder, path } = await prepare('killed')
    const marker = `${folder}/run/opening-0`
    fs.writeFileSync(marker, '0000000000000001')
    const made = store('killed')
    t.same(made.asideAtStart, [])
    t.ok(fs.existsSync(path))
    t.equal(fs.readFileSync(marker, 'utf8').trim(), '', 'it is tried once')
    await made.close()
  },
)

t.test('R9: a file that was being opened when the process died, and is damaged, is set aside at the start', async t => {
  const { folder, path } = await prepare('suspect')
  fs.writeFileSync(path, Buffer.alloc(9000, 7))
  fs.writeFileSync(`${folder}/run/opening-3`, '0000000000000001')
  const made = store('suspect')
  t.equal(made.asideAtStart.length, 1, 'shard 3 is no more: its marker is ours')
  t.equal(made.asideAtStart[0]!.incarnation, 1n)
  t.ok(fs.existsSync(made.asideAtStart[0]!.path))
  t.notOk(made.exists(1n))
  t.notOk(fs.existsSync(`${folder}/run/opening-3`))
  await made.close()
})

t.test(
  'a file whose name is durable is synced by name no more, through whatever handle, until another has the name',
  async t => {
    const made = store('named', 2)
    /** Commits, and answers how many names were synced. */
    const commit = async (incarnation: bigint, n: number) => {
      const { open } = fs.promises
      let synced = 0
      fs.promises.open = (...how: Parameters<typeof open>) => {
        synced++
        return open(...how)
      }
      try {
        const file = made.open(incarnation)
        await file.commit({ n, slots: 8, meta: [page('a', String(n))], days: [] })
        await file.flushed()
        file.release()
      } finally {
        fs.promises.open = open
      }
      return synced
    }
    for (const incarnation of [1n, 2n, 3n, 4n]) t.equal(await commit(incarnation, 1), 3, 'the file and its two folders')
    for (const incarnation of [4n, 3n, 2n, 1n]) t.equal(await commit(incarnation, 2), 0, 'most have been closed since')
    await made.erase(2n)
    t.equal(await commit(2n, 1), 3, 'of a new file nothing is known')
    made.setAside(2n, 'for a test')
    t.equal(await commit(2n, 1), 3)
    await made.close()
  },
)
