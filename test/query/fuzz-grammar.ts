// Programs made up from a grammar: trees of atoms, so that one that shows a hole can be cut down to the part that does.
//
// Two dialects. `query` is everything: re-entrant continuations, macros, ports, any procedure with any arguments. `both`
// leaves out what may differ between the two back ends for good reason (programs cannot re-enter a continuation, do not
// print, and see no tables), so that their answers must be the same.
import type { Random } from '../../src/core/random.js'
import { dataPrimitives } from '../../src/query/builtins-data.js'
import { documentation } from '../../src/query/documentation.js'

export type Tree = string | readonly Tree[]
export type Dialect = 'query' | 'both'

export const textOf = (tree: Tree): string => (typeof tree === 'string' ? tree : `(${tree.map(textOf).join(' ')})`)

// Names that mean something to JavaScript are names like any other.
const NAMES = ['x', 'y', 'z', 'u', '__proto__', 'constructor', 'toString', 'prototype', 'hasOwnProperty', 'length', '0']
const VARIABLES = NAMES.slice(0, 5)
const ATOMS = [
  ...['0', '1', '-1', '2', '3', '7', '255', '-5', '1073741824', '4294967296', '9007199254740991', '-9007199254740992'],
  ...[
    '123456789012345678901234567890',
    '1/2',
    '-7/3',
    '2.5',
    '-0.0',
    '1e308',
    '1e-308',
    '.1',
    '#xff',
    '#e1.5',
    '#i1/3',
  ],
  ...[
    '#t',
    '#f',
    "'()",
    '"a"',
    '""',
    '"ada"',
    '"1.2"',
    '"héllo 🎈"',
    '"__proto__"',
    '"constructor"',
    '#\\a',
    '#\\space',
  ],
  ...["'sym", "'__proto__", "'constructor", "'valueOf", "'(1 2 3)", "'(a . b)", "'((a . 1) (b . 2))", "'#(1 2 3)"],
]
// Long enough that what is done to them is done in slices.
const LONG = [
  '(iota 5000)',
  '(make-vector 4500 1)',
  '(make-string 20000 #\\a)',
  '(expt 7 13000)',
  '(- (expt 11 12000))',
]
const FIELDS = ["'user", "'app", "'country", "'value", "'tags 'plan", "'tags '__proto__", "'constructor"]

const FLAT = [
  '+',
  '-',
  '*',
  '=',
  '<',
  '<=',
  'cons',
  'eq?',
  'eqv?',
  'equal?',
  'list',
  'quotient',
  'append',
  'max',
  'min',
]

/** What programs do not have, or only the machine that runs queries. */
const NOT_BOTH = new Set(['gensym', 'apply-default', 'display', 'write', 'newline', 'write-char', 'call/cc'])

interface Callable {
  readonly name: string
  readonly fewest: number
  readonly most: number
}

let callables: Record<Dialect, readonly Callable[]> | undefined

/** Every documented procedure, with the number of arguments that its signature names. */
function procedures(dialect: Dialect): readonly Callable[] {
  if (callables === undefined) {
    const tables = new Set(dataPrimitives.map(group => group.title))
    const ofData = (title: string): boolean => tables.has(title) || title.startsWith('Measures')
    const all = documentation().flatMap(({ title, entries }) =>
      entries.map(({ name, signature }) => {
        const words = signature.slice(1, -1).split(/ +/).slice(1)
        const rest = words.includes('...') || words.includes('…')
        const named = words.filter(word => word !== '...' && word !== '…')
        const fewest = named.filter(word => !word.startsWith('[')).length
        const most = rest ? named.length + 2 : named.length
        return { name, fewest: Math.max(0, fewest - (rest ? 1 : 0)), most, ofData: ofData(title) }
      }),
    )
    callables = { query: all, both: all.filter(one => !one.ofData && !NOT_BOTH.has(one.name)) }
  }
  return callables[dialect]
}

export class Grammar {
  constructor(
    private readonly random: Random,
    private readonly dialect: Dialect,
  ) {}

  private below(n: number): number {
    return Math.floor(this.random.fraction() * n)
  }

