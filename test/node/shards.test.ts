// Shards are processes: each customer is whole wherever its requests land, and one process's death is nobody else's.
import path from 'node:path'
import t from 'tap'
import { eventually, killPid, startNode, type TestNode } from './harness.js'

interface Customer {
  readonly id: string
  readonly ingestKey: string
  readonly queryKey: string
}

async function createCustomers(node: TestNode, token: string, count: number): Promise<Customer[]> {
  const customers: Customer[] = []
  for (let i = 0; i < count; i++) {
    const made = await node.admin(token, 'POST', '/v1/customers', { id: `customer-${i}` })
    customers.push(made.body as unknown as Customer)
  }
  return customers
}

t.test('customers of all shards are served, restarted with other numbers of shards', async t => {
  const data = t.testdir({})
  let node = await startNode({ data, shards: 2 })
  const token = node.secret('lat')
  const customers = await createCustomers(node, token, 10)
  let sent = 0
  for (const shards of [3, 1, 2]) {
    sent++
    for (const { ingestKey } of customers) {
      // Each request on a connection of its own, so that they land on all shards.
      const answer = await node.request('/v1/events', ingestKey, {
        method: 'POST',
        headers: { Connection: 'close' },
        body: '{"type":"event","name":"x","user":"u"}',
      })
      t.equal(answer.status, 202)
    }
    if (shards === 1) await node.kill()
    else t.equal(await node.stop(), 0)
    node = await startNode({ data, shards })
    for (const { queryKey } of customers) t.equal(await node.value(queryKey, '(count "event" "x")'), sent)
  }
  t.equal(await node.stop(), 0)
})

t.test('a large body and a batch reach an owner in another process', async t => {
  const node = await startNode({ data: t.testdir({}), shards: 2 })
  const token = node.secret('lat')
  const events = Array.from({ length: 5_000 }, (_, i) => ({
    type: 'event',
    name: 'x',
    user: `user-${i}`,
    note: 'y'.repeat(100),
  }))
  for (const { ingestKey, queryKey } of await createCustomers(node, token, 4)) {
    const answer = await node.send(ingestKey, events)
    t.equal(answer.body['accepted'], 5_000)
    t.equal(await node.value(queryKey, '(count "event" "x")'), 5_000)
  }
  t.equal(await node.stop(), 0)
})

t.test('a killed shard comes back while the other serves; nothing acknowledged is missing', async t => {
  const node = await startNode({ data: t.testdir({}), shards: 2 })
  const token = node.secret('lat')
  const customers = await createCustomers(node, token, 8)
  const acknowledged = new Map(customers.map(({ id }) => [id, 0]))
  let going = true
  const client = async ({ id, ingestKey }: Customer) => {
    for (let i = 0; going; i++) {
      // Ids make a retry after an unknown outcome harmless.
      const event = { type: 'event', name: 'x', id: `${id}-${i}` }
      await eventually(async () => {
        const answer = await node.send(ingestKey, event)
        return answer.status === 202 ? true : undefined
      })
      acknowledged.set(id, i + 1)
    }
  }
  const clients = customers.map(client)
  for (let round = 0; round < 3; round++) {
    const before = node.shardPids()
    const total = () => [...acknowledged.values()].reduce((sum, count) => sum + count, 0)
    const start = total()
    await eventually(async () => (total() > start + 50 ? true : undefined))
    killPid(before[round % 2]!)
    await eventually(async () => {
      const now = node.shardPids()
      return now.length === 2 && !now.includes(before[round % 2]!) ? true : undefined
    })
    await eventually(async () => ((await node.request('/readyz', '')).status === 200 ? true : undefined))
  }
  going = false
  await Promise.all(clients)
  for (const { id, queryKey } of customers) {
    t.equal(await node.value(queryKey, '(count "event" "x")'), acknowledged.get(id))
  }
  const metrics = await node.request('/metrics', '')
  t.match(metrics.text, /lethe_shard_restarts_total 3/)
  t.equal(await node.stop(), 0)
})

t.test('a shard that is stopped is killed and replaced', async t => {
  const folder = t.testdir({ 'lethe.toml': '[limits]\nshardSilenceMs = 2500\n' })
  const node = await startNode({
    data: path.join(folder, 'data'),
    shards: 2,
    args: ['--config', path.join(folder, 'lethe.toml')],
  })
  const before = node.shardPids()
  killPid(before[1]!, 'SIGSTOP')
  await eventually(async () => {
    const now = node.shardPids()
    return now.length === 2 && !now.includes(before[1]!) ? true : undefined
  })
  await eventually(async () => ((await node.request('/readyz', '')).status === 200 ? true : undefined))
  t.match(node.stderr, /a shard is silent: killed/)
  t.equal(await node.stop(), 0)
})

