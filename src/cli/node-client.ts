// How commands speak to a running node. By node:http, because fetch gives up after five minutes without a head: a backup
// may take longer, and says nothing before it is complete.
import http from 'node:http'
import https from 'node:https'
import { text as textOf } from 'node:stream/consumers'
import { LetheError } from '../core/errors.js'

export interface NodeAddress {
  readonly url: string
  readonly key: string
}

export interface NodeAnswer {
  readonly status: number
  readonly contentType: string
  readonly text: string
}

interface Request {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

function send(address: string, { method, headers, body }: Request): Promise<NodeAnswer> {
  return new Promise((resolve, reject) => {
    const { request } = address.startsWith('https:') ? https : http
    const sent = request(address, { method, headers }, answer => {
      const { statusCode = 0, headers } = answer
      textOf(answer).then(
        text => resolve({ status: statusCode, contentType: headers['content-type'] ?? '', text }),
        reject,
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Sends a request; throws a LetheError that says what to do where the node cannot be reached or refuses. */
export async function askNode(
  { url, key }: NodeAddress,
  method: string,
  path: string,
  body?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<NodeAnswer> {
  const base = url.replace(/\/+$/, '')
  let answer: NodeAnswer
  try {
    const authorized = { ...(key === '' ? {} : { Authorization: `Bearer ${key}` }), ...headers }
    answer = await send(`${base}${path}`, { method, headers: authorized, body })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'ECONNREFUSED' ? 'nobody listens there' : message
    throw new LetheError('unreachable', `cannot reach a node at ${base}: ${why} (start one, or say where with --url)`)
  }
  if (answer.status >= 200 && answer.status < 300) return answer
  throw refusalOf(answer.status, answer.text)
}

function refusalOf(status: number, text: string): LetheError {
  try {
    const { code, message, line, column } = JSON.parse(text) as Record<string, unknown>
    const place = typeof line === 'number' ? `line ${line}, column ${String(column)}: ` : ''
    if (typeof message === 'string') return new LetheError(String(code), `${place}${message}`, status)
  } catch {
    // Not from Lethe: a proxy, say.
  }
  return new LetheError('refused', `the node answered ${status}: ${text.slice(0, 300)}`, status)
}

export async function askJson(
  node: NodeAddress,
  method: string,
  path: string,
  body?: unknown,
): Promise<Readonly<Record<string, unknown>>> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const answer = await askNode(
    node,
    method,
    path,
    text,
    text === undefined ? {} : { 'Content-Type': 'application/json' },
  )
  return JSON.parse(answer.text) as Record<string, unknown>
}
