// What changes when there is more of something: customers, keys, shards, time.
import fs from 'node:fs'
import type { Bench, Measuring } from '../bench.js'
import { loadThroughput, RequestFile } from '../load/load.js'
import type { BenchNode } from '../node.js'
import { readable } from '../statistics.js'
import { lineChart } from '../svg.js'
import { FIVE_UPDATES, type Traffic } from '../workload.js'
import { contestServers, type HttpServer, nodeAsServer, noteLoader, startNode, trafficOf } from './servers.js'

const EVENTS = 50

async function server(
  b: Measuring,
  node: BenchNode,
  name: string,
  prefix: string,
  customers: number,
  more: Partial<Traffic> = {},
  events = EVENTS,
): Promise<HttpServer> {
  const known = await node.createCustomers(prefix, customers, FIVE_UPDATES)
  const keys = known.map(customer => customer.ingestKey)
  const file = new RequestFile(b.folder(), prefix, trafficOf(keys, events, more))
  return nodeAsServer(name, node, known, file, events)
}

async function growth(b: Measuring): Promise<void> {
  const seconds = b.parameter('seconds', 0.2, 3)
  const connections = b.parameter('connections', 8, 256)
  noteLoader(b)
  const node = await startNode(b)
  if (node === undefined) return
  for (const [what, sizes] of [
    ['customers', b.smoke ? [2, 4] : [10, 1_000, 10_000]],
    ['keys a customer, 10 customers', b.smoke ? [10, 20] : [100, 10_000, 100_000]],
  ] as const) {
    const servers: HttpServer[] = []
    for (const size of sizes) {
      const name = `${readable(size)} ${what}`
      b.progress(`making ${name}`)
      if (what === 'customers') {
        const bodiesPerCustomer = Math.ceil((b.smoke ? 8 : 10_000) / size)
        servers.push(await server(b, node, name, `many-${size}`, size, { bodiesPerCustomer }))
      } else {
        const bodiesPerCustomer = b.smoke ? 2 : 2_000
        servers.push(await server(b, node, name, `keys-${size}`, b.smoke ? 2 : 10, { bodiesPerCustomer, names: size }))
      }
    }
    await contestServers(b, servers, { connections, seconds, label: '' })
    const last = servers.at(-1)!.name
    const first = servers[0]!.name
    const ratio = b.ratio(`events/s, ${last} : ${first}`, last, first, 'events')
    b.aim(`events/s with ${last}, of those with ${first}`, ratio, 'at least', 0.9)
  }
}

async function shards(b: Measuring): Promise<void> {
  const customers = b.parameter('customers', 8, 1_000)
  const seconds = b.parameter('seconds', 0.2, 3)
  const connections = b.parameter('connections', 8, 512)
  noteLoader(b)
  const servers: HttpServer[] = []
  for (const count of [1, 2]) {
    const node = await startNode(b, { shards: count })
    if (node === undefined) return
    servers.push(await server(b, node, `${count} shard${count > 1 ? 's' : ''}, same core`, 'c', customers, {}, 1))
  }
  await contestServers(b, servers, { connections, seconds, label: '' })
  const more = b.median('2 shards, same core', 'cpu') - b.median('1 shard, same core', 'cpu')
  // Every other request lands on the shard that does not own its customer.
  b.aim('CPU of a request that lands on the wrong shard, µs more', 2 * more, 'at most', 3)
  b.note('both shards have the one measured core: only CPU a request says anything, and commits are half as large')
}

async function endurance(b: Measuring): Promise<void> {
  const customers = b.parameter('customers', 4, 1_000)
  const connections = b.parameter('connections', 8, 256)
  const slices = b.parameter('slices', 2, Number(process.env['LETHE_BENCH_MINUTES'] ?? 30) * 6)
  const seconds = b.parameter('seconds a slice', 0.2, 10)
  noteLoader(b)
  const node = await startNode(b)
  if (node === undefined) return
  const target = await server(b, node, 'Lethe, five updates', 'c', customers, { bodiesPerCustomer: b.smoke ? 2 : 20 })
  const rates: [number, number][] = []
  const memory: [number, number][] = []
  for (let slice = 0; slice < slices; slice++) {
    const seen = await loadThroughput(target.port, target.file, connections, seconds)
    const minute = ((slice + 1) * seconds) / 60
    rates.push([minute, seen.requestsPerSecond * EVENTS])
    memory.push([minute, residentMiB(target.pid)])
    b.progress(
      `minute ${minute.toFixed(1)}: ${readable(rates.at(-1)![1])} events/s, ${readable(memory.at(-1)![1])} MiB`,
    )
    if (seen.bad > 0) b.note(`slice ${slice + 1}: ${seen.bad} requests were refused or failed`)
  }
  const part = Math.max(1, Math.floor(slices / 6))
  for (const [, rate] of rates.slice(0, part)) b.sample('first sixth', 'events', rate)
  for (const [, rate] of rates.slice(-part)) b.sample('last sixth', 'events', rate)
  const axis = { label: 'minutes' }
  b.plot(
    'endurance.svg',
    lineChart('Events a second over time', axis, { label: 'events/s' }, [{ name: 'five updates', points: rates }]),
  )
  b.plot(
    'memory.svg',
    lineChart('Memory of the node over time', axis, { label: 'MiB' }, [{ name: 'resident', points: memory }]),
  )
  const ratio = b.median('last sixth', 'events') / b.median('first sixth', 'events')
  if (!b.smoke) b.aim('events/s of the last minutes, of the first', ratio, 'at least', 0.9)
}

