// Everything but ingest: queries, programs, customers, health, metrics, CORS, what is not there.
import { on } from 'node:events'
import net from 'node:net'
import t from 'tap'
import { LetheError } from '../../src/core/errors.js'
import { formatWanted } from '../../src/http/query.js'
import { ADMIN_TOKEN, INGEST_KEY, QUERY_KEY, startServer } from './fixture.js'
import { rawRequest } from './raw-socket.js'

const fixture = await startServer({ maxQuerySourceBytes: 10_000, maxFailedKeysPerMinute: 5 })
const { url, shard, node } = fixture
t.teardown(() => fixture.server.close())
t.beforeEach(() => {
  shard.queries.length = 0
  shard.controls.length = 0
  node.asked.length = 0
  shard.answerQuery = reply => setImmediate(() => reply.answered('application/json', '{"status":"ok"}'))
})

const ask = (path: string, key: string, init: RequestInit = {}) =>
  fetch(`${url}${path}`, { ...init, headers: { Authorization: `Bearer ${key}`, ...(init.headers as object) } })
const codeOf = async (answer: Response) => ((await answer.json()) as { code: string }).code

t.test('a query comes as text, as JSON with params, or in the URL', async t => {
  await ask('/v1/query', QUERY_KEY, { method: 'POST', body: '(+ 1 2)' })
  await ask('/v1/query/', QUERY_KEY, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json; charset=utf-8' },
    body: '{"query":"(f app)","params":{"app":"1.2.3","n":7}}',
  })
  await ask(`/v1/query?q=${encodeURIComponent('(f "é")')}&p.app=1`, QUERY_KEY, { headers: { Accept: 'text/csv' } })
  // As curl -d sends it, without a type of its own; and a brace that is no JSON.
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' }
  await ask('/v1/query', QUERY_KEY, { method: 'POST', headers: form, body: '{"query":"(f n)","params":{"n":1}}' })
  await ask('/v1/query', QUERY_KEY, { method: 'POST', headers: form, body: '{f 1}' })
  t.same(shard.queries, [
    { source: '(+ 1 2)', params: {}, format: 'json' },
    { source: '(f app)', params: { app: '1.2.3', n: 7 }, format: 'json' },
    { source: '(f "é")', params: { app: '1' }, format: 'csv' },
    { source: '(f n)', params: { n: 1 }, format: 'json' },
    { source: '{f 1}', params: {}, format: 'json' },
  ])
})

t.test('Accept chooses JSON, text or CSV by quality', async t => {
  t.equal(formatWanted(''), 'json')
  t.equal(formatWanted('*/*'), 'json')
  t.equal(formatWanted('text/plain'), 'text')
  t.equal(formatWanted('text/csv, application/json;q=0.5'), 'csv')
  t.equal(formatWanted('text/csv;q=0'), 'json', 'q=0: not this one')
  t.equal(formatWanted('text/csv;q=0, text/plain;q=0.1'), 'text')
  t.equal(formatWanted('text/csv;q=0.1, application/json'), 'json')
  t.equal(formatWanted('image/png'), 'json')
})

t.test("a query's answer has the type that the shard gave it", async t => {
  shard.answerQuery = reply => reply.answered('text/csv; charset=utf-8', Buffer.from('a,1\n'))
  const answer = await ask('/v1/query', QUERY_KEY, { method: 'POST', body: '1' })
  t.equal(answer.headers.get('content-type'), 'text/csv; charset=utf-8')
  t.equal(await answer.text(), 'a,1\n')
})

t.test('an error in a query says where', async t => {
  shard.answerQuery = reply =>
    reply.refused(new LetheError('unbound-variable', 'foo is not bound', 400, { line: 2, column: 5 }))
  const answer = await ask('/v1/query', QUERY_KEY, { method: 'POST', body: '1' })
  t.equal(answer.status, 400)
  t.same(await answer.json(), {
    status: 'error',
    code: 'unbound-variable',
    message: 'foo is not bound',
    line: 2,
    column: 5,
  })
})

