// One request that is not on the hot path: its reply, its body, its end.
//
// uWebSockets.js ends the process if a handler returns without a reply and without `onAborted`, and throws if a response
// is touched after its end. So nobody but this class (and ingest.ts, for speed) holds a response: it answers once, and
// does nothing once the client has gone.
import type { HttpRequest, HttpResponse } from 'uWebSockets.js'
import type { LetheError } from '../core/errors.js'
import { endHead, head, writeError } from './reply.js'

/** What a handler needs of a request, read before its first await: afterwards uWS has reused the memory. */
export interface RequestFacts {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly accept: string
  readonly contentType: string
  readonly contentEncoding: string
  readonly contentLength: number
  /** X-Api-Key, the Bearer token or ?key=, in this order; '' where none was sent. */
  readonly key: string
  /** Who asks, as bytes of the address in hex. */
  readonly address: string
}

export function queryParameter(query: string, name: string): string | undefined {
  return query === '' ? undefined : (new URLSearchParams(query).get(name) ?? undefined)
}

/** The key as sent: `X-Api-Key: KEY`, `Authorization: Bearer KEY` (another scheme is a proxy's, and no key), `?key=KEY`. */
export function keyOf(request: HttpRequest): string {
  const apiKey = request.getHeader('x-api-key')
  if (apiKey !== '') return apiKey.trim()
  const token = bearer(request.getHeader('authorization'))
  if (token !== '') return token
  return queryParameter(request.getQuery() ?? '', 'key')?.trim() ?? ''
}

/** The token, '' where the header is absent or of another scheme. */
export function bearer(authorization: string): string {
  return /^bearer\s/i.test(authorization) ? authorization.slice(7).trim() : ''
}

export function readFacts(response: HttpResponse, request: HttpRequest): RequestFacts {
  const length = request.getHeader('content-length')
  return {
    method: request.getMethod(),
    path: request.getUrl(),
    query: request.getQuery() ?? '',
    accept: request.getHeader('accept'),
    contentType: request.getHeader('content-type'),
    contentEncoding: request.getHeader('content-encoding'),
    contentLength: length === '' ? -1 : Number(length),
    key: keyOf(request),
    address: Buffer.from(response.getRemoteAddress()).toString('hex'),
  }
}

export class Exchange {
  /** The client is gone or was answered: nothing more can be said. */
  over = false
  /** To be told when the client goes before its answer. */
  abandoned: (() => void) | undefined

  constructor(
    private readonly response: HttpResponse,
    private readonly isHead: boolean,
    /** Told the status of each answer; 0 where the client went first. */
    private readonly settled: (status: number) => void,
  ) {
    response.onAborted(() => {
      if (this.over) return
      this.over = true
      this.settled(0)
      this.abandoned?.()
    })
  }

  json(status: number, value: unknown): void {
    this.send(status, 'application/json', JSON.stringify(value))
  }

  send(status: number, contentType: string, body: string | Uint8Array): void {
    this.finish(status, response => {
      response.writeStatus(head(status, contentType))
      if (this.isHead) endHead(response, Buffer.byteLength(body))
      else response.end(body)
    })
  }

  /** Answers with a head of one's own and no body. */
  sendHead(status: number, statusAndHeaders: string): void {
    this.finish(status, response => response.writeStatus(statusAndHeaders).endWithoutBody())
  }

  refuse(error: LetheError, closeConnection = false): void {
    this.finish(error.status, response => writeError(response, error, { close: closeConnection, isHead: this.isHead }))
  }

  /** Ends the connection without an answer. */
  drop(): void {
    if (this.over) return
    this.over = true
    this.settled(0)
    this.response.close()
  }

  private finish(status: number, write: (response: HttpResponse) => void): void {
    if (this.over) return
    this.over = true
    this.settled(status)
    this.response.cork(() => write(this.response))
  }
}
