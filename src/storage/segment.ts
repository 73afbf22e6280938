// A segment: a file of frames, `journal/<shard>/<8 digits>.segment`, filled with zeros before it is used, so that a
// commit changes no metadata of the file system and is one write.
//
//   0        8         12    16        20      24       28     32    40    48     56
//   +--------+---------+-----+---------+-------+--------+------+-----+-----+------+--------+-- - -
//   |LETHEJ1n| version | crc | number  | shard | shards | kind | run | tag | salt | size   | 0 …
//   +--------+---------+-----+---------+-------+--------+------+-----+-----+------+--------+-- - -
//   4096
//   +-------+-------+-- - -
//   | frame | frame | 0 …
//   +-------+-------+-- - -
//
// It is made under the name `….preparing`, synced, renamed: so a `.segment` whose header is wrong is damage, never a
// crash. One without a good frame was prepared and not used, or its first commit was torn; both mean that it holds
// nothing. Beside it, once it is complete, lies `<8 digits>.index`.
import { crc32 } from 'node:zlib'
import { LetheError } from '../core/errors.js'
import type { Random } from '../core/random.js'
import type { Disk, DiskFile } from './disk.js'
import {
  ENTRY_HEADER,
  entryEnd,
  entryHigh,
  entryLow,
  entryN,
  FRAME_HEADER,
  frameDay,
  frameEntries,
  frameFlags,
  frameIntact,
  frameLength,
  frameLink,
  frameMs,
  frameSequence,
  type Link,
  looksLikeFrame,
  PAGE,
  padded,
  REWRITTEN,
  type Seal,
} from './frame.js'
import { decodeIndex, GrowingIndex, indexHeadBytes, type SegmentIndex } from './segment-index.js'

const MAGIC = Buffer.from('LETHEJ1\n')
const SEGMENT_VERSION = 1

export const enum SegmentKind {
  Main = 1,
  /** Copies of one customer's entries, so that it holds nothing else back (R11). */
  Spill = 2,
  /** Copies of what was ours in another shard's last frame (R3). */
  Copies = 3,
}

export interface SegmentHeader extends Seal {
  readonly number: number
  readonly shard: number
  readonly shards: number
  readonly kind: SegmentKind
  readonly run: bigint
  readonly size: number
}

/** A frame or file that is not what was written, where a crash cannot be the reason. Nothing is guessed: a person has to look. */
export const journalDamaged = (path: string, offset: number, why: string): LetheError =>
  new LetheError('journal-damaged', `${path} is damaged at byte ${offset}: ${why}`, 503, { path, offset, why })

export const segmentName = (number: number): string => `${String(number).padStart(8, '0')}.segment`
const indexName = (number: number): string => `${String(number).padStart(8, '0')}.index`

/** The number of the segment that a file belongs to, or 0. A number that anything still bears is not used again. */
export function segmentNumber(name: string): number {
  return /^\d{8}\./.test(name) ? Number(name.slice(0, 8)) : 0
}

function encodeHeader(header: SegmentHeader): Buffer {
  const page = Buffer.alloc(PAGE)
  MAGIC.copy(page)
  page.writeUInt32LE(SEGMENT_VERSION, 8)
  page.writeUInt32LE(header.number, 16)
  page.writeUInt32LE(header.shard, 20)
  page.writeUInt32LE(header.shards, 24)
  page.writeUInt32LE(header.kind, 28)
  page.writeBigUInt64LE(header.run, 32)
  page.writeUInt32LE(header.tagLow, 40)
  page.writeUInt32LE(header.tagHigh, 44)
  page.writeUInt32LE(header.salt, 48)
  page.writeDoubleLE(header.size, 56)
  page.writeUInt32LE(crc32(page.subarray(16)), 12)
  return page
}

/** Reads and checks a segment's header; throws `journal-damaged`. */
export function readHeader(file: DiskFile): SegmentHeader {
  const page = Buffer.alloc(PAGE)
  if (file.read(page, 0, PAGE, 0) < PAGE) throw journalDamaged(file.path, 0, 'the file ends within its header')
  if (page.compare(MAGIC, 0, MAGIC.length, 0, MAGIC.length) !== 0) throw journalDamaged(file.path, 0, 'no header')
  if (crc32(page.subarray(16)) !== page.readUInt32LE(12)) throw journalDamaged(file.path, 12, 'header checksum')
  const version = page.readUInt32LE(8)
  if (version !== SEGMENT_VERSION) {
    throw new LetheError('journal-version', `${file.path} has version ${version}; this Lethe reads ${SEGMENT_VERSION}`)
  }
  return {
    number: page.readUInt32LE(16),
    shard: page.readUInt32LE(20),
    shards: page.readUInt32LE(24),
    kind: page.readUInt32LE(28),
    run: page.readBigUInt64LE(32),
    tagLow: page.readUInt32LE(40),
    tagHigh: page.readUInt32LE(44),
    salt: page.readUInt32LE(48),
    size: page.readDoubleLE(56),
  }
}