t.test('refused queries: keys, size, nothing asked, broken JSON', async t => {
  const cases: [number, string, string, RequestInit][] = [
    [401, 'missing-key', '', { method: 'POST', body: '1' }],
    [403, 'wrong-key', INGEST_KEY, { method: 'POST', body: '1' }],
    [413, 'body-too-large', QUERY_KEY, { method: 'POST', body: 'x'.repeat(20_000) }],
    [400, 'bad-request', QUERY_KEY, { method: 'POST', body: ' ' }],
    [400, 'bad-request', QUERY_KEY, {}],
    [400, 'invalid-json', QUERY_KEY, { method: 'POST', body: '{', headers: { 'Content-Type': 'application/json' } }],
    [400, 'bad-request', QUERY_KEY, { method: 'POST', body: '[]', headers: { 'Content-Type': 'application/json' } }],
    [400, 'bad-request', QUERY_KEY, { method: 'POST', body: new Uint8Array([0xff, 0xfe]) }],
  ]
  for (const [status, code, key, init] of cases) {
    const answer = await ask('/v1/query', key, init)
    t.equal(answer.status, status, code)
    t.equal(await codeOf(answer), code)
  }
  t.equal(shard.queries.length, 0)
})

t.test('the admin token queries for the customer it names', async t => {
  t.equal((await ask('/v1/query?customer=demo', ADMIN_TOKEN, { method: 'POST', body: '1' })).status, 200)
  t.equal((await ask('/v1/query?customer=nobody', ADMIN_TOKEN, { method: 'POST', body: '1' })).status, 404)
  t.equal((await ask('/v1/query', ADMIN_TOKEN, { method: 'POST', body: '1' })).status, 400)
})

t.test('a client that goes away takes its query with it', async t => {
  shard.answerQuery = () => {}
  const before = shard.cancelled
  const gone = new AbortController()
  const answer = ask('/v1/query', QUERY_KEY, { method: 'POST', body: '1', signal: gone.signal })
  const settled = answer.then(
    () => 'answered',
    () => 'gone',
  )
  while (shard.queries.length === 0) await new Promise(setImmediate)
  gone.abort()
  t.equal(await settled, 'gone')
  while (shard.cancelled === before) await new Promise(setImmediate)
  t.equal(fixture.server.inFlight, 0)
})

t.test('a program is read, replaced and reset', async t => {
  const source = '(define (on-event e) #t)'
  t.match(await (await ask('/v1/program', QUERY_KEY)).json(), { status: 'ok', source, customer: 'demo' })
  const text = await ask('/v1/program', QUERY_KEY, { headers: { Accept: 'text/plain' } })
  t.equal(await text.text(), source)
  t.equal((await ask('/v1/program', QUERY_KEY, { method: 'PUT', body: source })).status, 200)
  const again = { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ source }) }
  t.equal((await ask('/v1/program', QUERY_KEY, again)).status, 200, 'what GET answers can be sent back')
  t.match(shard.controls.at(-1), { tag: 'program-put', source })
  const bad = await ask('/v1/program?customer=demo', ADMIN_TOKEN, { method: 'PUT', body: 'bad' })
  t.equal(bad.status, 400)
  t.match(await bad.json(), { code: 'syntax-error', line: 1, column: 2 })
  t.equal((await ask('/v1/program', QUERY_KEY, { method: 'DELETE' })).status, 200)
  t.same(
    shard.controls.map(request => request.tag),
    ['program-get', 'program-get', 'program-put', 'program-put', 'program-put', 'program-delete'],
  )
})

