// How commands speak to a running node.
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

/** Sends a request; throws a LetheError that says what to do where the node cannot be reached or refuses. */
export async function askNode(
  { url, key }: NodeAddress,
  method: string,
  path: string,
  body?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<NodeAnswer> {
  const base = url.replace(/\/+$/, '')
  let answer: Response
  try {
    answer = await fetch(`${base}${path}`, {
      method,
      headers: { ...(key === '' ? {} : { Authorization: `Bearer ${key}` }), ...headers },
      ...(body === undefined ? {} : { body }),
    })
  } catch (error) {
    const cause = (error as { cause?: { code?: string; message?: string } }).cause
    const why = cause?.code === 'ECONNREFUSED' ? 'nobody listens there' : (cause?.message ?? (error as Error).message)
    throw new LetheError('unreachable', `cannot reach a node at ${base}: ${why} (start one, or say where with --url)`)
  }
  const text = await answer.text()
  if (answer.ok) return { status: answer.status, contentType: answer.headers.get('content-type') ?? '', text }
  throw refusalOf(answer.status, text)
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
