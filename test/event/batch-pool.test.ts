import t from 'tap'
import { defaultLimits } from '../../src/core/limits.js'
import { BatchPool, EventBatch } from '../../src/event/batch.js'
import { DECODER_VERSION, Decoder, Format } from '../../src/event/decode.js'

const decoder = new Decoder({
  format: Format.Json,
  version: DECODER_VERSION,
  sentAt: Number.NaN,
  limits: defaultLimits,
})

function decodeInto(batch: EventBatch, events: number): EventBatch {
  const body = Buffer.from(JSON.stringify(Array.from({ length: events }, () => ({ type: 'event', name: 'n\u0007' }))))
  decoder.start(body, 0, body.length, batch)
  while (!decoder.step(1_000)) {}
  return batch
}

t.test('a pool keeps batches of any size, and no more than its bytes', async t => {
  const maxBytes = 1_000_000
  const pool = new BatchPool(maxBytes)
  const given = new Set<EventBatch>()
  for (let i = 0; i < 200; i++) {
    const batch = decodeInto(new EventBatch(), 1 + ((i * 37) % 600))
    given.add(batch)
    pool.give(batch)
  }
  let bytes = 0
  let events = 0
  for (let batch = pool.take(); given.delete(batch); batch = pool.take()) {
    bytes += batch.byteSize
    events += batch.capacity
  }
  t.ok(bytes <= maxBytes && bytes > maxBytes / 2, `${bytes} bytes came back, of ${maxBytes} that may be kept`)
  t.ok(events > 1_000, `for ${events} events`)
  t.ok(given.size > 0, 'the others are gone')
})

t.test('what a batch counts as its memory is what its columns take', async t => {
  for (const events of [1, 5, 600]) {
    const batch = decodeInto(new EventBatch(), events)
    const columns = [batch.types, batch.slices, batch.numbers, batch.flags, batch.spans, batch.bytes]
    const bytes = columns.reduce((sum, column) => sum + column.byteLength, 0)
    t.ok(Math.abs(batch.byteSize - bytes) < 2_000 + bytes / 2, `${batch.byteSize} for ${bytes}`)
  }
})
