// What a customer's journal entries say. The journal itself carries them as bytes.
//
// Events: a prefix, then the decompressed body as it came. Decoding depends on nothing but these bytes (R5):
//
//   0        1         2         4         8              16
//   +--------+---------+---------+---------+--------------+----------------- - -
//   | format | decoder | 0       | 0       | sentAt (f64) | body …
//   |        | version |         |         | NaN: none    |
//   +--------+---------+---------+---------+--------------+----------------- - -
//
// All others: JSON. They are rare, and people read them in `lethe inspect`.

import type { Limits } from '../core/limits.js'
import type { EventBatch } from '../event/batch.js'
import { decodeAll, Format } from '../event/decode.js'
import type { RecordedVersions } from './versions.js'

/** Bytes before the body in an events entry. */
export const EVENTS_PREFIX_BYTES = 16

/** What the first entry of a customer fixes: later changes of the node's defaults do not reach back (R14). */
export interface CreateEntry extends RecordedVersions {
  readonly retention: number
}

/** A replaced program; null is the built-in one. */
export interface ProgramEntry {
  readonly source: string | null
}

/** Another retention, or other versions from here on. */
export interface SettingsEntry extends Partial<RecordedVersions> {
  readonly retention?: number
  /** Share of users whose events are kept, 0 < share ≤ 1. */
  readonly sampling?: number
}

/** State before n was lost: the file was set aside, or the journal had a hole. The customer goes on from here, empty of what is gone. */
export interface ResetEntry extends RecordedVersions {
  readonly reason: string
  readonly lostUpTo: number
  readonly retention: number
}

/** Applies an event that had been set aside (R16). It carries the event: the entry it came in may be trimmed by then. */
export interface ReplayEntry {
  readonly n: number
  readonly index: number
  /** The frame that brought it: decides its time and the ledger's day. */
  readonly ms: number
  readonly day: number
  /** null: none was given. */
  readonly sentAt: number | null
  /** Decoder version. */
  readonly version: number
  /** As JSON. */
  readonly event: string
}

const scratch = new DataView(new ArrayBuffer(8))
const scratchBytes = new Uint8Array(scratch.buffer)

export function writeEventsPrefix(
  target: Uint8Array,
  at: number,
  format: number,
  version: number,
  sentAt: number,
): void {
  target[at] = format
  target[at + 1] = version
  for (let i = 2; i < 8; i++) target[at + i] = 0
  scratch.setFloat64(0, sentAt, true)
  for (let i = 0; i < 8; i++) target[at + 8 + i] = scratchBytes[i]!
}

export interface EventsPrefix {
  readonly format: number
  readonly version: number
  readonly sentAt: number
}

export function readEventsPrefix(bytes: Uint8Array, at: number): EventsPrefix {
  for (let i = 0; i < 8; i++) scratchBytes[i] = bytes[at + 8 + i]!
  return { format: bytes[at]!, version: bytes[at + 1]!, sentAt: scratch.getFloat64(0, true) }
}

export function encodeJson(value: CreateEntry | ProgramEntry | SettingsEntry | ResetEntry | ReplayEntry): Buffer {
  return Buffer.from(JSON.stringify(value))
}

export function decodeJson<T>(bytes: Uint8Array, start: number, end: number): T {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString()) as T
}

/** The event that a replay applies: a batch of it alone. */
export function decodeReplayed({ event, version, sentAt }: ReplayEntry, limits: Limits): EventBatch {
  const bytes = Buffer.from(event)
  return decodeAll(bytes, 0, bytes.length, { format: Format.Json, version, sentAt: sentAt ?? Number.NaN, limits })
}
