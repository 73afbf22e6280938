// A disk in memory that misbehaves as real ones may: for simulations and tests. Everything it decides comes from a Random.
//
// A file is what the page cache shows and what the platter holds. A write changes the first and makes its 512-byte
// sectors dirty; a sync moves those that were dirty when it began. When the power goes, each dirty sector has arrived or
// not, by a coin: so the last write is torn in any order. A sync that fails leaves its sectors looking clean and never
// written, as Linux does. Names (creations, renames, removals) are durable after syncFolder; at a crash a prefix of the
// others has happened.
import { Bug, type LetheError } from '../core/errors.js'
import type { Random } from '../core/random.js'
import { type Disk, type DiskFile, diskError } from './disk.js'

const SECTOR = 512

class Inode {
  cache: Buffer = Buffer.alloc(0)
  platter: Buffer = Buffer.alloc(0)
  readonly dirty = new Set<number>()

  resize(size: number): void {
    if (size <= this.cache.length) return
    const grown = Buffer.alloc(size)
    this.cache.copy(grown)
    this.cache = grown
  }

  write(bytes: Uint8Array, start: number, end: number, position: number): void {
    this.resize(position + end - start)
    this.cache.set(bytes.subarray(start, end), position)
    for (let s = Math.floor(position / SECTOR); s * SECTOR < position + end - start; s++) this.dirty.add(s)
  }

  settle(sector: number): void {
    const start = sector * SECTOR
    const end = Math.min(start + SECTOR, this.cache.length)
    if (end > this.platter.length) {
      const grown = Buffer.alloc(end)
      this.platter.copy(grown)
      this.platter = grown
    }
    this.cache.copy(this.platter, start, start, end)
  }
}

type NameChange = { folder: string; apply: (names: Map<string, Inode>) => void }

export type DiskOperation = 'open' | 'write' | 'read' | 'sync' | 'fill' | 'rename' | 'remove' | 'syncFolder'

export interface MemoryDiskOptions {
  readonly random: Random
  /** When asynchronous operations end: runs `action` later. Default: setImmediate, whatever the delay. */
  readonly schedule?: (action: () => void, delayMs: number) => void
}

export class MemoryDisk implements Disk {
  private names = new Map<string, Inode>()
  private durableNames = new Map<string, Inode>()
  private pending: NameChange[] = []
  private generation = 0
  private open_ = 0
  /** An errno for an operation that shall fail now, such as 'EIO'. */
  fault: (operation: DiskOperation, path: string) => string | undefined = () => undefined
  /** Delay of a sync, handed to `schedule`. */
  syncDelayMs = 0
  /** Bytes of all files beyond which writes fail with ENOSPC. */
  capacity = Number.POSITIVE_INFINITY
  /** Files open at once beyond which open fails with EMFILE. */
  maxOpen = Number.POSITIVE_INFINITY
  syncs = 0

  constructor(private readonly options: MemoryDiskOptions) {}

  /** The power goes: what was not synced is there in part. Handles of before are dead, callbacks that are due never come. */
  crash(): void {
    const { random } = this.options
    this.kill()
    const happened = Math.floor(random.fraction() * (this.pending.length + 1))
    for (const change of this.pending.slice(0, happened)) change.apply(this.durableNames)
    this.pending = []
    for (const inode of new Set([...this.durableNames.values(), ...this.names.values()])) {
      for (const sector of inode.dirty) if (random.fraction() < 0.5) inode.settle(sector)
      inode.dirty.clear()
      inode.cache = Buffer.from(inode.platter)
    }
    this.names = new Map(this.durableNames)
  }

  /** The process dies, the machine lives on: what was written stays, what waits for an answer never gets one. */
  kill(): void {
    this.generation++
    this.open_ = 0
  }

  /** The disk as one process sees it: dead once that process is. */
  attach(): Disk {
    const { generation } = this
    const alive = <A extends unknown[], R>(action: (...args: A) => R) => {
      return (...args: A): R => {
        if (generation !== this.generation) throw new Bug('a dead process uses the disk')
        return action(...args)
      }
    }
    return {
      open: alive((path, mode) => this.open(path, mode)),
      list: alive(folder => this.list(folder)),
      exists: alive(path => this.exists(path)),
      makeFolder: alive(() => this.makeFolder()),
      rename: alive((from, to) => this.rename(from, to)),
      remove: alive(path => this.remove(path)),
      syncFolder: alive(folder => this.syncFolder(folder)),
      freeBytes: alive(() => this.freeBytes()),
    }
  }

  get openFiles(): number {
    return this.open_
  }

  /** A file's bytes as the page cache has them, to look at or to damage (durably). */
  contents(path: string): Buffer {
    return this.inode(path).cache
  }

  /** Replaces a file's bytes, durably: damage. */
  damage(path: string, bytes: Buffer): void {
    const inode = this.inode(path)
    inode.cache = Buffer.from(bytes)
    inode.platter = Buffer.from(bytes)
    inode.dirty.clear()
  }

