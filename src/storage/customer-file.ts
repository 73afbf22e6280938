// One customer's LMDB file while it is open: a single tree, see file-header.ts for its keys.
//
// One tree instead of a database per slot: a customer with 400 days would need 402 handles, each with its own open
// transaction, and lmdb-js has had crashes in clearing and dropping databases. Ranges do the same.
//
// A file is checked, opened and read a step at a time. What is read is one snapshot of LMDB's: it stays as it is over turns of
// the event loop, whatever is committed meanwhile.
//
// A commit is read and summed a step at a time, for it may be tens of megabytes; then all its writes are queued in one turn
// of the event loop, and lmdb-js carries them out as one transaction on its thread. `overlappingSync` is off: a commit that
// is visible is durable, as in plain LMDB (0.62 ms against 0.70 ms).
// `useWritemap` is never on: a full disk would be a SIGBUS.
import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { allDbs, open, type RootDatabase, type Transaction } from 'lmdb'
import { assert, LetheError } from '../core/errors.js'
import { inTurns, nextTurn, type Steps } from '../core/steps.js'
import type { CustomerFile, FileWrite, PageWrite, Row } from './contract.js'
import { decodeHeader, endOf, FileHeader, HEADER_KEY, META, prefixOf, Scope } from './file-header.js'
import type { FilePlaces } from './file-places.js'
import type { FileTurns } from './file-turns.js'
import { syncShared } from './folder-sync.js'
import { checkLmdbFile } from './lmdb-check.js'

declare module 'lmdb' {
  /** Exported, and missing from its types: every tree that was opened, by the name of its file. */
  const allDbs: Map<string, unknown>
}

export const fileDamaged = (path: string, why: string): LetheError =>
  new LetheError('file-damaged', `${path}: ${why}`, 503, { path, why })

type Tree = RootDatabase<Buffer, Buffer>

/**
 * LMDB maps its lock file and writes into the first page: on a full disk a page that has no block yet is a SIGBUS. An
 * ordinary write gives it one, or says why not.
 */
function allocateLock(path: string): void {
  const found = fs.statSync(`${path}-lock`, { throwIfNoEntry: false })
  if (found === undefined || found.blocks === 0) fs.writeFileSync(`${path}-lock`, LOCK_PAGE)
}

const LOCK_PAGE = Buffer.alloc(4096)

const openTree = (path: string): Tree => {
  allocateLock(path)
  return open({
    path,
    noSubdir: true,
    keyEncoding: 'binary',
    encoding: 'binary',
    compression: false,
    cache: false,
    pageSize: 4096,
    maxDbs: 1,
    overlappingSync: false,
    eventTurnBatching: false,
  }) as Tree
}

/** LMDB says EIO for a write that was cut short, whatever cut it. */
const NEARLY_FULL_BYTES = 4 * 1024 * 1024

function isFull(path: string, { message }: Error): boolean {
  const { bavail, bsize } = fs.statfsSync(dirname(path))
  return bavail * bsize < NEARLY_FULL_BYTES || /ENOSPC|No space left|EFBIG|File too large|EDQUOT|quota/i.test(message)
}

/** What the disk said when a commit failed. lmdb-js rejects twice, the second time where nobody waits. */
async function commitFailure(path: string, error: unknown): Promise<LetheError> {
  const second = (error as { commitError?: Promise<unknown> }).commitError
  let cause = error as Error
  if (second !== undefined) await second.catch((reason: Error) => (cause = reason))
  const full = isFull(path, cause)
  return new LetheError(full ? 'disk-full' : 'disk-error', `${path}: ${cause.message}`, 503, { path })
}

/** Bytes, and rows, that are read and summed in one step: about a quarter of a millisecond. */
const STEP_BYTES = 128 * 1024
const STEP_ROWS = 128

// lmdb-js remembers all it ever opened, with 64 KiB of instructions each: a shard would grow with every customer that leaves.
async function closeTree(tree: Tree): Promise<void> {
  await tree.close()
  for (const [name, known] of allDbs) if (known === tree) allDbs.delete(name)
}

