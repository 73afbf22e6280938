; Vectors and booleans (R4RS 6.1, 6.8), and small programs.
; A case: a program, then what `write` prints for its last value.

(vector? '#(0 (2 2 2 2) "Anna"))
; => #t

(vector? '())
; => #f

(vector? "abc")
; => #f

(make-vector 3 'a)
; => #(a a a)

(make-vector 0)
; => #()

(vector 'a 'b 'c)
; => #(a b c)

(vector)
; => #()

(vector-length '#(1 2 3))
; => 3

(vector-length (vector))
; => 0

(vector-ref '#(1 1 2 3 5 8 13 21) 5)
; => 8

(let ((vec (vector 0 '(2 2 2 2) "Anna"))) (vector-set! vec 1 '("Sue" "Sue")) vec)
; => #(0 ("Sue" "Sue") "Anna")

(vector->list '#(dah dah didah))
; => (dah dah didah)

(vector->list '#())
; => ()

(list->vector '(dididit dah))
; => #(dididit dah)

(list->vector '())
; => #()

(let ((v (make-vector 2 0))) (vector-fill! v 7) v)
; => #(7 7)

#(1 2 3)
; => #(1 2 3)

'#(a #(b) "c" #\d)
; => #(a #(b) "c" #\d)

(let ((v (vector 1 2 3))) (vector-set! v 0 (vector-ref v 2)) v)
; => #(3 2 3)

(equal? (vector 1 2 '(3)) #(1 2 (3)))
; => #t

(boolean? #f)
; => #t

(boolean? 0)
; => #f

(boolean? '())
; => #f

(not 3)
; => #f

(not (list 3))
; => #f

(not #f)
; => #t

(not '())
; => #f

(not 'nil)
; => #f

(not 0)
; => #f

(vector-copy #(1 2 3))
; => #(1 2 3)

(let ((v (vector 5 3 1))) (do ((i 0 (+ i 1)) (s 0 (+ s (vector-ref v i)))) ((= i 3) s)))
; => 9

(define (qsort l) (if (null? l) '() (let ((p (car l))) (append (qsort (filter (lambda (x) (< x p)) (cdr l))) (list p) (qsort (filter (lambda (x) (>= x p)) (cdr l))))))) (qsort '(3 1 4 1 5 9 2 6))
; => (1 1 2 3 4 5 6 9)

(define v (make-vector 10 0)) (define (sieve n) (let ((flags (make-vector (+ n 1) #t))) (let loop ((i 2) (primes '())) (if (> i n) (reverse primes) (if (vector-ref flags i) (begin (do ((j (* i i) (+ j i))) ((> j n)) (vector-set! flags j #f)) (loop (+ i 1) (cons i primes))) (loop (+ i 1) primes)))))) (sieve 50)
; => (2 3 5 7 11 13 17 19 23 29 31 37 41 43 47)

(define (hanoi n a b c) (if (= n 0) 0 (+ (hanoi (- n 1) a c b) 1 (hanoi (- n 1) c b a)))) (hanoi 10 'a 'b 'c)
; => 1023

(define (queens board-size) (define (attacks? q1 q2) (or (= (car q1) (car q2)) (= (cdr q1) (cdr q2)) (= (abs (- (car q1) (car q2))) (abs (- (cdr q1) (cdr q2)))))) (define (ok? q qs) (or (null? qs) (and (not (attacks? q (car qs))) (ok? q (cdr qs))))) (define (place k qs) (if (= k 0) 1 (let loop ((col 1) (n 0)) (if (> col board-size) n (loop (+ col 1) (if (ok? (cons k col) qs) (+ n (place (- k 1) (cons (cons k col) qs))) n)))))) (place board-size '())) (queens 6)
; => 4

(define (primes n) (let loop ((i 2) (acc '())) (if (= (length acc) n) (reverse acc) (loop (+ i 1) (if (let p ((l acc)) (cond ((null? l) #t) ((= 0 (modulo i (car l))) #f) (else (p (cdr l))))) (cons i acc) acc))))) (primes 10)
; => (2 3 5 7 11 13 17 19 23 29)

(define (ackermann m n) (cond ((= m 0) (+ n 1)) ((= n 0) (ackermann (- m 1) 1)) (else (ackermann (- m 1) (ackermann m (- n 1)))))) (ackermann 2 3)
; => 9

(define (tak x y z) (if (not (< y x)) z (tak (tak (- x 1) y z) (tak (- y 1) z x) (tak (- z 1) x y)))) (tak 12 8 4)
; => 5

(let ((l (list 1 2 3))) (let loop ((p l)) (if (pair? p) (begin (set-car! p (* 2 (car p))) (loop (cdr p))))) l)
; => (2 4 6)

(make-vector 3 '())
; => #(() () ())
