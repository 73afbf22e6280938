// A customer who invents keys without end costs the node what its limits say, and its own totals stay right. (The same with
// ten million keys and the limits as they are: npm run bench -- density/keys.)
import t from 'tap'
import { type Keys, OneProcess } from './one-process.js'

const LIMIT = 500
const NAMES = 4_000
const PER_REQUEST = 400

const named = (name: string) => ({ type: 'event', name, user: `u${name.length}`, app: '1.0' })

async function invent(node: OneProcess, keys: Keys): Promise<void> {
  for (let first = 0; first < NAMES; first += PER_REQUEST) {
    const events = Array.from({ length: PER_REQUEST }, (_, i) => named(`n${first + i}`))
    if ((await node.send(keys, events)) !== 202) throw new Error('refused')
  }
}

/** Facts that hold before and after a restart: [what, query, value]. */
const FACTS: readonly (readonly [string, string, unknown])[] = [
  ['its events are all counted', '(count "events" "event")', NAMES + 1],
  ['and sum up by name', '(total "event")', NAMES + 1],
  ['keys of a table end at the limit, and (other)', '(length (keys "event"))', LIMIT + 1],
  ['which has the rest', '(count "event" "(other)")', NAMES - LIMIT],
  ['a key that was there first goes on', '(count "event" "n0")', 2],
  ['a name beyond the limit is not there', '(count "event" "n3999")', 0],
  ['sketches by name likewise', '(length (keys "users/event"))', LIMIT + 1],
  ['the users of the rest are counted', '(uniques "users/event" "(other)")', 2],
  ['tables with few keys are as they would be', '(top 9 "users/app")', [['1.0', 4]]],
  ['nothing was dropped', '(cdr (assq (quote dropped) (ledger)))', []],
  ['and all was applied', '(cdr (assq (quote applied) (ledger)))', NAMES + 1],
]

t.test('keys beyond the limit are counted as (other), whatever happens to the process', async t => {
  const data = t.testdir({})
  const limits = { maxKeysPerTable: LIMIT }
  let node = await OneProcess.start(data, limits)
  const greedy = await node.create('greedy')
  const modest = await node.create('modest')
  await invent(node, greedy)
  t.equal(await node.send(greedy, [named('n0')]), 202)
  t.equal(await node.send(modest, [named('mine')]), 202)
  for (const life of ['at once', 'after a restart']) {
    for (const [what, source, value] of FACTS) t.same(await node.value(greedy, source), value, `${what}, ${life}`)
    t.equal(await node.value(modest, '(count "event" "mine")'), 1, `a neighbour has its own keys, ${life}`)
    await node.stop()
    if (life === 'at once') node = await OneProcess.start(data, limits)
  }
})

t.test('texts of 200 characters are kept whole, whatever their script, also after a restart', async t => {
  const data = t.testdir({})
  let node = await OneProcess.start(data, {})
  const keys = await node.create('wide')
  const wide = '語'.repeat(199)
  const event = (last: string) => ({
    type: 'event',
    name: `${wide}${last}`,
    user: `${wide}${last}`,
    app: `${wide}${last}`,
  })
  t.equal(await node.send(keys, [event('一'), event('二'), event('二三')]), 202)
  for (const life of ['at once', 'after a restart']) {
    const texts = [`${wide}一`, `${wide}二`]
    t.same(await node.value(keys, '(sort (members "apps") string<?)'), texts, life)
    t.same(await node.value(keys, '(sort (keys "event") string<?)'), texts, life)
    t.equal(await node.value(keys, `(count "event" "${texts[1]}")`), 2, 'what was longer is cut to it')
    t.equal(await node.value(keys, `(member? "apps" "" "${texts[0]}")`), true)
    t.equal(await node.value(keys, '(uniques "users")'), 2)
    await node.stop()
    if (life === 'at once') node = await OneProcess.start(data, {})
  }
})

t.test('a customer has a limit over all its tables too', async t => {
  const node = await OneProcess.start(t.testdir({}), { maxKeysPerCustomer: LIMIT })
  const keys = await node.create('greedy')
  await invent(node, keys)
  const tables = ['event', 'users/event', 'events', 'users', 'users/app', 'timeline/events']
  let held = 0
  for (const table of tables) {
    const count = (await node.value(keys, `(length (keys "${table}"))`)) as number
    held += count
    if (table === 'event') t.ok(count < LIMIT, 'names share the room with the other tables')
  }
  t.ok(held <= LIMIT + tables.length, `${held} keys in all: each table may have its (other) on top`)
  t.equal(await node.value(keys, '(total "event")'), NAMES)
  t.equal(await node.value(keys, '(count "events" "event")'), NAMES)
  await node.stop()
})
