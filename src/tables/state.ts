// A customer's memory: tables, days, ids, sessions, groups and ledger. It is a function of the customer's entries and of
// nothing else (law 1): the same entries give the same bytes, with or without a stay on disk in between.
//
//      identity, n, day, retention            settings.ts
//      tables ── keys                         table.ts, keys.ts        one index for all, pages of 256 keys
//      ring   ── day ── columns ── pages      day-data.ts, column.ts   slot = day mod (N+1), loaded when touched
//      ids, sessions                          fifo.ts                  paged queues
//      ledger, groups                         ledger.ts, groups.ts
//      tracker ── dirty pages                 page.ts, checkpoint.ts
//
// The ring (R7): writable are the days day−N+1 … day+1, which are N+1; so a slot is given to tomorrow when tomorrow's first
// event comes, and until then the day that has just expired stays readable for whoever was reading it.

import { ByteReader } from '../core/bytes.js'
import { DAY_MS } from '../core/clock.js'
import { assert, LetheError } from '../core/errors.js'
import { hash } from '../core/hash.js'
import type { Limits } from '../core/limits.js'
import type { EventBatch } from '../event/batch.js'
import { MINUTES } from '../sketch/timeline.js'
import { type Checkpoint, RunningCheckpoint } from './checkpoint.js'
import type { ObjectCell, ObjectColumn } from './column.js'
import { DayData } from './day-data.js'
import { ARENA, type Effects, Operation, STRIDE } from './effects.js'
import type { DayExamples } from './examples.js'
import { Groups } from './groups.js'
import { IdWindow } from './ids.js'
import { cutAtCharacter, KeySpace, MIX_HIGH, MIX_LOW, mixOf } from './keys.js'
import { Ledger } from './ledger.js'
import { encodePage, type Page, readRecordKey, Tracker } from './page.js'
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

export type DayState = 'resident' | 'stored' | 'empty' | 'outside'

/** A slot in use. Without `data` the day is in the file alone. */
interface Slot {
  readonly day: number
  data: DayData | undefined
}