  files(): string[] {
    return [...this.names.keys()].sort()
  }

  private inode(path: string): Inode {
    const inode = this.names.get(path)
    if (inode === undefined) throw errno(path, 'ENOENT')
    return inode
  }

  private check(operation: DiskOperation, path: string): void {
    const code = this.fault(operation, path)
    if (code !== undefined) throw errno(path, code)
  }

  private change(folder: string, apply: (names: Map<string, Inode>) => void): void {
    apply(this.names)
    this.pending.push({ folder, apply })
  }

  private later(action: () => void, delayMs = 0): void {
    const { generation } = this
    const guarded = () => {
      if (generation === this.generation) action()
    }
    if (this.options.schedule === undefined) setImmediate(guarded)
    else this.options.schedule(guarded, delayMs)
  }

  private pause(delayMs = 0): Promise<void> {
    return new Promise(resolve => this.later(resolve, delayMs))
  }

  private used(): number {
    let sum = 0
    for (const inode of this.names.values()) sum += inode.cache.length
    return sum
  }

  open(path: string, mode: 'read' | 'write' | 'create'): DiskFile {
    this.check('open', path)
    if (this.open_ >= this.maxOpen) throw errno(path, 'EMFILE')
    if (mode === 'create') {
      if (this.names.has(path)) throw errno(path, 'EEXIST')
      const inode = new Inode()
      this.change(parent(path), names => names.set(path, inode))
    }
    const inode = this.inode(path)
    this.open_++
    const { generation } = this
    const alive = () => {
      if (generation !== this.generation) throw new Bug(`${path} was open in a process that is dead`)
    }
    const sync = (done: (error: Error | null) => void) => {
      alive()
      this.syncs++
      const sectors = [...inode.dirty]
      this.later(() => {
        const code = this.fault('sync', path)
        for (const sector of sectors) inode.dirty.delete(sector)
        if (code !== undefined) return done(errno(path, code))
        for (const sector of sectors) inode.settle(sector)
        done(null)
      }, this.syncDelayMs)
    }
    const write = (bytes: Uint8Array, start: number, end: number, position: number) => {
      alive()
      const more = Math.max(0, position + end - start - inode.cache.length)
      const short = more > 0 && this.used() + more > this.capacity
      const code = short ? 'ENOSPC' : this.fault('write', path)
      if (code === undefined) return inode.write(bytes, start, end, position)
      // Part of it was written.
      const part = start + Math.floor(this.options.random.fraction() * (end - start))
      if (!short) inode.write(bytes, start, part, position)
      throw errno(path, code)
    }
    let closed = false
    return {
      path,
      sync,
      write,
      commit: (bytes, start, end, position, done) => {
        try {
          write(bytes, start, end, position)
        } catch (error) {
          this.later(() => done(error as Error))
          return
        }
        sync(done)
      },
      read: (target, start, end, position) => {
        alive()
        this.check('read', path)
        if (position >= inode.cache.length) return 0
        return inode.cache.copy(target, start, position, Math.min(inode.cache.length, position + end - start))
      },
      fill: async size => {
        await this.pause()
        alive()
        this.check('fill', path)
        if (this.used() + size - inode.cache.length > this.capacity) throw errno(path, 'ENOSPC')
        inode.write(Buffer.alloc(size), 0, size, 0)
      },
      size: () => inode.cache.length,
      close: () => {
        if (closed) throw new Bug(`${path} is closed twice`)
        closed = true
        if (generation === this.generation) this.open_--
      },
    }
  }

  list(folder: string): string[] {
    const names = new Set<string>()
    for (const path of this.names.keys()) {
      if (path.startsWith(`${folder}/`)) names.add(path.slice(folder.length + 1).split('/')[0]!)
    }
    return [...names].sort()
  }

  exists(path: string): boolean {
    return this.names.has(path)
  }

  // Folders are nothing but the names in them.
  makeFolder(): void {}

  rename(from: string, to: string): void {
    this.check('rename', to)
    const inode = this.inode(from)
    this.change(parent(to), names => {
      names.delete(from)
      names.set(to, inode)
    })
  }

  remove(path: string): void {
    this.check('remove', path)
    if (this.names.has(path)) this.change(parent(path), names => names.delete(path))
  }

  async syncFolder(folder: string): Promise<void> {
    const due = this.pending.filter(change => change.folder === folder)
    await this.pause()
    this.check('syncFolder', folder)
    for (const change of due) {
      const at = this.pending.indexOf(change)
      if (at < 0) continue
      this.pending.splice(at, 1)
      change.apply(this.durableNames)
    }
  }

  freeBytes(): number {
    return this.capacity - this.used()
  }
}

const parent = (path: string): string => path.slice(0, path.lastIndexOf('/'))

const errno = (path: string, code: string): LetheError => diskError(path, Object.assign(new Error(code), { code }))
