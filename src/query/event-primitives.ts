// What programs can do that queries cannot: read the event, and say what should happen to the tables.
//
// These are the generic forms, as the machine runs them and as emitted code falls back to. Where the table is a literal and
// the key a field, emit-event.ts writes the same thing as a few moves of integers.
//
// A key or value of #f leaves the table alone: an absent field leaves its keyed tables alone.

import { LetheError } from '../core/errors.js'
import { type HashKey, hash, hashBytes } from '../core/hash.js'
import { EVENT_TYPES, type EventBatch, Field } from '../event/batch.js'
import type { EffectSink } from '../tables/effects.js'
import { TableKind } from '../tables/types.js'
import { wrongType } from './complaint.js'
import { type EventHost, fieldValue, placeOf, theEvent } from './event-value.js'
import { isNumber, toDouble } from './number.js'
import type { Context, PrimitiveDefinition, PrimitiveGroup } from './primitive.js'
import { written } from './printer.js'
import { Bytes, librarySymbols, Sym, Text, unspecified, type Value } from './value.js'

/** Thrown by `drop!`; `reason` says why. One object: a drop is no failure and needs no stack. */
class DropSignal {
  reason = ''
}
export const dropSignal = new DropSignal()

/** Longest text that a program may hand to a table, UTF-16 units. Keys are cut further, by the tables. */
const MAX_TEXT = 4_096
const MAX_REASON = 64
const MAX_TABLE_NAME = 200

/** `once!` remembers these two scopes by number; any other is part of the key, under the third. */
export const SCOPES: readonly string[] = ['session', 'crashed']
const OTHER_SCOPE = 2

export function hostOf(context: Context, name: string): EventHost {
  if (context.host === undefined) {
    throw new LetheError('no-event', `\`${name}\` works only while on-event runs`, 400)
  }
  return context.host as EventHost
}

/** The text of a key or value; undefined for #f. */
function keyText(name: string, value: Value): string | undefined {
  if (value instanceof Text) return value.text()
  if (value === false) return undefined
  if (value instanceof Sym) return value.name
  if (isNumber(value)) return written(value)
  throw wrongType(name, 'a string, a symbol, a number or #f', value)
}

/** Puts a key or value into the arena; false for #f. Its place is in textStart and textEnd. */
export function putText(context: Context, effects: EffectSink, name: string, value: Value): boolean {
  const text = keyText(name, value)
  if (text === undefined) return false
  const kept = text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text
  context.charge(kept.length >> 5)
  effects.text(kept)
  return true
}

/** A number for a cell; NaN for #f. */
export function amountOf(name: string, value: Value): number {
  if (typeof value === 'number') return value
  if (value === false) return Number.NaN
  if (!isNumber(value)) throw wrongType(name, 'a number or #f', value)
  const x = toDouble(value)
  if (x - x !== 0)
    throw new LetheError('out-of-range', `\`${name}\`: ${written(value)} cannot be added to a table`, 400)
  return x
}

function tableName(name: string, value: Value): string {
  const text = value instanceof Text ? value.text() : value instanceof Sym ? value.name : undefined
  if (text === undefined || text === '' || text.length > MAX_TABLE_NAME) {
    throw wrongType(name, 'the name of a table', value)
  }
  return text
}

/** The effects that go into a cell, by primitive: kind of table, and what their third argument is. */
export const CELL_EFFECTS = {
  'bump!': { kind: TableKind.Counter, method: 'bump', operand: 'amount', fallback: 1 },
  'tick!': { kind: TableKind.Timeline, method: 'tick', operand: 'amount', fallback: 1 },
  'observe!': { kind: TableKind.Histogram, method: 'observe', operand: 'amount', fallback: Number.NaN },
  'gauge!': { kind: TableKind.Gauge, method: 'gauge', operand: 'amount', fallback: Number.NaN },
  'sketch!': { kind: TableKind.Sketch, method: 'sketch', operand: 'text', fallback: Number.NaN },
  'collect!': { kind: TableKind.Set, method: 'collect', operand: 'text', fallback: Number.NaN },
} as const
export type CellEffect = keyof typeof CELL_EFFECTS

function runCellEffect(name: CellEffect) {
  const effect = CELL_EFFECTS[name]
  return (context: Context, table: Value, key: Value, third: Value): Value => {
    const { effects } = hostOf(context, name)
    const index = effects.dynamic(tableName(name, table), effect.kind)
    if (effect.operand === 'amount') {
      const amount = third === undefined ? effect.fallback : amountOf(name, third)
      if (!putText(context, effects, name, key) || Number.isNaN(amount)) return unspecified
      effects[effect.method](index, effects.textStart, effects.textEnd, amount)
      return unspecified
    }
    if (!putText(context, effects, name, key)) return unspecified
    const { textStart, textEnd } = effects
    if (!putText(context, effects, name, third)) return unspecified
    effects[effect.method](index, textStart, textEnd, effects.textStart, effects.textEnd)
    return unspecified
  }
}

// Public on purpose: which users are in a sample must not differ between customers, nodes and restarts.
const SAMPLE_KEY: HashKey = { k0: 0x5a3b1e77, k1: 0x1f83d9ab }

