// A node from start to end: first start, restart, kill -9, drain, and who may not start beside it.
import path from 'node:path'
import t from 'tap'
import { eventually, isRunning, killPid, lethe, startNode } from './harness.js'

/** Runs a curl line as printed, without curl: its URL, header and body. */
async function runCurlLine(line: string): Promise<string> {
  const match = /^\s*curl (\S+) -H '([^:]+): ([^']+)' -d '(.*)'$/.exec(line)
  if (!match) throw new Error(`not as expected: ${line}`)
  const [, url, header, value, body] = match as unknown as [string, string, string, string, string]
  const headers = { [header]: value, 'Content-Type': 'application/x-www-form-urlencoded' }
  return await (await fetch(url, { method: 'POST', headers, body })).text()
}

t.test(
  'the first start prints secrets and two lines that work; the second prints none, and the numbers are there',
  async t => {
    const data = path.join(t.testdir({}), 'data')
    const node = await startNode({ data })
    const lines = node.stdout.split('\n').filter(line => line.startsWith('  curl '))
    t.equal(lines.length, 2)
    t.equal(await runCurlLine(lines[0]!), '{"status":"ok","accepted":1,"duplicates":0}')
    t.match(JSON.parse(await runCurlLine(lines[1]!)), { status: 'ok', value: 1 })
    const key = node.secret('lqk')
    t.ok(node.stdout.indexOf('lat_') < node.stdout.indexOf('is ready'))
    t.equal(await node.stop(), 0)
    const again = await startNode({ data })
    t.notMatch(again.stdout, /l(at|ik|qk)_/)
    t.equal(await again.value(key, '(count "event" "hello")'), 1)
    t.equal((await again.request('/readyz', '')).status, 200)
    t.equal(await again.stop(), 0)
    t.notMatch(again.stderr, new RegExp(key), 'no secret in the log')
  },
)

t.test('what was acknowledged is there after kill -9', async t => {
  const data = t.testdir({})
  let node = await startNode({ data })
  const ingest = node.secret('lik')
  const query = node.secret('lqk')
  for (let round = 1; round <= 3; round++) {
    for (let i = 0; i < 5; i++) {
      const answer = await node.send(ingest, { type: 'event', name: 'x', id: `${round}-${i}` })
      t.equal(answer.status, 202)
    }
    await node.kill()
    node = await startNode({ data })
    t.equal(await node.value(query, '(count "event" "x")'), round * 5)
    const again = await node.send(ingest, { type: 'event', name: 'x', id: `${round}-0` })
    t.equal(again.body['duplicates'], 1)
  }
  t.equal(await node.stop(), 0)
})

t.test('a supervisor killed alone takes its shards with it, and the next start waits for them', async t => {
  const data = t.testdir({})
  const node = await startNode({ data, shards: 2 })
  const ingest = node.secret('lik')
  const query = node.secret('lqk')
  t.equal((await node.send(ingest, { type: 'event', name: 'x' })).status, 202)
  const shards = node.shardPids()
  t.equal(shards.length, 2)
  node.child.kill('SIGKILL')
  await node.exited
  const again = await startNode({ data, shards: 2 })
  t.notOk(shards.some(isRunning), 'the old shards are gone')
  t.equal(await again.value(query, '(count "event" "x")'), 1)
  t.equal(await again.stop(), 0)
})

t.test('a second node on the same data refuses and says who has it', async t => {
  const data = t.testdir({})
  const node = await startNode({ data })
  const second = await lethe(['serve', '--data', data, '--port', '0', '--shards', '1'])
  t.equal(second.code, 1)
  t.match(second.stderr, new RegExp(`is in use by a Lethe node .*process ${node.child.pid}`))
  t.equal((await node.request('/healthz', '')).status, 200)
  t.equal(await node.stop(), 0)
})

t.test('a second node on the same port refuses and says who has it', async t => {
  const folder = t.testdir({})
  const node = await startNode({ data: path.join(folder, 'a') })
  const port = new URL(node.url).port
  const second = await lethe(['serve', '--data', path.join(folder, 'b'), '--port', port, '--shards', '1'])
  t.equal(second.code, 1)
  t.match(second.stderr, /is taken by a Lethe node/)
  t.equal(await node.stop(), 0)
})

t.test('SIGTERM under load answers what it took; nothing acknowledged is missing', async t => {
  const data = t.testdir({})
  const node = await startNode({ data, shards: 2 })
  const ingest = node.secret('lik')
  const query = node.secret('lqk')
  let acknowledged = 0
  let going = true
  const client = async () => {
    while (going) {
      const answer = await node.send(ingest, [{ type: 'event', name: 'x' }]).catch(() => undefined)
      if (answer?.status === 202) acknowledged++
      else if (answer === undefined) return
    }
  }
  const clients = Array.from({ length: 16 }, client)
  await eventually(async () => (acknowledged > 300 ? true : undefined))
  t.equal(await node.stop(), 0)
  going = false
  await Promise.all(clients)
  const again = await startNode({ data, shards: 1 })
  t.ok(((await again.value(query, '(count "event" "x")')) as number) >= acknowledged)
  t.equal(await again.stop(), 0)
})

t.test('SIGINT to the whole group, as a terminal sends it, drains too', async t => {
  const node = await startNode({ data: t.testdir({}), shards: 2 })
  for (const pid of node.shardPids()) killPid(pid, 'SIGINT')
  node.child.kill('SIGINT')
  t.equal(await node.exited, 0)
})

t.test('signals that come at once, as npm and a terminal send them, are one', async t => {
  const node = await startNode({ data: t.testdir({}), shards: 1 })
  const again = setInterval(() => node.child.kill('SIGTERM'), 1)
  node.child.kill('SIGTERM')
  t.equal(await node.exited, 0)
  clearInterval(again)
})
