// As little of Redis's protocol as the peers need: pipelines whose replies are all integers, which are only counted,
// and single commands whose reply is read.
import net from 'node:net'

export type RedisReply = number | string | null | RedisReply[]

interface Expected {
  /** Integer replies still to come; 0 for a command whose reply is read. */
  left: number
  resolve: (reply: RedisReply) => void
}

const NEWLINE = 10
const MINUS = 45

/** Encodes one command. */
export function encodeCommand(words: readonly string[]): string {
  let text = `*${words.length}\r\n`
  for (const word of words) text += `$${Buffer.byteLength(word)}\r\n${word}\r\n`
  return text
}

export class RedisClient {
  private readonly queue: Expected[] = []
  private head = 0
  private rest: Buffer = Buffer.alloc(0)
  private lineStart = true

  private constructor(private readonly socket: net.Socket) {
    socket.on('data', chunk => this.received(chunk))
  }

  static connect(path: string): Promise<RedisClient> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ path }, () => resolve(new RedisClient(socket)))
      socket.once('error', reject)
    })
  }

  /** Sends `bytes`, which hold commands that answer `replies` integers in all. */
  pipeline(bytes: string | Uint8Array, replies: number, done: () => void): void {
    this.queue.push({ left: replies, resolve: done })
    this.socket.write(bytes)
  }

  ask(...words: string[]): Promise<RedisReply> {
    return new Promise(resolve => {
      this.queue.push({ left: 0, resolve })
      this.socket.write(encodeCommand(words))
    })
  }

  close(): void {
    this.socket.destroy()
  }

  private received(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      const expected = this.queue[this.head]
      if (expected === undefined)
        throw new Error(`redis said more than it was asked: ${chunk.toString().slice(0, 200)}`)
      at = expected.left > 0 ? this.count(chunk, at, expected) : this.read(chunk, at, expected)
    }
    if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue.splice(0, this.head)
      this.head = 0
    }
  }

  private count(chunk: Buffer, at: number, expected: Expected): number {
    for (; at < chunk.length; at++) {
      const byte = chunk[at]!
      if (this.lineStart && byte === MINUS) throw new Error(`redis: ${chunk.toString('latin1', at, at + 200)}`)
      this.lineStart = byte === NEWLINE
      if (byte === NEWLINE && --expected.left === 0) {
        this.head++
        expected.resolve(null)
        return at + 1
      }
    }
    return at
  }

  private read(chunk: Buffer, at: number, expected: Expected): number {
    const bytes = this.rest.length === 0 ? chunk.subarray(at) : Buffer.concat([this.rest, chunk.subarray(at)])
    const parsed = parseReply(bytes, 0)
    if (parsed === undefined) {
      this.rest = bytes
      return chunk.length
    }
    const used = parsed.end - this.rest.length
    this.rest = Buffer.alloc(0)
    this.head++
    expected.resolve(parsed.value)
    return at + used
  }
}

/** Reads one reply at `at`; undefined where it is not complete. */
function parseReply(bytes: Buffer, at: number): { value: RedisReply; end: number } | undefined {
  const lineEnd = bytes.indexOf('\r\n', at)
  if (lineEnd < 0) return undefined
  const kind = String.fromCharCode(bytes[at]!)
  const line = bytes.toString('latin1', at + 1, lineEnd)
  const next = lineEnd + 2
  if (kind === '-') throw new Error(`redis: ${line}`)
  if (kind === '+') return { value: line, end: next }
  const size = Number(line)
  if (kind === ':') return { value: size, end: next }
  if (size < 0) return { value: null, end: next }
  if (kind === '$') {
    if (bytes.length < next + size + 2) return undefined
    return { value: bytes.toString('utf8', next, next + size), end: next + size + 2 }
  }
  const values: RedisReply[] = []
  let end = next
  for (let i = 0; i < size; i++) {
    const item = parseReply(bytes, end)
    if (item === undefined) return undefined
    values.push(item.value)
    end = item.end
  }
  return { value: values, end }
}