/** What of a metric /metrics says, summed over shards. */
async function metric(node: BenchNode, name: string): Promise<number> {
  const lines = (await node.metrics())
    .split('\n')
    .filter(line => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

/** How long after a kill -9 at full load all customers have answered, when all ask at once: each replays its journal first. */
async function recovery(b: Measuring): Promise<void> {
  const customers = b.parameter('customers', 8, 1_000)
  const connections = b.parameter('connections', 8, 256)
  const seconds = b.parameter('seconds of load', 0.2, 30)
  noteLoader(b)
  for (let round = 0; round < b.rounds; round++) {
    const node = await startNode(b, { shards: 1 })
    if (node === undefined) return
    const known = await node.createCustomers('c', customers, FIVE_UPDATES)
    if (!b.smoke) await node.settle(known)
    const file = new RequestFile(
      b.folder(),
      'requests',
      trafficOf(
        known.map(customer => customer.ingestKey),
        EVENTS,
      ),
    )
    const before = await node.ledger(known)
    const seen = await loadThroughput(node.port, file, connections, seconds)
    const held = await metric(node, 'lethe_journal_bytes')
    const start = performance.now()
    await node.crash()
    const ready = performance.now()
    const after = await node.ledger(known, customers)
    const answered = performance.now()
    const counted = after.applied - before.applied
    const told = { atLeast: seen.good * EVENTS, atMost: (seen.good + seen.bad + seen.unanswered) * EVENTS }
    if (counted < told.atLeast || counted > told.atMost)
      throw new Error(
        `the ledger says ${counted} events after the crash, the loader was told ${told.atLeast} to ${told.atMost}`,
      )
    b.sample('kill -9 at full load', 'events before', counted / seconds)
    b.sample('kill -9 at full load', 'journal MiB', held / 2 ** 20)
    b.sample('kill -9 at full load', 's until it is ready', (ready - start) / 1000)
    b.sample('kill -9 at full load', 's more until all have answered', (answered - ready) / 1000)
    b.progress(
      `round ${round + 1} of ${b.rounds}: ${readable(counted)} events, all answered after ${readable((answered - start) / 1000)} s`,
    )
    await node.stop()
  }
  const all = b.median('kill -9 at full load', 's more until all have answered')
  if (!b.smoke) b.aim('s until a thousand customers have answered after kill -9 at full load', all, 'at most', 30)
  b.note('after each crash the ledger held what the loader had been told')
}

/** Resident memory of a process and its children, MiB. */
function residentMiB(pid: number): number {
  let pages = 0
  const visit = (id: string): void => {
    try {
      pages += Number(fs.readFileSync(`/proc/${id}/statm`, 'utf8').split(' ')[1])
      const children = fs.readFileSync(`/proc/${id}/task/${id}/children`, 'utf8')
      for (const child of children.split(' ')) if (child !== '') visit(child)
    } catch {
      // It ended meanwhile, or this is not Linux.
    }
  }
  visit(String(pid))
  return (pages * 4096) / 2 ** 20
}

export const scaleBenches: readonly Bench[] = [
  {
    name: 'scale/growth',
    about: 'more customers, more keys, over HTTP; runs only when it is named',
    placement: 'any',
    onlyByName: true,
    run: growth,
  },
  {
    name: 'scale/shards',
    about: 'two shards against one, on the same core; runs only when it is named',
    placement: 'any',
    onlyByName: true,
    run: shards,
  },
  {
    name: 'scale/recovery',
    about: 'a thousand customers back at once after kill -9 at full load; runs only when it is named',
    placement: 'any',
    onlyByName: true,
    run: recovery,
  },
  {
    name: 'scale/endurance',
    about: 'thirty minutes of load (LETHE_BENCH_MINUTES); runs only when it is named',
    placement: 'any',
    onlyByName: true,
    run: endurance,
  },
]
