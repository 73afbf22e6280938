// What the journal's tests share: a journal over a memory disk, small limits, entries that say what they are.
import { type Random, seededRandom } from '../../src/core/random.js'
import type { Frame, Journal, JournalOptions, StorageLog } from '../../src/storage/contract.js'
import { EntryKind } from '../../src/storage/contract.js'
import type { Disk } from '../../src/storage/disk.js'
import { openJournal } from '../../src/storage/journal.js'
import { MemoryDisk } from '../../src/storage/memory-disk.js'

export const silent: StorageLog = { info() {}, warn() {}, error() {} }

export const smallLimits = {
  segmentBytes: 64 * 1024,
  maxFrameBytes: 32 * 1024,
  maxJournalBytes: 1024 * 1024,
  diskReserveBytes: 0,
}

let runs = 1n

export interface Rig {
  readonly disk: Disk
  readonly random?: Random
  readonly shard?: number
  readonly shards?: number
  readonly run?: bigint
  readonly limits?: Partial<JournalOptions['limits']>
  readonly log?: StorageLog
}

export function open(rig: Rig): Promise<Journal> {
  const shards = rig.shards ?? 1
  return openJournal({
    disk: rig.disk instanceof MemoryDisk ? rig.disk.attach() : rig.disk,
    folder: '/journal',
    shard: rig.shard ?? 0,
    shards,
    ownerOf: incarnation => Number(incarnation % BigInt(shards)),
    run: rig.run ?? runs++,
    limits: { ...smallLimits, ...rig.limits },
    random: rig.random ?? seededRandom(1),
    log: rig.log ?? silent,
  })
}

/** Appends one entry to the open group; answers its n, or −1 if there is no room. */
export function append(journal: Journal, incarnation: bigint, text: string, kind = EntryKind.Events): number {
  const writer = journal.writer(incarnation)
  const bytes = Buffer.from(text)
  const at = journal.begin(writer, kind, bytes.length)
  if (at < 0) return -1
  bytes.copy(journal.group, at)
  const n = writer.lastN + 1
  journal.end(n, bytes.length)
  return n
}

export function commit(journal: Journal, ms = 1_000, day = 20_000): Promise<Frame> {
  return new Promise((resolve, reject) => journal.commit(ms, day, resolve, reject))
}

export async function write(
  journal: Journal,
  incarnation: bigint,
  text: string,
  ms = 1_000,
  day = 20_000,
): Promise<number> {
  const n = append(journal, incarnation, text)
  const frame = await commit(journal, ms, day)
  frame.release()
  return n
}

export function read(journal: Journal, incarnation: bigint, afterN = 0): string[] {
  const found: string[] = []
  for (const entry of journal.replay(incarnation, afterN)) {
    found.push(`${entry.n}:${entry.bytes.toString('utf8', entry.start, entry.end)}@${entry.ms}/${entry.day}`)
  }
  return found
}
