// Strings. Those that take time on a long one do it a piece at a time (text-slices.ts).

import { charOf, countOf, placeIn, rangeOf, textOf } from './argument.js'
import { outOfRange, textLimit } from './complaint.js'
import { fixed, spread } from './define.js'
import type { Context, PrimitiveDefinition, PrimitiveGroup, Resumable } from './primitive.js'
import { begin, itemsOf, pairwise, STRETCH, type Steps, stretches } from './slices.js'
import { PIECE } from './text-pieces.js'
import {
  between,
  compareSlowly,
  compareTexts,
  mapped,
  orders,
  pieces,
  placeOfPart,
  pointsBefore,
} from './text-slices.js'
import { Bytes, Char, char, detached, Pair, Text, unspecified, type Value } from './value.js'

/** Throws LetheError memory-limit for a string that would be too long. */
export function checkLength(context: Context, length: number): void {
  if (length > context.limits.maxStringLength) throw textLimit(context.limits.maxStringLength)
}

/** A new string; pays for it. */
export function newText(context: Context, text: string): Text {
  checkLength(context, text.length)
  context.allocate(Bytes.Text + text.length * 2)
  context.charge(text.length >> 6)
  return new Text(text)
}

function textOrders(ci: boolean): PrimitiveDefinition[] {
  return orders.map(([suffix, doc, holds]) => {
    const name = `string${ci ? '-ci' : ''}${suffix}`
    const few = (context: Context, args: Value[]): Value => {
      const texts = args.map(arg => textOf(name, arg).text())
      if (texts.some(text => text.length > PIECE)) return context.inSlices(orderedSlowly(texts, ci, holds))
      const folded = ci ? texts.map(foldCase) : texts
      for (const text of texts) context.charge(text.length >> 3)
      return folded.every((text, i) => i === 0 || holds(compareTexts(folded[i - 1]!, text)))
    }
    return spread(`(${name} STRING OTHER ...)`, `#t if ${doc}${ci ? ', whatever their case' : ''}.`, (context, args) =>
      args.length > STRETCH ? context.inSlices(pairwise(context, args, few)) : few(context, args),
    )
  })
}

const foldCase = (text: string): string => text.toUpperCase().toLowerCase()

function* orderedSlowly(texts: readonly string[], ci: boolean, holds: (order: number) => boolean): Resumable {
  let result = true
  let before: string | undefined
  for (const text of texts) {
    const folded: string = ci ? yield* mapped(text, foldCase) : text
    if (before !== undefined && !holds(yield* compareSlowly(before, folded))) result = false
    before = folded
  }
  return result
}

function* ofChars(name: string, context: Context, items: readonly Value[]): Resumable {
  checkLength(context, items.length)
  context.allocate(Bytes.Text + items.length * 4)
  const points = new Uint32Array(items.length)
  yield* stretches(items.length, (from, to) => {
    for (let i = from; i < to; i++) points[i] = charOf(name, items[i]!).code
  })
  return Text.ofPoints(points)
}

function* ofCharList(context: Context, list: Value): Resumable {
  return yield* ofChars('list->string', context, yield* itemsOf('list->string', context, list))
}

function substring(name: string, context: Context, text: Value, start: Value, end: Value): Text {
  const source = textOf(name, text)
  const [from, to] = rangeOf(name, start, end, source.length)
  return newText(context, source.slice(from, to))
}

function append(context: Context, args: readonly Value[]): Value {
  if (args.length > STRETCH) return context.inSlices(joinedSlowly(context, 'string-append', args, ''))
  let length = 0
  let text = ''
  for (const arg of args) {
    const part = textOf('string-append', arg).text()
    length += part.length
    checkLength(context, length)
    text += part
  }
  context.allocate(Bytes.Text + length * 2)
  context.charge((length >> 6) + args.length)
  return new Text(text)
}

function* joinedSlowly(context: Context, name: string, items: readonly Value[], separator: string): Resumable {
  const parts: string[] = []
  let length = 0
  yield* stretches(items.length, (from, to) => {
    const part = items
      .slice(from, to)
      .map(item => textOf(name, item).text())
      .join(separator)
    length += part.length + separator.length
    checkLength(context, length)
    context.allocate(part.length * 2)
    parts.push(part)
  })
  context.allocate(Bytes.Text)
  return new Text(parts.join(separator))
}

function* joinList(context: Context, list: Value, separator: string): Resumable {
  return yield* joinedSlowly(context, 'string-join', yield* itemsOf('string-join', context, list), separator)
}

