// A delete that died between its tombstone and the removal of the customer's file leaves the file behind (R19). Some time
// after the start, one folder at a time, what a tombstone says is dead is removed. A file that nobody has ever heard of is
// not: perhaps the control store was put back from a backup, and then that file is all there is. It is named in the log.
import fs from 'node:fs'
import path from 'node:path'
import type { ControlReader, CustomerStore, Journal } from '../storage/contract.js'
import type { Log } from './log.js'

const FOLDERS = 256
const PAUSE_MS = 50
/** Customers looked up at once: 10 µs each, so half a turn. */
const ENTRIES_AT_ONCE = 50
const FILE = /^([0-9a-f]{16})\.mdb$/

/** Starts sweeping; answers how to stop. `owned` says which incarnations are this shard's. */
export function sweepTombstones(
  folder: string,
  control: ControlReader,
  store: CustomerStore,
  owned: (incarnation: bigint) => boolean,
  log: Log,
): () => void {
  let next = 0
  const timer = setInterval(() => {
    if (next === FOLDERS) return clearInterval(timer)
    const name = (next++).toString(16).padStart(2, '0')
    fs.promises.readdir(path.join(folder, name)).then(
      async files => {
        for (const file of files) await sweepFile(name, file)
      },
      () => {
        // No customer has ever had a file there.
      },
    )
  }, PAUSE_MS)
  timer.unref()
  return () => clearInterval(timer)

  async function sweepFile(name: string, file: string): Promise<void> {
    const digits = FILE.exec(file)?.[1]
    if (digits === undefined) return
    const incarnation = BigInt(`0x${digits}`)
    if (!owned(incarnation)) return
    const about = { file: path.join(folder, name, file) }
    try {
      const record = control.byIncarnation(incarnation)
      if (record?.deleted) {
        await store.erase(incarnation)
        log.info({ ...about, customer: record.id }, 'the file of a deleted customer was left over and is removed')
      } else if (record === undefined) log.warn(about, 'a customer file belongs to nobody; it is left where it is')
    } catch (error) {
      // It may be in use still, by a customer on its way out. A shard does not end for a file that nobody needs.
      log.warn({ ...about, err: error }, 'the file of a deleted customer cannot be removed; the next start tries again')
    }
  }
}

/**
 * Starts telling the journal whose entries nobody needs, because their customer is deleted; answers how to stop. Not before
 * the start, which would look up every customer with an entry in the journal: 160 ms for 30,000 of them. Until then such
 * entries hold back trimming, nothing else: nobody asks for a dead customer.
 */
export function forgetDeleted(journal: Journal, control: ControlReader): () => void {
  const incarnations = journal.incarnations()[Symbol.iterator]()
  const timer = setInterval(() => {
    for (let looked = 0; looked < ENTRIES_AT_ONCE; looked++) {
      const { done, value } = incarnations.next()
      if (done) return clearInterval(timer)
      const record = control.byIncarnation(value)
      if (!record || record.deleted) journal.forget(value)
    }
  }, PAUSE_MS)
  timer.unref()
  return () => clearInterval(timer)
}
