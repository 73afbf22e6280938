// Characters and symbols.

import { charOf, indexOf, symbolArgument, textOf } from './argument.js'
import { checkLength, newText } from './builtins-strings.js'
import { outOfRange } from './complaint.js'
import { fixed, spread } from './define.js'
import type { Context, PrimitiveDefinition, PrimitiveGroup } from './primitive.js'
import { brief } from './printer.js'
import { leftToRight, pairwise, STRETCH } from './slices.js'
import { compareTexts, orders } from './text-slices.js'
import { Bytes, Char, char, Sym, Text, type Value } from './value.js'

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

function charOrders(ci: boolean): PrimitiveDefinition[] {
  return orders.map(([suffix, doc, holds]) => {
    const name = `char${ci ? '-ci' : ''}${suffix}`
    const codeOf = (value: Value): number => (ci ? foldCode(charOf(name, value).code) : charOf(name, value).code)
    const few = (context: Context, args: Value[]): Value => {
      context.charge(args.length)
      const codes = args.map(codeOf)
      return codes.every((code, i) => i === 0 || holds(codes[i - 1]! - code))
    }
    return spread(`(${name} CHAR OTHER ...)`, `#t if ${doc}${ci ? ', whatever their case' : ''}.`, (context, args) =>
      args.length > STRETCH ? context.inSlices(pairwise(context, args, few)) : few(context, args),
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

function appendSymbols(context: Context, args: Value[]): Value {
  const name = args.map(arg => symbolArgument('symbol-append', arg).name).join('')
  checkLength(context, name.length)
  context.charge(name.length >> 4)
  context.allocate(Bytes.Symbol + name.length * 2)
  return context.symbols.intern(name)
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
  spread('(symbol-append SYMBOL ...)', 'The symbol whose name is all their names in one.', (context, args) =>
    args.length > STRETCH ? context.inSlices(leftToRight(context, args, appendSymbols)) : appendSymbols(context, args),
  ),
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
export const symbolGroup: PrimitiveGroup = { title: 'Symbols', primitives: symbols }
