// Random JSON as bytes: odd spacing, escapes, characters of every size, bytes that are no UTF-8, equal keys, and breakage.

import * as fc from 'fast-check'

const NAMES = [
  'type', 'id', 'user', 'session', 'app', 'platform', 'os', 'device', 'country', 'name', 'state', 'kind', 'host', 'status',
  'at', 'value', 'ms', 'fatal', 'failed', 'tags', 'error', 'props', '__proto__', 'constructor', 'message', 'where', 'stack',
  'events', 'common', 'sentAt', 'typo', 'userid', 'x', '', 'a rather long unknown key',
] // biome-ignore format: a list
const TYPES = ['crash', 'error', 'session', 'event', 'metric', 'network', 'transaction']
const WORDS = [...TYPES, 'start', 'end', 'success', 'fail', 'cancel', 'count', 'gauge', 'timer', 'true', '1', 'evnet']

const space = fc.constantFrom('', '', '', '', ' ', '\n', '\t \r\n').map(text => Buffer.from(text))
const quoted = (parts: Buffer[]) => Buffer.concat([Buffer.from('"'), ...parts, Buffer.from('"')])

const fragment = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .string({ unit: 'grapheme-ascii', maxLength: 12 })
      .map(text => Buffer.from(JSON.stringify(text).slice(1, -1))),
  },
  {
    weight: 2,
    arbitrary: fc
      .string({ unit: 'grapheme', maxLength: 6 })
      .map(text => Buffer.from(JSON.stringify(text).slice(1, -1))),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(
        '\\n',
        '\\"',
        '\\\\',
        '\\/',
        '\\u0041',
        '\\ud83d\\ude00',
        '\\ud83d',
        '\\u0000',
        '\\b\\f\\r\\t',
        '\\u00FC',
      )
      .map(text => Buffer.from(text)),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(
        [0xff],
        [0xc3],
        [0xe2, 0x82],
        [0xed, 0xa0, 0x80],
        [0xc0, 0x80],
        [0xf0, 0x9f, 0x98, 0x80],
        [0xef, 0xbb, 0xbf],
      )
      .map(bytes => Buffer.from(bytes)),
  },
  { weight: 1, arbitrary: fc.integer({ min: 180, max: 230 }).map(n => Buffer.from('ü'.repeat(n))) },
  { weight: 1, arbitrary: fc.integer({ min: 190, max: 210 }).map(n => Buffer.from('x'.repeat(n))) },
)
export const text = fc.oneof(
  { weight: 5, arbitrary: fc.array(fragment, { maxLength: 4 }).map(quoted) },
  { weight: 3, arbitrary: fc.constantFrom(...WORDS).map(word => quoted([Buffer.from(word)])) },
  { weight: 1, arbitrary: fc.constant(Buffer.from('"2026-11-20T10:00:00Z"')) },
  { weight: 1, arbitrary: fc.constant(Buffer.from('"2026-11-20T10:00:00\\u002B02:00"')) },
)
export const number = fc
  .oneof(
    fc.integer().map(String),
    fc.maxSafeInteger().map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(value => JSON.stringify(value)),
    fc.tuple(fc.maxSafeNat(), fc.nat(999_999)).map(([whole, part]) => `${whole}.${part}`),
    fc.tuple(fc.nat(99_999), fc.integer({ min: -400, max: 400 })).map(([whole, power]) => `${whole}e${power}`),
    fc.constantFrom(
      '0',
      '-0',
      '1E+2',
      '0.0',
      '-0.5',
      '1e999',
      '0.1',
      '123456789012345.5',
      '99999999999999.9',
      '1700000000000',
    ),
  )
  .map(written => Buffer.from(written))

const literal = fc.constantFrom('true', 'false', 'null').map(word => Buffer.from(word))
const key = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...NAMES).map(name => Buffer.from(JSON.stringify(name))) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('"t\\u0079pe"', '"us\\u0065r"', '"err\\u006fr"', '"\\u0000"')
      .map(name => Buffer.from(name)),
  },
  { weight: 1, arbitrary: text },
)

