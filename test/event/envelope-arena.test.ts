// A body is decoded where it lies in the journal's group, and moves to the batch's own memory when a text has to be built.

import { pack } from 'msgpackr'
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

t.test('a complete event has what its envelope says of the fields that it leaves out', t => {
  const envelope = {
    common: { app: '1.2', user: 'common', tags: { a: 1 }, extra: [1] },
    events: [
      { type: 'event', name: 'x', user: 'own', app: null },
      { type: 'event', name: 'é"' },
    ],
  }
  const bodies: [Format, Buffer][] = [
    [Format.Json, Buffer.from(JSON.stringify(envelope))],
    [Format.MessagePack, pack(envelope)],
  ]
  for (const [format, bytes] of bodies) {
    const batch = decodeAll(bytes, 0, bytes.length, {
      format,
      version: DECODER_VERSION,
      sentAt: Number.NaN,
      limits: defaultLimits,
    })
    const rest = { tags: { a: 1 }, extra: [1] }
    t.same(batch.complete(0), { type: 'event', name: 'x', user: 'own', app: '1.2', ...rest })
    t.same(batch.complete(1), { type: 'event', name: 'é"', user: 'common', app: '1.2', ...rest })
  }
  const body = Buffer.from('{"common":{"__proto__":{"a":1}},"events":[{"type":"event","name":"x"}]}')
  const options = { format: Format.Json, version: DECODER_VERSION, sentAt: Number.NaN, limits: defaultLimits }
  const batch = decodeAll(body, 0, body.length, options)
  t.equal(JSON.stringify(batch.complete(0)), '{"type":"event","name":"x","__proto__":{"a":1}}')
  t.end()
})
