// What a state knows beside its pages: where it stands, how long it keeps days, which days its file holds, where its queues
// begin and end. One record, written with every checkpoint, and read first.

import { ByteReader, ByteWriter } from '../core/bytes.js'
import { LetheError } from '../core/errors.js'
import { Mark, Page, recordKey, type Tracker } from './page.js'
import type { SessionStates } from './sessions.js'

const VERSION = 1

export interface Settings {
  incarnation: bigint
  n: number
  day: number
  retention: number
  deadline: number
  programVersion: number
  groupingVersion: number
  sampling: number
  idHead: number
  idTail: number
  idLatest: number
  sessionHead: number
  sessionTail: number
  /** By slot: the day that the file holds there. */
  days: readonly (number | undefined)[]
}

export const settingsKey = recordKey('S', 0, 0)

/**
 * Version, u64 incarnation, varint n; then varints and doubles in the order of Settings; varint number of slots, and per
 * slot varint 0 = empty, or 1 + its day.
 */
export function encodeSettings(settings: Settings): Buffer {
  const writer = new ByteWriter()
  writer.u8(VERSION)
  writer.u64(settings.incarnation)
  writer.varint(settings.n)
  writer.varint(settings.day)
  writer.varint(settings.retention)
  writer.varint(settings.deadline)
  writer.varint(settings.programVersion)
  writer.varint(settings.groupingVersion)
  writer.f64(settings.sampling)
  writer.varint(settings.idHead)
  writer.varint(settings.idTail)
  writer.varint(settings.idLatest)
  writer.varint(settings.sessionHead)
  writer.varint(settings.sessionTail)
  writer.varint(settings.days.length)
  for (const day of settings.days) writer.varint(day === undefined ? 0 : day + 1)
  return writer.finish()
}

export function decodeSettings(value: Uint8Array): Settings {
  const reader = new ByteReader(value)
  const version = reader.u8()
  if (version !== VERSION) throw new LetheError('page-unknown', `settings of version ${version}`)
  const days: (number | undefined)[] = []
  const settings: Settings = {
    incarnation: reader.u64(),
    n: reader.varint(),
    day: reader.varint(),
    retention: reader.varint(),
    deadline: reader.varint(),
    programVersion: reader.varint(),
    groupingVersion: reader.varint(),
    sampling: reader.f64(),
    idHead: reader.varint(),
    idTail: reader.varint(),
    idLatest: reader.varint(),
    sessionHead: reader.varint(),
    sessionTail: reader.varint(),
    days,
  }
  const slots = reader.varint()
  if (slots !== settings.retention + 1)
    throw new LetheError('page-damaged', `${slots} slots for ${settings.retention} days`)
  for (let slot = 0; slot < slots; slot++) {
    const day = reader.varint()
    days.push(day === 0 ? undefined : day - 1)
  }
  return settings
}

/** Why a program last failed on an event. */
export interface RecordedProgramError {
  readonly code: string
  readonly message: string
  readonly line?: number
  readonly column?: number
}

/** The customer's program, and the last error it met. */
export class ProgramPage extends Page {
  source: string | null = null
  error: RecordedProgramError | null = null

  get day(): undefined {
    return undefined
  }

  get alive(): boolean {
    return true
  }

  key(): Uint8Array {
    return recordKey('p', 0, 0)
  }

  /** Version; flag and text of the source; flag, code, message, varint line and column (0 = unknown) of the error. */
  encode(writer: ByteWriter): void {
    writer.u8(VERSION)
    writer.u8(this.source === null ? 0 : 1)
    if (this.source !== null) writer.text(this.source)
    writer.u8(this.error === null ? 0 : 1)
    if (this.error === null) return
    writer.text(this.error.code)
    writer.text(this.error.message)
    writer.varint(this.error.line ?? 0)
    writer.varint(this.error.column ?? 0)
  }

  decode(reader: ByteReader): void {
    if (reader.u8() !== VERSION) throw new LetheError('page-unknown', 'a program of an unknown version')
    this.source = reader.u8() === 1 ? reader.text() : null
    this.error = null
    if (reader.u8() === 0) return
    const code = reader.text()
    const message = reader.text()
    const line = reader.varint()
    const column = reader.varint()
    this.error = { code, message, ...(line > 0 && { line }), ...(column > 0 && { column }) }
  }
}

/** The symbols of session states. */
export class SymbolsPage extends Page {
  constructor(
    private readonly sessions: SessionStates,
    private readonly tracker: Tracker,
  ) {
    super()
    sessions.onSymbol = () => {
      if (this.mark !== Mark.Dirty) this.tracker.touch(this)
    }
  }

  get day(): undefined {
    return undefined
  }

  get alive(): boolean {
    return true
  }

  key(): Uint8Array {
    return recordKey('y', 0, 0)
  }

  /** Version, varint number of symbols, their texts. */
  encode(writer: ByteWriter): void {
    writer.u8(VERSION)
    writer.varint(this.sessions.symbols.length)
    for (const symbol of this.sessions.symbols) writer.text(symbol)
  }

  decode(reader: ByteReader): void {
    if (reader.u8() !== VERSION) throw new LetheError('page-unknown', 'symbols of an unknown version')
    const symbols = reader.varint()
    for (let i = 0; i < symbols; i++) this.sessions.restoreSymbol(reader.text())
  }
}
