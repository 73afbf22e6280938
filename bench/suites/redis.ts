// What people would build instead: Redis with the same five updates an event, straight and behind an HTTP front.

import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '../../src/core/random.js'
import type { Bench, Measuring } from '../bench.js'
import { loadThroughput, RequestFile } from '../load/load.js'
import { eventsInRedis, HOW_TO_GET_REDIS, type RedisServer, startRedis, updateCommands } from '../peers/redis.js'
import { cpuSeconds, freePort, LOADER_CORE, runProcess, SERVER_CORE, startProcess } from '../processes.js'
import { benchEvent, FIVE_UPDATES, packRequests } from '../workload.js'
import { contestServers, type HttpServer, nodeWith, noteLoader, trafficOf, warmUp } from './servers.js'

const FRONT = fileURLToPath(new URL('../peers/redis-front.js', import.meta.url))
const LOADER = fileURLToPath(new URL('../peers/redis-loader.js', import.meta.url))
const LETHE = 'Lethe, five updates'

/** Pipelines of `perPipeline` events over `customers`, prepared, each behind its length. */
function pipelines(customers: number, perPipeline: number, count: number): Buffer {
  const random = seededRandom(1)
  const parts: Buffer[] = []
  for (let i = 0; i < count; i++) {
    let commands = ''
    for (let j = 0; j < perPipeline; j++)
      commands += updateCommands(`c${Math.floor(random.fraction() * customers)}`, benchEvent(random, 10_000))
    parts.push(Buffer.from(commands))
  }
  return packRequests(parts)
}

async function node(b: Measuring, customers: number, events: number): Promise<HttpServer | undefined> {
  const started = await nodeWith(b, `${LETHE}, ${events} a request`, FIVE_UPDATES, customers, events)
  return started?.server
}

async function pipelined(b: Measuring): Promise<void> {
  const customers = b.parameter('customers', 4, 1_000)
  const seconds = b.parameter('seconds', 0.2, 3, 1)
  const perPipeline = b.parameter('events a pipeline', 50, 500)
  const folder = b.folder()
  const redis = await startRedis(folder, true)
  if (redis === undefined) return b.note(HOW_TO_GET_REDIS)
  b.atEnd(async () => void (await redis.process.stop('SIGKILL')))
  const lethe = b.smoke ? undefined : await node(b, customers, 50)
  if (lethe !== undefined) await warmUp(b, lethe, 256)
  const file = path.join(folder, 'pipelines')
  fs.writeFileSync(file, pipelines(customers, perPipeline, b.smoke ? 2 : 100))
  for (let round = 0; round < b.rounds; round++) {
    b.progress(`round ${round + 1} of ${b.rounds}`)
    await redisRound(b, redis, file, perPipeline, seconds)
    if (lethe === undefined) continue
    const seen = await loadThroughput(lethe.port, lethe.file, 256, seconds)
    b.sample(LETHE, 'events', seen.requestsPerSecond * lethe.eventsPerRequest)
  }
  const ratio = b.ratio('Lethe : Redis', LETHE, 'Redis, appendonly everysec', 'events')
  b.aim('five updates an event, ratio to Redis pipelined', ratio, 'at least', 10)
}

async function redisRound(
  b: Measuring,
  redis: RedisServer,
  file: string,
  perPipeline: number,
  seconds: number,
): Promise<void> {
  const client = await redis.client()
  const before = await eventsInRedis(client)
  const cpuBefore = cpuSeconds(redis.process.pid)
  const output = await runProcess(
    process.execPath,
    [LOADER, redis.socket, file, String(perPipeline), '4', String(seconds)],
    { core: LOADER_CORE, timeoutMs: seconds * 1000 + 30_000 },
  )
  const cpu = cpuSeconds(redis.process.pid) - cpuBefore
  const said = JSON.parse(output) as { events: number; seconds: number }
  const counted = (await eventsInRedis(client)) - before
  client.close()
  if (counted !== said.events) throw new Error(`Redis counted ${counted} events, its loader ${said.events}`)
  b.sample('Redis, appendonly everysec', 'events', said.events / said.seconds)
  b.sample('Redis, appendonly everysec', 'CPU µs/event', (cpu * 1e6) / said.events)
}

async function front(b: Measuring): Promise<void> {
  const customers = b.parameter('customers', 4, 1_000)
  const seconds = b.parameter('seconds', 1, 3, 1)
  noteLoader(b)
  for (const events of b.size === 'full' ? [1, 50] : [1]) {
    const folder = b.folder()
    const redis = await startRedis(folder, true)
    if (redis === undefined) return b.note(HOW_TO_GET_REDIS)
    b.atEnd(async () => void (await redis.process.stop('SIGKILL')))
    const port = await freePort()
    const server = await startProcess(process.execPath, [FRONT, String(port), redis.socket], {
      core: SERVER_CORE,
      ready: output => output.includes('ready'),
    })
    b.atEnd(async () => void (await server.stop('SIGKILL')))
    const lethe = b.smoke ? undefined : await node(b, customers, events)
    const keys = Array.from({ length: customers }, (_, i) => `c${i}`)
    const file = new RequestFile(folder, 'front', trafficOf(keys, events))
    const client = await redis.client()
    const name = `uWS + Redis, ${events} a request`
    const peer: HttpServer = {
      name,
      port,
      pid: server.pid,
      file,
      eventsPerRequest: events,
      events: () => eventsInRedis(client),
    }
    const servers = lethe === undefined ? [peer] : [peer, lethe]
    await contestServers(b, servers, { connections: b.smoke ? 8 : events === 1 ? 512 : 256, seconds, label: '' })
    client.close()
    const metric = events === 1 ? 'requests' : 'events'
    const ratio = b.ratio(`Lethe : uWS + Redis, ${events} a request`, `${LETHE}, ${events} a request`, name, metric)
    if (events === 1) b.aim('one event a request, ratio to a uWS front with Redis', ratio, 'at least', 2.6)
  }
}

export const redisBenches: readonly Bench[] = [
  {
    name: 'redis/pipelined',
    about: 'the five updates in Redis, pipelined over a Unix socket, and in Lethe over HTTP, 50 a request',
    placement: 'any',
    run: pipelined,
  },
  {
    name: 'redis/front',
    about: 'a uWS front with Redis behind it, both on the measured core',
    placement: 'any',
    run: front,
  },
]
