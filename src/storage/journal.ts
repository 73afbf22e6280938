// A shard's journal: where an entry becomes durable before it changes anything (laws 1 and 2). The life of a group:
//
//   begin → payload in place → end        many times, into the open group
//   commit: seal → durable write ───────────────────┐   meanwhile the next group fills
//   onSynced(frame) → apply → frame.release()   <───┘   the buffer goes back to the pool
//
// At most one frame is unsynced. A failed write or sync ends the journal for good: what reached pwrite may or may not be
// on the disk, and asking the kernel again proves nothing (R12).
//
// And the life of a segment, the file that frames go to, one after the other:
//
//   prepared ahead (segment-maker.ts) ──▶ filled (here) ──▶ read only: replayed, and removed at last (retained.ts)
//
// If the next one is needed before it is ready the current one grows beyond its zeros, which costs latency, not correctness; if
// none can be made because the disk is full, `begin` refuses before anything reached the disk.
//
// A start reads what earlier processes left (opening.ts) and begins a fresh segment: nothing is ever appended to a segment
// of an earlier process (R2).
import { assert, LetheError } from '../core/errors.js'
import type { EntryKind, Frame, Journal, JournalEntry, JournalOptions, JournalWriter } from './contract.js'
import type { DiskFile } from './disk.js'
import { ENTRY_HEADER, FRAME_HEADER, Group, type Link, NO_LINK, PAGE, padded, sealFrame, Writer } from './frame.js'
import { recover } from './opening.js'
import { RetainedSegments } from './retained.js'
import { Segment, SegmentKind } from './segment.js'
import { GrowingIndex } from './segment-index.js'
import { type MadeSegment, SegmentMaker } from './segment-maker.js'

/** Frames that may be lent out or in flight beside the open group. Beyond it `begin` waits: whoever applies is behind. */
const MAX_GROUPS = 6
/** The first segment of a process is small, so that zeros do not delay its start. */
const FIRST_SEGMENT_BYTES = 2 * 1024 * 1024
/** A segment may grow beyond its zeros by so many others while none is ready. */
const MAX_OVERGROWTH = 4

const failedBefore = (cause: Error): LetheError =>
  new LetheError('journal-failed', `the journal takes nothing more: ${cause.message}`, 503, { cause: cause.message })

/** Recovers what there is and starts a fresh segment. Throws `journal-damaged`, `journal-version`, `disk-error`, `disk-full`. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const journal = new FileJournal(options)
  await journal.start()
  return journal
}

/** The segment that is being filled. `position`: the next frame goes there, behind the one in flight. */
interface Current {
  readonly segment: Segment
  readonly file: DiskFile
  readonly index: GrowingIndex
  position: number
}

class FileJournal implements Journal {
  private readonly options: JournalOptions
  private readonly path: string
  private readonly maker: SegmentMaker
  private readonly retained: RetainedSegments
  private readonly writers = new Map<bigint, Writer>()
  private current!: Current
  private sequence = 0
  private link: Link = NO_LINK
  private closing = false

  // The open group, and the entry in it between begin and end.
  private open: Group | undefined
  private groups = 0
  private readonly pool: Group[] = []
  private limit = 0
  private entryAt = 0
  private entryRoom = -1
  private entryKind: EntryKind = 0 as EntryKind
  private entryWriter: Writer | undefined

  private flight: Group | undefined
  private flightAt = 0
  private flightMs = Number.NaN
  private onSynced: ((frame: Frame) => void) | undefined
  private onFailed: ((error: Error) => void) | undefined
  private readonly afterCommit = (error: Error | null) => this.synced(error)
  private readonly giveBack = (group: Group) => this.release(group)
  private idle: (() => void) | undefined
  failed: Error | undefined
  latestDay = -1

  constructor(options: JournalOptions) {
    this.options = options
    this.path = `${options.folder}/${options.shard}`
    this.maker = new SegmentMaker(options, this.path, () => this.refreshLimit())
    this.retained = new RetainedSegments(options, this.path, this.maker)
  }

  async start(): Promise<void> {
    const { options, path, retained, maker } = this
    const { link, latestDay, empty } = await recover(options, path, retained, maker)
    this.sequence = link.sequence + 1
    this.link = link
    this.latestDay = latestDay
    this.goOnIn(await maker.make(SegmentKind.Main, Math.min(options.limits.segmentBytes, FIRST_SEGMENT_BYTES)))
    for (const name of empty) options.disk.remove(name)
    retained.writeIndexes()
    this.open = this.freeGroup()
    maker.prepare()
    this.refreshLimit()
  }

