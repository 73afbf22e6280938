// Requests that landed on another shard than the one that owns the customer.
//
//   front                                     owner
//   PeerService ── link ── Unix socket ── PeerServer ── its ShardService
//        ▲                                                    │
//        └───────────── replies, by request id ◀──────────────┘
//
// A connection joins two generations of two processes: it opens with a hello that says who is meant, and dies with either
// of them. So ids need to be unique only within a connection, and no reply can reach a later process's request.
//
// R12: what has not left this process is refused with 503; from the moment it may have left, only the owner's reply or
// "unknown" can follow. Nothing is ever sent twice.
import net from 'node:net'
import { LetheError } from '../core/errors.js'
import { FrameReader, FrameWriter, type PeerLimits } from './peer-frames.js'
import type { Routes } from './routes.js'
import type {
  BodyFormat,
  ControlReply,
  ControlRequest,
  CustomerRoute,
  IngestReply,
  QueryReply,
  QueryRequest,
  RejectedEvent,
  ShardService,
  ShardStats,
} from './service.js'

/** Kinds of frames. Both ends are of one build and one start of the node, so these may change. */
const enum Kind {
  Hello = 1,
  Ingest = 2,
  Query = 3,
  Cancel = 4,
  Control = 5,
  Accepted = 6,
  Refused = 7,
  Unknown = 8,
  Answered = 9,
  ControlAnswered = 10,
}

/** Where a shard listens. Another generation for each of its processes. */
export interface PeerAddress {
  readonly shard: number
  readonly generation: number
  readonly path: string
}

// incarnation u64, sentAt f64, format u8, length of id u8, id, body
const INGEST_HEAD_BYTES = 18

const peerLost = () =>
  new LetheError('overloaded', 'the shard of this customer is being started: try again', 503, { retryAfterSeconds: 1 })
const peerBehind = () =>
  new LetheError('overloaded', 'the shard of this customer is behind: try again', 503, { retryAfterSeconds: 1 })
const outcomeUnknown = () =>
  new LetheError('outcome-unknown', 'the shard ended before it answered: look whether it was done', 500)

function encodeError(error: LetheError): Buffer {
  const { code, message, status, details } = error
  return Buffer.from(JSON.stringify({ code, message, status, details }))
}

function decodeError(bytes: Buffer, start: number, end: number): LetheError {
  const { code, message, status, details } = JSON.parse(bytes.toString('utf8', start, end)) as LetheError
  return new LetheError(code, message, status, details)
}

/** A request that waits for its reply. */
type Waiting =
  | { readonly tag: 'ingest'; readonly reply: IngestReply }
  | { readonly tag: 'query'; readonly reply: QueryReply; cancelled: boolean }
  | { readonly tag: 'control'; readonly reply: ControlReply }

/** The front's end of a connection to one other shard. */
class PeerLink {
  private socket: net.Socket | undefined
  private writer: FrameWriter | undefined
  private connected = false
  private waiting: (Waiting | undefined)[] = []
  private free: number[] = []

  constructor(
    private readonly own: PeerAddress,
    private address: PeerAddress | undefined,
    private readonly limits: PeerLimits,
  ) {}

  /** The shard has a new process, or none at present. */
  redirect(address: PeerAddress | undefined): void {
    if (address?.generation === this.address?.generation) return
    this.lose()
    this.address = address
  }

  ingest(route: CustomerRoute, format: BodyFormat, sentAt: number, body: Uint8Array, reply: IngestReply): void {
    const writer = this.ready(body.length)
    if (writer instanceof LetheError) return reply.refused(writer)
    const id = this.enlist({ tag: 'ingest', reply })
    const size = INGEST_HEAD_BYTES + route.id.length + body.length
    const isShort = size <= this.limits.peerPieceBytes
    // `begin` may replace the batch, so it is asked first.
    const at = isShort ? writer.begin(Kind.Ingest, id, size) : 0
    const target = isShort ? writer.batch : Buffer.allocUnsafe(size)
    target.writeBigUInt64LE(route.incarnation, at)
    target.writeDoubleLE(sentAt, at + 8)
    target[at + 16] = format
    target[at + 17] = route.id.length
    target.write(route.id, at + INGEST_HEAD_BYTES, 'latin1')
    target.set(body, at + INGEST_HEAD_BYTES + route.id.length)
    if (!isShort) writer.send(Kind.Ingest, id, target)
  }