// Bytes of records that are read in about a millisecond.
const READ_STEP = 48 * 1024

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

  private currentDay: number
  private currentRetention: number
  private readonly tracker = new Tracker()
  private readonly tablesById: (Table | undefined)[] = []
  private readonly tablesByName = new Map<string, Table>()
  private readonly space: KeySpace
  private readonly program = new ProgramPage()
  private readonly symbols: SymbolsPage
  private ring: (Slot | undefined)[]
  // What the file holds, by slot; a change of retention forgets it, for the next file is a fresh one.
  private fileDays: (number | undefined)[]
  private fileGeneration = 0
  private storedSettings: Buffer | undefined
  private running: RunningCheckpoint | undefined

  // The tables of the program that ran last, by its numbers: what they mix into hashes (mixOf); 0 = not looked up yet; −1 = refused.
  private boundFor: readonly TableDeclaration[] | undefined
  private bound = new Int32Array(8)
  private hotDay: DayData | undefined

  private constructor(
    readonly identity: Identity,
    readonly limits: Limits,
    day: number,
    retention: number,
  ) {
    this.currentDay = day
    this.currentRetention = retention
    this.ring = emptySlots(retention)
    this.fileDays = emptySlots(retention)
    this.space = new KeySpace(identity.hashKey, limits, this.tracker)
    this.ids = new IdWindow(limits, this.tracker)
    this.sessions = new SessionStates(identity.hashKey, limits, this.tracker)
    this.symbols = new SymbolsPage(this.sessions, this.tracker)
    this.ledger = new Ledger(limits, this.tracker)
    this.groups = new Groups(identity.hashKey, limits, this.tracker, () => this.residentExamples())
  }

  static empty(identity: Identity, limits: Limits, day: number, retention: number): CustomerState {
    assert(retention >= 1 && retention <= limits.maxRetentionDays)
    return new CustomerState(identity, limits, day, retention)
  }

  /** A state from the `meta` rows of its file, in order of their keys. Days come later, on touch. */
  static load(identity: Identity, limits: Limits, meta: Iterable<Row>): CustomerState {
    const loading = CustomerState.loading(identity, limits, meta)
    for (;;) {
      const step = loading.next()
      if (step.done) return step.value
    }
  }

  /** The same in steps of about a millisecond. Throws LetheError if a record is damaged or another customer's. */
  static *loading(identity: Identity, limits: Limits, meta: Iterable<Row>): Generator<void, CustomerState> {
    let state: CustomerState | undefined
    let read = 0
    for (const row of meta) {
      const { letter, table, page } = readRecordKey(row.key)
      if (letter === 'S') state = CustomerState.fromSettings(identity, limits, row.value)
      else if (state === undefined) throw new LetheError('page-damaged', 'the settings of a customer are missing')
      else state.decodeMeta(letter, table, page, row.value)
      read += row.value.length
      if (read > READ_STEP) {
        read = 0
        yield
      }
    }
    if (state === undefined) throw new LetheError('page-damaged', 'the settings of a customer are missing')
    state.ids.queue.checkComplete()
    state.sessions.queue.checkComplete()
    return state
  }

  /** The state's day: the latest that a frame had (R6). */
  get day(): number {
    return this.currentDay
  }

  /** N: today and the N−1 days before it are readable. */
  get retention(): number {
    return this.currentRetention
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
    return this.tablesById.filter(table => table !== undefined)
  }

  table(name: string): Table | undefined {
    return this.tablesByName.get(name)
  }

  /** `stored`: in the file, not loaded. `outside`: neither readable nor writable. */
  dayState(day: number): DayState {
    if (day > this.currentDay + 1 || day <= this.currentDay - this.currentRetention) return 'outside'
    const slot = this.ring[this.slotOf(day)]
    if (slot?.day !== day) return 'empty'
    return slot.data === undefined ? 'stored' : 'resident'
  }

  /** The slot of the file that a day lives in: day mod (N+1). */
  slotOf(day: number): number {
    return day % (this.currentRetention + 1)
  }

  /** The cells of a day, if it is in memory: also of the day just expired, for a reader who had begun. */
  resident(day: number): DayData | undefined {
    const slot = this.ring[day % (this.currentRetention + 1)]
    return slot !== undefined && slot.day === day ? slot.data : undefined
  }

  /** Loads a stored day from its rows; yields about every millisecond of work. */
  *loadDay(day: number, rows: Iterable<Row>): Generator<void, void> {
    const data = new DayData(day, this.limits, this.tracker)
    let read = 0
    for (const row of rows) {
      data.decode(row)
      read += row.value.length
      if (read > READ_STEP) {
        read = 0
        yield
      }
    }
    const slot = this.ring[this.slotOf(day)]
    if (slot?.day === day && slot.data === undefined) slot.data = data
  }

  /** R6, R7: makes `day` the state's day if it is later; drops expired days and keys whose last day left the ring. */
  rollTo(day: number): void {
    if (day <= this.currentDay) return
    this.currentDay = day
    this.expire(day - this.currentRetention)
  }

  /** The file is gone: the next checkpoint writes all of memory into a fresh one. Answers the days that were in the file alone. */
  forgetFile(): number[] {
    assert(this.running === undefined, 'a checkpoint is running')
    const lost: number[] = []
    for (const [index, slot] of this.ring.entries()) {
      if (slot === undefined || slot.data !== undefined) continue
      lost.push(slot.day)
      this.ring[index] = undefined
    }
    this.fileDays = emptySlots(this.currentRetention)
    this.fileGeneration++
    this.storedSettings = undefined
    this.eachPage(page => this.tracker.touch(page))
    return lost
  }

  /** Keeps `retention` days from here on. Every stored day must have been loaded: the next file is a fresh one. */
  setRetention(retention: number): void {
    assert(retention >= 1 && retention <= this.limits.maxRetentionDays)
    if (retention === this.currentRetention) return
    // The day just expired would come back to life if the ring grew.
    const oldest = this.currentDay - Math.min(retention, this.currentRetention) + 1
    this.expire(oldest)
    const kept = this.ring.filter(slot => slot !== undefined)
    this.currentRetention = retention
    this.ring = emptySlots(retention)
    for (const slot of kept) {
      assert(slot.data !== undefined, 'a stored day was not loaded before a change of retention')
      this.ring[this.slotOf(slot.day)] = slot
    }
    this.fileDays = emptySlots(retention)
    this.fileGeneration++
    this.eachPage(page => this.tracker.touch(page))
  }

  /**
   * Reads a word of each cache line that the next events are likely to change, up to about `bytes` of each part, and answers a
   * number of no meaning. A customer's cells are cold when its turn comes: these reads do not wait for one another, as
   * those of `apply` do, so the processor has several misses under way at once. One body of 50 events, 1,000 customers in
   * turn: 760 → 560 ns an event; one event each: 6.1 → 3.3 µs. Nothing is lost where all is warm.
   */
  prefetch(bytes: number): number {
    const data = this.hotDay
    let sum = this.space.index.prefetch(bytes)
    if (data !== undefined) {
      sum = (sum + data.counters.prefetch(bytes) + data.sketches.prefetch(bytes)) | 0
      const set = data.sets.at(0)
      if (set !== undefined) sum = (sum + set.prefetch()) | 0
    }
    return sum
  }

  /**
   * Applies the effects of events of `batch` to the cells of `day`, which must be resident or empty (see dayState). All keys are
   * looked up first and all cells change then: neither waits for the other's cache misses. The outcome is that of one event
   * after the other.
   */
  apply(effects: Effects, batch: EventBatch, day: number): void {
    if (effects.count === 0) return
    const data = this.hotDay?.day === day ? this.hotDay : this.dataFor(day)
    if (effects.declared !== this.boundFor) this.bindNone(effects.declared)
    this.findRows(effects)
    this.changeCells(effects, batch, data)
  }

  /** The effect that `apply` is at. */
  applying = 0

  /** Whether a checkpoint would have anything to write besides n. */
  get dirty(): boolean {
    if (this.tracker.dirty.length > 0 || this.tracker.deleted.size > 0) return true
    return (
      !this.encodedSettings(0, this.fileDays).equals(this.storedSettings ?? Buffer.alloc(0)) ||
      this.plannedDays().length > 0
    )
  }

  /** R8. One at a time: `done` or `fail` of the one before must have been called. */
  beginCheckpoint(): Checkpoint {
    assert(this.running === undefined, 'a checkpoint is running')
    const days = this.plannedDays()
    const fileDays = this.fileDays.slice()
    for (const write of days) fileDays[write.slot] = this.ring[write.slot]?.day
    const generation = this.fileGeneration
    const stored = this.encodedSettings(0, fileDays)
    const running = new RunningCheckpoint(this.tracker, {
      n: this.n,
      slots: this.currentRetention + 1,
      meta: [{ key: settingsKey, value: this.encodedSettings(this.n, fileDays) }],
      days,
      stored: () => {
        this.running = undefined
        if (generation !== this.fileGeneration) return
        this.fileDays = fileDays
        this.storedSettings = stored
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
    const fileDays = emptySlots<number>(this.currentRetention)
    for (const [slot, entry] of this.ring.entries()) {
      assert(entry === undefined || entry.data !== undefined, 'a stored day is not loaded')
      const pages = entry && byDay.get(entry.day)
      if (pages === undefined) continue
      pages.sort((a, b) => Buffer.compare(a.key, b.key))
      days.push({ slot, day: entry!.day, clear: true, pages })
      fileDays[slot] = entry!.day
    }
    meta.push({ key: settingsKey, value: this.encodedSettings(this.n, fileDays) })
    meta.sort((a, b) => Buffer.compare(a.key, b.key))
    return { n: this.n, meta, days, slots: this.currentRetention + 1 }
  }

  /** Bytes this state takes in memory, about. */
  byteSize(): number {
    let size = 2600 + this.space.byteSize + this.ids.queue.byteSize + this.sessions.queue.byteSize
    size += this.ledger.byteSize + this.groups.byteSize + 2 * (this.program.source?.length ?? 0)
    for (const table of this.tablesById) if (table !== undefined) size += table.byteSize
    for (const slot of this.ring) size += slot?.data?.byteSize ?? 0
    return size
  }

  // ——— apply

  /**
   * Leaves the row where the index says each effect's key is, which may have been dropped, or −1; and the hash of its value. A
   * cell that was touched on a writable day belongs to a live key: only the first touch of a cell looks at the key.
   */
  private findRows(effects: Effects): void {
    const { count, ops, mixes, rows, lows, highs } = effects
    const { bound } = this
    const { index } = this.space
    const { maxKeyBytes } = this.limits
    for (let i = 0, at = 0; i < count; i++, at += STRIDE) {
      const operation = ops[at]! & 15
      if (operation > Operation.Tick) continue
      const number = ops[at]! >>> 4
      let mix = bound[number] ?? 0
      if (mix <= 0) {
        this.applying = i
        mix = this.bind(effects, number)
      }
      mixes[i] = mix
      if (mix < 0) continue
      const start = ops[at + 1]!
      if (ops[at + 2]! - start > maxKeyBytes) ops[at + 2] = this.cut(effects, start)
      effects.hashOfKey(start, ops[at + 2]!)
      rows[i] = index.find(hash.lo ^ Math.imul(mix, MIX_LOW), hash.hi ^ Math.imul(mix, MIX_HIGH))
      if (operation === Operation.Sketch) {
        effects.hashOf(ops[at + 3]!, ops[at + 4]!)
        lows[i] = hash.lo
        highs[i] = hash.hi
      } else if (operation === Operation.Collect) {
        if (ops[at + 4]! - ops[at + 3]! > maxKeyBytes) ops[at + 4] = this.cut(effects, ops[at + 3]!)
        effects.hashOfKey(ops[at + 3]!, ops[at + 4]!)
        lows[i] = hash.lo
        highs[i] = hash.hi
      }
    }
  }

  // As above, by itself.
  private rowOf(effects: Effects, at: number, mix: number): number {
    effects.hashOfKey(effects.ops[at + 1]!, effects.ops[at + 2]!)
    return this.space.index.find(hash.lo ^ Math.imul(mix, MIX_LOW), hash.hi ^ Math.imul(mix, MIX_HIGH))
  }

  private changeCells(effects: Effects, batch: EventBatch, data: DayData): void {
    const { count, ops, amounts, mixes, rows, lows, highs } = effects
    const { counters, sketches, sets } = data
    const { tracker } = this
    // A key that begins may take the row of one that was dropped: what was found before is looked up again.
    let changed = false
    for (let i = 0, at = 0; i < count; i++, at += STRIDE) {
      const operation = ops[at]! & 15
      if (operation <= Operation.Collect) {
        const mix = mixes[i]!
        if (mix < 0) continue
        const row = changed ? this.rowOf(effects, at, mix) : rows[i]!
        if (row >= 0) {
          if (operation === Operation.Bump) {
            if (counters.add(row, amounts[i]!, tracker)) continue
          } else if (operation === Operation.Sketch) {
            if (sketches.add(row, lows[i]!, highs[i]!, tracker)) continue
            // A member that is there already leaves its page clean.
          } else if (sets.at(row)?.has(lows[i]!, highs[i]!)) continue
        }
      }
      this.applying = i
      if (this.changeCell(effects, i, batch, data, changed)) changed = true
    }
  }

  /** What is seldom: cells that begin, and kinds that few programs have. True if a key may have begun. */
  private changeCell(effects: Effects, effect: number, batch: EventBatch, data: DayData, changed: boolean): boolean {
    const at = effect * STRIDE
    const operation = effects.ops[at]! & 15
    if (operation > Operation.Tick) {
      this.applyBeside(effects, effect, batch, data)
      return false
    }
    const mix = effects.mixes[effect]!
    if (mix < 0) return false
    const row = changed ? this.rowOf(effects, at, mix) : effects.rows[effect]!
    const amount = effects.amounts[effect]!
    switch (operation) {
      case 1: // Bump
        if (amount === 0) return false
        data.counters.start(this.startRow(effects, at, data, mix, row), amount, this.tracker)
        return true
      case 2: // Sketch
        data.sketches.start(
          this.startRow(effects, at, data, mix, row),
          effects.lows[effect]!,
          effects.highs[effect]!,
          this.tracker,
        )
        return true
      case 3: // Collect
        return this.collect(effects, effect, data, mix, row)
      default:
        return this.changeObject(effects, effect, data, mix, row)
    }
  }

  private applyBeside(effects: Effects, effect: number, batch: EventBatch, data: DayData): void {
    const { ops, amounts } = effects
    const at = effect * STRIDE
    switch (ops[at]! & 15) {
      case 7: // SetState
        this.sessions.setState(ops[at + 3]!, ops[at + 4]!, effects.symbols[amounts[effect]!]!, this.currentDay)
        break
      case 8: // Once
        this.sessions.see(amounts[effect]!, ops[at + 3]!, ops[at + 4]!, this.currentDay)
        break
      case 9: // NoteGroup
        this.groups.note(batch, ops[at + 1]!, data.day, effects.times[effect]!, data.examples)
    }
  }

  // The row for the first touch of the cell of the effect at `at`. `mix` stands for the table (mixOf).
  private startRow(effects: Effects, at: number, data: DayData, mix: number, row: number): number {
    const table = this.tablesById[(mix >> 3) - 1]!
    return this.space.touch(table, row, effects, effects.ops[at + 1]!, effects.ops[at + 2]!, data.day + 1)
  }

  private startCell<Cell extends ObjectCell>(
    column: ObjectColumn<Cell>,
    effects: Effects,
    effect: number,
    data: DayData,
    mix: number,
    row: number,
  ): Cell {
    return column.start(this.startRow(effects, effect * STRIDE, data, mix, row), this.tracker)
  }

  private collect(effects: Effects, effect: number, data: DayData, mix: number, row: number): boolean {
    const start = effects.ops[effect * STRIDE + 3]!
    const end = effects.ops[effect * STRIDE + 4]!
    const low = effects.lows[effect]!
    const high = effects.highs[effect]!
    const cell = row < 0 ? undefined : data.sets.cell(row, this.tracker)
    const set = cell ?? this.startCell(data.sets, effects, effect, data, mix, row)
    if (start >= ARENA) set.add(effects.arena, start - ARENA, end - ARENA, low, high)
    else set.add(effects.bytes, start, end, low, high)
    return cell === undefined
  }

  private changeObject(effects: Effects, effect: number, data: DayData, mix: number, row: number): boolean {
    const amount = effects.amounts[effect]!
    switch (effects.ops[effect * STRIDE]! & 15) {
      case 4: {
        // Observe
        const cell = row < 0 ? undefined : data.histograms.cell(row, this.tracker)
        const histogram = cell ?? this.startCell(data.histograms, effects, effect, data, mix, row)
        histogram.add(amount)
        return cell === undefined
      }
      case 5: {
        // Gauge
        const cell = row < 0 ? undefined : data.gauges.cell(row, this.tracker)
        const gauge = cell ?? this.startCell(data.gauges, effects, effect, data, mix, row)
        gauge.set(amount, effects.times[effect]!)
        return cell === undefined
      }
      default: {
        // Tick
        const cell = row < 0 ? undefined : data.timelines.cell(row, this.tracker)
        const timeline = cell ?? this.startCell(data.timelines, effects, effect, data, mix, row)
        const minute = Math.floor((effects.times[effect]! - data.day * DAY_MS) / 60_000)
        timeline.add(Math.min(Math.max(minute, 0), MINUTES - 1), amount)
        return cell === undefined
      }
    }
  }

  // The end of a slice that is longer than a key may be.
  private cut(effects: Effects, start: number): number {
    const { maxKeyBytes } = this.limits
    if (start >= ARENA) return ARENA + cutAtCharacter(effects.arena, start - ARENA, start - ARENA + maxKeyBytes)
    return cutAtCharacter(effects.bytes, start, start + maxKeyBytes)
  }

  private bindNone(declared: readonly TableDeclaration[] | undefined): void {
    this.boundFor = declared
    if (declared !== undefined && declared.length > this.bound.length) this.bound = new Int32Array(declared.length)
    else this.bound.fill(0)
  }

  private bind(effects: Effects, number: number): number {
    const declared = effects.declared.length
    const declaration = number < declared ? effects.declared[number]! : effects.named[number - declared]!
    let mix = number < declared ? this.bound[number]! : 0
    if (mix === 0) {
      const table = this.tableFor(declaration)
      mix = table === null ? -1 : mixOf(table.id, table.kind)
      if (number < declared) this.bound[number] = mix
    }
    if (mix < 0) this.refuseUpdate(declaration)
    return mix
  }

  // Counted, and told to whoever reads the program: it is wrong of the tables as they are, which its check could not know.
  private refuseUpdate({ name, kind }: TableDeclaration): void {
    this.ledger.day(this.currentDay).note('refused-update')
    const found = this.tablesByName.get(name)
    const message = found
      ? `table ${name} is a ${kindNames[found.kind]}, and was to be updated as a ${kindNames[kind]}: the update was left out`
      : `table ${name} would be one of more than ${this.limits.maxTables}: the update was left out`
    this.noteProgramError({ code: found ? 'wrong-type' : 'too-many-tables', message })
  }

  // null: the name belongs to a table of another kind, or there are too many.
  private tableFor({ name, kind }: TableDeclaration): Table | null {
    const found = this.tablesByName.get(name)
    if (found !== undefined) return found.kind === kind ? found : null
    if (this.tablesByName.size >= this.limits.maxTables) return null
    let id = 0
    while (this.tablesById[id] !== undefined) id++
    const table = this.addTable(id, name, kind)
    this.tracker.touch(table)
    return table
  }

  private addTable(id: number, name: string, kind: TableDeclaration['kind']): Table {
    const table = new Table(id, name, kind, this.space, this)
    while (this.tablesById.length <= id) this.tablesById.push(undefined)
    this.tablesById[id] = table
    this.tablesByName.set(name, table)
    return table
  }

  private dataFor(day: number): DayData {
    const slot = this.ring[this.slotOf(day)]
    if (slot !== undefined && slot.day === day && slot.data !== undefined) {
      this.hotDay = slot.data
      return slot.data
    }
    const state = this.dayState(day)
    assert(state === 'empty', `day ${day} is ${state}`)
    if (slot?.data) slot.data.alive = false
    const data = new DayData(day, this.limits, this.tracker)
    this.ring[this.slotOf(day)] = { day, data }
    this.hotDay = data
    return data
  }

  // ——— the ring

  // Days before `oldest` go, and with them the keys, groups, sessions and ledgers that were of no later day.
  private expire(oldest: number): void {
    for (const [index, slot] of this.ring.entries()) {
      if (slot === undefined || slot.day >= oldest) continue
      if (slot.data) slot.data.alive = false
      this.ring[index] = undefined
    }
    const deadline = oldest + 1
    if (deadline > this.space.deadline) {
      this.space.drop(deadline, this.tablesById)
      for (const table of this.tablesById) if (table !== undefined && table.live === 0) this.dropTable(table)
    }
    // A group's stamp is its last day, also of one that a longer retention has brought back.
    this.groups.dropBefore(deadline)
    this.sessions.dropBefore(oldest)
    this.ledger.dropBefore(oldest)
    this.bindNone(undefined)
    this.hotDay = undefined
  }

  private dropTable(table: Table): void {
    table.alive = false
    this.tracker.delete(table.key())
    this.tablesById[table.id] = undefined
    this.tablesByName.delete(table.name)
  }

  private residentExamples(): DayExamples[] {
    const slots = this.ring.filter(slot => slot?.data !== undefined)
    return slots.sort((a, b) => b!.day - a!.day).map(slot => slot!.data!.examples)
  }

  // ——— checkpoint

  private plannedDays(): DayWrite[] {
    const changed = new Set<number>()
    for (const page of this.tracker.dirty) if (page.day !== undefined && page.alive) changed.add(page.day)
    const days: DayWrite[] = []
    for (const [slot, entry] of this.ring.entries()) {
      const inFile = this.fileDays[slot]
      const expired = inFile !== undefined && inFile !== entry?.day
      if (entry !== undefined && (expired || changed.has(entry.day))) {
        // The first write of a day clears its slot, also one thought empty: its stamp may still be there.
        days.push({ slot, day: entry.day, clear: inFile !== entry.day, pages: [] })
      } else if (expired) days.push({ slot, day: inFile, clear: true, pages: [] })
    }
    return days
  }

  private encodedSettings(n: number, days: (number | undefined)[]): Buffer {
    const settings: Settings = {
      incarnation: this.identity.incarnation,
      n,
      day: this.currentDay,
      retention: this.currentRetention,
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
    for (const table of this.tablesById) {
      if (table !== undefined) visit(table)
    }
    for (const rows of this.space.kinds) for (const page of rows.pages) if (page !== undefined) visit(page)
    this.ids.queue.eachPage(visit)
    this.sessions.queue.eachPage(visit)
    this.ledger.eachPage(visit)
    this.groups.eachPage(visit)
    for (const slot of this.ring) slot?.data?.eachPage(visit)
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
    state.fileDays = settings.days
    state.storedSettings = state.encodedSettings(0, settings.days)
    for (const [slot, day] of settings.days.entries()) {
      if (day !== undefined) state.ring[slot] = { day, data: undefined }
    }
    return state
  }

  private decodeMeta(letter: string, tableId: number, page: number, value: Uint8Array): void {
    const reader = new ByteReader(value)
    switch (letter) {
      case 'T': {
        const { name, kind } = Table.decode(reader)
        this.addTable(tableId, name, kind)
        return
      }
      case 'g':
        return this.groups.decode(page, reader)
      case 'i':
        return this.ids.queue.decode(page, reader)
      case 'k':
        return this.space.load(tableId, page, reader, this.tablesById)
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

function emptySlots<T>(retention: number): (T | undefined)[] {
  return new Array<T | undefined>(retention + 1).fill(undefined)
}