  private goOnIn({ file, header }: MadeSegment): void {
    const index = new GrowingIndex()
    index.end = PAGE
    const segment = new Segment(this.path, header, index, this.link, false)
    this.current = { segment, file, index, position: PAGE }
    this.retained.current = segment
  }

  // ——— appending

  writer(incarnation: bigint): Writer {
    const known = this.writers.get(incarnation)
    if (known !== undefined) return known
    const writer = new Writer(incarnation)
    writer.lastN = this.retained.range(incarnation)?.last ?? 0
    this.writers.set(incarnation, writer)
    return writer
  }

  get group(): Buffer {
    assert(this.open !== undefined)
    return this.open.bytes
  }

  get pendingBytes(): number {
    return this.open === undefined ? 0 : this.open.length - FRAME_HEADER
  }

  get pendingEntries(): number {
    return this.open === undefined ? 0 : this.open.entries
  }

  get syncing(): boolean {
    return this.flight !== undefined
  }

  get syncingSinceMs(): number {
    return this.flightMs
  }

  get full(): boolean {
    return this.maker.stuck && this.room() < this.options.limits.maxFrameBytes / 8
  }

  lacksRoomFor(size: number): boolean {
    if (!this.maker.stuck) return false
    return padded(FRAME_HEADER + ENTRY_HEADER + size + 8) > this.room()
  }

  begin(writer: JournalWriter, kind: EntryKind, size: number): number {
    assert(this.entryRoom < 0, 'one entry at a time')
    const group = this.open
    if (group === undefined) return this.beginSlowly(writer, kind, size)
    const at = group.length
    if (at + ENTRY_HEADER + size > this.limit) return this.beginSlowly(writer, kind, size)
    this.entryAt = at
    this.entryRoom = size
    this.entryKind = kind
    this.entryWriter = writer as Writer
    return at + ENTRY_HEADER
  }

  /** No group, a failed journal, or an entry that does not fit: one greater than all frames gets a buffer of its own. */
  private beginSlowly(writer: JournalWriter, kind: EntryKind, size: number): number {
    if (this.failed !== undefined) throw failedBefore(this.failed)
    assert(!this.closing, 'the journal is closed')
    this.open ??= this.freeGroup()
    this.refreshLimit()
    if (this.open === undefined) return -1
    const needed = FRAME_HEADER + ENTRY_HEADER + size + 8
    if (this.open.entries === 0 && needed > this.limit && padded(needed) <= this.room()) {
      if (needed > this.open.bytes.length) this.open = new Group(needed, this.giveBack)
      this.limit = needed
    }
    return this.open.length + ENTRY_HEADER + size > this.limit ? -1 : this.begin(writer, kind, size)
  }

  end(n: number, size: number): void {
    const writer = this.entryWriter!
    assert(this.entryRoom >= size, 'an entry has the size that was asked for, or less')
    assert(n === writer.lastN + 1, 'entries are numbered without gaps')
    this.entryRoom = -1
    writer.lastN = n
    this.open!.endEntry(this.entryAt, writer, this.entryKind, n, size)
  }

  cancel(): void {
    this.entryRoom = -1
  }

  private freeGroup(): Group | undefined {
    const pooled = this.pool.pop()
    if (pooled !== undefined) return pooled
    if (this.groups >= MAX_GROUPS) return undefined
    this.groups++
    return new Group(this.groupBytes(), this.giveBack)
  }

  private groupBytes(): number {
    return padded(FRAME_HEADER + this.options.limits.maxFrameBytes)
  }

  private release(group: Group): void {
    group.reset()
    if (group.bytes.length === this.groupBytes()) this.pool.push(group)
    else this.groups--
  }

  /** Bytes that one frame may have: what lies ready, or more while more is being made ready. */
  private room(): number {
    const { segment, position } = this.current
    const here = segment.header.size - position
    const beyond = this.options.limits.segmentBytes * MAX_OVERGROWTH
    if (this.maker.ready !== undefined) return beyond
    return this.maker.diskFull ? here : here + beyond
  }

  private refreshLimit(): void {
    const room = this.room()
    this.limit = this.open === undefined ? 0 : Math.min(this.open.bytes.length, room - (room % PAGE)) - 8
  }

