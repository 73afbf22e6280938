// Queries of a shard: compiled before they reach an actor (a syntax error costs the actor nothing), cached by text,
// bounded per customer, answered exactly once.
import type { Clock } from '../core/clock.js'
import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { QueryData } from '../query/data.js'
import { answerCsv, answerJson, answerText, type CompiledQuery, compileQuery, QueryRun } from '../query/query.js'
import type { RunningQuery } from './customer.js'
import type { QueryRequest } from './service.js'

const KEPT_QUERIES = 512

export class QueryDesk {
  private readonly compiled = new Map<string, CompiledQuery>()

  constructor(
    private readonly limits: Limits,
    private readonly clock: Clock,
  ) {}

  /** Throws LetheError 400 with line and column. */
  compile(request: QueryRequest): CompiledQuery {
    if (Buffer.byteLength(request.source) > this.limits.maxQuerySourceBytes) {
      throw new LetheError('body-too-large', `a query may have ${this.limits.maxQuerySourceBytes} bytes`, 413)
    }
    // Parameters bind names, so they are part of what was compiled.
    const key = `${JSON.stringify(request.params)}\n${request.source}`
    let query = this.compiled.get(key)
    if (query) this.compiled.delete(key)
    else {
      query = compileQuery(request.source, request.params)
      if (this.compiled.size >= KEPT_QUERIES) {
        for (const oldest of this.compiled.keys()) {
          this.compiled.delete(oldest)
          break
        }
      }
    }
    this.compiled.set(key, query)
    return query
  }

  start(query: RunningQuery, data: QueryData): QueryRun {
    return new QueryRun(query.compiled, data, this.limits, this.clock)
  }

  /** Answers a query that has come to its end. */
  answer(query: RunningQuery): string {
    const outcome = query.run!.outcome!
    if (!outcome.ok) {
      query.reply.refused(outcome.error)
      return outcome.error.code
    }
    const elapsedMs = Math.round((this.clock.monotonicMs() - query.startedMs) * 1000) / 1000
    try {
      switch (query.request.format) {
        case 'json':
          query.reply.answered('application/json', answerJson(outcome, elapsedMs, this.limits))
          break
        case 'text':
          query.reply.answered('text/plain; charset=utf-8', answerText(outcome, this.limits))
          break
        case 'csv':
          query.reply.answered('text/csv; charset=utf-8', answerCsv(outcome, this.limits))
          break
      }
    } catch (error) {
      if (!(error instanceof LetheError)) throw error
      query.reply.refused(error)
      return error.code
    }
    return 'ok'
  }
}
