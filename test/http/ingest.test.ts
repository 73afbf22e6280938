// POST /v1/events and Sentry's endpoints over real sockets: keys, types, encodings, bounds, replies.
import { Readable } from 'node:stream'
import zlib from 'node:zlib'
import t from 'tap'
import { LetheError } from '../../src/core/errors.js'
import { Format } from '../../src/event/decode.js'
import { BLOCKED_KEY, INGEST_KEY, QUERY_KEY, startServer } from './fixture.js'
import { rawRequest } from './raw-socket.js'

const fixture = await startServer({ maxBodyBytes: 64 * 1024, maxDecompressedBytes: 1024 * 1024 })
const { url, shard, port } = fixture
t.teardown(() => fixture.server.close())
t.beforeEach(() => {
  shard.taken.length = 0
  shard.answer = reply => setImmediate(() => reply.accepted(1, 0, []))
})

const EVENT = '{"type":"event","name":"hello"}'

function post(
  headers: Record<string, string> = {},
  body: string | Uint8Array<ArrayBuffer> = EVENT,
  path = '/v1/events',
) {
  return fetch(`${url}${path}`, { method: 'POST', headers: { 'X-Api-Key': INGEST_KEY, ...headers }, body })
}

t.test('an event is taken and answered 202 with the counts', async t => {
  const answer = await post({ 'Content-Type': 'application/json' })
  t.equal(answer.status, 202)
  t.equal(await answer.text(), '{"status":"ok","accepted":1,"duplicates":0}')
  t.equal(answer.headers.get('content-type'), 'application/json')
  t.equal(answer.headers.get('access-control-allow-origin'), '*')
  t.equal(shard.taken[0]!.customer, 'demo')
  t.equal(shard.taken[0]!.body.toString(), EVENT)
  t.equal(shard.taken[0]!.format, Format.Json)
})

t.test('a key is taken from Authorization, X-Api-Key or ?key=, the first time and the second', async t => {
  for (let round = 0; round < 2; round++) {
    for (const [headers, path] of [
      [{ Authorization: `Bearer ${INGEST_KEY}` }, '/v1/events'],
      [{ Authorization: `bearer  ${INGEST_KEY}` }, '/v1/events/'],
      [{ 'X-Api-Key': INGEST_KEY }, '/v1/events'],
      [{}, `/v1/events?key=${INGEST_KEY}`],
      [{ Authorization: 'Basic YWRhOmFkYQ==' }, `/v1/events?key=${INGEST_KEY}`],
    ] as const) {
      const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: EVENT })
      t.equal(answer.status, 202, `${JSON.stringify(headers)} ${path}`)
    }
  }
})

t.test('a bare key is no Authorization, also when it has been seen', async t => {
  for (const header of [INGEST_KEY, `Basic ${INGEST_KEY}`]) {
    const answer = await fetch(`${url}/v1/events`, { method: 'POST', headers: { Authorization: header }, body: EVENT })
    t.equal(answer.status, 401, header)
  }
})

t.test('rejections are listed with index, code and message', async t => {
  shard.answer = reply => reply.accepted(1, 2, [{ index: 1, code: 'no-type', message: 'an event needs a type' }])
  t.same(await (await post()).json(), {
    status: 'ok',
    accepted: 1,
    duplicates: 2,
    rejected: [{ index: 1, code: 'no-type', message: 'an event needs a type' }],
  })
})

t.test('refusals have a code, a message and the status of their cause', async t => {
  const cases: [number, string, Record<string, string>][] = [
    [401, 'unknown-key', { 'X-Api-Key': 'lik_nobody_has_this_one_00' }],
    [401, 'unknown-key', { 'X-Api-Key': 'short' }],
    [401, 'missing-key', { 'X-Api-Key': '' }],
    [403, 'wrong-key', { 'X-Api-Key': QUERY_KEY }],
    [403, 'customer-blocked', { 'X-Api-Key': BLOCKED_KEY }],
    [415, 'unknown-content-type', { 'Content-Type': 'image/png' }],
    [415, 'unknown-content-encoding', { 'Content-Encoding': 'zstd' }],
    [400, 'broken-encoding', { 'Content-Encoding': 'gzip' }],
  ]
  for (const [status, code, headers] of cases) {
    const answer = await post(headers)
    const body = (await answer.json()) as Record<string, unknown>
    t.equal(answer.status, status, code)
    t.equal(body['code'], code)
    t.same(Object.keys(body), ['status', 'code', 'message'])
    t.equal(body['status'], 'error')
  }
  t.equal(shard.taken.length, 0)
})

