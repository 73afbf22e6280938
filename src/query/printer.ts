// From values to text: `write` and `display`.
//
// Values nest as deep as memory allows, may be cyclic, and a small one may unfold to more text than there are atoms; so the
// printer keeps its own stack, works in steps and its callers bound what it has written.

import { HashTable } from './hash-table.js'
import { numberToString } from './number-print.js'
import { decimal, isLong } from './number-slices.js'
import type { Steps } from './slices.js'
import { PIECE, wholeAt } from './text-pieces.js'
import {
  Char,
  Delayed,
  endOfFile,
  Flonum,
  Opaque,
  Pair,
  Port,
  Procedure,
  Ratio,
  Sym,
  Text,
  Unique,
  type Value,
  Values,
  Vector,
} from './value.js'

/** The rest of a list, whose opening parenthesis has been written. */
class Rest {
  constructor(readonly tail: Value) {}
}

/** The rest of a vector. */
class Items {
  constructor(
    readonly items: readonly Value[],
    readonly from: number,
  ) {}
}

/** The rest of a long string, which is written a piece at a time. */
class Chars {
  constructor(
    readonly text: string,
    readonly from: number,
  ) {}
}

/** A long integer on its way to being text. */
class Digits {
  constructor(readonly steps: Steps<string>) {}
}

// A JavaScript string on the stack is text to be copied: it is never a Scheme value.
type Pending = Value | Rest | Items | Chars | Digits | string

/** What becomes of long integers: their digits, in steps; their hexadecimal digits, at once; or a note that one was there. */
export type LongIntegers = 'decimal' | 'hexadecimal' | 'brief'

/** A piece of the conversion of a long integer counts for so many items. */
const CONVERSION = 512

export const charNames: readonly (readonly [string, number])[] = [
  ['space', 32],
  ['newline', 10],
  ['tab', 9],
  ['return', 13],
  ['nul', 0],
  ['null', 0],
  ['delete', 127],
  ['rubout', 127],
  ['escape', 27],
  ['altmode', 27],
  ['backspace', 8],
  ['alarm', 7],
  ['linefeed', 10],
  ['page', 12],
]

/** Writes a value piece by piece. */
export class Printer {
  private readonly stack: Pending[]
  private parts: string[] = []
  /** Characters written so far. */
  length = 0

  constructor(
    value: Value,
    private readonly display: boolean,
    private readonly longIntegers: LongIntegers = 'decimal',
  ) {
    this.stack = [value]
  }

  /** Writes at most `steps` items; true when all is written. */
  step(steps: number): boolean {
    const stack = this.stack
    while (steps-- > 0) {
      const next = stack.pop()
      if (next === undefined) return true
      if (typeof next === 'string') this.put(next)
      else if (next instanceof Rest) this.rest(next.tail)
      else if (next instanceof Items) this.items(next)
      else if (next instanceof Chars) steps -= this.chars(next)
      else if (next instanceof Digits) steps -= this.digits(next)
      else this.value(next)
    }
    return stack.length === 0
  }

  /** What was written since the last `take`. */
  take(): string {
    const text = this.parts.join('')
    this.parts = []
    return text
  }

  private put(text: string): void {
    this.parts.push(text)
    this.length += text.length
  }

  private value(value: Value): void {
    if (value instanceof Pair) {
      this.put('(')
      this.stack.push(new Rest(value.cdr), value.car)
    } else if (value instanceof Vector) {
      this.put('#(')
      this.stack.push(new Items(value.items, 0))
    } else if (value instanceof Values) {
      for (let i = value.items.length - 1; i >= 0; i--) {
        this.stack.push(value.items[i]!)
        if (i > 0) this.stack.push(' ')
      }
    } else if (value instanceof Text && value.text().length > PIECE) {
      if (!this.display) this.put('"')
      this.stack.push(new Chars(value.text(), 0))
    } else if (isLong(value)) this.longInteger(value)
    else this.put(atomText(value, this.display))
  }

  private longInteger(value: bigint): void {
    if (this.longIntegers === 'decimal') this.stack.push(new Digits(decimal(value)))
    else if (this.longIntegers === 'hexadecimal') this.put(`#x${value.toString(16)}`)
    else this.put('#<a long integer>')
  }

