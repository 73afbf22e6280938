// Events as strange clients send them: few users, apps and ids, so that they meet again; clocks that are wrong; fields
// that are missing, too long or of the wrong type.
import { DAY_MS } from '../../src/core/clock.js'
import { Format } from '../../src/event/decode.js'
import type { Dice } from './choices.js'

/** When an event happened, relative to its sending; the sender's clock may be wrong besides. */
export type When =
  | { readonly tag: 'none' }
  | { readonly tag: 'ago'; readonly ms: number; readonly iso: boolean }
  | { readonly tag: 'raw'; readonly value: unknown }

export interface EventPlan {
  readonly fields: Readonly<Record<string, unknown>>
  readonly when: When
}

/** A body before it is written down: the times in it are known only when it is sent. */
export interface BodyPlan {
  readonly tag: 'events' | 'broken'
  readonly shape: 'one' | 'array' | 'envelope' | 'ndjson'
  readonly events: readonly EventPlan[]
  readonly common: Readonly<Record<string, unknown>> | undefined
  /** How wrong the device's clock is, ms, if the body says when it was sent; undefined: it does not say. */
  readonly deviceClock: number | undefined
  /** `sentAt` in the envelope, or in the header. */
  readonly sentInHeader: boolean
}

const USERS = Array.from({ length: 12 }, (_, i) => `user-${i}`)
const SESSIONS = Array.from({ length: 8 }, (_, i) => `session-${i}`)
const APPS = ['1.0', '1.1', '2.0', 'ü-beta']
const NAMES = ['login', 'buy', 'boom', 'search "x"']
const HOSTS = ['api.example.com', 'cdn.example.com']
const ERRORS = [
  { type: 'NullPointerException', message: 'x is null', stack: ['main.js:12', 'app.js:30'] },
  { type: 'TypeError', message: 'undefined is not a function', where: 'render' },
  { type: 'OutOfMemory', message: 'at 0xdeadbeef', stack: [{ file: 'heap.c', function: 'grow', line: 7 }] },
]

function who(dice: Dice): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  if (dice.chance(0.8)) fields['user'] = dice.of(USERS)
  if (dice.chance(0.5)) fields['session'] = dice.of(SESSIONS)
  if (dice.chance(0.6)) fields['app'] = dice.of(APPS)
  if (dice.chance(0.4)) fields['platform'] = dice.of(['ios', 'android', 'web'])
  if (dice.chance(0.2)) fields['os'] = dice.of(['17.1', 12, true])
  if (dice.chance(0.2)) fields['device'] = dice.of(['Pixel 8', 'iPhone15,2'])
  if (dice.chance(0.2)) fields['country'] = dice.of(['GR', 'DE', ''])
  return fields
}

function goodEvent(dice: Dice): Record<string, unknown> {
  switch (dice.below(7)) {
    case 0:
      return { type: 'crash', ...who(dice), error: dice.of(ERRORS), fatal: true }
    case 1:
      return { type: 'error', ...who(dice), error: dice.of(ERRORS) }
    case 2:
      return { type: 'session', ...who(dice), state: dice.of(['start', 'end']) }
    case 3:
      return { type: 'event', ...who(dice), name: dice.of(NAMES), props: { n: dice.below(9) } }
    case 4: {
      const kind = dice.of(['count', 'gauge', 'timer'])
      return { type: 'metric', ...who(dice), name: `m${dice.below(3)}`, kind, value: dice.below(1000) / 4 }
    }
    case 5:
      return {
        type: 'network',
        ...who(dice),
        host: dice.of(HOSTS),
        status: dice.of([200, 404, 503]),
        ms: dice.below(900),
      }
    default:
      return {
        type: 'transaction',
        ...who(dice),
        name: 'checkout',
        state: dice.of(['start', 'success', 'fail', 'cancel']),
        ms: dice.below(5000),
      }
  }
}

function badEvent(dice: Dice): unknown {
  return dice.of<unknown>([
    { type: 'nonsense' },
    { type: 'crash' },
    { type: 'metric', name: 'm0', kind: 'gauge' },
    { type: 'session', state: 'paused' },
    { type: 'event', name: { deep: true } },
    { user: 'nobody' },
    { type: 'event', name: 'login', id: 'x'.repeat(65) },
    { type: 'event', name: 'login', at: 'yesterday' },
  ])
}

