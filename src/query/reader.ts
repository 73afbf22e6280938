// From text to data (R4RS 7.1.2), remembering where each element of a list began: its pair's `note` is −1 − offset.
// Case is kept as written. Beyond the report: `#| … |#`, `#;`, `|odd symbols|`, `\n \t \xHH;` in strings, `#\x41`.

import { LetheError } from '../core/errors.js'
import { parseNumber } from './number-text.js'
import { charNames } from './printer.js'
import { syntaxError } from './source.js'
import { char, endOfFile, Pair, type Sym, type SymbolTable, Text, type Value, Vector } from './value.js'

const isDelimiter = (code: number): boolean =>
  code <= 32 ||
  code === 40 ||
  code === 41 ||
  code === 34 ||
  code === 59 ||
  code === 39 ||
  Number.isNaN(code) ||
  code === 0xa0 ||
  code === 0xfeff

const namesToCodes = new Map(charNames)
const digits = /^[0-9+.-]/
const numberLike = /^[+-]?\.?[0-9]/

class Close {}
class Dot {}
const close = new Close()
const dot = new Dot()

export class Reader {
  at: number
  private depth = 0
  private readonly quoteNames: Readonly<Record<string, Sym>>

  constructor(
    readonly source: string,
    private readonly symbols: SymbolTable,
    private readonly maxDepth: number,
    start = 0,
  ) {
    this.at = start
    this.quoteNames = {
      "'": symbols.intern('quote'),
      '`': symbols.intern('quasiquote'),
      ',': symbols.intern('unquote'),
      ',@': symbols.intern('unquote-splicing'),
    }
  }

  /** The next datum, or `endOfFile`. Throws LetheError syntax-error; its detail `incomplete` says that more text could mend it. */
  read(): Value {
    const start = this.skip()
    const found = this.next(start)
    if (found === close) throw this.error(start, 'a closing parenthesis too many')
    if (found === dot) throw this.error(start, 'a dot outside of a list')
    return found as Value
  }

  /** Where the next datum begins. */
  skip(): number {
    const { source } = this
    for (;;) {
      const code = source.charCodeAt(this.at)
      if (code <= 32 || code === 0xa0 || code === 0xfeff) this.at++
      else if (code === 59) {
        const end = source.indexOf('\n', this.at)
        this.at = end < 0 ? source.length : end + 1
      } else if (code === 35 && source.charCodeAt(this.at + 1) === 124) this.skipBlock()
      else if (code === 35 && source.charCodeAt(this.at + 1) === 59) {
        const start = this.at
        this.at += 2
        if (this.read() === endOfFile) throw this.incomplete(start, 'nothing follows `#;`')
      } else return this.at
    }
  }

  private skipBlock(): void {
    const start = this.at
    let depth = 0
    do {
      const next = this.source.slice(this.at, this.at + 2)
      if (next === '') throw this.incomplete(start, 'a `#|` comment has no end')
      if (next === '#|') depth++
      if (next === '|#') depth--
      this.at += next === '#|' || next === '|#' ? 2 : 1
    } while (depth > 0)
  }

  private next(start: number): Value | Close | Dot {
    const { source } = this
    if (start >= source.length) return endOfFile
    switch (source[start]) {
      case '(':
        this.at++
        return this.list(start)
      case ')':
        this.at++
        return close
      case '[':
      case ']':
      case '{':
      case '}':
        throw this.error(start, `\`${source[start]}\` has no meaning in Scheme; lists take parentheses`)
      case "'":
      case '`':
        this.at++
        return this.quotation(start, source[start]!)
      case ',': {
        const splicing = source[start + 1] === '@'
        this.at += splicing ? 2 : 1
        return this.quotation(start, splicing ? ',@' : ',')
      }
      case '"':
        return this.string(start)
      case '#':
        return this.hash(start)
      default:
        return this.atom(start)
    }
  }

  private enter(start: number): void {
    if (++this.depth > this.maxDepth) throw this.error(start, `nested deeper than ${this.maxDepth}`)
  }

  private quotation(start: number, mark: string): Value {
    this.enter(start)
    const inner = this.skip()
    const datum = this.next(inner)
    if (datum === endOfFile) throw this.incomplete(start, `nothing follows \`${mark}\``)
    if (datum === close || datum === dot) throw this.error(start, `nothing follows \`${mark}\``)
    this.depth--
    const rest = new Pair(datum as Value, null)
    rest.note = -1 - inner
    const pair = new Pair(this.quoteNames[mark]!, rest)
    pair.note = -1 - start
    return pair
  }

  private list(start: number): Value {
    this.enter(start)
    let head: Value = null
    let last: Pair | undefined
    for (;;) {
      const at = this.skip()
      const item = this.next(at)
      if (item === endOfFile) throw this.incomplete(start, 'a parenthesis is not closed')
      if (item === close) break
      if (item === dot) {
        if (last === undefined) throw this.error(at, 'a dot at the beginning of a list')
        last.cdr = this.datumAfterDot(at)
        break
      }
      const pair = new Pair(item as Value, null)
      pair.note = -1 - at
      if (last === undefined) head = pair
      else last.cdr = pair
      last = pair
    }
    this.depth--
    return head
  }

