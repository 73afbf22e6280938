// What a request can be refused with before it reaches a customer. One factory per code, so that codes stay stable.
import { LetheError } from '../core/errors.js'

export const unknownKey = () =>
  new LetheError(
    'unknown-key',
    'no such key: send it as Authorization: Bearer KEY, X-Api-Key: KEY or ?key=KEY (an SDK of Sentry: in its DSN)',
    401,
  )

export const missingKey = () =>
  new LetheError(
    'missing-key',
    'a key is needed: Authorization: Bearer KEY, X-Api-Key: KEY or ?key=KEY (an SDK of Sentry: in its DSN)',
    401,
  )

export const customerBlocked = () => new LetheError('customer-blocked', 'this customer is blocked', 403)

export const cannotWrite = () =>
  new LetheError('wrong-key', 'this key reads: events are sent with an ingest key (lik_…)', 403)

export const cannotRead = () =>
  new LetheError('wrong-key', 'this key writes only: queries need a query key (lqk_…)', 403)

export const needsAdmin = () => new LetheError('wrong-key', 'this needs the admin token (lat_…)', 403)

export const tooManyFailedKeys = () =>
  new LetheError('too-many-failed-keys', 'too many wrong keys from this address', 429, { retryAfterSeconds: 60 })

export const bodyTooLarge = (maxBytes: number) =>
  new LetheError('body-too-large', `a body may have ${maxBytes} bytes as sent: send less at once`, 413)

export const expandedTooLarge = (maxBytes: number) =>
  new LetheError('body-too-large', `a body may have ${maxBytes} bytes once decompressed: send less at once`, 413)

export const unknownType = (type: string) =>
  new LetheError(
    'unknown-content-type',
    `cannot read ${JSON.stringify(type.slice(0, 100))}: send application/json, application/x-ndjson or application/msgpack`,
    415,
  )

export const unknownEncoding = (encoding: string) =>
  new LetheError(
    'unknown-content-encoding',
    `cannot decompress ${JSON.stringify(encoding.slice(0, 100))}: send gzip, deflate, br or no encoding`,
    415,
  )

export const brokenEncoding = (encoding: string) =>
  new LetheError('broken-encoding', `the body is not valid ${encoding}, or ends early`, 400)

export const emptyBody = () => new LetheError('empty-body', 'the body is empty: nothing to take', 400)

export const bodyTooSlow = () => new LetheError('body-too-slow', 'the body did not arrive in time', 408)

export const overloaded = (what: string) => new LetheError('overloaded', what, 503, { retryAfterSeconds: 1 })

export const draining = () =>
  new LetheError('draining', 'this node is shutting down: try again', 503, { retryAfterSeconds: 2 })

export const starting = () =>
  new LetheError('starting', 'this node is starting: try again', 503, { retryAfterSeconds: 1 })

export const noRoute = (path: string) => new LetheError('not-found', `there is nothing at ${path.slice(0, 200)}`, 404)

export const wrongMethod = (method: string, allow: string) =>
  new LetheError('wrong-method', `${method.toUpperCase().slice(0, 20)} is not possible here: use ${allow}`, 405, {
    allow,
  })

export const noCustomer = (id: string) =>
  new LetheError('no-customer', `there is no customer ${JSON.stringify(id.slice(0, 63))}`, 404)

export const badRequest = (message: string) => new LetheError('bad-request', message, 400)

export const twoLengths = () => new LetheError('bad-request', 'a request has one Content-Length', 400)
