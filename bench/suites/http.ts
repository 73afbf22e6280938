// Whole requests over sockets, beside servers that do nothing with them.
import type { Bench, Measuring } from '../bench.js'
import { RequestFile } from '../load/load.js'
import type { BenchCustomer, BenchNode } from '../node.js'
import { FIVE_UPDATES } from '../workload.js'
import {
  contestServers,
  type HttpServer,
  nodeAsServer,
  noteLoader,
  PEER_NAMES,
  type PeerMode,
  startNode,
  startPeer,
  trafficOf,
} from './servers.js'

const FIVE = 'Lethe, five updates'
const BUILT_IN = 'Lethe, built-in program'

interface Field {
  readonly servers: HttpServer[]
  readonly node: BenchNode | undefined
  readonly builtIn: BenchCustomer[]
}

/** The peers of `modes`, and a node with as many customers of each program. */
async function field(b: Measuring, modes: readonly PeerMode[], customers: number, events: number): Promise<Field> {
  noteLoader(b)
  const folder = b.folder()
  const node = await startNode(b)
  const five = (await node?.createCustomers('five', customers, FIVE_UPDATES)) ?? []
  const builtIn = (await node?.createCustomers('builtin', customers, null)) ?? []
  if (!b.smoke) await node?.settle([...five, ...builtIn])
  const keys = node === undefined ? strangers(customers) : five.map(customer => customer.ingestKey)
  const file = new RequestFile(folder, 'five', trafficOf(keys, events))
  const servers: HttpServer[] = []
  for (const mode of modes) {
    const peer = await startPeer(b, mode, file, events)
    if (peer !== undefined) servers.push(peer)
  }
  if (node !== undefined) {
    const builtInKeys = builtIn.map(customer => customer.ingestKey)
    const builtInFile = new RequestFile(folder, 'builtin', trafficOf(builtInKeys, events))
    servers.push(nodeAsServer(FIVE, node, five, file, events))
    servers.push(nodeAsServer(BUILT_IN, node, builtIn, builtInFile, events))
  }
  return { servers, node, builtIn }
}

/** Keys for peers that look nobody up. */
function strangers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `lik_${String(i).padStart(32, '0')}`)
}

async function single(b: Measuring): Promise<void> {
  const customers = b.parameter('customers', 4, 1_000)
  const seconds = b.parameter('seconds', 0.2, 3)
  const shapes = b.smoke ? [8] : [512, 64]
  const { servers } = await field(b, b.smoke ? ['empty'] : ['empty', 'parse', 'floor'], customers, 1)
  for (const connections of shapes) {
    const label = `, ${connections} connections`
    await contestServers(b, servers, { connections, seconds, label })
    const empty = `${PEER_NAMES.empty}${label}`
    const five = b.ratio(`five updates : empty${label}`, `${FIVE}${label}`, empty, 'requests')
    const builtIn = b.ratio(`built-in : empty${label}`, `${BUILT_IN}${label}`, empty, 'requests')
    b.ratio(`the floor : empty${label}`, `${PEER_NAMES.floor}${label}`, empty, 'requests')
    b.ratio(`five updates : JSON.parse only${label}`, `${FIVE}${label}`, `${PEER_NAMES.parse}${label}`, 'requests')
    const wanted = connections === 512 ? 0.85 : 0.5
    b.aim(`one event a request, ${connections} connections, ratio to an empty handler`, five, 'at least', wanted)
    b.aim(
      `its p99, ${connections} connections, ms`,
      b.median(`${FIVE}${label}`, 'p99'),
      'at most',
      connections === 512 ? 8 : 4,
    )
    if (connections === 512) b.aim('the same with the built-in program', builtIn, 'at least', 0.75)
  }
}

/** What other servers do that read the same requests and keep nothing. */
async function peers(b: Measuring): Promise<void> {
  const customers = b.parameter('customers', 4, 1_000)
  const seconds = b.parameter('seconds', 0.2, 3)
  const file = new RequestFile(b.folder(), 'peers', trafficOf(strangers(customers), 1))
  noteLoader(b)
  const servers: HttpServer[] = []
  for (const mode of ['empty', 'node', 'fastify'] as const) {
    const peer = await startPeer(b, mode, file, 1)
    if (peer !== undefined) servers.push(peer)
  }
  for (const connections of b.smoke ? [8] : [512, 64])
    await contestServers(b, servers, { connections, seconds, label: `, ${connections} connections` })
}

async function batches(b: Measuring): Promise<void> {
  const customers = b.parameter('customers', 4, 1_000)
  const seconds = b.parameter('seconds', 0.2, 3)
  const connections = b.parameter('connections', 8, 256)
  const events = b.parameter('events a request', 50, 50)
  const { servers } = await field(b, b.smoke ? ['floor'] : ['empty', 'parse', 'floor'], customers, events)
  await contestServers(b, servers, { connections, seconds, label: '' })
  b.ratio('five updates : JSON.parse only', FIVE, PEER_NAMES.parse, 'events')
  b.ratio('five updates : the floor', FIVE, PEER_NAMES.floor, 'events')
  b.aim('50 events a request, events/s', b.median(FIVE, 'events'), 'at least', 2_000_000)
  b.aim('50 events a request, built-in program, events/s', b.median(BUILT_IN, 'events'), 'at least', 1_200_000)
}

async function points(b: Measuring): Promise<void> {
  const customers = b.parameter('customers', 2, 100)
  const seconds = b.parameter('seconds', 0.2, 3)
  const connections = b.parameter('connections', 4, 64)
  const perBody = b.parameter('points a request', 500, 500)
  noteLoader(b)
  const node = await startNode(b)
  if (node === undefined) return
  const folder = b.folder()
  const known = await node.createCustomers('points', customers, null)
  if (!b.smoke) await node.settle(known)
  const keys = known.map(customer => customer.ingestKey)
  const servers = (['json', 'msgpack'] as const).map(format => {
    const file = new RequestFile(folder, format, trafficOf(keys, perBody, { what: 'points', format }))
    return nodeAsServer(format === 'json' ? 'JSON' : 'MessagePack', node, known, file, perBody)
  })
  await contestServers(b, servers, { connections, seconds, label: '' })
  b.aim('metric points as JSON, points/s', b.median('JSON', 'events'), 'at least', 1_000_000)
  b.aim('metric points as MessagePack, points/s', b.median('MessagePack', 'events'), 'at least', 1_000_000)
}

export const httpBenches: readonly Bench[] = [
  {
    name: 'http/single',
    about: 'one durable event a request, bodies rotating over the customers',
    placement: 'any',
    run: single,
  },
  {
    name: 'http/peers',
    about: 'node:http and fastify, empty; runs only when it is named',
    placement: 'any',
    onlyByName: true,
    run: peers,
  },
  {
    name: 'http/batch',
    about: 'fifty durable events a request',
    placement: 'any',
    run: batches,
  },
  {
    name: 'http/points',
    about: 'metric points in batches, built-in program',
    placement: 'any',
    run: points,
  },
]
