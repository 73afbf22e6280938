// From a run's outcome to what HTTP answers: JSON, text, CSV (API.md, "HTTP: queries").
//
// A value may be cyclic, deep, or unfold to far more text than it has parts, so writers keep their own stacks, work in
// steps and stop at a bound.

import type { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { Steps } from '../core/steps.js'
import { answerLimit } from './complaint.js'
import { isCyclic } from './cycles.js'
import { HashTable } from './hash-table.js'
import { toDouble } from './number.js'
import { decimal, isLong } from './number-slices.js'
import { brief, Printer } from './printer.js'
import type { Outcome } from './query.js'
import { PIECE } from './text-pieces.js'
import { pieces } from './text-slices.js'
import { Char, Flonum, Opaque, Pair, Ratio, Sym, Text, Unique, type Value, Values, Vector } from './value.js'

const STEPS = 2000

/** Characters of an answer at most: far more than anybody reads, an eighth of what the program itself may hold. */
const lengthLimit = (limits: Limits): number => limits.maxQueryHeapBytes >> 3

/** An answer that gets longer than this is looked through for a cycle, so that one fails soon, and no short one pays. */
const SUSPICIOUS_LENGTH = 100_000

/** Characters of one cell of a table. */
const LONGEST_CELL = 100_000

/** Answers text in the end; yields now and then, so that a long answer is no pause. */
export type Rendering = Steps<string>

/** Text as it grows. Throws LetheError memory-limit where it grows too long, or has no end. */
class Growing {
  private readonly parts: string[] = []
  private length = 0
  private isSuspicious = true

  constructor(
    private readonly value: Value,
    private readonly limit: number,
  ) {}

  add(text: string): void {
    this.length += text.length
    if (this.length > this.limit) throw answerLimit(this.limit)
    this.parts.push(text)
  }

  *pause(): Steps<void> {
    yield
    if (!this.isSuspicious || this.length <= SUSPICIOUS_LENGTH) return
    this.isSuspicious = false
    if (yield* isCyclic(this.value)) throw answerLimit(this.limit)
  }

  text(): string {
    return this.parts.join('')
  }
}

/** The elements of a list, vector or table that are still to be written. */
class Rest {
  first = true
  constructor(readonly next: () => Value | undefined) {}
}

function restOf(value: Value): Rest | undefined {
  if (value instanceof Pair) return new Rest(elementsOf(value))
  if (value instanceof Vector || value instanceof Values) {
    let i = 0
    return new Rest(() => value.items[i++])
  }
  if (!(value instanceof HashTable)) return undefined
  let entry = value.first
  return new Rest(() => {
    const at = entry
    entry = at?.next
    return at && new Pair(at.key, at.value)
  })
}

/** Elements of a list; what follows a dot is the last of them. */
function elementsOf(list: Value): () => Value | undefined {
  let rest = list
  return () => {
    if (rest === null) return undefined
    const at: Value = rest
    rest = at instanceof Pair ? at.cdr : null
    return at instanceof Pair ? at.car : at
  }
}

function* jsonValue(value: Value, limit: number): Rendering {
  const growing = new Growing(value, limit)
  const stack: (Value | Rest)[] = [value]
  let text = ''
  for (let steps = 1; stack.length > 0; steps++) {
    const next = stack.pop()!
    if (next instanceof Rest) text += continueRest(next, stack)
    else {
      const rest = restOf(next)
      if (rest !== undefined) stack.push(rest)
      text += rest !== undefined ? '[' : isLarge(next) ? yield* jsonLarge(next) : jsonAtom(next)
    }
    if (steps % STEPS !== 0 && text.length < PIECE) continue
    growing.add(text)
    text = ''
    yield* growing.pause()
  }
  growing.add(text)
  return growing.text()
}

function continueRest(rest: Rest, stack: (Value | Rest)[]): string {
  const item = rest.next()
  if (item === undefined) return ']'
  const comma = rest.first ? '' : ','
  rest.first = false
  stack.push(rest, item)
  return comma
}

/** Atoms whose text takes a while. */
const isLarge = (value: Value): value is Text | bigint =>
  isLong(value) || (value instanceof Text && value.text().length > PIECE)

function* jsonLarge(value: Text | bigint): Rendering {
  if (value instanceof Text) return yield* jsonString(value.text())
  const digits = decimal(value)
  for (;;) {
    const step = digits.next()
    if (step.done) return `"${step.value}"`
    yield
  }
}

/** A string as JSON, a piece at a time. */
function* jsonString(text: string): Rendering {
  if (text.length <= PIECE) return JSON.stringify(text)
  const parts: string[] = []
  for (const _ of pieces(text, piece => parts.push(JSON.stringify(piece).slice(1, -1)))) yield
  return `"${parts.join('')}"`
}

function jsonAtom(value: Value): string {
  if (value === null) return '[]'
  if (typeof value === 'boolean' || typeof value === 'number') return String(value)
  // ±2^53 is a double, though no safe integer; what is beyond may not be, so it is told as text.
  if (typeof value === 'bigint') return value <= 2n ** 53n && value >= -(2n ** 53n) ? String(value) : `"${value}"`
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
  const growing = new Growing(value, limit)
  while (!printer.step(STEPS)) {
    growing.add(printer.take())
    yield* growing.pause()
  }
  growing.add(printer.take())
  return growing.text()
}

function* csvText(value: Value, limit: number): Rendering {
  const growing = new Growing(value, limit)
  const rows = rowsOf(value)
  let written = 0
  for (let row = rows(); row !== undefined; row = rows()) {
    const cells = rowsOf(row)
    let text = ''
    let count = 0
    for (let cell = cells(); cell !== undefined; cell = cells()) {
      text += count++ === 0 ? csvCell(cell) : `,${csvCell(cell)}`
      if (count % 64 !== 0 && text.length < PIECE) continue
      growing.add(text)
      text = ''
      yield* growing.pause()
    }
    growing.add(`${text}\r\n`)
    if (++written % 64 === 0) yield* growing.pause()
  }
  return growing.text()
}

/** The elements of a list or vector; anything else is its only one. */
function rowsOf(value: Value): () => Value | undefined {
  return value instanceof Vector ? restOf(value)!.next : elementsOf(value)
}

function csvCell(value: Value): string {
  const printer = new Printer(value, true, 'brief')
  let text = ''
  while (!printer.step(1000) && text.length < LONGEST_CELL) text += printer.take()
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
  const limit = lengthLimit(limits)
  const value = yield* jsonValue(outcome.value, limit)
  const written = yield* writtenText(outcome.value, limit)
  const output = outcome.output === '' ? '' : `,"output":${yield* jsonString(outcome.output)}`
  return `{"status":"ok","value":${value},"written":${yield* jsonString(written)}${output},"elapsedMs":${Math.round(elapsedMs * 1000) / 1000},"steps":${outcome.steps}}`
}

export function* renderText(outcome: Outcome, _elapsedMs: number, limits: Limits): Rendering {
  if (!outcome.ok) return errorJson(outcome.error)
  return `${yield* writtenText(outcome.value, lengthLimit(limits))}\n`
}

export function* renderCsv(outcome: Outcome, _elapsedMs: number, limits: Limits): Rendering {
  if (!outcome.ok) return errorJson(outcome.error)
  return yield* csvText(outcome.value, lengthLimit(limits))
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
