// The customers' files of a simulated machine: in memory, transactional, and durable only after `flushed`. When the power
// goes a file falls back to any of its commits since the last flush, as a copy-on-write tree does.
import { Bug, LetheError } from '../../src/core/errors.js'
import type { Steps } from '../../src/core/steps.js'
import type { CustomerFile, CustomerStore, FileWrite, PageWrite, Row } from '../../src/storage/contract.js'
import type { Machine, Process } from './machine.js'

type Rows = ReadonlyMap<string, Row>

interface Snapshot {
  readonly n: number
  readonly slots: number
  readonly meta: Rows
  readonly days: ReadonlyMap<number, { readonly day: number; readonly rows: Rows }>
}

interface StoredFile {
  /** The last durable one, then what was committed since; the last is what is visible. */
  history: (Snapshot | undefined)[]
}

export class StoreWorld {
  private readonly files = new Map<bigint, StoredFile>()
  private readonly damaged = new Set<bigint>()
  commits = 0

  /** The files as a process sees them. */
  open(machine: Machine, process: Process): CustomerStore {
    let open = 0
    return {
      open: incarnation => {
        machine.touch(process)
        if (machine.trouble.tooManyFiles > 0) {
          machine.trouble.tooManyFiles--
          throw machine.meet('too-many-files', new LetheError('too-many-files', 'too many files are open', 503))
        }
        open++
        return this.file(machine, process, incarnation, () => open--)
      },
      exists: incarnation => this.visible(incarnation) !== undefined,
      erase: async incarnation => {
        machine.touch(process)
        await pause(machine, process)
        this.files.delete(incarnation)
        this.damaged.delete(incarnation)
      },
      setAside: incarnation => {
        machine.touch(process)
        this.files.delete(incarnation)
        this.damaged.delete(incarnation)
        return `${incarnation.toString(16)}.damaged`
      },
      asideAtStart: [],
      close: async () => {},
      get openFiles() {
        return open
      },
    }
  }

  /** What was not flushed may be gone. */
  losePower(choose: (below: number) => number): void {
    for (const [incarnation, file] of this.files) {
      const kept = file.history[choose(file.history.length)]
      if (kept === undefined) this.files.delete(incarnation)
      else file.history = [kept]
    }
  }

  /** Something has eaten the file; whoever reads or writes it finds out. False if there is none. */
  damage(incarnation: bigint): boolean {
    if (!this.visible(incarnation)) return false
    this.damaged.add(incarnation)
    return true
  }

  isDamaged(incarnation: bigint): boolean {
    return this.damaged.has(incarnation)
  }

  private visible(incarnation: bigint): Snapshot | undefined {
    return this.files.get(incarnation)?.history.at(-1)
  }

  private file(machine: Machine, process: Process, incarnation: bigint, closed: () => void): CustomerFile {
    let released = false
    const alive = () => {
      if (released) throw new Bug('a customer file is used after its release')
      machine.touch(process)
      if (this.damaged.has(incarnation)) throw machine.meet('file-damaged', fileDamaged(incarnation))
    }
    const visible = () => {
      alive()
      return this.visible(incarnation)
    }
    return {
      incarnation,
      *meta() {
        const snapshot = visible()
        return snapshot && { n: snapshot.n, slots: snapshot.slots, rows: yield* inOrder(snapshot.meta, alive) }
      },
      *day(slot) {
        const day = visible()?.days.get(slot)
        return day && { day: day.day, rows: yield* inOrder(day.rows, alive) }
      },
      *days() {
        yield
        return [...(visible()?.days ?? [])].map(([slot, { day }]) => [slot, day])
      },
      commit: async write => {
        alive()
        await pause(machine, process)
        machine.touch(process)
        if (machine.trouble.checkpointFails > 0) {
          machine.trouble.checkpointFails--
          throw machine.meet('checkpoint-fails', new LetheError('disk-error', 'the commit failed', 503))
        }
        if (machine.trouble.full) throw machine.meet('disk-full', new LetheError('disk-full', 'no space', 503))
        const file = this.files.get(incarnation) ?? { history: [undefined] }
        this.files.set(incarnation, file)
        file.history.push(committed(file.history.at(-1), write))
        this.commits++
      },
      flushed: async () => {
        alive()
        const file = this.files.get(incarnation)
        const visible = file?.history.at(-1)
        await pause(machine, process)
        machine.touch(process)
        if (machine.trouble.checkpointFails > 0) {
          machine.trouble.checkpointFails--
          throw machine.meet('checkpoint-fails', new LetheError('disk-error', 'the flush failed', 503))
        }
        if (file) file.history = file.history.slice(file.history.indexOf(visible))
      },
      release: () => {
        if (released) throw new Bug('a customer file is released twice')
        released = true
        closed()
      },
    }
  }
}

const fileDamaged = (incarnation: bigint): LetheError =>
  new LetheError('file-damaged', `the file of ${incarnation.toString(16)} is damaged`, 503)

function committed(before: Snapshot | undefined, write: FileWrite): Snapshot {
  const days = new Map<number, { day: number; rows: Rows }>()
  for (const { day, rows } of before?.days.values() ?? []) {
    const slot = day % write.slots
    if ((days.get(slot)?.day ?? -1) < day) days.set(slot, { day, rows })
  }
  for (const { slot, day, clear, pages } of write.days) {
    if (slot !== day % write.slots) throw new Bug(`day ${day} does not belong into slot ${slot} of ${write.slots}`)
    const old = days.get(slot)
    if (old && old.day > day) throw new Bug(`slot ${slot} holds day ${old.day}; ${day} is older`)
    const rows = changed(clear || old?.day !== day ? undefined : old.rows, pages)
    if (rows.size === 0 && clear) days.delete(slot)
    else days.set(slot, { day, rows })
  }
  return { n: write.n, slots: write.slots, meta: changed(before?.meta, write.meta), days }
}

function changed(before: Rows | undefined, pages: readonly PageWrite[]): Rows {
  const rows = new Map(before ?? [])
  for (const { key, value } of pages) {
    const name = Buffer.from(key).toString('latin1')
    if (value === null) rows.delete(name)
    else rows.set(name, { key: Buffer.from(key), value: Buffer.from(value) })
  }
  return rows
}

/** A row a step: a commit, a crash, damage may come in between. */
function* inOrder(rows: Rows, alive: () => void): Steps<Row[]> {
  for (let left = rows.size; left > 0; left--) {
    yield
    alive()
  }
  return [...rows.values()].sort((a, b) => a.key.compare(b.key))
}

function pause(machine: Machine, process: Process): Promise<void> {
  return new Promise(resolve => machine.scheduler.after(process, machine.syncDelayMs(), resolve))
}
