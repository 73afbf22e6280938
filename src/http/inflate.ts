// Decompression with bounds.
//
// zlib expands up to 1028 : 1, so 1 MiB as sent could become 1 GiB. Every call has a bound on its output. Small bodies
// are expanded in place (a gzip of some KiB takes 20–50 µs, a trip through the thread pool more), great ones in the thread
// pool, a few at a time: the pool is also what commits the journal.
import zlib from 'node:zlib'
import type { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { Encoding } from './content.js'
import { brokenEncoding, expandedTooLarge, overloaded } from './refusals.js'

/** What becomes of a body: called once, maybe within the call. */
export interface InflateReply {
  inflated(body: Uint8Array): void
  refused(error: LetheError): void
}

interface Waiting {
  readonly body: Uint8Array
  readonly encoding: Encoding
  readonly reply: InflateReply
}

type Done = (error: Error | null, result: Buffer) => void

const NAMES = ['identity', 'gzip', 'deflate', 'br', 'unknown'] as const

/** RFC 9110's deflate has a zlib header; some clients send raw deflate. The first two bytes tell them apart. */
export function hasZlibHeader(body: Uint8Array): boolean {
  return body.length >= 2 && (body[0]! & 0x0f) === 8 && ((body[0]! << 8) | body[1]!) % 31 === 0
}

function inflateNow(body: Uint8Array, encoding: Encoding, maxOutputLength: number): Buffer {
  const options = { maxOutputLength }
  if (encoding === Encoding.Gzip) return zlib.gunzipSync(body, options)
  if (encoding === Encoding.Brotli) return zlib.brotliDecompressSync(body, options)
  return hasZlibHeader(body) ? zlib.inflateSync(body, options) : zlib.inflateRawSync(body, options)
}

function inflateLater(body: Uint8Array, encoding: Encoding, maxOutputLength: number, done: Done): void {
  const options = { maxOutputLength }
  if (encoding === Encoding.Gzip) zlib.gunzip(body, options, done)
  else if (encoding === Encoding.Brotli) zlib.brotliDecompress(body, options, done)
  else if (hasZlibHeader(body)) zlib.inflate(body, options, done)
  else zlib.inflateRaw(body, options, done)
}

function isTooLarge(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE'
}

export class Inflater {
  private running = 0
  private readonly waiting: Waiting[] = []

  constructor(private readonly limits: Limits) {}

  /** Expands `body`, which must stay untouched until the reply. */
  inflate(body: Uint8Array, encoding: Encoding, reply: InflateReply): void {
    const { limits } = this
    if (body.length <= limits.maxSyncCompressedBytes) {
      let expanded: Buffer
      try {
        expanded = inflateNow(body, encoding, Math.min(limits.maxSyncDecompressedBytes, limits.maxDecompressedBytes))
      } catch (error) {
        if (!isTooLarge(error)) return reply.refused(brokenEncoding(NAMES[encoding]))
        // It grows beyond what may hold up this turn: start over in the thread pool. The bytes may be gone by then.
        return this.enqueue(Uint8Array.from(body), encoding, reply)
      }
      return reply.inflated(expanded)
    }
    this.enqueue(body, encoding, reply)
  }

  /** Bodies that run or wait. */
  get depth(): number {
    return this.running + this.waiting.length
  }

  private enqueue(body: Uint8Array, encoding: Encoding, reply: InflateReply): void {
    if (this.running < this.limits.maxDecompressions) return this.run({ body, encoding, reply })
    if (this.waiting.length >= this.limits.maxWaitingDecompressions) {
      return reply.refused(overloaded('too many compressed bodies at once: try again'))
    }
    this.waiting.push({ body, encoding, reply })
  }

  private run(job: Waiting): void {
    this.running++
    const maxBytes = this.limits.maxDecompressedBytes
    inflateLater(job.body, job.encoding, maxBytes, (error, result) => {
      this.running--
      const next = this.waiting.shift()
      if (next) this.run(next)
      if (!error) job.reply.inflated(result)
      else if (isTooLarge(error)) job.reply.refused(expandedTooLarge(maxBytes))
      else job.reply.refused(brokenEncoding(NAMES[job.encoding]))
    })
  }
}
