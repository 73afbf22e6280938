// One keep-alive HTTP/1.1 connection of a loader: a request, its reply, the next. Nothing is pipelined, because a server
// that answers after a commit may close a connection on which a second request overtakes the first one's reply.
//
// What the loader spends is taken from the rate it can keep: replies are read into one buffer per connection (no stream,
// no allocation), and a head that equals the last one is not parsed again.
import net from 'node:net'

/** What became of one request. */
export interface ReplySink {
  /** `accepted` is what the reply's body says was taken, duplicates left out; 0 where it says nothing. */
  replied(connection: LoadConnection, status: number, accepted: number): void
  /** The connection broke; whether the request was taken is unknown. */
  broken(connection: LoadConnection, reason: string): void
}

const HEAD_END = Buffer.from('\r\n\r\n')
const LENGTH = 'content-length: '
const ACCEPTED = Buffer.from('"accepted":')
const READ_BYTES = 4096

/** The last head seen, by any connection: all but its date stays the same for a second. */
const last = { head: Buffer.alloc(0), status: 0, size: 0 }

function readHead(bytes: Buffer, headEnd: number): void {
  const text = bytes.toString('latin1', 0, headEnd + 2).toLowerCase()
  const at = text.indexOf(LENGTH)
  last.head = Buffer.from(bytes.subarray(0, headEnd + 4))
  last.status = Number(text.slice(9, 12))
  last.size = at < 0 ? 0 : Number.parseInt(text.slice(at + LENGTH.length, text.indexOf('\r', at)), 10)
}

export class LoadConnection {
  busy = false
  /** The loader's notes about the request in flight. */
  intendedAt = 0
  private readonly socket: net.Socket
  private rest: Buffer | undefined
  private closed = false

  constructor(
    port: number,
    private readonly sink: ReplySink,
    connected: () => void,
  ) {
    const onread = {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (size: number, bytes: Uint8Array) => {
        this.received((bytes as Buffer).subarray(0, size))
        return true
      },
    }
    this.socket = net.connect({ port, host: '127.0.0.1', noDelay: true, onread }, connected)
    this.socket.on('error', error => this.lost(String(error)))
    this.socket.on('close', () => this.lost('closed by the server'))
  }

  send(request: Buffer): void {
    this.busy = true
    this.socket.write(request)
  }

  close(): void {
    this.closed = true
    this.socket.destroy()
  }

  private lost(reason: string): void {
    if (this.closed) return
    this.closed = true
    this.socket.destroy()
    this.sink.broken(this, reason)
  }

  private received(chunk: Buffer): void {
    const bytes = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk])
    const size = last.head.length
    if (size === 0 || bytes.length < size || bytes.compare(last.head, 0, size, 0, size) !== 0) {
      const headEnd = bytes.indexOf(HEAD_END)
      if (headEnd < 0) return this.keep(bytes)
      readHead(bytes, headEnd)
    }
    if (bytes.length < last.head.length + last.size) return this.keep(bytes)
    this.rest = undefined
    this.busy = false
    this.sink.replied(this, last.status, acceptedOf(bytes, last.head.length))
  }

  /** A copy: the buffer is read into again. */
  private keep(bytes: Buffer): void {
    this.rest = Buffer.from(bytes)
  }
}

function acceptedOf(bytes: Buffer, start: number): number {
  const at = bytes.indexOf(ACCEPTED, start)
  if (at < 0) return 0
  let value = 0
  for (let i = at + ACCEPTED.length; i < bytes.length; i++) {
    const digit = bytes[i]! - 48
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
  }
  return value
}
