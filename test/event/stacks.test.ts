// A stack's text has the error's message in it: none of its words may pass for a frame (docs/grouping.md).
import * as fc from 'fast-check'
import t from 'tap'
import { groupFault } from '../../src/event/group.js'
import { platforms, trickyMessages } from './stacks.js'

const grouped = (type: string, message: string, stack: unknown) => groupFault(type, message, '', stack)
const culpritOf = (type: string, message: string, stack: unknown) => grouped(type, message, stack).culprit

t.test('what a message says, and what numbers there are, changes neither group nor culprit', async t => {
  for (const [name, { type, stack, culprit }] of Object.entries(platforms)) {
    const { group } = grouped(type, '', stack('x', 1))
    t.equal(culpritOf(type, '', stack('x', 1)), culprit, name)
    for (const message of trickyMessages) {
      const text = stack(message, 7)
      for (const said of [message, '', 'other words']) {
        const fault = grouped(type, said, text)
        t.equal(fault.culprit, culprit, `${name}: ${JSON.stringify(message)}, told as ${said}`)
        t.equal(fault.group, group, `${name}: ${JSON.stringify(message)}: group`)
      }
      t.equal(grouped(type, message, text.split('\n')).group, group, `${name}: ${JSON.stringify(message)}, as a list`)
    }
  }
})

t.test('any message at all, of any platform: one group', async () => {
  const word = fc.oneof(
    fc.stringMatching(/^[a-z]{1,8}$/),
    fc.constantFrom(
      '(ada)',
      'x.y(z)',
      'f()',
      ':',
      '12',
      'a.js',
      "'q'",
      '"q"',
      '<a>',
      '@',
      'ada@b.com',
      '#1',
      '1:',
      'https://a.com/b',
    ),
  )
  const line = fc.array(word, { maxLength: 6 }).map(words => words.join(' '))
  const messages = fc.array(line, { minLength: 1, maxLength: 5 }).map(lines => lines.join('\n').trim())
  const of = fc.constantFrom(...Object.values(platforms))
  fc.assert(
    fc.property(of, messages, fc.nat(99_999), fc.boolean(), (platform, message, n, asList) => {
      const { type, stack, culprit } = platform
      const text = stack(message, n)
      const fault = grouped(type, message, asList ? text.split('\n') : text)
      if (fault.culprit !== culprit) throw new Error(`culprit ${fault.culprit}`)
      if (fault.group !== grouped(type, 'x', stack('x', 1)).group) throw new Error('another group')
    }),
    { numRuns: 3_000 },
  )
})

t.test('another function, file or type is another bug, whatever the message', async t => {
  for (const [name, { type, stack }] of Object.entries(platforms)) {
    const text = stack('no user (ada)', 7)
    const other = text.replaceAll(/\bpay\b/g, 'refund').replaceAll(/\bPay\b/g, 'Refund')
    const groups = [
      grouped(type, 'no user (ada)', text).group,
      grouped(type, 'no user (ada)', other).group,
      grouped(type, 'no user (ada)', text.replaceAll(/\btap\b/g, 'swipe').replaceAll(/\bTap\b/g, 'Swipe')).group,
      grouped(`${type}2`, 'no user (ada)', text).group,
    ]
    t.equal(new Set(groups).size, 4, name)
  }
})

t.test('a message that holds frames is no part of the stack', async t => {
  const inner =
    'worker died: Error: x\n    at lost (https://s.com/worker.js:1:1)\n    at gone (https://s.com/worker.js:2:2)'
  const { type, stack, culprit } = platforms['V8']!
  t.equal(culpritOf(type, inner, stack(inner, 1)), culprit)
  t.equal(grouped(type, inner, stack(inner, 1)).group, grouped(type, 'x', stack('x', 2)).group)
  // But all of the stack may be sent as the message, too.
  t.equal(culpritOf(type, stack('x', 1), stack('x', 1)), culprit)
  const list = 'pay (cart.js)\ntap (ui.js)'
  t.equal(culpritOf('Error', 'x', list), 'pay (cart.js)')
})

