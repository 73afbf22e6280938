// Hash tables, by `equal?`.
//
// A JavaScript Map finds entries, under a key that two Scheme values share exactly if they are `equal?`: numbers and
// symbols stand for themselves, strings and characters get a tag in front (so that "1" is not 1, and no name is special),
// structures are written out, objects without contents by a number of their own.

import { indexOf } from './argument.js'
import { outOfRange, wrongType } from './complaint.js'
import { fixed } from './define.js'
import { type HashEntry, HashTable } from './hash-table.js'
import type { Context, PrimitiveGroup, Resumable } from './primitive.js'
import { Printer } from './printer.js'
import { begin, STRETCH } from './slices.js'
import { Bytes, Char, Flonum, Pair, Procedure, Ratio, Sym, Text, unspecified, type Value, Vector } from './value.js'

const MAX_KEY = 100_000
/** Entries copied between two yields: each takes some 200 ns. */
const COPIED = 1024

const identities = new WeakMap<object, number>()
let lastIdentity = 0

function identityOf(value: object): number {
  let found = identities.get(value)
  if (found === undefined) {
    found = ++lastIdentity
    identities.set(value, found)
  }
  return found
}

function hashKey(context: Context, name: string, value: Value): unknown {
  const key = printedKey(context, name, value)
  return typeof key === 'string' && key.startsWith('l') && key.includes('#<') ? key + identitiesIn(value) : key
}

/** Stands for the value; objects without a written form that look alike share theirs. */
function printedKey(context: Context, name: string, value: Value): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Sym) return value
  if (value instanceof Text) {
    const text = value.text()
    context.charge(text.length >> 3)
    return `s${text}`
  }
  if (value instanceof Char) return `c${value.code}`
  if (value instanceof Flonum) return `f${Object.is(value.value, -0) ? '-0' : value.value}`
  if (value instanceof Ratio) return `r${value.numerator}/${value.denominator}`
  if (!(value instanceof Pair) && !(value instanceof Vector)) return value
  const printer = new Printer(value, false, 'hexadecimal')
  let text = 'l'
  while (!printer.step(256)) {
    text += printer.take()
    context.charge(256)
    if (text.length > MAX_KEY) throw outOfRange(name, `a key is longer than ${MAX_KEY} characters`)
  }
  text += printer.take()
  context.allocate(text.length * 2)
  return text
}

// Objects that print alike need not be equal: their identities are part of the key.
function identitiesIn(value: Value): string {
  const found: number[] = []
  const pending: Value[] = [value]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next instanceof Pair) pending.push(next.cdr, next.car)
    else if (next instanceof Vector) pending.push(...next.items)
    else if (next instanceof Procedure || next instanceof HashTable) found.push(identityOf(next))
  }
  return `|${found.join(',')}`
}

function tableOf(name: string, value: Value): HashTable {
  if (value instanceof HashTable) return value
  throw wrongType(name, 'a hash table', value)
}

/** A list of something of each entry, in the order the keys came. */
function* listing(context: Context, table: HashTable, pick: (entry: HashEntry) => Value, bytes: number): Resumable {
  let first: Pair | null = null
  let last: Pair | undefined
  let count = 0
  for (let entry = table.first; entry !== undefined; entry = entry.next) {
    if ((count++ & (STRETCH - 1)) === 0) {
      if (count > 1) yield STRETCH
      context.allocate(Math.min(STRETCH, table.size - count + 1) * bytes)
    }
    const pair = new Pair(pick(entry), null)
    if (last === undefined) first = pair
    else last.cdr = pair
    last = pair
  }
  return first
}

function* copyOf(context: Context, table: HashTable): Resumable {
  const copy = new HashTable()
  let count = 0
  context.allocate(Bytes.HashTable)
  for (let entry = table.first; entry !== undefined; entry = entry.next) {
    if ((count++ & (COPIED - 1)) === 0) {
      if (count > 1) yield COPIED * 4
      context.allocate(Math.min(COPIED, table.size - count + 1) * Bytes.HashEntry)
    }
    copy.add(entry.mapKey, entry.key, entry.value)
  }
  return copy
}

export const hashTables: PrimitiveGroup = {
  title: 'Hash tables',
  primitives: [
    fixed('(make-hash-table)', 'An empty hash table; keys are compared by `equal?`.', context => {
      context.allocate(Bytes.HashTable)
      return new HashTable()
    }),
    fixed('(hash-table? VALUE)', '#t if VALUE is a hash table.', (_, value) => value instanceof HashTable),
    fixed(
      '(hash-ref TABLE KEY [DEFAULT])',
      'The value under KEY, or DEFAULT (#f).',
      (context, table, key, otherwise) => {
        const entry = tableOf('hash-ref', table).get(hashKey(context, 'hash-ref', key))
        if (entry !== undefined) return entry.value
        return otherwise === undefined ? false : otherwise
      },
      ["(let ((h (make-hash-table))) (hash-set! h 'a 1) (hash-ref h 'a))", '1'],
    ),
    fixed('(hash-set! TABLE KEY VALUE)', 'Puts VALUE under KEY.', (context, table, key, value) => {
      const entries = tableOf('hash-set!', table)
      const mapKey = hashKey(context, 'hash-set!', key)
      const entry = entries.get(mapKey)
      if (entry !== undefined) entry.value = value
      else {
        context.allocate(Bytes.HashEntry)
        context.charge(10)
        entries.add(mapKey, key, value)
      }
      return unspecified
    }),
    fixed('(hash-delete! TABLE KEY)', 'Takes KEY and its value out.', (context, table, key) => {
      tableOf('hash-delete!', table).delete(hashKey(context, 'hash-delete!', key))
      return unspecified
    }),
    fixed(
      '(hash-has? TABLE KEY)',
      '#t if there is a value under KEY.',
      (context, table, key) => tableOf('hash-has?', table).get(hashKey(context, 'hash-has?', key)) !== undefined,
    ),
    fixed('(hash-count TABLE)', 'How many keys TABLE has.', (_, table) => tableOf('hash-count', table).size),
    fixed('(hash-keys TABLE)', 'The keys, in the order they came.', (context, table) =>
      begin(
        context,
        listing(context, tableOf('hash-keys', table), entry => entry.key, Bytes.Pair),
      ),
    ),
    fixed('(hash-values TABLE)', 'The values, in the order their keys came.', (context, table) =>
      begin(
        context,
        listing(context, tableOf('hash-values', table), entry => entry.value, Bytes.Pair),
      ),
    ),
    fixed('(hash->alist TABLE)', '((key . value) …), in the order the keys came.', (context, table) =>
      begin(
        context,
        listing(context, tableOf('hash->alist', table), ({ key, value }) => new Pair(key, value), 2 * Bytes.Pair),
      ),
    ),
    fixed('(hash-clear! TABLE)', 'Takes out everything.', (_, table) => {
      tableOf('hash-clear!', table).clear()
      return unspecified
    }),
    fixed('(hash-copy TABLE)', 'A new table with the same keys and values.', (context, table) =>
      begin(context, copyOf(context, tableOf('hash-copy', table))),
    ),
    fixed(
      '(hash VALUE MODULUS)',
      'A number in [0, MODULUS) that is the same for values that are `equal?`.',
      (context, value, modulus) => {
        const below = indexOf('hash', modulus, 1, 0x7fff_ffff)
        // Without identities, which are another in each process: a program answers the same in a replay.
        const key = printedKey(context, 'hash', value)
        const text = value instanceof Sym ? `y${value.name}` : String(key)
        let hash = 0
        for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
        context.charge(text.length >> 2)
        return (hash >>> 0) % below
      },
    ),
  ],
}
