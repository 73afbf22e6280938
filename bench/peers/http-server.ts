// The servers that the node is measured beside. Each reads the same request, looks at the key, and answers as many bytes:
//   node http-server.js empty|parse|node|fastify PORT
//
// `empty` is uWebSockets.js doing nothing else: the physical limit of the socket layer here.
// `parse` adds JSON.parse of the body, and nothing with what comes out.
// `node` is node:http, empty; `fastify` is fastify with its body parser, empty, where somebody has installed it.

import * as uWS from 'uWebSockets.js'
import http from 'node:http'
import { createRequire } from 'node:module'
import { REPLY } from './reply.js'

const mode = process.argv[2] ?? 'empty'
const port = Number(process.argv[3])
/** What was looked at; said at the end, so that no work is for nothing. */
const tally = { seen: 0 }

function serveUws(parse: boolean): void {
  uWS
    .App()
    .post('/*', (res, req) => {
      const key = req.getHeader('x-api-key')
      let gone = false
      let parts: Buffer | undefined
      res.onAborted(() => {
        gone = true
      })
      res.onData((chunk, isLast) => {
        if (!isLast || parts !== undefined) {
          // The chunk is only ours during this call.
          const copy = Buffer.from(new Uint8Array(chunk))
          parts = parts === undefined ? Buffer.from(copy) : Buffer.concat([parts, copy])
          if (!isLast) return
        }
        tally.seen += key.length
        if (parse) {
          const value: unknown = JSON.parse((parts ?? Buffer.from(chunk)).toString())
          tally.seen += Array.isArray(value) ? value.length : 1
        }
        if (!gone) res.cork(() => void res.writeStatus('202 Accepted').end(REPLY))
      })
    })
    .any('/*', res => void res.end('ready'))
    .listen('127.0.0.1', port, socket => {
      if (socket === false) process.exit(1)
      process.stdout.write('ready\n')
    })
}

function serveNode(): void {
  const server = http.createServer((request, response) => {
    const key = request.headers['x-api-key']
    request.on('data', (chunk: Buffer) => {
      tally.seen += chunk.length
    })
    request.on('end', () => {
      tally.seen += key?.length ?? 0
      response.writeHead(202, { 'content-length': REPLY.length })
      response.end(REPLY)
    })
  })
  server.listen(port, '127.0.0.1', () => process.stdout.write('ready\n'))
}

interface FastifyLike {
  post(
    path: string,
    handler: (request: unknown, reply: { code(status: number): { send(text: string): void } }) => void,
  ): void
  listen(options: { port: number; host: string }): Promise<string>
}

async function serveFastify(): Promise<void> {
  const require = createRequire(import.meta.url)
  // Nobody's dependency: whoever wants the row installs it.
  const fastify = require(mode) as () => FastifyLike
  const app = fastify()
  app.post('/v1/events', (_request, reply) => reply.code(202).send(REPLY))
  await app.listen({ port, host: '127.0.0.1' })
  process.stdout.write('ready\n')
}

if (mode === 'node') serveNode()
else if (mode === 'fastify') await serveFastify()
else serveUws(mode === 'parse')

process.on('SIGTERM', () => process.stdout.write(`seen ${tally.seen}\n`, () => process.exit(0)))
