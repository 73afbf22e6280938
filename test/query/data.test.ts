// Reading: the defaults of the contract, days, kinds, merging, and scans in slices. The examples of the documentation are run
// elsewhere; here are the corners.
import t from 'tap'
import { defaultLimits } from '../../src/core/limits.js'
import type { QueryData } from '../../src/query/data.js'
import { written } from '../../src/query/printer.js'
import { compileQuery, QueryRun } from '../../src/query/query.js'
import { applyEvents, ask, dataOn, emptyCustomer, TODAY, world } from './world.js'

t.test('where there is no data, counts are 0, lists empty, ratios 1.0 and the rest #f', async t => {
  const empty = dataOn(emptyCustomer())
  const answers: Record<string, string> = {
    '(tables)': '()',
    '(keys "x")': '()',
    '(count "x")': '0',
    '(total "x")': '0',
    '(top 3 "x")': '()',
    '(map cdr (series "x" (last 2)))': '(0 0)',
    '(members "x")': '()',
    '(member? "x" "" "y")': '#f',
    '(uniques "x")': '0',
    '(sketch-count (sketch "x"))': '0',
    '(quantile "x" "" 0.5)': '#f',
    '(list (mean "x") (minimum "x") (maximum "x") (observations "x"))': '(#f #f #f 0)',
    '(gauge "x")': '()',
    '(timeline "x")': '()',
    '(groups)': '()',
    '(group "x")': '()',
    '(ledger)':
      '((received . 0) (applied . 0) (duplicate . 0) (dropped) (noted (skewed . 0) (truncated . 0) (program-error . 0) (client-lost . 0)) (bytes . 0))',
    '(list (crash-free-users) (crash-free-sessions (last 7)))': '(1.0 1.0)',
    '(list (stickiness) (adoption) (top-crashes 3) (regressions "1" 3))': '(1.0 () () ())',
    '(change "crashes")': '((now . 0) (before . 0) (change . #f))',
  }
  for (const [query, answer] of Object.entries(answers)) t.equal(ask(query, empty), answer, query)
})

t.test('a table of another kind is wrong-type', async t => {
  t.equal(ask('(count "users")'), 'wrong-type: `count` wanted a counter, and users is a sketch')
  t.equal(ask('(uniques "crashes")'), 'wrong-type: `uniques` wanted a sketch, and crashes is a counter')
  t.match(ask('(top 3 "apps")'), /^wrong-type: `top` wanted a counter or a sketch/)
  t.match(ask('(timeline "crashes")'), /^wrong-type/)
  t.match(ask('(count 5)'), /^wrong-type/)
})

t.test('a number or a list in the place of the key is the days', async t => {
  t.equal(
    ask(
      '(list (count "crashes") (count "crashes" "") (count "crashes" (today)) (count "crashes" "" (last 3)) (count "crashes" (last 3)))',
    ),
    '(4 4 4 7 7)',
  )
  t.equal(ask('(list (count "crashes" (days-ago 1)) (count "crashes/app" "1.1" (days-ago 1)))'), '(2 2)')
  t.equal(ask('(count "crashes" (list (today) (today)))'), '4', 'a day that is named twice counts once')
  t.match(ask('(count "crashes" (today) (today))'), /^wrong-type/)
  t.match(ask('(count "crashes" "" "yesterday")'), /^wrong-type/)
  t.match(ask(`(count "crashes" '(1 x))`), /^wrong-type/)
  t.match(ask(`(count "crashes" (cons 1 2))`), /^wrong-type/)
})

t.test('days outside the retention read as empty', async t => {
  const state = emptyCustomer()
  applyEvents(state, TODAY - 6, [{ type: 'event', name: 'old' }])
  applyEvents(state, TODAY + 1, [{ type: 'event', name: 'ahead' }])
  const data = dataOn(state)
  t.equal(ask('(map (lambda (n) (count "events" "event" (days-ago n))) (list -1 6 7 8))', data), '(1 1 0 0)')
  const later: QueryData = { ...data, today: TODAY + 1 }
  t.equal(ask('(count "events" "event" (last 7))', later), '1', 'the day has turned, the state has not heard of it yet')
  t.equal(ask(`(count "events" "event" '(-5 0 99999999))`, data), '0')
})

t.test('days are written and read as dates, and nothing else is taken for one', async t => {
  t.equal(
    ask('(list (day->string (today)) (day "2026-11-20") (= (today) (day "2026-11-20")))'),
    `("2026-11-20" ${TODAY} #t)`,
  )
  t.equal(ask('(last 0)'), '()')
  for (const wrong of ['"2026-02-30"', '"2026-1-1"', '"today"', '5'])
    t.match(ask(`(day ${wrong})`), /^wrong-type/, wrong)
  t.match(ask('(last 100000)'), /^out-of-range/)
  t.match(ask('(last -1)'), /^wrong-type/)
  t.match(ask('(day->string 1e300)'), /^wrong-type/)
})

