// Verdicts on disk: a file each, `<incarnation, 16 hex>-<n>-<index>.json`, complete and synced before it is renamed into
// place. They are few, people read them, and they must survive everything.
import { join } from 'node:path'
import type { Disk } from '../storage/disk.js'
import type { Verdict, VerdictStore } from './quarantine.js'

/**
 * Opens the folder. A verdict that the process before this one renamed into place may be in the page cache only (R3); it
 * binds from now on, so it is durable before anybody reads it.
 */
export async function verdictFolder(disk: Disk, folder: string): Promise<VerdictStore> {
  disk.makeFolder(folder)
  await disk.syncFolder(folder)
  return {
    load() {
      return disk
        .list(folder)
        .filter(name => name.endsWith('.json'))
        .map(name => read(disk, join(folder, name)))
    },
    async remove(verdict) {
      disk.remove(pathOf(folder, verdict))
      await disk.syncFolder(folder)
    },
    async save(verdict) {
      const path = pathOf(folder, verdict)
      const fresh = `${path}.new`
      disk.remove(fresh)
      const file = disk.open(fresh, 'create')
      try {
        const bytes = Buffer.from(JSON.stringify(verdict, plain))
        file.write(bytes, 0, bytes.length, 0)
        await new Promise<void>((resolve, reject) => file.sync(error => (error ? reject(error) : resolve())))
      } finally {
        file.close()
      }
      disk.rename(fresh, path)
      await disk.syncFolder(folder)
    },
  }
}

const pathOf = (folder: string, { incarnation, n, index }: Verdict): string =>
  join(folder, `${incarnation.toString(16).padStart(16, '0')}-${n}-${index}.json`)

function read(disk: Disk, path: string): Verdict {
  const file = disk.open(path, 'read')
  try {
    const bytes = Buffer.alloc(file.size())
    file.read(bytes, 0, bytes.length, 0)
    const parsed = JSON.parse(bytes.toString())
    return { ...parsed, incarnation: BigInt(`0x${parsed.incarnation}`), sentAt: parsed.sentAt ?? Number.NaN }
  } finally {
    file.close()
  }
}

function plain(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString(16) : value
}
