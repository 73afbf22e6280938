; Pairs, lists and equivalence (R4RS 6.2, 6.3).
; A case: a program, then what `write` prints for its last value.

(car '(a b c))
; => a

(cdr '(a b c))
; => (b c)

(car '((a) b c d))
; => (a)

(cdr '((a) b c d))
; => (b c d)

(cdr '(1 . 2))
; => 2

(cons 'a '())
; => (a)

(cons '(a) '(b c d))
; => ((a) b c d)

(cons "a" '(b c))
; => ("a" b c)

(cons 'a 3)
; => (a . 3)

(cons '(a b) 'c)
; => ((a b) . c)

(let ((x (list 'a 'b 'c))) (set-car! x 1) x)
; => (1 b c)

(let ((x (list 'a 'b 'c))) (set-cdr! x 4) x)
; => (a . 4)

(define x (list 'a 'b 'c)) (define y x) (set-cdr! x 4) (list (list? x) (list? y) (eqv? x y))
; => (#f #f #t)

(map list? (list '(a b c) '() '(a . b)))
; => (#t #t #f)

(let ((x (list 'a))) (set-cdr! x x) (list? x))
; => #f

(list 'a (+ 3 4) 'c)
; => (a 7 c)

(list)
; => ()

(length '(a b c))
; => 3

(length '(a (b) (c d e)))
; => 3

(length '())
; => 0

(append '(x) '(y))
; => (x y)

(append '(a) '(b c d))
; => (a b c d)

(append '(a (b)) '((c)))
; => (a (b) (c))

(append '(a b) '(c . d))
; => (a b c . d)

(append '() 'a)
; => a

(append)
; => ()

(append '(1) '(2) '() '(3 4) '())
; => (1 2 3 4)

(append '(1))
; => (1)

(reverse '(a b c))
; => (c b a)

(reverse '(a (b c) d (e (f))))
; => ((e (f)) d (b c) a)

(reverse '())
; => ()

(list-tail '(a b c d) 2)
; => (c d)

(list-tail '(a b c) 3)
; => ()

(list-tail '(a b c) 0)
; => (a b c)

(list-ref '(a b c d) 2)
; => c

(list-ref '(a b c d) (inexact->exact (round 1.8)))
; => c

(memq 'c '(a b c d e))
; => (c d e)

(memq 'z '(a b c d e))
; => #f

(memq (list 'a) '(b (a) c))
; => #f

(member (list 'a) '(b (a) c))
; => ((a) c)

(member "b" '("a" "b" "c"))
; => ("b" "c")

(memv 101 '(100 101 102))
; => (101 102)

(memv 1.5 '(1 1.5 2))
; => (1.5 2)

(member 2.0 '(1 2 3))
; => #f

(memq 'a '())
; => #f

(assq 'a '((a 1) (b 2) (c 3)))
; => (a 1)

(assq 'b '((a 1) (b 2) (c 3)))
; => (b 2)

(assq 'd '((a 1) (b 2) (c 3)))
; => #f

(assq (list 'a) '(((a)) ((b)) ((c))))
; => #f

(assoc (list 'a) '(((a)) ((b)) ((c))))
; => ((a))

(assv 5 '((2 3) (5 7) (11 13)))
; => (5 7)

(assoc "b" '(("a" . 1) ("b" . 2)))
; => ("b" . 2)

(assoc 2.0 '((1 one) (2 two)))
; => #f

(caar '((1) 2))
; => 1

(cadr '(1 2 3))
; => 2

(cdar '((1 2) 3))
; => (2)

(cddr '(1 2 3))
; => (3)

(caaar '(((1))))
; => 1

(caadr '(1 (2)))
; => 2

(cadar '((1 2)))
; => 2

(caddr '(1 2 3))
; => 3

(cdaar '(((1 2))))
; => (2)

(cdadr '(1 (2 3)))
; => (3)

(cddar '((1 2 3)))
; => (3)

(cdddr '(1 2 3 4))
; => (4)

(cadddr '(1 2 3 4))
; => 4

(cddddr '(1 2 3 4 5))
; => (5)

(caaddr '(1 2 (3 4)))
; => 3

(caddar '((1 2 3)))
; => 3

(caadar '((1 (2))))
; => 2

(cdaddr '(1 2 (3 4)))
; => (4)

(cadadr '(1 (2 3)))
; => 3

(cddadr '(1 (2 3 4)))
; => (4)

(pair? '(a . b))
; => #t

(pair? '(a b c))
; => #t

(pair? '())
; => #f

(pair? '#(a b))
; => #f

(null? '())
; => #t

(null? '(1))
; => #f

(null? #f)
; => #f

(list? '(1 2))
; => #t

(list? 5)
; => #f

(eq? 'a 'a)
; => #t

(eq? '() '())
; => #t

(eq? car car)
; => #t

(let ((x '(a))) (eq? x x))
; => #t

(let ((x '#())) (eq? x x))
; => #t

(let ((p (lambda (x) x))) (eq? p p))
; => #t

(eq? (list 'a) (list 'a))
; => #f

(eqv? 'a 'b)
; => #f

(eqv? 2 2)
; => #t

(eqv? 100000000000000000000 100000000000000000000)
; => #t

(eqv? '() '())
; => #t

(eqv? (cons 1 2) (cons 1 2))
; => #f

(eqv? (lambda () 1) (lambda () 2))
; => #f

(eqv? #f 'nil)
; => #f

(eqv? 2 2.0)
; => #f

(eqv? 1/2 1/2)
; => #t

(eqv? 0.0 -0.0)
; => #f

(eqv? #\a #\a)
; => #t

(eqv? "" "")
; => #f

(equal? 'a 'a)
; => #t

(equal? '(a) '(a))
; => #t

(equal? '(a (b) c) '(a (b) c))
; => #t

(equal? "abc" "abc")
; => #t

(equal? 2 2)
; => #t

(equal? 2 2.0)
; => #f

(equal? (make-vector 5 'a) (make-vector 5 'a))
; => #t

(equal? '#(1 2) '#(1 3))
; => #f

(equal? "abc" 'abc)
; => #f

(equal? '(1 . 2) '(1 . 2))
; => #t

(define gen-counter (lambda () (let ((n 0)) (lambda () (set! n (+ n 1)) n)))) (let ((g (gen-counter))) (list (eqv? g g) (eqv? (gen-counter) (gen-counter))))
; => (#t #f)

(let ((l (list 1 2 3))) (eq? (list-tail l 1) (cdr l)))
; => #t

(list 'quote 'a)
; => (quote a)

'(1 . (2 . (3 . ())))
; => (1 2 3)

'(a . (b . c))
; => (a b . c)

''a
; => (quote a)

'(quote a)
; => (quote a)

(let ((a '(1 2)) (b '(3))) (append a b) a)
; => (1 2)

(let* ((b (list 3)) (c (append '(1 2) b))) (eq? (cddr c) b))
; => #t
