// 300 lives of a node, by seed, beside the model (see simulation.ts). A failing seed prints itself, shrunk.
import t from 'tap'
import { addReport, emptyReport } from './report.js'
import { describeFailure, runSeed, shrink } from './run.js'

const SEEDS = 300

t.test(
  'nothing acknowledged is lost, nothing counts twice, every ledger balances and every table is the model’s',
  async t => {
    const total = emptyReport()
    for (let seed = 1; seed <= SEEDS; seed++) {
      const outcome = await runSeed(seed)
      if ('report' in outcome) {
        addReport(total, outcome.report)
        continue
      }
      t.fail(describeFailure(await shrink(outcome.failure)))
      return
    }
    t.comment(`${SEEDS} seeds: ${JSON.stringify(total)}`)
    const { crashes, faults } = total
    for (const kind of ['power', 'kill', 'shard', 'drain', 'actor'])
      t.ok(crashes[kind]! > 50, `crashes of the kind ${kind}`)
    for (const kind of ['sync-fails', 'write-fails', 'slow-syncs', 'disk-full', 'too-many-files', 'checkpoint-fails']) {
      t.ok(faults[kind]! > 10, `faults of the kind ${kind}`)
    }
    t.ok(total.events > 20_000)
  },
)

t.test('a seed is a whole life: the same one twice takes the same steps', async t => {
  for (const seed of [3, 14, 15]) {
    const first = await runSeed(seed)
    const second = await runSeed(seed)
    t.ok('report' in first)
    t.same(second, first)
  }
})

// 90505: a checkpoint that was to begin a little later began after the drain, and waited at the turnstile for ever.
t.test('lives that failed once', async t => {
  for (const seed of [90505]) t.ok('report' in (await runSeed(seed)), `seed ${seed}`)
})
