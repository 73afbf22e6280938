// The journal: what an entry costs in the open group, and how long a commit takes, beside the bare system calls.
import fs from 'node:fs'
import path from 'node:path'
import { dayOf } from '../../src/core/clock.js'
import { defaultLimits } from '../../src/core/limits.js'
import { systemRandom } from '../../src/core/random.js'
import { EntryKind, type Journal, type JournalWriter } from '../../src/storage/contract.js'
import { realDisk } from '../../src/storage/disk.js'
import { openJournal } from '../../src/storage/journal.js'
import type { Bench, Measuring } from '../bench.js'
import { summarize } from '../statistics.js'

const BODY = Buffer.alloc(118, 'x')
const quiet = { info: () => {}, warn: () => {}, error: () => {} }

function open(folder: string): Promise<Journal> {
  return openJournal({
    disk: realDisk,
    folder,
    shard: 0,
    shards: 1,
    ownerOf: () => 0,
    run: 1n,
    limits: defaultLimits,
    random: systemRandom,
    log: quiet,
  })
}

function commit(journal: Journal): Promise<void> {
  return new Promise((resolve, reject) => {
    const now = Date.now()
    journal.commit(
      now,
      dayOf(now),
      frame => {
        frame.release()
        resolve()
      },
      reject,
    )
  })
}

/** Puts entries of `size` bytes, one a customer in turn, until the group holds `bytes`; answers how many. */
function fill(journal: Journal, writers: readonly JournalWriter[], size: number, bytes: number): number {
  let entries = 0
  for (let at = 0; at + size <= bytes; at += size) {
    const writer = writers[entries % writers.length]!
    const offset = journal.begin(writer, EntryKind.Events, size)
    if (offset < 0) break
    journal.group.set(size === BODY.length ? BODY : BODY.subarray(0, size), offset)
    journal.end(writer.lastN + 1, size)
    entries++
  }
  return entries
}

async function append(b: Measuring): Promise<void> {
  const frames = b.parameter('frames', 2, 200)
  const perFrame = b.parameter('entries a frame', 20, 2_000)
  const customers = b.parameter('customers', 10, 1_000)
  const journal = await open(b.folder())
  b.atEnd(() => journal.close())
  const writers = Array.from({ length: customers }, (_, i) => journal.writer(BigInt(i + 1)))
  for (let round = b.smoke ? 0 : -1; round < b.rounds; round++) {
    let spentMs = 0
    let entries = 0
    for (let i = 0; i < frames; i++) {
      const start = performance.now()
      entries += fill(journal, writers, BODY.length, perFrame * BODY.length)
      spentMs += performance.now() - start
      await commit(journal)
      for (const writer of writers) journal.flushedTo(writer.incarnation, writer.lastN)
      journal.trim()
    }
    b.checksum('begin, copy of 118 bytes, end', entries)
    if (round >= 0) b.sample('begin, copy of 118 bytes, end', 'ns', (spentMs * 1e6) / entries)
  }
  b.aim('an entry of 118 bytes into the journal, ns', b.median('begin, copy of 118 bytes, end', 'ns'), 'at most', 30)
}

const SIZES = [
  ['4 KB', 4_000],
  ['64 KB', 64_000],
  ['1 MB', 1_000_000],
] as const

async function latency(b: Measuring): Promise<void> {
  const commits = b.parameter('commits', 5, 400)
  const folder = b.folder()
  const journal = await open(path.join(folder, 'journal'))
  b.atEnd(() => journal.close())
  const writers = Array.from({ length: 100 }, (_, i) => journal.writer(BigInt(i + 1)))
  const zeros = Buffer.alloc(1 << 20)
  const bare = fs.openSync(path.join(folder, 'bare'), 'w')
  b.atEnd(() => fs.closeSync(bare))
  const preallocated = b.smoke ? 8 : 64
  for (let i = 0; i < preallocated; i++) fs.writeSync(bare, zeros)
  fs.fsyncSync(bare)
  for (const [name, size] of SIZES) {
    const count = size === 1_000_000 ? Math.ceil(commits / 4) : commits
    for (let round = 0; round < b.rounds; round++) {
      const ours: number[] = []
      const floor: number[] = []
      for (let i = 0; i < count; i++) {
        fill(journal, writers, BODY.length, size)
        const start = performance.now()
        await commit(journal)
        ours.push(performance.now() - start)
        for (const writer of writers) journal.flushedTo(writer.incarnation, writer.lastN)
        journal.trim()
        const bareStart = performance.now()
        fs.writeSync(bare, zeros, 0, size, (i % (preallocated - 1)) << 20)
        await new Promise<void>((resolve, reject) => fs.fdatasync(bare, error => (error ? reject(error) : resolve())))
        floor.push(performance.now() - bareStart)
      }
      for (const [row, times] of [
        [`${name}: journal commit`, ours],
        [`${name}: pwrite and fdatasync`, floor],
      ] as const) {
        b.sample(row, 'p50', summarize(times).median)
        b.sample(row, 'p99', times.sort((a, c) => a - c)[Math.floor(times.length * 0.99)]!)
      }
    }
    b.ratio(`${name}, commit : bare`, `${name}: journal commit`, `${name}: pwrite and fdatasync`, 'p50')
  }
}

export const journalBenches: readonly Bench[] = [
  { name: 'journal/append', about: 'an entry into the open group', placement: 'server', run: append },
  { name: 'journal/commit', about: 'a durable commit of a frame', placement: 'server', run: latency },
]
