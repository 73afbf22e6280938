// The process of one shard: composition of its parts, and what it does when its supervisor says so.
//
//   start ─▶ recover ─▶ peers may send ─▶ listen ─▶ … ─▶ quiesce ─▶ finish ─▶ exit 0
//
// It is forked before the configuration is read, so that loading its modules costs no time of its own.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { PeerServer, PeerService } from '../actors/peers.js'
import type { Routes } from '../actors/routes.js'
import { systemClock } from '../core/clock.js'
import { LetheError } from '../core/errors.js'
import type { ProcessReport, ShardReport } from '../http/node.js'
import { HttpServer } from '../http/server.js'
import { standardLibrary } from '../query/library.js'
import { builtinProgram } from '../query/program.js'
import { type LocalShard, openLocalShard } from './local-shard.js'
import { type Log, openLog, prepareLog } from './log.js'
import type { ShardStart, ToShard, ToSupervisor } from './messages.js'
import { ShardNode } from './shard-node.js'

const ALIVE_MS = 1_000
/** How often a quiescing shard looks whether all is answered. */
const QUIET_LOOK_MS = 5

/** When the library is built, if nobody has asked for it. */
const LIBRARY_MS = 1_000

/** A shard that runs. */
interface Running {
  readonly start: ShardStart
  readonly log: Log
  readonly local: LocalShard
  readonly peers: PeerService
  readonly peerServer: PeerServer
  readonly http: HttpServer
  readonly routes: Routes
  readonly node: ShardNode
}

function tell(message: ToSupervisor): void {
  if (process.connected) process.send!(message, undefined, undefined, () => {})
}

const loopDelay = monitorEventLoopDelay({ resolution: 10 })
let running: Running | undefined
// Where it was not emitted when Lethe was built, this takes 60 ms, while the supervisor still reads its configuration.
builtinProgram()

/** What the supervisor said before there was anybody to hear it: who the peers are. */
let peersKnown: Extract<ToShard, { tag: 'peers' }> | undefined

async function begin(start: ShardStart): Promise<void> {
  const log = openLog(`shard ${start.own.shard}`, start.jsonLog)
  const fatal = (error: Error) => {
    // R12: what is in flight stays unanswered; the next process recovers into a fresh segment.
    log.error({ err: error }, 'this shard ends: its journal can no longer be trusted')
    process.exit(70)
  }
  setInterval(() => tell({ tag: 'alive' }), ALIVE_MS).unref()
  const local = await openLocalShard(start, log, fatal)
  const { routes } = local
  const node = new ShardNode(start.adminDigest, tell, local.quarantined)
  const peers = new PeerService(start.own, start.shards, local.service, start.limits)
  const peerServer = new PeerServer(start.own, local.service, routes, start.limits)
  const http = new HttpServer({
    routes,
    service: peers,
    node,
    limits: start.limits,
    clock: systemClock,
    version: start.version,
    failed: (error, path) => log.error({ err: error, path }, 'a request failed'),
  })
  running = { start, log, local, peers, peerServer, http, routes, node }
  if (peersKnown) takePeers(running, peersKnown)
  if (start.shards > 1) await peerServer.listen()
  tell({ tag: 'recovered' })
  await http.listen(start.host, start.port)
  loopDelay.enable()
  tell({ tag: 'listening' })
  // A bundle has the built-in program without it. The first query, or program of somebody's own, would wait 50 ms, and all
  // others with it: better now than in the middle of the day. So would the first line of the log.
  setTimeout(standardLibrary, LIBRARY_MS).unref()
  setTimeout(prepareLog, LIBRARY_MS, start.jsonLog).unref()
}

function takePeers(shard: Running, { addresses, ready }: Extract<ToShard, { tag: 'peers' }>): void {
  shard.peers.redirect(addresses)
  shard.node.ready = ready
}

function reportOf({ start, local, http }: Running): ShardReport {
  return { shard: start.own.shard, stats: local.service.stats(), http: http.report(), process: processReport() }
}

function processReport(): ProcessReport {
  const { rss, heapUsed, external } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  const seconds = (nanoseconds: number) => (Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e9 - 0.01) : 0)
  const loopLagSeconds = {
    mean: seconds(loopDelay.mean),
    p99: seconds(loopDelay.percentile(99)),
    max: seconds(loopDelay.max),
  }
  loopDelay.reset()
  return {
    residentBytes: rss,
    heapUsedBytes: heapUsed,
    externalBytes: external,
    cpuSeconds: (user + system) / 1e6,
    uptimeSeconds: systemClock.monotonicMs() / 1000,
    loopLagSeconds,
  }
}

/** This shard's part in a backup. Only a LetheError, or the disk, can fail here: neither is a reason to end. */
async function backUp(shard: Running, { ask, step, target }: Extract<ToShard, { tag: 'backup' }>): Promise<void> {
  try {
    tell({ tag: 'backed-up', ask, files: await shard.local.backup(step, target) })
  } catch (error) {
    const { code = 'backup-failed', status = 500 } = error instanceof LetheError ? error : {}
    tell({ tag: 'backed-up', ask, files: [], error: { code, status, message: (error as Error).message } })
  }
}

/** Takes nothing new, and says so when all that was taken is answered. */
function quiesce(shard: Running): void {
  shard.http.stopAccepting()
  const look = () => {
    if (shard.http.inFlight > 0) return void setTimeout(look, QUIET_LOOK_MS)
    tell({ tag: 'quiet' })
  }
  look()
}

/** Every shard is quiet: commit, checkpoint, close, exit. */
async function finish(shard: Running): Promise<void> {
  setInterval(() => tell({ tag: 'saving', left: shard.local.service.unsaved }), ALIVE_MS).unref()
  await shard.peers.drain()
  shard.peerServer.close()
  shard.http.close()
  await shard.local.close()
  process.exit(0)
}

function take(message: ToShard): void {
  const shard = running
  switch (message.tag) {
    case 'start':
      begin(message.start).catch(giveUp)
      return
    case 'peers':
      peersKnown = message
      if (shard) takePeers(shard, message)
      return
    case 'changed':
      shard?.routes.refresh(message.customer)
      return tell({ tag: 'changed', change: message.change })
    case 'answered':
      return shard?.node.answered(message.ask, message.value)
    case 'refused':
      return shard?.node.refused(message.ask, message.error)
    case 'report':
      if (shard) tell({ tag: 'report', ask: message.ask, report: reportOf(shard) })
      return
    case 'backup':
      return shard && void backUp(shard, message)
    case 'quiesce':
      // One that has not begun has nothing to answer and nothing to save.
      return shard ? quiesce(shard) : process.exit(0)
    case 'finish':
      if (shard) finish(shard).catch(giveUp)
  }
}

/** A LetheError is something a person can act on (a damaged journal, a port): starting again would not help. */
function giveUp(error: unknown): void {
  if (!(error instanceof LetheError)) throw error
  const { code, message } = error
  process.send!({ tag: 'hopeless', code, message } satisfies ToSupervisor, undefined, undefined, () => process.exit(78))
}

process.on('message', message => take(message as ToShard))
process.on('disconnect', () => process.exit(71))
process.on('uncaughtException', error => {
  if (running) running.log.error({ err: error }, 'this shard ends: something is broken')
  else process.stderr.write(`${error.stack ?? error.message}\n`)
  process.exit(70)
})
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