t.test('an error of the shard is answered with its status and Retry-After', async t => {
  for (const [status, code, seconds] of [
    [429, 'quota', 12.2],
    [503, 'overloaded', undefined],
  ] as const) {
    shard.answer = reply =>
      reply.refused(new LetheError(code, 'no', status, seconds ? { retryAfterSeconds: seconds } : {}))
    const answer = await post()
    t.equal(answer.status, status)
    t.equal(answer.headers.get('retry-after'), seconds ? '13' : '1')
  }
})

t.test('an unknown outcome closes the connection without an answer', async t => {
  shard.answer = reply => setImmediate(() => reply.unknown())
  await t.rejects(post())
})

t.test('content types choose the format; none, text and forms are JSON', async t => {
  for (const [type, format] of [
    ['application/json; charset=utf-8', Format.Json],
    ['text/plain;charset=UTF-8', Format.Json],
    ['application/x-www-form-urlencoded', Format.Json],
    ['Application/X-NDJSON', Format.Ndjson],
    ['application/msgpack', Format.MessagePack],
  ] as const) {
    shard.taken.length = 0
    t.equal((await post({ 'Content-Type': type })).status, 202)
    t.equal(shard.taken[0]!.format, format, type)
  }
  const bare = `POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Api-Key: ${INGEST_KEY}\r\nContent-Length: ${EVENT.length}\r\n\r\n${EVENT}`
  t.equal((await rawRequest(port, [bare], /\}$/)).status, 202)
})

t.test('gzip, deflate, raw deflate and br are expanded, small and large', async t => {
  for (const size of [10, 300_000]) {
    const text = `{"type":"event","name":"${'x'.repeat(size)}"}`
    for (const [encoding, body] of [
      ['gzip', zlib.gzipSync(text)],
      ['x-gzip', zlib.gzipSync(text)],
      ['deflate', zlib.deflateSync(text)],
      ['deflate', zlib.deflateRawSync(text)],
      ['br', zlib.brotliCompressSync(text)],
    ] as const) {
      shard.taken.length = 0
      t.equal((await post({ 'Content-Encoding': encoding }, new Uint8Array(body))).status, 202, `${encoding} ${size}`)
      t.equal(shard.taken[0]!.body.toString(), text)
    }
  }
  // Random bytes do not compress: beyond 16 KiB as sent the thread pool expands.
  const noise = Buffer.from(Array.from({ length: 30_000 }, (_, i) => (Math.imul(i, 0x9e3779b1) >>> 13) & 255))
  t.equal((await post({ 'Content-Encoding': 'gzip' }, new Uint8Array(zlib.gzipSync(noise)))).status, 202)
  t.same(shard.taken.at(-1)!.body, noise)
})

t.test('a decompression bomb is refused with 413, a body that ends early with 400', async t => {
  const bomb = zlib.gzipSync(Buffer.alloc(20 * 1024 * 1024))
  const answer = await post({ 'Content-Encoding': 'gzip' }, new Uint8Array(bomb))
  t.equal(answer.status, 413)
  t.equal(((await answer.json()) as { code: string }).code, 'body-too-large')
  const cut = zlib.gzipSync(EVENT).subarray(0, 20)
  t.equal((await post({ 'Content-Encoding': 'gzip' }, new Uint8Array(cut))).status, 400)
  t.equal(shard.taken.length, 0)
})

t.test('a body that is too large is read to its end and then refused, with and without a length', async t => {
  const large = Buffer.alloc(3 * 1024 * 1024, 'x')
  t.equal((await post({}, new Uint8Array(large))).status, 413)
  const chunked = await fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: { 'X-Api-Key': INGEST_KEY },
    body: Readable.toWeb(Readable.from([large])) as never,
    duplex: 'half',
  } as RequestInit)
  t.equal(chunked.status, 413)
  // Refused for its key: the reason is readable all the same.
  t.equal((await post({ 'X-Api-Key': 'lik_nobody_has_this_one_00' }, new Uint8Array(large))).status, 401)
  t.equal(shard.taken.length, 0)
})

