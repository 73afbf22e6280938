// What Sentry's payloads say, in our words: each becomes canonical events, plain data that the JSON scanner then reads.
// https://develop.sentry.dev/sdk/data-model/event-payloads/ and what the SDKs really send (see test/fixtures/captures).

import { parseInstant } from './time.js'

export type Data = Readonly<Record<string, unknown>>

/** An event as plain data, and how many of it there are (sessions come summed up). */
export interface Canonical {
  readonly event: Data
  readonly times: number
}

// As SDKs call them that give names themselves. What has none is kept: it would not be sent again.
const UNNAMED_EVENT = '<unlabeled event>'
const UNNAMED_TRANSACTION = '<unlabeled transaction>'

/** Frames kept of a stack, from the innermost out. */
const MAX_FRAMES = 100
const MAX_TAGS = 33

export const isData = (value: unknown): value is Data =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const data = (value: unknown): Data => (isData(value) ? value : {})
const isEmpty = (object: Data) => Object.keys(object).length === 0
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** A text that says something; numbers count. */
function word(...candidates: unknown[]): string | undefined {
  for (const candidate of candidates) {
    const text = typeof candidate === 'number' ? String(candidate) : candidate
    if (typeof text === 'string' && text.trim() !== '') return text.trim()
  }
  return undefined
}

/** Seconds since the epoch, also as text, or ISO 8601 → ms; NaN for anything else. */
function milliseconds(value: unknown): number {
  const text = word(value) ?? ''
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1_000
  const bytes = Buffer.from(text)
  return parseInstant(bytes, 0, bytes.length)
}

/** What `at` takes. An unreadable time is that of receiving it: the SDKs never send again what is rejected. */
function instant(value: unknown): number | undefined {
  const ms = Math.floor(milliseconds(value))
  return Number.isFinite(ms) ? ms : undefined
}

/** The time between two instants in ms, to the microsecond. */
function duration(from: unknown, to: unknown): number | undefined {
  const ms = milliseconds(to) - milliseconds(from)
  return ms >= 0 ? Math.round(ms * 1_000) / 1_000 : undefined
}

/** `name@version`: the version is the app's. */
function appOf(release: unknown): string | undefined {
  const text = word(release)
  return text === undefined ? undefined : (word(text.slice(text.lastIndexOf('@') + 1)) ?? text)
}

const NAMED_BY_OS = new Set(['cocoa', 'java', 'native', 'objc', 'swift', 'dart', 'csharp', 'kotlin', 'c', 'other'])
const PLATFORM_OF_OS: Readonly<Record<string, string>> = {
  ios: 'ios',
  ipados: 'ios',
  android: 'android',
  macos: 'macos',
  tvos: 'tvos',
  watchos: 'watchos',
  visionos: 'visionos',
  windows: 'windows',
}

/** `cocoa` and `java` name a language; where the system is known, it is the platform. */
function platformOf(platform: unknown, osName: unknown): string | undefined {
  const said = word(platform)
  const system = word(osName)?.toLowerCase() ?? ''
  if (said !== undefined && !NAMED_BY_OS.has(said)) return said
  return (Object.hasOwn(PLATFORM_OF_OS, system) ? PLATFORM_OF_OS[system] : undefined) ?? said
}

function tagsOf(tags: unknown): Data | undefined {
  const pairs = Array.isArray(tags)
    ? tags.filter(Array.isArray).map(pair => [String(pair[0]), pair[1] as unknown] as const)
    : Object.entries(data(tags))
  const flat = pairs.filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value)).slice(0, MAX_TAGS)
  return flat.length === 0 ? undefined : Object.fromEntries(flat)
}

/** What every kind of event has. */
function who(payload: Data, id: unknown): Data {
  const contexts = data(payload['contexts'])
  const os = data(contexts['os'])
  const device = data(contexts['device'])
  const user = data(payload['user'])
  return {
    id: word(id),
    at: instant(payload['timestamp']),
    user: word(user['id'], user['email'], user['username'], user['ip_address']),
    app: appOf(payload['release']),
    platform: platformOf(payload['platform'], os['name']),
    os: word(os['version'], os['name']),
    device: word(device['model'], device['family']),
    country: word(data(user['geo'])['country_code']),
    tags: tagsOf(payload['tags']),
    environment: word(payload['environment']),
    level: word(payload['level']),
    logger: word(payload['logger']),
    server: word(payload['server_name']),
  }
}

