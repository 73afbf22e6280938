// Which bug a crash is: its group id, a title and a culprit. Described for people in docs/grouping.md.
//
// The id hashes the exception's type and the innermost frames of the app's own code, by function and file: two distinct ones, so that the same fault
// reached by another way is the same bug, and one helper that throws for many callers is as many bugs as it has callers. Where no frame
// has a name, the message's template joins in; where there are no frames, it stands alone.
//
// Unkeyed on purpose, and versioned: the same crash has the same id on every node and after every restart.

import { hash, hashBytes } from '../core/hash.js'
import { Field, SLICE_STRIDE } from './batch.js'
import { Slot } from './fields.js'
import type { Frame } from './frame-shapes.js'
import { readPlace, readStack, sameFrame } from './frames.js'
import { firstLine, normaliseMessage, normaliseType } from './normalise.js'
import type { EventRow } from './row.js'
import { Kind } from './scan.js'
import { cutText, plainText } from './text.js'

// 2: lines of messages and of source are no frames.
/** Part of every group id. A change of grouping or of what it normalises needs a new one, and a new DECODER_VERSION. */
export const GROUPING_VERSION = 2

const KEY = { k0: 0x6c657468, k1: 0x65000000 | GROUPING_VERSION }

/** Distinct frames of the app's own code that tell bugs apart. */
const FRAMES = 2
/** A stack that overflowed shows an arbitrary cut through a cycle: all of its members, in any order, are the bug, and nobody else. */
const OVERFLOW =
  /stack ?overflow|recursionerror|maximum call stack|too much recursion|stack size exceeded|recursion depth/i
const CYCLE = 40

const TITLE_UNITS = 200
const encoder = new TextEncoder()
const keyText = new Uint8Array(16 * 1024)

export interface Fault {
  readonly group: string
  readonly title: string
  readonly culprit: string
}

/** Groups a fault. `stack` is what the event's `error.stack` holds, as plain JSON data. */
export function groupFault(type: string, message: string, where: string, stack: unknown): Fault {
  const overflow = OVERFLOW.test(type) || OVERFLOW.test(message.slice(0, 200))
  const most = overflow ? CYCLE : FRAMES
  const sections = readStack(stack, most, { type, message })
  const frames = pick(overflow ? sections.map(cycleOf) : sections, most)
  if (frames.length === 0) {
    const place = readPlace(where)
    if (place !== undefined) frames.push(place)
  }
  const line = firstLine(message)
  const parts = [normaliseType(type)]
  for (const frame of frames) parts.push(`${frame.name}\t${frame.file}`)
  if (overflow) parts.sort()
  if (!frames.some(frame => frame.name !== '')) parts.push(normaliseMessage(message))
  const culprit = frames.find(frame => frame.name !== '') ?? frames[0]
  return {
    group: identify(parts.join('\n')),
    title: cutText(line === '' ? type : `${type}: ${line}`, TITLE_UNITS),
    culprit: culprit === undefined ? cutText(where, TITLE_UNITS) : describe(culprit),
  }
}

/** The innermost distinct frames: the app's own, of the first exception in the chain that has any; else anybody's. */
function pick(sections: readonly (readonly Frame[])[], most: number): Frame[] {
  let others: Frame[] = []
  for (const section of sections) {
    const own = distinct(section, most, true)
    if (own.length > 0) return own
    if (others.length === 0) others = distinct(section, most, false)
  }
  return others
}

/** The innermost cycle: what was called between two calls of one function. All calls where nothing repeats, as in a cut shorter than it. */
function cycleOf(section: readonly Frame[]): readonly Frame[] {
  let start = -1
  let end = -1
  for (let i = 0; i < section.length && (start < 0 || i <= end); i++) {
    const last = section.findLastIndex(other => sameFrame(other, section[i]!))
    if (last > i && start < 0) start = i
    end = Math.max(end, last > i ? last : -1)
  }
  return start < 0 ? section : section.slice(start, end + 1)
}

function distinct(section: readonly Frame[], most: number, inApp: boolean): Frame[] {
  const found: Frame[] = []
  for (const frame of section) {
    if (inApp && !frame.inApp) continue
    if (found.some(other => sameFrame(other, frame))) continue
    found.push(frame)
    if (found.length === most) break
  }
  return found
}

function describe(frame: Frame): string {
  const text = frame.file === '' ? frame.name : frame.name === '' ? frame.file : `${frame.name} (${frame.file})`
  return cutText(text, TITLE_UNITS)
}

function identify(text: string): string {
  const { written } = encoder.encodeInto(text, keyText)
  hashBytes(KEY, keyText, 0, written)
  return (hash.hi >>> 0).toString(16).padStart(8, '0') + (hash.lo >>> 0).toString(16).padStart(8, '0')
}

/** For the decoder: fills Group, Title and Culprit of the row. Its texts are settled, and its stack is where the scanner found it. */
export function describeFault(row: EventRow): void {
  const { batch } = row
  const at = batch.count * SLICE_STRIDE
  const text = (field: Field) => {
    const start = batch.slices[at + 2 * field]!
    return start < 0 ? '' : plainText(batch.bytes, start, batch.slices[at + 2 * field + 1]!)
  }
  const fault = groupFault(text(Field.ErrorType), text(Field.ErrorMessage), text(Field.ErrorWhere), stackOf(row))
  row.build(Field.Group, fault.group)
  row.build(Field.Title, fault.title)
  row.build(Field.Culprit, fault.culprit)
}

/** Stacks longer than this are read up to a broken end, which is to say not at all: their message groups them. */
const MAX_STACK_BYTES = 512 * 1024

function stackOf(row: EventRow): unknown {
  if ((row.have & (1 << Slot.Stack)) === 0) return undefined
  const kind = row.kinds[Slot.Stack]!
  if (kind !== Kind.Array && kind !== Kind.OddText) return undefined
  // The slice of a text lies between its quotes.
  const quote = kind === Kind.OddText ? 1 : 0
  const start = row.starts[Slot.Stack]! - quote
  const end = row.ends[Slot.Stack]! + quote
  if (end - start > MAX_STACK_BYTES) return undefined
  return JSON.parse(plainText(row.batch.bytes, start, end)) as unknown
}
