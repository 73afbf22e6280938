// How many files a process may have open, and how a shard shares them out. A process that runs into the limit cannot load a
// module, accept a connection or make a journal segment, and lmdb-js dies of it (SIGSEGV): so nobody gets there.
import fs from 'node:fs'
import type { Limits } from '../core/limits.js'

/** Below this a node does not start: while they load, its modules alone have about a hundred open. */
export const MIN_DESCRIPTORS = 192
/** Of a shard at rest some 30 are open; segments being read or made, sockets of peers and modules come and go. */
const OWN_DESCRIPTORS = 64
/** An open LMDB file has three; when the pool is full, as many again may be on their way out. */
const PER_FILE = 6

/** The limit of this process; Infinity where nobody says. Node itself has raised it as far as it may. */
export function descriptorLimit(): number {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return found === undefined ? Number.POSITIVE_INFINITY : Number(found)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** Limits that `descriptors` are enough for: customers' files get half of what is left at most, connections the rest. */
export function fitToDescriptors(limits: Limits, descriptors: number, shards: number): Limits {
  const left = descriptors - OWN_DESCRIPTORS - 2 * shards
  const maxOpenFiles = Math.max(2, Math.min(limits.maxOpenFiles, Math.floor(left / 2 / PER_FILE)))
  const atOnce = Math.floor(maxOpenFiles / 2)
  return {
    ...limits,
    maxOpenFiles,
    maxLoadsAtOnce: Math.min(limits.maxLoadsAtOnce, atOnce),
    maxCheckpointsAtOnce: Math.min(limits.maxCheckpointsAtOnce, atOnce),
    maxConnections: Math.max(8, Math.min(limits.maxConnections, left - PER_FILE * maxOpenFiles)),
  }
}
