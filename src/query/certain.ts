// Whether a program is certain: it can neither fail nor drop an event, so that its effects may happen while it runs.
//
// That is read off the JavaScript that was emitted for it, as a verifier reads bytecode: what runs counts, not what whoever emitted
// it had in mind. All that is known to be harmless is listed here; any other word or call, and the program is not certain,
// which costs time and nothing else. Fuel is the one thing left that could end an event early: without loops and recursion the most
// that one can cost is a sum over the calls, held against the limit.

import { Field } from '../event/batch.js'

/** Programs of more JavaScript than this are not looked at: it is done in one step. */
const MAX_CODE = 32 * 1024

/** Words that do nothing but name and choose: `X` and the like are the event's columns, `s7` and the like are variables. */
const WORD = /^(?:if|else|return|let|const|true|false|undefined|[SNXVTE]0?|[svemtpqk]\d+)$/
/** What may be called, or read of it. */
const ENGINE = new Set(['fuel', 'outOfFuel', 'join', 'joinStart', 'joinEnd'])
const EFFECT = new Set([
  'bump',
  'tick',
  'sketch',
  'collect',
  'observe',
  'gauge',
  'once',
  'noteGroup',
  'text',
  'textStart',
  'textEnd',
])

/** Bytes that a text field may have which is cut: 200 UTF-16 units (limits.maxTextLength) of three bytes at most. */
const FIELD_BYTES = 600
/** Fields that are not cut, as emitted code reads them. */
const UNCUT = new Set([Field.ErrorMessage, Field.ErrorWhere].map(field => `S[X+${2 * field}]`))

/** Signs of operators and blocks; neither texts nor functions as values have a place among them. */
const SIGNS = /^(?!.*=>)[\w\s.,;:?!&|<>=+*()[\]{}-]*$/s

interface Cost {
  readonly fuel: number
  readonly joins: number
}

interface EmittedFunction extends Cost {
  readonly calls: readonly string[]
}

/**
 * Whether `call`, JavaScript for one event, can only return: whatever the event holds, within `steps` of fuel. `functions` is the text
 * of the functions it stands on, a line for each statement, as emit-js.ts makes it.
 */
export function isCertain(call: string, functions: string, steps: number): boolean {
  if (functions.length > MAX_CODE) return false
  const main = read(call)
  const known = new Map<string, EmittedFunction>()
  for (const text of functions.split(/^function /m).slice(1)) {
    const head = /^(f\d+)\((?:[pq]\d+,?)*\)\{$/m.exec(text)
    // What stands behind a function within a function would be taken for a part of the inner one.
    const found = head === null || !isWhole(text) ? undefined : read(text.slice(head[0].length))
    if (found === undefined) return false
    known.set(head![1]!, found)
  }
  const total = main === undefined ? undefined : totalOf(main, known, new Map())
  if (total === undefined) return false
  if (total.joins > 0 && [...UNCUT].some(field => functions.includes(field))) return false
  // A text may be joined of all others.
  const joined = total.joins * (((total.joins + 1) * (FIELD_BYTES + 1)) >> 5)
  return total.fuel + joined <= steps
}

/** What a function costs by itself, and whom it calls; undefined where something in it is not known to be harmless. */
function read(text: string): EmittedFunction | undefined {
  if (!SIGNS.test(text)) return undefined
  let fuel = 0
  let joins = 0
  const calls: string[] = []
  for (const [, charge] of text.matchAll(/\bC\.fuel-=(\d+)/g)) fuel += Number(charge)
  for (const [, object, name, called] of text.matchAll(/(?:\b([A-Z])\.)?\b([A-Za-z_$][\w$]*)\b(\()?/g)) {
    if (object === 'C' && ENGINE.has(name!)) joins += name === 'join' ? 1 : 0
    else if (object === undefined && called !== undefined && /^f\d+$/.test(name!)) calls.push(name!)
    else if (!(object === 'E' && EFFECT.has(name!)) && !isHarmless(object, name!, called)) return undefined
  }
  return { fuel, joins, calls }
}

const isWhole = (text: string): boolean => text.split('{').length === text.split('}').length

function isHarmless(object: string | undefined, name: string, called: string | undefined): boolean {
  if (object !== undefined) return false
  return called === undefined ? WORD.test(name) : name === 'same' || name === 'if'
}

/** The most that a function and all that it calls can cost; undefined where one may come back to itself. `totals`: null while it is added up. */
function totalOf(
  fn: EmittedFunction,
  known: ReadonlyMap<string, EmittedFunction>,
  totals: Map<string, Cost | null>,
): Cost | undefined {
  let { fuel, joins } = fn
  for (const name of fn.calls) {
    let total = totals.get(name)
    if (total === undefined) {
      const callee = known.get(name)
      totals.set(name, null)
      total = callee && totalOf(callee, known, totals)
      if (total) totals.set(name, total)
    }
    if (!total) return undefined
    fuel += total.fuel
    joins += total.joins
  }
  return { fuel, joins }
}
