// The admin API: customers, their keys, quotas, retention and sampling, and what was set aside. With the admin token only.
//
// Identity (keys, quota, block, deletion) goes to the supervisor, the one writer of the control store. What lives in the
// customer's own state (retention, sampling, quarantine, erasure) goes to the shard that owns it.
import { shown } from '../actors/quarantine.js'
import type { ControlRequest, CustomerRoute } from '../actors/service.js'
import type { LetheError } from '../core/errors.js'
import type { RequestFacts } from './exchange.js'
import { type Handler, type HandlerContext, refuseWhileDraining } from './handler.js'
import { objectOf } from './query.js'
import { badRequest, noCustomer, noRoute } from './refusals.js'

const DEFAULT_PAGE = 1_000

/** Throws unless the request bears the admin token. */
function needAdmin(context: HandlerContext, facts: RequestFacts): void {
  const refusal = context.access.refuseAdmin(facts.key, facts.address)
  if (refusal) throw refusal
}

/** Asks the owner of a customer. */
function control(context: HandlerContext, route: CustomerRoute, request: ControlRequest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    context.service.control(route, request, {
      answered: resolve,
      refused: (error: LetheError) => reject(error),
    })
  })
}

function routeOf(context: HandlerContext, id: string): CustomerRoute {
  const route = context.routes.byId(id)
  if (!route) throw noCustomer(id)
  return route
}

/** `GET /v1/customers?after=ID&limit=N`, `POST /v1/customers` */
export const handleCustomers: Handler = async (context, exchange, facts, body) => {
  needAdmin(context, facts)
  if (facts.method !== 'post') {
    const search = new URLSearchParams(facts.query)
    const asked = Number(search.get('limit') ?? DEFAULT_PAGE)
    const limit = Number.isInteger(asked) && asked > 0 ? Math.min(asked, 10_000) : DEFAULT_PAGE
    const page = await context.node.administer({ tag: 'list', after: search.get('after') ?? '', limit })
    return exchange.json(200, { status: 'ok', ...(page as object) })
  }
  refuseWhileDraining(context)
  const { id, quota, retention, sampling } = objectOf(body)
  if (typeof id !== 'string') throw badRequest('the body is to be {"id":"…"}')
  const wanted = checkedSettings(context, { retention, sampling })
  const created = await context.node.administer({ tag: 'create', id, quota: quota as never })
  if (wanted) await control(context, routeOf(context, id), wanted)
  exchange.json(201, created)
}

/** `GET|DELETE|PATCH /v1/customers/ID`, `POST …/block|unblock|keys`, `DELETE …/keys/PREFIX` */
export const handleCustomer: Handler = async (context, exchange, facts, body, [id = '', action]) => {
  needAdmin(context, facts)
  const answer = (value: unknown, status = 200) => exchange.json(status, { status: 'ok', ...(value as object) })
  if (facts.method === 'get' || facts.method === 'head') return answer(await show(context, id))
  refuseWhileDraining(context)
  if (facts.method === 'patch') return answer(await patch(context, id, objectOf(body)))
  if (facts.method === 'delete') {
    // The pattern …/keys/* has its prefix as the second variable part.
    if (action !== undefined) return answer(await context.node.administer({ tag: 'remove-key', id, prefix: action }))
    return answer(await remove(context, id))
  }
  switch (action) {
    case 'block':
    case 'unblock':
      return answer(await context.node.administer({ tag: 'block', id, blocked: action === 'block' }))
    case 'keys': {
      const { kind } = objectOf(body)
      return answer(await context.node.administer({ tag: 'add-key', id, kind: kind as never }), 201)
    }
    default:
      throw noRoute(facts.path)
  }
}

async function show(context: HandlerContext, id: string): Promise<object> {
  const view = await context.node.administer({ tag: 'show', id })
  const state = await control(context, routeOf(context, id), { tag: 'describe' })
  return { ...(view as object), ...(state as object) }
}

