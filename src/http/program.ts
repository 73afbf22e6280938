// `GET|PUT|DELETE /v1/program`: the program that runs for each event of a customer.
import type { ControlRequest } from '../actors/service.js'
import { mediaType } from './content.js'
import { type Handler, refuseWhileDraining } from './handler.js'
import { formatWanted, objectOf, textOf } from './query.js'
import { badRequest } from './refusals.js'

function sourceOf(contentType: string, body: Uint8Array): string {
  if (mediaType(contentType) !== 'application/json') return textOf(body)
  // What GET answers can be sent back as it is.
  const { program, source = program } = objectOf(body)
  if (typeof source !== 'string') throw badRequest('the body is to be the program, or {"source":"…"}')
  return source
}

export const handleProgram: Handler = (context, exchange, facts, body) => {
  const customer = new URLSearchParams(facts.query).get('customer') ?? undefined
  const admission = context.access.reader(facts.key, customer, facts.address)
  if ('refusal' in admission) return exchange.refuse(admission.refusal)
  refuseWhileDraining(context)
  const request: ControlRequest =
    facts.method === 'put'
      ? { tag: 'program-put', source: sourceOf(facts.contentType, body) }
      : facts.method === 'delete'
        ? { tag: 'program-delete' }
        : { tag: 'program-get' }
  context.service.control(admission.route, request, {
    answered: value => {
      const wantsText = request.tag === 'program-get' && formatWanted(facts.accept) === 'text'
      if (wantsText) exchange.send(200, 'text/plain; charset=utf-8', (value as { source: string }).source)
      else exchange.json(200, { status: 'ok', ...(value as object) })
    },
    refused: error => exchange.refuse(error),
  })
}