export const syncFile = (file: DiskFile): Promise<void> =>
  new Promise((resolve, reject) => file.sync(error => (error === null ? resolve() : reject(error))))

/**
 * Makes a segment, durably: zeros, header, what `contents` writes, and only then its name. Answers it open for writing. Until it has its name a crash
 * leaves nothing of it.
 */
export async function createSegment(
  disk: Disk,
  folder: string,
  random: Random,
  about: Omit<SegmentHeader, 'salt' | 'tagLow' | 'tagHigh'>,
  contents?: (file: DiskFile, header: SegmentHeader) => Promise<void>,
): Promise<{ file: DiskFile; header: SegmentHeader }> {
  const secret = Buffer.from(random.fill(new Uint8Array(12)))
  const header: SegmentHeader = {
    ...about,
    salt: secret.readUInt32LE(0),
    tagLow: secret.readUInt32LE(4),
    tagHigh: secret.readUInt32LE(8),
  }
  const preparing = `${folder}/${String(about.number).padStart(8, '0')}.preparing`
  disk.remove(preparing)
  const file = disk.open(preparing, 'create')
  try {
    await file.fill(about.size)
    file.write(encodeHeader(header), 0, PAGE, 0)
    await contents?.(file, header)
    await syncFile(file)
    disk.rename(preparing, `${folder}/${segmentName(about.number)}`)
    await disk.syncFolder(folder)
    return { file, header }
  } catch (error) {
    try {
      file.close()
      disk.remove(preparing)
    } catch {
      // The first failure is the one to tell; what is left over is removed at the next start.
    }
    throw error
  }
}

/** Reads a file through a window that grows to what is asked for at once. */
class Window {
  bytes = Buffer.allocUnsafeSlow(1024 * 1024)
  private start = 0
  private length = 0

  constructor(private readonly file: DiskFile) {}

  /** Offset in `bytes` of [position, position + size); −1 if the file ends before. */
  at(position: number, size: number): number {
    if (position >= this.start && position + size <= this.start + this.length) return position - this.start
    if (size > this.bytes.length) this.bytes = Buffer.allocUnsafeSlow(padded(size))
    this.length = this.file.read(this.bytes, 0, this.bytes.length, position)
    this.start = position
    return size <= this.length ? 0 : -1
  }
}

export interface Scan {
  readonly index: GrowingIndex
  /** What the first frame says about its predecessor; undefined where there is no frame. */
  readonly link: Link | undefined
  readonly lastSequence: number
  /** The segment begins with frames that a recovery copied. */
  readonly rewritten: boolean
  /** A frame was begun behind `index.end` and is not complete: the crash's. */
  readonly torn: boolean
}

/**
 * Reads all frames of a segment. With `bound` (from its successor) they must reach exactly to there. Without, they end where one is not
 * intact; if an intact one follows later, that is no crash but damage, since at most one frame is unsynced at a time.
 */
export function scanSegment(file: DiskFile, header: SegmentHeader, bound: number | undefined): Scan {
  const window = new Window(file)
  const index = new GrowingIndex()
  let position = PAGE
  let link: Link | undefined
  let lastSequence = 0
  let rewritten = false
  let torn = false
  index.end = PAGE
  while (bound === undefined || position < bound) {
    const why = checkFrame(window, position, header, lastSequence)
    if (why === 'end' && bound === undefined) break
    if (why !== undefined) {
      if (bound !== undefined) throw journalDamaged(file.path, position, `${why}, before ${bound}`)
      torn = true
      break
    }
    const at = window.at(position, FRAME_HEADER)
    const length = frameLength(window.bytes, at)
    const start = window.at(position, length)
    if ((frameFlags(window.bytes, start) & REWRITTEN) !== 0) rewritten = true
    if (link === undefined) link = frameLink(window.bytes, start)
    lastSequence = frameSequence(window.bytes, start)
    addFrame(window.bytes, start, length, position, index, file.path)
    position += padded(length)
    index.end = position
  }
  if (bound !== undefined) {
    if (position !== bound) throw journalDamaged(file.path, bound, 'a frame crosses its end')
  } else refuseFramesBeyond(window, position, header, lastSequence, file.path)
  return { index, link, lastSequence, rewritten, torn }
}

