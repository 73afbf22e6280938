import { readFileSync } from 'node:fs'
import t from 'tap'
import { defaultLimits } from '../../src/core/limits.js'
import { EVENT_TYPES, type EventBatch, EventType, Field, Flag, NumberField } from '../../src/event/batch.js'
import { decodeAll, Format } from '../../src/event/decode.js'

const decode = (body: string | Buffer, format = Format.SentryEnvelope): EventBatch => {
  const whole = Buffer.concat([Buffer.from('{"x":'), Buffer.from(body), Buffer.from('\n{}')])
  const end = whole.length - 3
  return decodeAll(whole, 5, end, { format, version: 1, sentAt: Number.NaN, limits: defaultLimits })
}
const envelope = (...items: [string, unknown][]) =>
  [{ sent_at: '2026-11-20T10:00:00Z' }, ...items.flatMap(([type, payload]) => [{ type }, payload])]
    .map(line => JSON.stringify(line))
    .join('\n')

// From the project's root, where tests run.
const fixture = (name: string) => readFileSync(`test/fixtures/captures/${name}`, 'utf8')

/** Decodes every request of a capture and tells what came of it. */
function replay(name: string) {
  const types: Record<string, number> = {}
  const groups: Record<string, number> = {}
  const apps: Record<string, number> = {}
  const users = new Set<string>()
  const sessions = new Set<string>()
  const names: Record<string, number> = {}
  let crashed = 0
  let ignored = 0
  let fatal = 0
  for (const line of fixture(`${name}.jsonl`).trim().split('\n')) {
    const { body } = JSON.parse(line) as { body: string }
    const batch = decode(body)
    if (batch.rejections.length > 0) throw new Error(JSON.stringify(batch.rejections))
    ignored += batch.ignoredItems
    for (let e = 0; e < batch.count; e++) {
      const type = batch.types[e]!
      types[EVENT_TYPES[type]!] = (types[EVENT_TYPES[type]!] ?? 0) + 1
      const isFault = type === EventType.Crash || type === EventType.Error
      if (isFault) {
        const group = batch.text(e, Field.Group)!
        groups[group] = (groups[group] ?? 0) + 1
        const app = batch.text(e, Field.App)!
        apps[app] = (apps[app] ?? 0) + 1
        users.add(batch.text(e, Field.User)!)
        if (batch.flags[e]! & Flag.Fatal) fatal++
      }
      if (type === EventType.Session) {
        sessions.add(batch.text(e, Field.Session)!)
        if (batch.text(e, Field.Status) === 'crashed') crashed++
      }
      const named = batch.text(e, Field.Name)
      if (named !== undefined) names[named] = (names[named] ?? 0) + 1
    }
  }
  return { types, groups, apps, users, sessions, names, crashed, ignored, fatal }
}

interface Sent {
  counts: Record<string, number>
  errorsByGroup: Record<string, number>
  errorsByRelease: Record<string, number>
  users: string[]
}
const sent = (name: string) => JSON.parse(fixture(`${name}.sent.json`)) as Sent
const sorted = (counts: Record<string, number>) => Object.values(counts).sort((a, b) => a - b)

t.test('what @sentry/node sent is what we count', async t => {
  const seen = replay('sentry-node')
  const told = sent('sentry-node')
  t.equal((seen.types['crash'] ?? 0) + (seen.types['error'] ?? 0), told.counts['errors'])
  t.same(sorted(seen.groups), sorted(told.errorsByGroup), 'one group for each bug')
  t.same(sorted(seen.apps), sorted(told.errorsByRelease))
  t.same([...seen.users].sort(), told.users)
  // One fatal error more than told: the SDK makes the uncaught one fatal.
  t.equal(seen.fatal, told.counts['errorsWithLevelFatal']! + told.counts['uncaught']!)
  t.equal(seen.types['crash'], seen.fatal + told.counts['unhandled']!)
  t.equal(seen.names['Low disk on cache volume'], 5)
  // The big event was a message, and was told as both.
  t.equal(seen.types['event'], told.counts['messages']! + told.counts['events']!)
  t.equal(seen.types['transaction'], told.counts['spans'])
  t.equal(seen.names['GET /checkout'], told.counts['transactions'])
  t.equal(seen.crashed, 2)
  t.equal(seen.sessions.size, 8)
})

