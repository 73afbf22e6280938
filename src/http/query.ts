// `POST /v1/query`, `GET /v1/query?q=…`: a program in, JSON, text or CSV out.
import type { QueryFormat, QueryParameters } from '../actors/service.js'
import { LetheError } from '../core/errors.js'
import { mediaType } from './content.js'
import { type Handler, refuseWhileDraining } from './handler.js'
import { badRequest } from './refusals.js'

interface Question {
  readonly source: string
  readonly params: QueryParameters
}

/** What the client would like best of what there is; `*` and nothing are JSON. Quality values are ranked, as in RFC 9110. */
export function formatWanted(accept: string): QueryFormat {
  let best: QueryFormat = 'json'
  let bestQuality = -1
  for (const part of accept.split(',')) {
    const [type = '', ...parameters] = part.split(';')
    const name = type.trim().toLowerCase()
    const format: QueryFormat | undefined =
      name === 'text/csv'
        ? 'csv'
        : name === 'text/plain' || name === 'text/*'
          ? 'text'
          : name === 'application/json' || name === '*/*' || name === 'application/*' || name === ''
            ? 'json'
            : undefined
    if (!format) continue
    const given = parameters.map(text => /^\s*q=([\d.]+)\s*$/.exec(text)?.[1]).find(text => text !== undefined)
    const quality = given === undefined ? 1 : Number(given)
    if (quality > 0 && quality > bestQuality) {
      best = format
      bestQuality = quality
    }
  }
  return best
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

export function textOf(body: Uint8Array): string {
  try {
    return utf8.decode(body)
  } catch {
    throw badRequest('the body is not UTF-8')
  }
}

function jsonOf(body: Uint8Array): unknown {
  const text = textOf(body)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new LetheError('invalid-json', `the body is not JSON: ${(error as Error).message}`, 400)
  }
}

export function objectOf(body: Uint8Array): Readonly<Record<string, unknown>> {
  const value = jsonOf(body)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw badRequest('the body is to be a JSON object')
}

function paramsOf(value: unknown): QueryParameters {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw badRequest('"params" is an object of names and values')
  for (const [name, param] of Object.entries(value)) {
    if (param !== null && typeof param !== 'string' && typeof param !== 'number' && typeof param !== 'boolean') {
      throw badRequest(`the parameter ${JSON.stringify(name.slice(0, 50))} is to be a string, number, boolean or null`)
    }
  }
  return value as QueryParameters
}

/** Bare curl sends JSON as a form. No program begins with a brace, so what does and is JSON is taken as that. */
function isJson(body: Uint8Array): boolean {
  if (body[0] !== 0x7b) return false
  try {
    return typeof objectOf(body)['query'] === 'string'
  } catch {
    return false
  }
}

function posted(contentType: string, body: Uint8Array): Question {
  if (mediaType(contentType) !== 'application/json' && !isJson(body)) return { source: textOf(body), params: {} }
  const { query, params } = objectOf(body)
  if (typeof query !== 'string') throw badRequest('the body is to be {"query":"…","params":{…}}')
  return { source: query, params: paramsOf(params) }
}

export const handleQuery: Handler = (context, exchange, facts, body) => {
  const search = new URLSearchParams(facts.query)
  const admission = context.access.reader(facts.key, search.get('customer') ?? undefined, facts.address)
  if ('refusal' in admission) return exchange.refuse(admission.refusal)
  refuseWhileDraining(context)
  const question =
    facts.method === 'post' ? posted(facts.contentType, body) : { source: search.get('q') ?? '', params: {} }
  const params: Record<string, string | number | boolean | null> = { ...question.params }
  for (const [name, value] of search) if (name.startsWith('p.') && name.length > 2) params[name.slice(2)] = value
  if (question.source.trim() === '') throw badRequest('there is no query: send one as the body, or as ?q=')
  if (question.source.length > context.limits.maxQuerySourceBytes) {
    throw new LetheError('body-too-large', `a query may have ${context.limits.maxQuerySourceBytes} bytes`, 413)
  }
  const request = { source: question.source, params, format: formatWanted(facts.accept) }
  const cancel = context.service.query(admission.route, request, {
    answered: (contentType, answer) => exchange.send(200, contentType, answer),
    refused: error => exchange.refuse(error),
  })
  // A client that goes away takes its query with it.
  exchange.abandoned = cancel
}
