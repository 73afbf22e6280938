// The customer store in memory, for simulations: commits are visible at once and durable when flushed; a crash loses
// the others. One suite (test/storage/store-suite.ts) runs on this and on the real one.
import { assert, LetheError } from '../core/errors.js'
import type { Steps } from '../core/steps.js'
import type { CustomerFile, CustomerStore, FileWrite, PageWrite, Row } from './contract.js'

interface Slot {
  day: number
  rows: Map<string, Buffer>
}

interface Snapshot {
  n: number
  slots: number
  meta: Map<string, Buffer>
  days: Map<number, Slot>
}

const copyOf = (snapshot: Snapshot): Snapshot => ({
  ...snapshot,
  meta: new Map(snapshot.meta),
  days: new Map([...snapshot.days].map(([slot, { day, rows }]) => [slot, { day, rows: new Map(rows) }])),
})

/** A row a step; what is committed meanwhile makes a map of its own. */
function* rowsOf(rows: ReadonlyMap<string, Buffer>): Steps<Row[]> {
  const found: Row[] = []
  for (const [key, value] of rows) {
    found.push({ key: Buffer.from(key, 'latin1'), value: Buffer.from(value) })
    yield
  }
  return found.sort((a, b) => a.key.compare(b.key))
}

function apply(rows: Map<string, Buffer>, pages: readonly PageWrite[]): void {
  for (const { key, value } of pages) {
    const name = Buffer.from(key).toString('latin1')
    if (value === null) rows.delete(name)
    else rows.set(name, Buffer.from(value))
  }
}

export interface MemoryStoreOptions {
  readonly maxOpenFiles?: number
  /** When asynchronous operations end. Default: setImmediate. */
  readonly schedule?: (action: () => void) => void
}

export class MemoryCustomerStore implements CustomerStore {
  private visible = new Map<bigint, Snapshot>()
  private durable = new Map<bigint, Snapshot>()
  private readonly damaged = new Map<bigint, string>()
  private readonly users = new Map<bigint, number>()
  private generation = 0
  readonly aside: { incarnation: bigint; why: string }[] = []
  readonly asideAtStart: { incarnation: bigint; path: string }[] = []
  /** A code such as 'disk-full' for an operation that shall fail now. */
  fault: (operation: 'commit' | 'flushed', incarnation: bigint) => string | undefined = () => undefined

  constructor(private readonly options: MemoryStoreOptions = {}) {}

  get openFiles(): number {
    return this.users.size
  }

  /** The power goes: what was not flushed is gone, handles of before are dead. */
  crash(): void {
    this.visible = new Map([...this.durable].map(([incarnation, snapshot]) => [incarnation, copyOf(snapshot)]))
    this.kill()
  }

  /** The process dies; what was committed stays. */
  kill(): void {
    this.generation++
    this.users.clear()
  }

  /** Whoever reads or writes it next finds the file damaged. */
  damage(incarnation: bigint, why: string): void {
    this.damaged.set(incarnation, why)
  }

  private later(): Promise<void> {
    const { generation } = this
    return new Promise(resolve => {
      const action = () => {
        if (generation === this.generation) resolve()
      }
      if (this.options.schedule === undefined) setImmediate(action)
      else this.options.schedule(action)
    })
  }

  exists(incarnation: bigint): boolean {
    return this.visible.has(incarnation)
  }

  open(incarnation: bigint): CustomerFile {
    if (!this.users.has(incarnation) && this.users.size >= (this.options.maxOpenFiles ?? Number.POSITIVE_INFINITY)) {
      throw new LetheError('too-many-files', 'all customer files that may be open are in use', 503)
    }
    this.users.set(incarnation, (this.users.get(incarnation) ?? 0) + 1)
    return this.handle(incarnation)
  }

  private handle(incarnation: bigint): CustomerFile {
    const snapshot = () => {
      const why = this.damaged.get(incarnation)
      if (why === undefined) return this.visible.get(incarnation)
      const path = `memory/${incarnation.toString(16)}`
      throw new LetheError('file-damaged', `${path}: ${why}`, 503, { path, why })
    }
    return {
      incarnation,
      *meta() {
        const found = snapshot()
        return found && { n: found.n, slots: found.slots, rows: yield* rowsOf(found.meta) }
      },
      *day(slot) {
        const found = snapshot()?.days.get(slot)
        return found && { day: found.day, rows: yield* rowsOf(found.rows) }
      },
      *days() {
        return [...(snapshot()?.days ?? [])].map(([slot, { day }]) => [slot, day])
      },
      commit: async write => {
        snapshot()
        const next = this.written(incarnation, write)
        await this.later()
        this.failIfAsked('commit', incarnation)
        this.visible.set(incarnation, next)
      },
      flushed: async () => {
        await this.later()
        this.failIfAsked('flushed', incarnation)
        const found = snapshot()
        if (found !== undefined) this.durable.set(incarnation, copyOf(found))
      },
      release: () => {
        const users = this.users.get(incarnation) ?? 0
        assert(users > 0, 'a file is released as often as it is opened')
        if (users === 1) this.users.delete(incarnation)
        else this.users.set(incarnation, users - 1)
      },
    }
  }

  private failIfAsked(operation: 'commit' | 'flushed', incarnation: bigint): void {
    const code = this.fault(operation, incarnation)
    if (code !== undefined) throw new LetheError(code, `${operation} fails`, 503)
  }

  private written(incarnation: bigint, write: FileWrite): Snapshot {
    const before = this.visible.get(incarnation)
    let next: Snapshot =
      before === undefined ? { n: 0, slots: write.slots, meta: new Map(), days: new Map() } : copyOf(before)
    if (next.slots !== write.slots) {
      const days = new Map<number, Slot>()
      for (const held of next.days.values()) {
        const slot = held.day % write.slots
        if ((days.get(slot)?.day ?? -1) < held.day) days.set(slot, held)
      }
      next = { ...next, slots: write.slots, days }
    }
    next.n = write.n
    apply(next.meta, write.meta)
    for (const { slot, day, clear, pages } of write.days) {
      const held = next.days.get(slot)
      assert(held === undefined || held.day <= day, 'a slot never goes back to an older day')
      const rows = held === undefined || clear || held.day !== day ? new Map<string, Buffer>() : held.rows
      next.days.set(slot, { day, rows })
      apply(rows, pages)
    }
    return next
  }

  async erase(incarnation: bigint): Promise<void> {
    this.visible.delete(incarnation)
    await this.later()
    this.durable.delete(incarnation)
  }

  setAside(incarnation: bigint, why: string): string {
    this.aside.push({ incarnation, why })
    this.visible.delete(incarnation)
    this.durable.delete(incarnation)
    this.damaged.delete(incarnation)
    return `memory/aside/${incarnation.toString(16)}`
  }

  async close(): Promise<void> {}
}

export const memoryCustomerStore = (options?: MemoryStoreOptions): MemoryCustomerStore =>
  new MemoryCustomerStore(options)