t.test('a body beyond 16 MiB is answered and the connection closed, wherever its refusal comes from', async t => {
  const head = (key: string) =>
    `POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Api-Key: ${key}\r\nContent-Length: 99999999\r\n\r\n`
  const refused = await rawRequest(port, [head('lik_nobody_has_this_one_00'), 'x'.repeat(100)], /never/)
  t.equal(refused.status, 401, 'at once, as its length is known')
  t.ok(refused.closed)
  const piece = Buffer.alloc(1024 * 1024, 'x')
  const tooLarge = await rawRequest(port, [head(INGEST_KEY), ...Array.from({ length: 17 }, () => piece)], /never/)
  t.equal(tooLarge.status, 413, 'after 16 MiB')
  t.ok(tooLarge.closed)
})

t.test('a chunked body without a length arrives whole, in 100 pieces', async t => {
  const text = `{"type":"event","name":"${'abc'.repeat(500)}"}`
  const pieces = Array.from({ length: 100 }, (_, i) => text.slice(i * 16, (i + 1) * 16)).filter(piece => piece !== '')
  const chunks = pieces.map(piece => `${piece.length.toString(16)}\r\n${piece}\r\n`)
  const head = `POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Api-Key: ${INGEST_KEY}\r\nTransfer-Encoding: chunked\r\n\r\n`
  const answer = await rawRequest(port, [head, ...chunks, '0\r\n\r\n'], /\}$/)
  t.equal(answer.status, 202)
  t.equal(shard.taken[0]!.body.toString(), text)
})

t.test('an empty body is refused', async t => {
  const answer = await rawRequest(
    port,
    [`POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Api-Key: ${INGEST_KEY}\r\n\r\n`],
    /\}$/,
  )
  t.equal(answer.status, 400)
})

t.test('X-Sent-At is handed on, in ms or ISO 8601', async t => {
  await post({ 'X-Sent-At': '1700000000123' })
  await post({ 'X-Sent-At': '2026-11-20T00:00:00Z' })
  await post({ 'X-Sent-At': 'nonsense' })
  const zone = process.env['TZ']
  process.env['TZ'] = 'Pacific/Auckland'
  await post({ 'X-Sent-At': '2026-11-20T00:00:00.250' })
  if (zone === undefined) delete process.env['TZ']
  else process.env['TZ'] = zone
  t.same(
    shard.taken.map(taken => taken.sentAt),
    [1700000000123, Date.UTC(2026, 10, 20), Number.NaN, Date.UTC(2026, 10, 20, 0, 0, 0, 250)],
  )
})

t.test("Sentry's endpoints take the key from the header or the query, and answer 200 with the id", async t => {
  const id = 'a'.repeat(32)
  const envelope = `{"event_id":"${id}","sent_at":"2026-11-20T00:00:00Z"}\n{"type":"event"}\n{}\n`
  const answer = await fetch(`${url}/api/42/envelope/?sentry_key=${INGEST_KEY}&sentry_version=7`, {
    method: 'POST',
    body: envelope,
  })
  t.equal(answer.status, 200)
  t.match(await answer.json(), { id, accepted: 1 })
  t.equal(shard.taken[0]!.format, Format.SentryEnvelope)
  const auth = `Sentry sentry_version=7, sentry_key=${INGEST_KEY}, sentry_client=x/1`
  const stored = await fetch(`${url}/api/some-thing/store`, {
    method: 'POST',
    headers: { 'X-Sentry-Auth': auth, 'Content-Encoding': 'gzip' },
    body: new Uint8Array(zlib.gzipSync(`{"message":"x","event_id":"${id}"}`)),
  })
  t.equal(stored.status, 200)
  t.match(await stored.json(), { id, accepted: 1 })
  t.equal(shard.taken[1]!.format, Format.SentryStore)
  const withoutId = await fetch(`${url}/api/42/envelope/?sentry_key=${INGEST_KEY}`, { method: 'POST', body: '{}\n' })
  t.notOk('id' in ((await withoutId.json()) as object))
})

t.test(
  "Sentry's endpoints take the ordinary ways of a key too, and an envelope's DSN where a tunnel left it alone",
  async t => {
    const send = async (body: string, headers: Record<string, string> = {}, path = '/api/1/envelope/') => {
      const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body })
      return [answer.status, ((await answer.json()) as { code?: string }).code]
    }
    const dsn = (key: string) => `{"dsn":"https://${key}@lethe.example/1"}\n{"type":"event"}\n{}\n`
    t.same(await send('{}\n', { 'X-Api-Key': INGEST_KEY }), [200, undefined])
    t.same(await send('{}\n', { Authorization: `Bearer ${INGEST_KEY}` }), [200, undefined])
    t.same(await send('{}\n', {}, `/api/1/envelope/?key=${INGEST_KEY}`), [200, undefined])
    t.same(await send(dsn(INGEST_KEY)), [200, undefined])
    t.same(await send(dsn('lik_00000000000000000000000000000000')), [401, 'unknown-key'])
    t.same(await send(dsn(QUERY_KEY)), [403, 'wrong-key'])
    t.same(await send('{}\n{"dsn":"later"}'), [401, 'missing-key'])
    t.same(await send(dsn(INGEST_KEY), {}, '/api/1/store/'), [401, 'missing-key'], 'a body of /store/ has no DSN')
    t.equal(shard.taken.length, 4)
  },
)

