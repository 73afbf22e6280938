// An HTTP server over a fake shard and a control store in memory, on a free port.
import { keyRecord } from '../../src/actors/administration.js'
import { keyDigest, Routes } from '../../src/actors/routes.js'
import { systemClock } from '../../src/core/clock.js'
import { defaultLimits, type Limits } from '../../src/core/limits.js'
import type { NodeSupervision } from '../../src/http/node.js'
import { HttpServer } from '../../src/http/server.js'
import type { ControlReader, CustomerRecord } from '../../src/storage/contract.js'
import { emptyStats, FakeShard } from './fake-shard.js'

export const INGEST_KEY = 'lik_0123456789abcdefghij'
export const OTHER_INGEST_KEY = 'lik_another_0123456789abc'
export const QUERY_KEY = 'lqk_0123456789abcdefghij'
export const BLOCKED_KEY = 'lik_blocked_0123456789abc'
export const ADMIN_TOKEN = 'lat_0123456789abcdefghij'

export function customer(id: string, incarnation: bigint, keys: [string, 'ingest' | 'query'][]): CustomerRecord {
  return {
    id,
    incarnation,
    hashKey: { k0: 1, k1: 2 },
    blocked: id === 'blocked',
    created: 0,
    quota: {},
    keys: keys.map(([text, kind]) => keyRecord(text, kind, 0)),
    version: 1,
    deleted: false,
  }
}

/** The reading half of a control store, over a Map. */
export function memoryControl(records: Map<string, CustomerRecord>): Pick<ControlReader, 'customer' | 'byKeyHash'> {
  return {
    customer: id => records.get(id),
    byKeyHash: hash => {
      for (const record of records.values()) {
        const key = record.keys.find(candidate => candidate.hash === hash)
        if (key) return { customer: record.id, kind: key.kind }
      }
      return undefined
    },
  }
}

export interface Fixture {
  readonly server: HttpServer
  readonly shard: FakeShard
  readonly routes: Routes
  readonly records: Map<string, CustomerRecord>
  readonly node: NodeSupervision & { ready: boolean; asked: unknown[] }
  readonly port: number
  readonly url: string
  readonly failures: unknown[]
}

export async function startServer(limits: Partial<Limits> = {}): Promise<Fixture> {
  const shard = new FakeShard()
  const records = new Map<string, CustomerRecord>()
  records.set(
    'demo',
    customer('demo', 1n, [
      [INGEST_KEY, 'ingest'],
      [QUERY_KEY, 'query'],
    ]),
  )
  records.set('other', customer('other', 2n, [[OTHER_INGEST_KEY, 'ingest']]))
  records.set('blocked', customer('blocked', 3n, [[BLOCKED_KEY, 'ingest']]))
  const routes = new Routes(memoryControl(records), 1)
  const asked: unknown[] = []
  const failures: unknown[] = []
  let server: HttpServer
  const node = {
    ready: true,
    adminDigest: keyDigest(ADMIN_TOKEN),
    asked,
    administer: async (request: unknown) => {
      asked.push(request)
      return { done: true }
    },
    backup: async (folder: string) => {
      asked.push({ tag: 'backup', folder })
      return { folder, files: 0, bytes: 0 }
    },
    quarantined: () => [
      {
        customer: 'demo',
        incarnation: 1n,
        n: 7,
        index: 2,
        ms: 1,
        day: 1,
        sentAt: Number.NaN,
        why: 'Error: x',
        event: '{"type":"event"}',
        at: 3,
      },
    ],
    reports: async () => ({
      restarts: 0,
      shards: [
        {
          shard: 0,
          stats: emptyStats,
          http: server.report(),
          process: {
            residentBytes: 1,
            heapUsedBytes: 1,
            externalBytes: 1,
            cpuSeconds: 1,
            uptimeSeconds: 1,
            loopLagSeconds: { mean: 0, p99: 0, max: 0 },
          },
        },
      ],
    }),
  }
  server = new HttpServer({
    routes,
    service: shard,
    node,
    limits: { ...defaultLimits, ...limits },
    clock: systemClock,
    version: '0.0.0',
    failed: error => failures.push(error),
  })
  const port = await server.listen('127.0.0.1', 0)
  return { server, shard, routes, records, node, port, url: `http://127.0.0.1:${port}`, failures }
}
