// What everything but ingest is made of: handlers, and what they get.
import type { Routes } from '../actors/routes.js'
import type { ShardService } from '../actors/service.js'
import type { Limits } from '../core/limits.js'
import type { Access } from './access.js'
import type { Exchange, RequestFacts } from './exchange.js'
import type { NodeSupervision } from './node.js'
import { draining } from './refusals.js'

/** What the handlers of everything but ingest get. */
export interface HandlerContext {
  readonly routes: Routes
  readonly service: ShardService
  readonly node: NodeSupervision
  readonly access: Access
  readonly limits: Limits
  readonly version: string
  readonly draining: boolean
}

/** A handler answers through the exchange, now or later; what it throws is answered. `body` is the handler's own. */
export type Handler = (
  context: HandlerContext,
  exchange: Exchange,
  facts: RequestFacts,
  body: Uint8Array,
  /** The variable parts of the path. */
  parts: readonly string[],
) => void | Promise<void>

/** Refuses what changes something once a drain has begun. */
export function refuseWhileDraining(context: HandlerContext): void {
  if (context.draining) throw draining()
}
