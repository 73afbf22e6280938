// What strangers send, what is kept of secrets, and whom a node runs as. Bounds and slow clients: test/http. Mutated
// requests: test/http/fuzz.test.ts.
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { LETHE, startNode, TestNode } from './harness.js'

t.setTimeout(120_000)

const NAME = '{"type":"event","name":'
const VALUE = '{"type":"metric","name":"m","kind":"count","value":'
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`

t.test('hostile JSON counts as what it says, or is refused with a reason; nothing else happens', async t => {
  const node = await startNode({ data: `${t.testdir({})}/data` })
  const [ingest, query] = [node.secret('lik'), node.secret('lqk')]
  const cases: [what: string, body: string | Buffer, status: number, counts: string | RegExp][] = [
    ['__proto__', `${NAME}"p1","__proto__":{"type":"crash","admin":true}}`, 202, 'p1'],
    ['a constructor', `${NAME}"p2","constructor":{"prototype":{"name":"x"}}}`, 202, 'p2'],
    ['__proto__ as a tag', `${NAME}"p3","tags":{"__proto__":"x","toString":"y"}}`, 202, 'p3'],
    ['a key twice: the last one, as JSON.parse', `${NAME}"first","name":"d1"}`, 202, 'd1'],
    ['60 levels', `${NAME}"n1","x":${nested(60)}}`, 202, 'n1'],
    ['1e5 levels', `${NAME}"n2","x":${nested(100_000)}}`, 400, /nests too deep/],
    ['1e5 open brackets', '['.repeat(100_000), 400, /JSON/],
    ['a lone surrogate', `${NAME}"s1\\ud800"}`, 202, 's1�'],
    ['invalid UTF-8', Buffer.concat([Buffer.from(`${NAME}"u1`), Buffer.from([0xff]), Buffer.from('"}')]), 202, 'u1�'],
    [
      'an overlong NUL',
      Buffer.concat([Buffer.from(`${NAME}"u2`), Buffer.from([0xc0, 0x80]), Buffer.from('"}')]),
      202,
      'u2��',
    ],
    ['1e309', `${VALUE}1e309}`, 202, /finite number/],
    ['400 digits', `${VALUE}${'9'.repeat(400)}}`, 202, /finite number/],
    ['NaN', `${VALUE}NaN}`, 400, /JSON/],
    ['a name of 100,000 characters', `${NAME}"${'n'.repeat(100_000)}"}`, 202, 'n'.repeat(200)],
  ]
  for (const [what, body, status, counts] of cases) {
    const answer = await node.request('/v1/events', ingest, { method: 'POST', body })
    t.equal(answer.status, status, what)
    if (typeof counts !== 'string') t.match(answer.text, counts, what)
    else t.equal(await node.value(query, `(count "event" ${JSON.stringify(counts)})`), 1, what)
  }
  t.equal(
    await node.value(query, '(length (keys "event"))'),
    cases.filter(([, , , counts]) => typeof counts === 'string').length,
  )
  t.equal(await node.value(query, '(count "events" "crash")'), 0)
  t.equal(await node.stop(), 0)
})

t.test('secrets are kept as digests, and stand in no log, no metric and no file that others may read', async t => {
  const data = `${t.testdir({})}/data`
  const node = await startNode({ data, args: ['--json-log'] })
  const [token, ingest, query] = [node.secret('lat'), node.secret('lik'), node.secret('lqk')]
  const wrong = 'lat_wrongwrongwrongwrong'
  t.equal((await node.send(ingest, { type: 'event', name: 'x' })).status, 202)
  const ask = async (path: string, init: RequestInit = {}) => (await fetch(`${node.url}${path}`, init)).status
  t.equal(await ask(`/v1/events?key=${ingest}`, { method: 'POST', body: '{' }), 400)
  t.equal(await ask(`/v1/query?key=${query}&q=(car`), 400)
  t.equal(await ask(`/v1/customers?key=${wrong}`), 401)
  t.equal(await ask(`/nowhere?key=${token}`), 404)
  const made = await node.admin(token, 'POST', '/v1/customers', { id: 'other' })
  const secrets = [token, query, wrong, String(made.body['queryKey'])]
  const metrics = (await node.request('/metrics', '')).text
  t.equal(await node.stop(), 0)
  const files = (fs.readdirSync(data, { recursive: true }) as string[]).map(name => path.join(data, name))
  for (const secret of secrets) {
    t.notOk(node.stderr.includes(secret), 'in no log')
    t.notOk(metrics.includes(secret))
    for (const file of files) if (fs.statSync(file).isFile()) t.notOk(fs.readFileSync(file).includes(secret), file)
  }
  t.notOk(node.stderr.includes(ingest), 'nor an ingest key, which is public')
  t.ok(
    files.some(file => fs.statSync(file).isFile() && fs.readFileSync(file).includes(ingest)),
    'the files were read',
  )
  t.equal(fs.statSync(data).mode & 0o077, 0, 'nobody else gets into the folder')
})

// Nothing that a node does needs rights: no port below 1024, no raised limits.
t.test('a node runs as an ordinary user', { skip: process.getuid?.() !== 0 && 'this user is one' }, async t => {
  const nobody = 65_534
  const folder = fs.mkdtempSync('/tmp/lethe-nobody-')
  t.teardown(() => fs.rmSync(folder, { recursive: true }))
  fs.chownSync(folder, nobody, nobody)
  if (spawnSync(process.execPath, [LETHE, '--version'], { uid: nobody, gid: nobody }).status !== 0) {
    return t.comment('the checkout is not readable for others: nothing to see here')
  }
  // Not even what tap adds to every child's environment: it would have this user write into a folder that is not its own.
  const environment = ['-i', `PATH=${process.env['PATH']}`, `HOME=${folder}`]
  const serve = [process.execPath, LETHE, 'serve', '--data', `${folder}/data`, '--port', '0', '--shards', '2']
  const child = spawn('env', [...environment, ...serve], {
    uid: nobody,
    gid: nobody,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const node = await new TestNode(child, `${folder}/data`).ready()
  t.equal((await node.send(node.secret('lik'), { type: 'event', name: 'x' })).status, 202)
  t.equal(await node.value(node.secret('lqk'), '(count "event" "x")'), 1)
  for (const pid of [child.pid, ...node.shardPids()]) {
    t.match(fs.readFileSync(`/proc/${pid}/status`, 'utf8'), new RegExp(`^Uid:\\t${nobody}\\t`, 'm'))
  }
  t.equal(await node.stop(), 0)
})
