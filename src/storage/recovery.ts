// Reading what earlier processes left in a journal folder, before anything is written (R2, R3).
//
// Segments are read from the newest to the oldest, because each names in its first frame where its predecessor's good
// frames end. The newest one with a good frame has no successor to say so; there a frame that is not intact is the
// crash's, unless an intact one follows it.
//
// Nothing here writes. What a recovery then writes (journal.ts): a fresh segment that begins with a copy of the last
// good frame, synced before the first reply, since that frame may have been in the page cache only.
//
// Folders of other shards are read the same way, at the same time as those shards recover and write there. What they
// write belongs to the present run, and holds nothing of ours but copies of frames of earlier runs; so of segments of
// this run only the copied frames at their beginning are read.
import type { LetheError } from '../core/errors.js'
import type { StorageLog } from './contract.js'
import type { Disk, DiskFile } from './disk.js'
import {
  FRAME_HEADER,
  frameDay,
  frameEntries,
  frameIntact,
  frameLength,
  frameLink,
  frameMs,
  frameSequence,
  type Link,
  PAGE,
} from './frame.js'
import {
  journalDamaged,
  readHeader,
  readIndex,
  Segment,
  type SegmentHeader,
  SegmentKind,
  scanSegment,
  segmentName,
  segmentNumber,
} from './segment.js'
import { GrowingIndex } from './segment-index.js'

/** A frame read back whole. `bytes` starts with its header. */
export interface ReadFrame {
  readonly bytes: Buffer
  readonly length: number
  readonly sequence: number
  readonly ms: number
  readonly day: number
  readonly entries: number
  readonly segment: number
  readonly offset: number
}

export interface Folder {
  readonly path: string
  /** Those with entries, oldest first. */
  readonly segments: Segment[]
  /** Files that hold nothing, to be removed once `unsure` is copied: prepared and never used, or left over. */
  readonly empty: string[]
  /** Frames that may be in the page cache only: the last good one; in another shard's folder also its copies. */
  readonly unsure: ReadFrame[]
  /** The highest number in use. */
  readonly number: number
}

export interface FolderReading {
  readonly disk: Disk
  readonly path: string
  /** Our own: all of it was written by processes before this one. */
  readonly own: boolean
  readonly run: bigint
  readonly log: StorageLog
}

export function readFolder(reading: FolderReading): Folder {
  const { disk, path } = reading
  const names = disk.list(path)
  const segments: Segment[] = []
  const empty: string[] = []
  const unsure: ReadFrame[] = []
  let number = 0
  const present = new Set<number>()
  for (const name of names) {
    number = Math.max(number, segmentNumber(name))
    if (name.endsWith('.segment')) present.add(segmentNumber(name))
  }
  for (const name of names) {
    const orphan = name.endsWith('.index') && !present.has(segmentNumber(name))
    if (orphan || name.endsWith('.preparing') || name.endsWith('.writing')) empty.push(`${path}/${name}`)
  }
  let link: Link | undefined
  let lastFound = false
  for (const found of [...present].sort((a, b) => b - a)) {
    const file = openOrGone(disk, `${path}/${segmentName(found)}`, reading.own)
    if (file === undefined) continue
    try {
      const header = readHeader(file)
      if (header.number !== found) throw journalDamaged(file.path, 16, `it says that it is number ${header.number}`)
      const foreignPresent = !reading.own && header.run === reading.run
      // What another shard copied or spilled in this run is of its own customers.
      if (foreignPresent && header.kind !== SegmentKind.Main) continue
      const segment = readSegment(reading, file, header, link, foreignPresent)
      if (segment === undefined) {
        // Void from its first frame on (a recovery copied that one), or never used.
        empty.push(file.path)
        continue
      }
      if (header.kind === SegmentKind.Main) {
        link = segment.link
        if (foreignPresent) {
          // What is ours in these copies is copied again, so the segment itself is of no use to us.
          for (let row = 0; row < segment.index.frames; row++) unsure.push(readFrame(file, segment, row))
          continue
        } else if (!lastFound) {
          lastFound = true
          unsure.push(readFrame(file, segment, segment.index.frames - 1))
          // Ours is copied whole and then void. With an index file it was synced by the process that wrote it. Another's stays
          // in the index: of it only what is ours and new is copied.
          if (reading.own && segment.index instanceof GrowingIndex) segment.index.dropLastFrame()
        }
      }
      if (segment.index.entries === 0) empty.push(file.path)
      else segments.push(segment)
    } finally {
      file.close()
    }
  }
  segments.reverse()
  return { path, segments, empty, unsure, number }
}

function readSegment(
  reading: FolderReading,
  file: DiskFile,
  header: SegmentHeader,
  successor: Link | undefined,
  copiesOnly: boolean,
): Segment | undefined {
  const folder = reading.path
  const bound = successor !== undefined && successor.segment === header.number ? successor.end : undefined
  if (!copiesOnly) {
    const indexed = readIndex(reading.disk, folder, header, () => firstLink(file))
    if (indexed !== undefined && (bound === undefined || boundFits(indexed, bound))) {
      if (file.size() < indexed.index.end) throw journalDamaged(file.path, file.size(), 'the file was cut')
      return indexed
    }
  }
  const scan = scanSegment(file, header, copiesOnly ? undefined : bound, copiesOnly)
  if (scan.torn && !copiesOnly) {
    reading.log.warn(
      { path: file.path, offset: scan.index.end },
      'the last frame was not complete: left by a crash, void',
    )
  }
  if (scan.link === undefined) return undefined
  return new Segment(folder, header, scan.index, scan.link, scan.rewritten)
}

/** A recovery copies the last frame of a segment even where an index vouches for it; then the bound is before that frame. */
function boundFits(segment: Segment, bound: number): boolean {
  return bound === segment.index.end || bound === segment.index.frameOffset(segment.index.frames - 1)
}

/** What the first frame says about its predecessor. */
function firstLink(file: DiskFile): Link {
  const bytes = Buffer.alloc(FRAME_HEADER)
  if (file.read(bytes, 0, FRAME_HEADER, PAGE) < FRAME_HEADER) throw journalDamaged(file.path, PAGE, 'the file was cut')
  return frameLink(bytes, 0)
}

/** Reads and checks one frame. */
function readFrame(file: DiskFile, segment: Segment, row: number): ReadFrame {
  const offset = segment.index.frameOffset(row)
  const length = segment.index.frameLength(row)
  const bytes = Buffer.allocUnsafeSlow(length)
  const got = file.read(bytes, 0, length, offset)
  if (got < length) throw journalDamaged(file.path, offset + got, 'the file was cut')
  if (frameLength(bytes, 0) !== length || !frameIntact(bytes, 0, length, segment.header)) {
    throw journalDamaged(file.path, offset, 'frame checksum')
  }
  return {
    bytes,
    length,
    sequence: frameSequence(bytes, 0),
    ms: frameMs(bytes, 0),
    day: frameDay(bytes, 0),
    entries: frameEntries(bytes, 0),
    segment: segment.number,
    offset,
  }
}

/** Another shard may trim while we read: what it removed holds nothing that we need. */
function openOrGone(disk: Disk, path: string, own: boolean): DiskFile | undefined {
  try {
    return disk.open(path, 'read')
  } catch (error) {
    if (!own && (error as LetheError).details['errno'] === 'ENOENT') return undefined
    throw error
  }
}
