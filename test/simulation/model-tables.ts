// Tables as a person would write them in an afternoon: maps of maps. Sketches and histograms use the real cells, because
// they must agree register for register and bucket for bucket; how they are stored, paged, cut and read back is what the
// simulation doubts.
import { DAY_MS } from '../../src/core/clock.js'
import { type HashKey, hash, hashBytes } from '../../src/core/hash.js'
import { Gauge } from '../../src/sketch/gauge.js'
import { Histogram } from '../../src/sketch/histogram.js'
import { Hll } from '../../src/sketch/hll.js'
import { TableKind } from '../../src/tables/types.js'

export interface ModelTable {
  readonly kind: TableKind
  readonly counters: Map<string, number>
  readonly sketches: Map<string, Hll>
  readonly sets: Map<string, Set<string>>
  readonly histograms: Map<string, Histogram>
  readonly gauges: Map<string, Gauge>
  readonly timelines: Map<string, Map<number, number>>
}

export type ModelDay = Map<string, ModelTable>

function tableOf(day: ModelDay, name: string, kind: TableKind): ModelTable {
  let table = day.get(name)
  if (!table) {
    table = {
      kind,
      counters: new Map(),
      sketches: new Map(),
      sets: new Map(),
      histograms: new Map(),
      gauges: new Map(),
      timelines: new Map(),
    }
    day.set(name, table)
  }
  return table
}

function cellOf<T>(cells: Map<string, T>, key: string, make: () => T): T {
  let cell = cells.get(key)
  if (cell === undefined) {
    cell = make()
    cells.set(key, cell)
  }
  return cell
}

type Key = string | undefined

/** What one event does to the tables: buffered, like the real effects, so that a drop undoes it. */
export class ModelEffects {
  private readonly actions: ((day: ModelDay, atMs: number) => void)[] = []

  constructor(
    private readonly hashKey: HashKey,
    /** How many events this one stands for, in what is summed. */
    private readonly weight: number,
  ) {}

  bump(name: string, key: Key, amount = 1): void {
    if (key === undefined) return
    this.actions.push(day => {
      const { counters } = tableOf(day, name, TableKind.Counter)
      counters.set(key, (counters.get(key) ?? 0) + amount * this.weight)
    })
  }

  sketch(name: string, key: Key, value: Key): void {
    if (key === undefined || value === undefined) return
    this.actions.push(day => {
      const bytes = Buffer.from(value)
      hashBytes(this.hashKey, bytes, 0, bytes.length)
      const { lo, hi } = hash
      cellOf(tableOf(day, name, TableKind.Sketch).sketches, key, () => new Hll()).add(lo, hi)
    })
  }

  collect(name: string, key: Key, value: Key): void {
    if (key === undefined || value === undefined) return
    this.actions.push(day => cellOf(tableOf(day, name, TableKind.Set).sets, key, () => new Set()).add(value))
  }

  observe(name: string, key: Key, x: number): void {
    if (key === undefined || Number.isNaN(x)) return
    this.actions.push(day =>
      cellOf(tableOf(day, name, TableKind.Histogram).histograms, key, () => new Histogram()).add(x),
    )
  }

  gauge(name: string, key: Key, x: number): void {
    if (key === undefined || Number.isNaN(x)) return
    this.actions.push((day, atMs) =>
      cellOf(tableOf(day, name, TableKind.Gauge).gauges, key, () => new Gauge()).set(x, atMs),
    )
  }

  tick(name: string, key: Key): void {
    if (key === undefined) return
    this.actions.push((day, atMs) => {
      const minutes = cellOf(tableOf(day, name, TableKind.Timeline).timelines, key, () => new Map())
      const minute = Math.floor((atMs - Math.floor(atMs / DAY_MS) * DAY_MS) / 60_000)
      minutes.set(minute, (minutes.get(minute) ?? 0) + this.weight)
    })
  }

  /** Anything else that happens only if the event is not dropped. */
  also(action: () => void): void {
    this.actions.push(() => action())
  }

  applyTo(day: ModelDay, atMs: number): void {
    for (const action of this.actions) action(day, atMs)
  }
}
