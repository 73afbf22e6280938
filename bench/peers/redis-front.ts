// What people build today: an HTTP front that parses events and sends each as five commands to Redis beside it, and
// answers when Redis has:   node redis-front.js PORT SOCKET
// All commands of one turn of the event loop go out in one write.
import * as uWS from 'uWebSockets.js'
import type { BenchEvent } from '../workload.js'
import { COMMANDS_PER_EVENT, updateCommands } from './redis.js'
import { RedisClient } from './redis-client.js'

const port = Number(process.argv[2])
const redis = await RedisClient.connect(process.argv[3] ?? '')

interface Waiting {
  readonly response: uWS.HttpResponse
  readonly events: number
  gone: boolean
}

let commands = ''
let waiting: Waiting[] = []
let scheduled = false

function flush(): void {
  scheduled = false
  const batch = waiting
  const events = batch.reduce((sum, request) => sum + request.events, 0)
  redis.pipeline(commands, events * COMMANDS_PER_EVENT, () => {
    for (const { response, events: accepted, gone } of batch) {
      if (gone) continue
      response.cork(() => {
        response.writeStatus('202 Accepted').end(`{"status":"ok","accepted":${accepted},"duplicates":0}`)
      })
    }
  })
  commands = ''
  waiting = []
}

uWS
  .App()
  .post('/*', (response, request) => {
    const customer = request.getHeader('x-api-key')
    let parts: Buffer | undefined
    let entry: Waiting | undefined
    let gone = false
    response.onAborted(() => {
      gone = true
      if (entry !== undefined) entry.gone = true
    })
    response.onData((chunk, isLast) => {
      const bytes = Buffer.from(chunk)
      if (!isLast || parts !== undefined) {
        parts = parts === undefined ? Buffer.from(bytes) : Buffer.concat([parts, bytes])
        if (!isLast) return
      }
      const value = JSON.parse((parts ?? bytes).toString()) as BenchEvent | BenchEvent[]
      const events = Array.isArray(value) ? value : [value]
      for (const event of events) commands += updateCommands(customer, event)
      entry = { response, events: events.length, gone }
      waiting.push(entry)
      if (!scheduled) {
        scheduled = true
        setImmediate(flush)
      }
    })
  })
  .any('/*', response => void response.end('ready'))
  .listen('127.0.0.1', port, socket => {
    if (socket === false) process.exit(1)
    process.stdout.write('ready\n')
  })
