// Servers under the same load, in turns: what the HTTP benchmarks share.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Measuring } from '../bench.js'
import { load, loadThroughput, RequestFile, throughputLoader } from '../load/load.js'
import { type BenchCustomer, BenchNode, nodeIsBuilt } from '../node.js'
import { cpuSeconds, freePort, SERVER_CORE, startProcess } from '../processes.js'
import { buildRequests, type Traffic } from '../workload.js'

const PEER = fileURLToPath(new URL('../peers/http-server.js', import.meta.url))
const FLOOR = fileURLToPath(new URL('../peers/floor.js', import.meta.url))

export interface HttpServer {
  readonly name: string
  readonly port: number
  readonly pid: number
  readonly file: RequestFile
  readonly eventsPerRequest: number
  /** Events it has taken so far, from its own books; absent where it keeps none. */
  readonly events?: () => Promise<number>
}

export type PeerMode = 'empty' | 'parse' | 'node' | 'fastify' | 'floor'

export const PEER_NAMES: Record<PeerMode, string> = {
  empty: 'uWS, empty handler',
  parse: 'uWS + JSON.parse',
  node: 'node:http, empty',
  fastify: 'fastify, empty',
  floor: 'the floor: durable, five updates, nothing else',
}

/** Starts a peer server; undefined where it is not installed. */
export async function startPeer(
  b: Measuring,
  mode: PeerMode,
  file: RequestFile,
  eventsPerRequest: number,
): Promise<HttpServer | undefined> {
  if (mode === 'fastify' && !isInstalled('fastify')) {
    b.note('fastify is not installed (npm install --no-save fastify)')
    return undefined
  }
  const port = await freePort()
  const program = mode === 'floor' ? [FLOOR, String(port), b.folder()] : [PEER, mode, String(port)]
  const server = await startProcess(process.execPath, program, {
    core: SERVER_CORE,
    ready: output => output.includes('ready'),
  })
  b.atEnd(async () => void (await server.stop('SIGKILL')))
  return { name: PEER_NAMES[mode], port, pid: server.pid, file, eventsPerRequest }
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name)
    return true
  } catch {
    return false
  }
}

/** Starts a node for the benchmark; undefined, with a note, where the command is not built. */
export async function startNode(
  b: Measuring,
  options: { shards?: number; config?: string } = {},
): Promise<BenchNode | undefined> {
  if (!nodeIsBuilt()) {
    b.note('the lethe command is not built here: only its peers were measured')
    return undefined
  }
  if (b.smoke && options.config === undefined && options.shards === undefined) {
    shared ??= startShared()
    return shared
  }
  const node = await BenchNode.start(b.folder(), options)
  b.atEnd(() => node.stop())
  return node
}

// The tests have seconds for all benchmarks: there, those that need nothing special of their node have one together.
let shared: Promise<BenchNode> | undefined
const sharedFolders: string[] = []

function startShared(): Promise<BenchNode> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lethe-bench-shared-'))
  sharedFolders.push(folder)
  return BenchNode.start(folder)
}

/** Ends what several benchmarks of this process have used. */
export async function stopShared(): Promise<void> {
  const node = await shared
  shared = undefined
  await node?.stop()
  for (const folder of sharedFolders.splice(0)) fs.rmSync(folder, { recursive: true, force: true })
}

/** A node whose customers all run `program`, as a server; undefined where the command is not built. */
export async function nodeWith(
  b: Measuring,
  name: string,
  program: string | null,
  customers: number,
  events: number,
): Promise<{ server: HttpServer; node: BenchNode } | undefined> {
  const node = await startNode(b)
  if (node === undefined) return undefined
  const known = await node.createCustomers(program === null ? 'builtin' : 'five', customers, program)
  if (!b.smoke) await node.settle(known)
  const keys = known.map(customer => customer.ingestKey)
  const file = new RequestFile(b.folder(), 'requests', trafficOf(keys, events))
  return { server: nodeAsServer(name, node, known, file, events), node }
}

/** The node, seen as a server for the traffic of some of its customers. */
export function nodeAsServer(
  name: string,
  node: BenchNode,
  customers: readonly BenchCustomer[],
  file: RequestFile,
  eventsPerRequest: number,
): HttpServer {
  const events = async () => {
    const ledger = await node.ledger(customers)
    return ledger.applied
  }
  return { name, port: node.port, pid: node.process.pid, file, eventsPerRequest, events }
}

export function trafficOf(
  keys: readonly string[],
  eventsPerBody: number,
  more: Partial<Traffic> = {},
): readonly Buffer[] {
  const bodiesPerCustomer = eventsPerBody === 1 ? 8 : 2
  return buildRequests({
    keys,
    eventsPerBody,
    bodiesPerCustomer,
    what: 'events',
    format: 'json',
    users: 10_000,
    seed: 1,
    ...more,
  })
}

export interface Load {
  readonly connections: number
  readonly seconds: number
  /** Written behind the server's name in the row. */
  readonly label: string
}