t.test('a change is in force on every shard when it is answered', async t => {
  const node = await startNode({ data: t.testdir({}), shards: 2 })
  const token = node.secret('lat')
  const [customer] = await createCustomers(node, token, 1)
  const { id, ingestKey, queryKey } = customer!
  const everywhere = async (key: string, status: number) => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, () =>
        node.request('/v1/events', key, {
          method: 'POST',
          headers: { Connection: 'close' },
          body: '{"type":"event","name":"x"}',
        }),
      ),
    )
    t.ok(
      answers.every(answer => answer.status === status),
      `${status}: ${answers.map(answer => answer.status)}`,
    )
  }
  await everywhere(ingestKey, 202)
  for (let round = 0; round < 3; round++) {
    t.equal((await node.admin(token, 'POST', `/v1/customers/${id}/block`)).status, 200)
    await everywhere(ingestKey, 403)
    t.equal((await node.admin(token, 'POST', `/v1/customers/${id}/unblock`)).status, 200)
    await everywhere(ingestKey, 202)
  }
  const added = await node.admin(token, 'POST', `/v1/customers/${id}/keys`, { kind: 'ingest' })
  await everywhere(String(added.body['key']), 202)
  const removed = await node.admin(token, 'DELETE', `/v1/customers/${id}/keys/${ingestKey.slice(0, 12)}`)
  t.equal(removed.status, 200)
  await everywhere(ingestKey, 401)
  await everywhere(String(added.body['key']), 202)
  t.equal((await node.admin(token, 'DELETE', `/v1/customers/${id}`)).status, 200)
  await everywhere(String(added.body['key']), 401)
  t.equal((await node.request('/v1/query', queryKey, { method: 'POST', body: '1' })).status, 401)
  t.equal((await node.admin(token, 'GET', `/v1/customers/${id}`)).status, 404)
  const reborn = await node.admin(token, 'POST', '/v1/customers', { id })
  t.equal(reborn.status, 201)
  t.equal(await node.value(String(reborn.body['queryKey']), '(total "events")'), 0)
  await everywhere(String(reborn.body['ingestKey']), 202)
  t.equal((await node.admin(token, 'POST', '/v1/customers', { id })).status, 409)
  t.equal(await node.stop(), 0)
})

t.test('a key is removed by any beginning that only it has, or by all of it', async t => {
  const node = await startNode({ data: t.testdir({}), shards: 1 })
  const token = node.secret('lat')
  const [customer] = await createCustomers(node, token, 1)
  const { id, ingestKey, queryKey } = customer!
  const remove = (beginning: string) => node.admin(token, 'DELETE', `/v1/customers/${id}/keys/${beginning}`)
  const add = async (kind: string) =>
    String((await node.admin(token, 'POST', `/v1/customers/${id}/keys`, { kind })).body['key'])
  const ask = async (key: string) => (await node.request('/v1/query', key, { method: 'POST', body: '1' })).status
  for (const vague of ['l', 'lik_', 'lqk_', 'lik_~~~~', `${ingestKey}x`])
    t.equal((await remove(vague)).status, 404, vague)
  t.equal((await node.send(ingestKey, [{ type: 'event', name: 'x' }])).status, 202, 'none of these removed it')
  for (const length of [8, 12, 20, 36]) {
    const [ingest, query] = [await add('ingest'), await add('query')]
    t.equal(await ask(query), 200)
    t.equal((await remove(ingest.slice(0, length))).status, 200, `${length} characters of an ingest key`)
    t.equal((await remove(query.slice(0, length))).status, 200, `${length} characters of a query key`)
    t.equal((await node.send(ingest, [{ type: 'event', name: 'x' }])).status, 401)
    t.equal(await ask(query), 401)
  }
  t.equal(await ask(queryKey), 200, 'the others live on')
  t.equal(await node.stop(), 0)
})

t.test('a quota per second and per day is kept at the owner, wherever requests land', async t => {
  const node = await startNode({ data: t.testdir({}), shards: 2 })
  const token = node.secret('lat')
  const [customer] = await createCustomers(node, token, 1)
  const { id, ingestKey } = customer!
  t.equal((await node.admin(token, 'PATCH', `/v1/customers/${id}`, { quota: { eventsPerDay: 10 } })).status, 200)
  const answers = await Promise.all(
    Array.from({ length: 30 }, () =>
      node.request('/v1/events', ingestKey, {
        method: 'POST',
        headers: { Connection: 'close' },
        body: '{"type":"event","name":"x"}',
      }),
    ),
  )
  t.equal(answers.filter(answer => answer.status === 202).length, 10)
  t.equal(answers.filter(answer => answer.status === 429).length, 20)
  t.equal(await node.stop(), 0)
})