function* chars(context: Context, text: Text, start: number, end: number): Resumable {
  let result: Value = null
  yield* stretches(end - start, (from, to) => {
    context.allocate((to - from) * (Bytes.Pair + Bytes.Char))
    for (let i = from; i < to; i++) result = new Pair(char(text.at(end - 1 - i)), result)
  })
  return result
}

/** Every piece changed. */
const changing = (name: string, doc: string, change: (piece: string) => string, example?: readonly [string, string]) =>
  fixed(
    `(${name} STRING)`,
    doc,
    (context, value) => {
      const text = textOf(name, value).text()
      if (text.length <= PIECE) return newText(context, change(text))
      return context.inSlices(changedSlowly(context, text, change))
    },
    example,
  )

function* changedSlowly(context: Context, text: string, change: (piece: string) => string): Resumable {
  return newText(context, yield* mapped(text, change))
}

function* reversed(context: Context, text: string): Resumable {
  const parts: string[] = []
  yield* pieces(text, piece => {
    parts.push([...piece].reverse().join(''))
  })
  return newText(context, parts.reverse().join(''))
}

function* placeOf(text: string, part: string): Resumable {
  const found = yield* placeOfPart(text, part, 0)
  return found < 0 ? false : yield* pointsBefore(text, found)
}

function* replaced(context: Context, text: string, part: string, by: string): Resumable {
  const parts = yield* between(text, part)
  const length = text.length + (parts.length - 1) * (by.length - part.length)
  checkLength(context, length)
  context.allocate(parts.length * Bytes.Slot)
  return newText(context, parts.join(by))
}

function* split(context: Context, text: string, at: Value): Resumable {
  const parts = yield* splitText(text, at)
  let result: Value = null
  yield* stretches(parts.length, (from, to) => {
    for (let i = from; i < to; i++) {
      const part = parts[parts.length - 1 - i]!
      context.allocate(Bytes.Pair + Bytes.Text + part.length * 2)
      result = new Pair(new Text(detached(part, text)), result)
    }
  })
  return result
}

function* splitText(text: string, at: Value): Steps<string[]> {
  if (at === undefined) return yield* words(text)
  const separator = at instanceof Char ? String.fromCodePoint(at.code) : textOf('string-split', at).text()
  if (separator !== '') return yield* between(text, separator)
  const points: string[] = []
  yield* pieces(text, piece => {
    for (const point of piece) points.push(point)
  })
  return points
}

function* words(text: string): Steps<string[]> {
  const found: string[] = []
  const word = /\S+/g
  for (let match = word.exec(text); match !== null; match = word.exec(text)) {
    if (found.push(match[0]) % STRETCH === 0) yield STRETCH
  }
  return found
}

/** STRING with CHAR before or behind it until it has K characters. */
function padded(name: string, context: Context, value: Value, k: Value, fill: Value, left: boolean): Text {
  const text = textOf(name, value)
  const width = countOf(name, k)
  const { length } = text
  if (length >= width) return substring(name, context, text, left ? length - width : 0, left ? length : width)
  checkLength(context, width)
  context.allocate(width * 2)
  const more = (fill === undefined ? ' ' : String.fromCodePoint(charOf(name, fill).code)).repeat(width - length)
  return newText(context, left ? more + text.text() : text.text() + more)
}

