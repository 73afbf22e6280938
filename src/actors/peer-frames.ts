// Messages between shard processes over a stream socket.
//
//   0          4      5       6     8            12
//   +----------+------+-------+-----+------------+----------------- - -
//   | size u32 | kind | flags |  0  | id u32     | payload, size bytes
//   +----------+------+-------+-----+------------+----------------- - -
//
// All frames of a turn leave in one write: a frame costs 0.3–2 µs at each end that way, a write of its own would cost 10.
// A message above 64 KiB leaves in pieces (flag 1: more follow), a piece of each waiting one per write, so that a body of
// 16 MiB does not hold up small ones (R17). Frames of one message come in order; those of different ones interleave.
//
// Invariant: a buffer handed to the socket is not touched until the socket has written it.
import type { Socket } from 'node:net'
import type { Limits } from '../core/limits.js'

const FRAME_HEAD_BYTES = 12
const MORE = 1
const BATCH_BYTES = 256 * 1024
const POOLED_BATCHES = 4

export type PeerLimits = Pick<Limits, 'maxPeerQueueBytes' | 'peerPieceBytes' | 'maxDecompressedBytes'>

interface LongMessage {
  readonly kind: number
  readonly id: number
  readonly payload: Uint8Array
  sent: number
}

export class FrameWriter {
  /** The open batch. Callers of `begin` write their payload here. */
  batch: Buffer = Buffer.allocUnsafeSlow(BATCH_BYTES)
  private length = 0
  private readonly pool: Buffer[] = []
  private long: LongMessage[] = []
  private longBytes = 0
  private scheduled = false
  private blocked = true
  private closed = false

  constructor(
    private readonly socket: Socket,
    private readonly limits: PeerLimits,
  ) {
    socket.on('drain', () => {
      this.blocked = false
      this.flush()
    })
  }

  /** From now on frames leave; until then they wait. */
  open(): void {
    this.blocked = false
    this.flush()
  }

  close(): void {
    this.closed = true
    this.long = []
    this.length = 0
  }

  /** Bytes that have not left the process. */
  get queuedBytes(): number {
    return this.length + this.longBytes + this.socket.writableLength
  }

  /** True where so much waits that a message of this size is not taken. */
  isFull(size: number): boolean {
    return this.queuedBytes + size > this.limits.maxPeerQueueBytes
  }

  /** Room for a payload of `size` bytes (at most a piece): fill it at once, at the answered offset of `batch`. */
  begin(kind: number, id: number, size: number): number {
    const total = FRAME_HEAD_BYTES + size
    if (this.length + total > this.batch.length) this.growOrFlush(total)
    const at = this.length
    this.length += total
    writeHead(this.batch, at, kind, 0, id, size)
    if (!this.scheduled) this.schedule()
    return at + FRAME_HEAD_BYTES
  }

  /** Sends a message of any size. A long payload must stay untouched until it has left. */
  send(kind: number, id: number, payload: Uint8Array): void {
    if (payload.length <= this.limits.peerPieceBytes) {
      const at = this.begin(kind, id, payload.length)
      this.batch.set(payload, at)
      return
    }
    this.long.push({ kind, id, payload, sent: 0 })
    this.longBytes += payload.length
    if (!this.scheduled) this.schedule()
  }

  private schedule(): void {
    this.scheduled = true
    setImmediate(() => {
      this.scheduled = false
      this.flush()
    })
  }

