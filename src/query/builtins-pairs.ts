// Pairs and lists. Those that walk a list do the first stretch at once and go on in slices, so that a list of a million is
// no pause and a cyclic one no trap.

import { countOf, pairOf } from './argument.js'
import { sortByBuiltin } from './builtin-order.js'
import { outOfRange, wrongType } from './complaint.js'
import { fixed, sliced, spread } from './define.js'
import { Comparison, equalAtoms, eqv } from './equality.js'
import { add, multiply } from './number.js'
import type { Context, PrimitiveDefinition, PrimitiveGroup, Resumable } from './primitive.js'
import { begin, cyclic, itemsOf, listSlowly, STRETCH, type Steps, stretches } from './slices.js'
import { Bytes, listOf, Pair, unspecified, type Value } from './value.js'

function accessor(path: string): PrimitiveDefinition {
  const name = `c${path}r`
  const steps = [...path].reverse().map(letter => letter === 'a')
  return fixed(
    `(${name} PAIR)`,
    `The ${[...path].map(letter => (letter === 'a' ? 'car' : 'cdr')).join(' of the ')} of PAIR.`,
    (_, value) => {
      let at = value
      for (const first of steps) {
        if (!(at instanceof Pair))
          throw wrongType(name, path.length === 1 ? 'a pair' : 'a deeper list', path.length === 1 ? at : value)
        at = first ? at.car : at.cdr
      }
      return at
    },
  )
}

const paths = ['a', 'd']
for (let i = 0; paths[i]!.length < 4; i++) paths.push(`a${paths[i]}`, `d${paths[i]}`)

function* lengthOf(list: Value, rest: Value, count: number): Resumable {
  let tortoise = rest
  for (; rest instanceof Pair; rest = rest.cdr) {
    if ((++count & 1) !== 0) continue
    if (rest === tortoise) throw cyclic('length')
    tortoise = (tortoise as Pair).cdr
    if ((count & (STRETCH - 1)) === 0) yield STRETCH >> 2
  }
  if (rest !== null) throw wrongType('length', 'a list', list)
  return count
}

type Same = (a: Value, b: Value) => boolean | undefined

/** memq and its kin: the first pair whose car is the same. `same` answers undefined where equal? must look inside. */
function find(name: string, same: Same, wanted: Value, list: Value): Value | Resumable {
  let at = list
  for (let i = 0; i < STRETCH; i++) {
    if (!(at instanceof Pair)) {
      if (at === null) return false
      throw wrongType(name, 'a list', list)
    }
    const found = same(wanted, at.car)
    if (found === true) return at
    if (found === undefined) break
    at = at.cdr
  }
  return findSlowly(name, same, wanted, list, at)
}

function* findSlowly(name: string, same: Same, wanted: Value, list: Value, at: Value): Resumable {
  for (let i = 1; ; i++) {
    if (!(at instanceof Pair)) {
      if (at === null) return false
      throw wrongType(name, 'a list', list)
    }
    if (same(wanted, at.car) ?? (yield* equalSlowly(wanted, at.car))) return at
    at = at.cdr
    if ((i & (STRETCH - 1)) === 0) yield STRETCH >> 1
  }
}

function* equalSlowly(a: Value, b: Value): Generator<number, boolean, void> {
  const comparison = new Comparison(a, b)
  for (;;) {
    const answer = comparison.step(STRETCH)
    if (answer !== undefined) return answer
    yield STRETCH
  }
}

function lookUp(name: string, same: Same, wanted: Value, list: Value): Value | Resumable {
  let at = list
  for (let i = 0; i < STRETCH; i++) {
    if (!(at instanceof Pair)) {
      if (at === null) return false
      throw wrongType(name, 'an association list', list)
    }
    const entry = at.car
    if (!(entry instanceof Pair)) throw wrongType(name, 'a list of pairs', entry)
    const found = same(wanted, entry.car)
    if (found === true) return entry
    if (found === undefined) break
    at = at.cdr
  }
  return lookUpSlowly(name, same, wanted, list, at)
}

function* lookUpSlowly(name: string, same: Same, wanted: Value, list: Value, at: Value): Resumable {
  for (let i = 1; ; i++) {
    if (!(at instanceof Pair)) {
      if (at === null) return false
      throw wrongType(name, 'an association list', list)
    }
    const entry = at.car
    if (!(entry instanceof Pair)) throw wrongType(name, 'a list of pairs', entry)
    if (same(wanted, entry.car) ?? (yield* equalSlowly(wanted, entry.car))) return entry
    at = at.cdr
    if ((i & (STRETCH - 1)) === 0) yield STRETCH >> 1
  }
}

