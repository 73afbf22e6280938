// R19: the steps of a backup, and whose death ends it. The shards are played by hand.
import fs from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { BackupDesk } from '../../src/cli/backup-desk.js'
import type { ToShard } from '../../src/cli/messages.js'
import { systemClock } from '../../src/core/clock.js'
import { defaultLimits } from '../../src/core/limits.js'
import { eventually } from '../node/harness.js'

class PlayedShard {
  phase: 'listening' | 'dead' = 'listening'
  readonly told: Extract<ToShard, { tag: 'backup' }>[] = []

  tell(message: ToShard): void {
    if (message.tag === 'backup') this.told.push(message)
  }

  get steps(): string[] {
    return this.told.map(({ step }) => step)
  }
}

function rig(folder: string, shards: PlayedShard[]) {
  fs.mkdirSync(`${folder}/data/control`, { recursive: true })
  fs.writeFileSync(`${folder}/data/control/control.mdb`, 'control')
  const desk = new BackupDesk({
    start: { dataFolder: `${folder}/data`, version: '1', limits: { ...defaultLimits, diskReserveBytes: 0 } },
    control: { whileStill: copy => copy(`${folder}/data/control/control.mdb`) },
    clock: systemClock,
    shards: () => shards,
  })
  const answer = (shard: PlayedShard) => desk.done(shard, { tag: 'backed-up', ask: shard.told.at(-1)!.ask, files: [] })
  /** The desk copies files between its steps. */
  const reached = (shard: PlayedShard, step: string) =>
    eventually(async () => (shard.steps.at(-1) === step ? true : undefined))
  return { desk, answer, reached }
}

t.test('no shard goes on to the next step before all have done the last one', async t => {
  const shards = [new PlayedShard(), new PlayedShard()]
  const [first, second] = shards as [PlayedShard, PlayedShard]
  const { desk, answer, reached } = rig(t.testdir({}), shards)
  const made = desk.backUp(`${t.testdirName}/backup`)
  for (const steps of [['hold'], ['hold', 'files'], ['hold', 'files', 'journal']]) {
    await reached(first, steps.at(-1)!)
    t.same(first.steps, steps)
    answer(first)
    await setImmediate()
    t.same(first.steps, steps)
    answer(second)
  }
  t.match(await made, { files: 1 })
  t.same(second.steps, ['hold', 'files', 'journal', 'release'])
  t.ok(fs.existsSync(`${t.testdirName}/backup/manifest.json`))
})

// Its successor does not hold trimming: what the first files lack may be gone from its journal by now.
t.test('a shard that ends after its own part ends the backup all the same', async t => {
  const shards = [new PlayedShard(), new PlayedShard()]
  const [first, second] = shards as [PlayedShard, PlayedShard]
  const { desk, answer, reached } = rig(t.testdir({}), shards)
  const made = desk.backUp(`${t.testdirName}/backup`)
  await reached(second, 'hold')
  for (const shard of shards) answer(shard)
  await reached(first, 'files')
  answer(first)
  shards[0] = new PlayedShard()
  desk.ended()
  await t.rejects(made, { code: 'backup-failed' })
  t.equal(second.steps.at(-1), 'release')
  t.notOk(fs.existsSync(`${t.testdirName}/backup/manifest.json`))
})

t.test('a late answer to a backup that failed counts for no other', async t => {
  const shards = [new PlayedShard(), new PlayedShard()]
  const [first, second] = shards as [PlayedShard, PlayedShard]
  const { desk, answer, reached } = rig(t.testdir({}), shards)
  const failed = desk.backUp(`${t.testdirName}/one`)
  await reached(second, 'hold')
  const { ask } = second.told.at(-1)!
  const error = { code: 'disk-error', status: 503, message: 'the disk' }
  desk.done(first, { tag: 'backed-up', ask, files: [], error })
  await t.rejects(failed, { code: 'disk-error' })
  const made = desk.backUp(`${t.testdirName}/two`)
  await reached(first, 'hold')
  answer(first)
  desk.done(second, { tag: 'backed-up', ask, files: [] })
  await setImmediate()
  t.equal(first.steps.at(-1), 'hold')
  await t.rejects(desk.backUp(`${t.testdirName}/three`), { code: 'backup-running', status: 409 })
  desk.ended()
  await t.rejects(made, { code: 'backup-failed' })
  shards[0]!.phase = 'dead'
  await t.rejects(desk.backUp(`${t.testdirName}/four`), { code: 'backup-failed' })
})