  private datumAfterDot(at: number): Value {
    const start = this.skip()
    const datum = this.next(start)
    if (datum === endOfFile) throw this.incomplete(at, 'a parenthesis is not closed')
    if (datum === close || datum === dot) throw this.error(at, 'nothing follows the dot')
    const after = this.skip()
    if (after >= this.source.length) throw this.incomplete(at, 'a parenthesis is not closed')
    if (this.next(after) !== close) throw this.error(at, 'more than one datum after a dot')
    return datum as Value
  }

  private string(start: number): Value {
    const { source } = this
    let text = ''
    let from = start + 1
    for (let i = from; ; i++) {
      const code = source.charCodeAt(i)
      if (Number.isNaN(code)) throw this.incomplete(start, 'a string is not closed')
      if (code === 34) {
        this.at = i + 1
        return new Text(text + source.slice(from, i))
      }
      if (code !== 92) continue
      text += source.slice(from, i)
      const escaped = source[++i]
      if (escaped === undefined) throw this.incomplete(start, 'a string is not closed')
      const simple = { n: '\n', t: '\t', r: '\r', a: '\u0007', b: '\b', '0': '\0' }[escaped]
      if (simple !== undefined) text += simple
      else if (escaped === '\n' || escaped === ' ' || escaped === '\t') i = this.lineContinuation(i)
      else if (escaped === 'x') {
        const found = /^([0-9a-fA-F]{1,6});/.exec(source.slice(i + 1, i + 8))
        const point = found ? Number.parseInt(found[1]!, 16) : -1
        if (point < 0 || point > 0x10ffff) throw this.error(i - 1, '`\\x` wants hex digits and a semicolon')
        text += String.fromCodePoint(point)
        i += found![0].length
      } else text += escaped
      from = i + 1
    }
  }

  private lineContinuation(i: number): number {
    const found = /^[ \t]*\n[ \t]*/.exec(this.source.slice(i, i + 1000))
    return found ? i + found[0].length - 1 : i
  }

  private hash(start: number): Value {
    const { source } = this
    const second = source[start + 1]
    if (second === '(') {
      this.at += 2
      const items: Value[] = []
      const list = this.list(start)
      let rest: Value = list
      for (; rest instanceof Pair; rest = rest.cdr) items.push(rest.car)
      if (rest !== null) throw this.error(start, 'a dot in a vector')
      return new Vector(items)
    }
    if (second === '\\') return this.character(start)
    const token = this.token(start)
    if (token === '#t' || token === '#true') return true
    if (token === '#f' || token === '#false') return false
    const number = parseNumber(token)
    if (number === undefined) throw this.error(start, `\`${token}\` is no datum`)
    return number
  }

  private character(start: number): Value {
    const first = this.source.codePointAt(start + 2)
    if (first === undefined) throw this.incomplete(start, 'nothing follows `#\\`')
    let end = start + 2 + (first > 0xffff ? 2 : 1)
    while (!isDelimiter(this.source.charCodeAt(end))) end++
    const name = this.source.slice(start + 2, end)
    this.at = end
    if ([...name].length === 1) return char(first)
    if (isDelimiter(first)) {
      this.at = start + 3
      return char(first)
    }
    const named = namesToCodes.get(name.toLowerCase())
    if (named !== undefined) return char(named)
    const point = /^x[0-9a-fA-F]{1,6}$/.test(name) ? Number.parseInt(name.slice(1), 16) : -1
    if (point < 0 || point > 0x10ffff) throw this.error(start, `\`#\\${name}\` is no character`)
    return char(point)
  }

  private token(start: number): string {
    let end = start + 1
    while (!isDelimiter(this.source.charCodeAt(end))) end++
    this.at = end
    return this.source.slice(start, end)
  }

  private atom(start: number): Value | Dot {
    if (this.source[start] === '|') return this.barredSymbol(start)
    const token = this.token(start)
    if (token === '.') return dot
    if (digits.test(token)) {
      const number = parseNumber(token)
      if (number !== undefined) return number
      // `1+` and `-1+` are the names some Schemes give to successor and predecessor; the rest would only surprise.
      if (numberLike.test(token) && token !== '1+' && token !== '-1+' && token !== '1-') {
        throw this.error(start, `\`${token}\` is neither a number nor a name`)
      }
    }
    return this.symbols.intern(token)
  }

  private barredSymbol(start: number): Value {
    let name = ''
    for (let i = start + 1; ; i++) {
      const next = this.source[i]
      if (next === undefined) throw this.incomplete(start, 'a `|` is not closed')
      if (next === '|') {
        this.at = i + 1
        return this.symbols.intern(name)
      }
      name += next === '\\' ? (this.source[++i] ?? '') : next
    }
  }

  private error(at: number, message: string): LetheError {
    return syntaxError(this.source, at, message)
  }

  private incomplete(at: number, message: string): LetheError {
    const error = syntaxError(this.source, at, message)
    return new LetheError(error.code, error.message, error.status, { ...error.details, incomplete: true })
  }
}
