; Expressions, definitions, macros (R4RS 4, 5, appendix).
; A case: a program, then what `write` prints for its last value.

(define x 28) x
; => 28

(quote a)
; => a

(quote #(a b c))
; => #(a b c)

(quote (+ 1 2))
; => (+ 1 2)

'"abc"
; => "abc"

'145932
; => 145932

145932
; => 145932

'#t
; => #t

#t
; => #t

(+ 3 4)
; => 7

((if #f + *) 3 4)
; => 12

((lambda (x) (+ x x)) 4)
; => 8

(define reverse-subtract (lambda (x y) (- y x))) (reverse-subtract 7 10)
; => 3

(define add4 (let ((x 4)) (lambda (y) (+ x y)))) (add4 6)
; => 10

((lambda x x) 3 4 5 6)
; => (3 4 5 6)

((lambda (x y . z) z) 3 4 5 6)
; => (5 6)

((lambda (x . y) (list x y)) 1)
; => (1 ())

(if (> 3 2) 'yes 'no)
; => yes

(if (> 2 3) 'yes 'no)
; => no

(if (> 3 2) (- 3 2) (+ 3 2))
; => 1

(if '() 1 2)
; => 1

(if 0 1 2)
; => 1

(define x 2) (set! x 4) (+ x 1)
; => 5

(cond ((> 3 2) 'greater) ((< 3 2) 'less))
; => greater

(cond ((> 3 3) 'greater) ((< 3 3) 'less) (else 'equal))
; => equal

(cond ((assv 'b '((a 1) (b 2))) => cadr) (else #f))
; => 2

(cond (#f 1) (2))
; => 2

(cond ((+ 1 1)))
; => 2

(cond (1 2 3))
; => 3

(case (* 2 3) ((2 3 5 7) 'prime) ((1 4 6 8 9) 'composite))
; => composite

(case (car '(c d)) ((a e i o u) 'vowel) ((w y) 'semivowel) (else 'consonant))
; => consonant

(case 'x ((x) "x") (else "other"))
; => "x"

(case #\a ((#\b) 1) ((#\a) 2))
; => 2

(case 100000000000000000000 ((100000000000000000000) 'big) (else 'none))
; => big

(case 2.0 ((2) 'exact) ((2.0) 'inexact) (else 'none))
; => inexact

(case '() ((()) 'empty) (else 'other))
; => empty

(and (= 2 2) (> 2 1))
; => #t

(and (= 2 2) (< 2 1))
; => #f

(and 1 2 'c '(f g))
; => (f g)

(and)
; => #t

(and #f (car 5))
; => #f

(or (= 2 2) (> 2 1))
; => #t

(or (= 2 2) (< 2 1))
; => #t

(or #f #f #f)
; => #f

(or (memq 'b '(a b c)) (/ 3 0))
; => (b c)

(or)
; => #f

(or #f 3)
; => 3

(let ((x 2) (y 3)) (* x y))
; => 6

(let ((x 2) (y 3)) (let ((x 7) (z (+ x y))) (* z x)))
; => 35

(let ((x 2) (y 3)) (let* ((x 7) (z (+ x y))) (* z x)))
; => 70

(let* () 1)
; => 1

(let () 5)
; => 5

(let* ((x 1) (x (+ x 1))) x)
; => 2

(letrec ((even? (lambda (n) (if (zero? n) #t (odd? (- n 1))))) (odd? (lambda (n) (if (zero? n) #f (even? (- n 1)))))) (even? 88))
; => #t

(define x 0) (begin (set! x 5) (+ x 1))
; => 6

(do ((vec (make-vector 5)) (i 0 (+ i 1))) ((= i 5) vec) (vector-set! vec i i))
; => #(0 1 2 3 4)

(let ((x '(1 3 5 7 9))) (do ((x x (cdr x)) (sum 0 (+ sum (car x)))) ((null? x) sum)))
; => 25

(do ((i 0 (+ i 1)) (l '() (cons (lambda () i) l))) ((= i 3) (map (lambda (f) (f)) l)))
; => (2 1 0)

(let loop ((numbers '(3 -2 1 6 -5)) (nonneg '()) (neg '())) (cond ((null? numbers) (list nonneg neg)) ((>= (car numbers) 0) (loop (cdr numbers) (cons (car numbers) nonneg) neg)) ((< (car numbers) 0) (loop (cdr numbers) nonneg (cons (car numbers) neg)))))
; => ((6 1 3) (-5 -2))

`(list ,(+ 1 2) 4)
; => (list 3 4)

(let ((name 'a)) `(list ,name ',name))
; => (list a (quote a))

`(a ,(+ 1 2) ,@(map abs '(4 -5 6)) b)
; => (a 3 4 5 6 b)

`((foo ,(- 10 3)) ,@(cdr '(c)) . ,(car '(cons)))
; => ((foo 7) . cons)

`#(10 5 ,(sqrt 4) ,@(map sqrt '(16 9)) 8)
; => #(10 5 2 4 3 8)

`(a `(b ,(c ,(+ 1 2))))
; => (a (quasiquote (b (unquote (c 3)))))

`(a `(b ,(foo ,(+ 1 3) d) e) f)
; => (a (quasiquote (b (unquote (foo 4 d)) e)) f)

(let ((name1 'x) (name2 'y)) `(a `(b ,,name1 ,',name2 d) e))
; => (a (quasiquote (b (unquote x) (unquote (quote y)) d)) e)

(quasiquote (list (unquote (+ 1 2)) 4))
; => (list 3 4)

'(quasiquote (list (unquote (+ 1 2)) 4))
; => (quasiquote (list (unquote (+ 1 2)) 4))

`(1 . ,(+ 1 1))
; => (1 . 2)

`(,@'(1 2) . 3)
; => (1 2 . 3)

`(1 ,@'())
; => (1)

`,@'(1)
; => (unquote-splicing (quote (1)))

`()
; => ()

`#()
; => #()

`#(1 ,2 ,'a ,@'(b))
; => #(1 2 a b)

`#(,@'())
; => #()

`#(unquote (+ 1 2))
; => #(unquote (+ 1 2))

`#(1 unquote (list 1 2))
; => #(1 unquote (list 1 2))

`#(1 `,(a ,(+ 1 2)))
; => #(1 (quasiquote (unquote (a 3))))

`#(,@5)
; !> wrong-type `list->vector` wanted a list, got 5

`(a . b)
; => (a . b)

`(x ,@(list 1 2) ,@(list 3 4))
; => (x 1 2 3 4)

`(1 `,(+ 1 ,(+ 2 3)))
; => (1 (quasiquote (unquote (+ 1 5))))

`(1 ```,,@,,@(list (+ 1 2)) 4)
; => (1 (quasiquote (quasiquote (quasiquote (unquote (unquote-splicing (unquote 3)))))) 4)

`(a `(,@(b ,@(list 1 2))))
; => (a (quasiquote ((unquote-splicing (b 1 2)))))

(define (f) (define x 1) (define (g y) (+ x y)) (g 5)) (f)
; => 6

(let ((x 5)) (define foo (lambda (y) (bar x y))) (define bar (lambda (a b) (+ (* a b) a))) (foo (+ x 3)))
; => 45

(define (f x) (define (even? n) (if (= n 0) #t (odd? (- n 1)))) (define (odd? n) (if (= n 0) #f (even? (- n 1)))) (even? x)) (f 100)
; => #t

(let () (define a 1) (define b (+ a 1)) (* a b))
; => 2

(define add3 (lambda (x) (+ x 3))) (add3 3)
; => 6

(define first car) (first '(1 2))
; => 1

(define (f . args) args) (f 1 2 3)
; => (1 2 3)

(let ((=> #f)) (cond (#t => 'ok)))
; => ok

(define else #f) (cond (#f 1) (else 2))
; => #<unspecified>

(define-syntax swap! (syntax-rules () ((_ a b) (let ((tmp a)) (set! a b) (set! b tmp))))) (let ((tmp 1) (other 2)) (swap! tmp other) (list tmp other))
; => (2 1)

(define-syntax my-or (syntax-rules () ((_) #f) ((_ e) e) ((_ e r ...) (let ((t e)) (if t t (my-or r ...)))))) (let ((t 5)) (my-or #f t))
; => 5

(define-syntax my-or2 (syntax-rules () ((_ a b) (let ((if a)) (cond (if if) (else b)))))) (let ((if list)) (my-or2 #f 3))
; => 3

(let ((x 'outer)) (let-syntax ((m (syntax-rules () ((m) x)))) (let ((x 'inner)) (m))))
; => outer

(letrec-syntax ((my-or (syntax-rules () ((my-or) #f) ((my-or e) e) ((my-or e1 e2 ...) (let ((temp e1)) (if temp temp (my-or e2 ...))))))) (let ((x #f) (y 7) (temp 8) (let odd?) (if even?)) (my-or x (let temp) (if y) y)))
; => 7

(define-syntax for (syntax-rules (in) ((_ x in l body ...) (map (lambda (x) body ...) l)))) (for y in '(1 2 3) (* y y))
; => (1 4 9)

(define-syntax my-let (syntax-rules () ((_ ((n v) ...) b ...) ((lambda (n ...) b ...) v ...)))) (my-let ((a 1) (b 2)) (+ a b))
; => 3

(define-syntax my-cond (syntax-rules (else) ((_ (else e)) e) ((_ (c e) r ...) (if c e (my-cond r ...))))) (my-cond (#f 1) (#f 2) (else 3))
; => 3

(define-syntax flat (syntax-rules () ((_ (a b ...) ...) '(a ... (b ... ) ...)))) (flat (1 2 3) (4) (5 6))
; => (1 4 5 (2 3) () (6))

(define-syntax flat2 (syntax-rules () ((_ (a b ...) ...) '(b ... ...)))) (flat2 (1 2 3) (4) (5 6))
; => (2 3 6)

(define-syntax tail (syntax-rules () ((_ a ... z) 'z))) (tail 1 2 3 4)
; => 4

(define-syntax be-like-begin (syntax-rules () ((_ name) (define-syntax name (syntax-rules () ((_ expr (... ...)) (begin expr (... ...)))))))) (be-like-begin sequence) (sequence 1 2 3 4)
; => 4

(define-syntax vec (syntax-rules () ((_ #(a b ...)) (list a 'b ...)))) (vec #(1 2 3))
; => (1 2 3)

(define-syntax m (syntax-rules () ((_ (a . b)) '(a b)))) (m (1 2 3))
; => (1 (2 3))

(define-syntax while (syntax-rules () ((_ c b ...) (let lp () (if c (begin b ... (lp)) #f))))) (define i 0) (while (< i 5) (set! i (+ i 1))) i
; => 5

(define-syntax inc! (syntax-rules () ((_ x) (inc! x 1)) ((_ x n) (set! x (+ x n))))) (define z 1) (inc! z) (inc! z 10) z
; => 12

(define-syntax kw (syntax-rules (=>) ((_ a => b) (cons a b)) ((_ a b c) 'no))) (list (kw 1 => 2) (let ((=> 0)) (kw 1 => 2)))
; => ((1 . 2) no)

(define-syntax def (syntax-rules () ((_ n v) (define n v)))) (def qq 5) qq
; => 5

(let () (define-syntax def (syntax-rules () ((_ n v) (define n v)))) (def a 1) (def b 2) (+ a b))
; => 3

(define-syntax lit (syntax-rules () ((_ "a") 'string) ((_ 1) 'one) ((_ #\c) 'char) ((_ x) 'other))) (list (lit "a") (lit 1) (lit #\c) (lit foo))
; => (string one char other)

(define (f x) (* x 2)) (define-syntax g (syntax-rules () ((_ x) (f x)))) (let ((f list)) (g 4))
; => 8

(define-syntax ten (syntax-rules () ((_) 10))) (define (f x) (+ x (ten))) (f 1)
; => 11

(let ((x 1)) (let-syntax ((foo (syntax-rules () ((_ y) (let-syntax ((bar (syntax-rules () ((_) (let ((x 2)) y))))) (bar)))))) (foo x)))
; => 1

(let loop ((i 0)) (if (< i 10) (loop (+ i 1)) i))
; => 10

(let loop ((i 0) (j 10)) (if (< i j) (loop (+ i 1) (- j 1)) (list i j)))
; => (5 5)

(define (count n) (let outer ((i 0) (total 0)) (if (= i n) total (let inner ((j 0) (t total)) (if (= j n) (outer (+ i 1) t) (inner (+ j 1) (+ t 1))))))) (count 10)
; => 100

(let ((f (let loop ((i 0) (fs '())) (if (= i 3) fs (loop (+ i 1) (cons (lambda () i) fs)))))) (map (lambda (g) (g)) f))
; => (2 1 0)

(let ((fs (let loop ((i 0) (fs '())) (if (= i 3) fs (loop (+ i 1) (cons (lambda () (set! i (+ i 10)) i) fs)))))) (list ((car fs)) ((car fs)) ((cadr fs))))
; => (12 22 11)

(define (f n) (let loop ((n n) (acc '())) (if (= n 0) acc (loop (- n 1) (cons n acc))))) (f 5)
; => (1 2 3 4 5)

(define x 10) (define (g) x) (let ((x 20)) (g))
; => 10

(define (make-counter) (let ((n 0)) (lambda () (set! n (+ n 1)) n))) (define c (make-counter)) (c) (c) (c)
; => 3

(letrec ((f (lambda (n) (if (= n 0) 1 (* n (f (- n 1))))))) (f 20))
; => 2432902008176640000

(define f (lambda (n) (if (= n 0) 'done (f (- n 1))))) (f 100000)
; => done

(define (a n) (if (= n 0) 'done (b (- n 1)))) (define (b n) (a n)) (a 100000)
; => done

(define (f n) (cond ((= n 0) 'done) (else (f (- n 1))))) (f 50000)
; => done

(define (f n) (and #t (or #f (if (= n 0) 'done (f (- n 1)))))) (f 50000)
; => done

(define (f n) (case n ((0) 'done) (else (f (- n 1))))) (f 50000)
; => done

(define (f n) (apply (lambda (m) (if (= m 0) 'done (f (- m 1)))) (list n))) (f 50000)
; => done

(let ((x 1)) (set! x (+ x 1)) (let ((y x)) (set! y (* y 10)) (list x y)))
; => (2 20)

(define (tree-insert tree x) (cond ((null? tree) (list x '() '())) ((< x (car tree)) (list (car tree) (tree-insert (cadr tree) x) (caddr tree))) (else (list (car tree) (cadr tree) (tree-insert (caddr tree) x))))) (tree-insert (tree-insert (tree-insert '() 5) 3) 8)
; => (5 (3 () ()) (8 () ()))

(define (compose . fs) (if (null? fs) (lambda (x) x) (lambda (x) ((car fs) ((apply compose (cdr fs)) x))))) ((compose (lambda (x) (* x 2)) (lambda (x) (+ x 1))) 5)
; => 12

(define (curry f . args) (lambda more (apply f (append args more)))) ((curry + 1 2) 3 4)
; => 10

(define-syntax my-if (syntax-rules () ((_ c t e) (cond (c t) (else e))))) (let ((else #f)) (my-if #f 1 2))
; => 2

#\x
; => #\x

#\nul
; => #\nul

#\tab
; => #\tab

(integer->char 955)
; => #\λ

"a\nb\t\"c\\"
; => "a\nb\t\"c\\"

(string #\a #\")
; => "a\""

(read (open-input-string "(1 . 2) foo"))
; => (1 . 2)

(let ((p (open-input-string "a b"))) (read p) (read p) (eof-object? (read p)))
; => #t

(define (loop n) (cond ((= n 0) 'done) ((- n 1) => loop))) (loop 100000)
; => done

(define (loop n) (and #t (if (= n 0) 'done (loop (- n 1))))) (loop 100000)
; => done

(define (loop n) (or #f (if (= n 0) 'done (loop (- n 1))))) (loop 100000)
; => done

(define (loop n) (case n ((0) 'done) (else (loop (- n 1))))) (loop 100000)
; => done

(define (loop n) (if (= n 0) 'done (apply loop (list (- n 1))))) (loop 100000)
; => done

(define (loop n) (when #t (if (= n 0) 'done (loop (- n 1))))) (loop 100000)
; => done

(define (loop n) (do () ((= n 0) 'done) (set! n (- n 1)))) (loop 100000)
; => done

(define (loop n) (let* ((m (- n 1))) (letrec ((x 1)) (begin (if (< m 0) 'done (loop m)))))) (loop 100000)
; => done

(define (loop n) (call/cc (lambda (k) (if (= n 0) 'done (loop (- n 1)))))) (loop 100000)
; => done

(define (loop n) (dynamic-wind (lambda () #f) (lambda () (if (= n 0) 'done (loop (- n 1)))) (lambda () #f))) (loop 1000)
; => done

(let f ((i 0) (acc '())) (if (= i 3) acc (let f2 ((j i)) (f (+ i 1) (cons j acc)))))
; => (2 1 0)

(do ((i 0 (+ i 1)) (x 5)) ((= i 3) (list i x)))
; => (3 5)

(vector 1 2 3)
; => #(1 2 3)

'#(a b)
; => #(a b)

(letrec ((even? (lambda (n) (if (= n 0) #t (odd? (- n 1))))) (odd? (lambda (n) (if (= n 0) #f (even? (- n 1)))))) (even? 1001))
; => #f

(define (f) (define-syntax twice (syntax-rules () ((_ x) (* 2 x)))) (twice 21)) (f)
; => 42

(case 3 ((1 2) 'a) ((3) 'b) (else 'c))
; => b

(case 'x ((x) => (lambda (v) (list v 'hit))) (else 'no))
; => (x hit)

(case 5 ((1) 1) (else => (lambda (x) (* x 2))))
; => 10

(case "a" (("a") 1) (else 2))
; => 2

(case #\a ((#\a) 1) (else 2))
; => 1

(cond (1))
; => 1

((lambda args args))
; => ()

(define f (lambda (a . b) (list a b))) (f 1)
; => (1 ())

(begin 1 2 3)
; => 3

(begin (define x 1) (define y 2)) (+ x y)
; => 3

(list-tail '(1 2 3) 1)
; => (2 3)

(list-ref '(1 2 3) 2)
; => 3

(append '(1) '(2) '(3 4) '())
; => (1 2 3 4)

(append '(1) 2)
; => (1 . 2)

(append '() '())
; => ()

(append '() 5)
; => 5

(list-copy '(1 2 3))
; => (1 2 3)

(map + '(1 2 3) '(10 20 30))
; => (11 22 33)

(map (lambda (x y) (cons x y)) '(1 2 3) '(a b))
; => ((1 . a) (2 . b))

(apply + 1 2 '(3 4 5))
; => 15

(apply max '(3 1 2))
; => 3

(apply list '())
; => ()

'FooBar
; => FooBar

(symbol->string 'FooBar)
; => "FooBar"

(eq? 'abc 'ABC)
; => #f

(symbol? 'a)
; => #t

(string->list "abc")
; => (#\a #\b #\c)

(list->string '(#\a #\b))
; => "ab"

(string-append "a" "b" "c")
; => "abc"

(substring "hello" 1 3)
; => "el"

(string<? "abc" "abd" "abe")
; => #t

(string-ci=? "ABC" "abc")
; => #t

(char-upcase #\ä)
; => #\Ä

(char-ci=? #\a #\A)
; => #t

(char-numeric? #\5)
; => #t

(list->vector '(1 2 3))
; => #(1 2 3)

(exact->inexact 22/7)
; => 3.142857142857143

(call-with-values (lambda () (values 1 2)) cons)
; => (1 . 2)

(let-syntax ((foo (syntax-rules () ((_ x) (list x x))))) (foo 1))
; => (1 1)

(define-syntax foo (syntax-rules (=>) ((_ a => b) (list a b)) ((_ a b c) 'no))) (foo 1 => 2)
; => (1 2)

(define-syntax foo (syntax-rules (=>) ((_ a => b) (list a b)) ((_ a b c) 'no))) (let ((=> 0)) (foo 1 => 2))
; => no

(define-syntax my-let* (syntax-rules () ((_ () b ...) (let () b ...)) ((_ ((x v) rest ...) b ...) (let ((x v)) (my-let* (rest ...) b ...))))) (my-let* ((a 1) (b (+ a 1))) (* a b))
; => 2

(define-syntax foo (syntax-rules () ((_ (a ...) (b ...)) '((a b) ...)))) (foo (1 2) (3 4))
; => ((1 3) (2 4))

(define-syntax foo (syntax-rules () ((_ ((a b ...) ...)) '(a ... (b ... ) ...)))) (foo ((1 2 3) (4 5)))
; => (1 4 (2 3) (5))

(define-syntax kons (syntax-rules () ((_ a b) (cons a b)))) (let ((cons list)) (kons 1 2))
; => (1 . 2)

(define-syntax def (syntax-rules () ((_ n v) (define n v)))) (def q 5) q
; => 5

(define-syntax deftmp (syntax-rules () ((_ v) (begin (define tmp v) tmp)))) (deftmp 5)
; => 5

(define (car x) 'mine) (car '(1))
; => mine

(let ((quote -)) '5)
; => -5

(let ((define 5)) define)
; => 5

(define if list) (if 1 2 3)
; => (1 2 3)

(let ((let list)) (let 1 2))
; => (1 2)

(number->string 3.0)
; => "3.0"

(delete 2 '(1 2 3))
; => (1 3)

'()
; => ()

'`(a ,b ,@c)
; => (quasiquote (a (unquote b) (unquote-splicing c)))

'(a . b)
; => (a . b)

#true
; => #t

#false
; => #f

'(#t #f)
; => (#t #f)

#;(hidden) 5
; => 5

#| block #| nested |# |# 6
; => 6

#d1.5
; => 1.5

#xAB
; => 171

#e1.5
; => 3/2

-1.e2
; => -100.0

'(#t #T #f #F)
; => (#t #t #f #f)

(define-syntax m (syntax-rules () ((_ k (a ...) ...) '((k (k a) ...) ...)))) (m 0 (1 2) (3))
; => ((0 (0 1) (0 2)) (0 (0 3)))

(define-syntax m (syntax-rules () ((_ (k a ...) ...) '#((k (a k) ...) ...)))) (m (0 1 2) (3))
; => #((0 (1 0) (2 0)) (3))

(define-syntax m (syntax-rules () ((_ a) '(... #(a ...))))) (m 1)
; => #(1 ...)