  private one<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!
  }

  private name(): string {
    return this.one(VARIABLES)
  }

  private leaf(): Tree {
    const kind = this.below(10)
    if (kind < 4) return this.name()
    if (kind === 4 && this.dialect === 'both') return `(field e ${this.one(FIELDS)})`
    return this.below(40) === 0 ? this.one(LONG) : this.one(ATOMS)
  }

  /** An expression, about `depth` deep. */
  expression(depth: number): Tree {
    if (depth <= 0) return this.leaf()
    const kind = this.below(this.dialect === 'query' ? 34 : 25)
    if (kind < 2) return this.leaf()
    const e = (): Tree => this.expression(depth - 1 - this.below(2))
    const n = this.name()
    switch (kind) {
      case 2:
      case 3:
      case 4:
        return [this.one(FLAT), e(), e()]
      case 5:
      case 6:
      case 7:
      case 8:
        return this.anyCall(e)
      case 9:
        return ['if', e(), e(), e()]
      case 10:
        return ['let', [[n, e()]], e()]
      case 11:
        return ['begin', ['set!', n, e()], e()]
      case 12:
        return [
          'let',
          'loop',
          [
            ['i', '0'],
            [n, e()],
          ],
          ['if', '(< i 3)', ['loop', '(+ i 1)', e()], n],
        ]
      case 13:
        return ['map', ['lambda', [n], e()], ['list', e(), '1']]
      case 14:
        return ['let', '()', ['define', ['f', n], e()], ['list', ['f', e()], 'f']]
      case 15:
        return [['lambda', [n, '.', 'rest'], ['cons', e(), 'rest']], e(), '2']
      case 16:
        return ['call/cc', ['lambda', ['k'], ['if', e(), ['k', e()], e()]]]
      case 17:
        return [
          'let',
          [['v', ['vector', e(), e()]]],
          ['vector-set!', 'v', '0', e()],
          ['vector-ref', 'v', this.one(['0', '1', '2'])],
        ]
      case 18:
        return [this.one(['and', 'or']), e(), e()]
      case 19:
        return ['case', e(), ['(1 2 a)', e()], ['(sym #\\a __proto__)', e()], ['else', e()]]
      case 20:
        return ['cond', [e(), '=>', ['lambda', [n], e()]], ['else', e()]]
      case 21:
        return [
          'let*',
          [
            [n, e()],
            [this.name(), e()],
          ],
          e(),
        ]
      case 22:
        return ['force', ['delay', e()]]
      case 23:
        return ['apply', this.one(FLAT), ['list', e(), e()]]
      case 24:
        return ['let', [['h', '(make-hash-table)']], ['hash-set!', 'h', e(), e()], ['hash-ref', 'h', e(), e()]]
      // From here on only in queries.
      case 25:
        return [
          'let',
          '()',
          ['define-syntax', 'm', `(syntax-rules () ((_ a ${n} ...) (list a (let ((${n} a) ...) ${n}) ...)))`],
          ['m', e(), e(), e()],
        ]
      case 26:
        return [
          'letrec',
          [
            ['even', ['lambda', [n], ['if', e(), e(), ['odd', e()]]]],
            ['odd', ['lambda', [n], e()]],
          ],
          ['even', e()],
        ]
      case 27:
        return [
          'let',
          [
            ['k', '#f'],
            ['count', '0'],
          ],
          [
            'let',
            [[n, ['call/cc', '(lambda (c) (set! k c) 1)']]],
            '(set! count (+ count 1))',
            ['if', '(< count 3)', ['k', e()], e()],
          ],
        ]
      case 28:
        return ['dynamic-wind', ['lambda', '()', e()], ['lambda', '()', e()], ['lambda', '()', e()]]
      case 29:
        return [
          'quasiquote',
          [
            n,
            ['unquote', e()],
            ['unquote-splicing', ['list', e(), e()]],
            ['quasiquote', [['unquote', ['unquote', e()]]]],
          ],
        ]
      case 30:
        return [
          'begin',
          [this.one(['display', 'write']), e()],
          ['call-with-output-string', ['lambda', ['p'], ['write', e(), 'p']]],
        ]
      case 31:
        return [
          'sort',
          ['list', e(), e(), e()],
          this.one(['<', '>', 'string<?', '(lambda (a b) #t)', '(lambda (a b) (< a b))']),
        ]
      case 32:
        return [
          'do',
          [
            [n, e(), e()],
            ['i', '0', '(+ i 1)'],
          ],
          ['(= i 4)', e()],
          e(),
        ]
      default:
        return [e(), e()]
    }
  }

  /** A call of any procedure there is: mostly with as many arguments as it wants. */
  private anyCall(e: () => Tree): Tree {
    const { name, fewest, most } = this.one(procedures(this.dialect))
    let count = fewest + this.below(most - fewest + 1)
    if (this.below(12) === 0) count += this.below(3) - 1
    return [name, ...Array.from({ length: Math.max(0, count) }, e)]
  }
}

/** The trees that are `tree` with one part less. */
export function* smaller(tree: Tree): Generator<Tree> {
  if (typeof tree === 'string') {
    if (tree !== '1') yield '1'
    return
  }
  yield '1'
  yield* tree
  for (let i = 0; i < tree.length; i++) {
    for (const part of smaller(tree[i]!)) yield [...tree.slice(0, i), part, ...tree.slice(i + 1)]
    if (tree.length > 1) yield [...tree.slice(0, i), ...tree.slice(i + 1)]
  }
}
