// The few file operations that the journal needs, as an argument: the real ones here, faulty ones for the simulation in
// memory-disk.ts. Writing is synchronous, because some KiB go into the page cache in microseconds; syncing and committing
// are not, because they have the disk's latency and the event loop has other work meanwhile.
import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { LetheError } from '../core/errors.js'
import { isMisaligned, openDirect, pageAligned, writeAll } from './direct.js'

export interface DiskFile {
  readonly path: string
  /** Writes all of bytes[start, end) at `position`, or throws `disk-error`; then any part of it may have been written. */
  write(bytes: Uint8Array, start: number, end: number, position: number): void
  /** Reads into target[start, end) from `position`; answers how many bytes there were (fewer only at the end of the file). */
  read(target: Uint8Array, start: number, end: number, position: number): number
  /** fdatasync. A failure is final: the kernel may have marked the pages clean, so it is never tried again (R12). */
  sync(done: (error: Error | null) => void): void
  /**
   * Writes all of bytes[start, end) at `position`; durable when `done` is told of no error. The bytes must not change before.
   * A failure is final, as that of a sync is: any part may have been written. To be quick it wants a file that was filled,
   * pages (position and length), and memory from `pageAligned`.
   */
  commit(bytes: Uint8Array, start: number, end: number, position: number, done: (error: Error | null) => void): void
  /** Writes zeros over [0, size) in steps, off the event loop. */
  fill(size: number): Promise<void>
  size(): number
  close(): void
}

/** All paths are absolute or relative to the process; all failures are LetheErrors with code `disk-error` and details {path, errno}. */
export interface Disk {
  /** Opens a file; `create` makes it anew, empty, and refuses if it exists. */
  open(path: string, mode: 'read' | 'write' | 'create'): DiskFile
  /** Names in a folder, sorted; none where the folder does not exist. */
  list(folder: string): string[]
  exists(path: string): boolean
  makeFolder(folder: string): void
  rename(from: string, to: string): void
  /** Removes a file; none there is fine. */
  remove(path: string): void
  /** Makes creations, renames and removals in `folder` durable. */
  syncFolder(folder: string): Promise<void>
  /** Bytes that an ordinary user may still write where `path` is. */
  freeBytes(path: string): number
}

export const diskError = (path: string, cause: unknown): LetheError => {
  const errno = (cause as { code?: string }).code ?? 'unknown'
  const full = errno === 'ENOSPC' || errno === 'EDQUOT' || errno === 'EFBIG'
  return new LetheError(full ? 'disk-full' : 'disk-error', `${path}: ${(cause as Error).message}`, 503, { path, errno })
}

const ZEROS = pageAligned(1024 * 1024)

class RealFile implements DiskFile {
  /** For commits past the page cache, once the file was filled. */
  private direct: number | undefined

  constructor(
    readonly path: string,
    private readonly descriptor: number,
  ) {}

  write(bytes: Uint8Array, start: number, end: number, position: number): void {
    try {
      while (start < end) {
        const written = fs.writeSync(this.descriptor, bytes, start, end - start, position)
        start += written
        position += written
      }
    } catch (error) {
      throw diskError(this.path, error)
    }
  }

  read(target: Uint8Array, start: number, end: number, position: number): number {
    const first = start
    try {
      while (start < end) {
        const got = fs.readSync(this.descriptor, target, start, end - start, position)
        if (got === 0) break
        start += got
        position += got
      }
    } catch (error) {
      throw diskError(this.path, error)
    }
    return start - first
  }

  sync(done: (error: Error | null) => void): void {
    fs.fdatasync(this.descriptor, error => done(error === null ? null : diskError(this.path, error)))
  }

  commit(bytes: Uint8Array, start: number, end: number, position: number, done: (error: Error | null) => void): void {
    if (this.direct === undefined) return this.commitCached(bytes, start, end, position, done)
    writeAll(this.direct, bytes, start, end, position, error => {
      if (error === null) return done(null)
      if (!isMisaligned(error)) return done(diskError(this.path, error))
      fs.closeSync(this.direct!)
      this.direct = undefined
      this.commitCached(bytes, start, end, position, done)
    })
  }