  // ——— committing

  commit(nowMs: number, day: number, onSynced: (frame: Frame) => void, onFailed: (error: Error) => void): void {
    const group = this.open
    assert(this.entryRoom < 0, 'no commit within an entry')
    assert(this.flight === undefined && this.failed === undefined, 'one frame at a time')
    assert(group !== undefined && group.entries > 0, 'there is something to commit')
    if (padded(group.length) > this.current.segment.header.size - this.current.position) this.roll()
    const { file, index, position, segment } = this.current
    group.sequence = ++this.sequence
    group.ms = nowMs
    group.day = day
    const link = index.frames === 0 ? this.link : NO_LINK
    this.flight = group
    this.flightAt = position
    this.flightMs = nowMs
    this.onSynced = onSynced
    this.onFailed = onFailed
    this.open = this.freeGroup()
    const end = sealFrame(group.bytes, group.length, segment.header, {
      sequence: group.sequence,
      ms: nowMs,
      day,
      entries: group.entries,
      flags: 0,
      link,
    })
    this.current.position = position + end
    this.refreshLimit()
    file.commit(group.bytes, 0, end, position, this.afterCommit)
  }

  private synced(error: Error | null): void {
    const group = this.flight!
    const synced = this.onSynced!
    const failed = this.onFailed!
    this.flight = undefined
    this.flightMs = Number.NaN
    this.onSynced = undefined
    this.onFailed = undefined
    if (error !== null) {
      this.failed = error
      this.limit = 0
      this.open = undefined
      this.idle?.()
      failed(error)
      return
    }
    this.note(group)
    group.lent = true
    synced(group)
    this.idle?.()
    this.maker.prepare()
  }

  /** Enters a durable frame into the index. */
  private note(group: Group): void {
    const { index, segment } = this.current
    const { number } = segment
    const at = this.flightAt
    index.addFrame(at, group.length, group.ms, group.day, group.entries)
    for (let i = 0; i < group.entries; i++) {
      const writer = group.writers[i]!
      if (writer.segment !== number) {
        writer.segment = number
        writer.row = index.rowOf(writer.low, writer.high)
      }
      index.add(writer.row, group.numbers[i]!, at + group.offsets[i]!)
    }
    index.end = at + padded(group.length)
  }

  /** Goes on in the segment that lies ready. Not while a frame is in flight: its successor's link says that all before is good. */
  private roll(): void {
    const { segment, file, index } = this.current
    if (this.maker.ready === undefined || index.frames === 0) return
    this.link = { segment: segment.number, end: index.end, sequence: this.sequence }
    file.close()
    this.goOnIn(this.maker.take()!)
    this.retained.retire(segment)
    this.maker.prepare()
  }

  // ——— what is kept

  get bytes(): number {
    return this.current.position + this.retained.bytes
  }

  get heldBytes(): number {
    return this.current.position + this.retained.heldBytes
  }

  get segments(): number {
    return this.retained.count
  }

  range(incarnation: bigint): { first: number; last: number } | undefined {
    return this.retained.range(incarnation)
  }

  replay(incarnation: bigint, afterN: number): Generator<JournalEntry, void, void> {
    return this.retained.replay(incarnation, afterN)
  }

  incarnations(): Iterable<bigint> {
    return this.retained.incarnations()
  }

  flushedTo(incarnation: bigint, n: number): void {
    this.retained.flushedTo(incarnation, n)
  }

  forget(incarnation: bigint): void {
    this.retained.flushedTo(incarnation, Number.POSITIVE_INFINITY)
    this.writers.delete(incarnation)
  }

  trim(): number {
    this.maker.retry()
    return this.failed === undefined ? this.retained.trim() : 0
  }

  holding(): Iterable<bigint> {
    return this.retained.holding()
  }

  spill(incarnation: bigint): Promise<void> {
    return this.retained.spill(incarnation)
  }

  holdTrimming(hold: boolean): void {
    this.retained.held = hold
  }

  files(): { path: string; end: number; size: number }[] {
    return this.retained.files()
  }

  async close(): Promise<void> {
    this.closing = true
    this.maker.stop()
    if (this.flight !== undefined) await new Promise<void>(resolve => (this.idle = resolve))
    await this.maker.close()
    const { segment, file } = this.current
    file.close()
    const whole = this.failed === undefined && segment.index.entries > 0
    await this.retained.close(whole ? segment : undefined)
  }
}
