// The machine as its owner sees it: it stops where it should, pauses where it must, and holds no more than it may.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { Evaluator, evaluate } from '../../src/cli/eval.js'
import { type Clock, systemClock } from '../../src/core/clock.js'
import { defaultLimits, type Limits } from '../../src/core/limits.js'
import { answerCsv, answerJson, answerText } from '../../src/query/answer.js'
import { disassemble } from '../../src/query/disassembler.js'
import { OPS, Op } from '../../src/query/opcodes.js'
import { compileQuery, compilingQuery, QueryRun } from '../../src/query/query.js'
import { Verifier } from '../../src/query/verifier.js'

/** A clock that moves a millisecond whenever somebody looks. */
function tickingClock(): Clock {
  let now = 0
  return { nowMs: () => 0, monotonicMs: () => now++ }
}

const small: Limits = { ...defaultLimits, maxQuerySteps: 100_000, maxQueryHeapBytes: 4 * 1024 * 1024, queryTimeMs: 1e9 }

function codeOf(source: string, limits: Limits = small): string {
  const result = evaluate(source, limits)
  return result.ok ? `ok ${result.written.slice(0, 40)}` : result.error.code
}

t.test('an endless loop ends at the step limit', async t => {
  for (const source of [
    '(let loop () (loop))',
    '(define (f) (f)) (f)',
    '(define (f) (g)) (define (g) (f)) (f)',
    '(do () (#f))',
  ]) {
    t.equal(codeOf(source), 'step-limit', source)
  }
})

t.test('work inside builtins is paid for: cyclic lists end, too', async t => {
  const cycle = '(define l (list 1 2)) (set-cdr! (cdr l) l) '
  for (const call of [
    '(memq 3 l)',
    '(assq 1 (let ((a (list (cons 2 2)))) (set-cdr! a a) a))',
    '(equal? l (let ((m (list 1 2))) (set-cdr! (cdr m) m) m))',
  ]) {
    t.match(codeOf(cycle + call), /limit/, call)
  }
  for (const call of ['(display l)', '(map + l)', '(write-to-string l)']) {
    t.match(codeOf(cycle + call), /limit/, call)
  }
  for (const call of [
    '(length l)',
    '(reverse l)',
    '(append l l)',
    '(list->vector l)',
    '(list-copy l)',
    '(apply + l)',
  ]) {
    t.equal(codeOf(cycle + call), 'wrong-type', call)
  }
  t.equal(codeOf(`${cycle}(list? l)`), 'ok #f')
})

t.test('whatever a program builds, it meets the memory limit', async t => {
  const limits = { ...small, maxQuerySteps: 1e9 }
  const builders = [
    "(let loop ((l '())) (loop (cons 1 l)))",
    "(let loop ((l '())) (loop (cons 1.5 l)))",
    "(let loop ((l '())) (loop (cons (make-vector 100 0) l)))",
    "(let loop ((l '())) (loop (cons (lambda () l) l)))",
    "(let loop ((l '())) (loop (cons (call/cc (lambda (k) k)) l)))",
    '(define (f) (cons 1 (f))) (f)',
    '(let loop ((s "a")) (loop (string-append s s)))',
    '(let loop ((n 3)) (loop (* n n)))',
    '(define h (make-hash-table)) (let loop ((i 0)) (hash-set! h i i) (loop (+ i 1)))',
    '(let loop ((i 0)) (string->symbol (number->string i)) (loop (+ i 1)))',
    '(let loop () (display "aaaaaaaaaaaaaaaa") (loop))',
    '(make-vector 10000000 0)',
    '(make-string 10000000 #\\a)',
    '(iota 1000000)',
    '(define (f n) (dynamic-wind (lambda () 1) (lambda () (f (+ n 1))) (lambda () 2))) (f 0)',
    '(define (s n) (cons n (delay (s (+ n 1))))) (let loop ((x (s 0)) (k 0)) (loop (force (cdr x)) (cons x k)))',
  ]
  for (const source of builders) t.equal(codeOf(source, limits), 'memory-limit', source)
})

t.test('garbage does not count: a program may allocate much more than it holds', async t => {
  const limits = { ...small, maxQuerySteps: 1e9 }
  t.equal(codeOf('(let loop ((i 0) (x 0.0)) (if (< i 500000) (loop (+ i 1) (+ x 1.5)) x))', limits), 'ok 750000.0')
  t.equal(codeOf('(let loop ((i 0)) (if (< i 300) (begin (make-vector 10000 0) (loop (+ i 1))) i))', limits), 'ok 300')
  t.equal(codeOf('(let loop ((i 0)) (if (< i 100) (begin (iota 10000) (loop (+ i 1))) i))', limits), 'ok 100')
})

t.test('recursion a million deep works within the default limits', async t => {
  t.equal(codeOf('(define (f n) (if (= n 0) 0 (+ 1 (f (- n 1))))) (f 1000000)', defaultLimits), 'ok 1000000')
})

