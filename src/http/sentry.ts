// What is particular to Sentry's SDKs before the decoder: where the key stands, what the node fills in, the id they want to hear back.
// (Sentry, "SDK development: authentication, envelopes, rate limiting"; src/event decodes the bodies.)
import type { HttpRequest, HttpResponse } from 'uWebSockets.js'
import { AUTO_ADDRESS, PEER_ADDRESS } from '../event/sentry.js'
import { keyOf, queryParameter } from './exchange.js'

const AUTH_KEY = /(?:^|[\s,])sentry_key\s*=\s*([A-Za-z0-9_]+)/i

/** The key: `X-Sentry-Auth: Sentry sentry_key=…, …`, the same in Authorization, `?sentry_key=…`, or as everywhere else. '' where none is. */
export function sentryKeyOf(request: HttpRequest): string {
  const header = request.getHeader('x-sentry-auth') || request.getHeader('authorization')
  const match = header === '' ? null : AUTH_KEY.exec(header)
  if (match) return match[1]!
  return queryParameter(request.getQuery() ?? '', 'sentry_key') || keyOf(request)
}

const EVENT_ID = /"event_id"\s*:\s*"([0-9A-Fa-f-]{32,36})"/
/** An envelope's header is one line; longer ones are not worth looking through for an id that only goes into a reply. */
const MAX_HEADER_BYTES = 16_384

/** What a body of /store/ says in base64, as the clients before envelopes (raven) send it, of zlib and without a Content-Encoding; undefined where it is an object. */
export function fromBase64(body: Uint8Array): Buffer | undefined {
  const first = body.find(byte => byte > 0x20)
  return first === undefined || first === 0x7b ? undefined : Buffer.from(latin1(body, body.length), 'base64')
}

const DSN_KEY = /"dsn"\s*:\s*"https?:\/\/([A-Za-z0-9_]+)[@:]/

/** The key in the `dsn` of an envelope's header line: all that an SDK says that sends through a tunnel. '' where none is. */
export function tunnelKey(body: Uint8Array): string {
  return DSN_KEY.exec(headerLine(body))?.[1] ?? ''
}

/** Whose request it is: the first that proxies name (TLS ends at one), else the peer. Anybody can claim any, as any user's id. */
export function peerAddress(response: HttpResponse, forwarded: string): string {
  const first = forwarded.split(',', 1)[0]!.trim()
  return /^[0-9a-f:.]{3,45}$/i.test(first) ? first : Buffer.from(response.getRemoteAddressAsText()).toString('latin1')
}

/**
 * The body, and in its first object the address that it came from, where an SDK asks for that. `length`s are of items, and that
 * object is none of them.
 */
export function withPeer(body: Uint8Array, address: () => string): Uint8Array {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
  const brace = bytes.indexOf(0x7b)
  if (brace < 0 || bytes.indexOf(`"${AUTO_ADDRESS}"`) < 0) return body
  const isEmpty = /^\s*}/.test(latin1(bytes.subarray(brace + 1), 64))
  const field = `${JSON.stringify(PEER_ADDRESS)}:${JSON.stringify(address())}${isEmpty ? '' : ','}`
  return Buffer.concat([bytes.subarray(0, brace + 1), Buffer.from(field), bytes.subarray(brace + 1)])
}

/** The event id of an envelope's header line, for the reply. */
export function envelopeId(body: Uint8Array): string | undefined {
  return EVENT_ID.exec(headerLine(body))?.[1]
}

function headerLine(body: Uint8Array): string {
  const newline = body.indexOf(0x0a)
  return latin1(body, Math.min(newline < 0 ? body.length : newline, MAX_HEADER_BYTES))
}

/** The event id of a body of the store endpoint, for the reply. */
export function storeId(body: Uint8Array): string | undefined {
  return EVENT_ID.exec(latin1(body, body.length))?.[1]
}

function latin1(body: Uint8Array, end: number): string {
  return Buffer.from(body.buffer, body.byteOffset, Math.min(end, body.length)).toString('latin1')
}
