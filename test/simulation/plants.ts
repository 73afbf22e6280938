// Six bugs of the kind that matter, each a wrapper that misbehaves around what is injected anyway. Production code knows
// nothing of them.
import type { Customer } from '../../src/actors/customer.js'
import type { Shard } from '../../src/actors/shard.js'
import { atOnce } from '../../src/core/steps.js'
import type { CustomerStore, FileWrite, Journal, PageWrite } from '../../src/storage/contract.js'
import type { Disk } from '../../src/storage/disk.js'
import { decodeSettings, encodeSettings } from '../../src/tables/settings.js'

export interface Plant {
  readonly name: string
  disk?(disk: Disk): Disk
  journal?(journal: Journal): void
  store?(store: CustomerStore): CustomerStore
  shard?(shard: Shard): void
}

/** A store whose commits and reads go through `change`. */
function tampered(
  store: CustomerStore,
  commit: (write: FileWrite, file: ReturnType<CustomerStore['open']>) => FileWrite,
): CustomerStore {
  return {
    ...delegate(store),
    open(incarnation) {
      const file = store.open(incarnation)
      return {
        incarnation,
        meta: () => file.meta(),
        day: slot => file.day(slot),
        days: () => file.days(),
        commit: write => file.commit(commit(write, file)),
        flushed: () => file.flushed(),
        release: () => file.release(),
      }
    },
  }
}

function delegate(store: CustomerStore): CustomerStore {
  return {
    open: incarnation => store.open(incarnation),
    exists: incarnation => store.exists(incarnation),
    erase: incarnation => store.erase(incarnation),
    setAside: (incarnation, why) => store.setAside(incarnation, why),
    get asideAtStart() {
      return store.asideAtStart
    },
    close: () => store.close(),
    get openFiles() {
      return store.openFiles
    },
  }
}

export const PLANTS: readonly Plant[] = [
  {
    name: 'ack before commit',
    // Says that a frame is durable when it is not.
    disk: disk => ({
      open(path, mode) {
        const file = disk.open(path, mode)
        if (!path.endsWith('.preparing')) return file
        return {
          path,
          write: (bytes, start, end, position) => file.write(bytes, start, end, position),
          read: (target, start, end, position) => file.read(target, start, end, position),
          sync: done => file.sync(done),
          commit: (bytes, start, end, position, done) => {
            file.write(bytes, start, end, position)
            queueMicrotask(() => done(null))
          },
          fill: size => file.fill(size),
          size: () => file.size(),
          close: () => file.close(),
        }
      },
      list: folder => disk.list(folder),
      exists: path => disk.exists(path),
      makeFolder: folder => disk.makeFolder(folder),
      rename: (from, to) => disk.rename(from, to),
      remove: path => disk.remove(path),
      syncFolder: folder => disk.syncFolder(folder),
      freeBytes: path => disk.freeBytes(path),
    }),
  },
  {
    name: 'snapshot without position',
    // The pages of a checkpoint arrive, its n stays where it was.
    store: store =>
      tampered(store, (write, file) => {
        const n = atOnce(file.meta())?.n ?? 0
        return { ...write, n, meta: write.meta.map(page => atPosition(page, n)) }
      }),
  },
  {
    name: 'slot reused without clearing',
    store: store =>
      tampered(store, (write, file) => ({
        ...write,
        days: write.days.map(day => {
          const before = atOnce(file.day(day.slot))
          if (!before || before.day === day.day) return day
          const written = new Set(day.pages.map(page => Buffer.from(page.key).toString('hex')))
          const left = before.rows.filter(row => !written.has(Buffer.from(row.key).toString('hex')))
          return { ...day, pages: [...left, ...day.pages] }
        }),
      })),
  },
  {
    name: 'dedupe window not persisted',
    // Its pages are written empty, and the settings say that nothing is missing.
    store: store => tampered(store, write => ({ ...write, meta: write.meta.map(withoutIds) })),
  },
  {
    name: 'trimmed one record too far',
    journal(journal) {
      const flushedTo = journal.flushedTo.bind(journal)
      journal.flushedTo = (incarnation, n) => flushedTo(incarnation, n + 1)
    },
  },
  {
    name: 'a wake-up is lost',
    shard(shard) {
      const { parts } = shard as unknown as { parts: object }
      const { maxLoadsAtOnce, maxCheckpointsAtOnce } = shard['parts'].limits
      const wake = (customer: Customer) => shard.wake(customer)
      Object.assign(parts, {
        loads: new ForgetfulTurnstile(maxLoadsAtOnce, wake),
        checkpoints: new ForgetfulTurnstile(maxCheckpointsAtOnce, wake),
      })
    },
  },
]

/** A place goes to whoever comes; who was in line for one stays there, and is woken again where somebody else ought to be. */
class ForgetfulTurnstile {
  private readonly inside = new Set<Customer>()
  private readonly line = new Set<Customer>()

  constructor(
    private readonly most: number,
    private readonly wake: (customer: Customer) => void,
  ) {}

  enter(customer: Customer): boolean {
    if (this.inside.has(customer)) return true
    if (this.inside.size < this.most) {
      this.inside.add(customer)
      return true
    }
    this.line.add(customer)
    return false
  }

  leave(customer: Customer): void {
    if (!this.inside.delete(customer)) return
    for (const next of this.line) {
      this.line.delete(next)
      this.wake(next)
      return
    }
  }

  get size(): number {
    return this.inside.size
  }
}

// The record `S` says where the window begins (head) and ends (tail): begun at its end, it is empty.
function withoutIds(page: PageWrite): PageWrite {
  if (page.value === null || String.fromCharCode(page.key[0]!) !== 'S') return page
  const settings = decodeSettings(page.value)
  return { key: page.key, value: encodeSettings({ ...settings, idHead: settings.idTail }) }
}

function atPosition(page: PageWrite, n: number): PageWrite {
  if (page.value === null || String.fromCharCode(page.key[0]!) !== 'S') return page
  return { key: page.key, value: encodeSettings({ ...decodeSettings(page.value), n }) }
}
