// Requests that travel to another shard's process, over real Unix sockets.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { type PeerAddress, PeerServer, PeerService } from '../../src/actors/peers.js'
import { Routes } from '../../src/actors/routes.js'
import type { CustomerRoute, IngestReply, RejectedEvent } from '../../src/actors/service.js'
import { LetheError } from '../../src/core/errors.js'
import { defaultLimits } from '../../src/core/limits.js'
import { FakeShard } from '../http/fake-shard.js'
import { customer, memoryControl } from '../http/fixture.js'

type Outcome =
  | { tag: 'accepted'; accepted: number; duplicates: number; rejected: readonly RejectedEvent[] }
  | { tag: 'refused'; error: LetheError }
  | { tag: 'unknown' }

/** A reply as a promise. */
function outcome(): { reply: IngestReply; settled: Promise<Outcome> } {
  let settle: (outcome: Outcome) => void = () => {}
  const settled = new Promise<Outcome>(resolve => {
    settle = resolve
  })
  const reply = {
    accepted: (accepted: number, duplicates: number, rejected: readonly RejectedEvent[]) =>
      settle({ tag: 'accepted', accepted, duplicates, rejected }),
    refused: (error: LetheError) => settle({ tag: 'refused', error }),
    unknown: () => settle({ tag: 'unknown' }),
  }
  return { reply, settled }
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lethe-peers-'))
t.teardown(() => fs.rmSync(folder, { recursive: true }))

let generation = 0

/** Shard 0 as front, shard 1 as owner of the customer with incarnation 1. */
async function pair(limits = defaultLimits) {
  const records = new Map([['demo', customer('demo', 1n, [])]])
  const routes = new Routes(memoryControl(records), 2)
  const ownerRoutes = new Routes(memoryControl(records), 2)
  const own = (shard: number): PeerAddress => ({
    shard,
    generation: ++generation,
    path: path.join(folder, `${shard}-${generation}.sock`),
  })
  const local = new FakeShard()
  const remote = new FakeShard()
  const front = new PeerService(own(0), 2, local, limits)
  const address = own(1)
  const server = new PeerServer(address, remote, ownerRoutes, limits)
  await server.listen()
  front.redirect([address])
  return { front, local, remote, server, address, routes, route: routes.byId('demo')!, ownerRoutes, records }
}

const send = (front: PeerService, route: CustomerRoute, body: Buffer) => {
  const { reply, settled } = outcome()
  front.ingest(route, 1, 1234.5, body, reply)
  return settled
}

t.test('a body reaches the owner and its reply comes back', async t => {
  const { front, remote, local, server, route } = await pair()
  t.equal(route.owner, 1)
  const rejected = [{ index: 0, code: 'no-type', message: 'an event needs a type' }]
  remote.answer = reply => reply.accepted(3, 2, [])
  t.same(await send(front, route, Buffer.from('one')), { tag: 'accepted', accepted: 3, duplicates: 2, rejected: [] })
  remote.answer = reply => reply.accepted(0, 0, rejected)
  t.same(await send(front, route, Buffer.from('two')), { tag: 'accepted', accepted: 0, duplicates: 0, rejected })
  t.same(
    remote.taken.map(taken => [taken.customer, taken.format, taken.sentAt, taken.body.toString()]),
    [
      ['demo', 1, 1234.5, 'one'],
      ['demo', 1, 1234.5, 'two'],
    ],
  )
  t.equal(local.taken.length, 0)
  server.close()
  await front.drain()
})

t.test('what the own shard owns goes nowhere', async t => {
  const { front, local, remote, records, routes, server } = await pair()
  records.set('here', customer('here', 2n, []))
  t.equal((await send(front, routes.byId('here')!, Buffer.from('x'))).tag, 'accepted')
  t.equal(local.taken.length, 1)
  t.equal(remote.taken.length, 0)
  server.close()
  await front.drain()
})

t.test('R17: a body of 16 MiB travels in pieces and does not hold up small ones', async t => {
  const { front, remote, server, route } = await pair()
  const large = Buffer.alloc(16 * 1024 * 1024, 'abcdefg')
  const order: string[] = []
  remote.answer = (reply, taken) => {
    order.push(taken.body.length > 100 ? 'large' : 'small')
    reply.accepted(1, 0, [])
  }
  const all = [send(front, route, large)]
  for (let i = 0; i < 50; i++) all.push(send(front, route, Buffer.from(`small ${i}`)))
  for (const settled of await Promise.all(all)) t.equal(settled.tag, 'accepted')
  t.equal(order.at(-1), 'large')
  t.ok(remote.taken.find(taken => taken.body.length > 100)!.body.equals(large))
  server.close()
  await front.drain()
})

t.test('ten thousand requests at once are each answered with their own reply', async t => {
  const { front, remote, server, route } = await pair()
  remote.answer = (reply, taken) => {
    const n = Number(taken.body.toString())
    if (n % 3 === 0) setImmediate(() => reply.accepted(n, 0, []))
    else reply.accepted(n, 0, [])
  }
  const answers = await Promise.all(
    Array.from({ length: 10_000 }, (_, n) => send(front, route, Buffer.from(String(n)))),
  )
  t.ok(answers.every((settled, n) => settled.tag === 'accepted' && settled.accepted === n))
  server.close()
  await front.drain()
})

t.test("the owner's refusal keeps its code, status and details", async t => {
  const { front, remote, server, route } = await pair()
  remote.answer = reply => reply.refused(new LetheError('quota', 'no', 429, { retryAfterSeconds: 9 }))
  const settled = await send(front, route, Buffer.from('x'))
  t.match(settled, { tag: 'refused', error: { code: 'quota', status: 429, details: { retryAfterSeconds: 9 } } })
  server.close()
  await front.drain()
})

t.test('R12: a peer that goes after the request left leaves the outcome unknown; before, it is refused', async t => {
  const { front, remote, server, route } = await pair()
  remote.answer = () => server.close()
  t.same(await send(front, route, Buffer.from('x')), { tag: 'unknown' })
  // Nobody listens any more: the connection is refused, nothing can have left.
  t.match(await send(front, route, Buffer.from('y')), { tag: 'refused', error: { status: 503 } })
  front.redirect([])
  t.match(await send(front, route, Buffer.from('z')), { tag: 'refused', error: { status: 503 } })
  await front.drain()
})

t.test('R17: a hello for another generation is turned away', async t => {
  const { front, address, remote, server, route } = await pair()
  front.redirect([{ ...address, generation: address.generation + 100 }])
  const settled = await send(front, route, Buffer.from('x'))
  t.not(settled.tag, 'accepted')
  t.equal(remote.taken.length, 0)
  server.close()
  await front.drain()
})

t.test('R17: beyond the bound of its queue a peer is behind: 503, memory stays', async t => {
  const { front, server, route } = await pair({ ...defaultLimits, maxPeerQueueBytes: 100_000 })
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => send(front, route, Buffer.alloc(20_000))))
  const refused = outcomes.filter(settled => settled.tag === 'refused')
  t.ok(refused.length > 0 && refused.length < 20)
  t.match(refused[0], { error: { code: 'overloaded', status: 503 } })
  server.close()
  await front.drain()
})

