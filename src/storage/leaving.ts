// Which customer's file is closed when another one needs its place.
//
// Customers who report all the time are checkpointed one after the other, round and round. The file that was used longest ago
// is then the very next to be needed: to close that one, as pools do, would open every file of 501 customers anew for each checkpoint
// when 500 may stay open. So most stay, and a few places go from hand to hand. Somebody who has stopped leaves in the end.

/** Of the places, those of the files that were used last: who was just loaded is soon asked, or checkpointed. */
const RECENT = 1 / 8
/** A file that was not used while this many times as many uses went by as there are places belongs to somebody who has stopped. */
const PATIENCE = 16

export interface Resident {
  /** Nobody may close it while there are some. */
  readonly users: number
  /** The use, counted over all files from 1, that was its last. */
  readonly usedAt: number
}

/** Who of `files` leaves, at use `now` of a pool of `places`; undefined where all are in use. */
export function whoLeaves<File extends Resident>(files: Iterable<File>, now: number, places: number): File | undefined {
  let oldest: File | undefined
  let latest: File | undefined
  for (const file of files) {
    if (file.users > 0) continue
    if (oldest === undefined || file.usedAt < oldest.usedAt) oldest = file
    const isRecent = now - file.usedAt < RECENT * places
    if (!isRecent && (latest === undefined || file.usedAt > latest.usedAt)) latest = file
  }
  if (oldest === undefined || latest === undefined) return oldest
  return now - oldest.usedAt > PATIENCE * places ? oldest : latest
}