t.test('a stack of a message alone is grouped by its template', async t => {
  const groups = ['1', '22'].map(id =>
    grouped('Error', `User ${id} not found (ada)`, `Error: User ${id} not found (ada)`),
  )
  t.equal(groups[0]!.group, groups[1]!.group)
  t.equal(groups[0]!.group, grouped('Error', 'User 9 not found (ada)', undefined).group)
  t.equal(groups[0]!.culprit, '')
  const rust =
    "thread 'main' panicked at src/main.rs:3:5:\nada (x)\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace"
  for (const [type, message, stack] of [
    ['panic', 'ada (x)', rust],
    ['panic', '', rust],
    ['ValidationError', 'ada', 'ValidationError(ada)'],
    ['CartException', 'no item (id ada)', 'com.shop.CartException: no item (id ada)'],
    ['com.shop.CartException', '', 'com.shop.CartException'],
    ['Error', 'bad\nada', 'Error: bad\nada'],
    ['TypeError', 'x (ada)', 'TypeError [ERR_X]: x (ada)'],
    ['panic', 'x', 'panic: main.Err(ada)\n'],
  ] as const) {
    t.equal(culpritOf(type, message, stack), '', stack)
    t.equal(culpritOf(type, message, stack.split('\n')), '', stack)
  }
})

t.test('frames that people write are read where nothing was printed, below the line of the error', async t => {
  for (const stack of [
    'pay (cart.js)\ntap (ui.js)',
    ['pay (cart.js:12)', 'tap (ui.js:3)'],
    'Error: User not found (ada)\npay (cart.js)\ntap (ui.js)',
    'Error: bad\nada\npay (cart.js:1)\ntap (ui.js:2)',
    ['Error', 'pay (cart.js:1)', 'tap (ui.js:2)'],
    ['at pay(cart.js:1)', 'at tap(ui.js:2)'],
  ]) {
    const fault = grouped('Error', 'bad\nada', stack)
    t.equal(fault.culprit, 'pay (cart.js)')
    t.equal(fault.group, grouped('Error', '', ['pay (cart.js:1)', 'tap (ui.js:2)']).group)
  }
  t.equal(culpritOf('E', 'm', ['f', 'g']), 'f')
  t.equal(culpritOf('E', 'f', ['f', 'g']), 'f')
  t.equal(culpritOf('E', 'm', ['main.js:12', 'app.js:30']), 'main.js')
  t.equal(culpritOf('E', 'm', 'goroutine 1 [running]:\nmain.(*Cart).Pay(0x1)\nmain.main()'), 'main.(*Cart).Pay')
  t.equal(culpritOf('E', 'm', ['com.shop.Cart.pay(Cart.java:3)']), 'com.shop.Cart.pay')
  t.equal(groupFault('E', 'm', 'pay (cart.js:3)', 'Error: m (x)').culprit, 'pay (cart.js)')
})

t.test('frames in parts count beside lines of any shape', async t => {
  const parts = [
    { function: 'pay', file: 'cart.js' },
    { function: 'tap', file: 'ui.js' },
  ]
  const { group } = grouped('Error', 'x', parts)
  t.equal(grouped('Error', 'x (ada)', ['Error: x (ada)', ...parts]).group, group)
  t.equal(grouped('Error', 'x', [parts[0], 'tap (ui.js:3)']).group, group)
  t.equal(grouped('Error', 'x', [parts[0], 'at tap (ui.js:3:1)']).group, group)
})

t.test('Python: the File lines are all that counts', async t => {
  const trace = (caller: string, source: boolean, said: string) =>
    `Traceback (most recent call last):\n  File "/srv/app.py", line 3, in ${caller}\n${source ? '    check()\n' : ''}  File "/srv/cart.py", line 9, in check\n${source ? '    raise ValueError("bad")\n' : ''}ValueError: ${said}`
  const group = (text: unknown) => grouped('ValueError', 'no user (id ada)', text).group
  const one = group(trace('show', true, 'no user (id ada)'))
  t.equal(group(trace('show', false, 'no user (id ada)')), one, 'with and without source')
  t.equal(group(trace('show', true, 'no user (id bob)\nbob')), one)
  t.not(group(trace('list', true, 'no user (id ada)')), one, 'another caller of the helper')
  // traceback.format_exception: lines of several lines.
  const lines = trace('show', true, 'x')
    .split(/\n(?! {4})/)
    .map(line => `${line}\n`)
  t.equal(group(lines), one)
  t.equal(culpritOf('ValueError', 'x', lines), 'check (cart.py)')
  const deep = Array.from({ length: 600 }, (_, i) => `  File "/srv/f${i}.py", line 1, in f${i}\n`).join('')
  t.equal(
    culpritOf('ValueError', '', `Traceback (most recent call last):\n${deep}ValueError: x`),
    'f599 (f599.py)',
    'the innermost call of a deep stack',
  )
  const chained = `${trace('show', true, 'x')}\n\nDuring handling of the above exception, another exception occurred:\n\n${trace('show', true, 'y').replaceAll('check', 'clean')}`
  t.equal(culpritOf('ValueError', 'y', chained), 'clean (cart.py)')
})

