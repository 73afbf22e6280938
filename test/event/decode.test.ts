import t from 'tap'
import { LetheError } from '../../src/core/errors.js'
import { defaultLimits, type Limits } from '../../src/core/limits.js'
import { EventBatch, Field, Flag, NumberField } from '../../src/event/batch.js'
import { Decoder, decodeAll, Format } from '../../src/event/decode.js'
import { parseInstant } from '../../src/event/time.js'

const decode = (body: string, format = Format.Json, limits: Limits = defaultLimits) => {
  const bytes = Buffer.from(body)
  return decodeAll(bytes, 0, bytes.length, { format, version: 1, sentAt: Number.NaN, limits })
}
const codeOf = (body: string, format = Format.Json, limits = defaultLimits) => {
  try {
    return decode(body, format, limits).rejections.map(rejection => rejection.code)
  } catch (error) {
    return error instanceof LetheError ? `${error.status} ${error.code}` : String(error)
  }
}
const event = (more: string) => `{"type":"event","name":"x",${more}}`

t.test('a body that is not what it says is refused as a whole', async t => {
  t.equal(codeOf(''), '400 empty-body')
  t.equal(codeOf(' \n'), '400 empty-body')
  t.equal(codeOf('', Format.Ndjson), '400 empty-body')
  t.equal(codeOf('', Format.MessagePack), '400 empty-body')
  t.equal(codeOf('[{"type":"event","name":"x"}] x'), '400 bad-json')
  t.equal(codeOf('{"type":"event","name":"x","props":{"a":[1,2}}'), '400 bad-json')
  t.equal(codeOf('{"events":[],"events":[]}'), '400 bad-envelope')
  t.equal(codeOf(event(`"p":${'['.repeat(70)}${']'.repeat(70)}`)), '400 bad-json')
  t.same(codeOf(event(`"p":${'['.repeat(60)}${']'.repeat(60)}`)), [])
  t.same(codeOf('[]'), [])
})

t.test('an error says where', async t => {
  try {
    decode('[{"type":"event","name":nope}]')
    t.fail('it decoded')
  } catch (error) {
    t.match(error, { code: 'bad-json', message: /byte 25: an unknown word/, details: { position: 25 } })
  }
})

t.test('each rejection has its code', async t => {
  const cases: [string, string][] = [
    ['7', 'not-an-object'],
    ['{}', 'missing-field'],
    ['{"type":"evnet"}', 'unknown-type'],
    ['{"type":"event"}', 'missing-field'],
    ['{"type":"event","name":""}', 'missing-field'],
    ['{"type":"event","name":{}}', 'bad-field'],
    [event('"user":[]'), 'bad-field'],
    [event(`"id":"${'x'.repeat(65)}"`), 'id-too-long'],
    [event(`"id":"${'ü'.repeat(33)}"`), 'id-too-long'],
    [event('"at":"yesterday"'), 'bad-at'],
    [event('"at":true'), 'bad-at'],
    [event('"at":1e300'), 'bad-at'],
    [event('"tags":3'), 'bad-field'],
    ['{"type":"crash"}', 'missing-field'],
    ['{"type":"crash","error":"boom"}', 'bad-field'],
    ['{"type":"crash","error":{"message":"x"}}', 'missing-field'],
    ['{"type":"crash","error":{"type":"E"},"fatal":"maybe"}', 'bad-field'],
    ['{"type":"session","state":"pause"}', 'bad-field'],
    ['{"type":"metric","name":"m","kind":"gauge"}', 'missing-field'],
    ['{"type":"metric","name":"m","kind":"gauge","value":"3"}', 'bad-field'],
    ['{"type":"metric","name":"m","kind":"gauge","value":1e999}', 'bad-field'],
    ['{"type":"metric","name":"m","kind":"gouge","value":1}', 'bad-field'],
    ['{"type":"network"}', 'missing-field'],
    ['{"type":"network","host":"h","ms":"3"}', 'bad-field'],
    ['{"type":"transaction","name":"t","state":"done"}', 'bad-field'],
  ]
  for (const [body, code] of cases) t.same(codeOf(body), [code], body)
})

t.test('texts are cut at a character, and that is noted', async t => {
  const batch = decode(event(`"user":"${'x'.repeat(199)}😀","app":"${'ü'.repeat(200)}"`))
  t.equal(batch.text(0, Field.User), 'x'.repeat(199))
  t.equal(batch.text(0, Field.App), 'ü'.repeat(200))
  t.equal(batch.flags[0], Flag.Truncated)
  const tags = JSON.stringify(Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`t${i}`, i])))
  t.equal(decode(event(`"tags":${tags}`)).flags[0], Flag.Truncated)
})