  private digits(digits: Digits): number {
    const { value, done } = digits.steps.next()
    if (done) this.put(value)
    else this.stack.push(digits)
    return CONVERSION
  }

  private chars({ text, from }: Chars): number {
    const end = wholeAt(text, from + PIECE)
    const piece = text.slice(from, end)
    this.put(this.display ? piece : escaped(piece))
    if (end < text.length) this.stack.push(new Chars(text, end))
    else if (!this.display) this.put('"')
    return CONVERSION
  }

  private rest(tail: Value): void {
    if (tail === null) this.put(')')
    else if (tail instanceof Pair) {
      this.put(' ')
      this.stack.push(new Rest(tail.cdr), tail.car)
    } else {
      this.put(' . ')
      this.stack.push(')', tail)
    }
  }

  private items(rest: Items): void {
    if (rest.from === rest.items.length) this.put(')')
    else {
      if (rest.from > 0) this.put(' ')
      this.stack.push(new Items(rest.items, rest.from + 1), rest.items[rest.from]!)
    }
  }
}

function atomText(value: Value, display: boolean): string {
  if (value === null) return '()'
  if (value === true) return '#t'
  if (value === false) return '#f'
  if (typeof value === 'number') return String(value)
  if (typeof value === 'bigint' || value instanceof Flonum || value instanceof Ratio) return numberToString(value, 10)
  if (value instanceof Text) return display ? value.text() : quoted(value.text())
  if (value instanceof Sym) return display ? value.name : symbolText(value.name)
  if (value instanceof Char) return display ? String.fromCodePoint(value.code) : charText(value.code)
  if (value instanceof Procedure) return value.name === '' ? '#<procedure>' : `#<procedure ${value.name}>`
  if (value instanceof HashTable) return `#<hash-table ${value.size}>`
  if (value instanceof Delayed) return '#<promise>'
  if (value instanceof Port) return `#<${value.kind}-port>`
  if (value === endOfFile) return '#<eof>'
  if (value instanceof Unique) return `#<${value.name}>`
  if (value instanceof Opaque) return `#<${value.written}>`
  return '#<object>'
}

const escapes: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r' }

const quoted = (text: string): string => `"${escaped(text)}"`

function escaped(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
    /["\\\u0000-\u001f\u007f]/g,
    found => escapes[found] ?? `\\x${found.charCodeAt(0).toString(16)};`,
  )
}

function charText(code: number): string {
  for (const [name, of] of charNames) if (of === code) return `#\\${name}`
  if (code < 32 || (code >= 0xd800 && code <= 0xdfff)) return `#\\x${code.toString(16)}`
  return `#\\${String.fromCodePoint(code)}`
}

/** True if the reader takes `name` for a symbol as it stands. */
const plain =
  /^(?:[a-zA-Z!$%&*/:<=>?^_~@\u0080-\uffff][a-zA-Z0-9!$%&*/:<=>?^_~+\-.@\u0080-\uffff]*|[+-](?:[a-zA-Z!$%&*/:<=>?^_~+\-@][a-zA-Z0-9!$%&*/:<=>?^_~+\-.@]*)?|\.\.\.)$/

function symbolText(name: string): string {
  if (plain.test(name) && !/^[+-](?:inf|nan)\.0$/.test(name) && !/^[+-]i$/i.test(name)) return name
  return `|${name.replace(/[|\\]/g, found => `\\${found}`)}|`
}

/** The written form, cut to about `limit` characters; for messages. Looks at no more of the value than it writes. */
export function brief(value: Value, limit = 80): string {
  const printer = new Printer(value, false, 'brief')
  let text = ''
  while (!printer.step(8)) {
    text += printer.take()
    if (text.length > limit) break
  }
  text += printer.take()
  return text.length > limit ? `${[...text.slice(0, limit)].join('')}…` : text
}

/** The written form, complete; only for values known to be small (tests, constants of a program). */
export function written(value: Value): string {
  const printer = new Printer(value, false)
  while (!printer.step(1024)) {
    // until all is written
  }
  return printer.take()
}
