// Compares a real state with the model, cell for cell: sketches register for register, histograms bucket for bucket.
import { ByteWriter } from '../../src/core/bytes.js'
import { dayToString } from '../../src/core/clock.js'
import type { CustomerState } from '../../src/tables/state.js'
import type { Table } from '../../src/tables/table.js'
import { TableKind } from '../../src/tables/types.js'
import type { CustomerModel, ModelLedger } from './model.js'
import type { ModelTable } from './model-tables.js'

/** Every difference, in words; all days must be resident. */
export function differences(state: CustomerState, model: CustomerModel): string[] {
  const found: string[] = []
  const say = (what: string, real: unknown, expected: unknown) =>
    found.push(`${what}: is ${real}, should be ${expected}`)
  if (state.n !== model.n) say('n', state.n, model.n)
  if (model.n === 0) return found
  if (state.day !== model.day) say('day', state.day, model.day)
  if (state.retention !== model.retention) say('retention', state.retention, model.retention)
  if (state.sampling !== model.sampling) say('sampling', state.sampling, model.sampling)
  if (state.programSource !== model.program.source) say('program', state.programSource, model.program.name)
  compareLedgers(state, model, say)
  compareGroups(state, model, say)
  for (let day = model.oldestDay; day <= model.day + 1; day++) {
    if (state.dayState(day) === 'stored') say(`day ${day}`, 'stored', 'resident')
    compareDay(state, model, day, say)
  }
  return found
}

type Say = (what: string, real: unknown, expected: unknown) => void

const NO_LEDGER: ModelLedger = { received: 0, applied: 0, duplicate: 0, bytes: 0, dropped: new Map(), noted: new Map() }

function compareLedgers(state: CustomerState, model: CustomerModel, say: Say): void {
  for (let day = model.oldestDay; day <= model.day; day++) {
    const real = state.ledger.of(day)
    const expected = model.ledger.get(day) ?? NO_LEDGER
    const at = `ledger of ${dayToString(day)}`
    const received = real?.received ?? 0
    const applied = real?.applied ?? 0
    const duplicates = real?.duplicates ?? 0
    let dropped = 0
    for (const n of real?.dropped.values() ?? []) dropped += n
    if (received !== applied + duplicates + dropped) {
      say(`${at} balances`, `${received} = ${applied} + ${duplicates} + ${dropped}`, 'true')
    }
    if (received !== expected.received) say(`${at}, received`, received, expected.received)
    if (applied !== expected.applied) say(`${at}, applied`, applied, expected.applied)
    if (duplicates !== expected.duplicate) say(`${at}, duplicate`, duplicates, expected.duplicate)
    if ((real?.byteCount ?? 0) !== expected.bytes) say(`${at}, bytes`, real?.byteCount, expected.bytes)
    compareCounts(real?.dropped, expected.dropped, `${at}, dropped`, say)
    compareCounts(real?.noted, expected.noted, `${at}, noted`, say)
  }
}

function compareCounts(
  real: ReadonlyMap<string, number> | undefined,
  expected: ReadonlyMap<string, number>,
  what: string,
  say: Say,
): void {
  for (const name of new Set([...(real?.keys() ?? []), ...expected.keys()])) {
    const is = real?.get(name) ?? 0
    const should = expected.get(name) ?? 0
    if (is !== should) say(`${what} ${name}`, is, should)
  }
}

function compareGroups(state: CustomerState, model: CustomerModel, say: Say): void {
  const real = new Map(state.groups.list().map(group => [group.id, group]))
  if (real.size !== state.groups.list().length) say('groups', 'some group twice', 'each once')
  for (const id of new Set([...real.keys(), ...model.groups.keys()])) {
    const is = real.get(id)
    const should = model.groups.get(id)
    if (!is || !should) say(`group ${id}`, is ? 'there' : 'missing', should ? 'there' : 'missing')
    else if (is.kind !== should.kind || is.first !== should.first || is.last !== should.last) {
      say(`group ${id}`, `${is.kind} ${is.first}…${is.last}`, `${should.kind} ${should.first}…${should.last}`)
    }
  }
}