t.test('an integer keeps its digits as a text: ids beyond 2^53 are not merged', async t => {
  const batch = decode(
    `[${event('"user":9007199254740993')},${event('"user":9007199254740992')},${event('"user":1.50')}]`,
  )
  t.same(
    [0, 1, 2].map(e => batch.text(e, Field.User)),
    ['9007199254740993', '9007199254740992', '1.5'],
  )
})

t.test('the network status may be a number', async t => {
  t.equal(decode('{"type":"network","host":"h","status":503,"failed":true,"ms":1.5}').text(0, Field.Status), '503')
})

t.test('any field can be looked up by path, own ones only', async t => {
  const batch = decode(
    `{"common":{"props":{"b":2},"user":"u"},"events":[${event('"props":{"a":[1]},"__proto__":{"x":1}')},${event('"props":null')}]}`,
  )
  t.same(batch.lookup(0, ['props', 'a']), [1])
  t.same(batch.lookup(0, ['__proto__', 'x']), 1)
  t.same(batch.lookup(1, ['props', 'b']), 2)
  t.equal(batch.lookup(1, ['user']), 'u')
  t.equal(batch.lookup(0, ['constructor']), undefined)
  t.equal(batch.lookup(0, ['props', 'length']), undefined)
})

t.test('a request has a bounded number of events', async t => {
  const limits = { ...defaultLimits, maxEventsPerRequest: 3 }
  const list = (n: number) => `[${Array(n).fill('1').join(' , ')} ]`
  t.equal(decode(list(3), Format.Json, limits).count, 3)
  t.equal(codeOf(list(4), Format.Json, limits), '413 too-many-events')
  t.equal(decode('1\n2\n3\n', Format.Ndjson, limits).count, 3)
  t.equal(codeOf('1\n2\n3\n4', Format.Ndjson, limits), '413 too-many-events')
})

t.test('a decoder serves formats in turn, and a step is bounded by bytes', async t => {
  const context = { format: Format.Json, version: 1, sentAt: 5, limits: defaultLimits }
  const decoder = new Decoder(context)
  const batch = new EventBatch()
  const long = Buffer.from(
    `[${Array(10_000)
      .fill(event(`"user":"${'u'.repeat(60)}"`))
      .join(',')}]`,
  )
  decoder.start(long, 0, long.length, batch)
  t.notOk(decoder.step(1e9), 'not at once')
  while (!decoder.step(1e9)) {}
  t.equal(batch.count, 10_000)
  t.equal(batch.sentAt, 5)
  context.format = Format.SentryEnvelope
  const envelope = Buffer.from('{"sent_at":"2026-11-20T10:00:00Z"}\n{"type":"event"}\n{"message":"m"}')
  decoder.start(envelope, 0, envelope.length, batch)
  while (!decoder.step(1)) {}
  t.equal(batch.text(0, Field.Name), 'm')
  t.equal(batch.count, 1)
})

t.test('sentAt of the envelope counts before that of the header', async t => {
  t.equal(decode('{"sentAt":"2026-11-20T10:00:00Z","events":[]}').sentAt, Date.parse('2026-11-20T10:00:00Z'))
  t.equal(decode('{"events":[],"sentAt":17}').sentAt, 17)
})

t.test('instants come in several shapes', async t => {
  const read = (text: string) => parseInstant(Buffer.from(text), 0, Buffer.byteLength(text))
  for (const text of [
    '2026-11-20',
    '2026-11-20T10:11Z',
    '2026-11-20T10:11:12Z',
    '2026-11-20T10:11:12.345Z',
    '2024-02-29T23:59:59.9+02:00',
    '1969-12-31T23:59:59-11:30',
    '2026-11-20T24:00:00Z',
  ]) {
    t.equal(read(text), Date.parse(text), text)
  }
  const expected = Date.parse('2026-11-20T10:11:12.345Z')
  for (const text of [
    '2026-11-20T10:11:12.345678901Z',
    '2026-11-20 10:11:12.345',
    '2026-11-20t12:11:12,345+0200',
    '2026-11-20T12:11:12.345+02',
    String(expected),
  ]) {
    t.equal(read(text), expected, text)
  }
  for (const text of [
    '',
    'now',
    '2026-13-01',
    '2026-02-29',
    '2026-11-20T25:00',
    '2026-11-20T10:60',
    '2026-11-20T10:11:12.',
    '2026-11-20T10:11:12+2',
    '2026-11-20T10:11:12Zx',
    '20261120',
    '2026-11-2x',
  ]) {
    t.ok(Number.isNaN(read(text)), text)
  }
  t.equal(
    decode(event('"at":"2026-11-20T10:00:00\\u002B02:00"')).number(0, NumberField.At),
    Date.parse('2026-11-20T08:00:00Z'),
  )
})
