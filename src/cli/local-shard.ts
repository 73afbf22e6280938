// The shard itself, composed of the real clock, disk, journal and stores. (The simulation composes the same parts of others.)
import fs from 'node:fs'
import path from 'node:path'
import { PlaceFile } from '../actors/places.js'
import { Quarantine, type Verdict } from '../actors/quarantine.js'
import { ownerOf, Routes } from '../actors/routes.js'
import type { ShardService } from '../actors/service.js'
import { Shard } from '../actors/shard.js'
import { nactSystem } from '../actors/system.js'
import { verdictFolder } from '../actors/verdicts.js'
import { VERSIONS } from '../actors/versions.js'
import { dayOf, dayToString, systemClock } from '../core/clock.js'
import { LetheError } from '../core/errors.js'
import { systemRandom } from '../core/random.js'
import type { ControlReader } from '../storage/contract.js'
import { openControlReader } from '../storage/control.js'
import { openCustomerStore } from '../storage/customer-store.js'
import { realDisk } from '../storage/disk.js'
import { openJournal } from '../storage/journal.js'
import { takeLock } from '../storage/lock.js'
import { type BackupTarget, backUpCustomers, backUpJournal, type CopiedFile } from './backup.js'
import { shardLock } from './data-lock.js'
import type { Log } from './log.js'
import type { BackupStep, ShardStart } from './messages.js'
import { forgetDeleted, sweepTombstones } from './tombstones.js'

export interface LocalShard {
  readonly service: ShardService
  readonly control: ControlReader
  readonly routes: Routes
  /** All verdicts of the node, as they are on disk. */
  readonly quarantined: () => readonly Verdict[]
  /** This shard's part in a step of a backup. */
  backup(step: BackupStep, target: BackupTarget): Promise<CopiedFile[]>
  close(): Promise<void>
}

const TICK_MS = 250

/** Downtime beyond which the clock is doubted (R6): taken at once, it would let every day expire. */
const MAX_GAP_DAYS = 400

function refuseStrangeClock(latestDay: number, accept: boolean): void {
  const today = dayOf(systemClock.nowMs())
  if (latestDay < 0 || today - latestDay <= MAX_GAP_DAYS || accept) return
  throw new LetheError(
    'clock',
    `the clock says ${dayToString(today)}, the last events came on ${dayToString(latestDay)}: all days would expire. ` +
      'Set the clock, or start with --accept-clock if it is right',
  )
}

/** Opens and recovers a shard. Rejects with a LetheError where a person has to act. */
export async function openLocalShard(start: ShardStart, log: Log, fatal: (error: Error) => void): Promise<LocalShard> {
  const at = (...parts: string[]) => path.join(start.dataFolder, ...parts)
  const { limits, shards } = start
  const { shard } = start.own
  const disk = realDisk
  // R4: whoever recovers this journal is alone with it, also when an old supervisor died and left its shards behind.
  const lock = takeLock(shardLock(start.dataFolder, shard), `shard ${shard}, process ${process.pid}`)
  const control = openControlReader(at('control'))
  const [journal, store] = await Promise.all([
    openJournal({
      disk,
      folder: at('journal'),
      shard,
      shards,
      ownerOf: incarnation => ownerOf(incarnation, shards),
      run: BigInt(start.run),
      limits,
      random: systemRandom,
      log,
    }),
    openCustomerStore({
      folder: at('customers'),
      runFolder: at('run'),
      shard,
      shards,
      maxOpenFiles: limits.maxOpenFiles,
      maxFileCommits: limits.maxFileCommits,
      log,
    }),
  ])
  const owned = (incarnation: bigint) => ownerOf(incarnation, shards) === shard
  const verdicts = await verdictFolder(disk, at('quarantine'))
  const quarantine = new Quarantine(verdicts, owned)
  refuseStrangeClock(journal.latestDay, start.acceptClock)
  for (const incarnation of quarantine.incarnations()) {
    // A delete that died before it came to them.
    if (control.byIncarnation(incarnation)?.deleted) await quarantine.forget(incarnation)
  }
  const places = new PlaceFile(disk, at('run', `place-${shard}`))
  const routes = new Routes(control, shards)
  const service = new Shard({
    clock: systemClock,
    random: systemRandom,
    limits,
    settings: { retention: start.retention },
    versions: VERSIONS,
    journal,
    store,
    quarantine,
    places,
    actors: nactSystem(),
    log,
    defer: setImmediate,
    routeOf: incarnation => {
      const record = control.byIncarnation(incarnation)
      return record && !record.deleted ? routes.byId(record.id) : undefined
    },
    freeDiskBytes: () => {
      const { bavail, bsize } = fs.statfsSync(start.dataFolder)
      return bavail * bsize
    },
    memory: () => ({ usedBytes: process.memoryUsage.rss(), budgetBytes: start.memoryBytes }),
    fatal,
  })
  // An idle shard sweeps too: checkpoints fall due and customers leave without anybody asking.
  const ticking = setInterval(() => service.tick(), TICK_MS)
  const stopSweeping = sweepTombstones(at('customers'), control, store, owned, log)
  const stopForgetting = forgetDeleted(journal, control)
  const backup = async (step: BackupStep, target: BackupTarget): Promise<CopiedFile[]> => {
    if (step === 'files') return await backUpCustomers(start.dataFolder, target, owned, store)
    if (step === 'journal') return await backUpJournal(start.dataFolder, target, journal)
    journal.holdTrimming(step === 'hold')
    return []
  }
  const close = async () => {
    clearInterval(ticking)
    stopSweeping()
    stopForgetting()
    places.close()
    await control.close()
    lock.release()
  }
  return { service, control, routes, quarantined: () => verdicts.load(), backup, close }
}
