// No primitive holds the machine up, however long its arguments: each program below is run a few instructions at a time,
// and none of them may be worth more than a slice. What primitives pay for is counted; that they pay for what they do, a generous bound on time says.

import t from 'tap'
import { systemClock } from '../../src/core/clock.js'
import { defaultLimits } from '../../src/core/limits.js'
import { Machine } from '../../src/query/machine.js'
import { compileQuery, compilingQuery } from '../../src/query/query.js'

const limits = { ...defaultLimits, maxQueryHeapBytes: 2 ** 30 }

/** Instructions at a time: few enough to tell one long one. */
const STRIDE = 64
/** Steps that may be paid between two chances to stop: a step stands for some 10 ns. */
const MOST_STEPS = 10_000
/** A step of arithmetic on integers of a million bits is worth more. */
const MOST_STEPS_OF_NUMBERS = 80_000
/** Far above what a slice is worth: the machine of the tests may be loaded, and its collector may pause. */
const MOST_MS = 500

const list = '(define l (iota 60000))'
const text = '(define s (make-string 60000 #\\a))'
const words = '(define w (map number->string (iota 30000)))'
const huge = '(define n (expt 7 150000)) (define m (expt 11 140000))'

const programs: readonly (readonly [prelude: string, ...calls: string[]])[] = [
  [
    list,
    '(append l l)',
    '(reverse l)',
    '(list-copy l)',
    '(take l 54000)',
    '(drop l 54000)',
    '(list-ref l 54000)',
    '(last-pair l)',
    '(length l)',
    '(list? l)',
    '(list->vector l)',
    '(vector->list (make-vector 60000 0))',
    '(vector-append (make-vector 60000 0) (vector 1))',
    '(vector-fill! (make-vector 60000 0) 1)',
    '(vector-copy (make-vector 60000 0))',
    '(make-list 60000 0)',
    '(apply + l)',
    '(apply max l)',
    '(apply < l)',
    '(apply list l)',
    '(apply vector l)',
    '(apply (lambda x (length x)) l)',
    '(apply append (map list l))',
    '(memv -1 l)',
    '(equal? l (iota 60000))',
    '(sort l >)',
    '(length (sort l (lambda (a b) (> a b))))',
    '(map + l l)',
    '(for-each car (map list l))',
    '(fold-right + 0 l)',
    '(hash-count (let ((h (make-hash-table))) (for-each (lambda (x) (hash-set! h x x)) l) h))',
    '(let ((h (make-hash-table))) (for-each (lambda (x) (hash-set! h x x)) l) (length (hash->alist (hash-copy h))))',
    '(write-to-string l)',
    '(display l)',
    '(call-with-current-continuation (lambda (k) (apply k l)))',
    '(call-with-values (lambda () (apply values l)) list)',
    '(delete-duplicates (take l 30000))',
  ],
  [
    text,
    '(string->list s)',
    '(list->string (string->list s))',
    '(string-append s s)',
    '(string-upcase s)',
    '(string-ci=? s (string-upcase s))',
    '(string<? s (string-append s "b"))',
    '(string-reverse s)',
    '(string-contains s "ab")',
    '(string-contains s (string-append (make-string 100000 #\\a) "b"))',
    '(string-replace s "a" "b")',
    '(string-split s "a")',
    '(string-split s "")',
    '(begin (string-set! s 7 #\\λ) (string-append s "x"))',
    '(string-fill! s #\\b)',
    '(string->symbol s)',
    '(string-pad-left s 400000)',
    '(write-to-string s)',
    '(string->number s)',
    '(equal? s (string-copy s))',
  ],
  [words, '(string-join w ",")', '(apply string-append w)', '(string-split (string-join w " "))', '(sort w string<?)'],
  [
    huge,
    '(* n m)',
    '(quotient (* n m) m)',
    '(/ (* n m) m)',
    '(modulo (* n m) (+ m 1))',
    '(number->string n)',
    '(string->number (number->string n))',
    '(sqrt n)',
    '(sqrt (* n n))',
    '(write n)',
    '(list (expt 10 60000))',
  ],
  [
    '(define (sum n) (let loop ((i 1) (s 0)) (if (> i n) s (loop (+ i 1) (+ s (/ 1 i))))))',
    '(rationalize (sum 1000) (/ 1 (expt 10 300)))',
  ],
]

