// Whole requests over sockets, beside servers that do nothing with them.
import type { Bench, Measuring } from '../bench.js'
import { RequestFile } from '../load/load.js'
import { FIVE_UPDATES } from '../workload.js'
import {
  contestServers,
  type HttpServer,
  type Load,
  nodeAsServer,
  nodeWith,
  noteLoader,
  PEER_NAMES,
  type PeerMode,
  startNode,
  startPeer,
  trafficOf,
} from './servers.js'

const FIVE = 'Lethe, five updates'
const BUILT_IN = 'Lethe, built-in program'
const EMPTY_AGAIN = `${PEER_NAMES.empty}, again`

type Shape = Pick<Load, 'connections' | 'label'>

/**
 * Peers and a node of each program (of the five updates alone, in a brief run). One node after the other: what one saves a minute after its rounds
 * would be the other's loss, on the one core that they have. The empty handler is measured beside both.
 */
async function contestPrograms(
  b: Measuring,
  modes: readonly PeerMode[],
  {
    customers,
    seconds,
    events,
    shapes,
  }: { customers: number; seconds: number; events: number; shapes: readonly Shape[] },
): Promise<void> {
  noteLoader(b)
  const strangersFile = new RequestFile(b.folder(), 'strangers', trafficOf(strangers(customers), events))
  const peers: HttpServer[] = []
  for (const mode of modes) {
    const peer = await startPeer(b, mode, strangersFile, events)
    if (peer !== undefined) peers.push(peer)
  }
  const five = await nodeWith(b, FIVE, FIVE_UPDATES, customers, events)
  const beside = five === undefined ? peers : [...peers, five.server]
  for (const shape of shapes) await contestServers(b, beside, { ...shape, seconds })
  if (b.brief) return
  if (!b.smoke) await five?.node.stop()
  const builtIn = await nodeWith(b, BUILT_IN, null, customers, events)
  if (builtIn === undefined) return
  const empty = peers.filter(peer => peer.name === PEER_NAMES.empty).map(peer => ({ ...peer, name: EMPTY_AGAIN }))
  for (const shape of shapes) await contestServers(b, [...empty, builtIn.server], { ...shape, seconds })
}

/** Keys for peers that look nobody up. */
function strangers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `lik_${String(i).padStart(32, '0')}`)
}

async function single(b: Measuring): Promise<void> {
  const customers = b.parameter('customers', 4, 1_000)
  const seconds = b.parameter('seconds', 0.2, 3, 1)
  const shapes = (b.smoke ? [8] : [512, 64]).map(connections => ({
    connections,
    label: `, ${connections} connections`,
  }))
  const modes: PeerMode[] = b.size === 'full' ? ['empty', 'parse', 'floor'] : ['empty']
  await contestPrograms(b, modes, { customers, seconds, events: 1, shapes })
  for (const { connections, label } of shapes) {
    const ratio = (name: string, over: string, under: string) =>
      b.ratio(`${name}${label}`, `${over}${label}`, `${under}${label}`, 'requests')
    const five = ratio('five updates : empty', FIVE, PEER_NAMES.empty)
    const builtIn = ratio('built-in : empty', BUILT_IN, EMPTY_AGAIN)
    ratio('the floor : empty', PEER_NAMES.floor, PEER_NAMES.empty)
    ratio('five updates : JSON.parse only', FIVE, PEER_NAMES.parse)
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
  const seconds = b.parameter('seconds', 0.2, 3, 1)
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
  const seconds = b.parameter('seconds', 0.2, 3, 1)
  const connections = b.parameter('connections', 8, 256)
  const events = b.parameter('events a request', 50, 50)
  const modes = ({ smoke: ['floor'], brief: ['parse', 'floor'], full: ['empty', 'parse', 'floor'] } as const)[b.size]
  await contestPrograms(b, modes, { customers, seconds, events, shapes: [{ connections, label: '' }] })
  b.ratio('five updates : JSON.parse only', FIVE, PEER_NAMES.parse, 'events')
  b.ratio('five updates : the floor', FIVE, PEER_NAMES.floor, 'events')
  b.aim('50 events a request, events/s', b.median(FIVE, 'events'), 'at least', 2_000_000)
  b.aim('50 events a request, built-in program, events/s', b.median(BUILT_IN, 'events'), 'at least', 1_200_000)
}

async function points(b: Measuring): Promise<void> {
  const customers = b.parameter('customers', 2, 100)
  const seconds = b.parameter('seconds', 0.2, 3, 1)
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