/** Reads on in the range of `found`, behind the last of `rows`, and counts what it adds to them; false at the end. */
function readSome(tree: Tree, transaction: Transaction, found: Scope, rows: Row[]): boolean {
  const prefix = prefixOf(found.slot)
  const last = rows.at(-1)
  const start = last === undefined ? prefix : Buffer.concat([prefix, last.key])
  const end = endOf(found.slot)
  const exclusiveStart = last !== undefined
  const most = found.bytes + STEP_BYTES
  let count = 0
  for (const { key, value } of tree.getRange({ start, exclusiveStart, end, limit: STEP_ROWS, transaction })) {
    found.add(key, value)
    rows.push({ key: key.subarray(prefix.length), value })
    if (found.bytes > most) return true
    count++
  }
  return count === STEP_ROWS
}

export class OpenFile implements CustomerFile {
  private tree: Tree | undefined
  private header: FileHeader | undefined
  /** Under way while somebody waits for it. */
  private opener: Steps<void> | undefined
  /** Snapshots that somebody reads. */
  private readings = 0
  /** Told when the last reading ends. */
  private unread = () => {}
  /** Another file takes its place: no reading may begin. */
  private replacing = false
  private committing = false
  users = 0
  usedAt = 0

  constructor(
    readonly incarnation: bigint,
    readonly path: string,
    private readonly giveBack: (file: OpenFile) => void,
    /** Runs what may kill the process with a note of which file it was. */
    private readonly guarded: <T>(work: () => T) => T,
    private readonly turns: FileTurns,
    private readonly places: FilePlaces,
    /** Customers whose file has been synced by name in this process, whichever handle of it did that. */
    private readonly named: Set<bigint>,
  ) {}

  get isOpen(): boolean {
    return this.tree !== undefined
  }

  /** The tree, opened first where it is not. Who comes while somebody else opens it goes on with that. */
  private *opened(): Steps<Tree> {
    while (this.tree === undefined || this.replacing) {
      if (!this.replacing && this.stepOpening()) continue
      yield
    }
    return this.tree
  }

  /** True when it has been opened. */
  private stepOpening(): boolean {
    this.opener ??= this.open()
    let over = true
    try {
      over = this.opener.next().done === true
      return over
    } finally {
      if (over) this.opener = undefined
    }
  }

  /** Throws `file-damaged`, or `disk-full`. */
  private *open(): Steps<void> {
    const { path } = this
    const created = !fs.existsSync(path)
    fs.rmSync(`${path}.new`, { force: true })
    if (created) fs.mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    else {
      const why = yield* checkLmdbFile(path)
      if (why !== undefined) throw fileDamaged(path, why)
    }
    let tree: Tree
    try {
      tree = this.guarded(() => openTree(path))
    } catch (error) {
      const { message } = error as Error
      if (!created && !isFull(path, error as Error)) throw fileDamaged(path, message)
      // What is left of a file that never held anything is no damage.
      if (created) fs.rmSync(path, { force: true })
      throw new LetheError('disk-full', `${path}: ${message}`, 503, { path })
    }
    try {
      this.header = this.guarded(() => this.readHeader(tree))
    } catch (error) {
      closeTree(tree).catch(() => {})
      throw error
    }
    this.tree = tree
  }

  private readHeader(tree: Tree, transaction?: Transaction): FileHeader | undefined {
    const options = transaction && { transaction }
    const bytes = tree.get(HEADER_KEY, options)
    if (bytes === undefined) {
      for (const _ of tree.getKeys({ ...options, limit: 1 })) throw fileDamaged(this.path, 'rows without a header')
      return undefined
    }
    const header = decodeHeader(bytes, this.incarnation)
    if (typeof header === 'string') throw fileDamaged(this.path, header)
    return header
  }

  *meta(): Steps<{ n: number; slots: number; rows: Row[] } | undefined> {
    const found = yield* this.read(META)
    return found && { n: found.header.n, slots: found.header.slots, rows: found.rows }
  }

  *day(slot: number): Steps<{ day: number; rows: Row[] } | undefined> {
    const found = yield* this.read(slot)
    return found && { day: found.scope.day, rows: found.rows }
  }

  *days(): Steps<[number, number][]> {
    yield* this.opened()
    const found: [number, number][] = []
    for (const scope of this.header?.scopes.values() ?? []) if (scope.slot !== META) found.push([scope.slot, scope.day])
    return found
  }

