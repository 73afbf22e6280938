// A body as it arrives: in one piece mostly, in a hundred sometimes, never more than allowed.
//
// A request may be refused before its body has come. Answering at once would reset the connection of a client that is
// still sending, and it would never read why. So the rest of a body is thrown away, up to 16 MiB, and then answered;
// beyond that the answer goes out and the connection closes.
import type { HttpResponse } from 'uWebSockets.js'
import type { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { bodyTooLarge, bodyTooSlow, overloaded } from './refusals.js'

/** What is shared by all bodies that are arriving: their bytes, and those to look at for the deadline. */
export class BodyBudget {
  bytes = 0
  private readonly arriving = new Set<Body>()

  constructor(
    readonly limits: Limits,
    private readonly monotonicMs: () => number,
  ) {}

  add(body: Body): void {
    body.deadlineMs = this.monotonicMs() + this.limits.bodyDeadlineMs
    this.arriving.add(body)
  }

  remove(body: Body): void {
    this.arriving.delete(body)
  }

  get count(): number {
    return this.arriving.size
  }

  /** To be called about once a second: ends bodies that take too long. */
  sweep(): void {
    const now = this.monotonicMs()
    for (const body of this.arriving) if (body.deadlineMs <= now) body.expire()
  }
}

/** Told once: the whole body, or why not. `close`: the client is still sending, so the connection must end. */
export interface BodyReply {
  /** `body` is valid only during the call, unless `owned`. */
  received(body: Uint8Array, owned: boolean): void
  failed(error: LetheError, close: boolean): void
}

const EMPTY = new Uint8Array(0)

export class Body {
  deadlineMs = 0
  private size = 0
  private pieces: Uint8Array[] | undefined
  private tracked = false
  private done = false

  /** `refusal`: the request is already refused, and its body is only thrown away. */
  constructor(
    private readonly budget: BodyBudget,
    private readonly maxBytes: number,
    private readonly reply: BodyReply,
    private refusal: LetheError | undefined = undefined,
  ) {}

  /** Attaches to a response. `contentLength` is −1 where unknown. */
  listen(response: HttpResponse, contentLength: number): void {
    const { limits } = this.budget
    if (contentLength > this.maxBytes) this.refusal ??= bodyTooLarge(this.maxBytes)
    if (this.refusal && contentLength > limits.maxDiscardedBytes) {
      this.done = true
      this.reply.failed(this.refusal, true)
      return
    }
    response.onData((chunk, isLast) => this.take(chunk, isLast))
  }

  take(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.done) return
    const piece = new Uint8Array(chunk)
    this.size += piece.length
    if (isLast && !this.tracked && !this.refusal && this.size <= this.maxBytes) {
      this.done = true
      return this.reply.received(piece, false)
    }
    if (!this.tracked && !isLast) {
      this.tracked = true
      this.budget.add(this)
    }
    if (!this.refusal) this.keep(piece)
    if (isLast) return this.end()
    if (this.refusal && this.size > this.budget.limits.maxDiscardedBytes) this.fail(this.refusal, true)
  }

  /** The client is gone. */
  abandon(): void {
    if (this.done) return
    this.done = true
    this.release()
  }

  expire(): void {
    this.fail(bodyTooSlow(), true)
  }

  private keep(piece: Uint8Array): void {
    if (this.size > this.maxBytes) {
      this.refusal = bodyTooLarge(this.maxBytes)
      return this.release(true)
    }
    if (this.budget.bytes + piece.length > this.budget.limits.maxInFlightBytes) {
      this.refusal = overloaded('too many bodies are arriving at once: try again')
      return this.release(true)
    }
    if (piece.length === 0) return
    this.budget.bytes += piece.length
    this.pieces ??= []
    this.pieces.push(Uint8Array.from(piece))
  }

  private end(): void {
    if (this.refusal) return this.fail(this.refusal, false)
    this.done = true
    const body =
      this.pieces === undefined ? EMPTY : this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces)
    this.release()
    this.reply.received(body, true)
  }

  private fail(error: LetheError, close: boolean): void {
    if (this.done) return
    this.done = true
    this.release()
    this.reply.failed(error, close)
  }

  /** Gives the memory back. `stays`: the rest is thrown away, under the same deadline. */
  private release(stays = false): void {
    if (this.pieces) {
      for (const piece of this.pieces) this.budget.bytes -= piece.length
      this.pieces = undefined
    }
    if (this.tracked && !stays) {
      this.tracked = false
      this.budget.remove(this)
    }
  }
}
