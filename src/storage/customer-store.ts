// The customers' files: one LMDB file each, `customers/<2 hex>/<16 hex>.mdb`, a bounded number of them open.
//
// A damaged file must not take the shard down, or at most once. Before LMDB sees a file its structure is checked with
// plain reads (lmdb-check.ts), and rows carry the file's own checksums (file-header.ts). Should LMDB die all the same, a
// marker `run/opening-<shard>`, which names a file while it is opened or read, says at the next start
// which file it was; that file is then tried in a child process, and set aside if the child dies or complains.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { assert, LetheError } from '../core/errors.js'
import { atOnce } from '../core/steps.js'
import type { CopyableStore, CustomerFile, StorageLog } from './contract.js'
import { fileDamaged, OpenFile } from './customer-file.js'
import { FilePlaces } from './file-places.js'
import { FileTurns } from './file-turns.js'
import { whoLeaves } from './leaving.js'

export interface CustomerStoreOptions {
  /** `<data>/customers` and `<data>/run`. */
  readonly folder: string
  readonly runFolder: string
  readonly shard: number
  readonly shards: number
  readonly maxOpenFiles: number
  readonly maxFileCommits: number
  readonly log: StorageLog
}

const tooManyFiles = (limit: number) =>
  new LetheError('too-many-files', `all ${limit} customer files that may be open are in use`, 503, {
    retryAfterSeconds: 1,
  })

/** What a marker holds while no file is being opened. As long as a name: it is only ever written over. */
const NONE = ' '.repeat(16)

const hexOf = (incarnation: bigint): string => incarnation.toString(16).padStart(16, '0')

/** Where a customer's file is, below `folder`. The last digits choose the subfolder: the first may be a clock. */
export const customerPath = (folder: string, incarnation: bigint): string => {
  const hex = hexOf(incarnation)
  return `${folder}/${hex.slice(14)}/${hex}.mdb`
}

/** Opens the store and tries the files that were being opened when an earlier process of this shard died. */
export function openCustomerStore(options: CustomerStoreOptions): CopyableStore {
  return new LmdbCustomerStore(options)
}

class LmdbCustomerStore implements CopyableStore {
  private readonly files = new Map<bigint, OpenFile>()
  private readonly closing = new Set<Promise<void>>()
  private readonly marker: number
  private turn = 0
  private readonly turns = new FileTurns()
  private readonly places: FilePlaces
  /** As many as this process has written, like the journal's flushed n. */
  private readonly named = new Set<bigint>()
  readonly asideAtStart: { incarnation: bigint; path: string }[] = []

  constructor(private readonly options: CustomerStoreOptions) {
    this.places = new FilePlaces(options.maxFileCommits)
    fs.mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    fs.mkdirSync(options.runFolder, { recursive: true, mode: 0o700 })
    this.trySuspects()
    // Written over rather than made and removed: 2 µs instead of 25, and no wait for the file system's own journal.
    this.marker = fs.openSync(this.markerOf(options.shard), 'w', 0o600)
    fs.writeSync(this.marker, NONE, 0)
  }

  get openFiles(): number {
    return this.files.size + this.closing.size
  }

  exists(incarnation: bigint): boolean {
    return fs.existsSync(customerPath(this.options.folder, incarnation))
  }

  open(incarnation: bigint): CustomerFile {
    let file = this.files.get(incarnation)
    if (file === undefined) {
      this.makeRoom()
      file = this.fileOf(incarnation)
      this.files.set(incarnation, file)
    }
    file.users++
    file.usedAt = ++this.turn
    return file
  }

  private fileOf(incarnation: bigint): OpenFile {
    return new OpenFile(
      incarnation,
      customerPath(this.options.folder, incarnation),
      () => this.giveBack(incarnation),
      work => {
        fs.writeSync(this.marker, hexOf(incarnation), 0)
        try {
          return work()
        } finally {
          fs.writeSync(this.marker, NONE, 0)
        }
      },
      this.turns,
      this.places,
      this.named,
    )
  }

  async whileStill(incarnation: bigint, copy: (path: string) => Promise<void>): Promise<void> {
    const path = customerPath(this.options.folder, incarnation)
    await this.turns.take(incarnation, async () => {
      if (fs.existsSync(path)) await copy(path)
    })
  }

  private markerOf(shard: number): string {
    return `${this.options.runFolder}/opening-${shard}`
  }

  private giveBack(incarnation: bigint): void {
    const file = this.files.get(incarnation)
    assert(file !== undefined && file.users > 0, 'a file is released as often as it is opened')
    file.users--
    // It did not open, or nobody waited for that: whoever comes next begins anew.
    if (file.users > 0 || file.isOpen) return
    this.files.delete(incarnation)
    file.abandon()
  }

