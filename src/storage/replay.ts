// One customer's entries, in order of n, from all segments that hold some: a merge of sorted runs.
//
// Segments rarely overlap: only where a recovery copied a frame, or a spill copied a customer. Where they do, both copies
// must say the same; then they are one entry. A run's entries are read a frame at a time, from the customer's first one
// in that frame on; a frame that this process has not checked yet is read whole before that, and checked once.
import { LetheError } from '../core/errors.js'
import type { JournalEntry } from './contract.js'
import type { Disk, DiskFile } from './disk.js'
import {
  ENTRY_HEADER,
  entryEnd,
  entryHigh,
  entryKind,
  entryLow,
  entryN,
  entrySize,
  frameIntact,
  PAGE,
  padded,
} from './frame.js'
import { journalDamaged, type Segment } from './segment.js'
import { listsOffset, type SegmentIndex } from './segment-index.js'

/** n or more entries are missing: between what the snapshot has and what the journals have, or within the journals. */
const journalGap = (incarnation: bigint, expected: number, found: number): LetheError =>
  new LetheError(
    'journal-damaged',
    `customer ${incarnation.toString(16)}: entry ${expected} is in no journal, the next one is ${found}`,
    503,
    { incarnation: incarnation.toString(16), expected, found, gap: true },
  )

/**
 * Where frames are checked, one after the other: a run that kept the bytes of a whole frame for an entry of its customer would take
 * fresh pages for each segment of each customer, and clearing those is a fifth of a recovery.
 */
export class FrameCheck {
  private bytes = Buffer.alloc(0)

  /** Reads frame `row` of `segment` and throws if it is not intact; once in a process. */
  check(file: DiskFile, segment: Segment, row: number): void {
    if (segment.checked === undefined || segment.checked[row] === 1) return
    const start = segment.index.frameOffset(row)
    const length = segment.index.frameLength(row)
    if (this.bytes.length < length) this.bytes = Buffer.allocUnsafeSlow(padded(length))
    const got = file.read(this.bytes, 0, length, start)
    if (got < length) throw journalDamaged(segment.path, start + got, 'the file was cut')
    if (!frameIntact(this.bytes, 0, length, segment.header)) throw journalDamaged(segment.path, start, 'frame checksum')
    segment.checked[row] = 1
  }
}

/** What a run reads at first where it holds one entry of a frame: most entries, header included. */
const FIRST_READ = 2 * PAGE

/** The entries of one customer in one segment. */
class Run {
  private readonly index: SegmentIndex
  private readonly row: number
  private offsets: Uint32Array | undefined
  private next = 0
  private file: DiskFile | undefined
  private bytes = Buffer.alloc(0)
  // Of the file, what is in `bytes`.
  private start = 0
  private end = 0
  private frame = -1
  /** n of the entry it stands at; before the first `load` the least it can be. */
  n: number
  at = 0

  constructor(
    private readonly disk: Disk,
    private readonly frames: FrameCheck,
    readonly segment: Segment,
    private readonly low: number,
    private readonly high: number,
    private readonly afterN: number,
    private readonly lastN: number,
  ) {
    this.index = segment.index
    this.row = this.index.find(low, high)
    this.n = this.row < 0 ? Number.POSITIVE_INFINITY : Math.max(afterN + 1, this.index.first(this.row))
    if (this.row >= 0 && this.index.last(this.row) <= afterN) this.n = Number.POSITIVE_INFINITY
  }

  get loaded(): boolean {
    return this.offsets !== undefined
  }

  /** Stands at its first entry above afterN. */
  load(): void {
    try {
      this.file = this.disk.open(this.segment.path, 'read')
    } catch (error) {
      if ((error as LetheError).details['errno'] !== 'ENOENT') throw error
      // Another shard removed it, since all in it is void or flushed. Were it needed, a gap would show.
      this.offsets = new Uint32Array(0)
      this.n = Number.POSITIVE_INFINITY
      return
    }
    this.offsets = this.index.offsets(this.row, (start, count) => this.readList(start, count))
    this.advance()
    while (this.n <= this.afterN) this.advance()
  }

  advance(): void {
    const offsets = this.offsets!
    if (this.next >= offsets.length) {
      this.n = Number.POSITIVE_INFINITY
      return
    }
    const offset = offsets[this.next++]!
    if (offset < this.start || offset >= this.end) this.fetch(offset)
    const at = offset - this.start
    const bytes = this.bytes
    if (
      at + ENTRY_HEADER > bytes.length ||
      entryLow(bytes, at) !== this.low ||
      entryHigh(bytes, at) !== this.high ||
      offset + ENTRY_HEADER + entrySize(bytes, at) > this.end
    ) {
      throw journalDamaged(this.segment.indexPath, 0, `it leads to byte ${offset}, where this customer has no entry`)
    }
    this.at = at
    const n = entryN(bytes, at)
    this.n = n > this.lastN ? Number.POSITIVE_INFINITY : n
  }