  query(route: CustomerRoute, request: QueryRequest, reply: QueryReply): () => void {
    const payload = encodeAsked(route, request)
    const writer = this.ready(payload.length)
    if (writer instanceof LetheError) {
      reply.refused(writer)
      return () => {}
    }
    const waiting: Waiting = { tag: 'query', reply, cancelled: false }
    const id = this.enlist(waiting)
    writer.send(Kind.Query, id, payload)
    return () => {
      if (this.waiting[id] !== waiting || waiting.cancelled) return
      // The id stays taken: the owner's reply may be on its way.
      waiting.cancelled = true
      this.writer?.begin(Kind.Cancel, id, 0)
    }
  }

  control(route: CustomerRoute, request: ControlRequest, reply: ControlReply): void {
    const payload = encodeAsked(route, request)
    const writer = this.ready(payload.length)
    if (writer instanceof LetheError) return reply.refused(writer)
    writer.send(Kind.Control, this.enlist({ tag: 'control', reply }), payload)
  }

  /** Ends the connection and says so to all who wait. */
  lose(): void {
    const { socket, waiting } = this
    const mayHaveLeft = this.connected
    this.writer?.close()
    this.socket = undefined
    this.writer = undefined
    this.connected = false
    this.waiting = []
    this.free = []
    socket?.destroy()
    for (const request of waiting) if (request) settleLost(request, mayHaveLeft)
  }

  private ready(size: number): FrameWriter | LetheError {
    if (!this.writer && !this.connect()) return peerLost()
    return this.writer!.isFull(size) ? peerBehind() : this.writer!
  }

  private enlist(waiting: Waiting): number {
    const id = this.free.pop() ?? this.waiting.length
    this.waiting[id] = waiting
    return id
  }

  private connect(): boolean {
    const { address } = this
    if (!address) return false
    const socket = net.connect(address.path)
    const writer = new FrameWriter(socket, this.limits)
    const reader = new FrameReader(this.limits, (kind, id, bytes, start, end) => this.take(kind, id, bytes, start, end))
    this.socket = socket
    this.writer = writer
    const { shard, generation } = address
    writer.send(Kind.Hello, 0, Buffer.from(JSON.stringify({ from: this.own, to: { shard, generation } })))
    socket.on('connect', () => {
      this.connected = true
      writer.open()
    })
    socket.on('data', chunk => {
      if (this.socket === socket && !reader.take(chunk)) socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.socket === socket) this.lose()
    })
    return true
  }

  private take(kind: Kind, id: number, bytes: Buffer, start: number, end: number): void {
    const request = this.waiting[id]
    if (!request) return
    this.waiting[id] = undefined
    this.free.push(id)
    if (request.tag === 'ingest') return takeIngest(request.reply, kind, bytes, start, end)
    if (kind === Kind.Refused) {
      const error = decodeError(bytes, start, end)
      if (request.tag === 'control') request.reply.refused(error)
      else if (!request.cancelled) request.reply.refused(error)
      return
    }
    if (request.tag === 'control') return request.reply.answered(JSON.parse(bytes.toString('utf8', start, end)))
    if (request.cancelled) return
    const typeEnd = start + 1 + bytes[start]!
    request.reply.answered(bytes.toString('latin1', start + 1, typeEnd), Buffer.from(bytes.subarray(typeEnd, end)))
  }
}

function takeIngest(reply: IngestReply, kind: Kind, bytes: Buffer, start: number, end: number): void {
  if (kind === Kind.Refused) return reply.refused(decodeError(bytes, start, end))
  if (kind === Kind.Unknown) return reply.unknown()
  const rejected = end - start > 8 ? (JSON.parse(bytes.toString('utf8', start + 8, end)) as RejectedEvent[]) : []
  reply.accepted(bytes.readUInt32LE(start), bytes.readUInt32LE(start + 4), rejected)
}