const strings: PrimitiveDefinition[] = [
  fixed('(string? VALUE)', '#t if VALUE is a string.', (_, value) => value instanceof Text),
  fixed(
    '(make-string K [CHAR])',
    'A string of K times CHAR.',
    (context, k, fill) => {
      const count = countOf('make-string', k)
      checkLength(context, count)
      const one = fill === undefined ? ' ' : String.fromCodePoint(charOf('make-string', fill).code)
      return newText(context, one.repeat(count))
    },
    ['(make-string 3 #\\x)', '"xxx"'],
  ),
  spread(
    '(string CHAR ...)',
    'A string of the CHARs.',
    (context, args) => begin(context, ofChars('string', context, args)),
    ['(string #\\a #\\b)', '"ab"'],
  ),
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
      context.charge(more >> 6)
      context.allocate(Math.min(more, 32_000))
    }
    return unspecified
  }),
  ...textOrders(false),
  ...textOrders(true),
  fixed(
    '(substring STRING START [END])',
    'The characters of STRING from START to before END.',
    (context, text, start, end) => substring('substring', context, text, start, end),
    ['(substring "hello" 1 3)', '"el"'],
  ),
  spread('(string-append STRING ...)', 'All STRINGs in one.', append, ['(string-append "ab" "c")', '"abc"']),
  fixed(
    '(string-copy STRING [START] [END])',
    'A new string with the characters of STRING.',
    (context, text, start, end) => substring('string-copy', context, text, start, end),
  ),
  fixed('(string-fill! STRING CHAR)', 'Makes every character of STRING a CHAR.', (context, value, to) => {
    const text = textOf('string-fill!', value)
    context.allocate(text.length * 4)
    context.charge(text.length >> 4)
    text.fill(charOf('string-fill!', to).code)
    return unspecified
  }),
  fixed('(string-null? STRING)', '#t if STRING is empty.', (_, value) => textOf('string-null?', value).text() === ''),
  fixed(
    '(string->list STRING [START] [END])',
    'The characters of STRING.',
    (context, value, start, end) => {
      const text = textOf('string->list', value)
      const [from, to] = rangeOf('string->list', start, end, text.length)
      return begin(context, chars(context, text, from, to))
    },
    ['(string->list "ab")', '(#\\a #\\b)'],
  ),
  fixed(
    '(list->string CHARS)',
    'A string of the characters of a list.',
    (context, value) => begin(context, ofCharList(context, value)),
    ["(list->string '(#\\a #\\b))", '"ab"'],
  ),
  changing('string-upcase', 'STRING in upper case.', piece => piece.toUpperCase(), ['(string-upcase "abc")', '"ABC"']),
  changing('string-downcase', 'STRING in lower case.', piece => piece.toLowerCase()),
  fixed(
    '(string-trim STRING)',
    'STRING without white space at its ends.',
    (context, value) => {
      const text = textOf('string-trim', value).text()
      return newText(context, detached(text.trim(), text))
    },
    ['(string-trim " a b ")', '"a b"'],
  ),
  fixed('(string-reverse STRING)', 'STRING, last character first.', (context, value) =>
    begin(context, reversed(context, textOf('string-reverse', value).text())),
  ),
  fixed(
    '(string-contains STRING PART)',
    'Where PART first begins in STRING, or #f.',
    (context, a, b) =>
      begin(context, placeOf(textOf('string-contains', a).text(), textOf('string-contains', b).text())),
    ['(string-contains "hello" "ll")', '2'],
  ),
  fixed('(string-index STRING CHAR)', 'Where CHAR first is in STRING, or #f.', (context, a, b) =>
    begin(context, placeOf(textOf('string-index', a).text(), String.fromCodePoint(charOf('string-index', b).code))),
  ),
  fixed(
    '(string-prefix? PREFIX STRING)',
    '#t if STRING begins with PREFIX.',
    (context, a, b) => {
      const prefix = textOf('string-prefix?', a).text()
      context.charge(prefix.length >> 4)
      return textOf('string-prefix?', b).text().startsWith(prefix)
    },
    ['(string-prefix? "he" "hello")', '#t'],
  ),
  fixed('(string-suffix? SUFFIX STRING)', '#t if STRING ends with SUFFIX.', (context, a, b) => {
    const suffix = textOf('string-suffix?', a).text()
    context.charge(suffix.length >> 4)
    return textOf('string-suffix?', b).text().endsWith(suffix)
  }),
  fixed(
    '(string-replace STRING PART BY)',
    'STRING with every PART replaced.',
    (context, a, b, c) => {
      const [text, part, by] = [a, b, c].map(value => textOf('string-replace', value).text())
      if (part === '') throw outOfRange('string-replace', 'nothing cannot be replaced')
      return begin(context, replaced(context, text!, part!, by!))
    },
    ['(string-replace "a-b-c" "-" "+")', '"a+b+c"'],
  ),
  fixed(
    '(string-join STRINGS [BETWEEN])',
    'The STRINGS of a list in one, BETWEEN (a space) between them.',
    (context, list, separator) =>
      begin(context, joinList(context, list, separator === undefined ? ' ' : textOf('string-join', separator).text())),
    ['(string-join \'("a" "b") ", ")', '"a, b"'],
  ),
  fixed(
    '(string-split STRING [AT])',
    'The parts of STRING between each AT (a string or character; else white space).',
    (context, value, at) => begin(context, split(context, textOf('string-split', value).text(), at)),
    ['(string-split "a,b" ",")', '("a" "b")'],
  ),
  fixed(
    '(string-pad-left STRING K [CHAR])',
    'The last K characters of STRING, filled up with CHAR (a space) at the left.',
    (context, value, k, fill) => padded('string-pad-left', context, value, k, fill, true),
    ['(string-pad-left "7" 3)', '"  7"'],
  ),
  fixed(
    '(string-pad-right STRING K [CHAR])',
    'The first K characters of STRING, filled up with CHAR (a space) at the right.',
    (context, value, k, fill) => padded('string-pad-right', context, value, k, fill, false),
  ),
]

export const stringGroup: PrimitiveGroup = { title: 'Strings', primitives: strings }
