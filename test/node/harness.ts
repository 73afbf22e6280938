// A real node in its own processes, for tests: started on a free port with data of its own, stopped, killed, looked into.
import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'

export const LETHE = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

export interface NodeOptions {
  readonly data: string
  readonly shards?: number
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Another build of the command. */
  readonly main?: string
  /** `ulimit -n`, soft and hard. */
  readonly descriptors?: number
}

export interface Answer {
  readonly status: number
  readonly text: string
  readonly body: Record<string, unknown>
}

/** Environment of a test's processes: nothing of ours leaks in. */
function environment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('LETHE_')))
  return { ...own, ...extra }
}

/** Runs `lethe` to its end. */
export function lethe(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input = '',
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [LETHE, ...args], { env: environment(env), stdio: 'pipe' })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', data => {
      stdout += data
    })
    child.stderr.on('data', data => {
      stderr += data
    })
    child.on('close', code => resolve({ code, stdout, stderr }))
    child.stdin.end(input)
  })
}

// A test that fails leaves no node behind: it would hold memory, and the next run's data.
const started = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL')
})

export class TestNode {
  stdout = ''
  stderr = ''
  url = ''
  readonly exited: Promise<number | null>
  private readonly listeners = new Set<() => void>()

  constructor(
    readonly child: ChildProcess,
    readonly data: string,
  ) {
    started.add(child)
    child.on('close', () => started.delete(child))
    child.stdout!.on('data', data => {
      this.stdout += data
      for (const listener of this.listeners) listener()
    })
    child.stderr!.on('data', data => {
      this.stderr += data
      for (const listener of this.listeners) listener()
    })
    this.exited = new Promise(resolve => {
      child.on('close', code => {
        resolve(code)
        for (const listener of this.listeners) listener()
      })
    })
  }

  /** Resolves when `met` answers something, looked at whenever the node says something; rejects when it ends first. */
  saying<T>(met: () => T | undefined | false): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = met()
        if (found === undefined || found === false) {
          if (this.child.exitCode === null && this.child.signalCode === null) return
          reject(new Error(`the node ended: ${this.stdout}\n${this.stderr}`))
        } else resolve(found)
        this.listeners.delete(look)
      }
      this.listeners.add(look)
      look()
    })
  }

  async ready(): Promise<this> {
    this.url = await this.saying(() => /is ready: (http:\S+)/.exec(this.stdout)?.[1])
    return this
  }

  /** A secret of the first start, by its prefix. */
  secret(prefix: 'lat' | 'lik' | 'lqk'): string {
    const found = new RegExp(`${prefix}_[A-Za-z0-9]+`).exec(this.stdout)
    if (!found) throw new Error(`no ${prefix} in ${this.stdout}`)
    return found[0]
  }

  /** Processes of shards, in order of their start. */
  shardPids(): number[] {
    const { pid } = this.child
    try {
      const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
      return children === '' ? [] : children.split(' ').map(Number)
    } catch {
      return []
    }
  }

  async request(path: string, key: string, init: RequestInit = {}): Promise<Answer> {
    const answer = await fetch(`${this.url}${path}`, {
      ...init,
      headers: { Authorization: `Bearer ${key}`, ...(init.headers as Record<string, string>) },
    })
    const text = await answer.text()
    let body: Record<string, unknown> = {}
    try {
      body = JSON.parse(text) as Record<string, unknown>
    } catch {
      // Not every answer is JSON.
    }
    return { status: answer.status, text, body }
  }

  send(key: string, events: unknown): Promise<Answer> {
    return this.request('/v1/events', key, { method: 'POST', body: JSON.stringify(events) })
  }

  /** The value of a query. */
  async value(key: string, source: string): Promise<unknown> {
    const answer = await this.request('/v1/query', key, { method: 'POST', body: source })
    if (answer.status !== 200) throw new Error(`${source}: ${answer.status} ${answer.text}`)
    return answer.body['value']
  }

  admin(token: string, method: string, path: string, body?: unknown): Promise<Answer> {
    return this.request(path, token, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  }

  /** Drains; answers the exit code. */
  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM')
    return await this.exited
  }

  /** kill -9 of supervisor and shards at once. */
  async kill(): Promise<void> {
    const pids = this.shardPids()
    this.child.kill('SIGKILL')
    for (const pid of pids) killPid(pid)
    await this.exited
  }
}

export function killPid(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It is gone already.
  }
}

/** Starts a node without waiting for it. */
export function launchNode({
  data,
  shards = 1,
  args = [],
  env = {},
  main = LETHE,
  descriptors,
}: NodeOptions): TestNode {
  const command = [process.execPath, main, 'serve', '--data', data, '--port', '0', '--shards', String(shards), ...args]
  const limited = ['sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh', ...command]
  const [program = '', ...words] = descriptors === undefined ? command : limited
  const child = spawn(program, words, { env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] })
  return new TestNode(child, data)
}

export function startNode(options: NodeOptions): Promise<TestNode> {
  return launchNode(options).ready()
}

/** Tries until it answers something; for what takes a moment (a shard that is started again). */
export async function eventually<T>(attempt: () => Promise<T | undefined>, withinMs = 20_000): Promise<T> {
  const end = performance.now() + withinMs
  for (;;) {
    const found = await attempt().catch(() => undefined)
    if (found !== undefined) return found
    if (performance.now() > end) throw new Error('it did not come about')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** Whether a process runs. One that is dead and not reaped yet (whose parent is gone) does not. */
export function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