function append(context: Context, args: Value[]): Value {
  if (args.length === 0) return null
  let result: Value = args[args.length - 1]!
  for (let i = args.length - 2; i >= 0; i--) {
    const items = shortList(args[i]!)
    if (items === undefined || args.length > STRETCH) return context.inSlices(appendSlowly(context, args, i, result))
    context.charge(items.length >> 2)
    context.allocate(items.length * Bytes.Pair)
    result = listOf(items, result)
  }
  return result
}

/** The elements of a list of a few; undefined of a longer one and of what is no list. */
function shortList(list: Value): Value[] | undefined {
  const items: Value[] = []
  for (; list instanceof Pair; list = list.cdr) if (items.push(list.car) > STRETCH) return undefined
  return list === null ? items : undefined
}

/** The rest of an `append`: of the first `count` + 1 lists to `result`. */
function* appendSlowly(context: Context, args: readonly Value[], count: number, result: Value): Resumable {
  for (let i = count; i >= 0; i--) {
    const items = yield* itemsOf('append', context, args[i]!)
    result = yield* listSlowly(context, items, 0, result)
    if ((i & 255) === 0) yield 256
  }
  return result
}

function* reverseSlowly(context: Context, list: Value, rest: Value, result: Value): Resumable {
  let tortoise = rest
  for (let count = 1; rest instanceof Pair; rest = rest.cdr, count++) {
    result = new Pair(rest.car, result)
    if ((count & 1) !== 0) continue
    if (rest === tortoise) throw cyclic('reverse')
    tortoise = (tortoise as Pair).cdr
    if ((count & (STRETCH - 1)) !== 0) continue
    context.allocate(STRETCH * Bytes.Pair)
    yield STRETCH >> 1
  }
  if (rest !== null) throw wrongType('reverse', 'a list', list)
  return result
}

/** The number at place `i` of an iota. */
function nth(context: Context, i: number, start: Value | undefined, step: Value | undefined): Value {
  if (step === undefined && (start === undefined || start === 0)) return i
  return add(context, start === undefined ? 0 : start, multiply(context, i, step === undefined ? 1 : step))
}

function* iotaSlowly(context: Context, count: number, start: Value, step: Value): Resumable {
  let result: Value = null
  for (let i = count - 1; i >= 0; i--) {
    result = new Pair(nth(context, i, start, step), result)
    if ((i & (STRETCH - 1)) !== 0) continue
    context.allocate(STRETCH * Bytes.Pair)
    yield STRETCH
  }
  return result
}

const tooShort = (length: number, wanted: number): string =>
  `the list has ${length} element${length === 1 ? '' : 's'}, fewer than ${wanted}`

function* tailOf(procedure: string, list: Value, count: number): Steps<Value> {
  let at = list
  for (let i = 1; i <= count; i++) {
    if (!(at instanceof Pair)) throw outOfRange(procedure, tooShort(i - 1, count))
    at = at.cdr
    if ((i & (STRETCH - 1)) === 0) yield STRETCH >> 2
  }
  return at
}

function tail(context: Context, procedure: string, list: Value, k: Value): Value {
  return begin(context, tailOf(procedure, list, countOf(procedure, k)))
}

function* repeated(context: Context, count: number, item: Value): Resumable {
  let result: Value = null
  yield* stretches(count, (from, to) => {
    context.allocate((to - from) * Bytes.Pair)
    for (let i = from; i < to; i++) result = new Pair(item, result)
  })
  return result
}

function* copyOf(context: Context, list: Value): Resumable {
  return yield* listSlowly(context, yield* itemsOf('list-copy', context, list))
}

function* elementAt(list: Value, k: Value): Resumable {
  const at = yield* tailOf('list-ref', list, countOf('list-ref', k))
  if (!(at instanceof Pair)) throw outOfRange('list-ref', `the list has no element ${k}`)
  return at.car
}

function* takeFrom(context: Context, list: Value, k: Value): Resumable {
  const count = countOf('take', k)
  const items: Value[] = []
  for (let at = list; items.length < count; at = at.cdr) {
    if (!(at instanceof Pair)) throw outOfRange('take', tooShort(items.length, count))
    items.push(at.car)
    if ((items.length & (STRETCH - 1)) !== 0) continue
    context.allocate(STRETCH * Bytes.Slot)
    yield STRETCH >> 1
  }
  return yield* listSlowly(context, items)
}

