// Loads Redis from a core of its own with prepared pipelines:
//   node redis-loader.js SOCKET FILE EVENTS_PER_PIPELINE CONNECTIONS SECONDS  →  {"events":…,"seconds":…}
// Several connections, each with one pipeline out, so that Redis always has one to work on.
import fs from 'node:fs'
import { unpackRequests } from '../workload.js'
import { COMMANDS_PER_EVENT } from './redis.js'
import { RedisClient } from './redis-client.js'

const [socket = '', file = '', perPipeline = '500', connections = '4', seconds = '1'] = process.argv.slice(2)
const pipelines = unpackRequests(fs.readFileSync(file))
const events = Number(perPipeline)
const start = performance.now()
const end = start + Number(seconds) * 1000
let sent = 0
let done = 0

async function work(): Promise<void> {
  const client = await RedisClient.connect(socket)
  await new Promise<void>(resolve => {
    const next = () => {
      if (performance.now() >= end) return resolve()
      const pipeline = pipelines[sent++ % pipelines.length]!
      client.pipeline(pipeline, events * COMMANDS_PER_EVENT, () => {
        done++
        next()
      })
    }
    next()
  })
  client.close()
}

await Promise.all(Array.from({ length: Number(connections) }, work))
process.stdout.write(`${JSON.stringify({ events: done * events, seconds: (performance.now() - start) / 1000 })}\n`)
