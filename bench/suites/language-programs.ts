// The programs that the language is timed by, in plain R4RS and a `sort-numbers` that each Scheme defines its own way.

export interface LanguageProgram {
  readonly name: string
  readonly smoke: number
  readonly full: number
  readonly source: (size: number) => string
  /** One of those that the aim against Chicken's interpreter is about. */
  readonly loop?: boolean
}

export const languagePrograms: readonly LanguageProgram[] = [
  {
    name: 'fib',
    smoke: 10,
    full: 27,
    loop: true,
    source: n => `(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(define (run) (fib ${n}))`,
  },
  {
    name: 'tak',
    smoke: 1,
    full: 5,
    loop: true,
    source: times => `(define (tak x y z)
  (if (not (< y x)) z (tak (tak (- x 1) y z) (tak (- y 1) z x) (tak (- z 1) x y))))
(define (run)
  (let loop ((i 1) (answer 0)) (if (> i ${times}) answer (loop (+ i 1) (tak 18 12 6)))))`,
  },
  {
    name: 'loop',
    smoke: 1_000,
    full: 1_000_000,
    loop: true,
    source: n => `(define (run) (do ((i 0 (+ i 1)) (sum 0 (+ sum i))) ((= i ${n}) sum)))`,
  },
  {
    name: 'strings',
    smoke: 50,
    full: 5_000,
    source: n => `(define (run)
  (let loop ((i 0) (text ""))
    (if (= i ${n}) (string-length text) (loop (+ i 1) (string-append text (number->string i) ",")))))`,
  },
  {
    name: 'sort',
    smoke: 100,
    full: 100_000,
    source: n => `(define (numbers count)
  (let loop ((i 0) (x 42) (all '()))
    (if (= i count) all (loop (+ i 1) (modulo (+ (* x 1103) 12345) 65536) (cons x all)))))
(define (check sorted)
  (let loop ((rest sorted) (i 1) (sum 0))
    (if (null? rest) sum (loop (cdr rest) (if (= i 1000) 1 (+ i 1)) (+ sum (* i (car rest)))))))
(define (run) (check (sort-numbers (numbers ${n}))))`,
  },
  {
    name: 'assoc',
    smoke: 50,
    full: 20_000,
    source: n => `(define table
  (let loop ((i 0) (all '())) (if (= i 100) all (loop (+ i 1) (cons (cons (number->string i) i) all)))))
(define names (let loop ((i 0) (all '())) (if (= i 100) all (loop (+ i 1) (cons (number->string (modulo (* i 37) 100)) all)))))
(define (run)
  (let loop ((i 0) (rest names) (sum 0))
    (cond ((= i ${n}) sum)
          ((null? rest) (loop i names sum))
          (else (loop (+ i 1) (cdr rest) (+ sum (cdr (assoc (car rest) table))))))))`,
  },
  {
    name: 'generator',
    smoke: 20,
    full: 20_000,
    source: n => `(define (make-generator count)
  (define return #f)
  (define (start)
    (let loop ((i 0))
      (if (< i count)
          (begin
            (call-with-current-continuation
              (lambda (resume) (set! start (lambda () (resume #f))) (return i)))
            (loop (+ i 1)))
          (return #f))))
  (lambda () (call-with-current-continuation (lambda (k) (set! return k) (start)))))
(define (run)
  (let ((next (make-generator ${n})))
    (let loop ((sum 0)) (let ((i (next))) (if i (loop (+ sum i)) sum)))))`,
  },
]
