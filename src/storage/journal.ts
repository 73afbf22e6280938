// A shard's journal: where an entry becomes durable before it changes anything (laws 1 and 2).
//
//   begin → payload in place → end        many times, into the open group
//   commit: seal → durable write ───────────────────┐   meanwhile the next group fills
//   onSynced(frame) → apply → frame.release()   <───┘   the buffer goes back to the pool
//
// At most one frame is unsynced. A failed write or sync ends the journal for good: what reached pwrite may or may not be
// on the disk, and asking the kernel again proves nothing (R12).
//
// Segments are prepared ahead, in the background. If one is needed before it is ready the current one grows beyond its
// zeros, which costs latency, not correctness; if none can be made because the disk is full, `begin` refuses before
// anything reached the disk.
//
// Opening (R1–R3): read all folders; copy the last good frame, and of other shards' last frames what is ours, into
// segments of their own, synced; start a fresh segment. Nothing is ever appended
// to a segment of an earlier process.
import { assert, LetheError } from '../core/errors.js'
import type { EntryKind, Frame, Journal, JournalEntry, JournalOptions, JournalWriter } from './contract.js'
import type { DiskFile } from './disk.js'
import {
  ENTRY_HEADER,
  entryEnd,
  entryHigh,
  entryLow,
  entryN,
  FRAME_HEADER,
  Group,
  type Link,
  NO_LINK,
  PAGE,
  padded,
  REWRITTEN,
  sealFrame,
  Writer,
} from './frame.js'
import { type ReadFrame, readFolder } from './recovery.js'
import { replaySegments } from './replay.js'
import { createSegment, Segment, type SegmentHeader, SegmentKind, segmentName } from './segment.js'
import { GrowingIndex } from './segment-index.js'
import { spillSegment, writeSpill } from './spill.js'
import { incarnationAt, Trimming } from './trimming.js'

/** Frames that may be lent out or in flight beside the open group. Beyond it `begin` waits: whoever applies is behind. */
const MAX_GROUPS = 6
/** The first segment of a process is small, so that zeros do not delay its start. */
const FIRST_SEGMENT_BYTES = 2 * 1024 * 1024
/** A segment may grow beyond its zeros by so many others while none is ready. */
const MAX_OVERGROWTH = 4

/** Calls of `trim` (four a second) between two tries to make a segment, once some have failed. */
const MAX_PAUSE = 3

const failedBefore = (cause: Error): LetheError =>
  new LetheError('journal-failed', `the journal takes nothing more: ${cause.message}`, 503, { cause: cause.message })

