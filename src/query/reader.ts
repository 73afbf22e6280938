// From text to data (R4RS 7.1.2), remembering where each element of a list began: its pair's `note` is −1 − offset.
// Case is kept as written. Beyond the report: `#| … |#`, `#;`, `|odd symbols|`, `\n \t \xHH;` in strings, `#\x41`.

import { LetheError } from '../core/errors.js'
import { atOnce, type Steps } from '../core/steps.js'
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

/** Code points, but no halves of surrogate pairs: those are no text that could be answered. */
const isCharacter = (point: number): boolean => point >= 0 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff)

const namesToCodes = new Map(charNames)
/** The report knows no case outside of characters and strings; we know it in names. */
const truths = new Map([
  ['#t', true],
  ['#true', true],
  ['#f', false],
  ['#false', false],
])
const digits = /^[0-9+.-]/
const numberLike = /^[+-]?\.?[0-9]/

/** Tokens between two yields. */
const TOKENS_A_STEP = 1024

class Dot {}
const dot = new Dot()

/** Something that has begun and not ended: a list, a vector, a quotation, a datum to be passed over. */
class Open {
  head: Value = null
  last: Pair | undefined
  /** Where its dot is; −1 = none. */
  dotAt = -1
  /** The datum after the dot has been read. */
  hasTail = false

  constructor(
    readonly kind: 'list' | 'vector' | 'quotation' | 'comment',
    readonly start: number,
    /** As written: `'`, `,@`, `#;`. */
    readonly mark: string,
  ) {}

  add(datum: Value, at: number): void {
    const pair = new Pair(datum, null)
    pair.note = -1 - at
    if (this.last === undefined) this.head = pair
    else this.last.cdr = pair
    this.last = pair
  }
}

export class Reader {
  at: number
  /** Where the datum that was read last begins. */
  start = 0
  private whole: Value = null
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
    return atOnce(this.reading())
  }

  /** As `read`, in steps. What is open stands in a list of our own: nothing here recurses. */
  *reading(): Steps<Value> {
    const open: Open[] = []
    for (let tokens = 1; ; tokens++) {
      if (tokens % TOKENS_A_STEP === 0) yield
      const at = this.skip()
      if (at >= this.source.length) {
        const last = open.pop()
        if (last !== undefined) throw this.unfinished(last)
        this.start = at
        return endOfFile
      }
      if (this.opens(at, open)) continue
      const closed = this.source[at] === ')' ? this.close(at, open.pop()) : undefined
      const datum = closed === undefined ? this.simple(at) : datumOf(closed)
      if (datum === dot) this.dot(at, open.at(-1))
      else if (this.place(datum as Value, closed?.start ?? at, open)) return this.whole
    }
  }

  /** Puts a datum where it belongs; true if it is what was to be read: then it is `whole`. */
  private place(datum: Value, at: number, open: Open[]): boolean {
    for (;;) {
      const inner = open.at(-1)
      if (inner === undefined) {
        this.start = at
        this.whole = datum
        return true
      }
      if (inner.kind === 'comment') {
        open.pop()
        return false
      }
      if (inner.kind !== 'quotation') {
        if (inner.hasTail) throw this.error(inner.dotAt, 'more than one datum after a dot')
        if (inner.dotAt < 0) inner.add(datum, at)
        else {
          inner.last!.cdr = datum
          inner.hasTail = true
        }
        return false
      }
      open.pop()
      inner.add(this.quoteNames[inner.mark]!, inner.start)
      inner.add(datum, at)
      datum = inner.head
      at = inner.start
    }
  }

  /** Takes what begins something greater, if that is what stands here. */
  private opens(at: number, open: Open[]): boolean {
    const { source } = this
    const first = source[at]!
    const second = source[at + 1]
    let made: Open
    if (first === '(') made = new Open('list', at, '(')
    else if (first === "'" || first === '`') made = new Open('quotation', at, first)
    else if (first === ',') made = new Open('quotation', at, second === '@' ? ',@' : ',')
    else if (first === '#' && second === '(') made = new Open('vector', at, '#(')
    else if (first === '#' && second === ';') made = new Open('comment', at, '#;')
    else return false
    this.at += made.mark.length
    if (open.push(made) > this.maxDepth) throw this.error(at, `nested deeper than ${this.maxDepth}`)
    return true
  }

  private close(at: number, inner: Open | undefined): Open {
    if (inner === undefined) throw this.error(at, 'a closing parenthesis too many')
    if (inner.kind === 'quotation' || inner.kind === 'comment')
      throw this.error(inner.start, `nothing follows \`${inner.mark}\``)
    if (inner.dotAt >= 0 && !inner.hasTail) throw this.error(inner.dotAt, 'nothing follows the dot')
    this.at++
    return inner
  }

  private dot(at: number, inner: Open | undefined): void {
    if (inner === undefined) throw this.error(at, 'a dot outside of a list')
    if (inner.kind === 'quotation' || inner.kind === 'comment')
      throw this.error(inner.start, `nothing follows \`${inner.mark}\``)
    if (inner.kind === 'vector') throw this.error(inner.start, 'a dot in a vector')
    if (inner.last === undefined) throw this.error(at, 'a dot at the beginning of a list')
    if (inner.dotAt >= 0)
      throw this.error(inner.dotAt, inner.hasTail ? 'more than one datum after a dot' : 'nothing follows the dot')
    inner.dotAt = at
  }

  private unfinished(inner: Open): LetheError {
    if (inner.kind === 'quotation' || inner.kind === 'comment')
      return this.incomplete(inner.start, `nothing follows \`${inner.mark}\``)
    return this.incomplete(inner.dotAt < 0 ? inner.start : inner.dotAt, 'a parenthesis is not closed')
  }

  /** Passes over white space and comments. */
  private skip(): number {
    const { source } = this
    for (;;) {
      const code = source.charCodeAt(this.at)
      if (code <= 32 || code === 0xa0 || code === 0xfeff) this.at++
      else if (code === 59) {
        const end = source.indexOf('\n', this.at)
        this.at = end < 0 ? source.length : end + 1
      } else if (code === 35 && source.charCodeAt(this.at + 1) === 124) this.skipBlock()
      else return this.at
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

  /** A datum of one token. */
  private simple(start: number): Value | Dot {
    const { source } = this
    switch (source[start]) {
      case '[':
      case ']':
      case '{':
      case '}':
        throw this.error(start, `\`${source[start]}\` has no meaning in Scheme; lists take parentheses`)
      case '"':
        return this.string(start)
      case '#':
        return this.hash(start)
      default:
        return this.atom(start)
    }
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
        if (!found) throw this.error(i - 1, '`\\x` wants hex digits and a semicolon')
        const point = Number.parseInt(found[1]!, 16)
        if (!isCharacter(point)) throw this.error(i - 1, `\`\\x${found[0]}\` is no character`)
        text += String.fromCodePoint(point)
        i += found[0].length
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
    if (second === '\\') return this.character(start)
    const token = this.token(start)
    const truth = truths.get(token.toLowerCase())
    if (truth !== undefined) return truth
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
    if (!isCharacter(point)) throw this.error(start, `\`#\\${name}\` is no character`)
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

function datumOf({ kind, head }: Open): Value {
  if (kind === 'list') return head
  const items: Value[] = []
  for (let rest = head; rest instanceof Pair; rest = rest.cdr) items.push(rest.car)
  return new Vector(items)
}
