// Making segments: one ahead, in the background, for the journal to go on in; others at once, for whoever copies entries.
//
//   prepare ──▶ createSegment ──▶ ready ──▶ take: it is being filled; prepare the next
//      ▲              │
//      └── retry ── failed, or less than the reserve is free
//
// `retry` comes with each trim: the next one tries again, then every second, then every fourth, for a try may write a whole
// segment before it fails.
import { LetheError } from '../core/errors.js'
import type { JournalOptions } from './contract.js'
import type { DiskFile } from './disk.js'
import { createSegment, type SegmentHeader, SegmentKind, segmentName } from './segment.js'

/** Calls of `retry` (four a second) that are let by between two tries, once some have failed. */
const MAX_PAUSE = 3

/** A segment with its name, open for writing. */
export interface MadeSegment {
  readonly file: DiskFile
  readonly header: SegmentHeader
}

export class SegmentMaker {
  /** The highest number in use. */
  number = 0
  /** The next one to be filled, if it is there. */
  ready: MadeSegment | undefined
  /** The last try to make one ready failed. */
  failed = false
  /** It failed for want of space: then nothing may grow either. */
  diskFull = false
  private preparing: Promise<void> | undefined
  private stopped = false
  /** Calls of `retry` before the next try: more with each that fails. */
  private triesLater = 0
  private pause = 0

  constructor(
    private readonly options: JournalOptions,
    private readonly path: string,
    /** A try has come to its end, one way or the other. */
    private readonly settled: () => void,
  ) {}

  /** None is ready, and the last try to make one failed. */
  get stuck(): boolean {
    return this.failed && this.ready === undefined
  }

  /** Makes a segment under the next number, durably, with what `contents` writes into it. */
  make(
    kind: SegmentKind,
    size: number,
    contents?: (file: DiskFile, header: SegmentHeader) => Promise<void>,
  ): Promise<MadeSegment> {
    const { disk, random, shard, shards, run } = this.options
    this.number++
    return createSegment(disk, this.path, random, { number: this.number, shard, shards, kind, run, size }, contents)
  }

  /** Hands out what is ready. */
  take(): MadeSegment | undefined {
    const { ready } = this
    this.ready = undefined
    return ready
  }

  /** Makes the next segment ready. What has failed is left to `retry`. */
  prepare(): void {
    if (!this.failed) this.start()
  }

  /** Tries again what has failed, now and then. */
  retry(): void {
    if (this.failed && --this.triesLater < 0) this.start()
  }

  private start(): void {
    if (this.ready !== undefined || this.preparing !== undefined || this.stopped) return
    this.preparing = this.prepareOne().finally(() => {
      this.preparing = undefined
      this.settled()
    })
  }

  private async prepareOne(): Promise<void> {
    const { disk, limits, log } = this.options
    try {
      if (disk.freeBytes(this.path) < limits.diskReserveBytes + limits.segmentBytes) {
        throw new LetheError('disk-full', `${this.path}: less than the reserve is free`, 503)
      }
      this.ready = await this.make(SegmentKind.Main, limits.segmentBytes)
      if (this.failed) log.info({ path: this.path }, 'the journal has room again')
      this.failed = false
      this.diskFull = false
      this.pause = 0
    } catch (error) {
      if (!this.failed) log.error({ path: this.path, error }, 'no journal segment can be made: the disk')
      this.failed = true
      this.triesLater = this.pause
      this.pause = Math.min(MAX_PAUSE, 2 * this.pause + 1)
      this.diskFull = error instanceof LetheError && error.code === 'disk-full'
    }
  }

  /** None is begun any more. */
  stop(): void {
    this.stopped = true
  }

  /** Waits for the one that was begun, and removes what nobody has filled. */
  async close(): Promise<void> {
    this.stop()
    await this.preparing
    const unused = this.take()
    if (unused === undefined) return
    unused.file.close()
    this.options.disk.remove(`${this.path}/${segmentName(unused.header.number)}`)
  }
}
