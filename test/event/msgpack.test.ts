import * as fc from 'fast-check'
import { Packr } from 'msgpackr'
import t from 'tap'
import { LetheError } from '../../src/core/errors.js'
import { defaultLimits } from '../../src/core/limits.js'
import { EVENT_TYPES, type EventBatch, FIELD_NAMES, Field, NumberField } from '../../src/event/batch.js'
import { decodeAll, Format } from '../../src/event/decode.js'

const packr = new Packr({ useRecords: false, variableMapSize: true, mapsAsObjects: false })
const decode = (body: Uint8Array, format: Format) => {
  const whole = Buffer.concat([Buffer.from([0x93, 0x81]), body, Buffer.from([0xc0, 0xc0, 0x7b])])
  return decodeAll(whole, 2, 2 + body.length, { format, version: 1, sentAt: Number.NaN, limits: defaultLimits })
}

/** Plain data as msgpackr packs it, own keys named `__proto__` included (as maps: an object would lose them). */
function pack(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pack)
  if (typeof value !== 'object' || value === null) return value
  return new Map(Object.keys(value).map(key => [key, pack((value as Record<string, unknown>)[key])]))
}

function describe(batch: EventBatch): unknown {
  const rows: unknown[] = []
  for (let event = 0; event < batch.count; event++) {
    const row: Record<string, unknown> = { type: EVENT_TYPES[batch.types[event]!], flags: batch.flags[event] }
    if (batch.types[event] !== 0) {
      for (let field = 0; field < Field.Count_; field++) row[FIELD_NAMES[field]!] = batch.text(event, field)
      for (let field = 0; field < NumberField.Count_; field++) row[`#${field}`] = String(batch.number(event, field))
      row['tags'] = batch.lookup(event, ['tags'])
      row['props'] = batch.lookup(event, ['props'])
    }
    rows.push(row)
  }
  return { rows, rejections: batch.rejections, sentAt: String(batch.sentAt) }
}

const names = [
  'type',
  'id',
  'user',
  'app',
  'name',
  'state',
  'kind',
  'host',
  'status',
  'at',
  'value',
  'ms',
  'fatal',
  'failed',
  'tags',
  'error',
  'props',
  '__proto__',
  'constructor',
  'x',
]
const anything = fc.anything({
  maxDepth: 3,
  key: fc.constantFrom(...names, 'message', 'where', 'stack'),
  values: [
    fc.string({ unit: 'grapheme' }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom('crash', 'event', 'metric', 'gauge', 'start'),
  ],
})
const sensible = fc.record(
  {
    type: fc.constantFrom('crash', 'error', 'session', 'event', 'metric', 'network', 'transaction'),
    name: fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer()),
    user: fc.oneof(fc.string(), fc.string({ minLength: 190, maxLength: 240 }), fc.integer(), fc.boolean()),
    kind: fc.constantFrom('count', 'gauge', 'timer'),
    value: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer()),
    ms: fc.nat(),
    at: fc.oneof(fc.integer({ min: 1.6e12, max: 1.9e12 }), fc.constant('2026-11-20T10:00:00Z')),
    state: fc.constantFrom('start', 'end', 'success'),
    host: fc.string(),
    error: fc.record({ type: fc.string(), message: fc.string(), stack: fc.array(fc.string()) }, { requiredKeys: [] }),
    tags: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer()), { maxKeys: 40 }),
    props: anything,
  },
  { requiredKeys: ['type'] },
)
const events = fc.array(fc.oneof({ weight: 4, arbitrary: sensible }, { weight: 1, arbitrary: anything }), {
  maxLength: 5,
})
const envelope = fc.record(
  { common: fc.oneof(sensible, anything), sentAt: fc.nat(), events },
  { requiredKeys: ['events'] },
)

t.test('MessagePack decodes as the same data in JSON does', async () => {
  fc.assert(
    fc.property(fc.oneof(events, envelope, sensible, anything), data => {
      const json = JSON.stringify(data)
      // What the two formats can both say.
      const plain: unknown = JSON.parse(json ?? 'null')
      const packed = JSON.stringify(describe(decode(packr.pack(pack(plain)), Format.MessagePack)))
      const written = JSON.stringify(describe(decode(Buffer.from(JSON.stringify(plain)), Format.Json)))
      if (packed !== written) throw new Error(`${packed}\n${written}`)
    }),
    { numRuns: 300 },
  )
})

t.test('broken MessagePack is a 400 or decodes, never anything else', async () => {
  fc.assert(
    fc.property(events, fc.nat(), fc.nat(255), fc.boolean(), (data, at, byte, cut) => {
      const body = Buffer.from(packr.pack(pack(JSON.parse(JSON.stringify(data)))))
      const i = at % body.length
      body[i] = byte
      try {
        decode(cut ? body.subarray(0, i) : body, Format.MessagePack)
      } catch (error) {
        if (!(error instanceof LetheError) || error.status !== 400) throw error
      }
    }),
    { numRuns: 1_000 },
  )
})

t.test('what JSON lacks becomes the nearest thing it has', async t => {
  const one = (fields: unknown) => decode(new Packr({ useRecords: false }).pack(fields), Format.MessagePack)
  const at = new Date('2026-11-20T10:00:00.250Z')
  t.equal(one({ type: 'event', name: 'x', at }).number(0, NumberField.At), at.getTime())
  t.equal(one({ type: 'event', name: 'x', user: 2n ** 63n + 1n }).text(0, Field.User), '9223372036854775809')
  t.equal(one({ type: 'event', name: 'x', user: -(2n ** 63n) }).text(0, Field.User), '-9223372036854775808')
  t.equal(one({ type: 'event', name: 'x', user: Buffer.from('bytes') }).text(0, Field.User), 'bytes')
  t.match(one({ type: 'metric', name: 'x', kind: 'gauge', value: Number.NaN }).rejections, [{ code: 'missing-field' }])
  t.match(
    one(
      new Map<unknown, unknown>([
        [7, 1],
        ['type', 'event'],
        ['name', 'x'],
      ]),
    ).lookup(0, ['7']),
    1,
  )
})

t.test('nesting beyond the limit is cut off, not recursed into', async t => {
  const deep = Buffer.concat([
    Buffer.from([0x83]),
    ...['type', 'event', 'name', 'x', 'p'].map(s => packr.pack(s)),
    Buffer.alloc(100_000, 0x91),
    Buffer.from([0xc0]),
  ])
  const batch = decode(deep, Format.MessagePack)
  t.equal(batch.types[0], 4)
  t.ok(batch.lookup(0, ['p']))
})

t.test('an empty body, trailing bytes and a lying length are refused', async t => {
  for (const body of [[], [0xc0, 0xc0], [0xdd, 0xff, 0xff, 0xff, 0xff], [0x81, 0xdb, 0xff, 0xff, 0xff, 0xff], [0xc1]]) {
    t.throws(() => decode(Buffer.from(body), Format.MessagePack), { name: 'LetheError' })
  }
})
