// Redis as a peer: the same five updates an event (two counters, a set, two HyperLogLogs), in its own structures.
import path from 'node:path'
import { findCommand, SERVER_CORE, type Started, startProcess } from '../processes.js'
import type { BenchEvent } from '../workload.js'
import { encodeCommand, RedisClient } from './redis-client.js'

export const HOW_TO_GET_REDIS = 'redis-server is not installed here (Debian: apt-get install redis-server)'

/** Commands of one event. */
export const COMMANDS_PER_EVENT = 5

export function updateCommands(customer: string, event: BenchEvent): string {
  return (
    encodeCommand(['HINCRBY', `${customer}:events`, event.type, '1']) +
    encodeCommand(['HINCRBY', `${customer}:event`, event.name, '1']) +
    encodeCommand(['SADD', `${customer}:countries`, event.country]) +
    encodeCommand(['PFADD', `${customer}:users`, event.user]) +
    encodeCommand(['PFADD', `${customer}:users/event:${event.name}`, event.user])
  )
}

export interface RedisServer {
  readonly socket: string
  readonly process: Started
  client(): Promise<RedisClient>
}

/** Starts a Redis of our own in `folder`, on a Unix socket, or answers undefined where it is not installed. */
export async function startRedis(folder: string, appendOnly: boolean): Promise<RedisServer | undefined> {
  if (findCommand('redis-server') === undefined) return undefined
  const socket = path.join(folder, 'redis.sock')
  const append = appendOnly ? ['--appendonly', 'yes', '--appendfsync', 'everysec'] : ['--appendonly', 'no']
  const started = await startProcess(
    'redis-server',
    ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--daemonize', 'no', ...append],
    { core: SERVER_CORE, ready: output => output.includes('ready to accept connections') },
  )
  return { socket, process: started, client: () => RedisClient.connect(socket) }
}

const SUM = `local sum = 0
for _, key in ipairs(redis.call('KEYS', '*:events')) do
  for _, value in ipairs(redis.call('HVALS', key)) do sum = sum + value end
end
return sum`

/** Events that Redis has counted. */
export async function eventsInRedis(client: RedisClient): Promise<number> {
  return Number(await client.ask('EVAL', SUM, '0'))
}