/**
 * True for `rate` of all users, by a hash of the user; of the session or the id where no user is known. What bears none of
 * them is in the sample if `chance` is below the rate.
 */
export function isSampled(batch: EventBatch, event: number, rate: number, chance = 1): boolean {
  let start = 0
  let end = 0
  for (const field of [Field.User, Field.Session, Field.Id]) {
    const at = 2 * (event * Field.Count_ + field)
    start = batch.slices[at]!
    end = batch.slices[at + 1]!
    if (start >= 0) break
  }
  if (start < 0) return rate >= 1 || chance < rate
  hashBytes(SAMPLE_KEY, batch.bytes, start, end)
  return (hash.hi >>> 0) / 0x1_0000_0000 < rate
}

/** Puts the key of `(once! SCOPE KEY)` into the arena; answers the scope's number, or −1 for #f. */
function putOnceKey(context: Context, effects: EffectSink, scope: Value, key: Value): number {
  if (!(scope instanceof Sym)) throw wrongType('once!', 'a symbol', scope)
  const known = SCOPES.indexOf(scope.name)
  if (known >= 0) return putText(context, effects, 'once!', key) ? known : -1
  const text = keyText('once!', key)
  if (text === undefined) return -1
  context.charge(text.length >> 5)
  effects.text(`${scope.name.slice(0, MAX_TABLE_NAME)} ${text.slice(0, MAX_TEXT)}`)
  return OTHER_SCOPE
}

/** Why an event is dropped, as the ledger names it. */
export function noteReason(reason: Value): void {
  const text = keyText('drop!', reason) ?? 'program'
  dropSignal.reason = text.slice(0, MAX_REASON) || 'program'
}

function joinedKey(context: Context, parts: readonly Value[]): Value {
  let joined = ''
  for (let i = 0; i < parts.length; i++) {
    const text = keyText('key', parts[i]!)
    if (text === undefined) return false
    joined += i === 0 ? text : ` ${text}`
    if (joined.length > MAX_TEXT) joined = joined.slice(0, MAX_TEXT)
  }
  context.charge(joined.length >> 5)
  context.allocate(Bytes.Text + joined.length)
  return new Text(joined)
}

function pathOf(names: readonly Value[]): string[] {
  return names.map(name => {
    if (name instanceof Sym) return name.name
    if (name instanceof Text) return name.text()
    throw wrongType('field', 'a symbol', name)
  })
}

const typeSymbols = EVENT_TYPES.map(name => librarySymbols.intern(name))

/** The type of an event as a symbol: `crash`. */
function eventType(host: EventHost): Value {
  return typeSymbols[host.batch.types[host.event]!]!
}

function wantEvent(name: string, value: Value): void {
  if (value !== theEvent) throw wrongType(name, 'the event', value)
}

const reading: PrimitiveDefinition[] = [
  {
    name: 'field',
    signature: '(field EVENT NAME …)',
    doc: 'The field of the event, by the path of names to it: a string, a number, #t, or a list or association list for what is nested; #f where there is none. Integers are exact.',
    example: ["(field e 'user)", '"ada"'],
    arity: [2, Number.POSITIVE_INFINITY],
    spread: (context, args) => {
      wantEvent('field', args[0]!)
      return fieldValue(context, hostOf(context, 'field'), placeOf(pathOf(args.slice(1))))
    },
  },
  {
    name: 'event-type',
    signature: '(event-type EVENT)',
    doc: 'The type of the event as a symbol, for `case`: crash, error, session, event, metric, network or transaction.',
    example: ['(event-type e)', 'event'],
    arity: [1, 1],
    run: (context, event) => {
      wantEvent('event-type', event)
      return eventType(hostOf(context, 'event-type'))
    },
  },
  {
    name: 'key',
    signature: '(key PART PART …)',
    doc: 'The parts joined by spaces, as one key; #f where one of them is #f.',
    example: ['(key "checkout" "success")', '"checkout success"'],
    arity: [1, Number.POSITIVE_INFINITY],
    spread: joinedKey,
    pure: true,
  },
  {
    name: 'sample',
    signature: '(sample RATE)',
    doc: 'True for RATE (0…1) of all users, always the same ones, by a hash of the user; of the session or id where no user is known.',
    example: ['(sample 1)', '#t'],
    arity: [1, 1],
    run: (context, rate) => {
      if (!isNumber(rate)) throw wrongType('sample', 'a number from 0 to 1', rate)
      const { batch, event } = hostOf(context, 'sample')
      return isSampled(batch, event, toDouble(rate))
    },
  },
  {
    name: 'state',
    signature: '(state KEY)',
    doc: 'The symbol that `set-state!` last put under the key, usually a session id; #f where there is none.',
    example: ["(begin (set-state! (field e 'session) 'paid) (state (field e 'session)))", 'paid'],
    arity: [1, 1],
    run: (context, key) => {
      const { effects } = hostOf(context, 'state')
      if (!putText(context, effects, 'state', key)) return false
      const state = effects.getState(effects.textStart, effects.textEnd)
      return state === undefined ? false : context.symbols.intern(state)
    },
  },
]