  private commitCached(
    bytes: Uint8Array,
    start: number,
    end: number,
    position: number,
    done: (error: Error | null) => void,
  ): void {
    try {
      this.write(bytes, start, end, position)
    } catch (error) {
      setImmediate(done, error as Error)
      return
    }
    this.sync(done)
  }

  async fill(size: number): Promise<void> {
    const direct = openDirect(this.path, false)
    try {
      const filled = direct !== undefined && (await this.zero(direct, size))
      if (!filled) await this.zero(this.descriptor, size)
      else this.direct = openDirect(this.path, true)
    } finally {
      // Off the event loop: it may wait for the disk, 10 to 20 ms.
      if (direct !== undefined) await new Promise(resolve => fs.close(direct, resolve))
    }
  }

  /** False if the descriptor is for direct writes and cannot take these. */
  private async zero(descriptor: number, size: number): Promise<boolean> {
    for (let at = 0; at < size; at += ZEROS.length) {
      const error = await new Promise<NodeJS.ErrnoException | null>(resolve =>
        writeAll(descriptor, ZEROS, 0, Math.min(ZEROS.length, size - at), at, resolve),
      )
      if (error !== null && descriptor !== this.descriptor && isMisaligned(error)) return false
      if (error !== null) throw diskError(this.path, error)
    }
    return true
  }

  size(): number {
    try {
      return fs.fstatSync(this.descriptor).size
    } catch (error) {
      throw diskError(this.path, error)
    }
  }

  close(): void {
    try {
      if (this.direct !== undefined) fs.closeSync(this.direct)
      this.direct = undefined
      fs.closeSync(this.descriptor)
    } catch (error) {
      throw diskError(this.path, error)
    }
  }
}

const attempt = <T>(path: string, action: () => T): T => {
  try {
    return action()
  } catch (error) {
    throw diskError(path, error)
  }
}

/** Removed files whose blocks are on their way back, one after the other: each takes a thread of the pool, and the disk's time. */
let givingBack: Promise<unknown> = Promise.resolve()

/**
 * Takes the name away now, and gives the blocks back off the event loop: where the file system tells the disk about them (`discard`), 64 MiB
 * take up to 100 ms. They go with the last descriptor, so whoever still reads the file reads it to its end.
 */
function removeFile(path: string): void {
  let descriptor: number | undefined
  try {
    descriptor = fs.openSync(path, 'r')
  } catch {
    // Also what cannot be opened can be removed.
  }
  try {
    fs.unlinkSync(path)
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error
  } finally {
    if (descriptor !== undefined)
      givingBack = givingBack.then(() => new Promise(resolve => fs.close(descriptor, resolve)))
  }
}

export const realDisk: Disk = {
  open(path, mode) {
    const flags = mode === 'read' ? 'r' : mode === 'write' ? 'r+' : 'wx+'
    return new RealFile(
      path,
      attempt(path, () => fs.openSync(path, flags, 0o600)),
    )
  },
  list(folder) {
    try {
      return fs.readdirSync(folder).sort()
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return []
      throw diskError(folder, error)
    }
  },
  exists: path => fs.existsSync(path),
  makeFolder: folder => void attempt(folder, () => fs.mkdirSync(folder, { recursive: true, mode: 0o700 })),
  rename: (from, to) => attempt(to, () => fs.renameSync(from, to)),
  remove: path => attempt(path, () => removeFile(path)),
  async syncFolder(folder) {
    try {
      const handle = await fs.promises.open(folder, 'r')
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
    } catch (error) {
      throw diskError(folder, error)
    }
  },
  freeBytes: path =>
    attempt(path, () => {
      const stat = fs.statfsSync(fs.existsSync(path) ? path : dirname(path))
      return stat.bavail * stat.bsize
    }),
}