t.test('what @sentry/browser sent is what we count', async t => {
  const seen = replay('sentry-browser')
  const told = sent('sentry-browser')
  t.equal((seen.types['crash'] ?? 0) + (seen.types['error'] ?? 0), told.counts['errors'])
  t.equal(seen.types['crash'], told.counts['uncaught']! + told.counts['unhandled']!)
  t.same(sorted(seen.groups), sorted(told.errorsByGroup), 'one group for each bug')
  t.same(sorted(seen.apps), sorted(told.errorsByRelease))
  t.equal(seen.types['event'], told.counts['messages'])
  t.equal(seen.sessions.size, 2)
})

t.test('an exception is a crash if it is fatal or nobody handled it, even if only its cause says so', async t => {
  const fault = (level: string, ...handled: (boolean | undefined)[]) => ({
    event_id: 'abc',
    timestamp: 1795223224.5,
    level,
    release: 'shop@1.4.2+7',
    user: { email: 'ada@example.com' },
    contexts: { os: { name: 'iOS', version: '17.2' }, device: { model: 'iPhone15,2' } },
    platform: 'cocoa',
    tags: [
      ['plan', 'pro'],
      ['n', 3],
    ],
    exception: {
      values: handled.map((value, i) => ({
        type: `E${i}`,
        value: `m${i}`,
        mechanism: { handled: value },
        stacktrace: {
          frames: [
            { function: 'outer', filename: 'a.js' },
            { function: `f${i}`, filename: 'b.js' },
          ],
        },
      })),
    },
  })
  const batch = decode(
    envelope(['event', fault('error', true)], ['event', fault('fatal', true)], ['event', fault('error', false, true)]),
  )
  t.same([...batch.types.subarray(0, 3)], [EventType.Error, EventType.Crash, EventType.Crash])
  t.equal(batch.sentAt, Date.parse('2026-11-20T10:00:00Z'))
  t.equal(batch.number(0, NumberField.At), 1795223224500)
  t.equal(batch.text(0, Field.App), '1.4.2+7')
  t.equal(batch.text(0, Field.User), 'ada@example.com')
  t.equal(batch.text(0, Field.Id), 'abc')
  t.equal(batch.text(0, Field.Platform), 'ios')
  t.equal(batch.text(0, Field.Os), '17.2')
  t.equal(batch.text(0, Field.Device), 'iPhone15,2')
  t.same(batch.lookup(0, ['tags']), { plan: 'pro', n: 3 })
  t.equal(batch.text(2, Field.ErrorType), 'E1', 'the last value is what was thrown')
  t.equal(batch.text(2, Field.Title), 'E1: m1')
  t.equal(batch.text(2, Field.Culprit), 'f1 (b.js)')
})

t.test('messages are events, also when they come dressed as exceptions', async t => {
  const batch = decode(
    envelope(
      ['event', { message: 'plain' }],
      ['event', { logentry: { message: 'user %s', params: ['x'], formatted: 'user x' } }],
      [
        'event',
        {
          message: 'dressed',
          exception: { values: [{ value: 'dressed', mechanism: { synthetic: true, handled: true } }] },
        },
      ],
      ['event', { exception: [{ type: 'App Hang', value: 'x', mechanism: { synthetic: true, handled: false } }] }],
    ),
  )
  t.same([...batch.types.subarray(0, 4)], [EventType.Event, EventType.Event, EventType.Event, EventType.Crash])
  t.same(
    [0, 1, 2].map(e => batch.text(e, Field.Name)),
    ['plain', 'user %s', 'dressed'],
  )
})

t.test('transactions of version 10 and spans of version 11 are transactions', async t => {
  const batch = decode(
    envelope(
      [
        'transaction',
        {
          type: 'transaction',
          transaction: 'GET /',
          start_timestamp: 10,
          timestamp: 10.25,
          contexts: { trace: { status: 'ok' } },
        },
      ],
      [
        'transaction',
        {
          type: 'transaction',
          transaction: 'GET /',
          start_timestamp: '2026-11-20T10:00:00Z',
          timestamp: '2026-11-20T10:00:01Z',
          contexts: { trace: { status: 'internal_error' } },
        },
      ],
      [
        'span',
        {
          items: [
            {
              name: 'a',
              status: 'error',
              trace_id: 't',
              span_id: 's',
              start_timestamp: 1,
              end_timestamp: 2,
              attributes: { 'user.id': { value: 'u' } },
            },
          ],
        },
      ],
    ),
  )
  t.same(
    [0, 1, 2].map(e => [batch.text(e, Field.State), batch.number(e, NumberField.Ms)]),
    [
      ['success', 250],
      ['fail', 1000],
      ['fail', 1000],
    ],
  )
  t.equal(batch.text(2, Field.Id), 't-s')
  t.equal(batch.text(2, Field.User), 'u')
})

