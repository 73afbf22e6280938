import * as fc from 'fast-check'
import t from 'tap'
import { groupFault } from '../../src/event/group.js'
import { normaliseFile, normaliseFunction, normaliseMessage } from '../../src/event/normalise.js'

interface Report {
  type: string
  message?: string
  where?: string
  stack?: unknown
}

/** Each list is one bug, reported in ways that a person sees through. Different lists are different bugs. */
const bugs: Record<string, Report[]> = {
  'V8: lines, columns, hosts and hashes vary': [
    {
      type: 'TypeError',
      message: 'x is not a function',
      stack:
        'TypeError: x is not a function\n    at priceOf (https://a.example/static/main.3f2a9c.js:1:200)\n    at checkout (https://a.example/static/main.3f2a9c.js:1:900)',
    },
    {
      type: 'TypeError',
      message: 'y is not a function',
      stack: [
        'at priceOf (https://b.example/v2/main.77b0d1.js?x=1:3:1)',
        'at async checkout (https://b.example/v2/main.77b0d1.js:9:9)',
        'at run (https://b.example/x.js:1:1)',
      ],
    },
    {
      type: 'TypeError',
      stack: [
        { function: 'priceOf', file: '/srv/app/main.js', line: 3, column: 4 },
        { function: 'Object.checkout', file: 'main.js', line: 9 },
      ],
    },
    {
      type: 'TypeError',
      stack:
        'priceOf@https://a.example/static/main.abc123.js:1:200\ncheckout@https://a.example/static/main.abc123.js:1:2',
    },
    {
      type: 'TypeError',
      stack:
        '    at JSON.parse (<anonymous>)\n    at priceOf (main.js:1:2)\n    at checkout (main.js:5:5)\n    at node:internal/process/task_queues:95:5',
    },
  ],
  'the same types elsewhere': [
    {
      type: 'TypeError',
      message: 'x is not a function',
      stack: ['at totalOf (main.js:1:2)', 'at checkout (main.js:5:5)'],
    },
  ],
  'recursion of any depth': [
    {
      type: 'PaymentDeclined',
      stack: [
        'at charge (shop.mjs:1:1)',
        'at deep (shop.mjs:2:2)',
        'at deep (shop.mjs:2:2)',
        'at deep (shop.mjs:2:2)',
        'at raise (shop.mjs:3:3)',
      ],
    },
    {
      type: 'PaymentDeclined',
      stack: ['at charge (shop.mjs:1:1)', 'at deep (shop.mjs:2:2)', 'at other (shop.mjs:3:3)'],
    },
  ],
  'a stack that overflowed, wherever it was cut': [
    {
      type: 'RangeError',
      message: 'Maximum call stack size exceeded',
      stack: ['at odd (a.js:1:1)', 'at even (a.js:2:2)', 'at odd (a.js:1:1)'],
    },
    {
      type: 'RangeError',
      message: 'Maximum call stack size exceeded',
      stack: ['at even (a.js:2:2)', 'at odd (a.js:1:1)', 'at even (a.js:2:2)'],
    },
  ],
  'JVM lambdas, inner classes, proguard lines': [
    {
      type: 'java.lang.NullPointerException',
      stack:
        'java.lang.NullPointerException: x\n\tat com.acme.Cart$1.lambda$total$0(Cart.java:12)\n\tat com.acme.Cart$$Lambda$14/0x0000000800066840.run(Unknown Source)\n\tat java.lang.Thread.run(Thread.java:833)',
    },
    {
      type: 'java.lang.NullPointerException',
      stack:
        'java.lang.NullPointerException\n\tat com.acme.Cart$2.lambda$total$3(SourceFile:1)\n\tat com.acme.Cart$$Lambda$99/0x00000008000abcde.run(Unknown Source)\n\tat java.base/java.lang.Thread.run(Thread.java:840)',
    },
  ],
  'JVM: the app is only in the cause': [
    {
      type: 'java.lang.RuntimeException',
      stack:
        'java.lang.RuntimeException: Unable to start\n\tat android.app.ActivityThread.performLaunchActivity(ActivityThread.java:3449)\nCaused by: java.lang.NullPointerException\n\tat com.acme.Main.onCreate(Main.kt:33)\n\tat android.app.Activity.performCreate(Activity.java:8051)\n\t... 11 more',
    },
    {
      type: 'java.lang.RuntimeException',
      stack:
        'java.lang.RuntimeException: Unable to start 2\n\tat android.app.ActivityThread.performLaunchActivity(ActivityThread.java:2)\n\tat android.os.Looper.loop(Looper.java:1)\nCaused by: java.lang.NullPointerException\n\tat com.acme.Main.onCreate(Main.kt:35)\n',
    },
  ],
  'Apple: addresses and offsets': [
    {
      type: 'NSInvalidArgumentException',
      stack:
        '0   CoreFoundation  0x00000001 __exceptionPreprocess + 242\n1   Shop   0x0000000100f2a1b4 -[Cart totalFor:] + 123\n2   Shop  0x000000010 -[CartView tap:] + 4',
    },
    {
      type: 'NSInvalidArgumentException',
      stack: [
        '0 libobjc.A.dylib 0x9 objc_exception_throw + 1',
        '1 Shop 0x0000000100aaaaaa -[Cart totalFor:] + 99',
        '2 Shop 0x1 -[CartView tap:] + 77',
      ],
    },
  ],
  'Swift: closures are numbered': [
    {
      type: 'Fatal error',
      stack: [
        '3   Shop   0x0000000104d2 closure #1 in Cart.total() + 120',
        '4   Shop  0x01 specialized Cart.show(_:) + 12',
      ],
    },
    {
      type: 'Fatal error',
      stack: ['3   Shop   0x0000000204d2 closure #2 in Cart.total() + 80', '4   Shop  0x02 Cart.show(_:) + 8'],
    },
  ],
  Python: [
    {
      type: 'KeyError',
      stack:
        'Traceback (most recent call last):\n  File "/srv/r1/app/cart.py", line 12, in show\n    total()\n  File "/srv/r1/app/cart.py", line 40, in total\n    return prices[x]\nKeyError: 3',
    },
    {
      type: 'KeyError',
      stack:
        'Traceback (most recent call last):\n  File "/usr/lib/python3.11/site-packages/flask/app.py", line 1, in wsgi\n  File "/srv/r2/app/cart.py", line 13, in show\n    total()\n  File "/srv/r2/app/cart.py", line 44, in total\nKeyError: 9',
    },
  ],
  Go: [
    {
      type: 'runtime error',
      stack:
        'goroutine 1 [running]:\nmain.(*Cart).Total.func1(0xc000012345, 0x2)\n\t/srv/shop/cart.go:12 +0x1b\nmain.main()\n\t/srv/shop/main.go:9 +0x20',
    },
    {
      type: 'runtime error',
      stack:
        'goroutine 77 [running]:\nmain.(*Cart).Total.func2(0xc000099999, 0x7)\n\t/home/ci/shop/cart.go:14 +0x9\nmain.main()\n\t/home/ci/shop/main.go:10 +0x21',
    },
  ],
  'C++ on Android': [
    {
      type: 'SIGSEGV',
      stack: [
        '#00 pc 0000000000012345  /data/app/~~x==/com.acme-1/lib/arm64/libshop.so (shop::Cart::total(int)+123) (BuildId: 00aa)',
        '#01 pc 0000000000012399  /data/app/~~x==/com.acme-1/lib/arm64/libshop.so (shop::run()+1) (BuildId: 00aa)',
      ],
    },
    {
      type: 'SIGSEGV',
      stack: [
        '#00 pc 00000000000fffff  /data/app/~~y==/com.acme-2/lib/arm64/libshop.so (shop::Cart::total(int)+7) (BuildId: 11bb)',
        '#01 pc 0000000000000001  /data/app/~~y==/com.acme-2/lib/arm64/libshop.so (shop::run()+9) (BuildId: 11bb)',
      ],
    },
  ],
  Hermes: [
    {
      type: 'Error',
      stack:
        'Error: no\n    at total (address at index.android.bundle:1:12345)\n    at show (address at index.android.bundle:1:6789)',
    },
    {
      type: 'Error',
      stack:
        'Error: no\n    at total (address at index.android.bundle:1:99999)\n    at anonymous (address at index.android.bundle:1:1)\n    at show (address at index.android.bundle:1:1)'.replace(
          '    at anonymous (address at index.android.bundle:1:1)\n',
          '',
        ),
    },
  ],
  Rust: [
    {
      type: 'panic',
      stack:
        '   0: rust_begin_unwind\n   1: core::panicking::panic_fmt\n   2: shop::cart::total::h0123456789abcdef\n             at ./src/cart.rs:12:5\n   3: shop::main::hfedcba9876543210',
    },
    {
      type: 'panic',
      stack:
        '   0: rust_begin_unwind\n   5: shop::cart::total::haaaaaaaaaaaaaaaa\n             at /ci/src/cart.rs:99:5\n   6: shop::main::hbbbbbbbbbbbbbbbb',
    },
  ],
  'no stack: the message, without what varies': [
    {
      type: 'Error',
      message: "User 1234 (ada@example.com) has no basket 'b-77' at /srv/app/x.js, see https://x.example/1?a=b",
    },
    {
      type: 'Error',
      message: "user 99 (bob@example.org) has no basket 'other' at /home/bob/y.js, see https://y.example/2.",
    },
  ],
  'no stack: ids of all kinds': [
    { type: 'Error', message: 'Job 6fa459ea-ee8a-3ca4-894e-db77e160355e failed at 0x7fff5fbff8c0 with deadbeefcafe' },
    { type: 'Error', message: 'Job 16fd2706-8baf-433b-82eb-8c7fada847da failed at 0x10 with 00ff00ff00ff' },
  ],
  'another message': [{ type: 'Error', message: 'Job queue is full' }],
  'only a place': [
    { type: 'Error', message: 'boom 1', where: 'CartActivity.java:120' },
    { type: 'Error', message: 'boom 2', where: 'CartActivity.java:121' },
  ],
  '.NET with and without files': [
    {
      type: 'System.NullReferenceException',
      stack:
        '   at Shop.Cart.Total(String a) in C:\\src\\Cart.cs:line 12\n   at Shop.Program.Main(String[] args) in C:\\src\\Program.cs:line 3',
    },
    {
      type: 'System.NullReferenceException',
      stack: '   at Shop.Cart.Total(String a)\n   at Shop.Program.Main(String[] args)',
    },
  ],
}

