// Characters, strings, symbols.

import { charOf, countOf, indexOf, listItems, placeIn, rangeOf, symbolArgument, textOf } from './argument.js'
import { outOfRange } from './complaint.js'
import { fixed, spread } from './define.js'
import type { Context, PrimitiveDefinition, PrimitiveGroup } from './primitive.js'
import { brief } from './printer.js'
import { Bytes, Char, char, listOf, Pair, Sym, Text, type Value } from './value.js'

/** A new string; pays for it. */
function newText(context: Context, text: string): Text {
  context.allocate(Bytes.Text + text.length * 2)
  context.charge(text.length >> 4)
  return new Text(text)
}

const foldCode = (code: number): number => simpleCase(simpleCase(code, 'toUpperCase'), 'toLowerCase')

function simpleCase(code: number, way: 'toUpperCase' | 'toLowerCase'): number {
  if (code < 128) {
    if (way === 'toUpperCase') return code >= 97 && code <= 122 ? code - 32 : code
    return code >= 65 && code <= 90 ? code + 32 : code
  }
  if (code >= 0xd800 && code <= 0xdfff) return code
  const text = String.fromCodePoint(code)[way]()
  const changed = text.codePointAt(0)!
  return text.length === (changed > 0xffff ? 2 : 1) ? changed : code
}

const orders: readonly (readonly [string, string, (order: number) => boolean])[] = [
  ['=?', 'all are equal', order => order === 0],
  ['<?', 'each comes before the next', order => order < 0],
  ['>?', 'each comes after the next', order => order > 0],
  ['<=?', 'none comes after the next', order => order <= 0],
  ['>=?', 'none comes before the next', order => order >= 0],
]

function charOrders(ci: boolean): PrimitiveDefinition[] {
  return orders.map(([suffix, doc, holds]) => {
    const name = `char${ci ? '-ci' : ''}${suffix}`
    const codeOf = (value: Value): number => (ci ? foldCode(charOf(name, value).code) : charOf(name, value).code)
    return spread(`(${name} CHAR OTHER ...)`, `#t if ${doc}${ci ? ', whatever their case' : ''}.`, (context, args) => {
      context.charge(args.length)
      const codes = args.map(codeOf)
      return codes.every((code, i) => i === 0 || holds(codes[i - 1]! - code))
    })
  })
}

/** By code points, which JavaScript's `<` is not beyond the BMP. */
function compareTexts(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    if (a.charCodeAt(i) === b.charCodeAt(i)) continue
    const low = i > 0 && (a.charCodeAt(i) & 0xfc00) === 0xdc00 && (b.charCodeAt(i) & 0xfc00) === 0xdc00 ? i - 1 : i
    return a.codePointAt(low)! - b.codePointAt(low)!
  }
  return a.length - b.length
}

function textOrders(ci: boolean): PrimitiveDefinition[] {
  return orders.map(([suffix, doc, holds]) => {
    const name = `string${ci ? '-ci' : ''}${suffix}`
    const stringOf = (context: Context, value: Value): string => {
      const text = textOf(name, value).text()
      context.charge(text.length >> 3)
      return ci ? text.toUpperCase().toLowerCase() : text
    }
    return spread(
      `(${name} STRING OTHER ...)`,
      `#t if ${doc}${ci ? ', whatever their case' : ''}.`,
      (context, args) => {
        const texts = args.map(arg => stringOf(context, arg))
        return texts.every((text, i) => i === 0 || holds(compareTexts(texts[i - 1]!, text)))
      },
    )
  })
}

function charTest(name: string, doc: string, pattern: RegExp): PrimitiveDefinition {
  return fixed(`(${name} CHAR)`, `#t if CHAR is ${doc}.`, (_, value) =>
    pattern.test(String.fromCodePoint(charOf(name, value).code)),
  )
}

