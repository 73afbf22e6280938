; Numbers (R4RS 6.5).
; A case: a program, then what `write` prints for its last value.

(number? 1)
; => #t

(complex? 3)
; => #t

(real? 3)
; => #t

(real? 2.5)
; => #t

(rational? 6/10)
; => #t

(rational? 6/3)
; => #t

(integer? 3.0)
; => #t

(integer? 8/4)
; => #t

(integer? 2.5)
; => #f

(integer? 'a)
; => #f

(exact? 3)
; => #t

(exact? 3.0)
; => #f

(exact? 1/2)
; => #t

(inexact? 3.)
; => #t

(= 22 22 22)
; => #t

(= 1 1.0)
; => #t

(= 1/2 0.5)
; => #t

(< 1 2 3)
; => #t

(< 1 3 2)
; => #f

(> 3 2 1)
; => #t

(<= 1 1 2)
; => #t

(>= 2 2 1)
; => #t

(<= 3 1)
; => #f

(= 9007199254740993 9007199254740992.0)
; => #f

(< 9007199254740992.0 9007199254740993)
; => #t

(< 1/3 0.3333333333333333)
; => #f

(zero? 0)
; => #t

(zero? 0.0)
; => #t

(zero? -0.0)
; => #t

(zero? 1)
; => #f

(positive? 4)
; => #t

(positive? -4)
; => #f

(positive? 0)
; => #f

(negative? -4)
; => #t

(negative? 0)
; => #f

(negative? 1/2)
; => #f

(odd? 3)
; => #t

(odd? 2)
; => #f

(odd? -1)
; => #t

(even? 0)
; => #t

(even? -2)
; => #t

(even? 100000000000000000000)
; => #t

(odd? 3.0)
; => #t

(max 3 4)
; => 4

(max 3.9 4)
; => 4.0

(max 34 5 7 38 6)
; => 38

(min 3 5 5 330 4 -24)
; => -24

(min 1 2.0)
; => 1.0

(max 1/2 1/3)
; => 1/2

(+ 3 4)
; => 7

(+ 3)
; => 3

(+)
; => 0

(* 4)
; => 4

(*)
; => 1

(- 3 4)
; => -1

(- 3)
; => -3

(- 3 4 5)
; => -6

(/ 3 4 5)
; => 3/20

(/ 3)
; => 1/3

(/ 6 3)
; => 2

(/ 6 4)
; => 3/2

(/ 1 3.0)
; => 0.3333333333333333

(/ 0.5)
; => 2.0

(/ 0 5)
; => 0

(/ -1 -2)
; => 1/2

(/ 1.0 0.0)
; => +inf.0

(/ -1.0 0.0)
; => -inf.0

(- 0.0)
; => -0.0

(* 0 1.5)
; => 0.0

(+ 1/2 1/2)
; => 1

(+ 1/2 0.5)
; => 1.0

(* 2/3 3/2)
; => 1

(- 1/2 1/3)
; => 1/6

(abs -7)
; => 7

(abs 7)
; => 7

(abs -1/2)
; => 1/2

(abs -7.5)
; => 7.5

(abs -100000000000000000000)
; => 100000000000000000000

(quotient 35 7)
; => 5

(quotient -35 7)
; => -5

(quotient 35 -7)
; => -5

(quotient -35 -7)
; => 5

(modulo 13 4)
; => 1

(remainder 13 4)
; => 1

(modulo -13 4)
; => 3

(remainder -13 4)
; => -1

(modulo 13 -4)
; => -3

(remainder 13 -4)
; => 1

(modulo -13 -4)
; => -1

(remainder -13 -4)
; => -1

(modulo 0 86400)
; => 0

(modulo 0 -86400)
; => 0

(modulo -13 4.0)
; => 3.0

(remainder -13 -4.0)
; => -1.0

(quotient 7 2.0)
; => 3.0

(quotient 100000000000000000000 3)
; => 33333333333333333333

(modulo -100000000000000000000 7)
; => 5

(remainder -100000000000000000000 7)
; => -2

(gcd 0 4)
; => 4

(gcd -4 0)
; => 4

(gcd 32 -36)
; => 4

(gcd)
; => 0

(gcd 12)
; => 12

(lcm 32 -36)
; => 288

(lcm)
; => 1

(lcm 4 6 10)
; => 60

(lcm 0 5)
; => 0

(gcd 100000000000000000000 15)
; => 5

(numerator (/ 6 4))
; => 3

(denominator (/ 6 4))
; => 2

(denominator 0)
; => 1

(denominator 0.5)
; => 2.0

(numerator 0.5)
; => 1.0

(floor -4.3)
; => -5.0

(ceiling -4.3)
; => -4.0

(truncate -4.3)
; => -4.0

(round -4.3)
; => -4.0

(floor 3.5)
; => 3.0

(ceiling 3.5)
; => 4.0

(truncate 3.5)
; => 3.0

(round 3.5)
; => 4.0

(round 2.5)
; => 2.0

(round -2.5)
; => -2.0

(round -1.5)
; => -2.0

(round 7/2)
; => 4

(round 5/2)
; => 2

(round 7)
; => 7

(floor 7/2)
; => 3

(floor -7/2)
; => -4

(ceiling 7/2)
; => 4

(ceiling -7/2)
; => -3

(truncate 7/2)
; => 3

(truncate -7/2)
; => -3

(round 0.5)
; => 0.0

(round -0.5)
; => -0.0

(list (round -0.2) (round -0.0) (round -1.2) (round -1.7) (truncate -0.2) (ceiling -0.2))
; => (-0.0 -0.0 -1.0 -2.0 -0.0 -0.0)

(round 1.5)
; => 2.0

(rationalize (inexact->exact .3) 1/10)
; => 1/3

(rationalize .3 1/10)
; => 0.3333333333333333

(rationalize 3/10 1/10)
; => 1/3

(rationalize -3/10 1/10)
; => -1/3

(rationalize 1/2 1)
; => 0

(exp 1)
; => 2.718281828459045

(sin 0)
; => 0

(cos 0)
; => 1

(atan 1)
; => 0.7853981633974483

(atan 1 1)
; => 0.7853981633974483

(atan -1 1)
; => -0.7853981633974483

(atan 1 -1)
; => 2.356194490192345

(asin 0)
; => 0

(acos 1)
; => 0

(acos 0.5)
; => 1.0471975511965979

(tan 0)
; => 0

(sqrt 16)
; => 4

(sqrt 2)
; => 1.4142135623730951

(sqrt 1/4)
; => 1/2

(sqrt 16.0)
; => 4.0

(sqrt 15)
; => 3.872983346207417

(sqrt 0)
; => 0

(sqrt 100000000000000000000)
; => 10000000000

(sqrt 1/2)
; => 0.7071067811865476

(expt 0 0)
; => 1

(expt 0 1)
; => 0

(expt 2 10)
; => 1024

(expt 2 -2)
; => 1/4

(expt 2.0 3)
; => 8.0

(expt 2 0.5)
; => 1.4142135623730951

(expt 1/2 3)
; => 1/8

(expt 2 100)
; => 1267650600228229401496703205376

(expt -2 3)
; => -8

(expt -1 1000001)
; => -1

(expt 0.0 0)
; => 1

(expt 10 20)
; => 100000000000000000000

(exact->inexact 1/3)
; => 0.3333333333333333

(exact->inexact 1)
; => 1.0

(inexact->exact 2.5)
; => 5/2

(inexact->exact 3.0)
; => 3

(inexact->exact 1e20)
; => 100000000000000000000

(exact->inexact 12345678901234567890)
; => 12345678901234567000.0

(number->string 10)
; => "10"

(number->string 255 16)
; => "ff"

(number->string -255 2)
; => "-11111111"

(number->string 1/3)
; => "1/3"

(number->string 1/3 2)
; => "1/11"

(number->string 3.5)
; => "3.5"

(number->string 1e21)
; => "1.0e21"

(number->string 8 8)
; => "10"

(number->string 100000000000000000000 16)
; => "56bc75e2d63100000"

(string->number "100")
; => 100

(string->number "100" 16)
; => 256

(string->number "1e2")
; => 100.0

(string->number "1.5e3")
; => 1500.0

(string->number ".5")
; => 0.5

(string->number "5.")
; => 5.0

(string->number "-1.5")
; => -1.5

(string->number "+5")
; => 5

(string->number "1/2")
; => 1/2

(string->number "6/4")
; => 3/2

(string->number "1/0")
; => #f

(string->number "")
; => #f

(string->number ".")
; => #f

(string->number "d")
; => #f

(string->number "D" 10)
; => #f

(string->number "i")
; => #f

(string->number "3I")
; => #f

(string->number "33I3")
; => #f

(string->number "-")
; => #f

(string->number "+")
; => #f

(string->number "- 4")
; => #f

(string->number "0x1f")
; => #f

(string->number "10n")
; => #f

(string->number "1_000")
; => #f

(string->number "Infinity")
; => #f

(string->number " 12")
; => #f

(string->number "12 ")
; => #f

(string->number "1e")
; => #f

(string->number "e1")
; => #f

(string->number "1.2.3")
; => #f

(string->number "abc" 16)
; => 2748

(string->number "xyz" 16)
; => #f

(string->number "#xff")
; => 255

(string->number "#b101")
; => 5

(string->number "#o17")
; => 15

(string->number "#e1.5")
; => 3/2

(string->number "#i1/2")
; => 0.5

(string->number "#x#e10")
; => 16

(string->number "#e#x10")
; => 16

(string->number "102" 2)
; => #f

(string->number "1101" 2)
; => 13

(string->number "100000000000000000000")
; => 100000000000000000000

(string->number "-100000000000000000000")
; => -100000000000000000000

(string->number "12abc")
; => #f

(string->number "--1")
; => #f

#xff
; => 255

#b-101
; => -5

#o17
; => 15

#d10
; => 10

#e1.25
; => 5/4

#i3/4
; => 0.75

#x-1A
; => -26

1e3
; => 1000.0

1.5e-3
; => 0.0015

-0.75
; => -0.75

.5
; => 0.5

-.5
; => -0.5

+.5
; => 0.5

+5
; => 5

1.
; => 1.0

1e21
; => 1.0e21

1e22
; => 1.0e22

123456789.123
; => 123456789.123

1e-7
; => 1.0e-7

12345678901234567890
; => 12345678901234567890

-12345678901234567890
; => -12345678901234567890

4/8
; => 1/2

-4/8
; => -1/2

4/2
; => 2

(* 99999999999 99999999999)
; => 9999999999800000000001

(+ 9007199254740991 1)
; => 9007199254740992

(- -9007199254740991 1)
; => -9007199254740992

(+ 9007199254740992 -1)
; => 9007199254740991

(* 9007199254740991 9007199254740991)
; => 81129638414606663681390495662081

(- (expt 2 62) 1)
; => 4611686018427387903

(* 4611686018427387904 2)
; => 9223372036854775808

(- (* 4611686018427387904 2) 9223372036854775807)
; => 1

(define (fact n) (if (= n 0) 1 (* n (fact (- n 1))))) (fact 30)
; => 265252859812191058636308480000000

(define (fact n) (if (= n 0) 1 (* n (fact (- n 1))))) (/ (fact 30) (fact 28))
; => 870

(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))) (fib 20)
; => 6765

