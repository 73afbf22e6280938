// What no library would send, byte by byte: each is answered clearly or its connection is closed, the server lives, and
// no request sees another's answer. Among them the traps of uWebSockets.js that were stepped into before.
import net from 'node:net'
import t from 'tap'
import { INGEST_KEY, OTHER_INGEST_KEY, QUERY_KEY, startServer } from './fixture.js'
import { rawRequest } from './raw-socket.js'

const fixture = await startServer({ maxBodyBytes: 100_000, bodyDeadlineMs: 1_500, answerDeadlineMs: 1_000 })
const { port, shard, url } = fixture
t.teardown(() => fixture.server.close())
t.beforeEach(() => {
  shard.taken.length = 0
  shard.answer = reply => setImmediate(() => reply.accepted(1, 0, []))
})

const EVENT = '{"type":"event","name":"hello"}'
const request = (extra = '', body = EVENT, key = INGEST_KEY, path = '/v1/events') =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nX-Api-Key: ${key}\r\n${extra}Content-Length: ${body.length}\r\n\r\n${body}`

async function alive(): Promise<boolean> {
  return (await fetch(`${url}/healthz`)).status === 200
}

t.test('a body that comes byte by byte is whole', async t => {
  const whole = request()
  const split = whole.indexOf('\r\n\r\n') + 4
  const answer = await rawRequest(port, [whole.slice(0, split), ...whole.slice(split)], /\}$/)
  t.equal(answer.status, 202)
  t.equal(shard.taken[0]!.body.toString(), EVENT)
})

// uWebSockets.js answers 505 if a third piece of a head ends within "HTTP/1.1": clear enough, and nobody sends that.
t.test('a head cut in two anywhere is understood; byte by byte it is understood or refused', async t => {
  const whole = request()
  const ends = Array.from({ length: whole.indexOf('\r\n\r\n') + 3 }, (_, i) => i + 1)
  const answers = await Promise.all(ends.map(end => rawRequest(port, [whole.slice(0, end), whole.slice(end)], /\}$/)))
  t.same(
    ends.filter((_, i) => answers[i]!.status !== 202),
    [],
  )
  const slow = await rawRequest(port, [...whole], /\}$/)
  t.ok(slow.status === 202 || (slow.status === 505 && slow.closed))
})

t.test('requests kept alive on one connection are answered in turn', async t => {
  const socket = net.connect(port, '127.0.0.1')
  let text = ''
  socket.on('data', data => {
    text += data
  })
  for (let i = 1; i <= 5; i++) {
    socket.write(request())
    while (text.split('"accepted":1').length - 1 < i) await new Promise(setImmediate)
  }
  socket.destroy()
  t.equal(shard.taken.length, 5)
})

t.test('a request pipelined behind one that waits closes the connection, and mixes nothing up', async t => {
  const two = request('', EVENT) + request('', EVENT, OTHER_INGEST_KEY)
  const answer = await rawRequest(port, [two], /"accepted":1.*"accepted":1/s)
  t.ok(answer.closed)
  t.ok(shard.taken.every(taken => taken.customer === 'demo'))
  t.ok(await alive())
})

t.test('pipelined requests that are answered at once are answered in order', async t => {
  const health = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
  const answer = await rawRequest(port, [health + health + health], /(ok.*){3}/s)
  t.equal(answer.text.split('HTTP/1.1 200 OK').length - 1, 3)
})

t.test('two lengths that differ are never taken for the longer one, and hurt nobody else', async t => {
  const both = `POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Api-Key: ${INGEST_KEY}\r\nContent-Length: 5\r\nContent-Length: 31\r\n\r\n${EVENT}`
  const answer = await rawRequest(port, [both], /\r\n\r\n/)
  t.ok(answer.status === 400 || answer.closed || answer.status === 202)
  t.ok(shard.taken.every(taken => taken.body.length <= 5))
  t.ok(await alive())
})

t.test('two lengths are refused by everything but ingest', async t => {
  const both = `POST /v1/query HTTP/1.1\r\nHost: x\r\nX-Api-Key: ${QUERY_KEY}\r\nContent-Length: 1\r\nContent-Length: 3\r\n\r\n123`
  t.equal((await rawRequest(port, [both], /\}$/)).status, 400)
})

t.test('a request hidden behind two lengths is not carried out', async t => {
  const hidden = request('', EVENT, OTHER_INGEST_KEY)
  const both = `POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Api-Key: ${INGEST_KEY}\r\nContent-Length: 2\r\nContent-Length: ${2 + hidden.length}\r\n\r\n{}${hidden}`
  await rawRequest(port, [both], /never/)
  t.ok(shard.taken.every(taken => taken.customer === 'demo'))
})

t.test('a length beside a transfer encoding is refused', async t => {
  const both = `POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Api-Key: ${INGEST_KEY}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`
  const answer = await rawRequest(port, [both], /never/)
  t.equal(answer.status, 400)
  t.ok(answer.closed)
  t.equal(shard.taken.length, 0)
})

t.test('lengths that are no lengths are refused', async t => {
  for (const length of ['-3', 'abc', '99999999999999999999', '0x10']) {
    const head = `POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Api-Key: ${INGEST_KEY}\r\nContent-Length: ${length}\r\n\r\n`
    const answer = await rawRequest(port, [head, EVENT], /\}$/)
    t.ok(answer.closed || answer.status >= 400, length)
  }
  t.ok(await alive())
})

t.test('ten thousand headers, and one of 100 KB, are refused', async t => {
  const many = Array.from({ length: 10_000 }, (_, i) => `h${i}: ${i}\r\n`).join('')
  t.ok((await rawRequest(port, [request(many)], /never/)).closed)
  t.ok((await rawRequest(port, [request(`big: ${'x'.repeat(100_000)}\r\n`)], /never/)).closed)
  t.ok(await alive())
})

t.test('a client that disconnects in its body leaves nothing behind', async t => {
  for (let i = 0; i < 50; i++) {
    const socket = net.connect(port, '127.0.0.1')
    await new Promise(resolve => socket.on('connect', resolve))
    await new Promise(resolve => socket.write(request().slice(0, -5 - (i % 10)), resolve))
    if (i % 2) socket.resetAndDestroy()
    else socket.destroy()
  }
  t.ok(await alive())
  t.equal(shard.taken.length, 0)
})

t.test('a client that disconnects before its answer does not disturb the shard', async t => {
  const waiting: (() => void)[] = []
  shard.answer = reply => waiting.push(() => reply.accepted(1, 0, []))
  const socket = net.connect(port, '127.0.0.1')
  socket.write(request())
  while (shard.taken.length === 0) await new Promise(setImmediate)
  socket.resetAndDestroy()
  t.ok(await alive())
  for (const reply of waiting) reply()
  t.equal(fixture.server.inFlight, 0)
})

t.test('a body that never ends is answered 408 and its connection closed', async t => {
  const answer = await rawRequest(port, [request().slice(0, -5)], /never/)
  t.equal(answer.status, 408)
  t.ok(answer.closed)
})

t.test('R12: a request that the shard does not answer in time is closed without an answer', async t => {
  let late: (() => void) | undefined
  shard.answer = reply => {
    late = () => reply.accepted(1, 0, [])
  }
  const answer = await rawRequest(port, [request()], /never/)
  t.equal(answer.text, '')
  t.ok(answer.closed)
  t.equal(fixture.server.inFlight, 1, 'it is still with the shard')
  late?.()
  t.equal(fixture.server.inFlight, 0)
})

t.test('what is no HTTP at all is refused or closed', async t => {
  const texts = ['\0\0\0\0', 'GET\r\n\r\n', 'POST /v1/events HTTP/1.0\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n']
  const answers = await Promise.all(texts.map(text => rawRequest(port, [text, '\r\n\r\nx x x\r\n\r\n'], /\r\n\r\n/)))
  t.ok(answers.every(answer => answer.closed || answer.status >= 400))
  t.ok(await alive())
})

t.test('odd paths, methods and queries are answered', async t => {
  for (const [line, status] of [
    ['GET //v1///query HTTP/1.1', 404],
    ['GET /v1/query?q=%E0%A4%A HTTP/1.1', 401],
    ['PROPFIND /v1/query HTTP/1.1', 405],
    ['GET /v1/customers/%2e%2e%2f HTTP/1.1', 401],
    ['GET /%00 HTTP/1.1', 404],
  ] as const) {
    const answer = await rawRequest(port, [`${line}\r\nHost: x\r\n\r\n`], /\}$/)
    t.equal(answer.status, status, line)
  }
})

t.test('a long GET query passes', async t => {
  const source = encodeURIComponent(`(+ ${'1 '.repeat(2_000)})`)
  const answer = await fetch(`${url}/v1/query?q=${source}`, { headers: { 'X-Api-Key': QUERY_KEY } })
  // Without UWS_HTTP_MAX_HEADERS_SIZE, which the supervisor sets, heads end at 4 KiB: here it is 431 or taken.
  t.ok(answer.status === 200 || answer.status === 431)
})

t.test('an Expect: 100-continue is answered before the body', async t => {
  const whole = request('Expect: 100-continue\r\n')
  const split = whole.indexOf('\r\n\r\n') + 4
  const answer = await rawRequest(port, [whole.slice(0, split), whole.slice(split)], /\}$/)
  t.match(answer.text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 202/)
})

t.test('500 connections at once each get their own answer', async t => {
  shard.answer = (reply, taken) => setImmediate(() => reply.accepted(Number(taken.body.toString()), 0, []))
  const answers = await Promise.all(
    Array.from({ length: 500 }, (_, i) => rawRequest(port, [request('', String(i + 1))], /\}$/)),
  )
  t.ok(answers.every((answer, i) => answer.text.includes(`"accepted":${i + 1},`)))
})

t.test('nothing is left in flight', async t => {
  t.equal(fixture.server.inFlight, 0)
  t.same(fixture.failures, [])
})