const chars: PrimitiveDefinition[] = [
  fixed('(char? VALUE)', '#t if VALUE is a character.', (_, value) => value instanceof Char),
  ...charOrders(false),
  ...charOrders(true),
  charTest('char-alphabetic?', 'a letter', /\p{Alphabetic}/u),
  charTest('char-numeric?', 'a digit', /\p{Nd}/u),
  charTest('char-whitespace?', 'white space', /\s/u),
  charTest('char-upper-case?', 'an upper-case letter', /\p{Uppercase}/u),
  charTest('char-lower-case?', 'a lower-case letter', /\p{Lowercase}/u),
  fixed('(char->integer CHAR)', 'The code point of CHAR.', (_, value) => charOf('char->integer', value).code, [
    '(char->integer #\\A)',
    '65',
  ]),
  fixed(
    '(integer->char N)',
    'The character with code point N.',
    (context, value) => {
      const code = indexOf('integer->char', value, 0, 0x10ffff)
      if (code >= 0xd800 && code <= 0xdfff) throw outOfRange('integer->char', `${code} is half of a surrogate pair`)
      context.allocate(Bytes.Char)
      return char(code)
    },
    ['(integer->char 955)', '#\\λ'],
  ),
  fixed('(char-upcase CHAR)', 'CHAR in upper case.', (_, value) =>
    char(simpleCase(charOf('char-upcase', value).code, 'toUpperCase')),
  ),
  fixed('(char-downcase CHAR)', 'CHAR in lower case.', (_, value) =>
    char(simpleCase(charOf('char-downcase', value).code, 'toLowerCase')),
  ),
]

function joinChars(name: string, context: Context, items: readonly Value[]): Text {
  context.allocate(Bytes.Text + items.length * 4)
  context.charge(items.length >> 1)
  const points = new Uint32Array(items.length)
  items.forEach((item, i) => {
    points[i] = charOf(name, item).code
  })
  return Text.ofPoints(points)
}

function substring(name: string, context: Context, text: Value, start: Value, end: Value): Text {
  const source = textOf(name, text)
  const [from, to] = rangeOf(name, start, end, source.length)
  return newText(context, source.slice(from, to))
}