t.test('sessions are updates by sid, or sums', async t => {
  const batch = decode(
    envelope(
      [
        'session',
        {
          sid: 's1',
          did: 'u',
          init: true,
          status: 'ok',
          started: '2026-11-20T09:00:00Z',
          timestamp: '2026-11-20T10:00:00Z',
          attrs: { release: 'a@1' },
        },
      ],
      [
        'session',
        { sid: 's1', init: false, status: 'crashed', timestamp: '2026-11-20T10:00:05Z', attrs: { release: 'a@1' } },
      ],
      [
        'sessions',
        { aggregates: [{ started: '2026-11-20T10:00:00Z', exited: 3, crashed: 1 }], attrs: { release: 'a@1' } },
      ],
    ),
  )
  t.same(batch.rejections, [])
  t.equal(batch.count, 6)
  t.same(
    [0, 1, 2, 5].map(e => [batch.text(e, Field.Session), batch.text(e, Field.State), batch.text(e, Field.Status)]),
    [
      ['s1', 'start', 'ok'],
      ['s1', 'end', 'crashed'],
      [undefined, 'start', undefined],
      [undefined, 'start', 'crashed'],
    ],
  )
  t.equal(batch.text(0, Field.Id), undefined, 'an update has no id: it may come again')
})

t.test('client reports are counted, other items ignored and counted', async t => {
  const batch = decode(
    envelope(
      [
        'client_report',
        {
          discarded_events: [
            { category: 'error', reason: 'x', quantity: 3 },
            { category: 'log_byte', quantity: 900 },
          ],
        },
      ],
      ['check_in', {}],
      ['something_new', 'x'],
    ),
  )
  t.equal(batch.count, 0)
  t.equal(batch.clientLost, 3)
  t.equal(batch.ignoredItems, 2)
})

t.test('lengths, missing lengths, blank lines and a missing last newline are all fine', async t => {
  const event = '{"message":"a"}'
  const batch = decode(
    `{}\n{"type":"attachment","length":5}\n\n{}\n\n\n{"type":"event","length":${event.length}}\n${event}\n\n{"type":"event"}\n${event}`,
  )
  t.equal(batch.count, 2)
  t.equal(batch.ignoredItems, 1)
})

t.test('an envelope whose frame is broken is refused, an item whose payload is broken is rejected', async t => {
  for (const body of ['', 'x', '[]\n', '{}\nx\n{}', '{}\n{}\n{}', '{}\n{"type":"event","length":99}\n{}']) {
    t.throws(() => decode(body), { name: 'LetheError' }, JSON.stringify(body))
  }
  t.match(decode('{}\n{"type":"event"}\n{broken').rejections, [{ index: 0, code: 'bad-json' }])
  t.match(decode('{}\n{"type":"event"}\n{}').rejections, [{ index: 0, code: 'missing-field' }])
})

t.test('the store takes one event, and nothing it cannot read', async t => {
  t.equal(decode('{"message":"a"}', Format.SentryStore).text(0, Field.Name), 'a')
  t.throws(() => decode('eJwrSS0uUUjOSCwqTlWo5QIALAAFNg==', Format.SentryStore), { name: 'LetheError' })
})

t.test('hostile payloads are data', async t => {
  const batch = decode(
    envelope([
      'event',
      {
        message: { toString: 1 },
        tags: { __proto__: null, constructor: 'x' },
        user: { id: {} },
        exception: { values: [null, 3, { type: {}, value: [] }] },
      },
    ]),
  )
  t.equal(batch.count, 1)
  t.equal(batch.types[0], EventType.Error)
})

t.test('{{auto}} is the address that the node wrote down, and nobody where it did not', async t => {
  const user = (payload: object, header: object) =>
    decode(`${JSON.stringify(header)}\n{"type":"event"}\n${JSON.stringify({ message: 'm', ...payload })}`).text(
      0,
      Field.User,
    )
  const auto = { ip_address: '{{auto}}' }
  t.equal(user({ user: auto }, { lethe_peer: '192.0.2.7' }), '192.0.2.7')
  t.equal(user({ user: auto }, {}), undefined)
  t.equal(user({ user: { ...auto, id: 'ada' } }, { lethe_peer: '192.0.2.7' }), 'ada')
  t.equal(user({ user: { ip_address: '192.0.2.9' } }, { lethe_peer: '192.0.2.7' }), '192.0.2.9')
  t.equal(user({}, { lethe_peer: '192.0.2.7' }), undefined, 'who asks for nothing gets nothing')
  const store = { lethe_peer: '192.0.2.8', message: 'm', user: auto }
  t.equal(decode(JSON.stringify(store), Format.SentryStore).text(0, Field.User), '192.0.2.8')
})

