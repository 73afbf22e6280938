// What may happen to the processes of a node: stopped, thrown down by an exception, starved. The others serve on.
import fs from 'node:fs'
import net from 'node:net'
import t from 'tap'
import { seededRandom } from '../../src/core/random.js'
import { eventually, killPid, launchNode, startNode, type TestNode } from '../node/harness.js'
import { configFile, metric, Sabotage } from './sabotage.js'
import { createCustomers, sleep, Traffic } from './traffic.js'

t.setTimeout(240_000)

async function restarted(node: TestNode, times: number): Promise<void> {
  await eventually(async () => ((await metric(node, 'lethe_shard_restarts_total')) >= times ? true : undefined), 60_000)
  await eventually(async () => ((await node.request('/readyz', '')).status === 200 ? true : undefined), 60_000)
}

t.test(
  'a shard dies of an exception, of hunger, of a signal, or is stopped: it comes back, the others serve on',
  async t => {
    const folder = t.testdir({})
    const sabotage = new Sabotage(folder)
    const config = configFile(folder, { shardSilenceMs: 2_500, checkpointMs: 500 })
    const options = { data: `${folder}/data`, shards: 2, args: ['--config', config] }
    const node = await sabotage.start(options, '--max-old-space-size=128')
    const customers = await createCustomers(node, 6)
    const traffic = new Traffic(() => node, customers, seededRandom(7))
    traffic.start(1)
    const deaths: [string, (pid: number) => void][] = [
      ['exception', pid => sabotage.order({ die: 'exception' }, [pid])],
      ['out of memory', pid => sabotage.order({ die: 'memory' }, [pid])],
      ['segfault', pid => killPid(pid, 'SIGSEGV')],
      ['abort', pid => killPid(pid, 'SIGABRT')],
      ['stopped for good', pid => killPid(pid, 'SIGSTOP')],
    ]
    let restarts = 0
    for (const [name, kill] of deaths) {
      await traffic.progress(10, 20_000)
      const [, victim] = node.shardPids()
      const before = traffic.counts.batches
      kill(victim!)
      await restarted(node, ++restarts)
      sabotage.order({})
      await traffic.progress(10, 20_000)
      t.ok(traffic.counts.batches > before, `${name}: batches go on`)
    }
    await traffic.rest()
    t.same(await traffic.differences(), [])
    t.match(node.stderr, /sabotage/, 'the exception is in the log')
    t.match(node.stderr, /a shard is silent: killed/)
    t.equal(await metric(node, 'lethe_shard_restarts_total'), deaths.length)
    await traffic.end()
    t.equal(await node.stop(), 0)
  },
)

t.test('with 64 file descriptors a node says what it needs; with a few more it serves within them', async t => {
  const folder = t.testdir({})
  const refused = launchNode({ data: `${folder}/data`, descriptors: 64 })
  t.equal(await refused.exited, 1)
  t.match(refused.stderr, /may open 64 files; a node needs 192 at least/)
  t.notOk(fs.existsSync(`${folder}/data`))

  // More customers than files may be open, in and out of memory all the time.
  const args = ['--config', configFile(folder, { checkpointMs: 200, idleMs: 300 })]
  let node = await startNode({ data: `${folder}/data`, shards: 1, args, descriptors: 192 })
  t.match(node.stderr, /"level":"warn".*as ulimit -n allows/)
  const traffic = new Traffic(() => node, await createCustomers(node, 40), seededRandom(9))
  traffic.start(1)
  await traffic.progress(400, 60_000)
  // Nobody uses these connections; beyond its bound the shard closes them.
  const port = Number(new URL(node.url).port)
  const idle = Array.from({ length: 400 }, () => net.connect(port, '127.0.0.1').on('error', () => {}))
  await traffic.progress(50, 20_000)
  const [shard] = node.shardPids()
  t.ok(fs.readdirSync(`/proc/${shard}/fd`).length < 192)
  for (const socket of idle) socket.destroy()
  const before = traffic.counts.batches
  await traffic.progress(400, 60_000)
  t.ok(traffic.counts.batches >= before + 400, 'batches go on')
  await traffic.rest()
  t.same(await traffic.differences(), [])
  t.equal(await metric(node, 'lethe_shard_restarts_total'), 0)
  await node.kill()
  node = await startNode({ data: `${folder}/data`, shards: 1, args, descriptors: 192 })
  t.same(await traffic.differences(), [])
  await traffic.end()
  t.equal(await node.stop(), 0)
})

t.test('a shard, then the supervisor, stopped for a second: nobody is killed, nothing is lost', async t => {
  const folder = t.testdir({})
  const sabotage = new Sabotage(folder)
  const config = configFile(folder, { shardSilenceMs: 8_000 })
  const node = await sabotage.start({ data: `${folder}/data`, shards: 2, args: ['--config', config] })
  const traffic = new Traffic(() => node, await createCustomers(node, 4), seededRandom(8))
  traffic.start(1)
  await traffic.progress(10, 20_000)
  for (const pid of [node.shardPids()[0]!, node.child.pid!]) {
    killPid(pid, 'SIGSTOP')
    await sleep(1_000)
    killPid(pid, 'SIGCONT')
    await traffic.progress(10, 20_000)
  }
  await traffic.rest()
  t.same(await traffic.differences(), [])
  t.equal(await metric(node, 'lethe_shard_restarts_total'), 0)
  await traffic.end()
  t.equal(await node.stop(), 0)
})
