import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { describeReport, headersWithKey, pathWithKey, readCapture, replay, runReplay } from '../../src/cli/replay.js'
import { systemClock } from '../../src/core/clock.js'

const KEY = 'lik_0123456789abcdefghij'

interface Seen {
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** A stand-in for a node: remembers what it was sent. */
async function listen(t: Test, status: number, answer: string) {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      seen.push({ url: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) })
      response.writeHead(status, { 'content-type': 'application/json' }).end(answer)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

t.test('the key given stands wherever an SDK puts its own', async t => {
  t.equal(
    pathWithKey('/api/1/envelope/?sentry_version=7&sentry_key=old&x=1', KEY),
    `/api/1/envelope/?sentry_version=7&sentry_key=${KEY}&x=1`,
  )
  t.equal(pathWithKey('/v1/events', KEY), '/v1/events')
  t.same(
    headersWithKey(
      {
        'X-Sentry-Auth': 'Sentry sentry_key=old, v=7',
        'X-ApiKey': 'old',
        Authorization: 'Basic b2xk',
        Host: 'x',
        'User-Agent': 'sdk',
      },
      KEY,
    ),
    {
      'x-sentry-auth': `Sentry sentry_key=${KEY}, v=7`,
      'x-apikey': KEY,
      authorization: `Bearer ${KEY}`,
      'user-agent': 'sdk',
    },
  )
})

t.test('a capture is sent as it was recorded, compressed again where it was', async t => {
  const node = await listen(t, 202, '{"status":"ok","accepted":2,"duplicates":1,"rejected":[{"index":0}]}')
  const capture = readCapture(
    [
      { method: 'POST', path: '/a?key=old', headers: { 'content-encoding': 'gzip' }, body: 'hello', bodyEnc: 'utf8' },
      { proto: 'udp', body: 'x:1|c' },
      { method: 'POST', path: '/b', headers: { 'x-api-key': 'old' }, body: 'aGk=', bodyEnc: 'base64' },
    ]
      .map(line => JSON.stringify(line))
      .join('\n'),
  )
  const report = await replay(capture, { url: node.url, key: KEY, rate: 1_000, times: 2, clock: systemClock })
  t.match(report, {
    requests: 4,
    skipped: 2,
    accepted: 8,
    duplicates: 4,
    rejected: 4,
    statuses: { '202': 4 },
    unanswered: 0,
  })
  const a = node.seen.find(request => request.url === `/a?key=${KEY}`)!
  t.equal(gunzipSync(a.body).toString(), 'hello')
  const b = node.seen.find(request => request.url === '/b')!
  t.equal(b.body.toString(), 'hi')
  t.equal(b.headers['x-api-key'], KEY)
  t.match(describeReport(report), /4 requests .*4 × 202\naccepted 8, duplicates 4, rejected 4\n2 records/)
})

t.test('the tool answers 1 where something was refused, and says so', async t => {
  const file = t.testdir({ 'capture.jsonl': '{"method":"POST","path":"/a","headers":{},"body":"x"}\n' })
  const lines: string[] = []
  const node = await listen(t, 401, '{"status":"error"}')
  t.equal(
    await runReplay(['--url', node.url, '--key', KEY, '--rate', '500', `${file}/capture.jsonl`], line =>
      lines.push(line),
    ),
    1,
  )
  t.match(lines[0], /1 × 401/)
  const good = await listen(t, 202, 'no JSON')
  t.equal(await runReplay(['--url', good.url, '--key', KEY, `${file}/capture.jsonl`], line => lines.push(line)), 0)
  t.throws(() => readCapture('{}\n{x'), /line 2/)
})

t.test('a node that is not there leaves requests unanswered', async t => {
  const report = await replay([{ method: 'GET', path: '/' }], {
    url: 'http://127.0.0.1:1',
    key: KEY,
    rate: 10,
    times: 1,
    clock: systemClock,
  })
  t.match(report, { requests: 1, unanswered: 1 })
})