/** An item `event`, or the body of /store/. */
export function mapEvent(payload: Data, envelopeId: unknown): Data {
  if (payload['type'] === 'transaction') return mapTransaction(payload, envelopeId)
  const exception = payload['exception']
  // A list, a list in an object, or, by older clients, the one itself.
  const { values: inner, type, value } = data(exception)
  const alone = inner === undefined && (type ?? value) !== undefined ? [exception] : []
  const values = (Array.isArray(exception) ? exception : inner === undefined ? alone : list(inner)).filter(isData)
  // A message may come dressed as an exception: no type, made up for its stack.
  const message = messageOf(payload)
  const isMade = ({ type, value, mechanism }: Data) =>
    word(type) === undefined && (data(mechanism)['synthetic'] === true || (message ?? '') === word(value))
  const faults = values.filter(value => !isMade(value))
  const base = who(payload, payload['event_id'] ?? envelopeId)
  // Oldest cause first: the last one is what was thrown.
  const outermost = faults[faults.length - 1]
  if (outermost === undefined) {
    return {
      type: 'event',
      ...base,
      name: message ?? word(values[0]?.['value'], payload['culprit']) ?? (isEmpty(payload) ? undefined : UNNAMED_EVENT),
      route: word(payload['transaction']),
    }
  }
  const fatal = payload['level'] === 'fatal'
  // Older clients say how it came beside the list.
  const crashed = fatal || [data(exception), ...values].some(one => data(one['mechanism'])['handled'] === false)
  return {
    type: crashed ? 'crash' : 'error',
    ...base,
    fatal: fatal || undefined,
    error: {
      type: word(outermost['type']) ?? 'Error',
      message: word(outermost['value']),
      stack: stackOf(outermost, payload),
    },
    route: word(payload['transaction']),
  }
}

function messageOf(payload: Data): string | undefined {
  const entry = data(payload['logentry'])
  const message = payload['message']
  const inner = data(message)
  // The template before the filled-in text: it is the name of what happened.
  return word(entry['message'], inner['message'], message, entry['formatted'], inner['formatted'])
}

function stackOf(value: Data, payload: Data): readonly Data[] | undefined {
  const threads = list(data(payload['threads'])['values']).filter(isData)
  const thread = threads.find(candidate => candidate['crashed'] === true)
  const trace = [value['stacktrace'], value['raw_stacktrace'], thread?.['stacktrace'], payload['stacktrace']].find(
    isData,
  )
  const frames = list(trace?.['frames']).filter(isData)
  if (frames.length === 0) return undefined
  const platform = word(payload['platform']) ?? ''
  // Whoever wraps a callback is the SDK, under any name that a bundler gave it: all would crash there.
  const wrapper = WRAPPED.test(word(data(value['mechanism'])['type']) ?? '') ? frames[0] : undefined
  const isWrapper = (frame: Data) =>
    wrapper !== undefined && frame['function'] === wrapper['function'] && frame['filename'] === wrapper['filename']
  // Oldest call first there, innermost first here.
  return frames
    .slice(-MAX_FRAMES)
    .reverse()
    .map(frame => (isWrapper(frame) ? { ...frameOf(frame, platform), inApp: false } : frameOf(frame, platform)))
}

/** Mechanisms of browser SDKs: callbacks of timers and listeners. */
const WRAPPED = /^instrument$|browserapierrors/

const HAS_CLASSES = new Set(['java', 'android', 'kotlin', 'csharp'])

function frameOf(frame: Data, platform: string): Data {
  const owner = HAS_CLASSES.has(platform) ? word(frame['module']) : undefined
  return {
    class: owner,
    function: word(frame['function']),
    file: owner === undefined ? word(frame['filename'], frame['package'], frame['abs_path']) : undefined,
    line: typeof frame['lineno'] === 'number' ? frame['lineno'] : undefined,
    column: typeof frame['colno'] === 'number' ? frame['colno'] : undefined,
    inApp: typeof frame['in_app'] === 'boolean' ? frame['in_app'] : undefined,
  }
}

function outcome(status: unknown): string {
  if (status === undefined || status === null || status === 'ok' || status === 'unset') return 'success'
  return status === 'cancelled' ? 'cancel' : 'fail'
}

