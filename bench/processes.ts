// Processes of a benchmark: pinned to a core, bounded in time, and never left behind.
//
// The measured server has core 0, the loader core 1. A child dies with us even if we are killed: setpriv asks the kernel
// for that where it is installed, and at a normal end every process group still alive is killed.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'

export const SERVER_CORE = 0
export const LOADER_CORE = 1

const found = new Map<string, string | undefined>()

/** Where a command is, or undefined. */
export function findCommand(name: string): string | undefined {
  if (!found.has(name)) {
    const folders = (process.env['PATH'] ?? '').split(':')
    found.set(
      name,
      folders.map(folder => `${folder}/${name}`).find(file => fs.existsSync(file)),
    )
  }
  return found.get(name)
}

/** True where processes can be kept apart: two cores and taskset. */
export function canPin(): boolean {
  return os.availableParallelism() >= 2 && findCommand('taskset') !== undefined
}

/** What comes before a command so that it runs on `core` and dies with us. */
function launcher(core: number | undefined): string[] {
  const words: string[] = []
  if (findCommand('setpriv') !== undefined) words.push('setpriv', '--pdeathsig', 'KILL')
  if (core !== undefined && canPin()) words.push('taskset', '-c', String(core))
  return words
}

const alive = new Set<ChildProcess>()

function killAll(): void {
  for (const child of alive) killGroup(child, 'SIGKILL')
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // It ended meanwhile.
  }
}

process.on('exit', killAll)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => process.exit(130))
}

export interface Started {
  readonly pid: number
  /** stdout and stderr so far, the last 64 KiB. */
  output(): string
  /** Sends `signal` and waits; kills after `patienceMs`. Answers the exit code, or null for a signal. */
  stop(signal?: NodeJS.Signals, patienceMs?: number): Promise<number | null>
  readonly ended: Promise<number | null>
}

export interface StartOptions {
  readonly core?: number
  readonly cwd?: string
  readonly env?: Record<string, string>
  /** Resolves when this says so, asked every 20 ms; the process ending first, or 30 s, is an error. */
  readonly ready: (output: string) => boolean | Promise<boolean>
}

/** Starts a process in its own group and waits until it is ready. */
export async function startProcess(command: string, args: readonly string[], options: StartOptions): Promise<Started> {
  const words = [...launcher(options.core), command, ...args]
  const child = spawn(words[0]!, words.slice(1), {
    detached: true,
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  alive.add(child)
  let text = ''
  const keep = (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-65_536)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  let over = false
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => {
      over = true
      alive.delete(child)
      resolve(code)
    })
  })
  ended.catch(() => {})
  const deadline = performance.now() + 30_000
  while (!(await options.ready(text))) {
    if (over) throw new Error(`${command} ended before it was ready:\n${text.slice(-2000)}`)
    if (performance.now() > deadline) {
      killGroup(child, 'SIGKILL')
      throw new Error(`${command} was not ready within 30 s:\n${text.slice(-2000)}`)
    }
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return {
    pid: child.pid!,
    output: () => text,
    ended,
    async stop(signal = 'SIGTERM', patienceMs = 60_000) {
      if (over) return ended
      // To the process alone, so that a supervisor can bring its children to an end in order.
      child.kill(signal)
      const timer = setTimeout(() => killGroup(child, 'SIGKILL'), patienceMs)
      const code = await ended
      clearTimeout(timer)
      killGroup(child, 'SIGKILL')
      return code
    },
  }
}

/** Runs a process to its end without blocking this one; rejects after `timeoutMs` or a bad exit. Answers stdout. */
export function runProcess(
  command: string,
  args: readonly string[],
  options: {
    core?: number
    timeoutMs: number
    env?: Record<string, string>
    cwd?: string
    onError?: (chunk: Buffer) => void
  },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const words = [...launcher(options.core), command, ...args]
    const child = spawn(words[0]!, words.slice(1), {
      detached: true,
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    alive.add(child)
    const parts: Buffer[] = []
    let errors = ''
    child.stdout.on('data', (chunk: Buffer) => parts.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-4000)
      options.onError?.(chunk)
    })
    const timer = setTimeout(() => killGroup(child, 'SIGKILL'), options.timeoutMs)
    child.on('error', reject)
    child.on('close', code => {
      clearTimeout(timer)
      alive.delete(child)
      const output = Buffer.concat(parts).toString()
      if (code === 0) resolve(output)
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code}: ${errors || output.slice(-2000)}`))
    })
  })
}

const TICKS_PER_SECOND = 100

/** CPU seconds that `pid` and everything below it has used so far. Linux only: NaN elsewhere. */
export function cpuSeconds(pid: number): number {
  if (process.platform !== 'linux') return Number.NaN
  let ticks = 0
  const visit = (id: number): void => {
    try {
      const stat = fs.readFileSync(`/proc/${id}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      ticks += Number(fields[11]) + Number(fields[12])
      for (const thread of fs.readdirSync(`/proc/${id}/task`)) {
        const children = fs.readFileSync(`/proc/${id}/task/${thread}/children`, 'utf8')
        for (const child of children.split(' ')) if (child !== '') visit(Number(child))
      }
    } catch {
      // It ended meanwhile.
    }
  }
  visit(pid)
  return ticks / TICKS_PER_SECOND
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const { createServer } = await import('node:net')
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(address)))
    })
  })
}

/** First line that a command answers to a question about its version, or undefined where it is not installed. */
export function versionOf(command: string, args: readonly string[]): string | undefined {
  if (findCommand(command) === undefined) return undefined
  const result = spawnSync(command, args, { encoding: 'utf8', timeout: 5000 })
  const lines = `${result.stdout}\n${result.stderr}`.split('\n').filter(line => /\d/.test(line))
  return lines[0]?.trim().slice(0, 80)
}

/** The commit that is checked out, with a mark if files differ from it. */
export function commitOf(folder: string): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' }).trim()
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--', 'src') === '' ? '' : ' + changes')
  } catch {
    return 'unknown'
  }
}