function join(parts: readonly Buffer[], open: string, close: string): Buffer {
  const pieces: Buffer[] = [Buffer.from(open)]
  parts.forEach((part, i) => {
    if (i > 0) pieces.push(Buffer.from(','))
    pieces.push(part)
  })
  return Buffer.concat([...pieces, Buffer.from(close)])
}

const spaced = (value: fc.Arbitrary<Buffer>) =>
  fc.tuple(space, value, space).map(([before, middle, after]) => Buffer.concat([before, middle, after]))
const member = (name: fc.Arbitrary<Buffer>, value: fc.Arbitrary<Buffer>) =>
  fc.tuple(spaced(name), spaced(value)).map(([k, v]) => Buffer.concat([k, Buffer.from(':'), v]))

const { value } = fc.letrec<{ value: Buffer; object: Buffer; array: Buffer }>(tie => ({
  value: fc.oneof({ maxDepth: 3, withCrossShrink: true }, text, number, literal, tie('object'), tie('array')),
  object: fc.array(member(key, tie('value')), { maxLength: 5 }).map(parts => join(parts, '{', '}')),
  array: fc.array(spaced(tie('value')), { maxLength: 4 }).map(parts => join(parts, '[', ']')),
}))

const named = (name: string, what: fc.Arbitrary<Buffer>) => member(fc.constant(Buffer.from(`"${name}"`)), what)
const word = (...words: string[]) => fc.constantFrom(...words).map(w => Buffer.from(`"${w}"`))
const errorObject = fc
  .array(
    fc.oneof(
      named('type', text),
      named('message', text),
      named('where', text),
      named('stack', value),
      member(key, value),
    ),
    { maxLength: 5 },
  )
  .map(parts => join(parts, '{', '}'))

/** The members of an event: mostly sensible, so that most are accepted. */
const members = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: named('type', word(...TYPES)) },
    { weight: 5, arbitrary: named('name', text) },
    { weight: 3, arbitrary: named('user', fc.oneof(text, number)) },
    { weight: 3, arbitrary: named('kind', word('count', 'gauge', 'timer')) },
    { weight: 3, arbitrary: named('value', number) },
    { weight: 3, arbitrary: named('state', word('start', 'end', 'success')) },
    { weight: 3, arbitrary: named('host', text) },
    { weight: 3, arbitrary: named('error', errorObject) },
    { weight: 2, arbitrary: named('at', fc.oneof(number, text)) },
    { weight: 1, arbitrary: named('fatal', literal) },
    { weight: 6, arbitrary: member(key, value) },
  ),
  { maxLength: 10 },
)
export const event = members.map(parts => join(parts, '{', '}'))
export const anything = value
export const events = fc
  .array(spaced(fc.oneof({ weight: 8, arbitrary: event }, { weight: 1, arbitrary: value })), { maxLength: 6 })
  .map(parts => join(parts, '[', ']'))
export const envelope = fc
  .tuple(events, fc.option(event), fc.option(number), fc.constantFrom(0, 1, 2, 3))
  .map(([list, common, sentAt, order]) => {
    const parts = [Buffer.concat([Buffer.from('"events" :'), list])]
    if (common) parts.push(Buffer.concat([Buffer.from('"common":'), common]))
    if (sentAt) parts.push(Buffer.concat([Buffer.from('"sentAt": '), sentAt]))
    const turned = order & 1 ? parts.reverse() : parts
    return join(turned, order & 2 ? '{' : ' {\n', '}')
  })

/** A body with one byte changed, added or taken away, or its end cut off. */
export const broken = (body: fc.Arbitrary<Buffer>) =>
  fc
    .tuple(
      body,
      fc.nat(),
      fc.constantFrom(...Buffer.from('"\\{}[],:0-.eE+ntfu\u0000 \n/')),
      fc.constantFrom('set', 'add', 'drop', 'cut'),
    )
    .map(([whole, at, byte, how]) => {
      const i = at % (whole.length + 1)
      if (how === 'cut') return whole.subarray(0, i)
      const rest = how === 'add' ? i : i + 1
      return Buffer.concat([
        whole.subarray(0, i),
        how === 'drop' ? Buffer.alloc(0) : Buffer.from([byte]),
        whole.subarray(rest),
      ])
    })
