// A customer that cannot checkpoint would hold the whole journal back. At the bound its entries are copied to a segment of
// their own, in frames with the times they came with, and the main journal trims (R11). A spill segment gets its name
// only when it is complete and synced, so no crash leaves half of one.
import type { JournalEntry } from './contract.js'
import type { DiskFile } from './disk.js'
import { ENTRY_HEADER, FRAME_HEADER, Group, NO_LINK, PAGE, padded, sealFrame, Writer } from './frame.js'
import { Segment, type SegmentHeader } from './segment.js'
import { GrowingIndex } from './segment-index.js'

/** Writes `entries`, all of one customer, into a file that has its header; answers the index. Yields to others between frames. */
export async function writeSpill(
  file: DiskFile,
  header: SegmentHeader,
  incarnation: bigint,
  entries: Iterable<JournalEntry>,
  maxFrameBytes: number,
): Promise<GrowingIndex> {
  const index = new GrowingIndex()
  index.end = PAGE
  const writer = new Writer(incarnation)
  let group = new Group(FRAME_HEADER + maxFrameBytes, () => {})
  let sequence = 0
  const flush = async () => {
    if (group.entries === 0) return
    const { ms, day } = group
    const about = { sequence: ++sequence, ms, day, entries: group.entries, flags: 0, link: NO_LINK }
    const size = sealFrame(group.bytes, group.length, header, about)
    file.write(group.bytes, 0, size, index.end)
    index.addFrame(index.end, group.length, ms, day, group.entries)
    const row = index.rowOf(writer.low, writer.high)
    for (let i = 0; i < group.entries; i++) index.add(row, group.numbers[i]!, index.end + group.offsets[i]!)
    index.end += size
    group.reset()
    await new Promise<void>(resolve => setImmediate(resolve))
  }
  for (const entry of entries) {
    const size = entry.end - entry.start
    const needed = group.length + ENTRY_HEADER + size + 8
    if (group.entries > 0 && (needed > group.bytes.length || entry.ms !== group.ms || entry.day !== group.day))
      await flush()
    if (FRAME_HEADER + ENTRY_HEADER + size + 8 > group.bytes.length) {
      group = new Group(padded(FRAME_HEADER + ENTRY_HEADER + size + 8), () => {})
    }
    const at = group.length
    entry.bytes.copy(group.bytes, at + ENTRY_HEADER, entry.start, entry.end)
    group.endEntry(at, writer, entry.kind, entry.n, size)
    group.ms = entry.ms
    group.day = entry.day
  }
  await flush()
  return index
}

export const spillSegment = (folder: string, header: SegmentHeader, index: GrowingIndex): Segment =>
  new Segment(folder, header, index, NO_LINK, false)