/** undefined: intact. 'end': zeros or the end of the file. Else what is wrong. */
function checkFrame(window: Window, position: number, header: SegmentHeader, lastSequence: number): string | undefined {
  let at = window.at(position, FRAME_HEADER)
  if (at < 0) return 'end'
  const bytes = window.bytes
  if (!looksLikeFrame(bytes, at, header)) {
    // Zeros in the header may be the end, or a torn frame of which later sectors arrived.
    return window.at(position, PAGE) >= 0 && isZero(window.bytes, window.at(position, PAGE), PAGE)
      ? 'end'
      : 'no frame header'
  }
  const length = frameLength(bytes, at)
  const sequence = frameSequence(bytes, at)
  if (lastSequence !== 0 && sequence !== lastSequence + 1) return `frame ${sequence} after ${lastSequence}`
  at = window.at(position, length)
  if (at < 0) return 'the file ends within the frame'
  return frameIntact(window.bytes, at, length, header) ? undefined : 'frame checksum'
}

function isZero(bytes: Buffer, at: number, size: number): boolean {
  for (let i = at; i < at + size; i++) if (bytes[i] !== 0) return false
  return true
}

function addFrame(
  bytes: Buffer,
  start: number,
  length: number,
  position: number,
  index: GrowingIndex,
  path: string,
): void {
  const entries = frameEntries(bytes, start)
  index.addFrame(position, length, frameMs(bytes, start), frameDay(bytes, start), entries)
  let at = start + FRAME_HEADER
  for (let i = 0; i < entries; i++) {
    const offset = position + at - start
    if (at + ENTRY_HEADER > start + length) throw journalDamaged(path, offset, 'an entry crosses the end of its frame')
    const row = index.rowOf(entryLow(bytes, at), entryHigh(bytes, at))
    const n = entryN(bytes, at)
    if (!index.add(row, n, offset)) throw journalDamaged(path, offset, `entry ${n} follows ${index.last(row)}`)
    at = entryEnd(bytes, at)
  }
  if (at !== start + length) throw journalDamaged(path, position, 'entries and frame differ in length')
}

/** A good frame behind a bad one: the bad one was synced once. */
function refuseFramesBeyond(
  window: Window,
  bad: number,
  header: SegmentHeader,
  lastSequence: number,
  path: string,
): void {
  for (let position = bad; ; position += PAGE) {
    const at = window.at(position, PAGE)
    if (at < 0) return
    if (!looksLikeFrame(window.bytes, at, header) || frameSequence(window.bytes, at) <= lastSequence) continue
    const length = frameLength(window.bytes, at)
    const whole = window.at(position, length)
    if (whole >= 0 && frameIntact(window.bytes, whole, length, header)) {
      throw journalDamaged(path, bad, `frame ${lastSequence + 1} is not intact, yet a later one at byte ${position} is`)
    }
  }
}

/** A segment that is read, not written. */
export class Segment {
  /** Frames that this process has checked; undefined: all. */
  checked: Uint8Array | undefined
  /** Rows whose customer needs nothing of this segment any more (or is not ours). */
  released: Uint8Array = new Uint8Array(0)
  held = 0
  /** All frames in the index are known to be on the disk, so that the index may be written down. */
  sure = true
  /** Other shards that have customers here: they have to agree before it goes. */
  strangers = new Set<number>()
  /** It could not be removed when nobody needed it any more; said once. */
  stays = false
  /** Our part is done and said so in a file for the shard that may remove it. */
  marked = false

  constructor(
    readonly folder: string,
    readonly header: SegmentHeader,
    public index: SegmentIndex,
    readonly link: Link,
    readonly rewritten: boolean,
  ) {}

  get number(): number {
    return this.header.number
  }

  get path(): string {
    return `${this.folder}/${segmentName(this.header.number)}`
  }

  get indexPath(): string {
    return `${this.folder}/${indexName(this.header.number)}`
  }
}

/** The index beside a segment, if it is there and intact. */
export function readIndex(disk: Disk, folder: string, header: SegmentHeader, link: () => Link): Segment | undefined {
  const path = `${folder}/${indexName(header.number)}`
  if (!disk.exists(path)) return undefined
  const file = disk.open(path, 'read')
  try {
    const first = Buffer.alloc(64)
    if (file.read(first, 0, 64, 0) < 64) return undefined
    const size = indexHeadBytes(first)
    const fileBytes = file.size()
    if (size === undefined || size > fileBytes) return undefined
    const head = Buffer.alloc(size)
    if (file.read(head, 0, size, 0) < size) return undefined
    const decoded = decodeIndex(head, fileBytes, header.tagLow, header.tagHigh)
    if (decoded === undefined) return undefined
    const found = new Segment(folder, header, decoded.index, link(), decoded.rewritten)
    found.checked = new Uint8Array(decoded.index.frames)
    return found
  } finally {
    file.close()
  }
}