t.test('a body of /store/ in base64, deflated or not, is what it says', async t => {
  const send = async (body: string) => {
    const headers = { 'X-Sentry-Auth': `Sentry sentry_key=${INGEST_KEY}`, 'Content-Type': 'application/octet-stream' }
    const answer = await fetch(`${url}/api/1/store/`, { method: 'POST', headers, body })
    return [answer.status, shard.taken.at(-1)?.body.toString()]
  }
  const event = `{"event_id":"${'a'.repeat(32)}","message":"x"}`
  t.same(await send(zlib.deflateSync(event).toString('base64')), [200, event])
  t.same(await send(Buffer.from(event).toString('base64')), [200, event])
  t.same(await send(` ${event}`), [200, ` ${event}`])
  t.same(await send('[]'), [200, '[]'], 'the decoder says what is wrong with it')
  const long = JSON.stringify({ message: 'x'.repeat(3e5) })
  t.same(await send(zlib.deflateSync(long).toString('base64')), [200, long], 'too long to be expanded at once')
  const endless = zlib.deflateSync(Buffer.alloc(17 * 2 ** 20)).toString('base64')
  t.equal((await send(endless))[0], 413)
  t.equal((await send(zlib.deflateSync(event).subarray(0, 20).toString('base64')))[0], 400)
})

t.test('the address that an SDK asks for is written into the body before the shard sees it', async t => {
  const send = async (body: string, headers: Record<string, string> = {}) => {
    await fetch(`${url}/api/1/envelope/?sentry_key=${INGEST_KEY}`, { method: 'POST', headers, body })
    return shard.taken.at(-1)!.body.toString()
  }
  const item = '{"type":"event"}\n{"user":{"ip_address":"{{auto}}"}}\n'
  t.equal(await send(`{"a":1}\n${item}`), `{"lethe_peer":"127.0.0.1","a":1}\n${item}`)
  t.equal(await send(`{ }\n${item}`), `{"lethe_peer":"127.0.0.1" }\n${item}`)
  const forwarded = { 'X-Forwarded-For': '2001:db8::7, 10.0.0.1' }
  t.equal(await send(`{}\n${item}`, forwarded), `{"lethe_peer":"2001:db8::7"}\n${item}`)
  t.equal(await send(`{}\n${item}`, { 'X-Forwarded-For': '"x' }), `{"lethe_peer":"127.0.0.1"}\n${item}`)
  t.equal(await send('{}\n{"type":"event"}\n{}\n', forwarded), '{}\n{"type":"event"}\n{}\n', 'nobody asks')
  t.equal(await send('{{auto}}'), '{{auto}}')
})

t.test('a quota tells Sentry by X-Sentry-Rate-Limits how long to wait', async t => {
  shard.answer = reply => reply.refused(new LetheError('quota', 'no', 429, { retryAfterSeconds: 7 }))
  const answer = await fetch(`${url}/api/1/envelope/?sentry_key=${INGEST_KEY}`, { method: 'POST', body: '{}\n' })
  t.equal(answer.status, 429)
  t.equal(answer.headers.get('x-sentry-rate-limits'), '7::organization')
  t.equal(answer.headers.get('retry-after'), '7')
})

t.test('a change of the customer is in force after refresh: blocked, key removed, deleted', async t => {
  const record = fixture.records.get('demo')!
  const again = (changes: object) => {
    fixture.records.set('demo', { ...record, ...changes })
    fixture.routes.refresh('demo')
  }
  t.equal((await post()).status, 202)
  again({ blocked: true })
  t.equal((await post()).status, 403)
  again({ keys: [] })
  t.equal((await post()).status, 401)
  again({ deleted: true, keys: [] })
  t.equal((await post()).status, 401)
  again({})
  t.equal((await post()).status, 202)
})

t.test('nothing failed in here, and nothing is left in flight', async t => {
  t.same(fixture.failures, [])
  t.equal(fixture.server.inFlight, 0)
})
