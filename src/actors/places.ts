// Where a replay is, so that an event which kills the whole process can be found out (R16).
//
// An exception says which event it was; a segfault or a heap that runs over says nothing. So after a death the next
// process writes down, before each event that it replays, which one it is, into a small file (the page cache outlives
// the process; nothing is synced). If it dies there too, the next one finds the place. A process may be killed by
// anybody at any moment, so one death at a place proves nothing: the second one at the same place convicts. A suspect is
// remembered until its event has gone through; a death meanwhile, at the start or elsewhere, is not one at its place.
//
// To write each event down costs more than to apply it. So it is each group of sixteen, and only in the entry of a suspect each event: the
// first death says which group it was, the second which event.
//
//   0         4        8               16        24      28
//   +---------+--------+---------------+---------+-------+------+
//   | running | deaths | incarnation   | n (f64) | index | here |
//   +---------+--------+---------------+---------+-------+------+
//
// running: 1 from the start of a process to its clean end.
// here: 1 while the replay is at this event, 0 while it is only remembered.

import type { Disk, DiskFile } from '../storage/disk.js'
import { GROUP } from '../tables/field-updates.js'

const SIZE = 32

export interface Suspect {
  readonly incarnation: bigint
  readonly n: number
  readonly index: number
  /** Processes that died there. */
  readonly deaths: number
}

export class PlaceFile {
  private readonly file: DiskFile
  private readonly bytes = Buffer.alloc(SIZE)
  /** The process before this one did not end cleanly: replays are watched. */
  readonly watching: boolean
  /** Where it died, if it was in a replay. */
  readonly suspect: Suspect | undefined
  /** The suspect's event is being applied, or has been: it is no suspect any more once the replay goes on. */
  private met = false

  constructor(disk: Disk, path: string) {
    const known = disk.exists(path)
    this.file = disk.open(path, known ? 'write' : 'create')
    const read = this.file.read(this.bytes, 0, SIZE, 0)
    this.watching = read === SIZE && this.bytes.readUInt32LE(0) === 1
    const n = this.bytes.readDoubleLE(16)
    if (this.watching && n > 0) {
      this.suspect = {
        incarnation: this.bytes.readBigUInt64LE(8),
        n,
        index: this.bytes.readUInt32LE(24),
        deaths: this.bytes.readUInt32LE(4) + this.bytes.readUInt32LE(28),
      }
    }
    this.remember()
  }

  /** Between places: the suspect, if there still is one. */
  private remember(): void {
    this.bytes.fill(0)
    this.bytes.writeUInt32LE(1, 0)
    if (this.suspect && !this.met) this.write(this.suspect, 0)
    this.flush()
  }

  /** Where a process died, or events near it. */
  suspects(incarnation: bigint, n: number): boolean {
    return this.suspect !== undefined && this.suspect.n === n && this.suspect.incarnation === incarnation
  }

  /** The event, or the first of the group, about to be applied again. */
  record(incarnation: bigint, n: number, index: number): void {
    const { suspect } = this
    const again =
      suspect !== undefined && this.suspects(incarnation, n) && index >= suspect.index && index < suspect.index + GROUP
    if (again) this.met = true
    this.write({ incarnation, n, index, deaths: again ? suspect.deaths : 0 }, 1)
    this.flush()
  }

  /** The event to set aside when entry n of this customer is replayed, if the second process died at it. */
  convicted(incarnation: bigint, n: number): number | undefined {
    const { suspect } = this
    if (suspect === undefined || suspect.deaths < 2) return undefined
    return suspect.incarnation === incarnation && suspect.n === n ? suspect.index : undefined
  }

  /** A replay has come to the end of an entry, or of a step. */
  clear(): void {
    this.remember()
  }

  /** The process ends in good order. */
  close(): void {
    this.bytes.fill(0)
    this.flush()
    this.file.close()
  }

  private write(place: Suspect, here: 0 | 1): void {
    this.bytes.writeUInt32LE(place.deaths, 4)
    this.bytes.writeBigUInt64LE(place.incarnation, 8)
    this.bytes.writeDoubleLE(place.n, 16)
    this.bytes.writeUInt32LE(place.index, 24)
    this.bytes.writeUInt32LE(here, 28)
  }

  private flush(): void {
    this.file.write(this.bytes, 0, SIZE, 0)
  }
}
