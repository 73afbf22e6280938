// A real node under load: the built command, its own data folder, customers made over the admin API.
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, SERVER_CORE, type Started, startProcess } from './processes.js'

/** The command module by module, and as `npm start` runs it. */
export const UNBUNDLED = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))
export const BUNDLED = fileURLToPath(new URL('../bundled/cli/main.js', import.meta.url))
const COMMAND = fs.existsSync(BUNDLED) ? BUNDLED : UNBUNDLED
const TOKEN = 'lat_benchmarkbenchmarkbenchmark00'

/** True where the command is built. */
export function nodeIsBuilt(): boolean {
  return fs.existsSync(COMMAND)
}

export interface BenchCustomer {
  readonly id: string
  readonly ingestKey: string
  readonly queryKey: string
}

/** What became of the events of some customers, over the days of a run (which may cross midnight). */
export interface LedgerSum {
  received: number
  applied: number
  duplicate: number
  dropped: number
}

export class BenchNode {
  private made = 0

  private constructor(
    readonly port: number,
    public process: Started,
    private readonly folder: string,
    private readonly launch: () => Promise<Started>,
  ) {}

  static async start(folder: string, options: { shards?: number; config?: string } = {}): Promise<BenchNode> {
    const port = await freePort()
    const data = path.join(folder, 'data')
    const args = ['serve', '--shards', String(options.shards ?? 1), '--data', data, '--port', String(port)]
    if (options.config !== undefined) {
      const file = path.join(folder, 'lethe.toml')
      fs.writeFileSync(file, options.config)
      args.push('--config', file)
    }
    const launch = () =>
      startProcess(process.execPath, [COMMAND, ...args], {
        core: SERVER_CORE,
        env: { LETHE_ADMIN_TOKEN: TOKEN },
        ready: () => answers200(`http://127.0.0.1:${port}/readyz`),
      })
    return new BenchNode(port, await launch(), folder, launch)
  }

  /** Makes `count` customers whose names begin with `prefix`, each with `program` (null: the built-in one). */
  async createCustomers(prefix: string, count: number, program: string | null): Promise<BenchCustomer[]> {
    const customers: BenchCustomer[] = []
    const first = this.made
    this.made += count
    await inParallel(count, 16, async i => {
      const id = `${prefix}-${first + i}`
      const made = (await this.admin('POST', '/v1/customers', JSON.stringify({ id }))) as BenchCustomer
      customers[i] = { id, ingestKey: made.ingestKey, queryKey: made.queryKey }
      if (program !== null) await this.admin('PUT', `/v1/program?customer=${id}`, program)
    })
    return customers
  }

  async query(customer: BenchCustomer, program: string): Promise<unknown> {
    const headers = { authorization: `Bearer ${customer.queryKey}`, 'content-type': 'text/plain' }
    const { text } = await this.post('/v1/query', headers, program)
    const answer = JSON.parse(text) as { status: string; value?: unknown; message?: string }
    if (answer.status !== 'ok') throw new Error(`query ${program}: ${answer.message}`)
    return answer.value
  }

  /** Sends one request of events; anything but a 202 is an error. */
  async report(customer: BenchCustomer, body: string): Promise<void> {
    const headers = { 'x-api-key': customer.ingestKey, 'content-type': 'application/json' }
    const { status, text } = await this.post('/v1/events', headers, body)
    if (status !== 202) throw new Error(`an event: ${status} ${text.slice(0, 500)}`)
  }

  private readonly agent = new http.Agent({ keepAlive: true })

  // Not by `fetch`: what is asked beside a measurement takes its CPU from the measured server, and that is a millisecond each.
  private post(path: string, headers: Record<string, string>, body: string): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const request = http.request({ port: this.port, path, method: 'POST', agent: this.agent, headers }, response => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (piece: string) => (text += piece))
        response.on('end', () => resolve({ status: response.statusCode!, text }))
        response.on('error', reject)
      })
      request.on('error', reject)
      request.end(body)
    })
  }

  /** Asks `width` customers at a time for their books. */
  async ledger(customers: readonly BenchCustomer[], width = 16): Promise<LedgerSum> {
    const sum: LedgerSum = { received: 0, applied: 0, duplicate: 0, dropped: 0 }
    const program = `(let ((l (ledger (last 2))))
      (list (cdr (assq 'received l)) (cdr (assq 'applied l)) (cdr (assq 'duplicate l)) (apply + (map cdr (cdr (assq 'dropped l))))))`
    await inParallel(customers.length, width, async i => {
      const value = (await this.query(customers[i]!, program)) as [number, number, number, number]
      sum.received += value[0]
      sum.applied += value[1]
      sum.duplicate += value[2]
      sum.dropped += value[3]
    })
    if (sum.received !== sum.applied + sum.duplicate + sum.dropped)
      throw new Error(`the ledger does not balance: ${JSON.stringify(sum)}`)
    return sum
  }

  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.port}/metrics`)).text()
  }

  /** Drains the node and keeps its data; a bad exit is an error. */
  async pause(): Promise<void> {
    const code = await this.process.stop()
    if (code !== 0) throw new Error(`the node ended with ${code}: ${this.process.output().slice(-2000)}`)
  }

  /**
   * Sends an event of each customer and starts the node again: then all have their files, as customers have after their first minute.
   * Making one takes 3 ms, once in a customer's life: a row about a busy node would show nothing else in its checkpoints.
   */
  async settle(customers: readonly BenchCustomer[]): Promise<void> {
    const event = '{"type":"event","name":"begins","user":"first","country":"de"}'
    await inParallel(customers.length, 16, i => this.report(customers[i]!, event))
    await this.pause()
    this.process = await this.launch()
  }

  /** Ends all of the node's processes at once, as a power cut would, and starts it again. */
  async crash(): Promise<void> {
    await this.process.stop('SIGKILL')
    this.process = await this.launch()
  }

  /** Drains the node and removes its data; a bad exit is an error. */
  async stop(): Promise<void> {
    await this.pause()
    fs.rmSync(path.join(this.folder, 'data'), { recursive: true, force: true })
  }

  private async admin(method: string, url: string, body: string): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.port}${url}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}` },
      body,
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text.slice(0, 500)}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}

async function answers200(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).status === 200
  } catch {
    return false
  }
}

/** Does work(0) … work(count − 1), `width` at a time. */
async function inParallel(count: number, width: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane))
}
