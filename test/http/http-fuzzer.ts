// Mutated HTTP requests against a real node: valid ones, among them what real SDKs sent, with bytes flipped, cut, repeated,
// moved. Most are refused, some are still valid, some never end. Whatever comes of each: a customer whose requests nobody
// touches is served all the while, and loses nothing.
import fs from 'node:fs'
import net from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { pack } from 'msgpackr'
import { readCapture } from '../../src/cli/replay.js'
import type { Random } from '../../src/core/random.js'
import type { TestNode } from '../node/harness.js'

/** How long a request that is not answered is waited for: many wait for bytes that never come. */
const PATIENCE_MS = 250
const AT_ONCE = 64
/** One in so many is a control: valid, of the other customer. */
const CONTROL_EVERY = 25

export interface FuzzKeys {
  readonly ingestKey: string
  readonly queryKey: string
}

export interface FuzzReport {
  requests: number
  /** By status of the first answer; 0: none came. */
  readonly statuses: Record<string, number>
  controls: number
  /** Controls that were not answered 202. */
  readonly failures: string[]
}

interface Request {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

function bytesOf({ method, path, headers, body }: Request): Buffer {
  const lines = Object.entries({ Host: 'x', ...headers, 'Content-Length': String(body.length) })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n`), body])
}

/** Bodies that parsers have stumbled over elsewhere. */
const ODD_BODIES = [
  '[{"type":"event","name":"a"},{"type":"crash","error":{"type":"E","stack":["f","g"]},"fatal":true}]',
  '{"sentAt":1795199400000,"common":{"app":"1.2"},"events":[{"type":"metric","name":"m","kind":"timer","value":3}]}',
  '{"type":"event","name":"a","__proto__":{"admin":true},"constructor":{"prototype":{"x":1}}}',
  '{"type":"event","type":"crash","name":"a","name":"b"}',
  `{"type":"event","name":"deep","x":${'['.repeat(60)}${']'.repeat(60)}}`,
  `{"type":"event","name":"deeper","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
  '{"type":"event","name":"\\ud800 alone","user":"\\udc00"}',
  '{"type":"metric","name":"m","kind":"count","value":1e309}',
  `{"type":"metric","name":"m","kind":"count","value":${'9'.repeat(400)}}`,
  '{"type":"event","name":"a"}\n{"type":"event"\n\n{"type":"session","state":"start","session":"s"}\n',
]

/** Requests that are valid as they stand, or refused for one reason alone. */
function seeds({ ingestKey, queryKey }: FuzzKeys, captures: readonly string[]): Buffer[] {
  const key = { 'X-Api-Key': ingestKey }
  const found: Buffer[] = []
  const add = (method: string, path: string, headers: Record<string, string>, body: Buffer | string = '') =>
    found.push(bytesOf({ method, path, headers, body: Buffer.from(body) }))
  for (const body of ODD_BODIES) add('POST', '/v1/events', key, body)
  const body = Buffer.from(ODD_BODIES[0]!)
  add('POST', '/v1/events', { ...key, 'Content-Encoding': 'gzip' }, gzipSync(body))
  add('POST', '/v1/events', { ...key, 'Content-Encoding': 'deflate' }, deflateSync(body))
  add('POST', '/v1/events', { ...key, 'Content-Encoding': 'br' }, brotliCompressSync(body))
  add('POST', '/v1/events', { ...key, 'Content-Encoding': 'gzip' }, gzipSync(Buffer.alloc(17 << 20, ' ')))
  add('POST', '/v1/events', { ...key, 'Content-Type': 'application/msgpack' }, pack(JSON.parse(ODD_BODIES[1]!)))
  add('POST', '/v1/events', { ...key, 'Content-Type': 'application/x-ndjson' }, ODD_BODIES.at(-1)!)
  add('OPTIONS', '/v1/events', { Origin: 'http://x', 'Access-Control-Request-Method': 'POST' })
  const query = { Authorization: `Bearer ${queryKey}` }
  add('POST', '/v1/query', query, '(list (ledger (last 7)) (top 5 "event") (groups))')
  add('GET', '/v1/query?q=%28count%20%22event%22%20%22a%22%29', { ...query, Accept: 'text/csv' })
  add('GET', '/v1/program', query)
  add('GET', '/v1/customers', { Authorization: 'Bearer lat_00000000000000000000' })
  add('GET', '/metrics', {})
  for (const text of captures) {
    for (const { method = 'POST', path = '/', headers = {}, body = '', bodyEnc } of readCapture(text)) {
      const kept = Object.entries(headers).filter(([name]) => /^(content-type|x-sentry-auth|user-agent)$/i.test(name))
      const keyed = Object.fromEntries(kept.map(([name, value]) => [name, value.replace(/[0-9a-f]{32}/, ingestKey)]))
      const bytes = Buffer.from(body, bodyEnc === 'base64' ? 'base64' : 'utf8')
      found.push(bytesOf({ method, path: path.replace(/[0-9a-f]{32}/, ingestKey), headers: keyed, body: bytes }))
    }
  }
  return found
}

/** One of the mutations, or two of them, or none. */
function mutated(seed: Buffer, others: readonly Buffer[], random: Random): Buffer {
  const below = (n: number) => Math.floor(random.fraction() * n)
  const body = Math.max(0, seed.indexOf('\r\n\r\n'))
  // Most hits are behind the head: what breaks there ends before anything has looked at the body.
  const place = (bytes: Buffer) =>
    random.fraction() < 0.2 || body >= bytes.length ? below(bytes.length) : body + below(bytes.length - body)
  let bytes = Buffer.from(seed)
  for (let times = below(3); times > 0 && bytes.length > 0; times--) {
    const at = place(bytes)
    const length = 1 + below(random.fraction() < 0.8 ? 16 : 5_000)
    switch (below(8)) {
      case 0:
        bytes[at]! ^= 1 << below(8)
        break
      case 1:
        bytes = bytes.subarray(0, at)
        break
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
        break
      case 3: {
        const piece = bytes.subarray(at, at + length)
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          ...new Array<Buffer>(1 + below(20)).fill(piece),
          bytes.subarray(at),
        ])
        break
      }
      case 4:
        random.fill(bytes.subarray(at, at + length))
        break
      case 5: {
        const other = others[below(others.length)]!
        bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(place(other))])
        break
      }
      case 6:
        // Another length than the body has.
        bytes = Buffer.from(
          bytes.toString('latin1').replace(/Content-Length: \d+/, `Content-Length: ${below(2_000)}`),
          'latin1',
        )
        break
      default:
        bytes = Buffer.concat([bytes, others[below(others.length)]!])
    }
  }
  return bytes
}

