// Latency at half of what the node can do: constant rate, charged from when a request was due, while the node also
// answers queries, checkpoints everybody every half minute, and passivates visitors, who are loaded when they come again.
import type { Bench, Measuring } from '../bench.js'
import { load, loadThroughput, RequestFile } from '../load/load.js'
import type { LoadReport } from '../load/loader.js'
import type { BenchCustomer, BenchNode } from '../node.js'
import { latencyChart, lineChart, type Series } from '../svg.js'
import { FIVE_UPDATES } from '../workload.js'
import { startNode, startPeer, trafficOf } from './servers.js'

const BUCKET_SECONDS = 0.1
const QUERIES = [
  `(uniques "users" "" (last 7))`,
  `(top 10 "event" (last 7))`,
  `(uniques "users/event" "checkout-07" (last 7))`,
]

/** Visitors come so often that they fall idle in between. */
const DISTURBED = '[limits]\ncheckpointMs = 30000\nidleMs = 10000\n'
const VISITORS = 300

/** Asks a query every `everyMs`, and lets a visitor send an event, until told to stop. */
function disturb(
  node: BenchNode,
  customers: readonly BenchCustomer[],
  visitors: readonly BenchCustomer[],
  everyMs: number,
): () => Promise<number> {
  let stopped = false
  let asked = 0
  const work = (async () => {
    while (!stopped) {
      const customer = customers[asked % customers.length]!
      await node.query(customer, QUERIES[asked % QUERIES.length]!)
      await node.report(visitors[asked % visitors.length]!, '{"type":"event","name":"visit"}')
      asked++
      await new Promise(resolve => setTimeout(resolve, everyMs))
    }
  })()
  return async () => {
    stopped = true
    await work
    return asked
  }
}

function record(b: Measuring, row: string, report: LoadReport): void {
  b.sample(row, 'requests', (report.replies['202'] ?? 0) / report.seconds)
  b.sample(row, 'p50', report.latencyMs['p50']!)
  b.sample(row, 'p99', report.latencyMs['p99']!)
  b.sample(row, 'p999', report.latencyMs['p99.9']!)
  b.sample(row, 'max', report.latencyMs['max']!)
  b.sample(row, 'late', report.lateP99Ms)
  const refused = Object.entries(report.replies).filter(([status]) => status !== '202')
  if (refused.length > 0 || report.unknown > 0)
    b.note(`${row}: refused ${JSON.stringify(Object.fromEntries(refused))}, without reply ${report.unknown}`)
}

async function halfLoad(b: Measuring): Promise<void> {
  const customers = b.parameter('customers', 4, 1_000)
  const seconds = b.parameter('seconds', 0.2, 20, 5)
  const warmUp = b.parameter('seconds of them not counted', 0, 12, 2.5)
  const connections = b.parameter('connections', 8, 256)
  const node = await startNode(b, b.smoke ? {} : { config: DISTURBED })
  const visitors = (await node?.createCustomers('visitor', b.smoke ? 2 : VISITORS, FIVE_UPDATES)) ?? []
  const known = (await node?.createCustomers('five', customers, FIVE_UPDATES)) ?? []
  if (!b.smoke) await node?.settle([...visitors, ...known])
  const keys =
    node === undefined ? Array.from({ length: customers }, (_, i) => `lik_${i}`) : known.map(c => c.ingestKey)
  const file = new RequestFile(b.folder(), 'single', trafficOf(keys, 1))
  const peer = await startPeer(b, 'empty', file, 1)
  const latency: Series[] = []
  const throughput: Series[] = []
  const targets = [{ name: 'uWS, empty handler', port: peer!.port }]
  if (node !== undefined) targets.push({ name: 'Lethe, five updates', port: node.port })
  let rate = b.parameter('requests/s where nothing is measured first', 2_000, 40_000)
  if (node !== undefined && !b.smoke) {
    // Everybody is loaded and the hot path compiled before that.
    for (const seconds of b.brief ? [5] : [5, 5]) await loadThroughput(node.port, file, 512, seconds)
    const capacity = await loadThroughput(node.port, file, 512, 3)
    rate = Math.round(capacity.requestsPerSecond / 2)
  }
  const kept = b.smoke ? rate : await keptRate(b, rate, peer!.port, file, connections)
  if (rate > kept) {
    b.note(`half of capacity is ${rate} requests/s; our loader keeps time up to ${kept}, so that is the rate`)
    rate = kept
  }
  b.result.parameters['rate'] = rate
  for (let round = 0; round < b.rounds; round++) {
    for (const target of targets) {
      b.progress(`${target.name} at ${rate} requests/s, round ${round + 1} of ${b.rounds}`)
      const stop = node !== undefined && target.port === node.port ? disturb(node, known, visitors, 50) : undefined
      const report = await load({
        port: target.port,
        requests: file.path,
        connections,
        seconds,
        rate,
        // While the other server was measured everybody fell idle and was passivated: they have to be loaded again first.
        warmUp,
      })
      const asked = await stop?.()
      record(b, target.name, report)
      if (asked !== undefined) {
        b.sample(target.name, 'queries beside', asked)
        const actors = /^lethe_actors(?:\{[^}]*\})? (\d+)/m.exec(await node!.metrics())?.[1]
        if (round === 0)
          b.note(
            `of ${customers} customers and ${visitors.length} visitors ${actors} are in memory at the end of a round`,
          )
      }
      if (round > 0) continue
      latency.push({ name: target.name, points: report.percentiles })
      throughput.push({
        name: target.name,
        points: report.replied.map((count, i) => [i * BUCKET_SECONDS, count / BUCKET_SECONDS] as const),
      })
    }
  }
  b.plot('latency.svg', latencyChart(`Latency by percentile at ${rate} requests/s`, latency))
  const axes = [{ label: 'seconds' }, { label: 'requests/s' }] as const
  b.plot('throughput.svg', lineChart(`Throughput over time at ${rate} requests/s`, axes[0], axes[1], throughput))
  const row = 'Lethe, five updates'
  b.aim('latency at half of capacity, p50 ms', b.median(row, 'p50'), 'at most', 1)
  b.aim('latency at half of capacity, p99 ms', b.median(row, 'p99'), 'at most', 3)
  b.aim('latency at half of capacity, p99.9 ms', b.median(row, 'p999'), 'at most', 9)
}

/**
 * What of `wanted` our loader keeps up against a server that does nothing. It does if it is late by no more than 0.5 ms, or by
 * no more than half as much again as at a quarter of that: then the machine is what makes it late, on a loud day by two
 * milliseconds at any rate. How late it was in the measurement itself stands beside that.
 */
async function keptRate(
  b: Measuring,
  wanted: number,
  port: number,
  file: RequestFile,
  connections: number,
): Promise<number> {
  let bound = 0.5
  for (const part of [0.25, 1, 0.75, 0.5]) {
    const rate = Math.round(wanted * part)
    const report = await load({ port, requests: file.path, connections, seconds: 1.5, rate, warmUp: 0.5 })
    const late = report.lateP99Ms
    b.progress(`the loader at ${rate} requests/s: late p99 ${late} ms, latency ${report.latencyMs['p99']} ms`)
    if (part === 0.25) bound = Math.max(bound, 1.5 * late)
    else if (late <= bound && report.seconds <= 1.6) return rate
  }
  return Math.round(wanted / 4)
}

export const latencyBenches: readonly Bench[] = [
  {
    name: 'latency/half-load',
    about: 'open loop, constant rate, one durable event a request, beside queries, checkpoints and passivation',
    placement: 'any',
    run: halfLoad,
  },
]