  private growOrFlush(total: number): void {
    if (!this.blocked) this.flush()
    if (this.length + total <= this.batch.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.batch.length * 2, this.length + total))
    this.batch.copy(grown, 0, 0, this.length)
    this.batch = grown
  }

  private flush(): void {
    if (this.closed || this.blocked) return
    this.addPieces()
    if (this.length === 0) return
    const full = this.batch
    const size = this.length
    this.batch = this.pool.pop() ?? Buffer.allocUnsafeSlow(BATCH_BYTES)
    this.length = 0
    const more = this.socket.write(full.subarray(0, size), () => {
      if (full.length === BATCH_BYTES && this.pool.length < POOLED_BATCHES) this.pool.push(full)
    })
    if (!more) this.blocked = true
    else if (this.long.length > 0 && !this.scheduled) this.schedule()
  }

  /** One piece of each long message, in turn, as far as there is room. */
  private addPieces(): void {
    const { peerPieceBytes } = this.limits
    for (let turns = this.long.length; turns > 0; turns--) {
      const message = this.long[0]!
      const { payload, sent } = message
      const size = Math.min(peerPieceBytes, payload.length - sent)
      if (this.length + FRAME_HEAD_BYTES + size > this.batch.length) {
        if (this.length > 0) return
        this.batch = Buffer.allocUnsafeSlow(FRAME_HEAD_BYTES + size)
      }
      this.long.shift()
      message.sent += size
      const isLast = message.sent === payload.length
      writeHead(this.batch, this.length, message.kind, isLast ? 0 : MORE, message.id, size)
      this.batch.set(payload.subarray(sent, message.sent), this.length + FRAME_HEAD_BYTES)
      this.length += FRAME_HEAD_BYTES + size
      this.longBytes -= size
      if (!isLast) this.long.push(message)
    }
  }
}

function writeHead(batch: Buffer, at: number, kind: number, flags: number, id: number, size: number): void {
  batch.writeUInt32LE(size, at)
  batch[at + 4] = kind
  batch[at + 5] = flags
  batch[at + 6] = 0
  batch[at + 7] = 0
  batch.writeUInt32LE(id, at + 8)
}

/** Told of each whole message; `bytes[start, end)` is valid only during the call. */
export type MessageHandler = (kind: number, id: number, bytes: Buffer, start: number, end: number) => void

/** Cuts a stream into messages. `take` answers false where the stream is not what it should be: end the connection. */
export class FrameReader {
  private rest: Buffer | undefined
  private readonly partial = new Map<number, Buffer[]>()
  private partialBytes = 0

  constructor(
    private readonly limits: PeerLimits,
    private readonly handle: MessageHandler,
  ) {}

  take(chunk: Buffer): boolean {
    const bytes = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk])
    let at = 0
    while (at + FRAME_HEAD_BYTES <= bytes.length) {
      const size = bytes.readUInt32LE(at)
      if (size > this.limits.peerPieceBytes) return false
      const start = at + FRAME_HEAD_BYTES
      const end = start + size
      if (end > bytes.length) break
      const kind = bytes[at + 4]!
      const flags = bytes[at + 5]!
      const id = bytes.readUInt32LE(at + 8)
      at = end
      if (flags === 0 && this.partial.size === 0) this.handle(kind, id, bytes, start, end)
      else if (!this.takePiece(kind, flags, id, bytes.subarray(start, end))) return false
    }
    this.rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at))
    return true
  }

  private takePiece(kind: number, flags: number, id: number, piece: Buffer): boolean {
    // Both ends number their own requests, so a kind and an id together name a message.
    const name = kind * 0x1_0000_0000 + id
    const pieces = this.partial.get(name)
    if (flags === 0 && pieces === undefined) {
      this.handle(kind, id, piece, 0, piece.length)
      return true
    }
    if (flags === 0) {
      this.partial.delete(name)
      for (const earlier of pieces!) this.partialBytes -= earlier.length
      const whole = Buffer.concat([...pieces!, piece])
      this.handle(kind, id, whole, 0, whole.length)
      return true
    }
    this.partialBytes += piece.length
    // What may wait at the other end may wait here.
    if (this.partialBytes > this.limits.maxPeerQueueBytes + this.limits.maxDecompressedBytes) return false
    const copy = Buffer.from(piece)
    if (pieces) pieces.push(copy)
    else this.partial.set(name, [copy])
    return true
  }
}
