// Loads a server from another core, by wrk where it is installed, else by our own loader, and says what was told back.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { findCommand, LOADER_CORE, runProcess } from '../processes.js'
import { packRequests } from '../workload.js'
import type { LoadOrder, LoadReport } from './loader.js'

const LOADER = fileURLToPath(new URL('loader.js', import.meta.url))

/** What wrk runs for each request: hand out the prepared ones in turn. */
const WRK_SCRIPT = `
local requests, count, at = {}, 0, 0
function init(arguments)
  local file = io.open(arguments[1], 'rb')
  local data = file:read('*a')
  file:close()
  local position = 1
  while position <= #data do
    local a, b, c, d = data:byte(position, position + 3)
    local size = a + b * 256 + c * 65536 + d * 16777216
    count = count + 1
    requests[count] = data:sub(position + 4, position + 3 + size)
    position = position + 4 + size
  end
end
function request()
  at = at % count + 1
  return requests[at]
end
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\\n{"requests":%d,"us":%d,"bad":%d,"lost":%d,"p50":%f,"p99":%f,"p999":%f,"max":%f}\\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max))
end
`

/** Prepared requests on disk, as both loaders read them. */
export class RequestFile {
  readonly path: string
  readonly script: string
  constructor(
    folder: string,
    name: string,
    readonly requests: readonly Buffer[],
  ) {
    this.path = path.join(folder, `${name}.requests`)
    this.script = path.join(folder, 'wrk.lua')
    fs.writeFileSync(this.path, packRequests(requests))
    fs.writeFileSync(this.script, WRK_SCRIPT)
  }
}

export interface ThroughputResult {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Requests answered 2xx. */
  readonly good: number
  /** Requests answered otherwise, or whose connection broke. */
  readonly bad: number
  /** Requests that may have been taken without the loader having seen the reply. */
  readonly unanswered: number
}

/** wrk where it is installed: it costs a quarter of a loader in JavaScript, so that the server is what is measured. */
export function throughputLoader(): 'wrk' | 'own' {
  return findCommand('wrk') === undefined ? 'own' : 'wrk'
}

/** Closed loop: `connections` connections, as fast as replies come. */
export async function loadThroughput(
  port: number,
  file: RequestFile,
  connections: number,
  seconds: number,
): Promise<ThroughputResult> {
  // wrk counts in whole seconds.
  if (throughputLoader() === 'own' || seconds < 1) {
    const report = await load({ port, requests: file.path, connections, seconds })
    const good = report.replies['202'] ?? 0
    const bad = Object.values(report.replies).reduce((sum, count) => sum + count, 0) - good
    return {
      requestsPerSecond: good / report.seconds,
      p50Ms: report.latencyMs['p50']!,
      p99Ms: report.latencyMs['p99']!,
      good,
      bad,
      unanswered: report.unknown,
    }
  }
  const duration = Math.round(seconds)
  const args = ['-t1', `-c${connections}`, `-d${duration}s`, '--timeout', '20s', '--latency', '-s', file.script]
  const output = await runProcess('wrk', [...args, `http://127.0.0.1:${port}/v1/events`, '--', file.path], {
    core: LOADER_CORE,
    timeoutMs: duration * 1000 + 30_000,
  })
  const line = output.split('\n').find(text => text.startsWith('{'))
  if (line === undefined) throw new Error(`wrk said nothing: ${output}`)
  const said = JSON.parse(line) as Record<'requests' | 'us' | 'bad' | 'lost' | 'p50' | 'p99' | 'p999' | 'max', number>
  return {
    requestsPerSecond: (said.requests - said.bad) / (said.us / 1e6),
    p50Ms: said.p50 / 1000,
    p99Ms: said.p99 / 1000,
    good: said.requests - said.bad,
    bad: said.bad + said.lost,
    unanswered: connections,
  }
}

/** Our own loader, with a rate or without, waiting for every reply. */
export async function load(order: LoadOrder): Promise<LoadReport> {
  const output = await runProcess(process.execPath, [LOADER, JSON.stringify(order)], {
    core: LOADER_CORE,
    timeoutMs: order.seconds * 2000 + 40_000,
  })
  return JSON.parse(output) as LoadReport
}
