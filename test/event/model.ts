// The decoder's oracle: JSON.parse and the rules of API.md, written for a reader and not for speed.

import { parseInstant } from '../../src/event/time.js'

export interface Expected {
  type: string
  code: string
  texts: Record<string, string>
  at: number
  value: number
  ms: number
  fatal: boolean
  failed: boolean
  truncated: boolean
}

const WHO = ['user', 'session', 'app', 'platform', 'os', 'device', 'country']
const OWN: Record<string, string[]> = {
  crash: [],
  error: [],
  session: ['state'],
  event: ['name'],
  metric: ['name', 'kind'],
  network: ['host', 'status'],
  transaction: ['name', 'state'],
}
const STATES: Record<string, string[]> = {
  session: ['start', 'end'],
  transaction: ['start', 'success', 'fail', 'cancel'],
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

class Refused {
  constructor(readonly code: string) {}
}

/** What the decoder must make of one event. Integers in these tests stay below 2^53, where their digits and String agree. */
export function expectEvent(event: unknown, common: Record<string, unknown> = {}): Expected {
  const answer: Expected = {
    type: '',
    code: '',
    texts: {},
    at: Number.NaN,
    value: Number.NaN,
    ms: Number.NaN,
    fatal: false,
    failed: false,
    truncated: false,
  }
  try {
    settle(event, common, answer)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return { ...answer, type: '', code: error.code }
  }
  return answer
}

function settle(event: unknown, common: Record<string, unknown>, answer: Expected): void {
  if (!isObject(event)) throw new Refused('not-an-object')
  const field = (name: string): unknown => {
    const own = Object.hasOwn(event, name) ? event[name] : undefined
    if (own !== undefined && own !== null && own !== '') return own
    return Object.hasOwn(common, name) && common[name] !== '' ? common[name] : undefined
  }
  const text = (value: unknown, cuts = true): string | undefined => {
    if (value === undefined || value === null || value === '') return undefined
    if (typeof value === 'object') throw new Refused('bad-field')
    const whole = Buffer.from(String(value)).toString()
    const cut = cuts ? cutAt(whole, 200) : whole
    if (cut.length < whole.length) answer.truncated = true
    return cut === '' ? undefined : cut
  }
  const keep = (name: string, value: string | undefined) => {
    if (value !== undefined) answer.texts[name] = value
  }
  const type = text(field('type'))
  if (type === undefined) throw new Refused('missing-field')
  if (!Object.hasOwn(OWN, type)) throw new Refused('unknown-type')
  keep('type', type)
  const id = text(field('id'), false)
  for (const name of [...WHO, ...OWN[type]!]) keep(name, text(field(name)))
  const isFault = type === 'crash' || type === 'error'
  const error = field('error')
  if (isFault) {
    if (isObject(error)) {
      keep('error.type', text(error['type']))
      keep('error.message', text(error['message'], false))
      keep('error.where', text(error['where'], false))
    }
  }
  answer.at = readAt(field('at'))
  if (type === 'metric') answer.value = readNumber(field('value'))
  if (type === 'network' || type === 'transaction') answer.ms = readNumber(field('ms'))
  if (isFault) answer.fatal = readFlag(field('fatal'))
  if (type === 'network') answer.failed = readFlag(field('failed'))
  if (isFault && error !== undefined && error !== null && !isObject(error)) throw new Refused('bad-field')
  const tags = field('tags')
  if (tags !== undefined && tags !== null && !isObject(tags)) throw new Refused('bad-field')
  if (isObject(tags) && Object.keys(tags).length > 32) answer.truncated = true
  if (id !== undefined && Buffer.byteLength(id) > 64) throw new Refused('id-too-long')
  keep('id', id)
  const required = isFault
    ? ['error.type']
    : type === 'metric'
      ? ['name', 'kind']
      : type === 'network'
        ? ['host']
        : OWN[type]!
  for (const name of required) if (answer.texts[name] === undefined) throw new Refused('missing-field')
  const states = STATES[type]
  if (states && !states.includes(answer.texts['state']!)) throw new Refused('bad-field')
  if (type === 'metric') {
    if (!['count', 'gauge', 'timer'].includes(answer.texts['kind']!)) throw new Refused('bad-field')
    if (Number.isNaN(answer.value)) throw new Refused('missing-field')
    if (!Number.isFinite(answer.value)) throw new Refused('bad-field')
  }
  answer.type = type
}

function readAt(value: unknown): number {
  if (value === undefined || value === null || value === '') return Number.NaN
  const bytes = Buffer.from(typeof value === 'string' ? value : '')
  const when = typeof value === 'number' ? Math.floor(value) : parseInstant(bytes, 0, bytes.length)
  if (Number.isNaN(when) || Math.abs(when) > 8.64e15) throw new Refused('bad-at')
  return when
}

function readNumber(value: unknown): number {
  if (value === undefined || value === null) return Number.NaN
  if (typeof value !== 'number') throw new Refused('bad-field')
  return value
}

function readFlag(value: unknown): boolean {
  if (value === undefined || value === null) return false
  if (value === true || value === 'true' || value === '1' || value === 1) return true
  if (value === false || value === 'false' || value === '0' || value === 0) return false
  throw new Refused('bad-field')
}

export function cutAt(text: string, units: number): string {
  if (text.length <= units) return text
  let cut = ''
  for (const character of text) {
    if (cut.length + character.length > units) break
    cut += character
  }
  return cut
}
