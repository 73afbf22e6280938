// A customer's memory: tables, days, ids, sessions, groups and ledger. It is a function of the customer's entries and of
// nothing else (law 1): the same entries give the same bytes, with or without a stay on disk in between.
//
//      identity, n, day, retention            settings.ts
//      catalog ── tables ── keys              catalog.ts, table.ts, keys.ts   one index for all, pages of 256 keys
//      ring ── day ── columns ── pages        ring.ts, day-data.ts, column.ts slot = day mod (N+1), loaded when touched
//      updates                                updates.ts                      from effects to cells
//      ids, sessions                          fifo.ts                         paged queues
//      ledger, groups                         ledger.ts, groups.ts
//      tracker ── dirty pages                 page.ts, checkpoint.ts

import { ByteReader } from '../core/bytes.js'
import { assert, LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { atOnce, type Steps } from '../core/steps.js'
import { Catalog } from './catalog.js'
import { type Checkpoint, RunningCheckpoint } from './checkpoint.js'
import type { DayData } from './day-data.js'
import { Groups } from './groups.js'
import { IdWindow } from './ids.js'
import { KeySpace } from './keys.js'
import { Ledger } from './ledger.js'
import { encodePage, type Page, readRecordKey, readRows, Tracker } from './page.js'
import { DayRing, type DayState } from './ring.js'
import { SessionStates } from './sessions.js'
import {
  decodeSettings,
  encodeSettings,
  ProgramPage,
  type RecordedProgramError,
  type Settings,
  SymbolsPage,
  settingsKey,
} from './settings.js'
import { Table } from './table.js'
import {
  type DayWrite,
  type FileWrite,
  type Identity,
  kindNames,
  type PageWrite,
  type Row,
  type TableDeclaration,
} from './types.js'
import { Updates } from './updates.js'

export class CustomerState {
  /** The last entry that this state contains. The caller sets it after each entry. */
  n = 0
  /** The versions of built-in program and grouping that entries are applied with (R14). */
  programVersion = 1
  groupingVersion = 1
  sampling = 1
  readonly ids: IdWindow
  readonly sessions: SessionStates
  readonly ledger: Ledger
  readonly groups: Groups
  /** Applies effects to the cells. */
  readonly updates: Updates

  private readonly tracker = new Tracker()
  private readonly ring: DayRing
  private readonly space: KeySpace
  private readonly catalog: Catalog
  private readonly program = new ProgramPage()
  private readonly symbols: SymbolsPage
  /** The settings that the file holds, without n. */
  private storedSettings: Buffer | undefined
  private running: RunningCheckpoint | undefined

  private constructor(
    readonly identity: Identity,
    readonly limits: Limits,
    day: number,
    retention: number,
  ) {
    this.ring = new DayRing(day, retention, limits, this.tracker)
    this.space = new KeySpace(identity.hashKey, limits, this.tracker)
    this.ids = new IdWindow(limits, this.tracker)
    this.sessions = new SessionStates(identity.hashKey, limits, this.tracker)
    this.symbols = new SymbolsPage(this.sessions, this.tracker)
    this.ledger = new Ledger(limits, this.tracker)
    this.groups = new Groups(identity.hashKey, limits, this.tracker, () =>
      this.ring.residents().map(data => data.examples),
    )
    this.catalog = new Catalog(this.space, this.ring, limits, this.tracker)
    const { tracker, ring, space, catalog, sessions, groups } = this
    const refused = (declaration: TableDeclaration) => this.refuseUpdate(declaration)
    this.updates = new Updates({ limits, tracker, ring, space, catalog, sessions, groups, refused })
  }

  static empty(identity: Identity, limits: Limits, day: number, retention: number): CustomerState {
    assert(retention >= 1 && retention <= limits.maxRetentionDays)
    return new CustomerState(identity, limits, day, retention)
  }

  /** A state from the `meta` rows of its file, in order of their keys. Days come later, on touch. */
  static load(identity: Identity, limits: Limits, meta: Iterable<Row>): CustomerState {
    return atOnce(CustomerState.loading(identity, limits, meta))
  }

  /** The same in steps of about a millisecond. Throws LetheError if a record is damaged or another customer's. */
  static *loading(identity: Identity, limits: Limits, meta: Iterable<Row>): Steps<CustomerState> {
    let state: CustomerState | undefined
    yield* readRows(meta, row => {
      const { letter, table, page } = readRecordKey(row.key)
      if (letter === 'S') state = CustomerState.fromSettings(identity, limits, row.value)
      else if (state === undefined) throw new LetheError('page-damaged', 'the settings of a customer are missing')
      else state.decodeMeta(letter, table, page, row.value)
    })
    if (state === undefined) throw new LetheError('page-damaged', 'the settings of a customer are missing')
    state.ids.queue.checkComplete()
    state.sessions.queue.checkComplete()
    return state
  }

  /** The state's day: the latest that a frame had (R6). */
  get day(): number {
    return this.ring.day
  }

  /** N: today and the N−1 days before it are readable. */
  get retention(): number {
    return this.ring.retention
  }

  get programSource(): string | null {
    return this.program.source
  }

  get programError(): RecordedProgramError | null {
    return this.program.error
  }

  /** null: the built-in program. */
  setProgram(source: string | null): void {
    this.tracker.touch(this.program)
    this.program.source = source
    this.program.error = null
  }

  /** Keeps the error that the program met, for people to read. */
  noteProgramError(error: RecordedProgramError): void {
    const before = this.program.error
    if (before?.message === error.message && before.line === error.line && before.column === error.column) return
    this.tracker.touch(this.program)
    const { code, message, line, column } = error
    this.program.error = { code, message: message.slice(0, 1000), ...(line && { line }), ...(column && { column }) }
  }

  /** In order of creation, unless tables were dropped. */
  tables(): readonly Table[] {
    return this.catalog.all()
  }

  table(name: string): Table | undefined {
    return this.catalog.find(name)
  }

  /** `stored`: in the file, not loaded. `outside`: neither readable nor writable. */
  dayState(day: number): DayState {
    return this.ring.stateOf(day)
  }

  /** The slot of the file that a day lives in: day mod (N+1). */
  slotOf(day: number): number {
    return this.ring.slotOf(day)
  }

  /** The cells of a day, if it is in memory: also of the day just expired, for a reader who had begun. */
  resident(day: number): DayData | undefined {
    return this.ring.resident(day)
  }

  /** Loads a stored day from its rows; yields about every millisecond of work. */
  loadDay(day: number, rows: Iterable<Row>): Steps<void> {
    return this.ring.load(day, rows)
  }

  /** R6, R7: makes `day` the state's day if it is later; drops expired days and keys whose last day left the ring. */
  rollTo(day: number): void {
    if (day > this.ring.day) this.forgetBefore(this.ring.advance(day))
  }

  /** The file is gone: the next checkpoint writes all of memory into a fresh one. Answers the days that were in the file alone. */
  forgetFile(): number[] {
    assert(this.running === undefined, 'a checkpoint is running')
    const lost = this.ring.forgetFile()
    this.storedSettings = undefined
    this.eachPage(page => this.tracker.touch(page))
    return lost
  }

  /** Keeps `retention` days from here on. Every stored day must have been loaded: the next file is a fresh one. */
  setRetention(retention: number): void {
    assert(retention >= 1 && retention <= this.limits.maxRetentionDays)
    if (retention === this.ring.retention) return
    this.forgetBefore(this.ring.resize(retention))
    this.eachPage(page => this.tracker.touch(page))
  }

  // What was of no later day than the last that went.
  private forgetBefore(oldest: number): void {
    const deadline = oldest + 1
    this.catalog.dropBefore(deadline)
    // A group's stamp is its last day, also of one that a longer retention has brought back.
    this.groups.dropBefore(deadline)
    this.sessions.dropBefore(oldest)
    this.ledger.dropBefore(oldest)
    this.updates.unbind()
  }

  /** Whether a checkpoint would have anything to write besides n. */
  get dirty(): boolean {
    if (this.tracker.dirty.length > 0 || this.tracker.deleted.size > 0) return true
    return (
      !this.encodedSettings(0, this.ring.daysInFile).equals(this.storedSettings ?? Buffer.alloc(0)) ||
      this.ring.planned().length > 0
    )
  }

  /** R8. One at a time: `done` or `fail` of the one before must have been called. */
  beginCheckpoint(): Checkpoint {
    assert(this.running === undefined, 'a checkpoint is running')
    const days = this.ring.planned()
    const after = this.ring.after(days)
    const stored = this.encodedSettings(0, after.days)
    const running = new RunningCheckpoint(this.tracker, {
      n: this.n,
      slots: this.ring.retention + 1,
      meta: [{ key: settingsKey, value: this.encodedSettings(this.n, after.days) }],
      days,
      stored: () => {
        this.running = undefined
        if (after.stored()) this.storedSettings = stored
      },
      failed: () => {
        this.running = undefined
      },
    })
    this.running = running
    return running
  }

  /**
   * The whole state as one write, whatever is dirty: for export, and to compare states. Every stored day must be loaded.
   * Records are in order of their keys.
   */
  everything(): FileWrite {
    const meta: PageWrite[] = []
    const byDay = new Map<number, PageWrite[]>()
    this.eachPage(page => {
      const record = { key: page.key(), value: encodePage(page) }
      if (page.day === undefined) meta.push(record)
      else if (byDay.has(page.day)) byDay.get(page.day)!.push(record)
      else byDay.set(page.day, [record])
    })
    // A day without a cell is no day.
    const days: DayWrite[] = []
    const fileDays = new Array<number | undefined>(this.ring.retention + 1).fill(undefined)
    for (const { slot, day } of this.ring.everyDay()) {
      const pages = byDay.get(day)
      if (pages === undefined) continue
      pages.sort((a, b) => Buffer.compare(a.key, b.key))
      days.push({ slot, day, clear: true, pages })
      fileDays[slot] = day
    }
    meta.push({ key: settingsKey, value: this.encodedSettings(this.n, fileDays) })
    meta.sort((a, b) => Buffer.compare(a.key, b.key))
    return { n: this.n, meta, days, slots: this.ring.retention + 1 }
  }

  /** Bytes this state takes in memory, about. */
  byteSize(): number {
    let size = 2600 + this.space.byteSize + this.ids.queue.byteSize + this.sessions.queue.byteSize
    size += this.ledger.byteSize + this.groups.byteSize + 2 * (this.program.source?.length ?? 0)
    return size + this.catalog.byteSize + this.ring.byteSize
  }

  // Counted, and told to whoever reads the program: it is wrong of the tables as they are, which its check could not know.
  private refuseUpdate({ name, kind }: TableDeclaration): void {
    this.ledger.day(this.ring.day).note('refused-update')
    const found = this.catalog.find(name)
    const message = found
      ? `table ${name} is a ${kindNames[found.kind]}, and was to be updated as a ${kindNames[kind]}: the update was left out`
      : `table ${name} would be one of more than ${this.limits.maxTables}: the update was left out`
    this.noteProgramError({ code: found ? 'wrong-type' : 'too-many-tables', message })
  }

  // ——— checkpoint

  private encodedSettings(n: number, days: readonly (number | undefined)[]): Buffer {
    const settings: Settings = {
      incarnation: this.identity.incarnation,
      n,
      day: this.ring.day,
      retention: this.ring.retention,
      deadline: this.space.deadline,
      programVersion: this.programVersion,
      groupingVersion: this.groupingVersion,
      sampling: this.sampling,
      idHead: this.ids.queue.head,
      idTail: this.ids.queue.tail,
      idLatest: this.ids.latest,
      sessionHead: this.sessions.queue.head,
      sessionTail: this.sessions.queue.tail,
      days,
    }
    return encodeSettings(settings)
  }

  private eachPage(visit: (page: Page) => void): void {
    visit(this.program)
    visit(this.symbols)
    for (const table of this.catalog.all()) visit(table)
    for (const rows of this.space.kinds) for (const page of rows.pages) if (page !== undefined) visit(page)
    this.ids.queue.eachPage(visit)
    this.sessions.queue.eachPage(visit)
    this.ledger.eachPage(visit)
    this.groups.eachPage(visit)
    this.ring.eachPage(visit)
  }

  private static fromSettings(identity: Identity, limits: Limits, value: Uint8Array): CustomerState {
    const settings = decodeSettings(value)
    if (settings.incarnation !== identity.incarnation) {
      throw new LetheError('file-foreign', `the file of customer ${identity.customer} holds another one's state`)
    }
    const state = new CustomerState(identity, limits, settings.day, settings.retention)
    state.n = settings.n
    state.programVersion = settings.programVersion
    state.groupingVersion = settings.groupingVersion
    state.sampling = settings.sampling
    state.space.deadline = settings.deadline
    state.ids.queue.startAt(settings.idHead, settings.idTail)
    state.ids.latest = settings.idLatest
    state.sessions.queue.startAt(settings.sessionHead, settings.sessionTail)
    state.ring.takeFileDays(settings.days)
    state.storedSettings = state.encodedSettings(0, settings.days)
    return state
  }

  private decodeMeta(letter: string, tableId: number, page: number, value: Uint8Array): void {
    const reader = new ByteReader(value)
    switch (letter) {
      case 'T': {
        const { name, kind } = Table.decode(reader)
        this.catalog.add(tableId, name, kind)
        return
      }
      case 'g':
        return this.groups.decode(page, reader)
      case 'i':
        return this.ids.queue.decode(page, reader)
      case 'k':
        return this.space.load(tableId, page, reader, this.catalog.byId)
      case 'l':
        return this.ledger.decode(page, reader)
      case 'p':
        return this.program.decode(reader)
      case 's':
        return this.sessions.queue.decode(page, reader)
      case 'y':
        return this.symbols.decode(reader)
      default:
        throw new LetheError('page-unknown', `a record of kind ${letter}`)
    }
  }
}