t.test('reports of one bug share a group, and no two bugs do', async t => {
  const owner = new Map<string, string>()
  for (const [bug, reports] of Object.entries(bugs)) {
    const groups = reports.map(r => groupFault(r.type, r.message ?? '', r.where ?? '', r.stack).group)
    t.equal(new Set(groups).size, 1, `${bug}: one group`)
    t.match(groups[0], /^[0-9a-f]{16}$/)
    const other = owner.get(groups[0]!)
    t.equal(other, undefined, `${bug} is not ${other}`)
    owner.set(groups[0]!, bug)
  }
})

// Ids are stored with customers' tables: a change here needs a new GROUPING_VERSION.
t.test('group ids of version 2 never change', async t => {
  t.equal(
    groupFault('TypeError', 'x', '', ['at priceOf (main.js:1:2)', 'at checkout (main.js:5:5)']).group,
    'ab6e09da64c429ef',
  )
  t.equal(groupFault('Error', 'User 12 is gone', '', undefined).group, '41b4aaaa97439c17')
})

t.test('title and culprit are for people', async t => {
  const fault = groupFault('TypeError', 'x is not a function\nat once', '', [
    'at JSON.parse (<anonymous>)',
    'at priceOf (https://a.example/main.3f2a9c.js:1:2)',
  ])
  t.equal(fault.title, 'TypeError: x is not a function')
  t.equal(fault.culprit, 'priceOf (main.js)')
  t.equal(groupFault('E', '', 'Cart.java:12', undefined).culprit, 'Cart.java')
  t.equal(groupFault('E', '', '', undefined).title, 'E')
})

