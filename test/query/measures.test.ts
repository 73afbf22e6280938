// The measures of prelude.scm on worked examples: small customers whose figures can be counted by hand.
import t from 'tap'
import type { QueryData } from '../../src/query/data.js'
import { applyEvents, ask, dataOn, emptyCustomer, TODAY } from './world.js'

const crash = (type: string, more: object = {}) => ({
  type: 'crash',
  error: { type, stack: [{ function: type, file: 'a.js' }] },
  ...more,
})
const seen = (user: string, more: object = {}) => ({ type: 'event', name: 'open', user, ...more })

function customer(days: Readonly<Record<number, readonly object[]>>): QueryData {
  const state = emptyCustomer()
  for (const [ago, events] of Object.entries(days).sort((a, b) => Number(b[0]) - Number(a[0]))) {
    applyEvents(state, TODAY - Number(ago), events)
  }
  return dataOn(state)
}

t.test('crash-free users: those who crashed twice count once, and never less than nobody is left', async t => {
  const data = customer({
    0: [seen('a'), seen('b'), seen('c'), seen('d'), crash('X', { user: 'a' }), crash('X', { user: 'a' })],
    1: [seen('e'), crash('X', { user: 'b' })],
  })
  t.equal(ask('(crash-free-users)', data), '0.75')
  t.equal(ask('(crash-free-users (last 2))', data), '0.6')
  t.equal(ask('(crash-free-users (days-ago 3))', data), '1.0')
  t.equal(ask('(crash-free-users (days-ago 1))', data), '0.5', 'b crashed, e did not')
})

t.test('crash-free sessions: a session crashes once, and crashes without a session count nowhere', async t => {
  const start = (session: string) => ({ type: 'session', state: 'start', session })
  const data = customer({
    0: [
      start('1'),
      start('2'),
      start('3'),
      start('4'),
      crash('X', { session: '1' }),
      crash('Y', { session: '1' }),
      crash('X'),
    ],
  })
  t.equal(ask('(crash-free-sessions)', data), '0.75')
})

t.test('active users by day, week and what is kept; stickiness between them', async t => {
  const data = customer({ 0: [seen('a'), seen('b')], 2: [seen('a'), seen('c')], 6: [seen('d')] })
  t.equal(ask('(list (daily-active-users) (weekly-active-users) (monthly-active-users))', data), '(2 4 4)')
  t.equal(ask('(list (daily-active-users (days-ago 2)) (weekly-active-users (days-ago 1)))', data), '(2 3)')
  t.equal(ask('(stickiness)', data), '0.5')
})

t.test('a measure that is given no day where it wants one says so, and answers no figure', async t => {
  const data = customer({ 0: [seen('a'), crash('X', { user: 'a' })] })
  const refused = (text: string, message: string) => t.equal(ask(text, data), `wrong-type: ${message}`, text)
  refused('(crash-free-users "2026-11-20")', '`uniques` wanted a day or a list of days, got "2026-11-20"')
  refused('(crash-free-sessions "2026-11-20")', '`count` wanted a day or a list of days, got "2026-11-20"')
  refused('(daily-active-users "2026-11-20")', '`uniques` wanted a day or a list of days, got "2026-11-20"')
  refused('(weekly-active-users (list 1 2))', '`weekly-active-users` wanted a day, got (1 2)')
  refused('(monthly-active-users 1 2)', '`monthly-active-users` wanted at most one day, got (1 2)')
  refused('(regressions "1.1" 2 "x")', '`regressions` wanted a day, got "x"')
  refused('(change "crashes" (list 1 2))', '`change` wanted a day, got (1 2)')
})

t.test('top crashes come with users and share, errors left out', async t => {
  const data = customer({
    0: [
      crash('X', { user: 'a' }),
      crash('X', { user: 'b' }),
      crash('X', { user: 'b' }),
      crash('Y', { user: 'a' }),
      { type: 'error', error: { type: 'Z' }, user: 'a' },
    ],
  })
  const figures = '(lambda (row) (map (lambda (name) (cdr (assq name row))) (quote (count users share))))'
  t.equal(ask(`(map ${figures} (top-crashes 5))`, data), '((3 2 0.75) (1 1 0.25))')
  t.equal(ask('(length (top-crashes 1))', data), '1')
  t.match(ask("(cdr (assq 'title (car (top-crashes 1))))", data), /X/)
})

t.test('regressions are groups of the version that the last days did not have', async t => {
  const data = customer({
    5: [crash('Old', { app: '1' })],
    1: [crash('Known', { app: '1' })],
    0: [
      crash('Known', { app: '2' }),
      crash('Old', { app: '2' }),
      crash('Old', { app: '2' }),
      crash('New', { app: '2' }),
      crash('Elsewhere', { app: '1' }),
    ],
  })
  const counts = (query: string) => ask(`(map (lambda (row) (cdr (assq 'count row))) ${query})`, data)
  t.equal(counts('(regressions "2" 3)'), '(2 1)', 'Old came back, New is new; Known was there yesterday')
  t.equal(counts('(regressions "2" 6)'), '(1)', 'Old was there five days ago')
  t.equal(counts('(regressions "1" 3)'), '(1)')
  t.equal(counts('(regressions "3" 3)'), '()')
  t.equal(counts('(regressions "1" 2 (days-ago 1))'), '(1)')
})

t.test('adoption and comparison of releases', async t => {
  const data = customer({
    0: [
      ...['a', 'b', 'c'].map(user => seen(user, { app: '2', session: user })),
      seen('d', { app: '1', session: 'd' }),
      crash('X', { app: '2', user: 'a', session: 'a' }),
    ],
  })
  t.equal(
    ask('(adoption)', data),
    '(((app . "2") (users . 3) (share . 0.75)) ((app . "1") (users . 1) (share . 0.25)))',
  )
  t.equal(
    ask('(compare-releases "2" "1" (today))', data),
    '(((app . "2") (users . 3) (sessions . 3) (crashes . 1) (crashes-by-session . 0.3333333333333333)) ((app . "1") (users . 1) (sessions . 1) (crashes . 0) (crashes-by-session . 0.0)))',
  )
  t.match(ask('(compare-releases "9")', data), '(crashes-by-session . #f)')
})

t.test('change from day to day, of counters and of users', async t => {
  const data = customer({ 1: [seen('a'), seen('b'), seen('b'), seen('b')], 0: [seen('a'), seen('b'), seen('c')] })
  t.equal(ask('(change "event" "open")', data), '((now . 3) (before . 4) (change . -0.25))')
  t.equal(ask('(change "users")', data), '((now . 3) (before . 2) (change . 0.5))')
  t.equal(ask('(change "users" (days-ago 1))', data), '((now . 2) (before . 0) (change . #f))')
})

t.test('the prelude is sealed: a name of its own that a query takes changes nothing inside', async t => {
  const data = customer({ 0: [seen('a'), crash('X', { user: 'a' })] })
  t.equal(ask('(define (uniques . x) 1000) (list (crash-free-users) (uniques))', data), '(0.0 1000)')
})
