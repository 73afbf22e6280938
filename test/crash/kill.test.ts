// A real node is killed, and killed, and killed: what was acknowledged is counted exactly once.
import t from 'tap'
import { torture } from './torture.js'

t.setTimeout(240_000)

t.test('30 rounds of kill -9 under traffic lose nothing and count nothing twice', async t => {
  const report = await torture({
    folder: t.testdir({}),
    seed: Number(process.env['TORTURE_SEED'] ?? Date.now() % 100_000),
    rounds: 30,
    customers: 4,
    clientsEach: 2,
    batchesPerRound: 30,
    countEvery: 15,
  })
  t.comment(JSON.stringify(report))
  t.same(report.differences, [])
  t.ok(report.events > 1_000, `${report.events} events`)
  t.ok(report.unanswered > 0, 'kills hit requests')
})
