// The cells of one day: a column a kind of table, and the examples of groups.

import { ByteReader } from '../core/bytes.js'
import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { type AnyColumn, type ColumnHome, newColumn } from './column.js'
import { DayExamples } from './examples.js'
import { type Page, readRecordKey, type Tracker } from './page.js'
import type { Row, TableKind } from './types.js'

export class DayData implements ColumnHome {
  /** By TableKind. */
  readonly columns: (AnyColumn | undefined)[] = [
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]
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

  addColumn(kind: TableKind): AnyColumn {
    return (this.columns[kind] ??= newColumn(kind, this, this.limits))
  }

  /** Reads one record of the day's database. */
  decode(row: Row): void {
    const { letter, table: kind, page } = readRecordKey(row.key)
    const reader = new ByteReader(row.value)
    if (letter === 'e') return this.examples.decode(page, reader)
    if (letter !== 'c') throw new LetheError('page-unknown', `a day holds a record of kind ${letter}`)
    this.addColumn(kind).decode(page, reader)
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