function settleLost(request: Waiting, mayHaveLeft: boolean): void {
  if (request.tag === 'query') {
    if (!request.cancelled) request.reply.refused(peerLost())
  } else if (!mayHaveLeft) request.reply.refused(peerLost())
  else if (request.tag === 'ingest') request.reply.unknown()
  else request.reply.refused(outcomeUnknown())
}

interface Asked<Request> {
  readonly customer: string
  readonly incarnation: string
  readonly request: Request
}

function encodeAsked(route: CustomerRoute, request: QueryRequest | ControlRequest): Buffer {
  return Buffer.from(JSON.stringify({ customer: route.id, incarnation: String(route.incarnation), request }))
}

/** The service of a whole node: what another shard owns goes to its peer. */
export class PeerService implements ShardService {
  private readonly links: (PeerLink | undefined)[]

  constructor(
    private readonly own: PeerAddress,
    shards: number,
    private readonly local: ShardService,
    limits: PeerLimits,
  ) {
    this.links = Array.from({ length: shards }, (_, shard) =>
      shard === own.shard ? undefined : new PeerLink(own, undefined, limits),
    )
  }

  /** Which shards live, and where. Told by the supervisor at each change. */
  redirect(addresses: readonly PeerAddress[]): void {
    this.links.forEach((link, shard) => {
      link?.redirect(addresses.find(address => address.shard === shard))
    })
  }

  ingest(route: CustomerRoute, format: BodyFormat, sentAt: number, body: Uint8Array, reply: IngestReply): void {
    if (route.owner === this.own.shard) return this.local.ingest(route, format, sentAt, body, reply)
    this.links[route.owner]!.ingest(route, format, sentAt, body, reply)
  }

  query(route: CustomerRoute, request: QueryRequest, reply: QueryReply): () => void {
    if (route.owner === this.own.shard) return this.local.query(route, request, reply)
    return this.links[route.owner]!.query(route, request, reply)
  }

  control(route: CustomerRoute, request: ControlRequest, reply: ControlReply): void {
    if (route.owner === this.own.shard) return this.local.control(route, request, reply)
    this.links[route.owner]!.control(route, request, reply)
  }

  stats(): ShardStats {
    return this.local.stats()
  }

  get ready(): boolean {
    return this.local.ready
  }

  get unsaved(): number {
    return this.local.unsaved
  }

  async drain(): Promise<void> {
    await this.local.drain()
    for (const link of this.links) link?.lose()
  }
}

/** A reply on its way back over a connection. */
class PeerReply implements IngestReply, QueryReply, ControlReply {
  cancel: (() => void) | undefined

  constructor(
    private readonly connection: PeerConnection,
    private readonly id: number,
    private readonly isControl: boolean,
  ) {}

  accepted(accepted: number, duplicates: number, rejected: readonly RejectedEvent[]): void {
    const { connection, id } = this
    if (connection.closed) return
    const { writer } = connection
    if (rejected.length > 0) {
      const head = Buffer.alloc(8)
      head.writeUInt32LE(accepted, 0)
      head.writeUInt32LE(duplicates, 4)
      return writer.send(Kind.Accepted, id, Buffer.concat([head, Buffer.from(JSON.stringify(rejected))]))
    }
    const at = writer.begin(Kind.Accepted, id, 8)
    writer.batch.writeUInt32LE(accepted, at)
    writer.batch.writeUInt32LE(duplicates, at + 4)
  }

  unknown(): void {
    if (!this.connection.closed) this.connection.writer.begin(Kind.Unknown, this.id, 0)
  }

  refused(error: LetheError): void {
    this.connection.running.delete(this.id)
    if (!this.connection.closed) this.connection.writer.send(Kind.Refused, this.id, encodeError(error))
  }

  /** Of a query: a content type and a body. Of a control request: one value. */
  answered(typeOrValue: unknown, body?: string | Uint8Array): void {
    const { connection, id } = this
    connection.running.delete(id)
    if (connection.closed) return
    if (this.isControl) {
      return connection.writer.send(Kind.ControlAnswered, id, Buffer.from(JSON.stringify(typeOrValue ?? null)))
    }
    const type = Buffer.from(String(typeOrValue), 'latin1')
    const bytes = typeof body === 'string' ? Buffer.from(body) : body!
    connection.writer.send(Kind.Answered, id, Buffer.concat([Buffer.from([type.length]), type, bytes]))
  }
}

