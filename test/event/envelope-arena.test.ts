// A body is decoded where it lies in the journal's group, and moves to the batch's own memory when a text has to be built.
import t from 'tap'
import { defaultLimits } from '../../src/core/limits.js'
import { NumberField } from '../../src/event/batch.js'
import { DECODER_VERSION, decodeAll, Format } from '../../src/event/decode.js'

t.test('sentAt is the envelope’s, wherever the body lies and whatever had to be built from it', t => {
  const body = Buffer.from(
    '{"sentAt":1795199400000,"events":[{"type":"event","name":"x","at":1795196422546},{"type":"crash","error":{"type":"E"}}]}',
  )
  for (let offset = 0; offset < 200; offset++) {
    const bytes = Buffer.concat([Buffer.alloc(offset), body])
    const batch = decodeAll(bytes, offset, bytes.length, {
      format: Format.Json,
      version: DECODER_VERSION,
      sentAt: Number.NaN,
      limits: defaultLimits,
    })
    if (batch.sentAt !== 1795199400000) t.fail(`${batch.sentAt} at offset ${offset}`)
    if (batch.number(0, NumberField.At) !== 1795196422546) t.fail(`at, at offset ${offset}`)
  }
  t.end()
})
