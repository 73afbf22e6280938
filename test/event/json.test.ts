import * as fc from 'fast-check'
import { Packr } from 'msgpackr'
import t from 'tap'
import { LetheError } from '../../src/core/errors.js'
import { defaultLimits } from '../../src/core/limits.js'
import { EVENT_TYPES, type EventBatch, FIELD_NAMES, Field, Flag, NumberField } from '../../src/event/batch.js'
import { Decoder, decodeAll, Format } from '../../src/event/decode.js'
import * as arbitrary from './arbitrary.js'
import { type Expected, expectEvent } from './model.js'

const context = (format = Format.Json) => ({ format, version: 1, sentAt: Number.NaN, limits: defaultLimits })

/** Decodes with strangers' bytes around the body, which must never be believed. */
function decode(body: Buffer, format = Format.Json): EventBatch {
  const whole = Buffer.concat([Buffer.from('"},'), body, Buffer.from('"}]}1 "x":1}]')])
  return decodeAll(whole, 3, 3 + body.length, context(format))
}

/** An event of a batch in the words of the model. */
function seen(batch: EventBatch, event: number): Expected {
  const type = EVENT_TYPES[batch.types[event]!]!
  const rejection = batch.rejections.find(candidate => candidate.index === event)
  const texts: Record<string, string> = {}
  const fault = type === 'crash' || type === 'error'
  for (let field = 0; field < Field.Group; field++) {
    const text = batch.text(event, field)
    if (text !== undefined && type !== '') texts[FIELD_NAMES[field]!] = text
  }
  const number = (field: NumberField) => batch.number(event, field)
  const flag = (bit: Flag) => (batch.flags[event]! & bit) !== 0
  const accepted = type !== ''
  return {
    type,
    code: rejection?.code ?? '',
    texts,
    at: accepted ? number(NumberField.At) : Number.NaN,
    value: type === 'metric' ? number(NumberField.Value) : Number.NaN,
    ms: type === 'network' || type === 'transaction' ? number(NumberField.Ms) : Number.NaN,
    fatal: fault && flag(Flag.Fatal),
    failed: type === 'network' && flag(Flag.Failed),
    truncated: accepted && flag(Flag.Truncated),
  }
}

/** What the model says of a field of another type is nobody's business: compare what the type has. */
function assertSame(batch: EventBatch, event: number, expected: Expected): void {
  const got = seen(batch, event)
  if (expected.code !== '') {
    if (got.code !== expected.code && !(expected.code !== '' && got.code !== '')) {
      throw new Error(`event ${event}: expected rejection ${expected.code}, got ${JSON.stringify(got)}`)
    }
    return
  }
  const texts: Record<string, string> = {}
  for (const name of Object.keys(expected.texts)) texts[name] = got.texts[name]!
  const a = JSON.stringify({ ...got, texts }, write)
  const b = JSON.stringify(expected, write)
  if (a !== b) throw new Error(`event ${event}:\n got      ${a}\n expected ${b}`)
  for (const name of WHO) {
    if (got.texts[name] !== expected.texts[name]) throw new Error(`event ${event}: ${name} is ${got.texts[name]}`)
  }
}

const WHO = ['id', 'user', 'session', 'app', 'platform', 'os', 'device', 'country']
const write = (_key: string, value: unknown) =>
  typeof value === 'number' ? (Object.is(value, -0) ? '-0' : String(value)) : value

const utf8 = new TextDecoder('utf-8')
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The body as the model reads it: the events and their defaults, or undefined where it is not JSON. */
function model(body: Buffer): { events: unknown[]; common: Record<string, unknown> } | undefined {
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(body))
  } catch {
    return undefined
  }
  if (Array.isArray(value)) return { events: value, common: {} }
  if (isObject(value) && Array.isArray(value['events'])) {
    const type = value['type']
    if (!(typeof type === 'number' || (typeof type === 'string' && type !== ''))) {
      return { events: value['events'], common: isObject(value['common']) ? value['common'] : {} }
    }
  }
  return { events: [value], common: {} }
}

function agree(body: Buffer): void {
  const expected = model(body)
  let batch: EventBatch
  try {
    batch = decode(body)
  } catch (error) {
    if (!(error instanceof LetheError) || error.status !== 400) throw error
    if (expected !== undefined && error.code !== 'bad-envelope') throw new Error(`refused ${error.message}: ${body}`)
    return
  }
  if (expected === undefined) throw new Error(`accepted what JSON.parse does not: ${body}`)
  if (batch.count !== expected.events.length) throw new Error(`${batch.count} events of ${expected.events.length}`)
  for (const [i, event] of expected.events.entries()) assertSame(batch, i, expectEvent(event, expected.common))
}

const runs = { numRuns: 1_000 }

t.test('a flag may be written with escapes', async t => {
  const fatal = (text: string) => {
    const batch = decode(Buffer.from(`{"type":"crash","error":{"type":"E"},"fatal":${text}}`))
    return batch.rejections.length > 0 ? batch.rejections[0]!.code : (batch.flags[0]! & Flag.Fatal) !== 0
  }
  t.equal(fatal('"\\u0074rue"'), true)
  t.equal(fatal('"\\u0066\\u0061\\u006c\\u0073\\u0065"'), false)
  t.equal(fatal('"\\u0074rues"'), 'bad-field')
  const packed = decode(
    new Packr({ useRecords: false }).pack({ type: 'crash', error: { type: 'E' }, fatal: '\\u0074rue' }),
    Format.MessagePack,
  )
  t.equal(packed.rejections[0]?.code, 'bad-field', 'a backslash of MessagePack is one')
})