/** The owner's end of a connection. */
class PeerConnection {
  readonly writer: FrameWriter
  readonly running = new Map<number, PeerReply>()
  closed = false
  private greeted = false

  constructor(
    private readonly socket: net.Socket,
    private readonly own: PeerAddress,
    private readonly service: ShardService,
    private readonly routes: Routes,
    limits: PeerLimits,
  ) {
    this.writer = new FrameWriter(socket, limits)
    this.writer.open()
    const reader = new FrameReader(limits, (kind, id, bytes, start, end) => this.take(kind, id, bytes, start, end))
    socket.on('data', chunk => {
      if (!this.closed && !reader.take(chunk)) socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.writer.close()
      for (const reply of this.running.values()) reply.cancel?.()
      this.running.clear()
    })
  }

  private take(kind: Kind, id: number, bytes: Buffer, start: number, end: number): void {
    if (!this.greeted) return this.greet(kind, bytes, start, end)
    switch (kind) {
      case Kind.Ingest:
        return this.takeIngest(id, bytes, start, end)
      case Kind.Query: {
        const { customer, incarnation, request } = parseAsked<QueryRequest>(bytes, start, end)
        const reply = new PeerReply(this, id, false)
        const route = this.routes.resolve(customer, BigInt(incarnation))
        if (!route || route.deleted) return reply.refused(gone())
        this.running.set(id, reply)
        const cancel = this.service.query(route, request, reply)
        if (this.running.has(id)) reply.cancel = cancel
        return
      }
      case Kind.Control: {
        const { customer, incarnation, request } = parseAsked<ControlRequest>(bytes, start, end)
        const reply = new PeerReply(this, id, true)
        const route = this.routes.resolve(customer, BigInt(incarnation))
        if (!route) return reply.refused(gone())
        return this.service.control(route, request, reply)
      }
      case Kind.Cancel: {
        const reply = this.running.get(id)
        if (!reply) return
        reply.cancel?.()
        // The front frees the id at a reply, so it gets one.
        return reply.refused(new LetheError('cancelled', 'the client has gone', 503))
      }
      default:
        this.socket.destroy()
    }
  }

  private greet(kind: Kind, bytes: Buffer, start: number, end: number): void {
    if (kind !== Kind.Hello) return void this.socket.destroy()
    const { to } = JSON.parse(bytes.toString('utf8', start, end)) as { to: PeerAddress }
    // Meant for another process than this one: an old path that was reused.
    if (to.shard !== this.own.shard || to.generation !== this.own.generation) return void this.socket.destroy()
    this.greeted = true
  }

  private takeIngest(id: number, bytes: Buffer, start: number, end: number): void {
    const idEnd = start + INGEST_HEAD_BYTES + bytes[start + 17]!
    const customer = bytes.toString('latin1', start + INGEST_HEAD_BYTES, idEnd)
    const route = this.routes.resolve(customer, bytes.readBigUInt64LE(start))
    const reply = new PeerReply(this, id, false)
    if (!route || route.deleted) return reply.refused(gone())
    this.service.ingest(route, bytes[start + 16]!, bytes.readDoubleLE(start + 8), bytes.subarray(idEnd, end), reply)
  }
}

const gone = () => new LetheError('unknown-key', 'no customer has this key', 401)

function parseAsked<Request>(bytes: Buffer, start: number, end: number): Asked<Request> {
  return JSON.parse(bytes.toString('utf8', start, end)) as Asked<Request>
}

/** Listens for the other shards of this node. */
export class PeerServer {
  private readonly server: net.Server
  private readonly sockets = new Set<net.Socket>()

  constructor(
    private readonly own: PeerAddress,
    service: ShardService,
    routes: Routes,
    limits: PeerLimits,
  ) {
    this.server = net.createServer(socket => {
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
      new PeerConnection(socket, own, service, routes, limits)
    })
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen(this.own.path, () => resolve())
    })
  }

  /** Takes no connection any more, ends those there are. */
  close(): void {
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
  }
}