/** Writes a request, in some pieces; answers the status of the first answer, 0 where none comes. */
function exchange(port: number, bytes: Buffer, random: Random): Promise<number> {
  return new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1')
    const cut = Math.floor(random.fraction() * bytes.length)
    const pieces = random.fraction() < 0.7 ? [bytes] : [bytes.subarray(0, cut), bytes.subarray(cut)]
    const leaves = random.fraction() < 0.05
    const settle = (status: number) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(status)
    }
    const timer = setTimeout(() => settle(0), PATIENCE_MS)
    socket.on('data', data => settle(Number(/^HTTP\/1\.1 (\d+)/.exec(data.toString('latin1'))?.[1] ?? 0)))
    socket.on('close', () => settle(0))
    socket.on('error', () => settle(0))
    socket.on('connect', () => {
      for (const piece of pieces) socket.write(piece)
      if (leaves) settle(0)
    })
  })
}

/** Sends `requests` mutated requests, some at a time, and controls in between. */
export async function fuzz(
  node: TestNode,
  target: FuzzKeys,
  control: FuzzKeys,
  options: { readonly requests: number; readonly random: Random; readonly captures: readonly string[] },
): Promise<FuzzReport> {
  const { requests, random, captures } = options
  const report: FuzzReport = { requests: 0, statuses: {}, controls: 0, failures: [] }
  const valid = seeds(target, captures)
  const port = Number(new URL(node.url).port)
  const client = async () => {
    while (report.requests < requests) {
      const number = report.requests++
      if (number % CONTROL_EVERY === 0) {
        const { status, text } = await node.send(control.ingestKey, { type: 'event', name: 'control', id: `${number}` })
        if (status === 202) report.controls++
        else report.failures.push(`${status} ${text}`)
      }
      const seed = valid[Math.floor(random.fraction() * valid.length)]!
      const status = await exchange(port, mutated(seed, valid, random), random)
      report.statuses[status] = (report.statuses[status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, client))
  return report
}

export function readCaptures(folder: string): string[] {
  return fs
    .readdirSync(folder)
    .filter(name => name.endsWith('.jsonl'))
    .map(name => fs.readFileSync(`${folder}/${name}`, 'utf8'))
}
