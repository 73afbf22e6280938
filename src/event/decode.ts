// What a body is, and the one way in: bytes → EventBatch.

import type { Limits } from '../core/limits.js'
import { EventBatch } from './batch.js'
import { JsonSource } from './json.js'
import { PackedSource } from './msgpack.js'
import { SentrySource } from './sentry.js'

/** What the bytes of an entry are. Stored in journal entries: never renumber. */
export const enum Format {
  Json = 1,
  Ndjson = 2,
  MessagePack = 3,
  SentryEnvelope = 4,
  SentryStore = 5,
}

// 2: other groups (GROUPING_VERSION 2).
/** Stored in journal entries beside the format. A change that decodes old bytes differently needs a new one. */
export const DECODER_VERSION = 2

export interface DecodeContext {
  format: Format
  version: number
  /** The header X-Sent-At, ms, or NaN. */
  sentAt: number
  limits: Limits
}

/** What reads one kind of body. */
interface Source {
  start(batch: EventBatch, start: number, end: number): void
  step(maxEvents: number): boolean
}

function sourceOf(context: DecodeContext, batch: EventBatch): Source {
  switch (context.format) {
    case Format.MessagePack:
      return new PackedSource(batch, context.limits)
    case Format.SentryEnvelope:
    case Format.SentryStore:
      return new SentrySource(batch, context.limits, context.format === Format.SentryStore)
    case Format.Ndjson:
      return new JsonSource(batch, context.limits, true)
    default:
      return new JsonSource(batch, context.limits, false)
  }
}

/**
 * Resumable: `start`, then `step` until it answers true. One decoder serves many bodies, one after the other; its context may change
 * between them.
 */
export class Decoder {
  batch = new EventBatch()
  // By format, made when first needed.
  private readonly sources: (Source | undefined)[] = []
  private source: Source

  constructor(readonly context: DecodeContext) {
    this.source = this.sourceFor(context.format)
  }

  private sourceFor(format: Format): Source {
    return (this.sources[format] ??= sourceOf(this.context, this.batch))
  }

  /** Begins a body. `bytes` must stay alive and untouched until the batch is released. */
  start(bytes: Uint8Array, start: number, end: number, into?: EventBatch): void {
    if (into !== undefined) this.batch = into
    this.batch.reset(bytes, start, end)
    this.batch.sentAt = this.context.sentAt
    this.source = this.sourceFor(this.context.format)
    this.source.start(this.batch, start, end)
  }

  /**
   * Decodes at most about `maxEvents` more events; true when done. Throws LetheError 400 if the body is not what its format says: then
   * nothing of the batch may be used.
   */
  step(maxEvents: number): boolean {
    return this.source.step(maxEvents)
  }
}

/** Decodes a whole body. Throws LetheError, status 400, if the body is not what its format says. */
export function decodeAll(bytes: Uint8Array, start: number, end: number, context: DecodeContext): EventBatch {
  const decoder = new Decoder(context)
  decoder.start(bytes, start, end)
  while (!decoder.step(1_000)) {}
  return decoder.batch
}
