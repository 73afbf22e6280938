// The loader, as a process of its own on its own core:
//   node loader.js '{"port":…,"requests":FILE,"connections":…,"seconds":…,"rate":…}'  →  one line of JSON
//
// Closed loop (no rate): every connection sends its next request when it has the reply of the last.
// Open loop (rate): request i is due at start + i / rate, whether or not earlier ones were answered, and its latency counts
// from when it was due. A server that stalls is charged for every request that would have been sent meanwhile, which is what
// "no coordinated omission" means. How late the loader itself sent is measured too (`lateP99Ms`): where that is as great
// as the latency, the loader and not the server is at its limit.
//
// It ends by waiting for the replies that are still out, so that `accepted` is exactly what the server said.
import fs from 'node:fs'
import { build, type Histogram } from 'hdr-histogram-js'
import { unpackRequests } from '../workload.js'
import { LoadConnection, type ReplySink } from './connection.js'

export interface LoadOrder {
  readonly port: number
  /** File of prepared requests. */
  readonly requests: string
  readonly connections: number
  readonly seconds: number
  /** Requests a second; left out, as fast as replies come. */
  readonly rate?: number
  /** Stops after this many requests. */
  readonly limit?: number
  /** Seconds at the start whose latencies are not recorded. */
  readonly warmUp?: number
}

export interface LoadReport {
  readonly sent: number
  readonly replies: Record<string, number>
  /** Sum of what the replies said was accepted. */
  readonly accepted: number
  /** Requests without a reply. */
  readonly unknown: number
  readonly brokenBy: string
  readonly seconds: number
  readonly latencyMs: Record<string, number>
  /** [quantile, ms] for a plot. */
  readonly percentiles: (readonly [number, number])[]
  readonly lateP99Ms: number
  /** Replies in each tenth of a second. */
  readonly replied: number[]
  /** Greatest latency in each tenth of a second, ms. */
  readonly worstMs: number[]
}

const BUCKET_MS = 100
/** How long after the end a missing reply is waited for. */
const PATIENCE_MS = 10_000

class Loader implements ReplySink {
  private readonly requests: Buffer[]
  private readonly latency: Histogram = newHistogram()
  private readonly late: Histogram = newHistogram()
  // In turn: a connection that waits long is closed by the server.
  private readonly idle: LoadConnection[] = []
  private nextIdle = 0
  private readonly connections: LoadConnection[] = []
  private readonly replies: Record<string, number> = {}
  private readonly repliedIn: number[] = []
  private readonly worstIn: number[] = []
  private sent = 0
  private accepted = 0
  private inFlight = 0
  private unknown = 0
  private brokenBy = ''
  private startedAt = 0
  private stopping = false
  private lastReplyAt = 0

  constructor(private readonly order: LoadOrder) {
    this.requests = unpackRequests(fs.readFileSync(order.requests))
  }

  async run(): Promise<LoadReport> {
    await this.connect()
    this.startedAt = performance.now()
    if (this.order.rate === undefined) await this.closedLoop()
    else await this.openLoop(this.order.rate)
    this.stopping = true
    const deadline = performance.now() + PATIENCE_MS
    while (this.inFlight > 0 && performance.now() < deadline) await pause(5)
    for (const connection of this.connections) connection.close()
    return this.report()
  }

