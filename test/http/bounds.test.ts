// What a shard holds at once has a bound: connections, requests, bytes of bodies. Beyond it a request is refused readably,
// nothing that was taken is lost, and it goes on as soon as there is room.
import net from 'node:net'
import t, { type Test } from 'tap'
import type { IngestReply, QueryReply } from '../../src/actors/service.js'
import { type Keys, OneProcess } from '../node/one-process.js'
import { INGEST_KEY, QUERY_KEY, startServer } from './fixture.js'
import { rawRequest } from './raw-socket.js'

const post = (url: string, body: string, key = INGEST_KEY) =>
  fetch(`${url}/v1/events`, { method: 'POST', headers: { 'x-api-key': key }, body })

async function refused(t: Test, answer: Response): Promise<void> {
  t.equal(answer.status, 503)
  t.ok(Number(answer.headers.get('retry-after')) >= 1, 'it says when to come back')
  t.match(await answer.json(), { status: 'error', code: 'overloaded' })
}

t.test('requests in flight: one more is 503, and there is room again when one is answered', async t => {
  const { shard, server, url } = await startServer({ maxInFlightRequests: 3 })
  const waiting: IngestReply[] = []
  shard.answer = reply => void waiting.push(reply)
  const taken = [1, 2, 3].map(i => post(url, `{"type":"event","name":"n${i}"}`))
  while (waiting.length < 3) await new Promise(resolve => setImmediate(resolve))
  await refused(t, await post(url, '{"type":"event","name":"n4"}'))
  t.equal(shard.taken.length, 3, 'the shard has not heard of it')
  waiting.shift()!.accepted(1, 0, [])
  t.equal((await Promise.race(taken)).status, 202)
  const next = post(url, '{"type":"event","name":"n5"}')
  while (waiting.length < 3) await new Promise(resolve => setImmediate(resolve))
  for (const reply of waiting) reply.accepted(1, 0, [])
  for (const answer of [...taken, next]) t.equal((await answer).status, 202)
  t.equal(server.inFlight, 0)
  server.close()
})

t.test('queries in flight likewise', async t => {
  const { shard, server, url } = await startServer({ maxInFlightRequests: 2 })
  const waiting: QueryReply[] = []
  shard.answerQuery = reply => void waiting.push(reply)
  const ask = () => fetch(`${url}/v1/query?q=1`, { headers: { 'x-api-key': QUERY_KEY } })
  const taken = [ask(), ask()]
  while (waiting.length < 2) await new Promise(resolve => setImmediate(resolve))
  await refused(t, await ask())
  for (const reply of waiting) reply.answered('application/json', '{}')
  for (const answer of taken) t.equal((await answer).status, 200)
  server.close()
})

t.test('bytes of bodies that are still coming: one more is 503, and what came goes on', async t => {
  const { server, port, url } = await startServer({ maxInFlightBytes: 40_000 })
  const head = `POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Api-Key: ${INGEST_KEY}\r\nContent-Length: 30000\r\n\r\n`
  // What a socket has written is read before a later request of another one is answered.
  const begin = async () => {
    const socket = net.connect(port, '127.0.0.1')
    socket.write(head + ' '.repeat(29_000))
    await new Promise(resolve => socket.once('connect', resolve))
    for (let i = 0; i < 3; i++) await (await fetch(`${url}/healthz`)).text()
    return socket
  }
  const end = async (socket: net.Socket, text: string) => {
    socket.write(text.padEnd(1_000))
    return String(await new Promise(resolve => socket.once('data', resolve)))
  }
  const first = await begin()
  const second = await begin()
  const event = '{"type":"event","name":"late"}'
  const answer = await end(second, event)
  t.match(answer, /^HTTP\/1\.1 503/)
  t.match(answer, /retry-after: \d+/i)
  t.match(answer, /"code":"overloaded"/)
  t.match(await end(first, event), /^HTTP\/1\.1 202/)
  for (const socket of [first, second]) socket.destroy()
  t.equal((await post(url, event)).status, 202)
  server.close()
})

t.test('connections: one more is closed, and there is room again when one goes', async t => {
  const { server, port } = await startServer({ maxConnections: 5 })
  const open: net.Socket[] = []
  for (let i = 0; i < 5; i++) {
    const socket = net.connect(port, '127.0.0.1')
    await new Promise(resolve => socket.once('connect', resolve))
    open.push(socket)
  }
  const health = () => rawRequest(port, ['GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'], /"version"/)
  // Taken in order by the kernel, counted by the server a turn later.
  let last = await health()
  for (let i = 0; i < 500 && last.status !== 0; i++) last = await health()
  t.match(last, { status: 0, closed: true })
  open.pop()!.destroy()
  while (last.status !== 200) last = await health()
  t.equal(server.report().connections >= 4, true)
  for (const socket of open) socket.destroy()
  server.close()
})

t.test("one customer's flood is refused by its own inbox, and a neighbour's requests pass", async t => {
  const node = await OneProcess.start(t.testdir({}), { maxInboxRequests: 8 })
  const [loud, quiet] = [await node.create('loud'), await node.create('quiet')] as [Keys, Keys]
  const event = { type: 'event', name: 'x' }
  const statuses = { loud: [] as number[], quiet: [] as number[] }
  for (let round = 0; round < 20; round++) {
    const flood = Array.from({ length: 60 }, () => node.send(loud, [event]))
    statuses.quiet.push(await node.send(quiet, [event]))
    statuses.loud.push(...(await Promise.all(flood)))
  }
  t.same(new Set(statuses.quiet), new Set([202]))
  t.same(new Set(statuses.loud), new Set([202, 503]))
  const taken = statuses.loud.filter(status => status === 202).length
  t.equal(await node.value(loud, '(count "event" "x")'), taken, 'what was refused is not counted, what was taken is')
  t.equal(await node.value(loud, '(cdr (assq (quote received) (ledger)))'), taken)
  await node.stop()
})
