// Whether a program does nothing but count what stands in fields, so that many events can be applied at once (tables/field-updates.ts).
//
// Like certain.ts it reads the JavaScript that was emitted: what runs counts. One procedure of lines such as
//
//      if(S[X+18]>=0){if(S[X+4]>=0){E.sketch(4,S[X+18],S[X+19],S[X+4],S[X+5]);}}
//
// and names for fields is such a program. Any other line, and it is none, which costs time and nothing else.

import type { Field } from '../event/batch.js'
import { FieldOperation, type FieldPlan, type FieldUpdate } from '../tables/field-updates.js'

/** Updates of a plan at most: each has rows of its own while a group is applied. */
const MAX_UPDATES = 64

const OPERATIONS: Readonly<Record<string, FieldOperation>> = {
  bump: FieldOperation.Bump,
  sketch: FieldOperation.Sketch,
  collect: FieldOperation.Collect,
}

/** What stands around the updates and does nothing to an event. */
const FRAME =
  /^(?:f0\(\)\{|const [SXE]=[SXE]0(?:,[SXE]=[SXE]0)*;|if\(\(C\.fuel-=\d+\)<0\)C\.outOfFuel\(\);|return k\d+;|\}|)$/
const NAMED = /^const s(\d+)=S\[X\+(\d+)\],e\1=S\[X\+(\d+)\];let m\1;$/
const UPDATE = /^((?:if\([^(){}]+>=0\)\{)*)E\.(bump|sketch|collect)\(([^(){}]+)\);(\}*)$/

/**
 * The plan of a certain program, if it has one. `call` is JavaScript for one event, and `functions` the text of the functions it stands on,
 * a line for each statement, as emit-js.ts makes it.
 */
export function fieldPlanOf(call: string, functions: string): FieldPlan | undefined {
  if (call !== 'f0()' || !functions.startsWith('function ') || functions.split(/^function /m).length !== 2)
    return undefined
  const fields: Field[] = []
  const updates: FieldUpdate[] = []
  const names = new Map<string, string>()
  for (const line of functions.slice('function '.length).split('\n')) {
    const named = NAMED.exec(line)
    if (named !== null) {
      names.set(`s${named[1]}`, `S[X+${named[2]}]`)
      names.set(`e${named[1]}`, `S[X+${named[3]}]`)
    } else if (!FRAME.test(line)) {
      const update = readUpdate(line, names, fields)
      if (update === undefined) return undefined
      updates.push(update)
    }
  }
  const tables = new Set(updates.map(({ table }) => table))
  return tables.size === updates.length && updates.length > 0 && updates.length <= MAX_UPDATES
    ? { fields, updates }
    : undefined
}

function readUpdate(line: string, names: ReadonlyMap<string, string>, fields: Field[]): FieldUpdate | undefined {
  const found = UPDATE.exec(line)
  if (found === null) return undefined
  const [, conditions, method, list, closing] = found
  const resolved = (text: string) => names.get(text) ?? text
  const tests = [...conditions!.matchAll(/if\(([^(){}]+)>=0\)\{/g)].map(([, text]) => resolved(text!))
  if (tests.length !== closing!.length) return undefined
  const [table, ...parts] = list!.split(',').map(resolved)
  const operation = OPERATIONS[method!]!
  const key = placeOf(parts[0], parts[1], fields)
  const value = operation === FieldOperation.Bump ? NONE : placeOf(parts[2], parts[3], fields)
  const amount = operation === FieldOperation.Bump ? Number(parts[2]) : 0
  if (key === undefined || value === undefined || !/^\d+$/.test(table!)) return undefined
  if (operation === FieldOperation.Bump ? !(amount > 0 && Number.isFinite(amount)) : value === NONE) return undefined
  // An update happens where the event has its fields, and nowhere else.
  const wanted = [key, value].filter(place => place !== NONE).map(place => `S[X+${2 * fields[place]!}]`)
  if (wanted.some(test => !tests.includes(test)) || tests.some(test => !wanted.includes(test))) return undefined
  return { operation, table: Number(table), key, value, amount }
}

const NONE = -1

/** Where in `fields` the field is whose slice is (start, end); NONE for the empty text; undefined if it is neither. */
function placeOf(start: string | undefined, end: string | undefined, fields: Field[]): number | undefined {
  if (start === '0' && end === '0') return NONE
  const from = /^S\[X\+(\d+)\]$/.exec(start ?? '')
  if (from === null || end !== `S[X+${Number(from[1]) + 1}]` || Number(from[1]) % 2 !== 0) return undefined
  const field: Field = Number(from[1]) / 2
  if (!fields.includes(field)) fields.push(field)
  return fields.indexOf(field)
}
