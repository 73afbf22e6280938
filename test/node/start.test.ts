// Starts that go wrong, are cut short, or happen in odd places.
import path from 'node:path'
import t from 'tap'
import { launchNode, lethe, startNode } from './harness.js'

t.test('a wrong setting ends the start with one readable line a fault, and leaves no process', async t => {
  const wrong = await lethe(['serve', '--port', 'seven', '--retention', '0', '--data', t.testdir({})])
  t.equal(wrong.code, 1)
  t.match(wrong.stderr, /lethe: --port must be a whole number/)
  t.match(wrong.stderr, /lethe: --retention must be 1 or more/)
})

t.test('a data folder that cannot be used is refused', async t => {
  const folder = t.testdir({ file: 'x' })
  const wrong = await lethe(['serve', '--data', path.join(folder, 'file'), '--port', '0'])
  t.equal(wrong.code, 1)
  t.match(wrong.stderr, /cannot use .* as the data folder/)
})

t.test('LETHE_ADMIN_TOKEN is in force and not printed', async t => {
  const token = 'lat_from_the_environment_1'
  const data = t.testdir({})
  const node = await startNode({ data, env: { LETHE_ADMIN_TOKEN: token } })
  t.notMatch(node.stdout, token)
  t.equal((await node.admin(token, 'GET', '/v1/customers')).status, 200)
  t.equal(await node.stop(), 0)
  const other = await startNode({ data, env: { LETHE_ADMIN_TOKEN: 'lat_another_one_9876543' } })
  t.equal((await other.admin(token, 'GET', '/v1/customers')).status, 401)
  t.equal(await other.stop(), 0)
})

t.test('a node that is killed while it starts leaves nothing that stops the next', async t => {
  const data = t.testdir({})
  for (const afterMs of [30, 90, 150, 250]) {
    const node = launchNode({ data })
    await new Promise(resolve => setTimeout(resolve, afterMs))
    await node.kill()
  }
  const node = await startNode({ data })
  t.equal((await node.request('/readyz', '')).status, 200)
  t.equal(await node.stop(), 0)
})

t.test('the data folder may lie so deep that sockets do not fit into it', async t => {
  const data = path.join(t.testdir({}), 'x'.repeat(100))
  const node = await startNode({ data, shards: 2 })
  const token = node.secret('lat')
  // Over a few customers, some belong to each shard.
  for (let i = 0; i < 6; i++) {
    const made = await node.admin(token, 'POST', '/v1/customers', { id: `c${i}` })
    t.equal((await node.send(String(made.body['ingestKey']), { type: 'event', name: 'x' })).status, 202)
  }
  t.equal(await node.stop(), 0)
})

t.test('a shard that cannot begin ends the node with its reason, and leaves no process', async t => {
  const data = t.testdir({ journal: 'a file where a folder should be' })
  const node = launchNode({ data, shards: 2 })
  t.equal(await node.exited, 1)
  t.match(node.stderr, /lethe: .*journal/)
  t.notMatch(node.stdout, /is ready/)
})
