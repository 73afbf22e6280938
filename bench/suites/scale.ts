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
    name: 'scale/endurance',
    about: 'thirty minutes of load (LETHE_BENCH_MINUTES); runs only when it is named',
    placement: 'any',
    onlyByName: true,
    run: endurance,
  },
]