  private connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      let missing = this.order.connections
      const timer = setTimeout(() => reject(new Error(`${missing} connections were not accepted`)), 10_000)
      for (let i = 0; i < this.order.connections; i++) {
        const connection = new LoadConnection(this.order.port, this, () => {
          this.connections.push(connection)
          this.idle.push(connection)
          if (--missing === 0) {
            clearTimeout(timer)
            resolve()
          }
        })
      }
    })
  }

  private async closedLoop(): Promise<void> {
    for (const connection of this.idle.splice(0)) this.dispatch(connection, performance.now())
    await pause(this.order.seconds * 1000, () => this.inFlight === 0)
  }

  /** Keeps one core busy looking at the clock: timers of a millisecond would be coarser than what is measured. */
  private openLoop(rate: number): Promise<void> {
    const total = Math.min(this.order.limit ?? Number.POSITIVE_INFINITY, Math.floor(this.order.seconds * rate))
    const intervalMs = 1000 / rate
    const giveUpAt = this.startedAt + this.order.seconds * 2000 + 1000
    return new Promise(resolve => {
      const turn = () => {
        const now = performance.now()
        while (this.sent < total) {
          const dueAt = this.startedAt + this.sent * intervalMs
          if (dueAt > now) break
          const connection = this.takeIdle()
          if (connection === undefined) break
          this.dispatch(connection, dueAt)
        }
        if (this.sent >= total || now > giveUpAt || this.brokenBy !== '') resolve()
        else setImmediate(turn)
      }
      turn()
    })
  }

  private takeIdle(): LoadConnection | undefined {
    const connection = this.idle[this.nextIdle]
    if (connection === undefined) return undefined
    this.nextIdle++
    if (this.nextIdle >= 1024) {
      this.idle.splice(0, this.nextIdle)
      this.nextIdle = 0
    }
    return connection
  }

  private dispatch(connection: LoadConnection, dueAt: number): void {
    connection.intendedAt = dueAt
    const request = this.requests[this.sent % this.requests.length]!
    this.sent++
    this.inFlight++
    connection.send(request)
    if (this.order.rate === undefined) return
    const now = performance.now()
    if (now - this.startedAt >= (this.order.warmUp ?? 0) * 1000) this.late.recordValue(microseconds(now - dueAt))
  }

  replied(connection: LoadConnection, status: number, accepted: number): void {
    const now = performance.now()
    this.lastReplyAt = now
    this.inFlight--
    this.replies[status] = (this.replies[status] ?? 0) + 1
    this.accepted += accepted
    const sinceStart = now - this.startedAt
    const tookMs = now - connection.intendedAt
    if (sinceStart >= (this.order.warmUp ?? 0) * 1000) this.latency.recordValue(microseconds(tookMs))
    const bucket = Math.floor(sinceStart / BUCKET_MS)
    this.repliedIn[bucket] = (this.repliedIn[bucket] ?? 0) + 1
    this.worstIn[bucket] = Math.max(this.worstIn[bucket] ?? 0, tookMs)
    const more = this.order.rate === undefined && !this.stopping && sinceStart < this.order.seconds * 1000
    if (more && this.sent < (this.order.limit ?? Number.POSITIVE_INFINITY)) this.dispatch(connection, now)
    else this.idle.push(connection)
  }

  broken(connection: LoadConnection, reason: string): void {
    this.brokenBy ||= reason
    if (connection.busy) {
      this.inFlight--
      this.unknown++
      return
    }
    const at = this.idle.indexOf(connection, this.nextIdle)
    if (at >= 0) this.idle.splice(at, 1)
  }

  private report(): LoadReport {
    const quantiles = [0, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 100]
    const at = (quantile: number) => this.latency.getValueAtPercentile(quantile) / 1000
    return {
      sent: this.sent,
      replies: this.replies,
      accepted: this.accepted,
      unknown: this.unknown + this.inFlight,
      brokenBy: this.brokenBy,
      seconds: (Math.max(this.lastReplyAt, this.startedAt + 1) - this.startedAt) / 1000,
      latencyMs: { p50: at(50), p90: at(90), p99: at(99), 'p99.9': at(99.9), max: at(100) },
      percentiles: quantiles.map(quantile => [quantile, at(quantile)] as const),
      lateP99Ms: this.late.getValueAtPercentile(99) / 1000,
      replied: Array.from(this.repliedIn, count => count ?? 0),
      worstMs: Array.from(this.worstIn, worst => worst ?? 0),
    }
  }
}

function newHistogram(): Histogram {
  return build({ lowestDiscernibleValue: 1, highestTrackableValue: 120_000_000, numberOfSignificantValueDigits: 3 })
}

function microseconds(ms: number): number {
  return Math.max(1, Math.round(ms * 1000))
}

async function pause(ms: number, enough: () => boolean = () => false): Promise<void> {
  const end = performance.now() + ms
  while (performance.now() < end && !enough()) await new Promise(resolve => setTimeout(resolve, 5))
}

const order = JSON.parse(process.argv[2] ?? '{}') as LoadOrder
const report = await new Loader(order).run()
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0))
