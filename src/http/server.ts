// The HTTP server of one shard: which request goes where.
//
// Every shard listens on the same port (SO_REUSEPORT); the kernel spreads connections. A request for another shard's
// customer is handed to it by the ShardService that is given here (actors/peers.ts), so nothing below knows of shards.
//
// Reading order: this file, ingest.ts (the hot path), query.ts and admin.ts (everything else), exchange.ts (one answer).

import type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket } from 'uWebSockets.js'
import * as uWS from 'uWebSockets.js'
import type { Routes } from '../actors/routes.js'
import type { ShardService } from '../actors/service.js'
import type { Clock } from '../core/clock.js'
import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { Format } from '../event/decode.js'
import { Access } from './access.js'
import { handleBackup, handleCustomer, handleCustomers, handleQuarantine } from './admin.js'
import { Body, BodyBudget } from './body.js'
import { Encoding, encodingOf } from './content.js'
import { Exchange, type RequestFacts, readFacts } from './exchange.js'
import type { Handler, HandlerContext } from './handler.js'
import { handleHealth, handleMetrics, handleReady } from './health.js'
import { Inflater } from './inflate.js'
import { Handed, handleEvents, handleSentry, type IngestContext } from './ingest.js'
import type { HttpReport, NodeSupervision } from './node.js'
import { handleProgram } from './program.js'
import { handleQuery } from './query.js'
import { noRoute, overloaded, twoLengths, unknownEncoding, wrongMethod } from './refusals.js'
import { Replies } from './replies.js'
import { preflightHead } from './reply.js'

export interface HttpServerOptions {
  readonly routes: Routes
  readonly service: ShardService
  readonly node: NodeSupervision
  readonly limits: Limits
  readonly clock: Clock
  readonly version: string
  /** Where a fault of our own is said: the request answers 500, the shard lives. */
  readonly failed: (error: unknown, path: string) => void
}

interface Resource {
  readonly name: string
  /** Segments; '*' is a variable part. */
  readonly pattern: readonly string[]
  readonly methods: Readonly<Record<string, Handler>>
}

const RESOURCES: readonly Resource[] = [
  resource('query', '/v1/query', { get: handleQuery, post: handleQuery }),
  resource('program', '/v1/program', { get: handleProgram, put: handleProgram, delete: handleProgram }),
  resource('healthz', '/healthz', { get: handleHealth }),
  resource('readyz', '/readyz', { get: handleReady }),
  resource('metrics', '/metrics', { get: handleMetrics }),
  resource('customers', '/v1/customers', { get: handleCustomers, post: handleCustomers }),
  resource('customers', '/v1/customers/*', { get: handleCustomer, delete: handleCustomer, patch: handleCustomer }),
  resource('customers', '/v1/customers/*/*', { post: handleCustomer }),
  resource('customers', '/v1/customers/*/keys/*', { delete: handleCustomer }),
  resource('backup', '/v1/backup', { post: handleBackup }),
  resource('quarantine', '/v1/quarantine', { get: handleQuarantine }),
  resource('quarantine', '/v1/quarantine/*', { post: handleQuarantine }),
  resource('quarantine', '/v1/quarantine/*/*/*/replay', { post: handleQuarantine }),
]

/** Paths of ingest, which uWS routes itself: here only for 405 and preflight. */
const INGEST_PATHS = [/^\/v1\/events$/, /^\/api\/[^/]*\/(envelope|store)$/]

function resource(name: string, path: string, methods: Resource['methods']): Resource {
  return { name, pattern: path.slice(1).split('/'), methods }
}

function match(pattern: readonly string[], segments: readonly string[]): string[] | undefined {
  if (pattern.length !== segments.length) return undefined
  const parts: string[] = []
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] === '*') parts.push(segments[i]!)
    else if (pattern[i] !== segments[i]) return undefined
  }
  return parts
}

const EMPTY = new Uint8Array(0)