t.test('a text that does not end costs its own length, whatever an earlier body left behind it', async t => {
  const decoder = new Decoder(context())
  const rest = Buffer.alloc(8 * 2 ** 20, 'a')
  for (const text of ['{"a', '{"type":"a', '[{"a', '{"type":"event","name":"a', '{"type":"event","\\u0061a']) {
    rest.write(text)
    const start = performance.now()
    for (let i = 0; i < 50; i++) {
      t.throws(
        () => {
          decoder.start(rest, 0, text.length)
          while (!decoder.step(10)) {}
        },
        { code: 'bad-json' },
      )
    }
    const ms = performance.now() - start
    rest.write('a'.repeat(text.length))
    t.ok(ms < 500, `${text}: 50 times ${ms.toFixed(0)} ms; reading to the end of the buffer takes 4,000`)
  }
})

t.test('one event decodes as JSON.parse and the rules say', async () => {
  fc.assert(fc.property(arbitrary.event, agree), runs)
})

t.test('an array of events decodes as JSON.parse and the rules say', async () => {
  fc.assert(fc.property(arbitrary.events, agree), runs)
})

t.test('a flag is true, false, or the numbers 1 and 0, however they are written', async t => {
  for (const failed of [
    '0',
    '-0',
    '0.0',
    '0e5',
    '1',
    '1.0',
    '10e-1',
    '"1"',
    '"false"',
    'true',
    '2',
    '-1',
    '"yes"',
    '"-0"',
    '[1]',
  ]) {
    t.doesNotThrow(() => agree(Buffer.from(`{"type":"network","host":"h","failed":${failed}}`)), failed)
  }
})

t.test('an envelope gives its events the defaults of `common`, wherever that stands', async () => {
  fc.assert(fc.property(arbitrary.envelope, agree), runs)
})

t.test('any JSON value is a body', async () => {
  fc.assert(fc.property(arbitrary.anything, agree), runs)
})

t.test('a broken body is refused exactly where JSON.parse refuses it', async () => {
  fc.assert(fc.property(arbitrary.broken(arbitrary.event), agree), { numRuns: 1_500 })
  fc.assert(fc.property(arbitrary.broken(arbitrary.events), agree), { numRuns: 1_500 })
  fc.assert(fc.property(arbitrary.broken(arbitrary.broken(arbitrary.anything)), agree), { numRuns: 1_500 })
})

/** Lines by the model: blank ones are nothing, each other is an event or broken. */
function agreeByLine(body: Buffer): void {
  const lines = utf8
    .decode(body)
    .split('\n')
    .filter(line => !/^[ \t\r]*$/.test(line))
  if (lines.length === 0) return
  const batch = decode(body, Format.Ndjson)
  if (batch.count !== lines.length) throw new Error(`${batch.count} events of ${lines.length} lines`)
  lines.forEach((line, i) => {
    let event: unknown
    try {
      event = JSON.parse(line)
    } catch {
      const code = batch.rejections.find(rejection => rejection.index === i)?.code
      if (code !== 'bad-json') throw new Error(`line ${i} is broken, got ${code}: ${line}`)
      return
    }
    assertSame(batch, i, expectEvent(event))
  })
}

t.test('lines decode each for itself, broken ones are one rejection each', async () => {
  const line = fc.oneof(
    { weight: 6, arbitrary: arbitrary.event },
    { weight: 1, arbitrary: arbitrary.broken(arbitrary.event) },
    { weight: 1, arbitrary: arbitrary.anything },
    {
      weight: 1,
      arbitrary: fc.constantFrom('', '  ', '\r', '{"type":"event","name":"x"}\r').map(text => Buffer.from(text)),
    },
  )
  const body = fc
    .array(line, { maxLength: 6 })
    .map(lines => Buffer.concat(lines.flatMap(each => [each, Buffer.from('\n')])))
  fc.assert(fc.property(body, agreeByLine), runs)
  fc.assert(fc.property(arbitrary.broken(body), agreeByLine), runs)
})

t.test('steps of one event give the same batch as one step', async () => {
  fc.assert(
    fc.property(fc.oneof(arbitrary.events, arbitrary.envelope), body => {
      const whole = decode(body)
      const decoder = new Decoder(context())
      decoder.start(body, 0, body.length)
      while (!decoder.step(1)) {}
      if (decoder.batch.count !== whole.count) throw new Error('counts differ')
      for (let i = 0; i < whole.count; i++) assertSame(decoder.batch, i, seen(whole, i))
    }),
  )
})

t.test('a batch that is used again remembers nothing', async () => {
  const decoder = new Decoder(context())
  fc.assert(
    fc.property(fc.oneof(arbitrary.events, arbitrary.envelope, arbitrary.broken(arbitrary.events)), body => {
      let failed = false
      try {
        decoder.start(body, 0, body.length)
        while (!decoder.step(3)) {}
      } catch {
        failed = true
      }
      if (failed) return
      const fresh = decode(body)
      if (decoder.batch.count !== fresh.count) throw new Error('counts differ')
      for (let i = 0; i < fresh.count; i++) assertSame(decoder.batch, i, seen(fresh, i))
      const { count, slices } = decoder.batch
      if (slices.subarray(count * 2 * Field.Count_).some(slice => slice !== -1)) throw new Error('a row beyond count')
    }),
    runs,
  )
})
