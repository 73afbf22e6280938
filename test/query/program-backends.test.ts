// Emitted JavaScript and the machine do the same with the same program, case by case; fuzzer.ts makes up thousands more.
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
  "(let* ((u (field e 'user)) (v u)) (list (eqv? u v) (memv v (list 1 u)) (assq u (list (cons v 1)))))",
  "(let* ((u (field e 'user)) (v u)) (list ((car (list eqv?)) u v) (eqv? u 'ada)))",
  '(let () (define (f) 1) (define (g) 1) (list (hash (list f) 1000) (hash (list g f) 1000)))',
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
