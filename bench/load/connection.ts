// One keep-alive HTTP/1.1 connection of a loader: a request, its reply, the next. Nothing is pipelined, because a server
// that answers after a commit may close a connection on which a second request overtakes the first one's reply.
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
    this.socket = net.connect({ port, host: '127.0.0.1', noDelay: true }, connected)
    this.socket.on('data', chunk => this.received(chunk))
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
    this.rest = undefined
    const headEnd = bytes.indexOf(HEAD_END)
    if (headEnd < 0) {
      this.rest = bytes
      return
    }
    const head = bytes.toString('latin1', 0, headEnd + 2).toLowerCase()
    const at = head.indexOf(LENGTH)
    const size = at < 0 ? 0 : Number.parseInt(head.slice(at + LENGTH.length, head.indexOf('\r', at)), 10)
    if (bytes.length < headEnd + 4 + size) {
      this.rest = bytes
      return
    }
    const status = Number(head.slice(9, 12))
    this.busy = false
    this.sink.replied(this, status, acceptedOf(bytes, headEnd + 4))
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
