// The supervisor's side of a backup: takes all shards through its steps, together.
//
// A shard that ends meanwhile ends the backup, whichever step it was in: its successor does not hold trimming, so entries
// that the files copied before do not have yet may be gone from its journal.
import type { Clock } from '../core/clock.js'
import { LetheError } from '../core/errors.js'
import type { ControlWriter } from '../storage/contract.js'
import { type BackupTarget, backUpVerdicts, beginBackup, type CopiedFile, endBackup } from './backup.js'
import type { BackupStep, ShardStart, ToSupervisor } from './messages.js'
import type { ShardProcess } from './shard-process.js'

export interface BackupDeskOptions {
  readonly start: Pick<ShardStart, 'dataFolder' | 'version' | 'limits'>
  readonly control: Pick<ControlWriter, 'whileStill'>
  readonly clock: Clock
  /** All shards, dead ones too. */
  readonly shards: () => readonly Pick<ShardProcess, 'phase' | 'tell'>[]
}

type Shard = ReturnType<BackupDeskOptions['shards']>[number]

interface Step {
  /** Tells its answers from late ones of a step that failed. */
  readonly ask: number
  readonly waitingFor: Set<Shard>
  readonly files: CopiedFile[]
  readonly resolve: (files: CopiedFile[]) => void
  readonly reject: (error: LetheError) => void
}

const shardGone = () => new LetheError('backup-failed', 'a shard ended during the backup; begin again', 503)

export class BackupDesk {
  private running = false
  private step: Step | undefined
  private asks = 0
  private shardEnded = false

  constructor(private readonly options: BackupDeskOptions) {}

  /** Copies all data into `folder`. Rejects with a LetheError; then there is no manifest in it, and it is no backup. */
  async backUp(folder: string): Promise<{ folder: string; files: number; bytes: number }> {
    if (this.running) throw new LetheError('backup-running', 'a backup is being made already', 409)
    const { start, control, clock } = this.options
    const target: BackupTarget = { folder, reserveBytes: start.limits.diskReserveBytes }
    beginBackup(start.dataFolder, folder)
    this.running = true
    this.shardEnded = false
    try {
      await this.ask('hold', target)
      const files = await this.ask('files', target)
      files.push(...(await backUpVerdicts(start.dataFolder, target)))
      files.push(...(await this.ask('journal', target)))
      const about = { version: start.version, nowMs: clock.nowMs() }
      return { folder, ...(await endBackup(target, about, files, copy => control.whileStill(copy))) }
    } finally {
      this.running = false
      for (const shard of this.options.shards()) shard.tell({ tag: 'backup', ask: 0, step: 'release', target })
    }
  }

  private ask(step: BackupStep, target: BackupTarget): Promise<CopiedFile[]> {
    return new Promise((resolve, reject) => {
      const shards = this.options.shards()
      if (this.shardEnded || shards.some(shard => shard.phase !== 'listening')) return reject(shardGone())
      const ask = ++this.asks
      this.step = { ask, waitingFor: new Set(shards), files: [], resolve, reject }
      for (const shard of shards) shard.tell({ tag: 'backup', ask, step, target })
    })
  }

  /** A shard has done its part of the step. */
  done(from: Shard, { ask, files, error }: Extract<ToSupervisor, { tag: 'backed-up' }>): void {
    const { step } = this
    if (step?.ask !== ask || !step.waitingFor.delete(from)) return
    if (error) return step.reject(new LetheError(error.code, error.message, error.status))
    for (const file of files) step.files.push(file)
    if (step.waitingFor.size === 0) step.resolve(step.files)
  }

  /** Some shard has ended. */
  ended(): void {
    this.shardEnded = true
    this.step?.reject(shardGone())
  }
}
