// Reports of all shards as Prometheus text. Loaded at the first scrape, not at boot.
//
// Each shard counts in plain numbers; the metrics are made anew for each scrape, with a label per shard, so that no
// registry has to be kept in step with them and a hot path never sees a metrics library.
import { Counter, Gauge, Registry } from 'prom-client'
import type { HistogramCounts } from '../actors/service.js'
import type { ShardReport } from './node.js'

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

type Labels = Record<string, string>

/** A registry that is filled once and written out. */
class Page {
  private readonly registry = new Registry()
  private readonly made = new Map<string, Counter | Gauge>()

  counter(name: string, help: string, labels: Labels, value: number): void {
    const counter = this.metric(name, () => new Counter(this.config(name, help, labels)))
    ;(counter as Counter).inc(labels, value)
  }

  gauge(name: string, help: string, labels: Labels, value: number): void {
    const gauge = this.metric(name, () => new Gauge(this.config(name, help, labels)))
    ;(gauge as Gauge).set(labels, value)
  }

  text(): Promise<string> {
    return this.registry.metrics()
  }

  private config(name: string, help: string, labels: Labels) {
    return { name, help, labelNames: Object.keys(labels), registers: [this.registry] }
  }

  private metric(name: string, make: () => Counter | Gauge): Counter | Gauge {
    let metric = this.made.get(name)
    if (!metric) this.made.set(name, (metric = make()))
    return metric
  }
}

/** prom-client cannot be handed a histogram that was counted elsewhere; its text is four lines. */
function histogramText(name: string, help: string, shards: readonly [Labels, HistogramCounts][]): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`]
  for (const [labels, { bounds, counts, sum }] of shards) {
    const own = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
    counts.forEach((count, i) => {
      const bound = i < bounds.length ? String(bounds[i]) : '+Inf'
      lines.push(`${name}_bucket{${[...own, `le="${bound}"`].join(',')}} ${count}`)
    })
    lines.push(`${name}_sum{${own.join(',')}} ${sum}`, `${name}_count{${own.join(',')}} ${counts.at(-1) ?? 0}`)
  }
  return `${lines.join('\n')}\n`
}

function addRequests(page: Page, { shard, http }: ShardReport): void {
  for (const [name, count] of Object.entries(http.requests)) {
    const [route = '', status = ''] = name.split(' ')
    const labels = { shard: String(shard), route, status }
    page.counter('lethe_http_requests_total', 'Requests by route and status; status 0 got no answer', labels, count)
  }
  for (const [code, count] of Object.entries(http.refused)) {
    const labels = { shard: String(shard), code }
    page.counter('lethe_ingest_refused_total', 'Ingest requests refused, by code of the error', labels, count)
  }
  page.gauge('lethe_http_connections', 'Open connections', { shard: String(shard) }, http.connections)
  page.gauge('lethe_http_in_flight', 'Requests not answered yet', { shard: String(shard) }, http.inFlight)
}

function addShard(page: Page, { shard, stats }: ShardReport): void {
  const own = { shard: String(shard) }
  for (const [outcome, count] of Object.entries(stats.eventsByOutcome)) {
    page.counter('lethe_events_total', 'Events by what became of them', { ...own, outcome }, count)
  }
  for (const [outcome, count] of Object.entries(stats.queriesByOutcome)) {
    page.counter('lethe_queries_total', 'Queries by outcome', { ...own, outcome }, count)
  }
  for (const [code, count] of Object.entries(stats.refusalsByCode)) {
    page.counter('lethe_refusals_total', 'Requests that the owning shard refused, by code', { ...own, code }, count)
  }
  page.gauge('lethe_actors', 'Customers in memory', own, stats.actors)
  page.gauge('lethe_inbox_requests', 'Requests waiting in inboxes', own, stats.inboxRequests)
  page.gauge('lethe_inbox_bytes', 'Bytes waiting in inboxes', own, stats.inboxBytes)
  page.gauge('lethe_journal_bytes', 'Bytes of retained journal segments', own, stats.journalBytes)
  page.gauge(
    'lethe_checkpoint_age_seconds',
    'Age of the oldest change in no checkpoint',
    own,
    stats.checkpointAgeSeconds,
  )
  page.gauge('lethe_open_files', 'Customer files open', own, stats.openFiles)
  page.gauge('lethe_files_set_aside', 'Customer files set aside as damaged', own, stats.filesSetAside)
  page.gauge('lethe_quarantined_events', 'Events set aside as poison', own, stats.quarantined)
  page.counter('lethe_customer_crashes_total', 'Customers dropped from memory and loaded again', own, stats.crashes)
  page.counter(
    'lethe_checkpoint_failures_total',
    'Checkpoints that could not be written',
    own,
    stats.checkpointFailures,
  )
  page.gauge('lethe_clock_disagrees', '1 while the wall clock is not believed', own, stats.clockDisagrees ? 1 : 0)
}

function addProcess(page: Page, report: ShardReport): void {
  const own = { shard: String(report.shard) }
  const { residentBytes, heapUsedBytes, externalBytes, cpuSeconds, uptimeSeconds, loopLagSeconds } = report.process
  page.gauge('lethe_resident_memory_bytes', 'Resident memory', own, residentBytes)
  page.gauge('lethe_heap_used_bytes', 'JavaScript heap in use', own, heapUsedBytes)
  page.gauge('lethe_external_memory_bytes', 'Memory of buffers outside the heap', own, externalBytes)
  page.counter('lethe_cpu_seconds_total', 'CPU time', own, cpuSeconds)
  page.gauge('lethe_uptime_seconds', 'Time since the shard started', own, uptimeSeconds)
  for (const [quantile, seconds] of Object.entries(loopLagSeconds)) {
    page.gauge('lethe_event_loop_lag_seconds', 'Event-loop delay since the last scrape', { ...own, quantile }, seconds)
  }
}

export async function metricsText(shards: readonly ShardReport[], restarts: number, version: string): Promise<string> {
  const page = new Page()
  page.gauge('lethe_info', 'Version of this node', { version }, 1)
  page.gauge('lethe_shards', 'Live shards', {}, shards.length)
  page.counter('lethe_shard_restarts_total', 'Shards that died and were started again', {}, restarts)
  for (const report of shards) {
    addRequests(page, report)
    addShard(page, report)
    addProcess(page, report)
  }
  const commits = shards.map((report): [Labels, HistogramCounts] => [
    { shard: String(report.shard) },
    report.stats.commitSeconds,
  ])
  const text = await page.text()
  return text + histogramText('lethe_commit_seconds', 'Group commits, from write to synced', commits)
}
