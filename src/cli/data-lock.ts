// Who has the data folder.
//
// The supervisor holds `node.lock`; each shard holds one of its own. A supervisor that was killed leaves shards behind,
// which end when they notice. So a start that finds the mark of an unclean end waits until all their locks are free (R4).
import fs from 'node:fs'
import path from 'node:path'
import { LetheError } from '../core/errors.js'
import { type Lock, lockHolder, takeLock } from '../storage/lock.js'

const WAIT_MS = 30_000
const LOOK_MS = 50

export function shardLock(dataFolder: string, shard: number): string {
  return path.join(dataFolder, 'run', `shard-${shard}.lock`)
}

function readMark(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8').trim()
  } catch {
    return ''
  }
}

/** Locks a data folder, or throws and says who has it. */
export async function lockData(dataFolder: string, about: string): Promise<Lock> {
  const file = path.join(dataFolder, 'node.lock')
  const mark = readMark(file)
  fs.mkdirSync(path.join(dataFolder, 'run'), { recursive: true, mode: 0o700 })
  let lock: Lock
  try {
    lock = takeLock(file, about)
  } catch (error) {
    if (!(error instanceof LetheError) || error.code !== 'locked') throw error
    throw new LetheError(
      'data-in-use',
      `${dataFolder} is in use by ${String(error.details['holder']) || 'another node'}`,
    )
  }
  // A clean end empties the file.
  if (mark !== '') await oldShardsGone(dataFolder)
  return lock
}

async function oldShardsGone(dataFolder: string): Promise<void> {
  const folder = path.join(dataFolder, 'run')
  const locks = fs.readdirSync(folder).filter(name => /^shard-\d+\.lock$/.test(name))
  for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
    const holder = locks.map(name => lockHolder(path.join(folder, name))).find(found => found !== undefined)
    if (holder === undefined) return
    if (waitedMs >= WAIT_MS) {
      throw new LetheError('data-in-use', `${dataFolder} is in use by ${holder || 'a shard'} of a node that was killed`)
    }
    await new Promise(resolve => setTimeout(resolve, LOOK_MS))
  }
}
