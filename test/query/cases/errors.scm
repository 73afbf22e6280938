; Errors: code and message. `!>` is what the program ends with.
; A case: a program, then what `write` prints for its last value.

(car 5)
; !> wrong-type `car` wanted a pair, got 5

(car '())
; !> wrong-type `car` wanted a pair, got ()

(cdr "x")
; !> wrong-type `cdr` wanted a pair, got "x"

(vector-ref (vector 1 2) 2)
; !> out-of-range `vector-ref`: index 2 is outside of a vector of 2

(vector-ref '(1) 0)
; !> wrong-type `vector-ref` wanted a vector, got (1)

(vector-ref (vector 1 2) -1)
; !> out-of-range `vector-ref`: index -1 is outside of a vector of 2

(vector-ref (vector 1 2) 1.0)
; !> wrong-type `vector-ref` wanted an exact index, got 1.0

(vector-set! (vector) 0 1)
; !> out-of-range `vector-set!`: index 0 is outside of a vector of 0

(string-ref "abc" 3)
; !> out-of-range `string-ref`: index 3 is outside of a string of 3

(string-ref 'a 0)
; !> wrong-type `string-ref` wanted a string, got a

(string-append "a" 5)
; !> wrong-type `string-append` wanted a string, got 5

(substring "abc" 2 1)
; !> out-of-range `substring`: 2 is not between 0 and 1

(substring "abc" 0 9)
; !> out-of-range `substring`: 9 is not between 0 and 3

(list-ref '(1 2) 2)
; !> out-of-range `list-ref`: the list has no element 2

(list-tail '(1) 2)
; !> out-of-range `list-tail`: the list has 1 element, fewer than 2

(length '(1 . 2))
; !> wrong-type `length` wanted a list, got (1 . 2)

(length 5)
; !> wrong-type `length` wanted a list, got 5

(let ((x (list 1 2))) (set-cdr! (cdr x) x) (length x))
; !> wrong-type `length` wanted a list that ends, got a cyclic one

(reverse '(1 . 2))
; !> wrong-type `reverse` wanted a list, got (1 . 2)

(+ 1 'a)
; !> wrong-type `+` wanted a number, got a

(- "5" 2)
; !> wrong-type `-` wanted a number, got "5"

(* #t 2)
; !> wrong-type `*` wanted a number, got #t

(< 1 'b)
; !> wrong-type `<` wanted a number, got b

(+ 1 (vector 1))
; !> wrong-type `+` wanted a number, got #(1)

(/ 5 0)
; !> divide-by-zero `/`: division by zero

(quotient 1 0)
; !> divide-by-zero `quotient`: division by zero

(modulo 1 0)
; !> divide-by-zero `modulo`: division by zero

(remainder 1.5 0)
; !> wrong-type `remainder` wanted an integer, got 1.5

(quotient 1.5 2)
; !> wrong-type `quotient` wanted an integer, got 1.5

(sqrt -1)
; !> out-of-range `sqrt`: a negative number has no real square root

(sqrt 'x)
; !> wrong-type `sqrt` wanted a number, got x

(exact 1.5e400)
; !> wrong-type `exact` wanted a finite number, got +inf.0

(foo)
; !> unbound-variable `foo` is not defined

(uniqes "users")
; !> unbound-variable `uniqes` is not defined; did you mean `uniques`?

(lenght '(1 2))
; !> unbound-variable `lenght` is not defined; did you mean `length`?

(strng-append "a")
; !> unbound-variable `strng-append` is not defined; did you mean `string-append`?

(5 5)
; !> wrong-type only procedures can be called, and this is 5

("string" 1)
; !> wrong-type only procedures can be called, and this is "string"

((lambda (x) x))
; !> wrong-arity `lambda` wanted 1 argument, got 0

((lambda (x) x) 1 2)
; !> wrong-arity `lambda` wanted 1 argument, got 2

(define (f x y) x) (f 1)
; !> wrong-arity `f` wanted 2 arguments, got 1

(define (f x . r) x) (f)
; !> wrong-arity `f` wanted at least 1 argument, got 0

(car)
; !> wrong-arity `car` wanted 1 argument, got 0

(car 1 2)
; !> wrong-arity `car` wanted 1 argument, got 2

(map car 5)
; !> wrong-type `map` wanted a list, got 5

(map car '(1 2))
; !> wrong-type `car` wanted a pair, got 1

(for-each car 7)
; !> wrong-type `for-each` wanted a list, got 7

(apply + 1)
; !> wrong-type `apply` wanted a list of arguments, got 1

(apply car '(1 2))
; !> wrong-arity `car` wanted 1 argument, got 2

(error "something bad:" 42 "x" 'y)
; !> user-error something bad: 42 "x" y

(error 'proc "went wrong")
; !> user-error proc "went wrong"

(assert (= 1 2))
; !> user-error assertion failed: (= 1 2)

(letrec ((a b) (b 1)) a)
; !> unassigned-variable `b` is used before it has a value

(define (f) (define a b) (define b 1) a) (f)
; !> unassigned-variable `b` is used before it has a value

(set! undefined-thing 5)
; !> unbound-variable `undefined-thing` is not defined

(hash-ref 5 'a)
; !> wrong-type `hash-ref` wanted a hash table, got 5

(symbol->string "a")
; !> wrong-type `symbol->string` wanted a symbol, got "a"

(string->symbol 'a)
; !> wrong-type `string->symbol` wanted a string, got a

(char-upcase "a")
; !> wrong-type `char-upcase` wanted a character, got "a"

(integer->char -1)
; !> out-of-range `integer->char`: -1 is not between 0 and 1114111

(integer->char 55296)
; !> out-of-range `integer->char`: 55296 is half of a surrogate pair

(make-vector -1)
; !> out-of-range `make-vector`: -1 is negative

(make-vector 'a)
; !> wrong-type `make-vector` wanted an exact integer, got a

(list->string '(1 2))
; !> wrong-type `list->string` wanted a character, got 1

(exact->inexact 'a)
; !> wrong-type `exact->inexact` wanted a number, got a

(string->number 5)
; !> wrong-type `string->number` wanted a string, got 5

(number->string 5 3)
; !> out-of-range `number->string`: the radix is 2, 8, 10 or 16

(call/cc 5)
; !> wrong-type only procedures can be called, and this is 5

(call-with-values (lambda () (values 1 2)) (lambda (a) a))
; !> wrong-arity `lambda` wanted 1 argument, got 2

(let-values (((a b) (values 1))) a)
; !> wrong-arity `lambda` wanted 2 arguments, got 1

(dynamic-wind 1 2 3)
; !> wrong-type only procedures can be called, and this is 1

(sort '(1 a) <)
; !> wrong-type `<` wanted a number, got a

(sort 5 <)
; !> wrong-type `sort` wanted a list or a vector, got 5

(hash-set! (make-hash-table) 'a)
; !> wrong-arity `hash-set!` wanted 3 arguments, got 2

(take '(1 2) 3)
; !> out-of-range `take`: the list has 2 elements, fewer than 3

(exact-round 'a)
; !> wrong-type `exact-round` wanted a number, got a

(define (g x) (+ 1 (h x))) (define (h x) (* 2 (car x))) (g 7)
; !> wrong-type `car` wanted a pair, got 7

(force (delay (car 1)))
; !> wrong-type `car` wanted a pair, got 1

(expt 0 -1)
; !> divide-by-zero `expt`: division by zero

(max 'a 1)
; !> wrong-type `max` wanted a number, got a

(abs "x")
; !> wrong-type `abs` wanted a number, got "x"

(read "(1 2")
; !> out-of-range `read`: a parenthesis is not closed

(list-copy 5)
; !> wrong-type `list-copy` wanted a list, got 5

(write 1 2)
; !> wrong-type `write` wanted an output port, got 2

(
; !> syntax-error a parenthesis is not closed

)
; !> syntax-error a closing parenthesis too many

(car '(1 2)
; !> syntax-error a parenthesis is not closed

(let ((x)) x)
; !> syntax-error a binding wants a name and a value

(let ((x 1 2)) x)
; !> syntax-error a binding wants a name and a value

(let (x) x)
; !> syntax-error `x` wants parentheses around it and its value

(lambda)
; !> syntax-error `lambda` wants parameters and a body

(if)
; !> syntax-error `if` wants a test and one or two branches

(if 1 2 3 4)
; !> syntax-error `if` wants a test and one or two branches

(define)
; !> syntax-error `define` wants a name and a value

(define 5 6)
; !> syntax-error `define` wants a name, got 5

(quote)
; !> syntax-error `quote` wants one datum

(quote 1 2)
; !> syntax-error `quote` wants one datum

()
; !> syntax-error `()` is no expression; quote it: `'()`

(1 . 2)
; !> syntax-error a dotted list where a proper one is needed

(let ((x 1) (x 2)) x)
; !> syntax-error `x` is bound twice

(lambda (x x) x)
; !> syntax-error `x` is bound twice

(cond)
; !> syntax-error `cond` wants clauses

(cond (else 1) (2 3))
; !> syntax-error `else` must be the last clause

(else)
; !> syntax-error `else` is out of place

else
; !> syntax-error `else` is syntax and has no value

(define-syntax foo 5)
; !> syntax-error `foo` wants to be defined by `syntax-rules`

(define-syntax foo (syntax-rules () ((_ a) a))) (foo)
; !> syntax-error `foo` has no rule for (foo)

(define-syntax foo (syntax-rules () ((_ a) a))) foo
; !> syntax-error `foo` is syntax and has no value

(let-syntax ((foo 1)) 2)
; !> syntax-error `foo` wants to be defined by `syntax-rules`

(if (define x 1) 2)
; !> syntax-error `define` is only allowed at the top level and at the beginning of a body

(set! 5 1)
; !> syntax-error `set!` wants a name and a value

(set! if 1)
; !> syntax-error `if` is syntax and cannot be assigned

"abc
; !> syntax-error a string is not closed

#\
; !> syntax-error nothing follows `#\`

#<foo>
; !> syntax-error `#<foo>` is no datum

12abc
; !> syntax-error `12abc` is neither a number nor a name

(a . b . c)
; !> syntax-error more than one datum after a dot

( . a)
; !> syntax-error a dot at the beginning of a list

[1 2]
; !> syntax-error `[` has no meaning in Scheme; lists take parentheses

#(1 . 2)
; !> syntax-error a dot in a vector

'
; !> syntax-error nothing follows `'`

`(1 ,)
; !> syntax-error nothing follows `,`

(lambda (1) 2)
; !> syntax-error a name is wanted here, not 1

(case)
; !> syntax-error `case` wants a key and clauses

(do ((i 0)) 5)
; !> syntax-error `do` wants `(TEST RESULT …)`

(let loop)
; !> syntax-error `let` wants bindings and a body

(delay)
; !> syntax-error `delay` wants one expression

(%apply + '(1))
; !> unbound-variable `%apply` is not defined; did you mean `apply`?

%winders
; !> unbound-variable `%winders` is not defined

; The common divisor of two such numbers would hold everybody up.
(/ (expt 7 100000) (expt 3 100000))
; !> memory-limit an exact integer would have more than 16384 bits

(let ((l (list 1 2))) (set-cdr! (cdr l) l) (vector l))
; !> memory-limit the answer would have more than 8388608 characters, or is cyclic

(defin x 5)
; !> unbound-variable `defin` is not defined; did you mean `define`?

(foo (car 5))
; !> unbound-variable `foo` is not defined

(read "(a . )")
; !> out-of-range `read`: nothing follows the dot

(string-ref "" 0)
; !> out-of-range `string-ref`: index 0 is outside of a string of 0

(make-vector 100000000)
; !> memory-limit the program needs more memory than its limit of 67108864 bytes

(make-list 100000000 0)
; !> memory-limit the program needs more memory than its limit of 67108864 bytes

(iota 100000000)
; !> memory-limit the program needs more memory than its limit of 67108864 bytes

(make-string 1000000000 #\a)
; !> memory-limit a string would have more than 4194304 characters

(take '(1 2) 100000000)
; !> out-of-range `take`: the list has 2 elements, fewer than 100000000

(sort '("a" b) string<?)
; !> wrong-type `string<?` wanted a string, got b

(sort '(1 a) <)
; !> wrong-type `<` wanted a number, got a

(read (string-append "(" (make-string 70000 #\space) "1)"))
; !> out-of-range `read`: more than 65536 characters

(read (make-string 70000 #\a))
; !> out-of-range `read`: more than 65536 characters

(apply error "too many:" (iota 5000))
; !> user-error too many: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95 96 97 98 99

"\xD800;"
; !> syntax-error `\xD800;` is no character

#\xDFFF
; !> syntax-error `#\xDFFF` is no character

(define-syntax m (syntax-rules () ((_ x x) 1))) (m 1 2)
; !> syntax-error `x` stands twice in a pattern

(define-syntax m (syntax-rules () ((_ x ... y ...) 1)))
; !> syntax-error a list of a pattern can have one `...`, and this one has two

(define-syntax m (syntax-rules () ((_ x ...) 'x)))
; !> syntax-error `x` repeats in the pattern: it wants `...` in the template, too

(define-syntax m (syntax-rules () ((_ #(x ...)) '(... (x ...)))))
; !> syntax-error `x` repeats in the pattern: it wants `...` in the template, too

(define-syntax m (syntax-rules () ((_ x) '(x ...))))
; !> syntax-error `...` in a template follows something that does not repeat

(define-syntax m (syntax-rules () ((_ (a ...) (b ...)) '((a b ...) ...))))
; !> syntax-error `...` in a template follows something that does not repeat

(define-syntax m (syntax-rules () ((_ (a ...) (b ...)) '((a b) ...)))) (m (1 2) (3))
; !> syntax-error `a` and `b` are repeated together, and are not equally many

(map + '(1 2) 5)
; !> wrong-type `map` wanted a list, got 5

(map + '(1 2) '(1 . 2))
; !> wrong-type `map` wanted a list, got 2

(for-each + 5 '(1))
; !> wrong-type `for-each` wanted a list, got 5

(fold-left + 0 '(1) "x")
; !> wrong-type `fold-left` wanted a list, got "x"

(every = '(1) #\a)
; !> wrong-type `every` wanted a list, got #\a

(iota 3 '())
; !> wrong-type `+` wanted a number, got ()

(number->string 5 2 2)
; !> out-of-range `number->string`: DIGITS go with radix 10 only