(quotient (expt 10 30) (expt 10 28))
; => 100

(exact->inexact (/ (expt 10 30) 3))
; => 3.333333333333333e29

(+ 0.1 0.2)
; => 0.30000000000000004

(* 1.1 1.1)
; => 1.2100000000000002

(- 5.0 5)
; => 0.0

(+ 1 2.5)
; => 3.5

(= (+ 0.1 0.2) 0.3)
; => #f

(exact->inexact 100)
; => 100.0

(let ((x 3)) (list (+ x 1) (- x 1) (* x 2) (- 10 x)))
; => (4 2 6 7)

(number->string 0.1)
; => "0.1"

(number->string -0.0)
; => "-0.0"

(exact->inexact 1e100)
; => 1.0e100

(round 123456789012345678.0)
; => 123456789012345680.0

(exact-integer? 5)
; => #t

(exact-integer? 5.0)
; => #f

(nan? (/ 0. 0.))
; => #t

(/ 0. 0.)
; => +nan.0

(- (/ 1. 0.))
; => -inf.0

(max 1 +inf.0)
; => +inf.0

(string->number "+inf.0")
; => +inf.0

(eqv? +nan.0 +nan.0)
; => #t

(= +nan.0 +nan.0)
; => #f

(< 1 +inf.0)
; => #t