t.test('the admin API asks the supervisor for identity and the shard for state', async t => {
  const json = (method: string, path: string, body?: unknown) =>
    ask(path, ADMIN_TOKEN, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  t.equal((await json('GET', '/v1/customers')).status, 200)
  t.equal((await json('POST', '/v1/customers', { id: 'acme' })).status, 201)
  t.equal((await json('GET', '/v1/customers/demo')).status, 200)
  t.equal((await json('POST', '/v1/customers/demo/block')).status, 200)
  t.equal((await json('POST', '/v1/customers/demo/unblock')).status, 200)
  t.equal((await json('POST', '/v1/customers/demo/keys', { kind: 'query' })).status, 201)
  t.equal((await json('DELETE', '/v1/customers/demo/keys/lik_abc')).status, 200)
  t.equal((await json('PATCH', '/v1/customers/demo', { quota: { eventsPerSecond: 5 }, retention: 3 })).status, 200)
  t.equal((await json('DELETE', '/v1/customers/other')).status, 200)
  t.same(
    node.asked.map(request => (request as { tag: string }).tag),
    ['list', 'create', 'show', 'block', 'block', 'add-key', 'remove-key', 'quota', 'show', 'delete'],
  )
  t.same(
    shard.controls.map(request => request.tag),
    ['describe', 'settings', 'describe', 'forget'],
  )
  for (const body of [{ retention: 0 }, { retention: 1.5 }, { retention: 'x' }, {}, { retention: 3, colour: 'red' }]) {
    t.equal((await json('PATCH', '/v1/customers/demo', body)).status, 400, JSON.stringify(body))
  }
  t.equal((await json('GET', '/v1/quarantine?customer=demo')).status, 200)
  t.same(await (await json('GET', '/v1/quarantine')).json(), {
    status: 'ok',
    events: [{ customer: 'demo', n: 7, index: 2, why: 'Error: x', at: 3, event: { type: 'event' } }],
  })
  t.equal((await json('POST', '/v1/quarantine/demo/7/2/replay')).status, 200)
  t.equal((await json('POST', '/v1/quarantine/replay', { customer: 'demo', n: 7, index: 2 })).status, 200)
  t.same(shard.controls.at(-1), { tag: 'quarantine-replay', n: 7, index: 2 })
  t.equal((await json('POST', '/v1/customers/demo/paint')).status, 404)
})

t.test('the admin API is for the admin token alone, and wrong tokens are counted by address', async t => {
  t.equal((await ask('/v1/customers', QUERY_KEY)).status, 403)
  t.equal((await fetch(`${url}/v1/customers`)).status, 401)
  const statuses: number[] = []
  for (let i = 0; i < 7; i++) statuses.push((await ask('/v1/customers', `lat_${'z'.repeat(20)}${i}`)).status)
  t.same(statuses, [401, 401, 401, 401, 401, 429, 429])
  t.equal((await ask('/v1/customers', ADMIN_TOKEN)).status, 200, 'the right one passes all the same')
})

t.test('health, readiness and metrics need no key', async t => {
  t.match(await (await fetch(`${url}/healthz`)).json(), { status: 'ok', name: 'lethe', version: '0.0.0' })
  t.equal((await fetch(`${url}/readyz/`)).status, 200)
  node.ready = false
  t.equal((await fetch(`${url}/readyz`)).status, 503)
  node.ready = true
  const metrics = await fetch(`${url}/metrics`)
  t.match(metrics.headers.get('content-type'), /^text\/plain/)
  const text = await metrics.text()
  for (const line of [
    'lethe_events_total{shard="0",outcome="applied"} 1',
    'lethe_commit_seconds_bucket{shard="0",le="+Inf"} 3',
    'lethe_commit_seconds_count{shard="0"} 3',
    'lethe_http_requests_total{shard="0",route="healthz",status="200"} 1',
    'lethe_actors{shard="0"} 1',
  ]) {
    t.ok(text.includes(line), line)
  }
})

t.test('a preflight is answered with what it asks for', async t => {
  for (const path of ['/v1/events', '/v1/query', '/api/1/envelope/']) {
    const answer = await fetch(`${url}${path}`, {
      method: 'OPTIONS',
      headers: { Origin: 'https://x.example', 'Access-Control-Request-Headers': 'x-api-key, content-type' },
    })
    t.equal(answer.status, 204)
    t.equal(answer.headers.get('access-control-allow-origin'), '*')
    t.equal(answer.headers.get('access-control-allow-headers'), 'x-api-key, content-type')
    t.match(answer.headers.get('access-control-allow-methods'), /POST/)
  }
})

t.test('what is not there is 404, a wrong method 405 with what is right, HEAD has no body', async t => {
  const nothing = await fetch(`${url}/nothing/here`)
  t.equal(nothing.status, 404)
  t.same(Object.keys((await nothing.json()) as object), ['status', 'code', 'message'])
  t.equal((await fetch(`${url}/`, { method: 'POST', body: 'x'.repeat(200_000) })).status, 404)
  for (const [path, method, allow] of [
    ['/v1/events', 'GET', 'POST'],
    ['/api/1/store/', 'PUT', 'POST'],
    ['/v1/query', 'DELETE', 'GET, POST'],
    ['/healthz', 'POST', 'GET'],
  ] as const) {
    const answer = await fetch(`${url}${path}`, { method })
    t.equal(answer.status, 405, path)
    t.equal(answer.headers.get('allow'), allow)
  }
  const head = await fetch(`${url}/healthz`, { method: 'HEAD' })
  t.equal(head.status, 200)
  t.equal(await head.text(), '')
})

t.test('HEAD is answered by a head, refused or not, and its connection goes on', async t => {
  const request = (line: string, close = '') => `${line} HTTP/1.1\r\nHost: x\r\n${close}\r\n`
  for (const path of ['/healthz', '/nothing', '/v1/events', '/v1/query', '/v1/customers']) {
    const answer = await rawRequest(fixture.port, [request(`HEAD ${path}`, 'Connection: close\r\n')], /never/)
    t.match(answer.text, /^HTTP\/1\.1 (200|4\d\d) [\s\S]*Content-Length: [1-9]\d*\r\n/, path)
    t.equal(answer.text.indexOf('\r\n\r\n'), answer.text.length - 4, 'no body')
    t.ok(answer.closed)
  }
  const socket = net.connect(fixture.port, '127.0.0.1')
  let text = ''
  for (const line of ['HEAD /healthz', 'HEAD /nothing', 'GET /healthz']) {
    text = ''
    socket.write(request(line))
    for await (const chunk of on(socket, 'data')) if ((text += chunk).includes('\r\n\r\n')) break
  }
  t.match(text, /^HTTP\/1\.1 200 OK[\s\S]*"version"/)
  socket.destroy()
})

t.test('an Authorization of another scheme is no key, and hides none', async t => {
  const basic = { Authorization: 'Basic YWRhOmFkYQ==' }
  t.equal((await fetch(`${url}/v1/query?q=1&key=${QUERY_KEY}`, { headers: basic })).status, 200)
  t.equal(await codeOf(await fetch(`${url}/v1/query?q=1`, { headers: basic })), 'missing-key')
})

t.test('a fault of our own answers 500 and is reported, and the server goes on', async t => {
  shard.answerQuery = () => {
    throw new TypeError('planted')
  }
  const answer = await ask('/v1/query', QUERY_KEY, { method: 'POST', body: '1' })
  t.equal(answer.status, 500)
  t.match(fixture.failures.at(-1), { message: 'planted' })
  t.equal((await fetch(`${url}/healthz`)).status, 200)
})

t.test('from the start of a drain on, readiness and all that changes something answer 503', async t => {
  const agent = await fetch(`${url}/healthz`)
  t.equal(agent.status, 200)
  const kept = await startServer()
  const keptAlive = (path: string, init: RequestInit = {}) => fetch(`${kept.url}${path}`, init)
  // undici keeps the connection of the first request, which the closed listener does not end.
  t.equal((await keptAlive('/healthz')).status, 200)
  kept.server.stopAccepting()
  const refused = await keptAlive('/readyz').then(
    answer => answer.status,
    () => 'closed',
  )
  t.ok(refused === 503 || refused === 'closed', String(refused))
  kept.server.close()
})