t.test('an exception that stands alone counts, and an unreadable time is that of receiving it', async t => {
  const event = (payload: object) => decode(envelope(['event', payload]))
  const alone = event({ exception: { type: 'X', value: 'y' } })
  t.equal(alone.types[0], EventType.Error)
  t.equal(event({ message: 'm', exception: {} }).types[0], EventType.Event)
  const at = (timestamp: unknown) => event({ message: 'm', timestamp }).number(0, NumberField.At)
  const ms = Date.UTC(2026, 10, 20, 12)
  t.equal(at(ms / 1_000 + 0.25), ms + 250)
  t.equal(at(`${ms / 1_000}.25`), ms + 250)
  t.equal(at('2026-11-20T12:00:00.123Z'), ms + 123)
  for (const strange of ['yesterday', {}, [], null, true, '', Number.MAX_VALUE]) {
    t.same(event({ message: 'm', timestamp: strange }).rejections, [], JSON.stringify(strange))
  }
})

const groupOf = (payload: object) => decode(envelope(['event', payload])).text(0, Field.Group)

t.test("a crash in a callback is told apart from the SDK's wrapper around it", async t => {
  const thrown = (value: string, mechanism: object, ...frames: object[]) =>
    groupOf({
      platform: 'javascript',
      exception: { values: [{ type: 'Error', value, mechanism, stacktrace: { frames } }] },
    })
  const timer = { type: 'auto.browser.browserapierrors.setTimeout', handled: false }
  const wrapper = { function: 'n', filename: 'https://s.com/sdk.js', in_app: true }
  const callback = { function: '?', filename: 'https://s.com/app.js', in_app: true }
  const one = thrown('no cart', timer, wrapper, callback)
  t.not(one, thrown('declined', timer, wrapper, callback))
  t.equal(one, thrown('no cart', { type: 'instrument' }, wrapper, callback), 'whatever the version calls it')
  const pay = { function: 'pay', filename: 'https://s.com/app.js', in_app: true }
  t.equal(thrown('no cart', timer, wrapper, pay), thrown('declined', timer, wrapper, pay), 'a name is enough')
})

t.test('of an anonymous function the receiver is no name, in any spelling', async t => {
  const thrown = (value: string, name: string) =>
    groupOf({
      platform: 'node',
      exception: {
        values: [{ type: 'Error', value, stacktrace: { frames: [{ function: name, filename: '/srv/a.js' }] } }],
      },
    })
  for (const name of ['Server.<anonymous>', 'Server.?', 'HTMLButtonElement.<anonymous>', 'Timeout._onTimeout', '?']) {
    t.equal(thrown('no cart', name), thrown('no cart', '<anonymous>'), name)
    t.not(thrown('no cart', name), thrown('declined', name), name)
  }
  t.not(thrown('no cart', 'Server.listen'), thrown('no cart', '<anonymous>'))
})

t.test('a class of .NET tells methods of one name apart', async t => {
  const thrown = (module: string) =>
    groupOf({
      platform: 'csharp',
      exception: { values: [{ type: 'E', value: 'm', stacktrace: { frames: [{ module, function: 'Total' }] } }] },
    })
  t.not(thrown('Shop.Cart'), thrown('Shop.Basket'))
})

t.test('how an exception came may stand beside the list, and a message may come with a stack', async t => {
  const type = (payload: object) => decode(envelope(['event', payload])).types[0]
  const values = [{ type: 'Error', value: 'm' }]
  t.equal(type({ exception: { values, mechanism: { handled: false } } }), EventType.Crash)
  t.equal(type({ exception: { values, mechanism: { handled: true } } }), EventType.Error)
  const dressed = { message: 'hello', exception: { values: [{ value: 'hello', stacktrace: { frames: [] } }] } }
  t.equal(type(dressed), EventType.Event)
  t.equal(type({ ...dressed, message: 'another' }), EventType.Error)
})

t.test('what has no name is kept', async t => {
  const name = (type: string, payload: object) => {
    const batch = decode(envelope([type, payload]))
    t.same(batch.rejections, [])
    return batch.text(0, Field.Name)
  }
  t.equal(name('event', { level: 'error', extra: { a: 1 } }), '<unlabeled event>')
  t.equal(name('event', { message: '', culprit: 'pay' }), 'pay')
  t.equal(name('transaction', { contexts: { trace: { op: 'task' } } }), 'task')
  t.equal(name('transaction', {}), '<unlabeled transaction>')
  t.equal(name('span', { name: '', attributes: { 'sentry.op': { value: 'db' } } }), 'db')
  t.equal(name('span', {}), '<unlabeled transaction>')
})
