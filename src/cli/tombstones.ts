// A delete that died between its tombstone and the removal of the customer's file leaves the file behind (R19). Some time
// after the start, one folder at a time, what a tombstone says is dead is removed. A file that nobody has ever heard of is
// not: perhaps the control store was put back from a backup, and then that file is all there is. It is named in the log.
import fs from 'node:fs'
import path from 'node:path'
import type { ControlReader, CustomerStore } from '../storage/contract.js'
import type { Log } from './log.js'

const FOLDERS = 256
const PAUSE_MS = 50
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
        for (const file of files) {
          const digits = FILE.exec(file)?.[1]
          if (digits === undefined) continue
          const incarnation = BigInt(`0x${digits}`)
          if (!owned(incarnation)) continue
          const record = control.byIncarnation(incarnation)
          if (record?.deleted) {
            await store.erase(incarnation)
            log.info({ customer: record.id, file }, 'the file of a deleted customer was left over and is removed')
          } else if (record === undefined) {
            log.warn(
              { file: path.join(folder, name, file) },
              'a customer file belongs to nobody; it is left where it is',
            )
          }
        }
      },
      () => {
        // No customer has ever had a file there.
      },
    )
  }, PAUSE_MS)
  timer.unref()
  return () => clearInterval(timer)
}
