// How long a node takes from the start of its command to its first answer, seen from outside.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'

const LOOK_EVERY_MS = 2
const PATIENCE_MS = 30_000

export interface Boot {
  readonly command: string
  readonly data: string
  readonly port: number
  readonly config: string
  /** Whose event it is that the node has to take. */
  readonly ingestKey: string
  /** How it ends afterwards: in order, or killed with its shards. */
  readonly end: 'SIGTERM' | 'SIGKILL'
}

/** Starts a node, sends an event until it is answered 202, ends the node; answers the ms between start and answer. */
export async function timeBoot({ command, data, port, config, ingestKey, end }: Boot): Promise<number> {
  const body = '{"type":"event","name":"boot","user":"ada"}'
  const request = `POST /v1/events HTTP/1.1\r\nHost: lethe\r\nX-Api-Key: ${ingestKey}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  const start = performance.now()
  const node = spawn(
    process.execPath,
    [command, 'serve', '--data', data, '--port', String(port), '--shards', '1', '--config', config],
    { stdio: 'ignore' },
  )
  const ended = new Promise(resolve => node.on('close', resolve))
  try {
    while (!(await isTaken(port, request))) {
      if (node.exitCode !== null) throw new Error(`a node ended with ${node.exitCode} before it answered`)
      if (performance.now() - start > PATIENCE_MS) throw new Error(`a node did not answer within ${PATIENCE_MS} ms`)
      await new Promise(resolve => setTimeout(resolve, LOOK_EVERY_MS))
    }
    return performance.now() - start
  } finally {
    const shards = end === 'SIGKILL' ? childrenOf(node.pid!) : []
    node.kill(end)
    for (const shard of shards) process.kill(shard, 'SIGKILL')
    await ended
  }
}

/** Sends one request on a connection of its own; answers whether it was answered 202. */
function isTaken(port: number, request: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(request))
    socket.on('data', reply => {
      resolve(reply.subarray(0, 12).toString() === 'HTTP/1.1 202')
      socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(false))
  })
}

/** Processes that `pid` has started. Linux only: none elsewhere. */
export function childrenOf(pid: number): number[] {
  try {
    const text = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return text === '' ? [] : text.split(' ').map(Number)
  } catch {
    return []
  }
}
