// `npm run replay -- FILE`: sends requests recorded from real SDKs to a running node, at a chosen rate, and says what came of them.
//
// A capture is JSON lines, each a request: {method, path, headers, body, bodyEnc}. Bodies are stored decoded, so those that came compressed
// are compressed again. The recorded keys are replaced by the one given, wherever their SDK puts it.

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { Command } from 'commander'
import { type Clock, systemClock } from '../core/clock.js'
import { LetheError } from '../core/errors.js'
import { secretOption } from './secret-option.js'

interface Recorded {
  readonly proto?: string
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly bodyEnc?: string
}

export interface ReplayOptions {
  readonly url: string
  readonly key: string
  /** Requests a second. */
  readonly rate: number
  readonly times: number
  readonly clock: Clock
}

export interface ReplayReport {
  requests: number
  /** Recorded over UDP or TCP: nothing that HTTP could send. */
  skipped: number
  unanswered: number
  statuses: Record<string, number>
  accepted: number
  duplicates: number
  rejected: number
  seconds: number
}

const KEY_PARAMETERS = ['sentry_key', 'key', 'api_key', 'apikey', 'app_key']
const KEY_HEADERS = new Set(['x-api-key', 'x-apikey', 'bugsnag-api-key', 'x-bugsnag-api-key'])
// Of the connection it was recorded on, not of the request.
const DROPPED_HEADERS = new Set([
  'host',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'expect',
  'te',
])
/** Requests in flight at once. */
const MOST_IN_FLIGHT = 64

/** The requests of a capture, one a line. */
export function readCapture(text: string): Recorded[] {
  const lines = text.split('\n').filter(line => line.trim() !== '')
  return lines.map((line, i) => {
    try {
      return JSON.parse(line) as Recorded
    } catch {
      throw new LetheError('bad-capture', `line ${i + 1} of the capture is not JSON`)
    }
  })
}

/** The path with every key in its query replaced. */
export function pathWithKey(path: string, key: string): string {
  const [before = '', query] = path.split('?', 2)
  if (query === undefined) return before
  const parts = query.split('&').map(part => {
    const name = part.split('=', 1)[0]!
    return KEY_PARAMETERS.includes(name) ? `${name}=${key}` : part
  })
  return `${before}?${parts.join('&')}`
}

/** The headers with every key replaced, less those of the old connection. */
export function headersWithKey(headers: Readonly<Record<string, string>>, key: string): Record<string, string> {
  const answer: Record<string, string> = {}
  for (const [given, value] of Object.entries(headers)) {
    const name = given.toLowerCase()
    if (DROPPED_HEADERS.has(name)) continue
    if (KEY_HEADERS.has(name)) answer[name] = key
    else if (name === 'x-sentry-auth') answer[name] = value.replace(/(sentry_key\s*=\s*)\w+/i, `$1${key}`)
    else if (name === 'authorization') answer[name] = `Bearer ${key}`
    else answer[name] = value
  }
  return answer
}

function bodyOf(request: Recorded): Uint8Array | undefined {
  if (request.body === undefined || request.body === '') return undefined
  const body = Buffer.from(request.body, request.bodyEnc === 'base64' ? 'base64' : 'utf8')
  switch (request.headers?.['content-encoding']) {
    case 'gzip':
      return gzipSync(body)
    case 'deflate':
      return deflateSync(body)
    case 'br':
      return brotliCompressSync(body)
    default:
      return body
  }
}

/** Sends a capture and counts the answers. */
export async function replay(capture: readonly Recorded[], options: ReplayOptions): Promise<ReplayReport> {
  const report: ReplayReport = {
    requests: 0,
    skipped: 0,
    unanswered: 0,
    statuses: {},
    accepted: 0,
    duplicates: 0,
    rejected: 0,
    seconds: 0,
  }
  const start = options.clock.monotonicMs()
  const inFlight = new Set<Promise<void>>()
  for (let round = 0; round < options.times; round++) {
    for (const request of capture) {
      if (request.method === undefined || request.path === undefined) {
        report.skipped++
        continue
      }
      const due = start + (report.requests * 1_000) / options.rate
      const early = due - options.clock.monotonicMs()
      if (early > 1) await sleep(early)
      if (inFlight.size >= MOST_IN_FLIGHT) await Promise.race(inFlight)
      report.requests++
      const sent = send(request, options, report).finally(() => inFlight.delete(sent))
      inFlight.add(sent)
    }
  }
  await Promise.all(inFlight)
  report.seconds = (options.clock.monotonicMs() - start) / 1_000
  return report
}

async function send(request: Recorded, options: ReplayOptions, report: ReplayReport): Promise<void> {
  const body = bodyOf(request)
  try {
    const answer = await fetch(options.url.replace(/\/+$/, '') + pathWithKey(request.path!, options.key), {
      method: request.method!,
      headers: headersWithKey(request.headers ?? {}, options.key),
      ...(body === undefined ? {} : { body }),
    })
    report.statuses[answer.status] = (report.statuses[answer.status] ?? 0) + 1
    countAnswer(await answer.text(), report)
  } catch {
    report.unanswered++
  }
}

function countAnswer(text: string, report: ReplayReport): void {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    return
  }
  if (typeof answer !== 'object' || answer === null) return
  const { accepted, duplicates, rejected } = answer as Record<string, unknown>
  if (typeof accepted === 'number') report.accepted += accepted
  if (typeof duplicates === 'number') report.duplicates += duplicates
  if (Array.isArray(rejected)) report.rejected += rejected.length
}

/** What a person wants to read of it. */
export function describeReport(report: ReplayReport): string {
  const { requests, seconds } = report
  const statuses = Object.entries(report.statuses).map(([status, n]) => `${n} × ${status}`)
  if (report.unanswered > 0) statuses.push(`${report.unanswered} unanswered`)
  const rate = seconds > 0 ? ` (${(requests / seconds).toFixed(0)}/s)` : ''
  const lines = [`${requests} requests in ${seconds.toFixed(2)} s${rate}: ${statuses.join(', ') || 'nothing to send'}`]
  lines.push(`accepted ${report.accepted}, duplicates ${report.duplicates}, rejected ${report.rejected}`)
  if (report.skipped > 0) lines.push(`${report.skipped} records are no HTTP requests and were left out`)
  return lines.join('\n')
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new LetheError('bad-option', `${text} is not a positive number`)
  return value
}

export async function runReplay(args: readonly string[], print: (line: string) => void): Promise<number> {
  const command = new Command('replay')
    .description('Sends a capture of recorded requests to a running node')
    .argument('<file...>', 'JSON lines, a request each')
    .option('--url <url>', 'where the node is', process.env['LETHE_URL'] ?? 'http://127.0.0.1:7070')
    .addOption(secretOption('--key <key>', 'the ingest key to send with', 'LETHE_KEY').makeOptionMandatory())
    .option('--rate <n>', 'requests a second', positive, 200)
    .option('--times <n>', 'how often', positive, 1)
  command.parse([...args], { from: 'user' })
  const { url, key, rate, times } = command.opts<{ url: string; key: string; rate: number; times: number }>()
  let failed = false
  for (const file of command.args) {
    const report = await replay(readCapture(readFileSync(file, 'utf8')), { url, key, rate, times, clock: systemClock })
    print(`${file}: ${describeReport(report)}`)
    failed ||= report.unanswered > 0 || Object.keys(report.statuses).some(status => Number(status) >= 400)
  }
  return failed ? 1 : 0
}
