// What is particular to Sentry's SDKs before the decoder: where the key stands, and the id they want to hear back.
// (Sentry, "SDK development: authentication, envelopes, rate limiting"; src/event decodes the bodies.)
import type { HttpRequest } from 'uWebSockets.js'
import { queryParameter } from './exchange.js'

const AUTH_KEY = /(?:^|[\s,])sentry_key\s*=\s*([A-Za-z0-9_]+)/i

/** The key: `X-Sentry-Auth: Sentry sentry_key=…, …`, the same in Authorization, or `?sentry_key=…`. '' where none is. */
export function sentryKeyOf(request: HttpRequest): string {
  const header = request.getHeader('x-sentry-auth') || request.getHeader('authorization')
  const match = header === '' ? null : AUTH_KEY.exec(header)
  if (match) return match[1]!
  return queryParameter(request.getQuery() ?? '', 'sentry_key') ?? ''
}

const EVENT_ID = /"event_id"\s*:\s*"([0-9A-Fa-f-]{32,36})"/
/** An envelope's header is one line; longer ones are not worth looking through for an id that only goes into a reply. */
const MAX_HEADER_BYTES = 16_384

/** The event id of an envelope's header line, for the reply. */
export function envelopeId(body: Uint8Array): string | undefined {
  const newline = body.indexOf(0x0a)
  const end = Math.min(newline < 0 ? body.length : newline, MAX_HEADER_BYTES)
  return EVENT_ID.exec(latin1(body, end))?.[1]
}

/** The event id of a body of the store endpoint, for the reply. */
export function storeId(body: Uint8Array): string | undefined {
  return EVENT_ID.exec(latin1(body, body.length))?.[1]
}

function latin1(body: Uint8Array, end: number): string {
  return Buffer.from(body.buffer, body.byteOffset, end).toString('latin1')
}
