// Reading what earlier processes left in a journal folder, before anything is written (R2, R3).
//
// Segments are read from the newest to the oldest, because each names in its first frame where its predecessor's good
// frames end. The newest one with a good frame has no successor to say so; there a frame that is not intact is the
// crash's, unless an intact one follows it.
//
// Nothing here writes. What a recovery then writes (opening.ts): a copy of the last good frame, synced before the first
// reply, since that frame may have been in the page cache only.
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
  looksLikeFrame,
  NO_LINK,
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
  /** Frames that may be in the page cache only: the last good one; in another shard's folder also what it copied in this run. */
  readonly unsure: ReadFrame[]
  /** What is good before the last good frame, which is void once it is copied. */
  readonly link: Link
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
  for (;;) {
    const folder = tryFolder(reading)
    // Another shard removes a segment only after what it held is elsewhere: look again, and it will be found there.
    if (folder !== undefined) return folder
  }
}

function tryFolder(reading: FolderReading): Folder | undefined {
  const { disk, path } = reading
  const names = disk.list(path)
  const present = names.filter(name => name.endsWith('.segment')).map(segmentNumber)
  const folder = {
    path,
    segments: [] as Segment[],
    empty: leftovers(path, names),
    unsure: [] as ReadFrame[],
    link: NO_LINK,
    number: Math.max(0, ...names.map(segmentNumber)),
  }
  let link: Link | undefined
  let lastFound = false
  for (const found of present.sort((a, b) => b - a)) {
    const file = openOrGone(disk, `${path}/${segmentName(found)}`, reading.own)
    if (file === undefined) return undefined
    try {
      const header = readHeader(file)
      if (header.number !== found) throw journalDamaged(file.path, 16, `it says that it is number ${header.number}`)
      const main = header.kind === SegmentKind.Main
      if (main && !reading.own && header.run === reading.run) {
        // It is being written. All it can tell us is where its predecessor ends.
        link = checkedLink(file, header) ?? link
        continue
      }
      const segment = readSegment(reading, file, header, link)
      if (main && segment !== undefined) link = segment.link
      if (!reading.own && header.run === reading.run) {
        // Of this run only copies of earlier frames are of interest; those of ours are copied again.
        if (header.kind === SegmentKind.Copies && segment !== undefined) folder.unsure.push(readFrame(file, segment, 0))
        continue
      }
      if (segment !== undefined && main && !lastFound) {
        lastFound = true
        const last = readFrame(file, segment, segment.index.frames - 1)
        folder.unsure.push(last)
        folder.link = linkBefore(last, segment)
        // Ours is copied whole and then void. With an index file it was synced by the process that wrote it. Another's stays
        // in the index: of it only what is ours and new is copied.
        if (reading.own && segment.index instanceof GrowingIndex) {
          segment.index.dropLastFrame()
          segment.sure = true
        }
      }
      // Void from its first frame on (a recovery copied that one), or never used.
      if (segment === undefined || segment.index.entries === 0) folder.empty.push(file.path)
      else folder.segments.push(segment)
    } finally {
      file.close()
    }
  }
  folder.segments.reverse()
  return folder
}

function leftovers(path: string, names: readonly string[]): string[] {
  const present = new Set(names)
  return names
    .filter(name => {
      const orphan = name.endsWith('.index') && !present.has(name.replace('.index', '.segment'))
      return orphan || name.endsWith('.preparing') || name.endsWith('.writing')
    })
    .map(name => `${path}/${name}`)
}

/** What is good before a frame. If it is the only one of its segment, that one will be void, and its predecessor needs the bound. */
const linkBefore = (last: ReadFrame, segment: Segment): Link =>
  last.offset === PAGE ? segment.link : { segment: last.segment, end: last.offset, sequence: last.sequence - 1 }

function readSegment(
  reading: FolderReading,
  file: DiskFile,
  header: SegmentHeader,
  successor: Link | undefined,
): Segment | undefined {
  const folder = reading.path
  const bound = successor !== undefined && successor.segment === header.number ? successor.end : undefined
  const indexed = readIndex(reading.disk, folder, header, () => firstLink(file))
  if (indexed !== undefined && (bound === undefined || boundFits(indexed, bound))) {
    if (file.size() < indexed.index.end) throw journalDamaged(file.path, file.size(), 'the file was cut')
    return indexed
  }
  const scan = scanSegment(file, header, bound)
  if (scan.torn) {
    const details = { path: file.path, offset: scan.index.end }
    reading.log.warn(details, 'the last frame was not complete: left by a crash, void')
  }
  if (scan.link === undefined) return undefined
  const segment = new Segment(folder, header, scan.index, scan.link, scan.rewritten)
  // Without a bound the last frame may be in the page cache only.
  segment.sure = bound !== undefined || header.kind !== SegmentKind.Main
  return segment
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

/** The link of a segment whose first frame is complete. */
function checkedLink(file: DiskFile, header: SegmentHeader): Link | undefined {
  const head = Buffer.alloc(FRAME_HEADER)
  if (file.read(head, 0, FRAME_HEADER, PAGE) < FRAME_HEADER || !looksLikeFrame(head, 0, header)) return undefined
  const length = frameLength(head, 0)
  const bytes = Buffer.allocUnsafeSlow(length)
  if (file.read(bytes, 0, length, PAGE) < length || !frameIntact(bytes, 0, length, header)) return undefined
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
