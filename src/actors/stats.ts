// What a shard counts for /metrics.
import type { HistogramCounts } from './service.js'

/** Upper bounds of commit latency, seconds: a good disk takes 0.2 ms, a stalled one seconds. */
const COMMIT_BOUNDS = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export class StatsCollector {
  filesSetAside = 0
  crashes = 0
  checkpointFailures = 0
  readonly refusals: Record<string, number> = Object.create(null)
  readonly queries: Record<string, number> = Object.create(null)
  private readonly commitCounts = new Array<number>(COMMIT_BOUNDS.length + 1).fill(0)
  private commitSum = 0

  refused(code: string): void {
    this.refusals[code] = (this.refusals[code] ?? 0) + 1
  }

  queried(outcome: string): void {
    this.queries[outcome] = (this.queries[outcome] ?? 0) + 1
  }

  commit(ms: number): void {
    const seconds = ms / 1000
    this.commitSum += seconds
    let bucket = 0
    while (bucket < COMMIT_BOUNDS.length && seconds > COMMIT_BOUNDS[bucket]!) bucket++
    this.commitCounts[bucket]!++
  }

  commitSeconds(): HistogramCounts {
    let total = 0
    const counts = this.commitCounts.map(count => (total += count))
    return { bounds: COMMIT_BOUNDS, counts, sum: this.commitSum }
  }
}
