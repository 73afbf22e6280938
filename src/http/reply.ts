// What an answer looks like on the wire, in one place: heads, error bodies, CORS.
//
// uWebSockets.js writes a status line and each header by a call into C++ (about 100 ns each). The text of a status is
// written as it is, so the headers that every answer carries ride behind it in one constant: one call instead of three.
import type { HttpResponse } from 'uWebSockets.js'
import type { LetheError } from '../core/errors.js'

/** Reason phrases of every status that Lethe answers with. */
const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Payload Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

// Keys travel in headers or the query string, never in cookies, so any page may ask: a stranger's page has no key.
const CORS = 'Access-Control-Allow-Origin: *'
const CORS_ERROR = `${CORS}\r\nAccess-Control-Expose-Headers: Retry-After, X-Sentry-Rate-Limits`

const JSON_TYPE = 'application/json'

/** Status line and common headers of an answer, for `writeStatus`. */
export function head(status: number, contentType: string = JSON_TYPE): string {
  const cors = status >= 400 ? CORS_ERROR : CORS
  const reason = REASONS[status] ?? 'Status'
  return contentType === ''
    ? `${status} ${reason}\r\n${cors}`
    : `${status} ${reason}\r\nContent-Type: ${contentType}\r\n${cors}`
}

/** The head of the answer to an ingest request that was taken. */
export const ACCEPTED_HEAD = head(202)

/** The head of the answer that Sentry's SDKs expect. */
export const SENTRY_HEAD = head(200)

/** The answer to CORS preflights: every header a client may think of, for a day. */
export function preflightHead(requestedHeaders: string): string {
  // The value comes from the request and goes into the head: only what a list of header names may contain.
  const allowed = /^[A-Za-z0-9_\-, ]{1,1000}$/.test(requestedHeaders)
    ? requestedHeaders
    : 'Authorization, Content-Type, Content-Encoding, X-Api-Key, X-Sent-At, X-Sentry-Auth'
  return `204 No Content\r\n${CORS}\r\nAccess-Control-Allow-Methods: GET, POST, PUT, PATCH, DELETE\r\nAccess-Control-Allow-Headers: ${allowed}\r\nAccess-Control-Max-Age: 86400`
}

const ACCEPTED_COUNT = 256
const acceptedBodies = Array.from(
  { length: ACCEPTED_COUNT },
  (_, n) => `{"status":"ok","accepted":${n},"duplicates":0}`,
)

/** The body of a 202 without rejections. */
export function acceptedBody(accepted: number, duplicates: number): string {
  if (duplicates === 0 && accepted < ACCEPTED_COUNT) return acceptedBodies[accepted]!
  return `{"status":"ok","accepted":${accepted},"duplicates":${duplicates}}`
}

/** The body of every error: what went wrong in a word for programs and in a sentence for people. */
function errorBody(error: LetheError): string {
  const { line, column } = error.details
  return JSON.stringify({
    status: 'error',
    code: error.code,
    message: error.message,
    ...(typeof line === 'number' ? { line } : {}),
    ...(typeof column === 'number' ? { column } : {}),
  })
}

/** Seconds for Retry-After, whole and at least 1; undefined where the error says nothing and its status asks for nothing. */
function retryAfterSeconds(error: LetheError): number | undefined {
  const given = error.details['retryAfterSeconds']
  if (typeof given === 'number' && Number.isFinite(given)) return Math.max(1, Math.ceil(given))
  return error.status === 429 || error.status === 503 ? 1 : undefined
}

/**
 * Ends the answer to HEAD. The length is a header of ours: told as an argument, uWebSockets.js waits for so many bytes, and
 * closes the connection at the next request.
 */
export function endHead(response: HttpResponse, bytes: number): void {
  response.writeHeader('Content-Length', String(bytes)).endWithoutBody()
}

interface ErrorManner {
  /** The client is still sending, so the connection must end. */
  readonly close: boolean
  /** With the header that Sentry's SDKs read on a 429. */
  readonly sentry?: boolean
  /** The answer to HEAD has no body: a client would take it for the head of its next answer. */
  readonly isHead?: boolean
}

/** Writes an error. To be called within a cork. */
export function writeError(response: HttpResponse, error: LetheError, { close, sentry, isHead }: ErrorManner): void {
  response.writeStatus(head(error.status))
  const retryAfter = retryAfterSeconds(error)
  if (retryAfter !== undefined) response.writeHeader('Retry-After', String(retryAfter))
  // "for so long, all categories, the whole organisation": without it the SDKs stop for 60 s whatever Retry-After says.
  if (sentry && error.status === 429) response.writeHeader('X-Sentry-Rate-Limits', `${retryAfter}::organization`)
  if (error.status === 405 && typeof error.details['allow'] === 'string') {
    response.writeHeader('Allow', error.details['allow'])
  }
  if (error.status === 401) response.writeHeader('WWW-Authenticate', 'Bearer')
  const body = errorBody(error)
  if (isHead) endHead(response, Buffer.byteLength(body))
  else response.end(body, close)
}
