// Emitted JavaScript and the machine do the same with the same program: by cases, and by programs made up from a grammar.
import fc from 'fast-check'
import t from 'tap'
import { LetheError } from '../../src/core/errors.js'
import { defaultLimits } from '../../src/core/limits.js'
import { loadProgram } from '../../src/query/program.js'
import { runOnMachine } from './program-machine.js'
import { runOn } from './program-rig.js'

const event = { type: 'event', name: 'buy', user: 'ada', session: 's1', app: '1.2', value: 3, tags: { plan: 'pro' } }

function emitted(source: string): string[] {
  try {
    return runOn(loadProgram(source, defaultLimits), event).map(line =>
      line.startsWith('failed') ? line.split(':')[0]! : line,
    )
  } catch (error) {
    if (error instanceof LetheError) return [`failed ${error.code}`]
    throw error
  }
}

// What one back end may say and the other need not: bounds are counted in different units.
const BOUNDS = /^failed (step-limit|memory-limit|frozen|continuation-gone)|^failed out-of-range/

const show = (expression: string): string =>
  `(define (on-event e) (drop! (call-with-output-string (lambda (port) (write ${expression} port)))))`

const cases = [
  '(let loop ((i 0) (l (list))) (if (< i 5) (loop (+ i 1) (cons (lambda () i) l)) (map (lambda (f) (f)) l)))',
  '(let loop ((i 0) (sum 0)) (if (= i 100) sum (loop (+ i 1) (+ sum (* i i)))))',
  '(do ((i 0 (+ i 1)) (v (make-vector 5) (begin (vector-set! v i (* i i)) v))) ((= i 5) v))',
  '(let ((x 1)) (define f (lambda () (set! x (+ x 1)) x)) (list (f) (f) x))',
  '(letrec ((even (lambda (n) (if (= n 0) #t (odd (- n 1))))) (odd (lambda (n) (if (= n 0) #f (even (- n 1)))))) (list (even 10) (odd 7) (even 3)))',
  '((lambda (a . rest) (list a rest)) 1 2 3)',
  '((lambda rest rest))',
  '(apply + 1 2 (list 3 4))',
  '(call-with-values (lambda () (values 1 2)) (lambda (a b) (+ a b)))',
  "(call/cc (lambda (k) (dynamic-wind (lambda () 1) (lambda () (k 'out)) (lambda () 2))))",
  '(let ((path (list))) (define (add x) (set! path (cons x path))) (call/cc (lambda (k) (dynamic-wind (lambda () (add 1)) (lambda () (k 2)) (lambda () (add 3))))) path)',
  '(force (delay (+ 1 2)))',
  '(let ((p (delay (begin (bump! "x" "") 1)))) (list (force p) (force p)))',
  "(case 3 ((1 2) 'low) ((3 4) 'mid) (else 'high))",
  '(cond ((assv 2 (list (cons 1 2) (cons 2 3))) => cdr) (else 0))',
  '`(1 ,(+ 1 1) ,@(map (lambda (x) (* x x)) (list 3 4)) #(a ,(* 2 3)))',
  '(let* ((x 1) (y (+ x 1))) (let-values (((a b) (values x y))) (list a b)))',
  '(+ 9007199254740991 1)',
  '(* 99999999999 99999999999)',
  '(- 0 0)',
  '(* 0 -5)',
  '(- -9007199254740991 5)',
  '(+ 1 2.5)',
  '(/ 1 3)',
  '(< 1 2 3)',
  '(= 1 1.0)',
  '(eqv? 1.0 1.0)',
  '(equal? (list 1 "a" #\\b) (list 1 "a" #\\b))',
  "(memv 2 '(1 2 3))",
  "(if (memv 9 '(1 2 3)) 1 2)",
  '(car (list))',
  '(vector-ref (vector 1 2) 2)',
  '(vector-ref (vector 1 2) 0.5)',
  '(1 2)',
  '((lambda (x) x))',
  '(let ((f car)) (f (cons 1 2)))',
  '(map + (list 1 2) (list 10 20))',
  '(sort (list 3 1 2) <)',
  '(let ((h (make-hash-table))) (hash-update! h 1 (lambda (x) (+ x 1)) 0) (hash->alist h))',
  '(string->symbol (string-append "a" (number->string 1)))',
  "(field e 'user)",
  "(list (field e 'value) (field e 'country) (field e 'tags) (field e 'tags 'plan) (event-type e))",
  '(equal? (field e \'user) "ada")',
  '(equal? (field e \'country) "")',
  "(let ((u (field e 'user))) (eq? u u))",
  "(let ((u (field e 'user)) (c (field e 'country))) (list (not u) (not c) (and u c) (or c u)))",
  '(let ((u (field e \'user))) (string-set! u 0 #\\x) (list u (equal? u "xda")))',
  "(let ((k (key (field e 'user) (field e 'app)))) (list k (key (field e 'country) k)))",
  "(let loop ((n 3) (u (field e 'user))) (if (= n 0) u (loop (- n 1) (field e 'app))))",
  '(let () (define (g u) (if u (string-length u) 0)) (list (g (field e \'user)) (g (field e \'country)) (g "abc")))',
  '(let () (define-syntax swap! (syntax-rules () ((_ a b) (let ((t a)) (set! a b) (set! b t))))) (let ((t 1) (u 2)) (swap! t u) (list t u)))',
  '(letrec ((a (lambda () b)) (b 2)) (a))',
  '(letrec ((a b) (b 2)) a)',
  '(let ((v (if #f #f))) (list v))',
  '(list (sample 0.5) (state "k") (once! \'a "k") (once! \'a "k"))',
]