const writing: PrimitiveDefinition[] = [
  {
    name: 'bump!',
    signature: '(bump! TABLE KEY [N])',
    doc: 'Adds N (1 if left out) to the counter under the key. A key or N of #f leaves the table alone; so for all of these.',
    example: ['(bump! "buyers" (field e \'user))', 'bump buyers [ada] 1'],
    arity: [2, 3],
    run: runCellEffect('bump!'),
  },
  {
    name: 'sketch!',
    signature: '(sketch! TABLE KEY VALUE)',
    doc: 'Adds the value to the sketch under the key, which counts distinct ones.',
    example: ['(sketch! "users/app" (field e \'app) (field e \'user))', 'sketch users/app [1.2] [ada]'],
    arity: [3, 3],
    run: runCellEffect('sketch!'),
  },
  {
    name: 'collect!',
    signature: '(collect! TABLE KEY VALUE)',
    doc: 'Adds the value to the set under the key, which keeps them.',
    example: ['(collect! "apps" "" (field e \'app))', 'collect apps [] [1.2]'],
    arity: [3, 3],
    run: runCellEffect('collect!'),
  },
  {
    name: 'observe!',
    signature: '(observe! TABLE KEY NUMBER)',
    doc: 'Adds an observation to the histogram under the key.',
    example: ['(observe! "cart" "" (field e \'props \'items))', 'observe cart [] 3'],
    arity: [3, 3],
    run: runCellEffect('observe!'),
  },
  {
    name: 'gauge!',
    signature: '(gauge! TABLE KEY NUMBER)',
    doc: 'Sets the gauge under the key.',
    example: ['(gauge! "cart" "" (field e \'props \'items))', 'gauge cart [] 3'],
    arity: [3, 3],
    run: runCellEffect('gauge!'),
  },
  {
    name: 'tick!',
    signature: '(tick! TABLE KEY [N])',
    doc: "Adds N (1 if left out) to the event's minute in the timeline under the key.",
    example: ['(tick! "timeline/buys" "")', 'tick timeline/buys [] 1'],
    arity: [2, 3],
    run: runCellEffect('tick!'),
  },
  {
    name: 'once!',
    signature: '(once! SCOPE KEY)',
    doc: 'True the first time that the key is seen in the scope, a symbol; #f ever after, and for a key of #f. Remembered as long as session states are.',
    example: ["(list (once! 'buyers (field e 'user)) (once! 'buyers (field e 'user)))", '(#t #f)'],
    arity: [2, 2],
    run: (context, scope, key) => {
      const { effects } = hostOf(context, 'once!')
      const number = putOnceKey(context, effects, scope, key)
      return number >= 0 && effects.once(number, effects.textStart, effects.textEnd)
    },
  },
  {
    name: 'note-group!',
    signature: '(note-group! EVENT)',
    doc: "Keeps the title, culprit, platform, times and latest example of the event's crash group, for `groups`. For crashes and errors; nothing happens for others.",
    example: ['(note-group! e)', 'nothing'],
    arity: [1, 1],
    run: (context, event) => {
      wantEvent('note-group!', event)
      const host = hostOf(context, 'note-group!')
      noteGroup(host)
      return unspecified
    },
  },
  {
    name: 'set-state!',
    signature: '(set-state! KEY SYMBOL)',
    doc: 'Remembers a symbol under the key, usually a session id: the state of a finite state machine.',
    example: ["(set-state! (field e 'session) 'paid)", 'state [s1] paid'],
    arity: [2, 2],
    run: (context, key, state) => {
      const { effects } = hostOf(context, 'set-state!')
      if (!(state instanceof Sym)) throw wrongType('set-state!', 'a symbol', state)
      if (!putText(context, effects, 'set-state!', key)) return unspecified
      effects.setState(effects.textStart, effects.textEnd, state.name)
      return unspecified
    },
  },
  {
    name: 'drop!',
    signature: '(drop! REASON)',
    doc: 'Ends the event: nothing of it is kept, and the ledger counts it under the reason.',
    example: ['(drop! "test user")', 'dropped test user'],
    arity: [1, 1],
    run: (context, reason) => {
      hostOf(context, 'drop!')
      noteReason(reason)
      throw dropSignal
    },
  },
  {
    name: 'apply-default',
    signature: '(apply-default EVENT)',
    doc: 'Does what the built-in program does with the event. It can be called, but not passed around.',
    example: ['(apply-default e)', 'bump events [event] 1'],
    arity: [1, 1],
    // program-core.ts puts a call of the built-in program in its place.
    run: () => {
      throw new LetheError('wrong-type', '`apply-default` can only be called, as (apply-default e)', 400)
    },
  },
]

function noteGroup(host: EventHost): void {
  const at = 2 * (host.event * Field.Count_ + Field.Group)
  if (host.batch.slices[at]! >= 0) host.effects.noteGroup(host.event)
}

export const eventPrimitives: readonly PrimitiveGroup[] = [
  { title: 'Programs: the event', primitives: reading },
  { title: 'Programs: what should happen', primitives: writing },
]