function* lastPair(list: Value): Resumable {
  let at = pairOf('last-pair', list)
  let tortoise: Value = at
  for (let count = 1; at.cdr instanceof Pair; at = at.cdr, count++) {
    if ((count & 1) !== 0) continue
    if (at === tortoise) throw cyclic('last-pair')
    tortoise = (tortoise as Pair).cdr
    if ((count & (STRETCH - 1)) === 0) yield STRETCH >> 2
  }
  return at
}

export const pairs: PrimitiveGroup = {
  title: 'Pairs and lists',
  primitives: [
    fixed(
      '(cons CAR CDR)',
      'A new pair.',
      (context, a, b) => {
        context.allocate(Bytes.Pair)
        return new Pair(a, b)
      },
      ["(cons 1 '(2))", '(1 2)'],
    ),
    ...paths
      .concat(paths.filter(path => path.length === 3).flatMap(path => [`a${path}`, `d${path}`]))
      .filter((path, i, all) => all.indexOf(path) === i)
      .map(accessor),
    fixed('(set-car! PAIR VALUE)', 'Changes the car of PAIR.', (_, pair, value) => {
      pairOf('set-car!', pair).car = value
      return unspecified
    }),
    fixed('(set-cdr! PAIR VALUE)', 'Changes the cdr of PAIR.', (_, pair, value) => {
      pairOf('set-cdr!', pair).cdr = value
      return unspecified
    }),
    fixed('(pair? VALUE)', '#t if VALUE is a pair.', (_, a) => a instanceof Pair),
    fixed('(null? VALUE)', '#t if VALUE is the empty list.', (_, a) => a === null),
    sliced('(list? VALUE)', '#t if VALUE is a proper list: it ends, and in ().', (_, a) => isList(a), [
      "(list? '(1 . 2))",
      '#f',
    ]),
    spread(
      '(list VALUE ...)',
      'A new list of the VALUEs.',
      (context, args) => {
        if (args.length > STRETCH) return context.inSlices(listSlowly(context, args))
        context.allocate(args.length * Bytes.Pair)
        return listOf(args)
      },
      ['(list 1 2)', '(1 2)'],
    ),
    spread(
      '(cons* VALUE TAIL ...)',
      'A new list of all arguments but the last, ending in the last.',
      (context, args) => {
        const last = args[args.length - 1]!
        if (args.length > STRETCH) return context.inSlices(listSlowly(context, args.slice(0, -1), 0, last))
        context.allocate(args.length * Bytes.Pair)
        return listOf(args.slice(0, -1), last)
      },
      ["(cons* 1 2 '(3))", '(1 2 3)'],
    ),
    fixed('(make-list K [FILL])', 'A list of K times FILL.', (context, k, fill) =>
      begin(context, repeated(context, countOf('make-list', k), fill ?? null)),
    ),
    sliced(
      '(length LIST)',
      'How many elements LIST has.',
      (context, list) => {
        let at = list
        let count = 0
        for (; at instanceof Pair && count < STRETCH; at = at.cdr) count++
        context.charge(count >> 2)
        if (at === null) return count
        if (!(at instanceof Pair)) throw wrongType('length', 'a list', list)
        return lengthOf(list, at, count)
      },
      ["(length '(a b c))", '3'],
    ),
    spread('(append LIST ...)', 'The elements of all LISTs in one; the last is shared.', append, [
      "(append '(1) '(2 3))",
      '(1 2 3)',
    ]),
    spread('(append! LIST ...)', 'As `append`; may reuse the LISTs.', append),
    fixed(
      '(reverse LIST)',
      'LIST, last element first.',
      (context, list) => {
        let result: Value = null
        let at = list
        let count = 0
        for (; at instanceof Pair && count < STRETCH; at = at.cdr, count++) {
          if ((count & 1023) === 0) {
            context.allocate(1024 * Bytes.Pair)
            context.charge(256)
          }
          result = new Pair(at.car, result)
        }
        return at === null ? result : context.inSlices(reverseSlowly(context, list, at, result))
      },
      ["(reverse '(1 2 3))", '(3 2 1)'],
    ),
    fixed('(list-copy LIST)', 'A new list with the same elements.', (context, list) =>
      begin(context, copyOf(context, list)),
    ),
    fixed(
      '(list-tail LIST K)',
      'LIST without its first K elements.',
      (context, list, k) => tail(context, 'list-tail', list, k),
      ["(list-tail '(a b c) 1)", '(b c)'],
    ),
    fixed('(drop LIST K)', 'LIST without its first K elements.', (context, list, k) => tail(context, 'drop', list, k), [
      "(drop '(a b c) 2)",
      '(c)',
    ]),
    fixed(
      '(take LIST K)',
      'The first K elements of LIST.',
      (context, list, k) => begin(context, takeFrom(context, list, k)),
      ["(take '(a b c) 2)", '(a b)'],
    ),
    fixed('(list-ref LIST K)', 'Element K of LIST, from 0.', (context, list, k) => begin(context, elementAt(list, k)), [
      "(list-ref '(a b c) 1)",
      'b',
    ]),
    fixed('(last-pair LIST)', 'The last pair of LIST.', (context, list) => begin(context, lastPair(list))),
    sliced(
      '(memq VALUE LIST)',
      'The rest of LIST from the first element that is `eq?` to VALUE, or #f.',
      (_, a, b) => find('memq', eqv, a, b),
      ["(memq 'c '(a b c d))", '(c d)'],
    ),
    sliced('(memv VALUE LIST)', 'As `memq`, by `eqv?`.', (_, a, b) => find('memv', eqv, a, b), [
      '(memv 2 (list 1 2 3))',
      '(2 3)',
    ]),
    sliced('(%member VALUE LIST)', 'As `memq`, by `equal?`.', (_, a, b) => find('member', equalAtoms, a, b)),
    sliced(
      '(assq KEY ALIST)',
      'The first pair of ALIST whose car is `eq?` to KEY, or #f.',
      (_, a, b) => lookUp('assq', eqv, a, b),
      ["(assq 'b '((a 1) (b 2)))", '(b 2)'],
    ),
    sliced('(assv KEY ALIST)', 'As `assq`, by `eqv?`.', (_, a, b) => lookUp('assv', eqv, a, b), [
      "(assv 2 '((1 one) (2 two)))",
      '(2 two)',
    ]),
    sliced('(%assoc KEY ALIST)', 'As `assq`, by `equal?`.', (_, a, b) => lookUp('assoc', equalAtoms, a, b)),
    sliced(
      '(iota COUNT [START] [STEP])',
      'COUNT numbers from START (0) by STEP (1).',
      (context, k, start, step) => {
        const count = countOf('iota', k)
        if (count > STRETCH) return iotaSlowly(context, count, start, step)
        context.allocate(count * Bytes.Pair)
        context.charge(count)
        let result: Value = null
        for (let i = count - 1; i >= 0; i--) result = new Pair(nth(context, i, start, step), result)
        return result
      },
      ['(iota 3 1)', '(1 2 3)'],
    ),
    sliced('(%sort-by-builtin LIST LESS?)', 'LIST in order, or #f.', sortByBuiltin),
    fixed(
      '(eq? A B)',
      '#t if A and B are the same object; symbols, (), booleans, characters and small integers are if they look the same.',
      (_, a, b) => a === b || (typeof a === 'object' && eqv(a, b) && !isBoxedNumber(a)),
    ),
    fixed('(eqv? A B)', 'As `eq?`, and numbers by value and exactness.', (_, a, b) => eqv(a, b), [
      '(eqv? 2 2.0)',
      '#f',
    ]),
    sliced(
      '(equal? A B)',
      '#t if A and B print alike: pairs, vectors and strings by their contents.',
      (context, a, b) => {
        const quick = equalAtoms(a, b)
        if (quick !== undefined) {
          if (a !== b) context.charge(1)
          return quick
        }
        const comparison = new Comparison(a, b)
        const answer = comparison.step(1000)
        return answer ?? continueComparison(comparison)
      },
      ["(equal? '(1 (2)) (list 1 (list 2)))", '#t'],
    ),
  ],
}

const isBoxedNumber = (value: Value): boolean =>
  value !== null && typeof value === 'object' && 'value' in value && !('note' in value)

function* continueComparison(comparison: Comparison): Resumable {
  for (;;) {
    yield STRETCH
    const answer = comparison.step(STRETCH)
    if (answer !== undefined) return answer
  }
}

function isList(list: Value): Value | Resumable {
  let at = list
  for (let i = 0; i < STRETCH; i++) {
    if (!(at instanceof Pair)) return at === null
    at = at.cdr
  }
  return isListSlowly(list, at)
}

function* isListSlowly(list: Value, rest: Value): Resumable {
  let tortoise = list
  let at = rest
  for (let i = 1; ; i++) {
    if (!(at instanceof Pair)) return at === null
    at = at.cdr
    if (i & 1) tortoise = (tortoise as Pair).cdr
    if (at === tortoise && at !== null) return false
    if ((i & (STRETCH - 1)) === 0) yield STRETCH >> 2
  }
}