t.test('top ranks by sum, then by key, and takes any K', async t => {
  const state = emptyCustomer()
  applyEvents(
    state,
    TODAY,
    ['b', 'a', 'c', 'c'].map(name => ({ type: 'event', name, user: name })),
  )
  applyEvents(
    state,
    TODAY - 1,
    ['d', 'd', 'd', 'a'].map(name => ({ type: 'event', name, user: `${name}2` })),
  )
  const data = dataOn(state)
  t.equal(ask('(top 10 "event")', data), '(("c" . 2) ("a" . 1) ("b" . 1))')
  t.equal(ask('(top 2 "event" (last 2))', data), '(("d" . 3) ("a" . 2))')
  t.equal(ask('(top 0 "event")', data), '()')
  t.equal(ask('(top 3 "users/event" (last 2))', data), '(("a" . 2) ("b" . 1) ("c" . 1))')
  t.match(ask('(top -1 "event")', data), /^out-of-range/)
  t.match(ask('(top "3" "event")', data), /^wrong-type/)
})

t.test('a timeline has every bucket of its days, and starts at midnight', async t => {
  t.equal(
    ask(
      '(let ((line (timeline "timeline/crashes" (today) 720))) (list (length line) (map cdr line) (- (caar line) (* 86400000 (today)))))',
    ),
    '(2 (4 0) 0)',
  )
  t.equal(ask('(length (timeline "timeline/crashes" "" (last 2)))'), '48')
  t.match(ask('(timeline "timeline/crashes" "" (today) 0)'), /^out-of-range/)
})

t.test('a quantile wants a fraction, and takes the key or leaves it', async t => {
  t.equal(ask('(quantile "network/ms" 0.5)'), '#f')
  t.equal(ask('(exact-round (quantile "network/ms" "api" 1 (last 3)))'), '30')
  t.match(ask('(quantile "network/ms" "api" 1.5)'), /^out-of-range/)
  t.match(ask('(quantile "network/ms" "api" "p99")'), /^wrong-type/)
})

t.test('a sketch prints as an estimate, and is compared only with sketches', async t => {
  t.equal(ask('(sketch "users" (last 3))'), '#<sketch 4>')
  t.equal(ask('(sketch-count (sketch-union))'), '0')
  t.match(ask('(sketch-union 5)'), /^wrong-type/)
  t.match(ask('(car (sketch "users"))'), /^wrong-type/)
})

t.test('groups say what they are, and one has an example', async t => {
  t.match(ask('(caar (groups))'), /^\(id \. "[0-9a-f]{16}"\)$/)
  t.equal(ask(`(map car (car (groups)))`), '(id title culprit platform count users first last)')
  t.equal(ask(`(cdr (assoc "type" (cdr (assq 'example (group (cdr (assq 'id (car (groups)))))))))`), '"crash"')
})

t.test('without a node there is no data, and it is said so', async t => {
  const run = new QueryRun(compileQuery('(count "x")', {}), undefined, defaultLimits, {
    nowMs: () => 0,
    monotonicMs: () => 0,
  })
  while (!run.step(Number.POSITIVE_INFINITY)) {}
  t.match(run.outcome, { ok: false, error: { code: 'no-data' } })
})

t.test('a query waits for a day that is being loaded, and its customer goes on', async t => {
  const data = world()
  let asked = 0
  const state = Object.create(data.state, {
    dayState: { value: (day: number) => (asked < 3 && day === TODAY ? 'stored' : data.state.dayState(day)) },
  })
  const waiting: QueryData = { today: TODAY, state, ensureDay: () => (++asked < 3 ? 'loading' : 'ready') }
  const run = new QueryRun(compileQuery('(count "crashes")', {}), waiting, defaultLimits, {
    nowMs: () => 0,
    monotonicMs: () => 0,
  })
  let turns = 0
  while (!run.step(Number.POSITIVE_INFINITY)) turns++
  t.equal(turns, 2)
  t.match(run.outcome, { ok: true })
  t.equal(run.outcome!.ok && written(run.outcome!.value), '4')
})

t.test('a scan over many keys works in small steps and pays for them', async t => {
  const state = emptyCustomer()
  const events = Array.from({ length: 30_000 }, (_, i) => ({ type: 'event', name: `n${i % 20_000}` }))
  applyEvents(state, TODAY, events)
  const data = dataOn(state)
  for (const query of ['(top 3 "event")', '(total "event")', '(length (keys "event"))']) {
    let steps = 0
    const clock = { nowMs: () => 0, monotonicMs: () => steps }
    const run = new QueryRun(compileQuery(query, {}), data, defaultLimits, clock)
    while (!run.step(steps + 0.5)) steps += 1
    t.match(run.outcome, { ok: true }, query)
    t.ok(run.outcome!.steps > 20_000, `${query} took ${run.outcome!.steps} steps`)
  }
  t.equal(ask('(top 2 "event")', data), '(("n0" . 2) ("n1" . 2))')
  t.equal(ask('(total "event")', data), '30000')
  t.equal(ask('(length (keys "event"))', data), '20000')
})