t.test('a run goes on where it stopped, whatever the length of its slices', async t => {
  const source = `
    (define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
    (define k #f)
    (define count 0)
    (define l (map (lambda (x) (call/cc (lambda (c) (if (= x 3) (set! k c)) x))) '(1 2 3 4)))
    (set! count (+ count 1))
    (if (< count 3) (k (* count 10)))
    (list (fib 15) l count (sort (iota 100) >))`
  const compiled = compileQuery(source)
  const whole = new QueryRun(compiled, undefined, defaultLimits, tickingClock())
  t.equal(whole.step(1e12), true)
  const expected = answerText(whole.outcome!, 0, defaultLimits)
  t.match(expected, /^\(610 \(1 2 20 4\) 3 \(99 98/)
  for (const fuel of [1, 2, 3, 7, 100]) {
    const run = new QueryRun(compiled, undefined, defaultLimits, tickingClock())
    let slices = 0
    for (; !run.machine.done; slices++) run.machine.step(fuel)
    run.step(1e12)
    t.equal(answerText(run.outcome!, 0, defaultLimits), expected)
    t.ok(slices > run.machine.steps / (fuel + 200), `${slices} slices of ${fuel}`)
  }
})

t.test('a run hands the turn back when its slice is over, and ends at its time limit', async t => {
  const run = new QueryRun(
    compileQuery('(let loop () (loop))'),
    undefined,
    { ...defaultLimits, queryTimeMs: 50 },
    tickingClock(),
  )
  t.equal(run.step(0), false)
  t.equal(run.outcome, undefined)
  let turns = 0
  while (!run.step(0)) turns++
  t.ok(turns > 3)
  t.match(run.outcome, { ok: false, error: { code: 'time-limit', status: 422 } })
})

t.test('a long program is compiled in the turns of whoever sent it, some forms at a time', async t => {
  const definitions = Array.from({ length: 500 }, (_, i) => `(define (f${i} x) (+ x ${i}))`)
  const source = `${definitions.join('\n')}\n(f499 1)`
  const turnsOf = (query: string): { turns: number; run: QueryRun } => {
    const run = new QueryRun(compilingQuery(query), undefined, { ...defaultLimits, queryTimeMs: 1e9 }, tickingClock())
    let turns = 0
    while (!run.step(0)) turns++
    return { turns, run }
  }
  const { turns, run } = turnsOf(source)
  t.ok(turns >= definitions.length / 50, `${turns} turns`)
  t.equal(answerText(run.outcome!, 0, defaultLimits), '500\n')
  const broken = turnsOf(`${source}\n  (car`).run
  t.match(broken.outcome, { ok: false, error: { code: 'syntax-error', details: { line: 502, column: 3 } } })
})

t.test('runs of one compiled query share nothing that a program can change', async t => {
  const compiled = compileQuery(
    '(define l \'(1 2)) (set-car! l (+ 1 (car l))) (define s "ab") (string-set! s 0 #\\z) (list l s)',
  )
  for (let i = 0; i < 2; i++) {
    const run = new QueryRun(compiled, undefined, defaultLimits, tickingClock())
    run.step(1e12)
    t.equal(answerText(run.outcome!, 0, defaultLimits), '((2 2) "zb")\n')
  }
})

t.test('a part of a text keeps only itself alive: what is not accounted for is not held', async t => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heldMb = (part: string): number => {
    const source = `(let loop ((i 0) (parts '()))
      (if (= i 60) parts (let ((s (string-append "abcdefghijklmnop\n" (make-string 3000000 #\\a)))) (loop (+ i 1) (cons ${part} parts)))))`
    const run = new QueryRun(compileQuery(source), undefined, defaultLimits, systemClock)
    collect()
    const before = process.memoryUsage().heapUsed
    while (!run.step(systemClock.monotonicMs() + 100)) {}
    t.equal(run.outcome?.ok, true, part)
    collect()
    return (process.memoryUsage().heapUsed - before) / 2 ** 20
  }
  for (const part of [
    '(substring s 0 16)',
    '(string-copy s 0 16)',
    '(car (string-split s "\n"))',
    '(read-line (open-input-string s))',
    '(read s)',
    '(string->symbol (substring s 0 16))',
    '(string-trim (substring s 0 17))',
  ]) {
    t.ok(heldMb(part) < 40, `${part} of 60 strings of three million characters`)
  }
})

t.test('parameters are bound as values, never as text of the program', async t => {
  const compiled = compileQuery('(list app n x flag none (string? app))', {
    app: '1.2") (car 5',
    n: 3,
    x: 1.5,
    flag: true,
    none: null,
  })
  const run = new QueryRun(compiled, undefined, defaultLimits, tickingClock())
  run.step(1e12)
  t.equal(answerText(run.outcome!, 0, defaultLimits), '("1.2\\") (car 5" 3 1.5 #t #f #t)\n')
})

function answered(source: string): QueryRun {
  const run = new QueryRun(compileQuery(source), undefined, defaultLimits, tickingClock())
  run.step(1e12)
  return run
}

const jsonOf = (source: string): unknown => JSON.parse(answerJson(answered(source).outcome!, 1.5, defaultLimits)).value

t.test('values become JSON as the contract says', async t => {
  t.same(jsonOf('(list 1 1.5 "a" \'b #\\c #t \'())'), [1, 1.5, 'a', 'b', 'c', true, []])
  t.same(jsonOf("'(a . b)"), ['a', 'b'])
  t.same(jsonOf("'(a b . c)"), ['a', 'b', 'c'])
  t.same(jsonOf("'((a . 1) (b . 2))"), [
    ['a', 1],
    ['b', 2],
  ])
  t.same(jsonOf('(vector 1 (vector) 2)'), [1, [], 2])
  t.same(jsonOf('(expt 2 60)'), '1152921504606846976')
  t.same(jsonOf('(list (expt 2 53) (- (expt 2 53)) (+ 1 (expt 2 53)))'), [2 ** 53, -(2 ** 53), '9007199254740993'])
  t.same(jsonOf('1/4'), 0.25)
  t.same(jsonOf('(list (if #f #f) (/ 0. 0.) (/ 1. 0.))'), [null, null, null])
  t.same(jsonOf('car'), '#<procedure car>')
  const whole = JSON.parse(answerJson(answered('(display "hi") 5').outcome!, 1.5, defaultLimits))
  t.match(whole, { status: 'ok', value: 5, written: '5', output: 'hi', elapsedMs: 1.5 })
  t.throws(() => jsonOf('(define l (list 1)) (set-cdr! l l) l'), { code: 'memory-limit' })
})

t.test('a list of rows becomes CSV', async t => {
  t.equal(answerCsv(answered('\'(("a,b" . 1) ("c" 2 3) x)').outcome!, 0, defaultLimits), '"a,b",1\r\nc,2,3\r\nx\r\n')
})

t.test('an error says where, what, and who called', async t => {
  const result = evaluate('(define (total l)\n  (+ 1 (sum l)))\n(define (sum l)\n  (+ 2 (car l)))\n(display (total 5))')
  t.match(result, {
    ok: false,
    error: {
      code: 'wrong-type',
      message: '`car` wanted a pair, got 5',
      details: { line: 4, column: 8, expression: '(car l)', backtrace: ['sum', 'total', 'program'] },
    },
  })
  t.match(evaluate('(map car\n  (list 1))'), {
    error: { details: { line: 1, column: 1, backtrace: ['program'] } },
  })
  t.match(evaluate('(+ 1\n  (foo'), {
    error: { code: 'syntax-error', details: { line: 2, column: 3, incomplete: true } },
  })
})

t.test('what is nested too deeply is refused, not crashed on', async t => {
  const nested = (open: string, close: string, depth: number): string => `${open.repeat(depth)}1${close.repeat(depth)}`
  for (const depth of [100, 390, 410, 100_000]) {
    for (const [open, close] of [
      ['(list ', ')'],
      ['(if #t ', ')'],
      ['(let ((x 1)) ', ')'],
      ['((lambda (x) ', ') 1)'],
      ["'(", ')'],
      ['`(1 ,', ')'],
      ['#(', ')'],
      ["'", ''],
    ] as const) {
      const result = evaluate(nested(open, close, depth))
      t.ok(result.ok || result.error.code === 'syntax-error', `${open} ${depth}`)
    }
  }
  t.equal(codeOf('(define-syntax m (syntax-rules () ((_ x) (m (x))))) (m 1)'), 'syntax-error')
  t.equal(codeOf('(define-syntax m (syntax-rules () ((_ x) (+ 1 (m (x)))))) (m 1)'), 'syntax-error')
})

t.test('an evaluator remembers definitions from input to input', async t => {
  const evaluator = new Evaluator()
  evaluator.evaluate('(define x 5) (define (f y) (+ x y))')
  t.match(evaluator.evaluate('(f 1)'), { written: '6' })
  t.match(evaluator.evaluate('(set! x 10)'), { ok: true })
  t.match(evaluator.evaluate('(f 1)'), { written: '11' })
  t.match(evaluator.evaluate('(undefined)'), { ok: false })
  t.match(evaluator.evaluate('(f 2)'), { written: '12' })
})

t.test('there is a row for every operation', async t => {
  t.equal(OPS.length, Op.SetWinders + 1)
})

t.test('the verifier refuses code that would leave its frame, its tables or itself', async t => {
  const { block } = compileQuery('(let ((x 1)) (+ x 2))')
  t.match(disassemble(block), /local-add-number/)
  const broken = (code: number[]): void => {
    const verifier = new Verifier(0)
    verifier.begin(Object.assign(Object.create(block), { code: Int32Array.from(code) }))
    verifier.step(Number.POSITIVE_INFINITY)
  }
  t.throws(() => broken([Op.Const | (99 << 8), Op.Return]), /no such constant/)
  t.throws(() => broken([Op.Const]), /out of the block/)
  t.throws(() => broken([Op.Jump | (7 << 8)]), /out of the block/)
  t.throws(() => broken([Op.Drop | (1 << 8), Op.Return]), /bounds|operands/)
  t.throws(() => broken([Op.Local | (1 << 8), Op.Return]), /outside of the frame/)
  t.throws(() => broken([200, Op.Return]), /no operation/)
  t.throws(() => broken([Op.Push, Op.Jump | (0 << 8)]), /two depths|bounds/)
})
