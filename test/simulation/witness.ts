// The witness looks over the journal's shoulder: it copies each entry as it goes in, with the stamp of its frame, and
// notes what the journal says is durable. From that alone the model knows what a customer's state has to be.
//
//   end ──▶ open ── commit ──▶ flying ── onSynced ──▶ durable
//             │                   │
//           dies: gone          dies: limbo ── the next recovery says ──▶ durable, or gone

import { EVENTS_PREFIX_BYTES, readEventsPrefix } from '../../src/actors/entry.js'
import { dayOf } from '../../src/core/clock.js'
import { EntryKind, type Journal } from '../../src/storage/contract.js'
import type { Process } from './machine.js'
import type { LoggedEntry } from './model.js'
import { Violation } from './violation.js'

/** All that went into the journals for one customer. */
export class CustomerLog {
  /** Durable entries: n − 1 is the index. */
  readonly entries: LoggedEntry[] = []
  /** Given to a journal and not known to be durable, in order. */
  undecided: { entry: LoggedEntry; by: Process; flying: boolean }[] = []
  /** The customer's file is damaged: what was trimmed from the journal for its sake is lost, and its numbers with it. */
  mayLose = false
  /** Grows when entries were lost whose numbers are used again. */
  epoch = 0

  constructor(readonly incarnation: bigint) {}

  get durableN(): number {
    return this.entries.length
  }

  /** Entries above n are lost. */
  cutTo(n: number): void {
    this.entries.length = n
    this.undecided = []
    this.epoch++
  }

  get lastN(): number {
    return this.entries.length + this.undecided.length
  }
}

/** Told of each entry with a body, as it goes in. */
export type Taken = (incarnation: bigint, payload: Buffer, n: number) => void

export class Witness {
  readonly logs = new Map<bigint, CustomerLog>()
  entries = 0
  commits = 0

  constructor(private readonly taken: Taken) {}

  log(incarnation: bigint): CustomerLog {
    let log = this.logs.get(incarnation)
    if (!log) {
      log = new CustomerLog(incarnation)
      this.logs.set(incarnation, log)
    }
    return log
  }

  /** Decides what a death left open, by what a new process has recovered. Called before that process takes anything. */
  recovered(journal: Journal, owns: (incarnation: bigint) => boolean): void {
    for (const log of this.logs.values()) {
      if (!owns(log.incarnation)) continue
      const last = journal.range(log.incarnation)?.last ?? 0
      for (const { entry } of log.undecided) {
        if (entry.n > last) break
        log.entries.push(entry)
      }
      log.undecided = []
    }
  }

  /** The process is gone, and with it what it had not given to the disk. */
  died(process: Process): void {
    for (const log of this.logs.values()) {
      log.undecided = log.undecided.filter(({ by, flying }) => by !== process || flying)
    }
  }

  /** Begins to watch a journal that `process` has opened. */
  watch(journal: Journal, process: Process): void {
    const begin = journal.begin.bind(journal)
    const end = journal.end.bind(journal)
    const commit = journal.commit.bind(journal)
    let at = -1
    let incarnation = 0n
    let kind = EntryKind.Events
    journal.begin = (writer, entryKind, size) => {
      at = begin(writer, entryKind, size)
      incarnation = writer.incarnation
      kind = entryKind
      return at
    }
    journal.end = (n, size) => {
      const bytes = Buffer.from(journal.group.subarray(at, at + size))
      this.note(process, incarnation, kind, n, bytes)
      end(n, size)
    }
    journal.commit = (nowMs, day, onSynced, onFailed) => {
      this.commits++
      if (day !== dayOf(nowMs)) throw new Violation(`a frame of ${nowMs} is stamped with day ${day}`)
      const group: [CustomerLog, LoggedEntry][] = []
      for (const log of this.logs.values()) {
        for (const undecided of log.undecided) {
          if (undecided.by !== process || undecided.flying) continue
          undecided.flying = true
          undecided.entry.ms = nowMs
          undecided.entry.day = day
          group.push([log, undecided.entry])
        }
      }
      commit(
        nowMs,
        day,
        frame => {
          if (frame.ms !== nowMs || frame.day !== day) throw new Violation('a frame came back with another stamp')
          for (const [log, entry] of group) this.durable(log, entry)
          onSynced(frame)
        },
        onFailed,
      )
    }
  }

  private durable(log: CustomerLog, entry: LoggedEntry): void {
    const first = log.undecided.shift()
    if (first?.entry !== entry) throw new Violation(`entry ${entry.n} became durable before those in front of it`)
    log.entries.push(entry)
  }

  private note(process: Process, incarnation: bigint, kind: EntryKind, n: number, bytes: Buffer): void {
    const log = this.log(incarnation)
    if (log.mayLose && n <= log.durableN) log.cutTo(n - 1)
    if (n !== log.lastN + 1) {
      throw new Violation(`entry ${n} of customer ${incarnation.toString(16)} was written after entry ${log.lastN}`)
    }
    this.entries++
    const prefix = kind === EntryKind.Events ? readEventsPrefix(bytes, 0) : undefined
    const payload = prefix ? bytes.subarray(EVENTS_PREFIX_BYTES) : bytes
    const entry: LoggedEntry = {
      n,
      kind,
      format: prefix?.format ?? 0,
      sentAt: prefix?.sentAt ?? Number.NaN,
      payload,
      ms: 0,
      day: 0,
    }
    log.undecided.push({ entry, by: process, flying: false })
    if (prefix) this.taken(incarnation, payload, n)
  }
}
