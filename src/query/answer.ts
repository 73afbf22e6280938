// From a run's outcome to what HTTP answers: JSON, text, CSV (API.md, "HTTP: queries").
//
// A value may be cyclic, deep, or unfold to far more text than it has parts, so writers keep their own stacks, work in
// steps and stop at a bound.

import type { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { memoryLimit } from './complaint.js'
import { HashTable } from './hash-table.js'
import { toDouble } from './number.js'
import { brief, Printer } from './printer.js'
import type { Outcome } from './query.js'
import { Char, Flonum, Opaque, Pair, Ratio, Sym, Text, Unique, type Value, Values, Vector } from './value.js'

/** A list or vector half written. */
class Rest {
  first = true
  constructor(
    public tail: Value,
    readonly items: readonly Value[] | undefined,
  ) {}
}

const STEPS = 2000

/** Characters of an answer at most: far more than anybody reads, an eighth of what the program itself may hold. */
const answerLimit = (limits: Limits): number => limits.maxQueryHeapBytes >> 3

/** An answer that gets longer than this is looked through for a cycle, so that one fails soon, and no short one pays. */
const SUSPICIOUS_LENGTH = 100_000

const partsOf = (value: Value): readonly Value[] | undefined => {
  if (value instanceof Pair) return [value.cdr, value.car]
  if (value instanceof Vector || value instanceof Values) return value.items
  if (value instanceof HashTable) return [...value.entries()].flatMap(entry => [entry.key, entry.value])
  return undefined
}

/** Throws LetheError memory-limit where a value contains itself. */
function* refuseCycles(value: Value, limit: number): Generator<void, void, void> {
  const above = new Set<Value>()
  const through = new Set<Value>()
  // A place that is left once all its parts have been is marked by `undefined` before it.
  const stack: (Value | undefined)[] = [value]
  for (let steps = 1; stack.length > 0; steps++) {
    if (steps % STEPS === 0) yield
    const next = stack.pop()
    if (next === undefined) {
      const left = stack.pop()!
      above.delete(left)
      through.add(left)
      continue
    }
    const parts = partsOf(next)
    if (parts === undefined || through.has(next)) continue
    if (above.has(next)) throw memoryLimit(limit)
    above.add(next)
    stack.push(next, undefined)
    for (const part of parts) stack.push(part)
  }
}

/** Answers text in the end; yields now and then, so that a long answer is no pause. */
export type Rendering = Generator<void, string, void>

function* jsonValue(value: Value, limit: number): Rendering {
  const parts: string[] = []
  const stack: (Value | Rest)[] = [value]
  let length = 0
  let isSuspicious = true
  let text = ''
  for (let steps = 1; stack.length > 0; steps++) {
    const next = stack.pop()!
    if (next instanceof Rest) text += continueRest(next, stack)
    else if (next instanceof Pair) {
      text += '['
      stack.push(new Rest(next, undefined))
    } else if (next instanceof Vector || next instanceof Values) {
      text += '['
      stack.push(new Rest(null, next.items))
    } else if (next instanceof HashTable) {
      text += '['
      stack.push(
        new Rest(
          null,
          [...next.entries()].map(entry => new Pair(entry.key, entry.value)),
        ),
      )
    } else text += jsonAtom(next)
    if (steps % STEPS === 0) {
      length += text.length
      if (length > limit) throw memoryLimit(limit)
      parts.push(text)
      text = ''
      yield
      if (isSuspicious && length > SUSPICIOUS_LENGTH) {
        isSuspicious = false
        yield* refuseCycles(value, limit)
      }
    }
  }
  if (length + text.length > limit) throw memoryLimit(limit)
  parts.push(text)
  return parts.join('')
}

function continueRest(rest: Rest, stack: (Value | Rest)[]): string {
  const comma = rest.first ? '' : ','
  rest.first = false
  if (rest.items !== undefined) {
    const index = rest.tail === null ? 0 : (rest.tail as number)
    if (index === rest.items.length) return ']'
    rest.tail = index + 1
    stack.push(rest, rest.items[index]!)
    return comma
  }
  const { tail } = rest
  if (tail === null) return ']'
  if (tail instanceof Pair) {
    rest.tail = tail.cdr
    stack.push(rest, tail.car)
  } else {
    rest.tail = null
    stack.push(rest, tail)
  }
  return comma
}

function jsonAtom(value: Value): string {
  if (value === null) return '[]'
  if (typeof value === 'boolean' || typeof value === 'number') return String(value)
  if (typeof value === 'bigint') return `"${value}"`
  if (value instanceof Flonum) return Number.isFinite(value.value) ? JSON.stringify(value.value) : 'null'
  if (value instanceof Ratio) return jsonAtom(new Flonum(toDouble(value)))
  if (value instanceof Text) return JSON.stringify(value.text())
  if (value instanceof Sym) return JSON.stringify(value.name)
  if (value instanceof Char) return JSON.stringify(String.fromCodePoint(value.code))
  if (value instanceof Unique) return 'null'
  if (value instanceof Opaque) return JSON.stringify(value.toJson())
  return JSON.stringify(brief(value))
}

function* writtenText(value: Value, limit: number): Rendering {
  const printer = new Printer(value, false)
  const parts: string[] = []
  let isSuspicious = true
  while (!printer.step(STEPS)) {
    if (printer.length > limit) throw memoryLimit(limit)
    parts.push(printer.take())
    yield
    if (isSuspicious && printer.length > SUSPICIOUS_LENGTH) {
      isSuspicious = false
      yield* refuseCycles(value, limit)
    }
  }
  if (printer.length > limit) throw memoryLimit(limit)
  parts.push(printer.take())
  return parts.join('')
}

function* csvText(value: Value, limit: number): Rendering {
  const parts: string[] = []
  let length = 0
  let rest: Value = value instanceof Vector ? listFrom(value.items) : value
  let rows = 0
  const add = (row: string): void => {
    parts.push(row)
    length += row.length + 2
    if (length > limit) throw memoryLimit(limit)
  }
  for (; rest instanceof Pair; rest = rest.cdr) {
    add(csvRow(rest.car, limit))
    if (++rows % 200 === 0) yield
  }
  if (rest !== null) add(csvRow(rest, limit))
  return parts.map(row => `${row}\r\n`).join('')
}

function listFrom(items: readonly Value[]): Value {
  return items.reduceRight<Value>((rest, item) => new Pair(item, rest), null)
}

function csvRow(row: Value, limit: number): string {
  const cells: string[] = []
  let length = 0
  let rest: Value = row instanceof Vector ? listFrom(row.items) : row
  for (; rest instanceof Pair; rest = rest.cdr) {
    const cell = csvCell(rest.car)
    length += cell.length
    if (length > limit) throw memoryLimit(limit)
    cells.push(cell)
  }
  if (rest !== null) cells.push(csvCell(rest))
  return cells.join(',')
}

function csvCell(value: Value): string {
  const printer = new Printer(value, true)
  let text = ''
  while (!printer.step(1000) && text.length < 100_000) text += printer.take()
  text += printer.take()
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** The body for an error, of a query or of its answer. */
function errorJson(error: LetheError): string {
  const { line, column, expression, backtrace } = error.details
  return JSON.stringify({
    status: 'error',
    code: error.code,
    message: error.message,
    line,
    column,
    expression,
    backtrace,
  })
}

/** JSON, in slices. Throws LetheError memory-limit where the value is cyclic or unfolds too far. */
export function* renderJson(outcome: Outcome, elapsedMs: number, limits: Limits): Rendering {
  if (!outcome.ok) return errorJson(outcome.error)
  const limit = answerLimit(limits)
  const value = yield* jsonValue(outcome.value, limit)
  const written = yield* writtenText(outcome.value, limit)
  const output = outcome.output === '' ? '' : `,"output":${JSON.stringify(outcome.output)}`
  return `{"status":"ok","value":${value},"written":${JSON.stringify(written)}${output},"elapsedMs":${Math.round(elapsedMs * 1000) / 1000},"steps":${outcome.steps}}`
}

export function* renderText(outcome: Outcome, _elapsedMs: number, limits: Limits): Rendering {
  if (!outcome.ok) return errorJson(outcome.error)
  return `${yield* writtenText(outcome.value, answerLimit(limits))}\n`
}

export function* renderCsv(outcome: Outcome, _elapsedMs: number, limits: Limits): Rendering {
  if (!outcome.ok) return errorJson(outcome.error)
  return yield* csvText(outcome.value, answerLimit(limits))
}

function atOnce(rendering: Rendering): string {
  for (;;) {
    const { value, done } = rendering.next()
    if (done) return value
  }
}

export const answerJson = (outcome: Outcome, elapsedMs: number, limits: Limits): string =>
  atOnce(renderJson(outcome, elapsedMs, limits))
export const answerText = (outcome: Outcome, elapsedMs: number, limits: Limits): string =>
  atOnce(renderText(outcome, elapsedMs, limits))
export const answerCsv = (outcome: Outcome, elapsedMs: number, limits: Limits): string =>
  atOnce(renderCsv(outcome, elapsedMs, limits))