(exact->inexact 2/3)
; => 0.6666666666666666

(* 1.0 0)
; => 0.0

(+ 1/3 2/3)
; => 1

(expt 2.5 2)
; => 6.25

(exp 2)
; => 7.38905609893065

(log 2)
; => 0.6931471805599453

(sin 1)
; => 0.8414709848078965

(number->string 1e-10)
; => "1.0e-10"

(number->string 123.456)
; => "123.456"

(atan 1 0)
; => 1.5707963267948966

(number->string 6.02e23)
; => "6.02e23"

`(1 `(2 ,(3 ,(+ 1 3))))
; => (1 (quasiquote (2 (unquote (3 4)))))

`#(1 ,@(list 2 3) 4)
; => #(1 2 3 4)

`(1 unquote (+ 1 1))
; => (1 . 2)

`,@(list 1 2)
; => (unquote-splicing (list 1 2))

(let ((if list)) (define-syntax foo (syntax-rules () ((_ a b c) (if a b c)))) (foo 1 2 3))
; => (1 2 3)

(define-syntax foo (syntax-rules () ((_ (a b ...) ...) '((b ... a) ...)))) (foo (1 2 3) (4 5) (6))
; => ((2 3 1) (5 4) (6))

(define-syntax foo (syntax-rules () ((_ a ... b) '(b a ...)))) (foo 1 2 3)
; => (3 1 2)

(define-syntax foo (syntax-rules () ((_ #(a b ...)) '(a (b ...))))) (foo #(1 2 3))
; => (1 (2 3))

(define-syntax foo (syntax-rules () ((_ (a . b)) '(a b)))) (foo (1 2 3))
; => (1 (2 3))

(define-syntax while (syntax-rules () ((_ c b ...) (let loop () (if c (begin b ... (loop)) #f))))) (let ((i 0)) (while (< i 5) (set! i (+ i 1))) i)
; => 5

(define-syntax be-like-begin (syntax-rules () ((_ name) (define-syntax name (syntax-rules () ((_ expr (... ...)) (begin expr (... ...)))))))) (be-like-begin seq) (seq 1 2 3 4)
; => 4

(define (f) (define x 1) (set! x 2) (define y 3) (+ x y)) (f)
; => 5

(define k #f) (define n 0) (let ((r (map (lambda (x) (call/cc (lambda (c) (if (= x 2) (set! k c)) x))) '(1 2 3)))) (set! n (+ n 1)) (if (< n 3) (k (* n 10)) r))
; => (1 20 3)

(string->number "#i1/3")
; => 0.3333333333333333

(string->number "1e3")
; => 1000.0

(string->number "#e1e3")
; => 1000

(string->number "1.")
; => 1.0

(string->number "-.5e1")
; => -5.0

(string->number "#b101" 16)
; => 5

(string->number "1e3" 16)
; => 483

(string->number "-nan.0")
; => +nan.0

(string->number " 1")
; => #f

(string->number "1 ")
; => #f

(string->number "0x10")
; => #f

(string->number "1#")
; => 10.0

(string->number "12#.#")
; => 120.0

(string->number "1s3")
; => 1000.0

(string->number "1d3")
; => 1000.0

(string->number "#d10")
; => 10

(string->number "1/2e2")
; => #f

-0.0
; => -0.0

(expt 0 0.0)
; => 1.0

(atan -1 0)
; => -1.5707963267948966

(atan 0 -1)
; => 3.141592653589793

(number->string 0.5 2)
; => "0.1"

(number->string 1.5)
; => "1.5"

(truncate -2.7)
; => -2.0

(quotient -7 2)
; => -3

(remainder -7 2)
; => -1

(modulo -7 2)
; => 1

(modulo 7 -2)
; => -1

(modulo -7.0 2)
; => 1.0

(quotient 7.0 2)
; => 3.0

(gcd 12 -18)
; => 6

(lcm 4 6)
; => 12

(gcd 2.0 4)
; => 2.0

(lcm 32 -36.0)
; => 288.0

(numerator 6/4)
; => 3

(inexact->exact .1)
; => 3602879701896397/36028797018963968

(max 1 2.0)
; => 2.0

(/ 1 2.0)
; => 0.5

(/ 1 0.0)
; => +inf.0

(eqv? 1 1.0)
; => #f

(equal? 1.0 1)
; => #f

(exact? 1.0)
; => #f

(rational? 1.5)
; => #t

(rational? +inf.0)
; => #f

(integer? +inf.0)
; => #f

(real? 1)
; => #t

(complex? 1)
; => #t

(number? 'a)
; => #f

(positive? 1e-300)
; => #t

(exact->inexact 3)
; => 3.0

(- 5)
; => -5

(/ 2)
; => 1/2

(number->string 1e100)
; => "1.0e100"

(exact->inexact 1/7)
; => 0.14285714285714285

(>= 3 3 2)
; => #t

(= 1 1 2)
; => #f

(sqrt (+ 1 (expt 10 620)))
; => +inf.0

(exact->inexact (/ (sqrt (+ 1 (expt 10 600))) (expt 10 299)))
; => 10.0

(< 3.16e200 (sqrt (expt 10 401)) 3.17e200)
; => #t
