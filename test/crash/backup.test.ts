// R19: a backup of a node that is busy is a data folder as a crash would have left it.
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { seededRandom } from '../../src/core/random.js'
import { eventually, killPid, lethe, startNode } from '../node/harness.js'
import { configFile, metric } from './sabotage.js'
import { createCustomers, Traffic } from './traffic.js'

t.setTimeout(240_000)

t.test('a backup under traffic, restored with other shards, has all that was acknowledged before it began', async t => {
  const folder = t.testdir({})
  const limits = { checkpointMs: 200, idleMs: 400, segmentBytes: 262_144, maxFrameBytes: 131_072 }
  const options = { args: ['--config', configFile(folder, limits)] }
  const node = await startNode({ data: `${folder}/data`, shards: 2, ...options })
  const token = node.secret('lat')
  const customers = await createCustomers(node, 6)
  const traffic = new Traffic(() => node, customers, seededRandom(5))
  traffic.start(1)
  for (let round = 0; round < 3; round++) {
    await traffic.progress(60, 30_000)
    const before = traffic.acknowledged()
    const made = await lethe(['backup', `${folder}/backup-${round}`, '--url', node.url, '--token', token])
    t.equal(made.code, 0, made.stderr)
    const going = traffic.counts.batches
    await traffic.progress(10, 30_000)
    t.ok(traffic.counts.batches > going, 'the node goes on')
    const restored = await lethe(['restore', `${folder}/backup-${round}`, '--data', `${folder}/new-${round}`])
    t.equal(restored.code, 0, restored.stderr)
    const again = await startNode({ data: `${folder}/new-${round}`, shards: 1 + round, ...options })
    for (const { id, queryKey } of customers) {
      const [applied, received, duplicate] = (await again.value(
        queryKey,
        '(map (lambda (name) (cdr (assq name (ledger (last 7))))) (list (quote applied) (quote received) (quote duplicate)))',
      )) as [number, number, number]
      t.ok(applied >= before.get(id)!, `${id}: ${applied} of ${before.get(id)} and more`)
      t.equal(received, applied + duplicate)
    }
    // Whoever sends everything once more finds that each event counts once: the id windows were in the backup.
    await traffic.rest()
    await traffic.sendAllAgain(again)
    t.same(await traffic.differences(again), [])
    traffic.goOn()
    t.equal(await again.stop(), 0)
  }
  await traffic.rest()
  t.same(await traffic.differences(), [])
  await traffic.end()
  t.equal(await node.stop(), 0)
})

t.test('what is no backup, or a damaged one, is refused; so is a folder that is in use', async t => {
  const folder = t.testdir({ full: { file: '' } })
  const node = await startNode({ data: `${folder}/data`, shards: 1 })
  fs.symlinkSync(`${folder}/data`, `${folder}/link`)
  const token = node.secret('lat')
  t.equal((await node.send(node.secret('lik'), { type: 'event', name: 'x' })).status, 202)
  const ask = (key: string, to: string) => node.admin(key, 'POST', '/v1/backup', { folder: to })
  t.equal((await ask(node.secret('lik'), `${folder}/b`)).status, 403)
  t.equal((await ask('lat_00000000000000000000', `${folder}/b`)).status, 401)
  t.equal((await ask(token, `${folder}/full`)).status, 409)
  t.equal((await ask(token, `${folder}/data/b`)).status, 400)
  t.equal((await ask(token, `${folder}/link/b`)).status, 400, 'by a link into the data folder')
  t.equal((await ask(token, 'relative')).status, 400)
  const both = await Promise.all([ask(token, `${folder}/b1`), ask(token, `${folder}/b2`)])
  t.same(both.map(({ status }) => status).sort(), [200, 409])
  const good = fs.existsSync(`${folder}/b1/manifest.json`) ? `${folder}/b1` : `${folder}/b2`
  t.match((await lethe(['restore', `${folder}/full`, '--data', `${folder}/x`])).stderr, /no complete backup/)
  t.match((await lethe(['restore', good, '--data', `${folder}/data`])).stderr, /is not empty/)
  const segment = (fs.readdirSync(good, { recursive: true }) as string[]).find(name => name.endsWith('.segment'))!
  const bytes = fs.readFileSync(path.join(good, segment))
  bytes[4_200]! ^= 1
  fs.writeFileSync(path.join(good, segment), bytes)
  const refused = await lethe(['restore', good, '--data', `${folder}/y`])
  t.equal(refused.code, 1)
  t.match(refused.stderr, segment)
  t.same(fs.readdirSync(`${folder}/y`), [], 'a node would begin anew on what had been copied')
  bytes[4_200]! ^= 1
  fs.writeFileSync(path.join(good, segment), bytes)
  t.equal((await lethe(['restore', good, '--data', `${folder}/y`])).code, 0, 'so the next try finds it empty')
  t.equal(await node.stop(), 0)
  const serve = () => lethe(['serve', '--data', `${folder}/y`, '--port', '0', '--shards', '1'])
  fs.writeFileSync(`${folder}/y/restore.unfinished`, '')
  t.match((await serve()).stderr, /a restore into .* was cut short/)
  fs.rmSync(`${folder}/y/restore.unfinished`)
  fs.rmSync(`${folder}/y/control`, { recursive: true })
  const headless = await serve()
  t.match(headless.stderr, /has customers or journals, but not who they belong to/)
  t.equal(headless.stdout, '', 'no new secrets')
})

t.test('a shard that dies during a backup ends the backup, and nothing else', async t => {
  const folder = t.testdir({})
  const node = await startNode({ data: `${folder}/data`, shards: 2 })
  const token = node.secret('lat')
  const customers = await createCustomers(node, 4)
  const traffic = new Traffic(() => node, customers, seededRandom(6))
  traffic.start(1)
  await traffic.progress(20, 30_000)
  const [, victim] = node.shardPids()
  killPid(victim!, 'SIGSTOP')
  // The kernel chooses the shard that each connection goes to; one of so many asks the shard that runs.
  const asked = Array.from({ length: 16 }, () =>
    node.admin(token, 'POST', '/v1/backup', { folder: `${folder}/backup` }),
  )
  const answers = Promise.allSettled(asked)
  await eventually(async () => (fs.existsSync(`${folder}/backup`) ? true : undefined))
  killPid(victim!)
  const codes = (await answers).map(answer => (answer.status === 'fulfilled' ? answer.value.body['code'] : 'no answer'))
  t.equal(codes.filter(code => code === 'backup-failed').length, 1, `${codes}`)
  t.ok(
    codes.every(code => /^backup-failed|backup-running|no answer$/.test(String(code))),
    `${codes}`,
  )
  t.notOk(fs.existsSync(`${folder}/backup/manifest.json`))
  await eventually(async () => ((await metric(node, 'lethe_shard_restarts_total')) === 1 ? true : undefined))
  await eventually(async () => ((await node.request('/readyz', '')).status === 200 ? true : undefined))
  t.equal((await lethe(['backup', `${folder}/backup-2`, '--url', node.url, '--token', token])).code, 0)
  await traffic.rest()
  t.same(await traffic.differences(), [])
  await traffic.end()
  t.equal(await node.stop(), 0)
})
