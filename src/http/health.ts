// `/healthz`, `/readyz`, `/metrics`: no key needed, nothing secret told.

import type { Handler } from './handler.js'
import { draining, starting } from './refusals.js'

export const handleHealth: Handler = (context, exchange) => {
  exchange.json(200, { status: 'ok', name: 'lethe', version: context.version })
}

export const handleReady: Handler = (context, exchange) => {
  if (context.draining) return exchange.refuse(draining())
  if (!context.node.ready || !context.service.ready) return exchange.refuse(starting())
  exchange.json(200, { status: 'ok' })
}

export const handleMetrics: Handler = async (context, exchange) => {
  const [reports, { metricsText, METRICS_TYPE }] = await Promise.all([context.node.reports(), import('./metrics.js')])
  exchange.send(200, METRICS_TYPE, await metricsText(reports.shards, reports.restarts, context.version))
}