  /**
   * A scope and its rows, of one moment; undefined where there is none. LMDB keeps the pages of a snapshot as they are until the
   * reading ends. A commit meanwhile takes others: the file grows, at most by what it writes.
   */
  private *read(slot: number): Steps<{ header: FileHeader; scope: Scope; rows: Row[] } | undefined> {
    const tree = yield* this.opened()
    const transaction = tree.useReadTransaction()
    this.readings++
    try {
      // Not `this.header`: LMDB shows a commit a moment before it resolves here.
      const header = this.guarded(() => this.readHeader(tree, transaction))
      const scope = header?.scopes.get(slot)
      return scope && { header: header!, scope, rows: yield* this.rows(tree, transaction, scope) }
    } finally {
      transaction.done()
      if (--this.readings === 0) this.unread()
    }
  }

  private *rows(tree: Tree, transaction: Transaction, expected: Scope): Steps<Row[]> {
    const { slot } = expected
    const found = new Scope(slot, expected.day)
    const rows: Row[] = []
    while (this.guarded(() => readSome(tree, transaction, found, rows)) && found.rows <= expected.rows) yield
    if (!found.same(expected)) {
      const name = slot === META ? 'meta' : `day-${slot}`
      throw fileDamaged(
        this.path,
        `${name}: ${found.rows} rows of ${expected.rows}, or other contents than were written`,
      )
    }
    return rows
  }

  async commit(write: FileWrite): Promise<void> {
    assert(!this.committing, 'one commit at a time')
    this.committing = true
    try {
      const commit = () => this.places.take(async () => this.write(await inTurns(this.opened()), write))
      await this.turns.take(this.incarnation, commit)
    } finally {
      this.committing = false
    }
  }

  private async write(tree: Tree, write: FileWrite): Promise<void> {
    const { header } = this
    if (header !== undefined && header.slots !== write.slots) await this.rewrite(write)
    else this.header = await this.put(tree, header ?? new FileHeader(this.incarnation, write.slots), write)
  }

  /** Carries out `write` on a copy of `before`, in one transaction; answers the header as it then is. */
  private async put(tree: Tree, before: FileHeader, write: FileWrite): Promise<FileHeader> {
    for (const { slot, day } of write.days) {
      const held = before.scopes.get(slot)
      assert(held === undefined || held.day <= day, 'a slot never goes back to an older day')
    }
    const header = before.copy()
    header.n = write.n
    header.slots = write.slots
    const puts: PageWrite[] = []
    let work = 0
    // What is read and summed lies in no transaction yet: nobody else writes this file meanwhile.
    for (const bytes of this.plan(tree, header, write, puts)) {
      work += bytes
      if (work < STEP_BYTES) continue
      work = 0
      await nextTurn()
    }
    puts.push({ key: HEADER_KEY, value: header.encode() })
    // A batch is one transaction. Without it lmdb-js would batch by turns of the event loop, and a failed commit would
    // reject a promise of its own that nobody can reach.
    const committed = tree.batch(() => {
      // Must not throw: lmdb-js commits what was queued before.
      for (const { key, value } of puts)
        void (value === null ? tree.remove(key as Buffer) : tree.put(key as Buffer, value as Buffer))
    })
    try {
      await committed
    } catch (error) {
      throw await commitFailure(this.path, error)
    }
    tree.resetReadTxn()
    let rows = 1
    for (const scope of header.scopes.values()) rows += scope.rows
    const { entryCount } = tree.getStats() as { entryCount: number }
    if (entryCount !== rows) throw fileDamaged(this.path, `${entryCount} rows after a commit that makes ${rows}`)
    return header
  }

  /** Counts a write into the scopes of `header` and adds what is to be put to `puts`. Yields the bytes of each row it has dealt with. */
  private *plan(tree: Tree, header: FileHeader, write: FileWrite, puts: PageWrite[]): Generator<number, void> {
    const meta = header.scopes.get(META) ?? new Scope(META, 0)
    header.scopes.set(META, meta)
    yield* this.planPages(tree, meta, false, write.meta, puts)
    for (const day of write.days) {
      let scope = header.scopes.get(day.slot)
      const clear = scope !== undefined && (day.clear || scope.day !== day.day)
      if (clear) {
        for (const key of tree.getKeys({ start: prefixOf(day.slot), end: endOf(day.slot) })) {
          puts.push({ key, value: null })
          yield key.length
        }
      }
      if (scope === undefined || clear) scope = new Scope(day.slot, day.day)
      header.scopes.set(day.slot, scope)
      yield* this.planPages(tree, scope, clear, day.pages, puts)
    }
  }

