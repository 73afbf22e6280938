// Rounds of kill -9 against a real node under traffic, at moments that a seed chooses.
//
// Small bounds make everything happen all the time: checkpoints, customers that leave memory, journal segments that are
// trimmed. So a kill meets each of them in the middle.
import fs from 'node:fs'
import path from 'node:path'
import { type Random, seededRandom } from '../../src/core/random.js'
import { eventually, killPid, launchNode, startNode, type TestNode } from '../node/harness.js'
import { createCustomers, sleep, Traffic, type TrafficCounts } from './traffic.js'

const CONFIG = `
[limits]
checkpointMs = 250
idleMs = 400
segmentBytes = 262144
maxFrameBytes = 131072
shardSilenceMs = 4000
`

/** What is done to the node in a round. */
const ACTIONS = ['kill a shard', 'kill the supervisor', 'kill all', 'kill a start', 'drain'] as const
type Action = (typeof ACTIONS)[number]
/** Of ten rounds, each action's share. */
const LOT: readonly Action[] = [
  'kill a shard',
  'kill a shard',
  'kill a shard',
  'kill a shard',
  'kill a shard',
  'kill the supervisor',
  'kill the supervisor',
  'kill all',
  'kill a start',
  'drain',
]

export interface TortureOptions {
  readonly folder: string
  readonly seed: number
  readonly rounds: number
  readonly customers: number
  readonly clientsEach: number
  /** A round lasts until up to so many batches were acknowledged, or for a second. */
  readonly batchesPerRound: number
  /** Rounds between two counts. */
  readonly countEvery: number
  readonly told?: (line: string) => void
}

export interface TortureReport extends TrafficCounts {
  readonly seed: number
  readonly rounds: Record<string, number>
  counted: number
  differences: string[]
}

export async function torture(options: TortureOptions): Promise<TortureReport> {
  const run = new Torture(options)
  try {
    return await run.run()
  } finally {
    await run.close()
  }
}

class Torture {
  private readonly random: Random
  private readonly data: string
  private readonly config: string
  private node!: TestNode
  private traffic: Traffic | undefined

  constructor(readonly options: TortureOptions) {
    this.random = seededRandom(options.seed)
    this.data = path.join(options.folder, 'data')
    this.config = path.join(options.folder, 'lethe.toml')
    fs.writeFileSync(this.config, CONFIG)
  }

  private below(n: number): number {
    return Math.floor(this.random.fraction() * n)
  }

  private nodeOptions() {
    return { data: this.data, shards: 1 + this.below(3), args: ['--config', this.config] }
  }

  async run(): Promise<TortureReport> {
    const { options } = this
    this.node = await startNode(this.nodeOptions())
    const customers = await createCustomers(this.node, options.customers)
    const traffic = new Traffic(() => this.node, customers, seededRandom(options.seed + 1))
    this.traffic = traffic
    const report: TortureReport = { ...traffic.counts, seed: options.seed, rounds: {}, counted: 0, differences: [] }
    traffic.start(options.clientsEach)
    for (let round = 1; round <= options.rounds; round++) {
      await traffic.progress(this.below(options.batchesPerRound), 1_000)
      await sleep(this.below(10))
      const action = LOT[this.below(LOT.length)]!
      await this.act(action)
      report.rounds[action] = (report.rounds[action] ?? 0) + 1
      if (round % options.countEvery === 0 || round === options.rounds) {
        await traffic.rest()
        await this.allServe()
        report.counted++
        report.differences = await traffic.differences()
        options.told?.(`round ${round}: ${traffic.counts.events} events, ${report.differences.length} differences`)
        if (report.differences.length > 0) break
        if (round < options.rounds) traffic.goOn()
      }
    }
    await traffic.end()
    return { ...report, ...traffic.counts }
  }

  private async act(action: Action): Promise<void> {
    switch (action) {
      case 'kill a shard': {
        const pids = this.node.shardPids()
        // It may be on its way back from the round before.
        if (pids.length > 0) killPid(pids[this.below(pids.length)]!)
        this.shardKilled = true
        return
      }
      case 'kill the supervisor':
        this.node.child.kill('SIGKILL')
        // What it logged may be read later; its shards may even outlive this start.
        this.node = await startNode(this.nodeOptions())
        return
      case 'kill all':
        await this.node.kill()
        this.node = await startNode(this.nodeOptions())
        return
      case 'kill a start': {
        await this.node.kill()
        const started = launchNode(this.nodeOptions())
        await sleep(this.below(600))
        await started.kill()
        this.node = await startNode(this.nodeOptions())
        return
      }
      case 'drain':
        // A shard killed a moment ago may not be back: a drain without it says so with exit code 1, and loses nothing.
        if ((await this.node.stop()) !== 0 && !this.shardKilled) {
          throw new Error(`a drain ended badly: ${this.node.stderr.slice(-2_000)}`)
        }
        this.shardKilled = false
        this.node = await startNode(this.nodeOptions())
    }
  }

  /** Since the last time that all shards were seen to serve, or a node was started. */
  private shardKilled = false

  private async allServe(): Promise<void> {
    await eventually(async () => ((await this.node.request('/readyz', '')).status === 200 ? true : undefined))
    // A shard killed a moment ago may be missed by nobody yet: its customers are told to try again.
    for (const { queryKey } of this.traffic?.customers ?? []) {
      const ask = () => this.node.request('/v1/query', queryKey, { method: 'POST', body: '1' })
      await eventually(async () => ((await ask()).status === 200 ? true : undefined))
    }
    this.shardKilled = false
  }

  async close(): Promise<void> {
    if (this.traffic) this.traffic.failures.push('closed')
    await this.node?.kill()
  }
}