/** An item `transaction`: what SDKs before version 11 send. */
export function mapTransaction(payload: Data, envelopeId: unknown): Data {
  return {
    type: 'transaction',
    ...who(payload, payload['event_id'] ?? envelopeId),
    name: word(payload['transaction'], data(data(payload['contexts'])['trace'])['op']) ?? UNNAMED_TRANSACTION,
    state: outcome(data(data(payload['contexts'])['trace'])['status'] ?? undefined),
    ms: duration(payload['start_timestamp'], payload['timestamp']),
    op: word(data(data(payload['contexts'])['trace'])['op']),
  }
}

/** An item `span`: one span, or a container of them. */
export function mapSpans(payload: Data): Canonical[] {
  const spans = Array.isArray(payload['items']) ? payload['items'].filter(isData) : [payload]
  return spans.map(span => ({ event: mapSpan(span), times: 1 }))
}

function mapSpan(span: Data): Data {
  const attributes = { ...data(span['data']), ...data(span['attributes']) }
  const attribute = (name: string) => {
    const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined
    return isData(value) ? value['value'] : value
  }
  const end = span['end_timestamp'] ?? span['timestamp']
  const trace = word(span['trace_id'])
  const id = word(span['span_id'])
  return {
    type: 'transaction',
    id: trace !== undefined && id !== undefined ? `${trace}-${id}` : undefined,
    at: instant(end),
    user: word(attribute('user.id'), attribute('user.email'), attribute('user.name')),
    app: appOf(attribute('sentry.release')),
    os: word(attribute('os.version')),
    device: word(attribute('device.model')),
    environment: word(attribute('sentry.environment')),
    name: word(span['name'], span['description'], span['op'], attribute('sentry.op')) ?? UNNAMED_TRANSACTION,
    state: outcome(span['status'] ?? undefined),
    ms: duration(span['start_timestamp'], end),
    op: word(attribute('sentry.op'), span['op']),
    segment: span['is_segment'] === true || undefined,
  }
}

const ENDED = new Set(['exited', 'crashed', 'abnormal', 'unhandled'])
/** `unhandled` is what browsers say since version 11 where they said `crashed`; its event is a crash here as well. */
const CRASHED = new Set(['crashed', 'unhandled'])

/** An item `session`: an update of one session, told apart by sid. Tables count a session id once, so updates need no id of their own. */
export function mapSession(payload: Data): Data {
  const status = word(payload['status']) ?? ''
  const attributes = data(payload['attrs'])
  const first = payload['init'] === true
  return {
    type: 'session',
    session: word(payload['sid']),
    at: instant(first ? (payload['started'] ?? payload['timestamp']) : payload['timestamp']),
    user: word(payload['did']),
    app: appOf(attributes['release']),
    environment: word(attributes['environment']),
    state: !first && ENDED.has(status) ? 'end' : 'start',
    status: CRASHED.has(status) ? 'crashed' : word(status),
  }
}

/** An item `sessions`: sums by the minute, of sessions that nobody can tell apart. */
export function mapSessions(payload: Data): Canonical[] {
  const attributes = data(payload['attrs'])
  const found: Canonical[] = []
  for (const bucket of list(payload['aggregates']).filter(isData)) {
    const base = {
      type: 'session',
      at: instant(bucket['started']),
      user: word(bucket['did']),
      app: appOf(attributes['release']),
      environment: word(attributes['environment']),
      state: 'start',
    }
    const well = amount(bucket['exited']) + amount(bucket['errored']) + amount(bucket['abnormal'])
    const crashed = amount(bucket['crashed']) + amount(bucket['unhandled'])
    if (well > 0) found.push({ event: base, times: well })
    if (crashed > 0) found.push({ event: { ...base, status: 'crashed' }, times: crashed })
  }
  return found
}

function amount(value: unknown): number {
  return typeof value === 'number' && value >= 1 && Number.isFinite(value) ? Math.floor(value) : 0
}

/** An item `client_report`: how many events the client dropped itself. Categories that count bytes are none. */
export function countLost(payload: Data): number {
  let lost = 0
  for (const entry of list(payload['discarded_events']).filter(isData)) {
    const category = word(entry['category']) ?? ''
    if (!/byte|attachment/.test(category)) lost += amount(entry['quantity'])
  }
  return Math.min(lost, 1e9)
}