  /** Closes a file where one more would be too many. */
  private makeRoom(): void {
    const { maxOpenFiles } = this.options
    if (this.openFiles < maxOpenFiles) return
    const leaving = whoLeaves(this.files.values(), this.turn, maxOpenFiles)
    if (leaving === undefined) throw tooManyFiles(maxOpenFiles)
    this.close_(leaving)
    // Closing takes a moment; as many again may be in it.
    if (this.closing.size > maxOpenFiles) throw tooManyFiles(maxOpenFiles)
  }

  private close_(file: OpenFile): void {
    this.files.delete(file.incarnation)
    const done: Promise<void> = file
      .close()
      .catch(error => this.options.log.warn({ path: file.path, error }, 'a customer file did not close'))
      .then(() => void this.closing.delete(done))
    this.closing.add(done)
  }

  /** Whoever has the name next is another file. */
  private settle(incarnation: bigint): void {
    this.named.delete(incarnation)
    const file = this.files.get(incarnation)
    if (file === undefined) return
    assert(file.users === 0, 'nobody uses a file that is moved or removed')
    this.close_(file)
  }

  async erase(incarnation: bigint): Promise<void> {
    this.settle(incarnation)
    await Promise.all(this.closing)
    const path = customerPath(this.options.folder, incarnation)
    for (const name of [path, `${path}-lock`, `${path}.new`, `${path}.new-lock`]) fs.rmSync(name, { force: true })
    const folder = path.slice(0, path.lastIndexOf('/'))
    if (!fs.existsSync(folder)) return
    const handle = await fs.promises.open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  setAside(incarnation: bigint, why: string): string {
    this.settle(incarnation)
    const { folder, log } = this.options
    const path = customerPath(folder, incarnation)
    fs.mkdirSync(`${folder}/aside`, { recursive: true, mode: 0o700 })
    let target = ''
    for (let i = 1; target === '' || fs.existsSync(target); i++)
      target = `${folder}/aside/${hexOf(incarnation)}-${i}.mdb`
    fs.renameSync(path, target)
    fs.rmSync(`${path}-lock`, { force: true })
    log.error({ path, target, why }, 'a customer file is damaged and was set aside')
    return target
  }

  /** Markers of this shard, and of shards that there are no more. */
  private trySuspects(): void {
    const { runFolder, shard, shards } = this.options
    for (const name of fs.readdirSync(runFolder)) {
      const owner = Number(/^opening-(\d+)$/.exec(name)?.[1] ?? Number.NaN)
      if ((owner < shards ? owner : owner % shards) !== shard) continue
      const marker = this.markerOf(owner)
      const named = /^[0-9a-f]{16}$/.exec(fs.readFileSync(marker, 'latin1'))
      if (named !== null) this.trySuspect(BigInt(`0x${named[0]}`))
      fs.rmSync(marker, { force: true })
    }
  }

  private trySuspect(incarnation: bigint): void {
    const path = customerPath(this.options.folder, incarnation)
    if (!fs.existsSync(path)) return
    const why = tryFile(path, incarnation)
    if (why === undefined)
      this.options.log.warn({ path }, 'a process died while it opened this customer file; it is intact')
    else this.asideAtStart.push({ incarnation, path: this.setAside(incarnation, why) })
  }

  async close(): Promise<void> {
    for (const file of [...this.files.values()]) this.close_(file)
    await Promise.all(this.closing)
    fs.closeSync(this.marker)
  }
}

/** Opens and reads a file in a process of its own; answers what is wrong with it. */
function tryFile(path: string, incarnation: bigint): string | undefined {
  const script = fileURLToPath(new URL('./try-file.js', import.meta.url))
  const result = spawnSync(process.execPath, [script, path, String(incarnation)], { encoding: 'utf8', timeout: 60_000 })
  if (result.status === 0) return undefined
  if (result.status === null) return `opening it kills a process: ${result.signal ?? result.error?.message}`
  return result.stderr.trim().split('\n').at(-1) ?? `exit ${result.status}`
}

/** Reads all of a file; throws `file-damaged`. */
export async function readWhole(path: string, incarnation: bigint): Promise<void> {
  const file = new OpenFile(
    incarnation,
    path,
    () => {},
    work => work(),
    new FileTurns(),
    new FilePlaces(1),
    new Set(),
  )
  try {
    if (atOnce(file.meta()) === undefined) throw fileDamaged(path, 'it is empty')
    for (const [slot] of atOnce(file.days())) atOnce(file.day(slot))
  } finally {
    await file.close()
  }
}
