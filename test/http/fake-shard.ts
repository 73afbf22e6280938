// A shard in memory: it keeps what it was handed, and answers as it is told to. Not a mock of calls: requests come over
// real sockets, answers leave by them.
import type {
  ControlReply,
  ControlRequest,
  CustomerRoute,
  IngestReply,
  QueryReply,
  QueryRequest,
  ShardService,
  ShardStats,
} from '../../src/actors/service.js'
import { LetheError } from '../../src/core/errors.js'

export interface Taken {
  readonly customer: string
  readonly format: number
  readonly sentAt: number
  readonly body: Buffer
}

export const emptyStats: ShardStats = {
  eventsByOutcome: { applied: 1 },
  refusalsByCode: {},
  queriesByOutcome: {},
  commitSeconds: { bounds: [0.001, 0.01], counts: [1, 2, 3], sum: 0.5 },
  actors: 1,
  inboxRequests: 0,
  inboxBytes: 0,
  journalBytes: 0,
  checkpointAgeSeconds: 0,
  openFiles: 0,
  filesSetAside: 0,
  quarantined: 0,
  crashes: 0,
  checkpointFailures: 0,
  clockDisagrees: false,
}

export class FakeShard implements ShardService {
  ready = true
  readonly unsaved = 0
  readonly taken: Taken[] = []
  readonly controls: ControlRequest[] = []
  readonly queries: QueryRequest[] = []
  cancelled = 0
  /** What to answer; by default one event accepted, in a later turn as a commit would. */
  answer: (reply: IngestReply, taken: Taken) => void = reply => setImmediate(() => reply.accepted(1, 0, []))
  answerQuery: (reply: QueryReply, request: QueryRequest) => void = reply =>
    setImmediate(() => reply.answered('application/json', '{"status":"ok","value":1}'))

  ingest(route: CustomerRoute, format: number, sentAt: number, body: Uint8Array, reply: IngestReply): void {
    const taken = { customer: route.id, format, sentAt, body: Buffer.from(body) }
    this.taken.push(taken)
    this.answer(reply, taken)
  }

  query(_route: CustomerRoute, request: QueryRequest, reply: QueryReply): () => void {
    this.queries.push(request)
    this.answerQuery(reply, request)
    return () => {
      this.cancelled++
    }
  }

  control(route: CustomerRoute, request: ControlRequest, reply: ControlReply): void {
    this.controls.push(request)
    if (request.tag === 'program-put' && request.source === 'bad') {
      return reply.refused(new LetheError('syntax-error', 'no', 400, { line: 1, column: 2 }))
    }
    const value = request.tag === 'program-get' ? { source: '(define (on-event e) #t)', builtin: false } : {}
    setImmediate(() => reply.answered({ ...value, customer: route.id }))
  }

  stats(): ShardStats {
    return emptyStats
  }

  async drain(): Promise<void> {
    this.ready = false
  }
}
