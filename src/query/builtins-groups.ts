// Crash groups and the ledger, as association lists.

import type { GroupInfo } from '../tables/groups.js'
import type { LedgerDay } from '../tables/ledger.js'
import type { Table } from '../tables/table.js'
import { TableKind } from '../tables/types.js'
import { countValue, sumOf, textValue, unionEstimate } from './builtins-tables.js'
import { wrongType } from './complaint.js'
import { dataOf, daysOf, isVisible, present, type QueryData, retainedDays, sorted } from './data.js'
import { jsonValue } from './event-value.js'
import type { Context, PrimitiveDefinition, PrimitiveGroup, Resumable } from './primitive.js'
import { Bytes, cons, listOf, Text, type Value } from './value.js'

interface Ranked {
  readonly group: GroupInfo
  readonly crashes: number
  readonly count: number
  readonly users: number
}

/** A table that the built-in program keeps; another program may have made something else of the name. */
function ofKind(data: QueryData, name: string, kind: TableKind): Table | undefined {
  const table = data.state.table(name)
  return table?.kind === kind ? table : undefined
}

function* ranked(data: QueryData, group: GroupInfo, days: readonly number[]): Generator<number, Ranked, void> {
  const crashes = sumOf(ofKind(data, 'crashes/group', TableKind.Counter), group.id, days)
  const errors = sumOf(ofKind(data, 'errors/group', TableKind.Counter), group.id, days)
  const sketches = ofKind(data, 'users/group', TableKind.Sketch)
  const row = sketches === undefined ? -1 : sketches.findKeyText(group.id)
  const users = row < 0 ? 0 : yield* unionEstimate(sketches!, days, row)
  yield 20 + 4 * days.length
  return { group, crashes, count: crashes + errors, users }
}

/** Crashes before errors, then by how often, then by how many users, then by id. */
function isWorse(a: Ranked, b: Ranked): boolean {
  if (a.crashes > 0 !== b.crashes > 0) return a.crashes > 0
  if (a.count !== b.count) return a.count > b.count
  if (a.users !== b.users) return a.users > b.users
  return a.group.id < b.group.id
}

function describe(context: Context, { group, count, users }: Ranked): Value[] {
  context.allocate(16 * Bytes.Pair)
  const row = (name: string, value: Value) => cons(context.symbols.intern(name), value)
  return [
    row('id', textValue(context, group.id)),
    row('title', textValue(context, group.title)),
    row('culprit', textValue(context, group.culprit)),
    row('platform', textValue(context, group.platform)),
    row('count', countValue(count)),
    row('users', users),
    row('first', countValue(group.first)),
    row('last', countValue(group.last)),
  ]
}

function* groupsOf(context: Context, data: QueryData, wanted: readonly number[]): Resumable {
  const days = yield* present(data, wanted)
  const found: Ranked[] = []
  for (const group of data.state.groups.list()) {
    const one = yield* ranked(data, group, days)
    if (one.count > 0) found.push(one)
  }
  const worstFirst = yield* sorted(found, isWorse)
  const rows: Value[] = []
  for (const one of worstFirst) {
    rows.push(listOf(describe(context, one)))
    yield 20
  }
  return listOf(rows)
}

function* groupOf(context: Context, data: QueryData, id: string): Resumable {
  const group = data.state.groups.find(id)
  if (group === undefined) return null
  const days = yield* present(data, retainedDays(data))
  const rows = describe(context, yield* ranked(data, group, days))
  const example = group.exampleOf()
  if (example !== undefined) {
    yield 20 + (example.json.length >> 4)
    rows.push(cons(context.symbols.intern('example'), jsonValue(context, JSON.parse(example.json))))
  }
  return listOf(rows)
}

const ALWAYS_NOTED = ['skewed', 'truncated', 'program-error', 'client-lost']

function ledgerOf(context: Context, data: QueryData, days: readonly number[]): Value {
  const found = days
    .filter(day => isVisible(data, day))
    .map(day => data.state.ledger.of(day))
    .filter((day): day is LedgerDay => day !== undefined)
  const sum = (of: (day: LedgerDay) => number) => countValue(found.reduce((total, day) => total + of(day), 0))
  const row = (name: string, value: Value) => {
    context.allocate(2 * Bytes.Pair)
    return cons(context.symbols.intern(name), value)
  }
  const named = (of: (day: LedgerDay) => ReadonlyMap<string, number>, names: readonly string[]): Value => {
    const sums = new Map(names.map(name => [name, 0]))
    for (const day of found) for (const [name, n] of of(day)) sums.set(name, (sums.get(name) ?? 0) + n)
    return listOf([...sums].map(([name, n]) => row(name, countValue(n))))
  }
  context.charge(found.length * 50)
  return listOf([
    row(
      'received',
      sum(day => day.received),
    ),
    row(
      'applied',
      sum(day => day.applied),
    ),
    row(
      'duplicate',
      sum(day => day.duplicates),
    ),
    row(
      'dropped',
      named(day => day.dropped, []),
    ),
    row(
      'noted',
      named(day => day.noted, ALWAYS_NOTED),
    ),
    row(
      'bytes',
      sum(day => day.byteCount),
    ),
  ])
}

const primitives: PrimitiveDefinition[] = [
  {
    name: 'groups',
    signature: '(groups [DAYS])',
    doc: 'The crash and error groups of the days, crashes before errors, worst first: each ((id . s) (title . s) (culprit . s) (platform . s) (count . n) (users . n) (first . ms) (last . ms)).',
    example: ["(map (lambda (g) (cdr (assq 'count g))) (groups))", '(3 1)'],
    arity: [0, 1],
    resumable: (context, days) => {
      const data = dataOf(context, 'groups')
      return groupsOf(context, data, daysOf(context, data, 'groups', days))
    },
  },
  {
    name: 'group',
    signature: '(group ID)',
    doc: 'One group over all days that are kept, with its latest event as (example . …); () where there is no such group.',
    example: ['(group "0000000000000000")', '()'],
    arity: [1, 1],
    resumable: (context, id) => {
      const data = dataOf(context, 'group')
      if (!(id instanceof Text)) throw wrongType('group', 'the id of a group (a string)', id)
      return groupOf(context, data, id.text())
    },
  },
  {
    name: 'ledger',
    signature: '(ledger [DAYS])',
    doc: 'What became of every event received on the days: received = applied + duplicate + all that is under dropped.',
    example: ["(cdr (assq 'duplicate (ledger)))", '0'],
    arity: [0, 1],
    run: (context, days) => {
      const data = dataOf(context, 'ledger')
      return ledgerOf(context, data, daysOf(context, data, 'ledger', days))
    },
  },
]

export const groupPrimitives: PrimitiveGroup = { title: 'Crash groups and the ledger', primitives }
