// Queries of a shard: compiled before they reach an actor (a syntax error costs the actor nothing), cached by text,
// bounded per customer, answered exactly once.
import type { Clock } from '../core/clock.js'
import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { atOnce } from '../core/steps.js'
import { type Rendering, renderCsv, renderJson, renderText } from '../query/answer.js'
import type { QueryData } from '../query/data.js'
import { type CompiledQuery, type Compiling, compilingQuery, QueryRun } from '../query/query.js'
import type { RunningQuery } from './protocol.js'
import type { QueryRequest } from './service.js'

const KEPT_QUERIES = 512
/** Characters of source that are compiled before they reach an actor: a millisecond or so. */
const COMPILED_AT_ONCE = 4096

export class QueryDesk {
  private readonly compiled = new Map<string, CompiledQuery>()

  constructor(
    private readonly limits: Limits,
    private readonly clock: Clock,
  ) {}

  /**
   * A short query is compiled here; a long one will be in its customer's turns. Throws LetheError 400 with line and column, 413.
   */
  compile(request: QueryRequest): CompiledQuery | Compiling {
    if (Buffer.byteLength(request.source) > this.limits.maxQuerySourceBytes) {
      throw new LetheError('body-too-large', `a query may have ${this.limits.maxQuerySourceBytes} bytes`, 413)
    }
    // Parameters bind names, so they are part of what was compiled.
    const key = `${JSON.stringify(request.params)}\n${request.source}`
    const known = this.compiled.get(key)
    if (known !== undefined) return this.keep(key, known)
    const compiling = compilingQuery(request.source, request.params)
    return request.source.length > COMPILED_AT_ONCE ? this.keeping(key, compiling) : this.keep(key, atOnce(compiling))
  }

  private *keeping(key: string, compiling: Compiling): Compiling {
    return this.keep(key, yield* compiling)
  }

  private keep(key: string, query: CompiledQuery): CompiledQuery {
    this.compiled.delete(key)
    if (this.compiled.size >= KEPT_QUERIES) {
      for (const oldest of this.compiled.keys()) {
        this.compiled.delete(oldest)
        break
      }
    }
    this.compiled.set(key, query)
    return query
  }

  start(query: RunningQuery, data: QueryData): QueryRun {
    return new QueryRun(query.compiled, data, this.limits, this.clock)
  }

  /** Writes the answer down, in steps: an answer may be megabytes. */
  *render(query: RunningQuery): Rendering {
    const outcome = query.run!.outcome!
    if (!outcome.ok) throw outcome.error
    const elapsedMs = Math.round((this.clock.monotonicMs() - query.startedMs) * 1000) / 1000
    return yield* RENDERERS[query.request.format](outcome, elapsedMs, this.limits)
  }

  /** Answers a query whose rendering has come to its end, with its body or with what went wrong. */
  answer(query: RunningQuery, body: string | LetheError): string {
    if (typeof body !== 'string') {
      query.reply.refused(body)
      return body.code
    }
    query.reply.answered(CONTENT_TYPES[query.request.format], body)
    return 'ok'
  }
}

const RENDERERS = { json: renderJson, text: renderText, csv: renderCsv }
const CONTENT_TYPES = { json: 'application/json', text: 'text/plain; charset=utf-8', csv: 'text/csv; charset=utf-8' }