const strings: PrimitiveDefinition[] = [
  fixed('(string? VALUE)', '#t if VALUE is a string.', (_, value) => value instanceof Text),
  fixed(
    '(make-string K [CHAR])',
    'A string of K times CHAR.',
    (context, k, fill) => {
      const count = countOf('make-string', k)
      context.allocate(Bytes.Text + count * 4)
      context.charge(count >> 2)
      const points = new Uint32Array(count).fill(fill === undefined ? 32 : charOf('make-string', fill).code)
      return Text.ofPoints(points)
    },
    ['(make-string 3 #\\x)', '"xxx"'],
  ),
  spread('(string CHAR ...)', 'A string of the CHARs.', (context, args) => joinChars('string', context, args), [
    '(string #\\a #\\b)',
    '"ab"',
  ]),
  fixed(
    '(string-length STRING)',
    'How many characters STRING has.',
    (_, value) => textOf('string-length', value).length,
    ['(string-length "λx")', '2'],
  ),
  fixed('(string-ref STRING K)', 'Character K of STRING, from 0.', (_, value, k) => {
    const text = textOf('string-ref', value)
    return char(text.at(placeIn('string-ref', 'string', k, text.length)))
  }),
  fixed('(string-set! STRING K CHAR)', 'Changes character K of STRING.', (context, value, k, to) => {
    const text = textOf('string-set!', value)
    const index = placeIn('string-set!', 'string', k, text.length)
    const { code } = charOf('string-set!', to)
    const before = text.byteSize
    text.set(index, code)
    const more = text.byteSize - before
    if (more > 0) {
      context.charge(more >> 3)
      context.allocate(Math.min(more, 32_000))
    }
    return value
  }),
  ...textOrders(false),
  ...textOrders(true),
  fixed(
    '(substring STRING START [END])',
    'The characters of STRING from START to before END.',
    (context, text, start, end) => substring('substring', context, text, start, end),
    ['(substring "hello" 1 3)', '"el"'],
  ),
  spread(
    '(string-append STRING ...)',
    'All STRINGs in one.',
    (context, args) => {
      let length = 0
      for (const arg of args) length += textOf('string-append', arg).byteSize
      context.allocate(Bytes.Text + length)
      context.charge((length >> 4) + args.length)
      return new Text(args.map(arg => (arg as Text).text()).join(''))
    },
    ['(string-append "ab" "c")', '"abc"'],
  ),
  fixed(
    '(string-copy STRING [START] [END])',
    'A new string with the characters of STRING.',
    (context, text, start, end) => substring('string-copy', context, text, start, end),
  ),
  fixed('(string-fill! STRING CHAR)', 'Makes every character of STRING a CHAR.', (context, value, to) => {
    const text = textOf('string-fill!', value)
    context.allocate(text.length * 4)
    context.charge(text.length >> 2)
    text.fill(charOf('string-fill!', to).code)
    return value
  }),
  fixed('(string-null? STRING)', '#t if STRING is empty.', (_, value) => textOf('string-null?', value).text() === ''),
  fixed(
    '(string->list STRING [START] [END])',
    'The characters of STRING.',
    (context, value, start, end) => {
      const text = textOf('string->list', value)
      const [from, to] = rangeOf('string->list', start, end, text.length)
      context.allocate((to - from) * (Bytes.Pair + Bytes.Char))
      context.charge(to - from)
      let result: Value = null
      for (let i = to - 1; i >= from; i--) result = new Pair(char(text.at(i)), result)
      return result
    },
    ['(string->list "ab")', '(#\\a #\\b)'],
  ),
  fixed(
    '(list->string CHARS)',
    'A string of the characters of a list.',
    (context, value) => joinChars('list->string', context, listItems('list->string', context, value)),
    ["(list->string '(#\\a #\\b))", '"ab"'],
  ),
  fixed(
    '(string-upcase STRING)',
    'STRING in upper case.',
    (context, value) => newText(context, textOf('string-upcase', value).text().toUpperCase()),
    ['(string-upcase "abc")', '"ABC"'],
  ),
  fixed('(string-downcase STRING)', 'STRING in lower case.', (context, value) =>
    newText(context, textOf('string-downcase', value).text().toLowerCase()),
  ),
  fixed(
    '(string-trim STRING)',
    'STRING without white space at its ends.',
    (context, value) => newText(context, textOf('string-trim', value).text().trim()),
    ['(string-trim " a b ")', '"a b"'],
  ),
  fixed('(string-reverse STRING)', 'STRING, last character first.', (context, value) =>
    newText(context, [...textOf('string-reverse', value).text()].reverse().join('')),
  ),
  fixed(
    '(string-contains STRING PART)',
    'Where PART first begins in STRING, or #f.',
    (context, a, b) => {
      const text = textOf('string-contains', a).text()
      const part = textOf('string-contains', b).text()
      context.charge(((text.length + part.length) >> 2) + ((text.length * Math.min(part.length, 64)) >> 6))
      const found = text.indexOf(part)
      return found < 0 ? false : [...text.slice(0, found)].length
    },
    ['(string-contains "hello" "ll")', '2'],
  ),
  fixed('(string-index STRING CHAR)', 'Where CHAR first is in STRING, or #f.', (context, a, b) => {
    const text = textOf('string-index', a).text()
    context.charge(text.length >> 2)
    const found = text.indexOf(String.fromCodePoint(charOf('string-index', b).code))
    return found < 0 ? false : [...text.slice(0, found)].length
  }),
  fixed(
    '(string-prefix? PREFIX STRING)',
    '#t if STRING begins with PREFIX.',
    (_, a, b) => textOf('string-prefix?', b).text().startsWith(textOf('string-prefix?', a).text()),
    ['(string-prefix? "he" "hello")', '#t'],
  ),
  fixed('(string-suffix? SUFFIX STRING)', '#t if STRING ends with SUFFIX.', (_, a, b) =>
    textOf('string-suffix?', b).text().endsWith(textOf('string-suffix?', a).text()),
  ),
  fixed(
    '(string-replace STRING PART BY)',
    'STRING with every PART replaced.',
    (context, a, b, c) => {
      const text = textOf('string-replace', a).text()
      const part = textOf('string-replace', b).text()
      if (part === '') throw outOfRange('string-replace', 'nothing cannot be replaced')
      const by = textOf('string-replace', c).text()
      context.charge(text.length)
      const worst = text.length + Math.ceil(text.length / part.length) * Math.max(0, by.length - part.length)
      context.allocate(worst * 2)
      return newText(
        context,
        text.replaceAll(part, () => by),
      )
    },
    ['(string-replace "a-b-c" "-" "+")', '"a+b+c"'],
  ),
  fixed(
    '(string-join STRINGS [BETWEEN])',
    'The STRINGS of a list in one, BETWEEN (a space) between them.',
    (context, list, between) => {
      const items = listItems('string-join', context, list)
      const separator = between === undefined ? ' ' : textOf('string-join', between).text()
      let length = 0
      for (const item of items) length += textOf('string-join', item).byteSize + separator.length * 2
      context.allocate(length)
      context.charge(length >> 4)
      return newText(context, items.map(item => (item as Text).text()).join(separator))
    },
    ['(string-join \'("a" "b") ", ")', '"a, b"'],
  ),
  fixed(
    '(string-split STRING [AT])',
    'The parts of STRING between each AT (a string or character; else white space).',
    (context, value, at) => {
      const text = textOf('string-split', value).text()
      context.charge(text.length)
      context.allocate(text.length * 2)
      const parts = splitText(text, at)
      context.allocate(parts.length * (Bytes.Pair + Bytes.Text))
      return listOf(parts.map(part => new Text(part)))
    },
    ['(string-split "a,b" ",")', '("a" "b")'],
  ),
  fixed(
    '(string-pad-left STRING K [CHAR])',
    'The last K characters of STRING, filled up with CHAR (a space) at the left.',
    (context, value, k, fill) => {
      const text = textOf('string-pad-left', value)
      const width = countOf('string-pad-left', k)
      if (text.length >= width) return substring('string-pad-left', context, text, text.length - width, text.length)
      context.allocate(width * 2)
      return newText(context, padding(fill, width - text.length) + text.text())
    },
    ['(string-pad-left "7" 3)', '"  7"'],
  ),
  fixed(
    '(string-pad-right STRING K [CHAR])',
    'The first K characters of STRING, filled up with CHAR (a space) at the right.',
    (context, value, k, fill) => {
      const text = textOf('string-pad-right', value)
      const width = countOf('string-pad-right', k)
      if (text.length >= width) return substring('string-pad-right', context, text, 0, width)
      context.allocate(width * 2)
      return newText(context, text.text() + padding(fill, width - text.length))
    },
  ),
]