export class HttpServer {
  private readonly app: TemplatedApp
  private readonly ingest: IngestContext
  private readonly context: HandlerContext & { draining: boolean }
  private readonly requests: Record<string, number> = Object.create(null)
  private listenSocket: us_listen_socket | undefined
  private connections = 0
  private pending = 0
  private readonly sweeper: NodeJS.Timeout

  constructor(private readonly options: HttpServerOptions) {
    const { routes, service, limits, clock, node } = options
    const monotonicMs = () => clock.monotonicMs()
    this.ingest = {
      routes,
      service,
      limits,
      budget: new BodyBudget(limits, monotonicMs),
      inflater: new Inflater(limits),
      stats: { accepted: 0, refused: Object.create(null), unknown: 0, aborted: 0 },
      handed: new Handed(),
      replies: new Replies(),
      draining: false,
    }
    const access = new Access(routes, limits, () => node.adminDigest, monotonicMs)
    this.context = { routes, service, node, access, limits, version: options.version, draining: false }
    this.app = this.build()
    this.sweeper = setInterval(() => this.sweep(), 1_000)
    this.sweeper.unref()
    this.sweep()
  }

  private build(): TemplatedApp {
    const { ingest } = this
    const events = (response: HttpResponse, request: HttpRequest) => handleEvents(ingest, response, request)
    const envelope = (response: HttpResponse, request: HttpRequest) =>
      handleSentry(ingest, response, request, Format.SentryEnvelope)
    const store = (response: HttpResponse, request: HttpRequest) =>
      handleSentry(ingest, response, request, Format.SentryStore)
    return uWS
      .App()
      .filter((response, count) => this.connected(response, count))
      .post('/v1/events', events)
      .post('/v1/events/', events)
      .post('/api/:project/envelope/', envelope)
      .post('/api/:project/envelope', envelope)
      .post('/api/:project/store/', store)
      .post('/api/:project/store', store)
      .any('/*', (response, request) => this.handle(response, request))
  }

  private sweep(): void {
    this.ingest.budget.sweep()
    this.ingest.handed.sweep(this.options.clock.monotonicMs(), this.options.limits.answerDeadlineMs)
  }

  private connected(response: HttpResponse, change: number): void {
    this.connections += change
    if (change > 0 && this.connections > this.options.limits.maxConnections) response.close()
  }

