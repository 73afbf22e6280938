// Where a replay is, so that an event which kills the whole process can be found out (R16).
//
// An exception says which event it was; a segfault or a heap that runs over says nothing. So after a death the next
// process writes into a small file what it is about to apply again (the page cache outlives the process; nothing is
// synced). If it dies there too, the one after it finds the place, and suspects it.
//
// To write each event down costs more than to apply it. So it is a group of events, and only in the entry of a suspect
// each event. A process may be killed by anybody at any moment, so one death at a place proves nothing, and two within a
// group prove no more: they may have been at two events that harm nobody. So deaths at one event alone are counted, and
// the second one convicts. An event in a body of many that kills whoever applies it takes four processes:
//
//   live traffic, which nobody watches ── a replay by groups ── one by one ── one by one ── convicted
//
// and three where it is alone in its body, or in the replay of a verdict, since a group of one is an event. With a group's
// death counted as one of the two it would be a process less, and two times `kill -9` might convict anybody. Nothing gives
// up meanwhile: the supervisor starts a shard again as often as it dies, after five seconds at most.
//
// A suspect is remembered until its event, or the last one of its group, has gone through. A death meanwhile, at the start
// or elsewhere, is none at its place; a death elsewhere in a replay makes a second suspect beside it, for where several
// customers have such events, chance says whose is replayed first. An entry has one suspect: the last place at which a
// process died in it.
//
//   0         4        8               16        24      28       32
//   +---------+--------+---------------+---------+-------+--------+
//   | running | 0      | incarnation   | n (f64) | index | events |      where the replay is
//   +---------+--------+---------------+---------+-------+--------+
//   | 0       | deaths | incarnation   | n       | index | events |      up to 15 suspects, the latest last
//   +---------+--------+---------------+---------+-------+--------+
//
// running: 1 from the start of a process to its clean end.
// n: 0 where there is no suspect, or no replay runs.
// events: 1 for an event, more for the group from `index` on.

import type { Disk, DiskFile } from '../storage/disk.js'

const RECORD = 32
const MOST_SUSPECTS = 15
const SIZE = RECORD * (1 + MOST_SUSPECTS)

interface Suspect {
  readonly incarnation: bigint
  readonly n: number
  readonly index: number
  readonly events: number
  /** Processes that died there. */
  readonly deaths: number
}

export class PlaceFile {
  private readonly file: DiskFile
  private readonly bytes = Buffer.alloc(SIZE)
  /** The process before this one did not end cleanly: replays are watched. */
  readonly watching: boolean
  /** At most one for each entry. */
  private suspected: Suspect[] = []
  /** The suspect that is being applied. */
  private met: Suspect | undefined

  constructor(disk: Disk, path: string) {
    const known = disk.exists(path)
    this.file = disk.open(path, known ? 'write' : 'create')
    const read = this.file.read(this.bytes, 0, SIZE, 0)
    this.watching = read >= 4 && this.bytes.readUInt32LE(0) === 1
    // A file of another size is another version's: what it suspects will be found out again.
    if (this.watching && read === SIZE) this.recall()
    this.bytes.fill(0)
    this.bytes.writeUInt32LE(1, 0)
    this.flushAll()
  }

  /** An event, or more, of this entry is suspected: it is to be applied event by event. */
  suspects(incarnation: bigint, n: number): boolean {
    return this.suspectOf(incarnation, n) !== undefined
  }

  /** The event to set aside when entry n of this customer is replayed: the one at which two processes died. */
  convicted(incarnation: bigint, n: number): number | undefined {
    const suspect = this.suspectOf(incarnation, n)
    return suspect !== undefined && suspect.events === 1 && suspect.deaths >= 2 ? suspect.index : undefined
  }

  /** About to be applied again: `events` events of entry n from `index` on. */
  record(incarnation: bigint, n: number, index: number, events: number): void {
    const suspect = this.suspectOf(incarnation, n)
    const met = suspect && index >= suspect.index && index < suspect.index + suspect.events ? suspect : undefined
    const passed = met !== this.met && this.forgetMet()
    this.met = met
    this.write(0, { incarnation, n, index, events, deaths: 0 })
    if (passed) this.flushAll()
    else this.flushPlace()
  }

  /** A replay has come to the end of an entry, or of a step. */
  clear(): void {
    this.bytes.fill(0, 4, RECORD)
    if (this.forgetMet()) this.flushAll()
    else this.flushPlace()
  }

  /** The process ends in good order. */
  close(): void {
    this.bytes.fill(0)
    this.suspected = []
    this.flushAll()
    this.file.close()
  }

  private suspectOf(incarnation: bigint, n: number): Suspect | undefined {
    const { suspected } = this
    for (let i = 0; i < suspected.length; i++) {
      const suspect = suspected[i]!
      if (suspect.n === n && suspect.incarnation === incarnation) return suspect
    }
    return undefined
  }

  /** The suspect that was being applied has gone through; false if there was none. */
  private forgetMet(): boolean {
    const { met } = this
    if (met === undefined) return false
    this.suspected = this.suspected.filter(suspect => suspect !== met)
    this.met = undefined
    return true
  }

  /** What the file says: who is suspected, and where the last process died. */
  private recall(): void {
    for (let i = 1; i <= MOST_SUSPECTS; i++) {
      const suspect = this.read(i)
      if (suspect.n > 0) this.suspected.push(suspect)
    }
    const place = this.read(0)
    if (place.n === 0) return
    const before = this.suspectOf(place.incarnation, place.n)
    const again = before !== undefined && before.index === place.index && before.events === place.events
    const others = this.suspected.filter(suspect => suspect !== before)
    this.suspected = [...others, { ...place, deaths: again ? before.deaths + 1 : 1 }].slice(-MOST_SUSPECTS)
  }

  private read(record: number): Suspect {
    const at = record * RECORD
    return {
      deaths: this.bytes.readUInt32LE(at + 4),
      incarnation: this.bytes.readBigUInt64LE(at + 8),
      n: this.bytes.readDoubleLE(at + 16),
      index: this.bytes.readUInt32LE(at + 24),
      events: this.bytes.readUInt32LE(at + 28),
    }
  }

  private write(record: number, { deaths, incarnation, n, index, events }: Suspect): void {
    const at = record * RECORD
    this.bytes.writeUInt32LE(deaths, at + 4)
    this.bytes.writeBigUInt64LE(incarnation, at + 8)
    this.bytes.writeDoubleLE(n, at + 16)
    this.bytes.writeUInt32LE(index, at + 24)
    this.bytes.writeUInt32LE(events, at + 28)
  }

  private flushPlace(): void {
    this.file.write(this.bytes, 0, RECORD, 0)
  }

  // In one write: between two of them the process may be killed.
  private flushAll(): void {
    this.bytes.fill(0, RECORD)
    for (let i = 0; i < this.suspected.length; i++) this.write(i + 1, this.suspected[i]!)
    this.file.write(this.bytes, 0, SIZE, 0)
  }
}
