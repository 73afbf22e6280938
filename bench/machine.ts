// What a result was measured on: without it a number means nothing.
import fs from 'node:fs'
import os from 'node:os'
import { seededRandom } from '../src/core/random.js'
import { canPin, commitOf, versionOf } from './processes.js'
import { summarize } from './statistics.js'
import { benchEvent } from './workload.js'

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly disk: string
  readonly node: string
  readonly pinned: boolean
  readonly commit: string
  readonly programs: Record<string, string>
  /** ns that JSON.parse takes for an event of 118 bytes, fifty in a body: how fast this machine is today. */
  readonly parseNs: number
}

/** The same on the machine that the absolute aims were set on. */
export const REFERENCE_PARSE_NS = 333

export function describeMachine(repository: string): Machine {
  const programs: Record<string, string> = {}
  const ask = (name: string, ...args: string[]) => {
    const version = versionOf(name, args)
    if (version !== undefined) programs[name] = version
  }
  ask('wrk', '--version')
  ask('redis-server', '--version')
  ask('csi', '-version')
  ask('guile', '--version')
  return {
    processor: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()}`,
    disk: diskOf(process.env['LETHE_BENCH_FOLDER'] ?? os.tmpdir()),
    node: process.version,
    pinned: canPin(),
    commit: commitOf(repository),
    programs,
    parseNs: timeParse(),
  }
}

/** The file system that holds `folder`; a tmpfs makes every commit free, so the result says so. */
function diskOf(folder: string): string {
  try {
    const mounts = fs
      .readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map(line => line.split(' '))
      .filter(([, at]) => at !== undefined && (folder === at || folder.startsWith(at === '/' ? '/' : `${at}/`)))
    mounts.sort((a, b) => b[1]!.length - a[1]!.length)
    return mounts[0]?.[2] ?? 'unknown'
  } catch {
    return 'unknown'
  }
}

export function timeParse(): number {
  const random = seededRandom(1)
  const body = Buffer.from(JSON.stringify(Array.from({ length: 50 }, () => benchEvent(random, 10_000))))
  const samples: number[] = []
  let events = 0
  for (let round = 0; round < 9; round++) {
    const start = performance.now()
    for (let i = 0; i < 500; i++) events += (JSON.parse(body.toString()) as unknown[]).length
    samples.push(((performance.now() - start) * 1e6) / 25_000)
  }
  return events > 0 ? summarize(samples).median : Number.NaN
}
