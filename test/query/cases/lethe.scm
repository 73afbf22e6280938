; What goes beyond R4RS, and where Schemes differ and we had to choose.
; A case: a program, then what `write` prints for its last value.

(when #t 1 2)
; => 2

(when #f 1)
; => #<unspecified>

(unless #f 1 2)
; => 2

(let*-values (((a b) (values 1 2)) ((c) (values (+ a b)))) (list a b c))
; => (1 2 3)

(let-values (((a . rest) (values 1 2 3))) (list a rest))
; => (1 (2 3))

(assert (= 1 1))
; => #<unspecified>

(filter odd? '(1 2 3 4 5))
; => (1 3 5)

(remove odd? '(1 2 3))
; => (2)

(reduce + 0 '(1 2 3))
; => 6

(reduce + 0 '())
; => 0

(reduce - 0 '(1 2 3 4))
; => 2

(fold-left - 0 '(1 2 3))
; => -6

(fold-right - 0 '(1 2 3))
; => 2

(fold-left list '() '(1 2 3))
; => (((() 1) 2) 3)

(fold-right list '() '(1 2 3))
; => (1 (2 (3 ())))

(fold-left + 0 '(1 2) '(10 20))
; => 33

(fold-right cons* '() '(1 2) '(3 4))
; => (1 3 2 4)

(fold cons '() '(1 2 3))
; => (3 2 1)

(sort '(3 1 2) <)
; => (1 2 3)

(sort '("b" "a") string<?)
; => ("a" "b")

(sort (vector 3 1 2) >)
; => #(3 2 1)

(sort '((1 . b) (0 . a) (1 . a)) (lambda (x y) (< (car x) (car y))))
; => ((0 . a) (1 . b) (1 . a))

(sort '() <)
; => ()

(sort < '(2 1))
; => (1 2)

(iota 5)
; => (0 1 2 3 4)

(iota 3 1)
; => (1 2 3)

(iota 3 0 1/2)
; => (0 1/2 1)

(iota 0)
; => ()

(take '(1 2 3) 2)
; => (1 2)

(drop '(1 2 3) 2)
; => (3)

(take '(1 2 3) 0)
; => ()

(list-index even? '(1 3 4))
; => 2

(list-index even? '(1 3))
; => #f

(any odd? '(2 4 5))
; => #t

(any odd? '())
; => #f

(any + '(1) '(2))
; => 3

(every odd? '(1 3))
; => #t

(every odd? '())
; => #t

(every + '(1 2) '(3 4))
; => 6

(string-join '("a" "b" "c") ",")
; => "a,b,c"

(string-join '("a" "b"))
; => "a b"

(string-join '())
; => ""

(string-split "a,b,,c" ",")
; => ("a" "b" "" "c")

(string-split "a b" #\space)
; => ("a" "b")

(string-split "  a  b ")
; => ("a" "b")

(string-contains "hello" "lo")
; => 3

(string-contains "hello" "z")
; => #f

(string-contains "λx" "x")
; => 1

(exact-round 2.5)
; => 2

(exact-round 7/2)
; => 4

(exact-round -1.5)
; => -2

(exact-floor 2.7)
; => 2

(number->string 3.14159 10 2)
; => "3.14"

(number->string 2/3 10 3)
; => "0.667"

(number->string -1/3 10 2)
; => "-0.33"

(number->string 5 10 2)
; => "5.00"

(number->string 1234.5 10 0)
; => "1235"

(number->string -0.001 10 1)
; => "-0.0"

(number->string 1e25 10 2)
; => "10000000000000000905969664.00"

(list (number->string (/ -1. 0.) 10 2) (number->string (/ 0. 0.) 10 2))
; => ("-inf.0" "+nan.0")

(define h (make-hash-table)) (hash-set! h 'a 1) (hash-ref h 'a)
; => 1

(define h (make-hash-table)) (hash-ref h 'a)
; => #f

(define h (make-hash-table)) (hash-ref h 'a 'none)
; => none

(define h (make-hash-table)) (hash-update! h "k" (lambda (n) (+ n 1)) 0) (hash-update! h "k" (lambda (n) (+ n 1)) 0) (hash->alist h)
; => (("k" . 2))

(define h (make-hash-table)) (hash-set! h '(1 2) 'x) (hash-ref h (list 1 2))
; => x

(define h (make-hash-table)) (hash-set! h 1 'int) (hash-set! h 1.0 'real) (hash-set! h "1" 'string) (hash-set! h #\1 'char) (hash-set! h '|1| 'symbol) (list (hash-count h) (hash-ref h 1) (hash-ref h 1.0) (hash-ref h "1") (hash-ref h #\1) (hash-ref h '|1|))
; => (5 int real string char symbol)

(define h (make-hash-table)) (hash-ref h "__proto__")
; => #f

(define h (make-hash-table)) (hash-set! h "__proto__" 1) (hash-set! h "constructor" 2) (hash->alist h)
; => (("__proto__" . 1) ("constructor" . 2))

(define h (make-hash-table)) (hash-set! h car 1) (list (hash-ref h car) (hash-ref h cdr))
; => (1 #f)

(define h (make-hash-table)) (hash-set! h (list car) 1) (list (hash-ref h (list car)) (hash-ref h (list cdr)))
; => (1 #f)

(define h (make-hash-table)) (hash-set! h 'a 1) (hash-delete! h 'a) (hash-has? h 'a)
; => #f

(define h (alist->hash '((a . 1) (b . 2)))) (list (hash-keys h) (hash-values h) (hash-count h))
; => ((a b) (1 2) 2)

(let ((s 0)) (hash-for-each (lambda (k v) (set! s (+ s v))) (alist->hash '((a . 1) (b . 2)))) s)
; => 3

(string-map char-upcase "abc")
; => "ABC"

(call-with-output-string (lambda (p) (write 'a p) (display "b" p)))
; => "ab"

(read "(1 . 2)")
; => (1 . 2)

(read "'x")
; => (quote x)

(read "")
; => #<eof>

(let ((p (open-input-string "a (b) \"c\""))) (let* ((a (read p)) (b (read p)) (c (read p)) (d (read p))) (list a b c (eof-object? d))))
; => (a (b) "c" #t)

(let ((p (open-input-string "ab"))) (let* ((a (peek-char p)) (b (read-char p)) (c (read-char p)) (d (read-char p))) (list a b c (eof-object? d))))
; => (#\a #\a #\b #t)

(write-to-string '(a "b" #\c 1.5))
; => "(a \"b\" #\\c 1.5)"

7.0
; => 7.0

(exact->inexact 7)
; => 7.0

(if #f #f)
; => #<unspecified>

(list (if #f #f) car (lambda (x) x))
; => (#<unspecified> #<procedure car> #<procedure>)

(define (named) 1) named
; => #<procedure named>

(let ((f (lambda (x) x))) f)
; => #<procedure f>

(make-hash-table)
; => #<hash-table 0>

(current-output-port)
; => #<output-port>

(delay 1)
; => #<promise>

'constructor
; => constructor

'__proto__
; => __proto__

(let ((constructor 1) (__proto__ 2) (toString 3)) (list constructor __proto__ toString))
; => (1 2 3)

(define hasOwnProperty 5) hasOwnProperty
; => 5

(define (count . args) 'mine) (count 1 2)
; => mine

(define (reverse l) 'mine) (list (reverse '(1 2)) (map (lambda (x) x) '(1 2)))
; => (mine (1 2))

(define (length l) 99) (sort '(3 1 2) <)
; => (1 2 3)

(define list vector) (list 1 2)
; => #(1 2)

(set! car cdr) (car '(1 2))
; => (2)

(define car cdr) (list (car '(1 2)) (map cadr '((1 2))))
; => ((2) (2))

(let ((car cdr)) (car '(1 2)))
; => (2)

(define (f) (car '(1 2))) (define car cdr) (f)
; => (2)

(define x '(1 2)) (set-car! x 5) x
; => (5 2)

; What changes something answers nothing, so that a query may end with it.
(define p (list 1 2))
(define v (vector 1 2))
(define s (make-string 2 #\a))
(define nothing (if #f #f))
(map (lambda (answer) (eq? answer nothing))
     (list (set-car! p p) (set-cdr! p p) (vector-set! v 0 v) (vector-fill! v v)
           (string-set! s 0 #\b) (string-fill! s #\c) (hash-set! (make-hash-table) 1 2)))
; => (#t #t #t #t #t #t #t)

(delete 2 '(1 2 3 2))
; => (1 3)

(delete-duplicates '(1 2 1 "a" "a"))
; => (1 2 "a")

(append-map (lambda (x) (list x x)) '(1 2))
; => (1 1 2 2)

(find even? '(1 2 3))
; => 2

(take-while odd? '(1 3 4 5))
; => (1 3)

(drop-while odd? '(1 3 4 5))
; => (4 5)

(call-with-values (lambda () (partition odd? '(1 2 3))) list)
; => ((1 3) (2))

(assoc 2.0 '((1 one) (2 two)) =)
; => (2 two)

(member 2.0 '(1 2 3) =)
; => (2 3)

(string-pad-left "7" 3)
; => "  7"

(string-pad-left "1234" 3)
; => "234"

(string-replace "a.b.c" "." "-")
; => "a-b-c"

(string-upcase "straße")
; => "STRASSE"

(string-length "😀a")
; => 2

(string-ref "😀a" 0)
; => #\😀

(let ((s (string-copy "😀a"))) (string-set! s 1 #\b) s)
; => "😀b"

(substring "x😀y" 1 2)
; => "😀"

(string<? "😀" "\xffff;")
; => #f

(vector-map (lambda (x) (* x x)) #(1 2 3))
; => #(1 4 9)

(list 'a "b" #\c 1.5 2/3)
; => (a "b" #\c 1.5 2/3)

'(1 . (2 3))
; => (1 2 3)

(quote #t)
; => #t

'|hello world|
; => |hello world|

(string->symbol "")
; => ||

(string->symbol "1")
; => |1|

(string->symbol "a.b")
; => a.b

(string->symbol ".")
; => |.|

#\x41
; => #\A

#\λ
; => #\λ

"\x41;\t"
; => "A\t"

#| block #| nested |# |# 5
; => 5

#;(ignored) 6
; => 6

(begin)
; => #<unspecified>

(define-syntax foo (syntax-rules () ((_ x) x))) (foo 5)
; => 5

(let loop () 5)
; => 5

(letrec ((a (lambda () b)) (b 2)) (a))
; => 2

(define (f) (define a 1) (set! a 2) (define b a) (list a b)) (f)
; => (2 2)

(let () (define x 1) (set! x 2) (define y (+ x 1)) y)
; => 3

(exp 0)
; => 1

(log 1)
; => 0

(expt 4 1/2)
; => 2

(force 5)
; => 5

(- 0 0.0)
; => 0.0

1e10
; => 10000000000.0

1e21
; => 1.0e21

1e-7
; => 1.0e-7

(boolean? (void))
; => #f

(log 8 2)
; => 3.0

(exact->inexact 12345678901234567890123)
; => 1.2345678901234568e22

(* 1e200 1e200)
; => +inf.0

(- (* 1e200 1e200))
; => -inf.0

(sqrt 1e100)
; => 1.0e50

(exact (truncate 1e18))
; => 1000000000000000000

(number->string 1/3 2)
; => "1/11"

(apply max (iota 10000))
; => 9999

(length (apply list (iota 20000)))
; => 20000

(define k #f) (define n 0) (define r (+ 1 (call/cc (lambda (c) (set! k c) 1)))) (set! n (+ n 1)) (if (< n 3) (k n)) (list r n)
; => (3 3)

(define (f n) (if (= n 0) 0 (+ 1 (f (- n 1))))) (f 100000)
; => 100000

(define (build n) (if (= n 0) '() (cons n (build (- n 1))))) (length (build 100000))
; => 100000

(define (g n) (let ((x (if (= n 0) 0 (g (- n 1))))) (+ x 1))) (g 50000)
; => 50001

(let loop ((i 0) (acc '())) (if (< i 100000) (loop (+ i 1) (cons i acc)) (equal? acc (reverse (reverse acc)))))
; => #t

(letrec ((even? (lambda (n) (if (= n 0) #t (odd? (- n 1))))) (odd? (lambda (n) (if (= n 0) #f (even? (- n 1)))))) (even? 100001))
; => #f

(define k #f) (define count 0) (define (deep n) (if (= n 0) (call/cc (lambda (c) (set! k c) 0)) (+ 1 (deep (- n 1))))) (define r (deep 5000)) (set! count (+ count 1)) (if (< count 3) (k count)) (list r count)
; => (5002 3)

(make-promise 5)
; => #<promise>

(/ 1.0 0)
; !> divide-by-zero `/`: division by zero

(atan 0 1)
; => 0

0.000001
; => 0.000001

100000000000000000000.0
; => 100000000000000000000.0

(square 5)
; => 25

(square 1/2)
; => 1/4

(exact (floor 2.7))
; => 2

(exact 2.0)
; => 2

(inexact 1/4)
; => 0.25

(truncate 1e20)
; => 100000000000000000000.0

(modulo 5.5 2)
; !> wrong-type `modulo` wanted an integer, got 5.5

(exact (round 1e15))
; => 1000000000000000

(expt 1.1 10)
; => 2.5937424601000023

(define (f a #!optional b) a) 1
; !> syntax-error `#!optional` is no datum

'|foo bar|
; => |foo bar|

(vector-map + #(1 2) #(10 20))
; => #(11 22)

(let ((sum 0)) (vector-for-each (lambda (x) (set! sum (+ sum x))) #(1 2 3)) sum)
; => 6

(vector-append #(1) #(2 3))
; => #(1 2 3)

(sort '("b" "a" "ab" "" "B") string<?)
; => ("" "B" "a" "ab" "b")

(sort '("b" "a" "ab") string>?)
; => ("b" "ab" "a")

(sort '(#\b #\a #\λ) char>?)
; => (#\λ #\b #\a)

(sort (list "\x1F600;" "\xFFFD;" "a") string<?)
; => ("a" "�" "😀")

(map car (sort '((2 . a) (1 . b) (2 . c) (1 . d)) (lambda (x y) (< (car x) (car y)))))
; => (1 1 2 2)

(sort '(2 1.5 1/2 3) <)
; => (1/2 1.5 2 3)

(let ((string<? (lambda (a b) (string>? a b)))) (sort '("a" "b") string<?))
; => ("b" "a")

(length (read (string-append "(" (make-string 60000 #\space) "1)")))
; => 1

(let ((p (open-input-string (string-append (string-join (map number->string (iota 20000))) " end"))))
  (let loop ((n 0) (x (read p))) (if (eof-object? x) n (loop (+ n 1) (read p)))))
; => 20001

(string-length (read (string-append (make-string 504 #\space) "\"ab\\x3bb;cd\" rest" (make-string 1000 #\a))))
; => 5

(read (string-append (make-string 505 #\space) "#\\newline " (make-string 1000 #\a)))
; => #\newline

(define-syntax ones (syntax-rules () ((_ 1 ...) 'ones) ((_ other ...) 'others))) (list (ones 1 1) (ones) (ones 1 2))
; => (ones ones others)

(define-syntax each (syntax-rules () ((_ (x #\a) ...) '(x ...)))) (each (b #\a) (c #\a))
; => (b c)

(define-syntax nothing (syntax-rules () ((_ x) '(x 0.5 ...)))) (nothing 1)
; !> syntax-error `...` in a template follows something that does not repeat

(hash-ref (make-hash-table) 'a '())
; => ()

(let ((t (make-hash-table))) (hash-update! t 'a (lambda (l) (cons 1 l)) '()) (hash-ref t 'a))
; => (1)

(let ((t (make-hash-table))) (hash-set! t 'a '()) (list (hash-ref t 'a) (hash-ref t 'a 5)))
; => (() ())
