// Opening a journal where earlier processes have left theirs (R1–R3): all folders are read (recovery.ts); then the last good
// frame of ours, and of other shards' last frames what is ours, is copied into segments of its own, synced.
//
// A last frame may be in the page cache only. That it was read proves nothing: without the copy this process could
// acknowledge what builds upon it, and lose it with the power.
import type { JournalOptions } from './contract.js'
import {
  entryEnd,
  entryHigh,
  entryLow,
  entryN,
  FRAME_HEADER,
  type Link,
  NO_LINK,
  PAGE,
  padded,
  REWRITTEN,
  sealFrame,
} from './frame.js'
import { type ReadFrame, readFolder } from './recovery.js'
import type { RetainedSegments } from './retained.js'
import { Segment, SegmentKind } from './segment.js'
import { GrowingIndex } from './segment-index.js'
import type { SegmentMaker } from './segment-maker.js'
import { incarnationAt } from './trimming.js'

/** How the journal goes on from what was found. */
interface Recovered {
  /** What is good of it: the first frame of the next segment says so. */
  readonly link: Link
  /** Day of the latest frame; −1 where there was none. */
  readonly latestDay: number
  /** Files that hold nothing, or nothing that was not copied: to be removed once the next segment is there. */
  readonly empty: readonly string[]
}

/** Reads all folders, hands what concerns this shard to `retained`, and makes durable what may not be. */
export async function recover(
  options: JournalOptions,
  path: string,
  retained: RetainedSegments,
  maker: SegmentMaker,
): Promise<Recovered> {
  const { disk, folder, shard, run, log, ownerOf } = options
  disk.makeFolder(path)
  const folders = disk.list(folder).filter(name => /^\d+$/.test(name))
  const own = readFolder({ disk, path, own: true, run, log })
  maker.number = own.number
  const segments = [...own.segments]
  const unsure: ReadFrame[] = []
  for (const name of folders) {
    if (Number(name) === shard) continue
    const other = readFolder({ disk, path: `${folder}/${name}`, own: false, run, log })
    segments.push(...other.segments.filter(segment => concerns(segment, options)))
    unsure.push(...other.unsure)
  }
  let latestDay = -1
  for (const { index } of segments) {
    if (index.frames > 0) latestDay = Math.max(latestDay, index.frameDay(index.frames - 1))
  }
  retained.inherit(segments)
  for (const frame of own.unsure) await copyFrame(frame, path, retained, maker, () => true)
  const ours = (incarnation: bigint) => ownerOf(incarnation) === shard
  for (const frame of unsure) await copyFrame(frame, path, retained, maker, ours)
  return { link: own.link, latestDay, empty: own.empty }
}

/** Another folder's segment matters to us if a customer of ours is in it, or if we are to remove it. */
function concerns(segment: Segment, { shards, shard, ownerOf }: JournalOptions): boolean {
  const folder = Number(segment.folder.slice(segment.folder.lastIndexOf('/') + 1))
  if (folder >= shards && folder % shards === shard) return true
  if (segment.header.shards === shards && !segment.rewritten) return false
  for (let row = 0; row < segment.index.customers; row++) {
    if (ownerOf(incarnationAt(segment, row)) === shard) return true
  }
  return false
}

/**
 * Makes durable what may be in the page cache only and was not copied yet: in a segment of its own, since its entries may be older than others
 * of the same customer, and within a segment n rises without holes.
 */
async function copyFrame(
  frame: ReadFrame,
  path: string,
  retained: RetainedSegments,
  maker: SegmentMaker,
  wanted: (incarnation: bigint) => boolean,
): Promise<void> {
  const bytes = Buffer.alloc(padded(frame.length))
  const index = new GrowingIndex()
  const entries: [row: number, n: number, offset: number][] = []
  let length = FRAME_HEADER
  for (let at = FRAME_HEADER; at < frame.length; at = entryEnd(frame.bytes, at)) {
    const low = entryLow(frame.bytes, at)
    const high = entryHigh(frame.bytes, at)
    const n = entryN(frame.bytes, at)
    if (!wanted((BigInt(high) << 32n) | BigInt(low)) || retained.hasCopy(low, high, n)) continue
    const end = entryEnd(frame.bytes, at)
    frame.bytes.copy(bytes, length, at, end)
    entries.push([index.rowOf(low, high), n, PAGE + length])
    length += end - at
  }
  if (entries.length === 0) return
  const made = await maker.make(SegmentKind.Copies, PAGE, async (file, header) => {
    const { ms, day } = frame
    const seal = { sequence: 1, ms, day, entries: entries.length, flags: REWRITTEN, link: NO_LINK }
    file.write(bytes, 0, sealFrame(bytes, length, header, seal), PAGE)
  })
  made.file.close()
  index.addFrame(PAGE, length, frame.ms, frame.day, entries.length)
  for (const [row, n, offset] of entries) index.add(row, n, offset)
  index.end = PAGE + padded(length)
  retained.add(new Segment(path, made.header, index, NO_LINK, true))
}