t.test('names keep what tells them apart', async t => {
  t.equal(normaliseFunction('base64Encode'), 'base64Encode')
  t.equal(normaliseFunction('new Cart'), 'Cart')
  t.equal(normaliseFunction('foo/<'), 'foo')
  t.equal(normaliseFunction('<anonymous>'), '')
  t.equal(normaliseFile('https://x.example/assets/index-BgtRx3aZ.js?v=3'), 'index.js')
  t.equal(normaliseFile('C:\\src\\Cart.cs'), 'Cart.cs')
  t.equal(normaliseFile('/srv/jquery.validate.js'), 'jquery.validate.js')
  t.equal(normaliseMessage("can't open don't"), "can't open don't")
})

t.test('any stack at all gives a group, in bounded time', async () => {
  const junk = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.constantFrom(
      'at '.repeat(300),
      ' '.repeat(3_000),
      '(('.repeat(900),
      '0 '.repeat(900),
      '#0 '.repeat(700),
      'a.b('.repeat(600),
    ),
  )
  fc.assert(
    fc.property(
      fc.string(),
      junk,
      fc.oneof(junk, fc.array(junk), fc.anything(), fc.array(fc.anything())),
      (type, message, stack) => {
        const one = groupFault(type, message, '', stack)
        if (!/^[0-9a-f]{16}$/.test(one.group)) throw new Error(one.group)
        if (one.group !== groupFault(type, message, '', stack).group) throw new Error('it changes')
      },
    ),
    { numRuns: 500 },
  )
})