/** V8 compiles the hot path in the first seconds of load, and goes on for half a minute: 844,000 events/s in the first three rounds of two seconds after 12, 959,000 in the last three of twelve. */
const FIRST_WARM_UP_SECONDS = 30
const NEXT_WARM_UP_SECONDS = 3
/** In a brief run; a peer has little to compile. */
const BRIEF_WARM_UP_SECONDS = 10
const BRIEF_PEER_WARM_UP_SECONDS = 2

function warmUpSeconds(b: Measuring, server: HttpServer): number {
  const isFirst = !warmed.has(server.pid)
  if (!b.brief) return isFirst ? FIRST_WARM_UP_SECONDS : NEXT_WARM_UP_SECONDS
  if (!isFirst) return 1
  return server.events === undefined ? BRIEF_PEER_WARM_UP_SECONDS : BRIEF_WARM_UP_SECONDS
}

/** Processes that have had the first. */
const warmed = new Set<number>()

/** Load that is not counted, and a breath after it. */
export async function warmUp(b: Measuring, server: HttpServer, connections: number): Promise<void> {
  if (b.smoke) return
  const seconds = warmUpSeconds(b, server)
  warmed.add(server.pid)
  await loadThroughput(server.port, server.file, connections, seconds)
  await new Promise(resolve => setTimeout(resolve, 200))
}

/** Loads every server in turn, round after round, and checks the books of those that keep any. */
export async function contestServers(b: Measuring, servers: readonly HttpServer[], order: Load): Promise<void> {
  for (const server of servers) {
    b.progress(`${server.name}${order.label}, warming up`)
    await warmUp(b, server, order.connections)
  }
  for (let round = 0; round < b.rounds; round++) {
    for (const server of servers) {
      const row = `${server.name}${order.label}`
      b.progress(`${row}, round ${round + 1} of ${b.rounds}`)
      const before = await server.events?.()
      const cpuBefore = cpuSeconds(server.pid)
      const seen = await loadThroughput(server.port, server.file, order.connections, order.seconds)
      const cpu = cpuSeconds(server.pid) - cpuBefore
      b.sample(row, 'requests', seen.requestsPerSecond)
      if (server.eventsPerRequest > 1) b.sample(row, 'events', seen.requestsPerSecond * server.eventsPerRequest)
      b.sample(row, 'p50', seen.p50Ms)
      b.sample(row, 'p99', seen.p99Ms)
      if (Number.isFinite(cpu) && seen.good > 0) b.sample(row, 'cpu', (cpu * 1e6) / seen.good)
      if (seen.bad > 0) b.note(`${row}: ${seen.bad} requests were refused or failed in round ${round + 1}`)
      if (server.events !== undefined && before !== undefined)
        await checkBooks(row, server.events, before, {
          atLeast: seen.good * server.eventsPerRequest,
          atMost: (seen.good + seen.bad + seen.unanswered) * server.eventsPerRequest,
        })
    }
  }
  // Our own loader, which the tests use, has waited for every reply already.
  if (b.smoke) return
  for (const server of servers) if (server.events !== undefined) await checkDrained(b, server)
}

/**
 * wrk ends without waiting for the replies that are out, so what it was told is a lower bound, and the requests that
 * were out at the end the upper one.
 */
async function checkBooks(
  row: string,
  events: () => Promise<number>,
  before: number,
  told: { atLeast: number; atMost: number },
): Promise<void> {
  // Until it says what was told, and twice the same: what was under way when the loader left is still being applied.
  let counted = (await events()) - before
  for (let i = 0; i < 100; i++) {
    await new Promise(resolve => setTimeout(resolve, 50))
    const earlier = counted
    counted = (await events()) - before
    if (counted === earlier && counted >= told.atLeast) break
  }
  if (counted < told.atLeast || counted > told.atMost)
    throw new Error(`${row}: the ledger says ${counted} events, the loader was told ${told.atLeast} to ${told.atMost}`)
}

/** A run of our own loader, which waits for every reply: the ledger has to say exactly what the replies said. */
async function checkDrained(b: Measuring, server: HttpServer): Promise<void> {
  const before = await server.events!()
  const report = await load({
    port: server.port,
    requests: server.file.path,
    connections: 64,
    seconds: 2,
    limit: 50_000,
  })
  if (report.unknown > 0)
    throw new Error(`${server.name}: ${report.unknown} requests had no reply (${report.brokenBy})`)
  const counted = (await server.events!()) - before
  if (counted !== report.accepted)
    throw new Error(`${server.name}: the ledger says ${counted} events, the replies ${report.accepted}`)
  b.note(`${server.name}: after ${report.sent} requests under load the ledger equals the replies: ${counted} events`)
}

/** Said once in each result that is loaded over HTTP. */
export function noteLoader(b: Measuring): void {
  if (throughputLoader() === 'own')
    b.note('wrk is not installed (Debian: apt-get install wrk): loaded by our own loader, which may be the limit')
}