  private *planPages(
    tree: Tree,
    scope: Scope,
    cleared: boolean,
    pages: readonly PageWrite[],
    puts: PageWrite[],
  ): Generator<number, void> {
    const prefix = prefixOf(scope.slot)
    const keys = new Set<string>()
    for (const page of pages) {
      const key = Buffer.concat([prefix, page.key])
      const name = key.toString('latin1')
      // Twice the same key would count the old value out of the sums twice.
      assert(!keys.has(name), 'a page is written once')
      keys.add(name)
      const old = cleared ? undefined : tree.get(key)
      if (old !== undefined) scope.remove(key, old)
      if (page.value !== null) scope.add(key, page.value)
      if (page.value !== null || old !== undefined) puts.push({ key, value: page.value })
      yield (page.value?.length ?? 0) + (old?.length ?? 0)
    }
  }

  /** Another number of slots: a fresh file under the new modulus, then renamed over this one (R7). */
  private async rewrite(write: FileWrite): Promise<void> {
    const path = `${this.path}.new`
    const removeFresh = () => {
      for (const name of [path, `${path}-lock`]) fs.rmSync(name, { force: true })
    }
    removeFresh()
    const tree = openTree(path)
    let written: FileHeader
    try {
      written = await this.copyTo(tree, write)
    } catch (error) {
      await closeTree(tree)
      removeFresh()
      throw error
    }
    await closeTree(tree)
    this.replacing = true
    try {
      await this.replace(path, written)
    } finally {
      removeFresh()
      this.replacing = false
    }
  }

  /** Puts the file at `path` in the place of this one, once nobody reads this one. */
  private async replace(path: string, header: FileHeader): Promise<void> {
    while (this.readings > 0) await new Promise<void>(resolve => (this.unread = resolve))
    await this.close()
    try {
      fs.renameSync(path, this.path)
      this.header = header
      this.named.delete(this.incarnation)
    } finally {
      // Renamed or not, whoever comes next finds it open.
      this.tree = openTree(this.path)
    }
  }

  /** Writes all that is here into an empty tree under the slots of `write`, then `write`. */
  private async copyTo(tree: Tree, write: FileWrite): Promise<FileHeader> {
    const before = this.header!
    // Of two days that meet in one slot the later one stays.
    const newest = new Map<number, Scope>()
    for (const scope of before.scopes.values()) {
      const slot = scope.day % write.slots
      if (scope.slot !== META && (newest.get(slot)?.day ?? -1) < scope.day) newest.set(slot, scope)
    }
    const { slots } = write
    const rows = async (slot: number) => (await inTurns(this.read(slot)))!.rows
    const days: { slot: number; day: number; clear: boolean; pages: PageWrite[] }[] = []
    for (const [slot, scope] of newest) days.push({ slot, day: scope.day, clear: false, pages: await rows(scope.slot) })
    const empty = new FileHeader(this.incarnation, slots)
    const copied = await this.put(tree, empty, { n: before.n, slots, meta: await rows(META), days })
    // The days of `write` are in their new slots already.
    return await this.put(tree, copied, write)
  }

  async flushed(): Promise<void> {
    if (this.named.has(this.incarnation)) return
    await inTurns(this.opened())
    // Commits sync themselves. What is not sure is the name, and what a process before this one wrote.
    try {
      await syncShared(this.path)
      const folder = dirname(this.path)
      await Promise.all([syncShared(folder), syncShared(dirname(folder))])
    } catch (error) {
      throw new LetheError('disk-error', `${this.path}: ${(error as Error).message}`, 503, { path: this.path })
    }
    this.named.add(this.incarnation)
  }

  release(): void {
    this.giveBack(this)
  }

  /** Ends an opening that nobody waits for. */
  abandon(): void {
    this.opener?.return()
    this.opener = undefined
  }

  async close(): Promise<void> {
    this.abandon()
    const { tree } = this
    this.tree = undefined
    if (tree !== undefined) await closeTree(tree)
  }
}