t.test('who was awaited is the engine, wherever in the list it was', async t => {
  const stack = (index: number) => [`at async Promise.all (index ${index})`, 'at async tap (ui.js:1:1)']
  t.equal(grouped('E', '', stack(0)).group, grouped('E', '', stack(3)).group)
  t.equal(culpritOf('E', '', stack(0)), 'tap (ui.js)')
  t.equal(grouped('E', '', stack(0).slice(0, 1)).group, grouped('E', '', stack(3).slice(0, 1)).group)
})

t.test('a stack that overflowed is its cycle', async t => {
  const overflow = (...names: string[]) =>
    grouped(
      'RangeError',
      'Maximum call stack size exceeded',
      names.map(name => `at ${name} (a.js:1:1)`),
    ).group
  const times = (n: number, ...names: string[]) => Array.from({ length: n }, () => names).flat()
  const rec = overflow(...times(10, 'rec'))
  t.equal(overflow(...times(9, 'rec'), 'main'), rec)
  t.equal(overflow('leaf', ...times(8, 'rec'), 'main'), rec)
  t.equal(overflow(...times(4, 'rec'), 'run', 'main', 'run'), rec, 'an outer call that is there twice')
  t.not(overflow(...times(10, 'other')), rec)
  t.not(overflow('rec', 'main'), rec)
  // Ten frames of a cycle of seven: three members are there twice, all are its members.
  const seven = [...'abcdefg']
  const cuts = seven.map((_, i) => overflow(...times(3, ...seven).slice(i, i + 10)))
  t.same(new Set(cuts).size, 1)
  t.equal(overflow(...seven, 'a', 'b', 'main'), cuts[0])
  t.not(overflow(...times(2, ...seven.slice(1))), cuts[0])
  // Python folds what repeats.
  const python = (caller: string) =>
    grouped(
      'RecursionError',
      'maximum recursion depth exceeded',
      `Traceback (most recent call last):\n  File "m.py", line 4, in ${caller}\n    rec()\n${'  File "m.py", line 2, in rec\n    rec()\n'.repeat(3)}  [Previous line repeated 996 more times]\nRecursionError: maximum recursion depth exceeded`,
    ).group
  t.equal(python('main'), python('test'))
})

t.test('chains and mixed stacks keep their order', async t => {
  const native =
    'java.lang.Error: x (y)\n  #00 pc 0000a1  /data/app/lib/libshop.so (shop::pay(int)+3)\n\tat com.shop.Ui.tap(Ui.java:2)'
  t.equal(culpritOf('java.lang.Error', '', native), 'shop::pay (libshop.so)')
  const reactNative =
    'com.facebook.react.JavascriptException: Error: x (y), stack:\n  at pay (index.android.bundle:1:2)\n\tat com.facebook.react.Bridge.run(Bridge.java:1)'
  t.equal(culpritOf('JavascriptException', '', reactNative), 'pay (index.android.bundle)')
  const anyhow = (cause: string) =>
    `Error: pay\n\nCaused by:\n    0: ${cause}\n    1: other\n\nStack backtrace:\n   0: std::backtrace::x\n   1: shop::pay::h0123456789abcdef\n   2: shop::tap`
  t.equal(culpritOf('Error', 'pay', anyhow('ada')), 'shop::pay')
  t.equal(grouped('Error', '', anyhow('ada')).group, grouped('Error', '', anyhow('bob')).group)
  const caused =
    'Error: a\n    at node:internal/x:1:1\n  [cause]: Error: b (ada)\n      at pay (/srv/cart.js:1:1)\n      at tap (/srv/ui.js:1:1) {'
  t.equal(culpritOf('Error', 'a', caused), 'pay (cart.js)')
})

// What V8 prints here and now, not what was written down of it.
t.test('the stacks of this very process', async t => {
  const pay = (message: string) => new TypeError(message)
  const groups = trickyMessages.map(message => {
    const { stack } = pay(message)
    return [grouped('TypeError', message, stack!), grouped('TypeError', '', stack!.split('\n'))]
  })
  t.equal(new Set(groups.flat().map(({ group }) => group)).size, 1)
  t.match(groups[0]![0]!.culprit, /^pay \(stacks\.test\.[jt]s\)$/)
})

t.test('lines that are longer than is read keep function and file', async t => {
  const long = (n: number) => `    at pay (https://s.com/${`${n}/`.repeat(400)}cart.js:${n}:1)\n    at tap (ui.js:1:1)`
  t.equal(culpritOf('E', '', long(1)), 'pay (cart.js)')
  t.equal(grouped('E', '', long(1)).group, grouped('E', '', long(2)).group)
})