function compareDay(state: CustomerState, model: CustomerModel, day: number, say: Say): void {
  const expected = model.days.get(day)
  const names = new Set([...state.tables().map(table => table.name), ...(expected?.keys() ?? [])])
  for (const name of names) {
    const table = state.table(name)
    const should = expected?.get(name)
    if (!should && table!.nextRow(0) < 0) continue
    const at = `${dayToString(day)}, ${name}`
    if (table && should && table.kind !== should.kind) {
      say(`${at}, kind`, table.kind, should.kind)
      continue
    }
    const kind = should?.kind ?? table!.kind
    const real = table ? realCells(table, day, kind, at, say) : new Map<string, string>()
    const model = should ? modelCells(should, kind) : new Map<string, string>()
    for (const key of new Set([...real.keys(), ...model.keys()])) {
      const is = real.get(key)
      const shall = model.get(key)
      if (is !== shall) say(`${at}, ${JSON.stringify(key)}`, is ?? 'missing', shall ?? 'missing')
    }
  }
}

/** Every cell as text: equal texts are equal cells. */
function realCells(table: Table, day: number, kind: TableKind, at: string, say: Say): Map<string, string> {
  const cells = new Map<string, string>()
  for (let row = table.nextRow(0); row >= 0; row = table.nextRow(row + 1)) {
    const text = realCell(table, day, row, kind)
    if (text === undefined) continue
    const key = table.keyText(row)
    if (cells.has(key)) say(`${at}, ${JSON.stringify(key)}`, 'twice', 'once')
    if (table.findKeyText(key) !== row)
      say(`${at}, ${JSON.stringify(key)}`, `in row ${table.findKeyText(key)}`, `in row ${row}`)
    cells.set(key, text)
  }
  return cells
}

function realCell(table: Table, day: number, row: number, kind: TableKind): string | undefined {
  switch (kind) {
    case TableKind.Counter:
      return counterText(table.counterAt(day, row))
    case TableKind.Sketch:
      return bytesOf(table.sketchAt(day, row))
    case TableKind.Set: {
      const set = table.setAt(day, row)
      return set && JSON.stringify(set.members())
    }
    case TableKind.Histogram:
      return bytesOf(table.histogramAt(day, row))
    case TableKind.Gauge:
      return bytesOf(table.gaugeAt(day, row))
    case TableKind.Timeline: {
      const timeline = table.timelineAt(day, row)
      if (!timeline) return undefined
      const minutes: [number, number][] = []
      timeline.each((minute, n) => void minutes.push([minute, n]))
      return JSON.stringify(minutes)
    }
  }
}

function modelCells(table: ModelTable, kind: TableKind): Map<string, string> {
  const cells = new Map<string, string>()
  const put = (key: string, text: string | undefined) => {
    if (text !== undefined) cells.set(key, text)
  }
  switch (kind) {
    case TableKind.Counter:
      for (const [key, n] of table.counters) put(key, counterText(n))
      break
    case TableKind.Sketch:
      for (const [key, cell] of table.sketches) put(key, bytesOf(cell))
      break
    case TableKind.Set:
      for (const [key, cell] of table.sets) put(key, JSON.stringify([...cell]))
      break
    case TableKind.Histogram:
      for (const [key, cell] of table.histograms) put(key, bytesOf(cell))
      break
    case TableKind.Gauge:
      for (const [key, cell] of table.gauges) put(key, bytesOf(cell))
      break
    case TableKind.Timeline:
      for (const [key, cell] of table.timelines) put(key, JSON.stringify([...cell].sort(([a], [b]) => a - b)))
      break
  }
  return cells
}

// A counter of 0 is as good as none.
const counterText = (n: number): string | undefined => (n === 0 ? undefined : String(n))

const writer = new ByteWriter()

function bytesOf(cell: { encode(writer: ByteWriter): void } | undefined): string | undefined {
  if (!cell) return undefined
  writer.length = 0
  cell.encode(writer)
  return writer.finish().toString('base64')
}