t.test('queries and control requests travel, and a query can be cancelled', async t => {
  const { front, remote, server, route } = await pair()
  const asked = { source: '(+ 1 2)', params: { a: 1 }, format: 'json' } as const
  const answer = await new Promise<string>((resolve, reject) =>
    front.query(route, asked, {
      answered: (type, body) => resolve(`${type} ${Buffer.from(body as Uint8Array)}`),
      refused: reject,
    }),
  )
  t.equal(answer, 'application/json {"status":"ok","value":1}')
  t.same(remote.queries[0], asked)
  const control = (request: Parameters<FakeShard['control']>[1]) =>
    new Promise((resolve, reject) => front.control(route, request, { answered: resolve, refused: reject }))
  t.match(await control({ tag: 'settings', retention: 3 }), { customer: 'demo' })
  await t.rejects(control({ tag: 'program-put', source: 'bad' }), { code: 'syntax-error', details: { line: 1 } })
  remote.answerQuery = () => {}
  let replies = 0
  const count = () => replies++
  const cancel = front.query(route, asked, { answered: count, refused: count })
  await control({ tag: 'describe' })
  cancel()
  cancel()
  await control({ tag: 'describe' })
  t.equal(remote.cancelled, 1)
  t.equal(replies, 0)
  server.close()
  await front.drain()
})

t.test('a customer that the owner does not know, or whose incarnation differs, is refused with 401', async t => {
  const { front, remote, server, route } = await pair()
  const stranger = { ...route, incarnation: 77n, owner: 1 }
  t.match(await send(front, stranger, Buffer.from('x')), { tag: 'refused', error: { status: 401 } })
  t.equal(remote.taken.length, 0)
  server.close()
  await front.drain()
})