type SettingsRequest = Extract<ControlRequest, { tag: 'settings' }>

/** What is to be set in the customer's own state; undefined where nothing is. All is checked before anything is changed. */
function checkedSettings(
  context: HandlerContext,
  { retention, sampling, ...rest }: Readonly<Record<string, unknown>>,
): SettingsRequest | undefined {
  const { maxRetentionDays, maxSamplingWeight } = context.limits
  const stranger = Object.keys(rest)[0]
  if (stranger !== undefined) {
    throw badRequest(`quota, retention and sampling can be changed, not ${stranger.slice(0, 50)}`)
  }
  if (retention !== undefined && !(Number.isInteger(retention) && isWithin(retention, 1, maxRetentionDays))) {
    throw badRequest(`retention is a whole number of days, 1 to ${maxRetentionDays}`)
  }
  if (sampling !== undefined && !isWithin(sampling, 1 / maxSamplingWeight, 1)) {
    throw badRequest(`sampling is a share of users, ${1 / maxSamplingWeight} to 1`)
  }
  if (retention === undefined && sampling === undefined) return undefined
  return { tag: 'settings', ...(isNumber(retention) && { retention }), ...(isNumber(sampling) && { sampling }) }
}

const isNumber = (value: unknown): value is number => typeof value === 'number'
const isWithin = (value: unknown, least: number, most: number) => isNumber(value) && value >= least && value <= most

async function patch(context: HandlerContext, id: string, wanted: Readonly<Record<string, unknown>>): Promise<object> {
  const { quota, ...settings } = wanted
  const request = checkedSettings(context, settings)
  if (quota === undefined && request === undefined) {
    throw badRequest('say what to change: {"quota":{…},"retention":…,"sampling":…}')
  }
  const route = routeOf(context, id)
  if (quota !== undefined) await context.node.administer({ tag: 'quota', id, quota: quota as never })
  if (request) await control(context, route, request)
  return await show(context, id)
}

/** R19: a tombstone first, in force on every shard; then the owner drains and erases. */
async function remove(context: HandlerContext, id: string): Promise<object> {
  const route = routeOf(context, id)
  const answer = await context.node.administer({ tag: 'delete', id })
  await control(context, route, { tag: 'forget' })
  return answer as object
}

/** `POST /v1/backup {"folder":"/…"}` */
export const handleBackup: Handler = async (context, exchange, facts, body) => {
  needAdmin(context, facts)
  refuseWhileDraining(context)
  const { folder } = objectOf(body)
  if (typeof folder !== 'string') throw badRequest('say where to: {"folder":"/…"}')
  exchange.json(200, { status: 'ok', ...((await context.node.backup(folder)) as object) })
}

/** `GET /v1/quarantine`, `…?customer=ID`, `POST /v1/quarantine/ID/N/INDEX/replay` */
export const handleQuarantine: Handler = async (context, exchange, facts, body, [id, n, index]) => {
  needAdmin(context, facts)
  const answer = (value: unknown) => exchange.json(200, { status: 'ok', ...(value as object) })
  if (facts.method !== 'post') {
    const customer = new URLSearchParams(facts.query).get('customer')
    if (customer === null) return answer({ events: context.node.quarantined().map(shown) })
    return answer(await control(context, routeOf(context, customer), { tag: 'quarantine' }))
  }
  refuseWhileDraining(context)
  const place = n === undefined ? objectOf(body) : { customer: id, n: Number(n), index: Number(index) }
  const { customer, n: entry, index: event } = place as Record<string, unknown>
  if (typeof customer !== 'string' || !Number.isSafeInteger(entry) || !Number.isSafeInteger(event)) {
    throw badRequest('say which: {"customer":"…","n":…,"index":…}')
  }
  const request = { tag: 'quarantine-replay', n: entry as number, index: event as number } as const
  answer(await control(context, routeOf(context, customer), request))
}