for (const expression of cases) {
  t.test(`both answer the same: ${expression}`, async t => {
    t.strictSame(emitted(show(expression)), runOnMachine(show(expression), event))
  })
}

// ——— programs from a grammar

const { expression } = fc.letrec<{ expression: string; effect: string }>(tie => {
  const e = tie('expression')
  const name = fc.constantFrom('x', 'y', 'z', 'u')
  const leaf = fc.oneof(
    fc.integer({ min: -5, max: 5 }).map(String),
    fc.constantFrom('"a"', '"ada"', '#t', '#f', "'()", "'sym", '2.5', '1/2', '9007199254740991', '"1.2"'),
    name,
    fc.constantFrom(
      "(field e 'user)",
      "(field e 'app)",
      "(field e 'country)",
      "(field e 'value)",
      "(field e 'tags 'plan)",
    ),
  )
  return {
    expression: fc.oneof(
      { maxDepth: 5, depthSize: 'small' },
      leaf,
      fc
        .tuple(
          fc.constantFrom(
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
            'key',
            'quotient',
            'append',
          ),
          e,
          e,
        )
        .map(parts => `(${parts.join(' ')})`),
      fc
        .tuple(
          fc.constantFrom(
            'car',
            'cdr',
            'not',
            'null?',
            'pair?',
            'string?',
            'number?',
            'zero?',
            'reverse',
            'length',
            'string-length',
            'list->vector',
            'force',
            'vector?',
          ),
          e,
        )
        .map(parts => `(${parts.join(' ')})`),
      fc.tuple(e, e, e).map(([a, b, c]) => `(if ${a} ${b} ${c})`),
      fc.tuple(name, e, e).map(([n, a, b]) => `(let ((${n} ${a})) ${b})`),
      fc.tuple(name, e, e).map(([n, a, b]) => `(begin (set! ${n} ${a}) ${b})`),
      fc.tuple(name, e, e).map(([n, a, b]) => `(let loop ((i 0) (${n} ${a})) (if (< i 3) (loop (+ i 1) ${b}) ${n}))`),
      fc.tuple(name, e, e).map(([n, a, b]) => `(map (lambda (${n}) ${a}) (list ${b} 1))`),
      fc.tuple(name, e, e).map(([n, a, b]) => `(let () (define (f ${n}) ${a}) (cons (f ${b}) f))`),
      fc.tuple(name, e, e).map(([n, a, b]) => `((lambda (${n} . rest) (cons ${a} rest)) ${b} 2)`),
      fc.tuple(e, e).map(([a, b]) => `(call/cc (lambda (k) (if ${a} (k ${b}) ${a})))`),
      fc.tuple(e, e).map(([a, b]) => `(let ((v (vector ${a} ${b}))) (vector-set! v 0 ${b}) (vector-ref v 0))`),
      fc.tuple(e, e).map(([a, b]) => `(or ${a} (and ${b} ${a}))`),
      fc.tuple(e, e).map(([a, b]) => `(begin (bump! "t" ${a}) ${b})`),
      fc.tuple(e, e).map(([a, b]) => `(begin (sketch! "s" "" ${a}) (observe! "o" ${b} 2) ${b})`),
      fc.tuple(e, e).map(([a, b]) => `(case ${a} ((1 2) ${b}) ((sym) 'found) (else ${a}))`),
      e.map(a => `(delay ${a})`),
      e.map(a => `(apply list (list ${a}))`),
    ),
    effect: e,
  }
})

t.test('programs from a grammar: the same effects, values and failures', async () => {
  const printable = (body: string) =>
    `(define z 7) (define (on-event e) (let ((x 1) (y "yes") (u (field e 'user))) (bump! "r" (call-with-output-string (lambda (port) (write ${body} port))))))`
  fc.assert(
    fc.property(expression, body => {
      const source = printable(body)
      const one = emitted(source)
      const other = runOnMachine(source, event)
      if (BOUNDS.test(one[0] ?? '') || BOUNDS.test(other[0] ?? '')) return
      if (JSON.stringify(one) !== JSON.stringify(other))
        throw new Error(`${source}\n${one.join('\n')}\n---\n${other.join('\n')}`)
    }),
    { numRuns: 1_500 },
  )
})
