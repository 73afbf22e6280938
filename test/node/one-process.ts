// A shard with its real journal, files and HTTP server inside the test's process: for limits that no configuration may set,
// because a replay has to meet them again.
import fs from 'node:fs'
import path from 'node:path'
import { AdministrationDesk } from '../../src/actors/administration.js'
import { type LocalShard, openLocalShard } from '../../src/cli/local-shard.js'
import { systemClock } from '../../src/core/clock.js'
import { defaultLimits, type Limits } from '../../src/core/limits.js'
import { systemRandom } from '../../src/core/random.js'
import { HttpServer } from '../../src/http/server.js'
import type { ControlWriter } from '../../src/storage/contract.js'
import { openControlWriter } from '../../src/storage/control.js'

const quiet = { info: () => {}, warn: () => {}, error: () => {} }

export interface Keys {
  readonly ingestKey: string
  readonly queryKey: string
}

export class OneProcess {
  private constructor(
    private readonly control: ControlWriter,
    private readonly local: LocalShard,
    private readonly http: HttpServer,
    readonly url: string,
  ) {}

  static async start(data: string, changed: Partial<Limits>): Promise<OneProcess> {
    const limits = { ...defaultLimits, ...changed }
    fs.mkdirSync(path.join(data, 'run'), { recursive: true })
    const control = openControlWriter(path.join(data, 'control'), systemRandom)
    const start = {
      own: { shard: 0, generation: 1, path: '' },
      shards: 1,
      run: '1',
      dataFolder: data,
      host: '127.0.0.1',
      port: 0,
      retention: 7,
      adminDigest: '',
      limits,
      memoryBytes: Number.MAX_SAFE_INTEGER,
      jsonLog: true,
      acceptClock: false,
      version: 'test',
    }
    const failed = (error: unknown) => {
      throw error
    }
    const local = await openLocalShard(start, quiet, failed)
    const unasked = () => Promise.reject(new Error('there is no supervisor'))
    const node = {
      ready: true,
      adminDigest: '',
      administer: unasked,
      reports: unasked,
      backup: unasked,
      quarantined: () => [],
    }
    const { routes, service } = local
    const http = new HttpServer({ routes, service, node, limits, clock: systemClock, version: 'test', failed })
    const port = await http.listen('127.0.0.1', 0)
    return new OneProcess(control, local, http, `http://127.0.0.1:${port}`)
  }

  async create(id: string): Promise<Keys> {
    const desk = new AdministrationDesk(this.control, systemRandom, systemClock)
    return (await desk.perform({ tag: 'create', id })).value as Keys
  }

  /** Requests that are not answered yet. */
  get inFlight(): number {
    return this.http.inFlight
  }

  /** Answers the status. */
  async send(keys: Keys, events: readonly unknown[]): Promise<number> {
    const headers = { 'x-api-key': keys.ingestKey }
    return (await fetch(`${this.url}/v1/events`, { method: 'POST', headers, body: JSON.stringify(events) })).status
  }

  async value(keys: Keys, source: string): Promise<unknown> {
    const headers = { 'x-api-key': keys.queryKey }
    const answer = await fetch(`${this.url}/v1/query`, { method: 'POST', headers, body: source })
    const body = (await answer.json()) as { value?: unknown; message?: string }
    if (answer.status !== 200) throw new Error(`${source}: ${body.message}`)
    return body.value
  }

  /** Commits, checkpoints, closes. */
  async stop(): Promise<void> {
    this.http.stopAccepting()
    await this.local.service.drain()
    this.http.close()
    await this.local.close()
    await this.control.close()
  }
}