  /** Listens; resolves with the port, rejects where it cannot. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.app.listen(host, port, socket => {
        if (!socket) return reject(new LetheError('port-taken', `cannot listen on ${host}:${port}`, 500))
        this.listenSocket = socket
        resolve(uWS.us_socket_local_port(socket as never))
      })
    })
  }

  // ——— everything but ingest

  private handle(response: HttpResponse, request: HttpRequest): void {
    const facts = readFacts(response, request)
    const segments = facts.path.replace(/^\/+|\/+$/g, '').split('/')
    const exchangeFor = (name: string) => {
      this.pending++
      return new Exchange(response, facts.method === 'head', status => {
        this.pending--
        const label = `${name} ${status}`
        this.requests[label] = (this.requests[label] ?? 0) + 1
      })
    }
    if (repeatsLength(request)) return this.discard(exchangeFor('unrouted'), response, facts, twoLengths())
    if (facts.method === 'options') {
      return exchangeFor('preflight').sendHead(204, preflightHead(request.getHeader('access-control-request-headers')))
    }
    for (const candidate of RESOURCES) {
      const parts = match(candidate.pattern, segments)
      if (!parts) continue
      const method = facts.method === 'head' ? 'get' : facts.method
      const handler = candidate.methods[method]
      const exchange = exchangeFor(candidate.name)
      if (!handler) {
        const allow = Object.keys(candidate.methods).join(', ').toUpperCase()
        return this.discard(exchange, response, facts, wrongMethod(facts.method, allow))
      }
      return this.receive(exchange, response, facts, body =>
        handler(this.context, exchange, facts, body, parts.map(decodePart)),
      )
    }
    const ingestPath = `/${segments.join('/')}`
    const isIngest = INGEST_PATHS.some(pattern => pattern.test(ingestPath))
    const refusal = isIngest ? wrongMethod(facts.method, 'POST') : noRoute(facts.path)
    this.discard(exchangeFor('unrouted'), response, facts, refusal)
  }

  private discard(exchange: Exchange, response: HttpResponse, facts: RequestFacts, refusal: LetheError): void {
    const body = new Body(
      this.ingest.budget,
      0,
      { received: () => exchange.refuse(refusal), failed: (error, close) => exchange.refuse(error, close) },
      refusal,
    )
    exchange.abandoned = () => body.abandon()
    body.listen(response, facts.contentLength)
  }

  /** Reads the whole body (small here: a program, a query, settings), expands it, runs the handler. */
  private receive(
    exchange: Exchange,
    response: HttpResponse,
    facts: RequestFacts,
    run: (body: Uint8Array) => void | Promise<void>,
  ): void {
    const encoding = encodingOf(facts.contentEncoding)
    if (encoding === Encoding.Unknown) {
      return this.discard(exchange, response, facts, unknownEncoding(facts.contentEncoding))
    }
    if (this.pending > this.options.limits.maxInFlightRequests) {
      return this.discard(exchange, response, facts, overloaded('too many requests at once: try again'))
    }
    const runSafely = (body: Uint8Array) => {
      if (exchange.over) return
      try {
        run(body)?.catch((error: unknown) => this.answerFailure(exchange, facts, error))
      } catch (error) {
        this.answerFailure(exchange, facts, error)
      }
    }
    const body = new Body(this.ingest.budget, this.options.limits.maxQuerySourceBytes, {
      received: bytes => {
        if (bytes.length === 0) return runSafely(EMPTY)
        const own = Uint8Array.from(bytes)
        if (encoding === Encoding.None) return runSafely(own)
        this.ingest.inflater.inflate(own, encoding, { inflated: runSafely, refused: error => exchange.refuse(error) })
      },
      failed: (error, close) => exchange.refuse(error, close),
    })
    exchange.abandoned = () => body.abandon()
    body.listen(response, facts.contentLength)
  }

  private answerFailure(exchange: Exchange, facts: RequestFacts, error: unknown): void {
    if (error instanceof LetheError) return exchange.refuse(error)
    this.options.failed(error, facts.path)
    exchange.refuse(new LetheError('internal', 'something is broken here: the log says what', 500))
  }

  // ——— operations

  report(): HttpReport {
    const { stats } = this.ingest
    const refused = { ...stats.refused }
    const requests: Record<string, number> = { ...this.requests, 'events 2xx': stats.accepted }
    requests['events 0'] = stats.unknown + stats.aborted
    return { requests, refused, connections: this.connections, inFlight: this.inFlight }
  }

  /** Takes no connection and no event any more; what is under way goes on. */
  stopAccepting(): void {
    this.ingest.draining = true
    this.context.draining = true
    if (this.listenSocket) uWS.us_listen_socket_close(this.listenSocket)
    this.listenSocket = undefined
  }

  /** Requests that were handed on and are not answered. */
  get inFlight(): number {
    return this.ingest.handed.count + this.ingest.replies.count + this.pending
  }

  /** Ends all connections. */
  close(): void {
    clearInterval(this.sweeper)
    this.app.close()
  }
}

/**
 * uWebSockets.js takes the first of two lengths, so what a proxy holds for the end of a body would be the next request.
 * Asked off the hot path only: a walk over all headers costs 0.6 µs, and an ingest request that is not answered yet has its
 * connection closed by whatever follows it in the same bytes.
 */
function repeatsLength(request: HttpRequest): boolean {
  let lengths = 0
  request.forEach(name => {
    if (name === 'content-length') lengths++
  })
  return lengths > 1
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