function when(dice: Dice, retention: number): When {
  return dice.weighted<() => When>([
    [5, () => ({ tag: 'none' })],
    [4, () => ({ tag: 'ago', ms: dice.below(3_600_000), iso: dice.chance(0.3) })],
    [2, () => ({ tag: 'ago', ms: dice.between(0, retention + 2) * DAY_MS - dice.below(7_200_000), iso: false })],
    [1, () => ({ tag: 'ago', ms: -dice.below(1_200_000), iso: false })],
    [0.3, () => ({ tag: 'raw', value: dice.of([0, -5, 8.64e15, null]) })],
  ])()
}

function planEvent(dice: Dice, retention: number, ids: number): EventPlan {
  if (dice.chance(0.06)) return { fields: badEvent(dice) as Record<string, unknown>, when: { tag: 'none' } }
  const fields = goodEvent(dice)
  if (dice.chance(0.7)) fields['id'] = `id-${dice.below(ids)}`
  if (dice.chance(0.03)) fields['user'] = 'long '.repeat(60)
  if (dice.chance(0.02)) fields['__proto__x'] = { polluted: true }
  return { fields, when: when(dice, retention) }
}

/** `poison`: whether events that crash the apply step are among them. */
export function planBody(dice: Dice, retention: number, ids: number, poison: boolean): BodyPlan {
  const count = dice.weighted([
    [5, 1],
    [6, dice.between(2, 6)],
    [1, dice.between(20, 60)],
    [0.25, dice.between(100, 300)],
    [0.1, 0],
  ])
  const events = Array.from({ length: count }, () => planEvent(dice, retention, ids))
  if (poison && count > 0) {
    events[dice.below(count)] = {
      fields: { type: 'event', name: 'poison', user: dice.of(USERS), id: `poison-${dice.below(1e6)}` },
      when: { tag: 'none' },
    }
  }
  const shapes = count === 0 ? (['array', 'envelope'] as const) : (['array', 'envelope', 'ndjson'] as const)
  const shape = count === 1 && dice.chance(0.25) ? 'one' : dice.of<BodyPlan['shape']>(shapes)
  const saysWhen = shape === 'envelope' ? dice.chance(0.5) : dice.chance(0.1)
  return {
    tag: dice.chance(0.03) ? 'broken' : 'events',
    shape,
    events,
    common: shape === 'envelope' && dice.chance(0.5) ? { ...who(dice), app: 'common' } : undefined,
    deviceClock: saysWhen ? dice.of([0, -3 * 3_600_000, 26 * 3_600_000, 90_000]) : undefined,
    sentInHeader: shape !== 'envelope' || dice.chance(0.3),
  }
}

export interface WrittenBody {
  readonly format: Format
  readonly bytes: Buffer
  /** X-Sent-At, or NaN. */
  readonly sentAt: number
}

/** Writes a body down at `nowMs`. `mark` makes it different from all others. */
export function writeBody(plan: BodyPlan, nowMs: number, mark: number): WrittenBody {
  const deviceNow = nowMs + (plan.deviceClock ?? 0)
  const events = plan.events.map(event => writeEvent(event, deviceNow))
  const sentAt = plan.deviceClock === undefined ? undefined : deviceNow
  const padding = ' '.repeat(1 + (mark % 7)) + '\n'.repeat(1 + (Math.floor(mark / 7) % 7))
  let text: string
  switch (plan.shape) {
    case 'one':
      text = JSON.stringify({ ...(events[0] as object), mark })
      break
    case 'array':
      text = JSON.stringify(marked(events, mark))
      break
    case 'envelope':
      text = JSON.stringify({
        ...(sentAt !== undefined && !plan.sentInHeader ? { sentAt } : {}),
        ...(plan.common ? { common: plan.common } : {}),
        events: marked(events, mark),
      })
      break
    case 'ndjson':
      text = marked(events, mark)
        .map(event => `${JSON.stringify(event)}\n`)
        .join('')
      break
  }
  if (plan.tag === 'broken') text = `${text.slice(0, Math.max(1, text.length >> 1))}\u0001`
  else if (plan.shape !== 'ndjson') text += padding
  return {
    format: plan.shape === 'ndjson' ? Format.Ndjson : Format.Json,
    bytes: Buffer.from(text),
    sentAt: sentAt !== undefined && plan.sentInHeader ? sentAt : Number.NaN,
  }
}

function marked(events: unknown[], mark: number): unknown[] {
  const [first, ...rest] = events
  return first === undefined ? [] : [{ ...(first as object), mark }, ...rest]
}

function writeEvent(event: EventPlan, deviceNow: number): unknown {
  const { fields, when } = event
  switch (when.tag) {
    case 'none':
      return fields
    case 'ago': {
      const at = Math.floor(deviceNow - when.ms)
      return { ...fields, at: when.iso ? new Date(at).toISOString() : at }
    }
    case 'raw':
      return { ...fields, at: when.value }
  }
}
