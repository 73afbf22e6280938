// The tables of a customer, by name and by number. A table begins when it is first named, and ends with its last key.

import type { Limits } from '../core/limits.js'
import type { KeySpace } from './keys.js'
import type { Tracker } from './page.js'
import { type Days, Table } from './table.js'
import type { TableDeclaration } from './types.js'

export class Catalog {
  /** By number. Numbers are used again. */
  readonly byId: (Table | undefined)[] = []
  private readonly byName = new Map<string, Table>()

  constructor(
    private readonly space: KeySpace,
    private readonly days: Days,
    private readonly limits: Limits,
    private readonly tracker: Tracker,
  ) {}

  /** In order of creation, unless tables were dropped. */
  all(): readonly Table[] {
    return this.byId.filter(table => table !== undefined)
  }

  find(name: string): Table | undefined {
    return this.byName.get(name)
  }

  /** The table that is meant, begun if there is none. null: the name belongs to one of another kind, or there are too many. */
  tableFor({ name, kind }: TableDeclaration): Table | null {
    const found = this.byName.get(name)
    if (found !== undefined) return found.kind === kind ? found : null
    if (this.byName.size >= this.limits.maxTables) return null
    let id = 0
    while (this.byId[id] !== undefined) id++
    const table = this.add(id, name, kind)
    this.tracker.touch(table)
    return table
  }

  add(id: number, name: string, kind: TableDeclaration['kind']): Table {
    const table = new Table(id, name, kind, this.space, this.days)
    while (this.byId.length <= id) this.byId.push(undefined)
    this.byId[id] = table
    this.byName.set(name, table)
    return table
  }

  /** Drops keys whose last day has left the ring, and tables that have none left. */
  dropBefore(deadline: number): void {
    if (deadline <= this.space.deadline) return
    this.space.drop(deadline, this.byId)
    for (const table of this.byId) {
      if (table === undefined || table.live > 0) continue
      table.alive = false
      this.tracker.delete(table.key())
      this.byId[table.id] = undefined
      this.byName.delete(table.name)
    }
  }

  get byteSize(): number {
    let size = 0
    for (const table of this.byId) if (table !== undefined) size += table.byteSize
    return size
  }
}
