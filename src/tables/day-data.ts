// The cells of one day: a column a table that was touched, and the examples of groups.

import { ByteReader } from '../core/bytes.js'
import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { type AnyColumn, type ColumnHome, newColumn } from './column.js'
import { DayExamples } from './examples.js'
import { type Page, readRecordKey, type Tracker } from './page.js'
import type { Table } from './table.js'
import type { Row } from './types.js'

class Home implements ColumnHome {
  readonly day: number
  readonly tableId: number

  constructor(
    private readonly data: DayData,
    private readonly table: Table,
  ) {
    this.day = data.day
    this.tableId = table.id
  }

  get alive(): boolean {
    return this.data.alive && this.table.alive
  }
}

export class DayData {
  /** By table id. */
  readonly columns: (AnyColumn | undefined)[] = []
  readonly examples: DayExamples
  /** False once its slot was given to another day. */
  alive = true

  constructor(
    readonly day: number,
    private readonly limits: Limits,
    tracker: Tracker,
  ) {
    this.examples = new DayExamples(day, () => this.alive, limits, tracker)
  }

  addColumn(table: Table): AnyColumn {
    const column = newColumn(table.kind, new Home(this, table), this.limits)
    while (this.columns.length <= table.id) this.columns.push(undefined)
    this.columns[table.id] = column
    return column
  }

  /** Reads one record of the day's database. */
  decode(row: Row, tables: readonly (Table | undefined)[]): void {
    const { letter, table: tableId, page } = readRecordKey(row.key)
    const reader = new ByteReader(row.value)
    if (letter === 'e') return this.examples.decode(page, reader)
    if (letter !== 'c') throw new LetheError('page-unknown', `a day holds a record of kind ${letter}`)
    const table = tables[tableId]
    if (table === undefined) return
    const column = this.columns[tableId] ?? this.addColumn(table)
    column.decode(page, reader)
  }

  eachPage(visit: (page: Page) => void): void {
    for (const column of this.columns) {
      if (column === undefined) continue
      for (const page of column.pages) if (page !== undefined) visit(page)
    }
    this.examples.eachPage(visit)
  }

  get byteSize(): number {
    let size = 250 + this.examples.byteSize + 8 * this.columns.length
    for (const column of this.columns) if (column !== undefined) size += column.byteSize
    return size
  }
}