  /** Reads what the frame around `offset` has of the customer from there on. */
  private fetch(offset: number): void {
    const { index, segment } = this
    const row = index.frameOf(offset)
    const frameStart = index.frameOffset(row)
    const frameEnd = frameStart + index.frameLength(row)
    if (offset >= frameEnd) throw journalDamaged(segment.indexPath, 0, `it leads to byte ${offset}, behind all frames`)
    this.frame = row
    this.frames.check(this.file!, segment, row)
    const offsets = this.offsets!
    if (this.next < offsets.length && offsets[this.next]! < frameEnd) return this.read(offset, frameEnd)
    // A single entry: its header says how much there is.
    this.read(offset, Math.min(offset + Math.max(this.bytes.length, FIRST_READ), frameEnd))
    const end = offset + entryEnd(this.bytes, 0)
    if (end > frameEnd) throw journalDamaged(segment.path, offset, 'an entry crosses the end of its frame')
    if (end > this.end) this.read(offset, end)
  }

  private read(start: number, end: number): void {
    if (this.bytes.length < end - start) this.bytes = Buffer.allocUnsafeSlow(padded(end - start))
    const got = this.file!.read(this.bytes, 0, end - start, start)
    if (got < end - start) throw journalDamaged(this.segment.path, start + got, 'the file was cut')
    this.start = start
    this.end = end
  }

  private readList(start: number, count: number): Uint32Array {
    const list = new Uint32Array(count)
    const file = this.disk.open(this.segment.indexPath, 'read')
    try {
      const listsAt = listsOffset(this.index.customers, this.index.frames)
      const target = Buffer.from(list.buffer)
      if (file.read(target, 0, target.length, listsAt + start * 4) < target.length) {
        throw journalDamaged(this.segment.indexPath, listsAt, 'the file was cut')
      }
    } finally {
      file.close()
    }
    return list
  }

  entry(): JournalEntry {
    const start = this.at + ENTRY_HEADER
    return {
      n: this.n,
      kind: entryKind(this.bytes, this.at),
      ms: this.index.frameMs(this.frame),
      day: this.index.frameDay(this.frame),
      bytes: this.bytes,
      start,
      end: start + entrySize(this.bytes, this.at),
    }
  }

  close(): void {
    this.file?.close()
    this.file = undefined
  }
}

const same = (a: JournalEntry, b: JournalEntry): boolean =>
  a.kind === b.kind &&
  a.ms === b.ms &&
  a.day === b.day &&
  a.bytes.compare(b.bytes, b.start, b.end, a.start, a.end) === 0

/** Entries n of (afterN, lastN]; see `Journal.replay`. */
export function* replaySegments(
  disk: Disk,
  frames: FrameCheck,
  segments: readonly Segment[],
  incarnation: bigint,
  afterN: number,
  lastN: number,
): Generator<JournalEntry, void, void> {
  const low = Number(incarnation & 0xffff_ffffn)
  const high = Number(incarnation >> 32n)
  let runs = segments.map(segment => new Run(disk, frames, segment, low, high, afterN, lastN))
  try {
    let expected = afterN + 1
    for (;;) {
      runs = runs.filter(run => {
        if (run.n !== Number.POSITIVE_INFINITY) return true
        run.close()
        return false
      })
      let least: Run | undefined
      for (const run of runs) if (least === undefined || run.n < least.n) least = run
      if (least === undefined) {
        if (expected <= lastN) throw journalGap(incarnation, expected, lastN)
        return
      }
      // A run that was not loaded only knows a bound of its n.
      const unloaded = runs.filter(run => run.n === least.n && !run.loaded)
      if (unloaded.length > 0) {
        for (const run of unloaded) run.load()
        continue
      }
      let second = Number.POSITIVE_INFINITY
      for (const run of runs) if (run !== least && run.n < second) second = run.n
      if (least.n < second) {
        while (least.n < second) {
          if (least.n !== expected) throw journalGap(incarnation, expected, least.n)
          yield least.entry()
          expected++
          least.advance()
        }
        continue
      }
      if (least.n !== expected) throw journalGap(incarnation, expected, least.n)
      const entry = least.entry()
      for (const run of runs) {
        if (run === least || run.n !== expected) continue
        if (!same(entry, run.entry())) {
          throw new LetheError(
            'journal-damaged',
            `customer ${incarnation.toString(16)}: entry ${expected} is one thing in ${least.segment.path} and another in ${run.segment.path}`,
            503,
            { incarnation: incarnation.toString(16), n: expected, path: run.segment.path },
          )
        }
        run.advance()
      }
      yield entry
      expected++
      least.advance()
    }
  } finally {
    for (const run of runs) run.close()
  }
}