interface Slice {
  readonly steps: number
  readonly ms: number
}

/** The longest single step of a program. */
function longest(source: string): Slice & { readonly error: string } {
  const { image, block } = compileQuery(source)
  const machine = new Machine(image, block, limits, undefined)
  let [steps, ms] = [0, 0]
  let error = ''
  try {
    while (!machine.done) {
      const before = machine.steps
      const start = systemClock.monotonicMs()
      machine.step(STRIDE)
      ms = Math.max(ms, systemClock.monotonicMs() - start)
      steps = Math.max(steps, machine.steps - before)
    }
  } catch (thrown) {
    error = String(thrown)
  }
  return { steps, ms, error }
}

for (const [prelude, ...calls] of programs) {
  const most = prelude === huge ? MOST_STEPS_OF_NUMBERS : MOST_STEPS
  t.test(`nothing done to ${prelude.slice(0, 40)} takes long at a time`, async t => {
    for (const call of calls) {
      const { steps, ms, error } = longest(`${prelude}\n${call}`)
      t.equal(error, '', call)
      t.ok(steps <= most, `${call} pays ${steps} steps at once`)
      t.ok(ms <= MOST_MS, `${call} takes ${ms.toFixed(1)} ms at once`)
      if (process.env['SHOW_SLICES']) t.comment(`${call}: ${steps} steps, ${ms.toFixed(1)} ms`)
    }
  })
}

/** A form of about 300,000 characters, in which `part` comes again and again. */
const long = (before: string, part: (i: number) => string, after: string): string => {
  let text = before
  for (let i = 0; text.length < 300_000; i++) text += part(i)
  return text + after
}

const loops = Array.from({ length: 60 }, (_, i) => `(let l${i} ((i 0)) (if (> i n) 0 `).join('')

/** Single forms: a program of many is compiled one after the other anyway. */
const giants: readonly (readonly [name: string, source: string])[] = [
  ['quoted', long("(length '(", () => 'abc ', '))')],
  ['vector', long("(vector-length '#(", () => '1 ', '))')],
  ['call', long('(list ', () => '1 ', ')')],
  ['nested calls', long('(list ', () => '(+ 1 (* 2 3)) ', ')')],
  ['body', long('(define (f x) ', () => '(if (< x 1) (+ x 1) (list x "a")) ', ')')],
  ['definitions', long('(define (f) ', i => `(define v${i} ${i}) `, '1)')],
  ['letrec', long('(letrec (', i => `(f${i} (lambda (x) (f${Math.max(0, i - 1)} x))) `, ') 1)')],
  ['parameters', long('(lambda (', i => `p${i} `, ') 1)')],
  ['quasiquotation', long('(length `(', () => ',(+ 1 2) a ', '))')],
  ['macro', long('(let-syntax ((m (syntax-rules () ((_ a ...) (list (list a) ...))))) (m ', () => '1 ', '))')],
  ['loops', long(`(define (f n) ${loops} (list `, () => '(+ n 1) ', `)${'))'.repeat(60)})`)],
]

t.test('one form, however long, is compiled in short steps', async t => {
  for (const [name, source] of giants) {
    let steps = 0
    let longestMs = 0
    for (const compiling = compilingQuery(source); ; ) {
      const start = performance.now()
      const { done } = compiling.next()
      longestMs = Math.max(longestMs, performance.now() - start)
      if (done) break
      steps++
    }
    t.ok(steps > source.length / 8_000, `${name}: ${steps} steps for ${source.length} characters`)
    t.ok(longestMs < MOST_MS, `${name}: ${longestMs.toFixed(1)} ms in one piece`)
  }
})
