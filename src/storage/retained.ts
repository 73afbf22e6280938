// The segments that a journal keeps because somebody may need what is in them (R11), ours and what of other shards'
// concerns us:
//
//   another process's, found at the start ──┐
//   ours, full or closed ───────────────────┼──▶ sealed: index written beside it ──▶ replayed ──▶ nobody needs it ──▶ removed
//   copies of a recovery (R3), of a spill ──┘
//
// All but the current one are read only. That one is still being filled (journal.ts), and is read as far as it is durable:
// only durable frames are in its index.
import type { JournalEntry, JournalOptions } from './contract.js'
import { PAGE } from './frame.js'
import { FrameCheck, replaySegments } from './replay.js'
import { type Segment, SegmentKind, syncFile } from './segment.js'
import { GrowingIndex } from './segment-index.js'
import type { SegmentMaker } from './segment-maker.js'
import { spillSegment, writeSpill } from './spill.js'
import { incarnationAt, Trimming } from './trimming.js'

export class RetainedSegments {
  /** In no order that matters. */
  private sealed: Segment[] = []
  /** The one that is being filled. */
  current!: Segment
  /** Nothing is removed (backup, R19). */
  held = false
  private readonly trimming: Trimming
  private readonly frames = new FrameCheck()
  private background: Promise<unknown> = Promise.resolve()
  /** Folders in which names have gone, perhaps not durably. */
  private readonly foldersTrimmed = new Set<string>()

  constructor(
    private readonly options: JournalOptions,
    private readonly path: string,
    private readonly maker: SegmentMaker,
  ) {
    this.trimming = new Trimming(options.disk, options.shard, options.shards, options.ownerOf, options.log)
  }

  // ——— coming in

  /** Takes what earlier processes left. */
  inherit(segments: readonly Segment[]): void {
    const { disk } = this.options
    for (const segment of segments) this.add(segment)
    for (const segment of segments) {
      if (segment.header.kind !== SegmentKind.Spill) continue
      const incarnation = incarnationAt(segment, 0)
      this.trimming.spilledTo(this.sealed, incarnation, segment.index.last(0), segment)
    }
    for (const path of this.trimming.strayMarks(this.path, disk.list(this.path))) disk.remove(path)
  }

  /** Takes a segment that is complete and durable. */
  add(segment: Segment): void {
    this.trimming.adopt(segment)
    this.sealed.push(segment)
  }

  /** True if a segment of copies of ours has this entry. It holds the entries of one frame, so a customer's are without gaps. */
  hasCopy(low: number, high: number, n: number): boolean {
    return this.sealed.some(({ folder, header, index }) => {
      if (folder !== this.path || header.kind !== SegmentKind.Copies) return false
      const row = index.find(low, high)
      return row >= 0 && index.first(row) <= n && n <= index.last(row)
    })
  }

  /** Takes the current segment, which another one follows. */
  retire(segment: Segment): void {
    this.sealed.push(segment)
    this.background = this.background.then(() => this.seal(segment))
  }

  /** Copies all that a customer still needs to a synced segment of its own, so that it holds no other back (R11). */
  async spill(incarnation: bigint): Promise<void> {
    this.dropVanished()
    const { start, last } = this.stretches(incarnation, this.holdersOf(incarnation))
    const from = Math.max(this.trimming.elsewhereN(incarnation), start - 1)
    if (last <= from) return
    const { maxFrameBytes } = this.options.limits
    let index: GrowingIndex | undefined
    const made = await this.maker.make(SegmentKind.Spill, PAGE, async (file, header) => {
      index = await writeSpill(file, header, incarnation, this.replay(incarnation, from), maxFrameBytes)
    })
    made.file.close()
    const segment = spillSegment(this.path, made.header, index!)
    this.trimming.spilledTo(this.sealed, incarnation, last, segment)
    this.sealed.push(segment)
    await this.seal(segment)
  }

  // ——— sealing

  /** Begins to write index files for segments that an earlier process left without. */
  writeIndexes(): void {
    this.background = this.sealAll()
  }

  private async sealAll(): Promise<void> {
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
        await syncFile(file)
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

  // ——— reading

  private holdersOf(incarnation: bigint): Segment[] {
    const low = Number(incarnation & 0xffff_ffffn)
    const high = Number(incarnation >> 32n)
    return [...this.sealed, this.current].filter(segment => segment.index.find(low, high) >= 0)
  }

  /** As `Journal.range`. */
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

  /** As `Journal.replay`. */
  replay(incarnation: bigint, afterN: number): Generator<JournalEntry, void, void> {
    this.dropVanished()
    const segments = this.holdersOf(incarnation)
    const { first, start, last } = this.stretches(incarnation, segments)
    const from = first > afterN + 1 ? start - 1 : afterN
    return replaySegments(this.options.disk, this.frames, last > from ? segments : [], incarnation, from, last)
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

  /** As `Journal.incarnations`. */
  incarnations(): Iterable<bigint> {
    return this.trimming.customers([...this.sealed, this.current])
  }

  /** Segments in this shard's folder. */
  get count(): number {
    return 1 + this.sealed.reduce((sum, segment) => sum + (segment.folder === this.path ? 1 : 0), 0)
  }

  /** Bytes of those in this shard's folder, without the current one. */
  get bytes(): number {
    let sum = 0
    for (const segment of this.sealed) if (segment.folder === this.path) sum += segment.index.end
    return sum
  }

  /** Bytes of those that customers of this shard hold back, without the current one. */
  get heldBytes(): number {
    let sum = 0
    for (const { held, index } of this.sealed) if (held > 0) sum += index.end
    return sum
  }

  /** As `Journal.files`. */
  files(): { path: string; end: number; size: number }[] {
    const kept = this.sealed.filter(segment => this.trimming.responsible(segment))
    return [...kept, this.current]
      .filter(({ index }) => index.frames > 0)
      .map(({ path, index, header }) => ({ path, end: index.end, size: header.size }))
  }

  // ——— going

  /** This customer needs no entries up to n any more. */
  flushedTo(incarnation: bigint, n: number): void {
    this.trimming.flushedTo(this.sealed, incarnation, n)
  }

  /** As `Journal.holding`. */
  *holding(): Generator<bigint> {
    const held = this.sealed.filter(segment => segment.held > 0).sort((a, b) => a.number - b.number)
    for (const segment of held) yield* this.trimming.holders(segment)
  }

  /** Removes what nobody needs; answers how many segments went. */
  trim(): number {
    if (this.held) return 0
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

  /** Waits until the indexes are written; seals `last` too, if there is a last one that is whole. */
  async close(last: Segment | undefined): Promise<void> {
    await this.background
    if (last !== undefined) {
      this.sealed.push(last)
      await this.seal(last)
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