/** Recovers what there is and starts a fresh segment. Throws `journal-damaged`, `journal-version`, `disk-error`, `disk-full`. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const journal = new FileJournal(options)
  await journal.recover()
  return journal
}

interface Open {
  readonly segment: Segment
  readonly file: DiskFile
  readonly index: GrowingIndex
  position: number
}

class FileJournal implements Journal {
  private readonly options: JournalOptions
  private readonly path: string
  private readonly trimming: Trimming
  private readonly writers = new Map<bigint, Writer>()
  /** Those that are read only, ours and others', in no order that matters. */
  private sealed: Segment[] = []
  private current!: Open
  private ready: { file: DiskFile; header: SegmentHeader } | undefined
  private preparing: Promise<void> | undefined
  private preparationFailed = false
  /** Calls of `trim` before the next try: more with each that fails. */
  private triesLater = 0
  private pause = 0
  /** It failed for want of space: then nothing may grow either. */
  private diskFull = false
  private number = 0
  private sequence = 0
  private link: Link = NO_LINK
  private held = false
  private closing = false
  private background: Promise<unknown> = Promise.resolve()
  /** Folders in which names have gone, perhaps not durably. */
  private readonly foldersTrimmed = new Set<string>()

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
    this.trimming = new Trimming(options.disk, options.shard, options.shards, options.ownerOf, options.log)
  }

  // ——— recovery

  async recover(): Promise<void> {
    const { disk, folder, shard, run, log, ownerOf } = this.options
    disk.makeFolder(this.path)
    const folders = disk.list(folder).filter(name => /^\d+$/.test(name))
    const own = readFolder({ disk, path: this.path, own: true, run, log })
    this.number = own.number
    this.sealed = own.segments
    const unsure: ReadFrame[] = []
    for (const name of folders) {
      if (Number(name) === shard) continue
      const other = readFolder({ disk, path: `${folder}/${name}`, own: false, run, log })
      this.sealed.push(...other.segments.filter(segment => this.concerns(segment)))
      unsure.push(...other.unsure)
    }
    for (const segment of this.sealed) this.trimming.adopt(segment)
    for (const { index } of this.sealed) {
      if (index.frames > 0) this.latestDay = Math.max(this.latestDay, index.frameDay(index.frames - 1))
    }
    for (const segment of this.sealed) {
      if (segment.header.kind !== SegmentKind.Spill) continue
      const incarnation = incarnationAt(segment, 0)
      this.trimming.spilledTo(this.sealed, incarnation, segment.index.last(0), segment)
    }
    for (const path of this.trimming.strayMarks(this.path, disk.list(this.path))) disk.remove(path)

    for (const frame of own.unsure) await this.copyFrame(frame, () => true)
    for (const frame of unsure) await this.copyFrame(frame, incarnation => ownerOf(incarnation) === shard)
    this.sequence = own.link.sequence + 1
    this.link = own.link
    const size = Math.min(this.options.limits.segmentBytes, FIRST_SEGMENT_BYTES)
    this.start(await this.create(size, SegmentKind.Main))
    for (const path of own.empty) disk.remove(path)
    this.trimming.adopt(this.current.segment)
    this.background = this.writeIndexes()
    this.open = this.freeGroup()
    this.prepare()
    this.refreshLimit()
  }

  /** Another folder's segment matters to us if a customer of ours is in it, or if we are to remove it. */
  private concerns(segment: Segment): boolean {
    const folder = Number(segment.folder.slice(segment.folder.lastIndexOf('/') + 1))
    const { shards, shard, ownerOf } = this.options
    if (folder >= shards && folder % shards === shard) return true
    if (segment.header.shards === shards && !segment.rewritten) return false
    for (let row = 0; row < segment.index.customers; row++) {
      const incarnation = (BigInt(segment.index.high(row)) << 32n) | BigInt(segment.index.low(row))
      if (ownerOf(incarnation) === shard) return true
    }
    return false
  }

  private async create(size: number, kind: SegmentKind) {
    const { disk, random, shard, shards, run } = this.options
    this.number++
    return createSegment(disk, this.path, random, { number: this.number, shard, shards, kind, run, size })
  }

  private start(made: { file: DiskFile; header: SegmentHeader }): void {
    const index = new GrowingIndex()
    index.end = PAGE
    const segment = new Segment(this.path, made.header, index, this.link, false)
    this.current = { segment, file: made.file, index, position: PAGE }
  }

  /**
   * Makes durable what may be in the page cache only and was not copied yet: in a segment of its own, since its entries may be older than others
   * of the same customer, and within a segment n rises without holes.
   */
  private async copyFrame(frame: ReadFrame, wanted: (incarnation: bigint) => boolean): Promise<void> {
    const { disk, random, shard, shards, run } = this.options
    const bytes = Buffer.alloc(padded(frame.length))
    const index = new GrowingIndex()
    const entries: [row: number, n: number, offset: number][] = []
    let length = FRAME_HEADER
    for (let at = FRAME_HEADER; at < frame.length; at = entryEnd(frame.bytes, at)) {
      const low = entryLow(frame.bytes, at)
      const high = entryHigh(frame.bytes, at)
      const n = entryN(frame.bytes, at)
      if (!wanted((BigInt(high) << 32n) | BigInt(low)) || this.hasCopy(low, high, n)) continue
      const end = entryEnd(frame.bytes, at)
      frame.bytes.copy(bytes, length, at, end)
      entries.push([index.rowOf(low, high), n, PAGE + length])
      length += end - at
    }
    if (entries.length === 0) return
    this.number++
    const about = { number: this.number, shard, shards, kind: SegmentKind.Copies, run, size: PAGE }
    const made = await createSegment(disk, this.path, random, about, async (file, header) => {
      const { ms, day } = frame
      const seal = { sequence: 1, ms, day, entries: entries.length, flags: REWRITTEN, link: NO_LINK }
      file.write(bytes, 0, sealFrame(bytes, length, header, seal), PAGE)
    })
    made.file.close()
    index.addFrame(PAGE, length, frame.ms, frame.day, entries.length)
    for (const [row, n, offset] of entries) index.add(row, n, offset)
    index.end = PAGE + padded(length)
    const segment = new Segment(this.path, made.header, index, NO_LINK, true)
    this.trimming.adopt(segment)
    this.sealed.push(segment)
  }

  // A copy holds the entries of one frame, so a customer's are without gaps.
  private hasCopy(low: number, high: number, n: number): boolean {
    return this.sealed.some(({ folder, header, index }) => {
      if (folder !== this.path || header.kind !== SegmentKind.Copies) return false
      const row = index.find(low, high)
      return row >= 0 && index.first(row) <= n && n <= index.last(row)
    })
  }

  /** Index files for segments that an earlier process left without. */
  private async writeIndexes(): Promise<void> {
    for (const segment of [...this.sealed]) {
      if (segment.folder === this.path && segment.sure && segment.index instanceof GrowingIndex)
        await this.seal(segment)
    }
  }

  /** Sorts a complete segment's index and writes it beside it. Failing costs the next start a scan, nothing else. */
  private async seal(segment: Segment): Promise<void> {
    const { disk, log } = this.options
    const { tagLow, tagHigh } = segment.header
    const index = (segment.index as GrowingIndex).sealed()
    segment.index = index
    this.trimming.adopt(segment)
    const writing = segment.indexPath.replace('.index', '.writing')
    try {
      const bytes = index.encode(tagLow, tagHigh, segment.rewritten)
      disk.remove(writing)
      const file = disk.open(writing, 'create')
      try {
        file.write(bytes, 0, bytes.length, 0)
        await durable(file)
      } finally {
        file.close()
      }
      if (!disk.exists(segment.path)) return disk.remove(writing)
      disk.rename(writing, segment.indexPath)
      await disk.syncFolder(segment.folder)
      index.lists = undefined
    } catch (error) {
      log.warn({ path: segment.indexPath, error }, 'the index of a journal segment could not be written')
    }
  }

  // ——— appending

  writer(incarnation: bigint): Writer {
    const known = this.writers.get(incarnation)
    if (known !== undefined) return known
    const writer = new Writer(incarnation)
    writer.lastN = this.range(incarnation)?.last ?? 0
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
    return this.preparationFailed && this.ready === undefined && this.room() < this.options.limits.maxFrameBytes / 8
  }

  lacksRoomFor(size: number): boolean {
    if (!this.preparationFailed || this.ready !== undefined) return false
    return padded(FRAME_HEADER + ENTRY_HEADER + size + 8) > this.room()
  }

  get bytes(): number {
    let sum = this.current.position
    for (const segment of this.sealed) if (segment.folder === this.path) sum += segment.index.end
    return sum
  }

  get heldBytes(): number {
    let sum = this.current.position
    for (const { held, index } of this.sealed) if (held > 0) sum += index.end
    return sum
  }

  get segments(): number {
    return 1 + this.sealed.reduce((sum, segment) => sum + (segment.folder === this.path ? 1 : 0), 0)
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
    if (this.ready !== undefined) return beyond
    return this.diskFull ? here : here + beyond
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
    if (this.ready === undefined) this.prepare()
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
    if (this.ready === undefined || index.frames === 0) return
    this.link = { segment: segment.number, end: index.end, sequence: this.sequence }
    const { ready } = this
    this.ready = undefined
    this.sealed.push(segment)
    file.close()
    this.start(ready)
    this.background = this.background.then(() => this.seal(segment))
    this.prepare()
  }

  /** Makes the next segment ready. What fails is tried again by `trim`. */
  private prepare(again = false): void {
    if (this.ready !== undefined || this.preparing !== undefined || this.closing) return
    if (this.preparationFailed && !again) return
    this.preparing = this.prepareOne().finally(() => {
      this.preparing = undefined
      this.refreshLimit()
    })
  }

  private async prepareOne(): Promise<void> {
    const { disk, limits, log } = this.options
    try {
      if (disk.freeBytes(this.path) < limits.diskReserveBytes + limits.segmentBytes) {
        throw new LetheError('disk-full', `${this.path}: less than the reserve is free`, 503)
      }
      const made = await this.create(limits.segmentBytes, SegmentKind.Main)
      this.ready = made
      if (this.preparationFailed) log.info({ path: this.path }, 'the journal has room again')
      this.preparationFailed = false
      this.diskFull = false
      this.pause = 0
    } catch (error) {
      if (!this.preparationFailed) log.error({ path: this.path, error }, 'no journal segment can be made: the disk')
      this.preparationFailed = true
      // A try may write a whole segment before it fails.
      this.triesLater = this.pause
      this.pause = Math.min(MAX_PAUSE, 2 * this.pause + 1)
      this.diskFull = error instanceof LetheError && error.code === 'disk-full'
    }
  }

  // ——— reading

  private holdersOf(incarnation: bigint): Segment[] {
    const low = Number(incarnation & 0xffff_ffffn)
    const high = Number(incarnation >> 32n)
    return [...this.sealed, this.current.segment].filter(segment => segment.index.find(low, high) >= 0)
  }

  range(incarnation: bigint): { first: number; last: number } | undefined {
    const low = Number(incarnation & 0xffff_ffffn)
    const high = Number(incarnation >> 32n)
    let first = Number.POSITIVE_INFINITY
    let last = 0
    for (const segment of this.holdersOf(incarnation)) {
      const row = segment.index.find(low, high)
      first = Math.min(first, segment.index.first(row))
      last = Math.max(last, segment.index.last(row))
    }
    return last === 0 ? undefined : { first, last }
  }

  replay(incarnation: bigint, afterN: number): Generator<JournalEntry, void, void> {
    this.dropVanished()
    const segments = this.holdersOf(incarnation)
    const { first, start, last } = this.stretches(incarnation, segments)
    const from = first > afterN + 1 ? start - 1 : afterN
    return replaySegments(this.options.disk, last > from ? segments : [], incarnation, from, last)
  }

  /** Segments of other folders that their shards removed, since nobody needs them. */
  private dropVanished(): void {
    const { disk } = this.options
    this.sealed = this.sealed.filter(segment => segment.folder === this.path || disk.exists(segment.path))
  }

  /**
   * First and last n, and where the last stretch without holes starts. Trimming takes any segment that nobody needs, so there may be holes;
   * but what lies below one was flushed, or the segment with the entries of the hole would be here.
   */
  private stretches(incarnation: bigint, segments: readonly Segment[]): { first: number; start: number; last: number } {
    const low = Number(incarnation & 0xffff_ffffn)
    const high = Number(incarnation >> 32n)
    const rows = segments.map(({ index }) => ({ index, row: index.find(low, high) }))
    rows.sort((a, b) => a.index.first(a.row) - b.index.first(b.row))
    let first = 0
    let start = 0
    let last = 0
    for (const { index, row } of rows) {
      if (first === 0) first = index.first(row)
      if (index.first(row) > last + 1) start = index.first(row)
      last = Math.max(last, index.last(row))
    }
    return { first, start, last }
  }

  incarnations(): Iterable<bigint> {
    return this.trimming.customers([...this.sealed, this.current.segment])
  }

  // ——— trimming

  flushedTo(incarnation: bigint, n: number): void {
    this.trimming.flushedTo(this.sealed, incarnation, n)
  }

  forget(incarnation: bigint): void {
    this.trimming.flushedTo(this.sealed, incarnation, Number.POSITIVE_INFINITY)
    this.writers.delete(incarnation)
  }

  trim(): number {
    if (this.preparationFailed && --this.triesLater < 0) this.prepare(true)
    if (this.held || this.failed !== undefined) return 0
    let gone = 0
    this.sealed = this.sealed.filter(segment => {
      // One whose index is still being written would leave that behind.
      if (segment.held > 0 || (segment.sure && segment.index instanceof GrowingIndex)) return true
      if (!this.removed(segment)) return true
      gone++
      return false
    })
    return gone
  }

  private removed(segment: Segment): boolean {
    try {
      if (!this.trimming.remove(segment)) return false
      this.foldersTrimmed.add(segment.folder)
      return true
    } catch (error) {
      if (!segment.stays)
        this.options.log.warn({ path: segment.path, error }, 'a journal segment cannot be removed now')
      segment.stays = true
      return false
    }
  }

  *holding(): Generator<bigint> {
    const held = this.sealed.filter(segment => segment.held > 0).sort((a, b) => a.number - b.number)
    for (const segment of held) yield* this.trimming.holders(segment)
  }

  holdTrimming(hold: boolean): void {
    this.held = hold
  }

  files(): { path: string; end: number; size: number }[] {
    const kept = this.sealed.filter(segment => this.trimming.responsible(segment))
    const { current } = this
    return [...kept, current.segment]
      .filter(({ index }) => index.frames > 0)
      .map(({ path, index, header }) => ({ path, end: index.end, size: header.size }))
  }

  async spill(incarnation: bigint): Promise<void> {
    const { disk, random, shard, shards, run, limits } = this.options
    this.dropVanished()
    const { start, last } = this.stretches(incarnation, this.holdersOf(incarnation))
    const from = Math.max(this.trimming.elsewhereN(incarnation), start - 1)
    if (last <= from) return
    this.number++
    const about = { number: this.number, shard, shards, kind: SegmentKind.Spill, run, size: PAGE }
    let index: GrowingIndex | undefined
    const made = await createSegment(disk, this.path, random, about, async (file, header) => {
      index = await writeSpill(file, header, incarnation, this.replay(incarnation, from), limits.maxFrameBytes)
    })
    made.file.close()
    const segment = spillSegment(this.path, made.header, index!)
    this.trimming.spilledTo(this.sealed, incarnation, last, segment)
    this.sealed.push(segment)
    await this.seal(segment)
  }

  async close(): Promise<void> {
    this.closing = true
    if (this.flight !== undefined) await new Promise<void>(resolve => (this.idle = resolve))
    await this.preparing
    await this.background
    if (this.ready !== undefined) {
      this.ready.file.close()
      this.options.disk.remove(`${this.path}/${segmentName(this.ready.header.number)}`)
      this.ready = undefined
    }
    this.current.file.close()
    const { segment } = this.current
    if (this.failed === undefined && segment.index.entries > 0) {
      this.sealed.push(segment)
      await this.seal(segment)
    }
    await this.syncTrimmed()
  }

  /** What was removed last would come back with the power, and there is no next segment whose name would be synced with it. */
  private async syncTrimmed(): Promise<void> {
    const { disk, log } = this.options
    for (const folder of this.foldersTrimmed) {
      await disk.syncFolder(folder).catch((error: unknown) => {
        log.warn({ path: folder, error }, 'removed journal segments may come back after a loss of power')
      })
    }
  }
}

const durable = (file: DiskFile): Promise<void> =>
  new Promise((resolve, reject) => file.sync(error => (error === null ? resolve() : reject(error))))
