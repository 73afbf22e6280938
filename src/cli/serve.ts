// `lethe serve`: a node from its first step to its last.
import fs from 'node:fs'
import path from 'node:path'
import { type Clock, systemClock } from '../core/clock.js'
import { LetheError } from '../core/errors.js'
import { systemRandom } from '../core/random.js'
import { openControlWriter } from '../storage/control.js'
import { refuseRemains } from './backup.js'
import { readConfig } from './config.js'
import { lockData } from './data-lock.js'
import { descriptorLimit, fitToDescriptors } from './descriptors.js'
import { provision, welcome } from './first-start.js'
import { openLog } from './log.js'
import { claimPort } from './port.js'
import type { forkShard } from './shard-process.js'
import { socketFolder } from './sockets.js'
import { Supervisor } from './supervisor.js'
import { VERSION } from './version.js'

/** Memory that all shards of a node may take together, as a part of what there is. */
const MEMORY_SHARE = 0.7

export type EarlyShard = ReturnType<typeof forkShard> | undefined

/** Runs a node until a signal ends it; resolves with the exit code. `early` is the process of shard 0, started ahead. */
export async function serve(flags: Record<string, unknown>, early: EarlyShard): Promise<number> {
  try {
    return await serveUntilSignal(flags, early)
  } catch (error) {
    early?.kill('SIGKILL')
    throw error
  }
}

async function serveUntilSignal(flags: Record<string, unknown>, early: EarlyShard): Promise<number> {
  const config = await readConfig(flags, process.env)
  const jsonLog = config.jsonLog || !process.stderr.isTTY
  const log = openLog('supervisor', jsonLog)
  const limits = fitToDescriptors(config.limits, descriptorLimit(), config.shards)
  if (limits.maxConnections < config.limits.maxConnections) {
    const { maxConnections, maxOpenFiles } = limits
    // Some thousand connections fewer than by default is how many a machine is set up.
    const level = maxOpenFiles < config.limits.maxOpenFiles ? 'warn' : 'info'
    log[level]({ maxConnections, maxOpenFiles }, 'as many connections and files as ulimit -n allows')
  }
  makeFolder(config.data)
  refuseRemains(config.data)
  const lock = await lockData(
    config.data,
    `a Lethe node (version ${VERSION}, process ${process.pid}, port ${config.port})`,
  )
  const claim = await claimPort(config.host, config.port)
  const control = openControlWriter(path.join(config.data, 'control'), systemRandom)
  const { adminDigest, secrets } = await provision(control, config.adminToken, systemRandom, systemClock)
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${claim.port}`
  if (secrets) process.stdout.write(welcome(url, secrets))

  const ended = new Ending(systemClock)
  const supervisor = new Supervisor({
    start: {
      shards: config.shards,
      dataFolder: config.data,
      host: config.host,
      port: claim.port,
      retention: config.retention,
      adminDigest,
      limits,
      memoryBytes: Math.floor((availableBytes() * MEMORY_SHARE) / config.shards),
      jsonLog,
      acceptClock: config.acceptClock,
      version: VERSION,
    },
    socketFolder: socketFolder(config.data),
    control,
    clock: systemClock,
    random: systemRandom,
    log,
    early,
    hopeless: message => ended.because({ hopeless: message }),
  })
  ended.onSignals()
  await Promise.race([supervisor.serving(), ended.reason])
  if (!ended.known) {
    process.stdout.write(`Lethe ${VERSION} is ready: ${url}\n`)
    log.info({ url, shards: config.shards, data: config.data }, 'ready')
  }

  const reason = await ended.reason
  if ('signal' in reason) log.info({ signal: reason.signal }, 'draining')
  // What was acknowledged is in the journals all the same.
  ended.onHurry(() => {
    supervisor.killAll()
    process.exit(1)
  })
  const clean = await supervisor.drain()
  claim.release()
  lock.release()
  if ('hopeless' in reason) throw new LetheError('cannot-start', reason.hopeless)
  log.info({ clean }, 'stopped')
  return clean ? 0 : 1
}

/**
 * Whoever is in a hurry signals again. A terminal's Ctrl-C under `npm start` comes twice as well, to the group and passed on by npm, within
 * milliseconds: that is one.
 */
const HURRY_MS = 1_000

type EndReason = { readonly signal: string } | { readonly hopeless: string }

/** Why the node ends: a signal, or a shard that cannot begin. The first one counts. */
class Ending {
  readonly reason: Promise<EndReason>
  known = false
  private knownMs = 0
  private settle: (reason: EndReason) => void = () => {}
  private hurry: (() => void) | undefined

  constructor(private readonly clock: Clock) {
    this.reason = new Promise(resolve => {
      this.settle = resolve
    })
  }

  because(reason: EndReason): void {
    if (this.known) {
      if (this.clock.monotonicMs() - this.knownMs >= HURRY_MS) this.hurry?.()
      return
    }
    this.known = true
    this.knownMs = this.clock.monotonicMs()
    this.settle(reason)
  }

  onSignals(): void {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.because({ signal }))
  }

  /** What a signal does that comes a while after the first. */
  onHurry(act: () => void): void {
    this.hurry = act
  }
}

function makeFolder(folder: string): void {
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
    fs.accessSync(folder, fs.constants.R_OK | fs.constants.W_OK)
  } catch (error) {
    throw new LetheError('data-folder', `cannot use ${folder} as the data folder: ${(error as Error).message}`)
  }
}

/** Memory of this machine or, where it is less, of this container. */
function availableBytes(): number {
  const constrained = process.constrainedMemory()
  const machine = Number(/^MemTotal:\s+(\d+) kB/m.exec(readText('/proc/meminfo'))?.[1] ?? 4_194_304) * 1024
  return constrained > 0 && constrained < machine ? constrained : machine
}

function readText(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