const padding = (fill: Value, count: number): string =>
  (fill === undefined ? ' ' : String.fromCodePoint(charOf('string-pad', fill).code)).repeat(count)

function splitText(text: string, at: Value): string[] {
  if (at === undefined) return text.split(/\s+/).filter(part => part !== '')
  if (at instanceof Char) return text.split(String.fromCodePoint(at.code))
  const separator = textOf('string-split', at).text()
  if (separator === '') return [...text]
  return text.split(separator)
}

const symbols: PrimitiveDefinition[] = [
  fixed('(symbol? VALUE)', '#t if VALUE is a symbol.', (_, value) => value instanceof Sym),
  fixed(
    '(symbol->string SYMBOL)',
    'The name of SYMBOL.',
    (context, value) => newText(context, symbolArgument('symbol->string', value).name),
    ["(symbol->string 'abc)", '"abc"'],
  ),
  fixed(
    '(string->symbol STRING)',
    'The symbol of that name.',
    (context, value) => {
      const name = textOf('string->symbol', value).text()
      const found = context.symbols.find(name)
      if (found !== undefined) return found
      context.allocate(Bytes.Symbol + name.length * 2)
      return context.symbols.intern(name)
    },
    ['(string->symbol "abc")', 'abc'],
  ),
  spread('(symbol-append SYMBOL ...)', 'The symbol whose name is all their names in one.', (context, args) => {
    const name = args.map(arg => symbolArgument('symbol-append', arg).name).join('')
    context.allocate(Bytes.Symbol + name.length * 2)
    return context.symbols.intern(name)
  }),
  fixed(
    '(symbol<? A B)',
    '#t if the name of A comes before that of B.',
    (_, a, b) => compareTexts(symbolArgument('symbol<?', a).name, symbolArgument('symbol<?', b).name) < 0,
  ),
  fixed('(gensym)', 'A symbol that is no other.', context => {
    context.allocate(Bytes.Symbol)
    return context.symbols.unique()
  }),
  fixed(
    '(->string VALUE)',
    'A string as it is, anything else as `write` prints it, cut at 1,000 characters.',
    (context, value) =>
      value instanceof Text
        ? value
        : value instanceof Sym
          ? newText(context, value.name)
          : newText(context, brief(value, 1000)),
    ['(->string 12)', '"12"'],
  ),
]

export const charGroup: PrimitiveGroup = { title: 'Characters', primitives: chars }
export const stringGroup: PrimitiveGroup = { title: 'Strings', primitives: strings }
export const symbolGroup: PrimitiveGroup = { title: 'Symbols', primitives: symbols }
