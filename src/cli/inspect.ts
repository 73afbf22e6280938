// `lethe inspect`: what the files of a stopped node hold, without starting one.
import fs from 'node:fs'
import path from 'node:path'
import { dayToString } from '../core/clock.js'
import { LetheError } from '../core/errors.js'
import { defaultLimits } from '../core/limits.js'
import { atOnce } from '../core/steps.js'
import type { CustomerRecord } from '../storage/contract.js'
import { openControlReader } from '../storage/control.js'
import { customerPath, openCustomerStore } from '../storage/customer-store.js'
import { CustomerState } from '../tables/state.js'
import { kindNames, type Row } from '../tables/types.js'
import { lockData } from './data-lock.js'
import { textTable } from './text-table.js'

interface Found {
  readonly customer: string
  readonly incarnation: string
  readonly blocked: boolean
  readonly file: string
  readonly bytes: number
  /** The entry up to which the file has everything; 0 where there is no file yet. */
  readonly n: number
  readonly slots: number
  readonly days: readonly { slot: number; day: string; rows: number }[]
  readonly tables: readonly { table: string; kind: string; keys: number }[]
  readonly damage: string
}

function bytesOf(file: string): number {
  try {
    return fs.statSync(file).size
  } catch {
    return 0
  }
}

/** Answers a text for a terminal, or JSON. Locks the folder while it reads: two must not open one LMDB file differently. */
export async function inspect(data: string, customer: string | undefined, json: boolean): Promise<string> {
  const folder = path.resolve(data)
  if (!fs.existsSync(path.join(folder, 'control'))) {
    throw new LetheError('no-data', `${folder} is not a data folder of Lethe`)
  }
  const lock = await lockData(folder, `lethe inspect, process ${process.pid}`)
  const control = openControlReader(path.join(folder, 'control'))
  try {
    const records = [...control.customers()].filter(record => customer === undefined || record.id === customer)
    if (customer !== undefined && records.length === 0) {
      throw new LetheError('no-customer', `there is no customer ${customer} in ${folder}`)
    }
    const found = await lookInto(folder, records)
    const journals = journalFiles(folder)
    if (json) return `${JSON.stringify({ data: folder, customers: found, journals }, null, 2)}\n`
    return customer === undefined ? overview(found, journals) : inFull(found[0]!)
  } finally {
    await control.close()
    lock.release()
  }
}

async function lookInto(folder: string, records: readonly CustomerRecord[]): Promise<Found[]> {
  const files = path.join(folder, 'customers')
  const log = { info() {}, warn() {}, error() {} }
  const runFolder = path.join(folder, 'run')
  const store = openCustomerStore({
    folder: files,
    runFolder,
    shard: 0,
    shards: 1,
    maxOpenFiles: 16,
    maxFileCommits: 1,
    log,
  })
  const found: Found[] = []
  for (const record of records) {
    const file = customerPath(files, record.incarnation)
    const base = {
      customer: record.id,
      incarnation: record.incarnation.toString(16).padStart(16, '0'),
      blocked: record.blocked,
      file: path.relative(folder, file),
      bytes: bytesOf(file),
    }
    const nothing = { ...base, n: 0, slots: 0, days: [], tables: [], damage: '' }
    if (!store.exists(record.incarnation)) {
      found.push(nothing)
      continue
    }
    try {
      const open = store.open(record.incarnation)
      const meta = atOnce(open.meta())
      const days = atOnce(open.days()).map(([slot, day]) => ({
        slot,
        day: dayToString(day),
        rows: atOnce(open.day(slot))?.rows.length ?? 0,
      }))
      open.release()
      const tables = meta ? tablesIn(record, meta.rows) : []
      found.push({ ...base, n: meta?.n ?? 0, slots: meta?.slots ?? 0, days, tables, damage: '' })
    } catch (error) {
      if (!(error instanceof LetheError)) throw error
      found.push({ ...nothing, damage: error.message })
    }
  }
  await store.close()
  return found
}

function tablesIn({ id, incarnation, hashKey }: CustomerRecord, meta: readonly Row[]): Found['tables'] {
  const state = CustomerState.load({ customer: id, incarnation, hashKey }, defaultLimits, meta)
  return state.tables().map(({ name, kind, live }) => ({ table: name, kind: kindNames[kind]!, keys: live }))
}

function journalFiles(folder: string): { file: string; bytes: number }[] {
  const journal = path.join(folder, 'journal')
  if (!fs.existsSync(journal)) return []
  return (fs.readdirSync(journal, { recursive: true }) as string[])
    .map(name => ({ file: path.join('journal', name), stat: fs.statSync(path.join(journal, name)) }))
    .filter(({ stat }) => stat.isFile())
    .map(({ file, stat }) => ({ file, bytes: stat.size }))
}

function overview(found: readonly Found[], journals: readonly { file: string; bytes: number }[]): string {
  const rows = found.map(({ customer, n, days, tables, bytes, damage }) => [
    customer,
    n,
    days.length,
    tables.length,
    bytes,
    damage,
  ])
  const customers = textTable(rows, ['customer', 'journal position', 'days', 'tables', 'bytes', 'damage'])
  const files = journals.map(({ file, bytes }) => [file, bytes])
  return `${customers}\n${textTable(files, ['journal', 'bytes'])}\nA customer's file has its entries up to the journal position; later ones are in the journal, until the next checkpoint.\n`
}

function inFull({ days, tables, n, ...found }: Found): string {
  const facts = Object.entries({ ...found, 'journal position': n }).map(([name, value]) => [name, String(value)])
  const slots = days.map(({ slot, day, rows }) => [slot, day, rows])
  const names = tables.map(({ table, kind, keys }) => [table, kind, keys])
  return [
    textTable(facts),
    textTable(slots, ['slot', 'day', 'pages']),
    textTable(names, ['table', 'kind', 'keys']),
  ].join('\n')
}
