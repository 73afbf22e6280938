; Characters, strings, symbols (R4RS 6.4, 6.6, 6.7).
; A case: a program, then what `write` prints for its last value.

(char? #\a)
; => #t

(char? "a")
; => #f

(char=? #\A #\B)
; => #f

(char=? #\a #\a)
; => #t

(char<? #\A #\B)
; => #t

(char>? #\b #\a)
; => #t

(char<=? #\a #\a)
; => #t

(char>=? #\0 #\9)
; => #f

(char-ci=? #\A #\a)
; => #t

(char-ci<? #\a #\B)
; => #t

(char-ci>? #\Z #\a)
; => #t

(char-ci<=? #\a #\A)
; => #t

(char-ci>=? #\a #\b)
; => #f

(char-alphabetic? #\a)
; => #t

(char-alphabetic? #\1)
; => #f

(char-alphabetic? #\;)
; => #f

(char-numeric? #\0)
; => #t

(char-numeric? #\a)
; => #f

(char-whitespace? #\space)
; => #t

(char-whitespace? #\newline)
; => #t

(char-whitespace? #\a)
; => #f

(char-upper-case? #\A)
; => #t

(char-upper-case? #\a)
; => #f

(char-lower-case? #\a)
; => #t

(char-lower-case? #\0)
; => #f

(char->integer #\A)
; => 65

(char->integer #\space)
; => 32

(char->integer #\newline)
; => 10

(integer->char 97)
; => #\a

(integer->char (char->integer #\.))
; => #\.

(char-upcase #\i)
; => #\I

(char-upcase #\I)
; => #\I

(char-downcase #\I)
; => #\i

(char-downcase #\4)
; => #\4

#\a
; => #\a

#\A
; => #\A

#\(
; => #\(

#\)
; => #\)

#\;
; => #\;

#\space
; => #\space

#\newline
; => #\newline

#\"
; => #\"

'(#\a #\space)
; => (#\a #\space)

(string? "abc")
; => #t

(string? 'abc)
; => #f

(string? "")
; => #t

(make-string 3 #\*)
; => "***"

(make-string 0 #\a)
; => ""

(string #\a #\b #\c)
; => "abc"

(string)
; => ""

(string-length "abc")
; => 3

(string-length "")
; => 0

(string-ref "abc" 0)
; => #\a

(string-ref "abc" 2)
; => #\c

(let ((s (make-string 3 #\*))) (string-set! s 0 #\?) s)
; => "?**"

(let ((s (string #\a #\b))) (string-set! s 1 #\c) s)
; => "ac"

(string=? "abc" "abc")
; => #t

(string=? "abc" "abd")
; => #f

(string=? "" "")
; => #t

(string=? "A" "a")
; => #f

(string-ci=? "AbC" "aBc")
; => #t

(string<? "abc" "abd")
; => #t

(string<? "abc" "ab")
; => #f

(string<? "ab" "abc")
; => #t

(string>? "b" "a")
; => #t

(string<=? "a" "a")
; => #t

(string>=? "a" "b")
; => #f

(string-ci<? "a" "B")
; => #t

(string-ci>? "Z" "a")
; => #t

(string-ci<=? "a" "A")
; => #t

(string-ci>=? "a" "B")
; => #f

(substring "ab" 0 0)
; => ""

(substring "ab" 0 1)
; => "a"

(substring "ab" 2 2)
; => ""

(substring "hello world" 6 11)
; => "world"

(string-append "foo" "bar")
; => "foobar"

(string-append "foo")
; => "foo"

(string-append)
; => ""

(string-append "" "a" "")
; => "a"

(string->list "P l")
; => (#\P #\space #\l)

(string->list "")
; => ()

(list->string '(#\1 #\\ #\"))
; => "1\\\""

(list->string '())
; => ""

(string-copy "abc")
; => "abc"

(let* ((a "abc") (b (string-copy a))) (eq? a b))
; => #f

(let ((s (make-string 2 #\a))) (string-fill! s #\z) s)
; => "zz"

(symbol? 'foo)
; => #t

(symbol? (car '(a b)))
; => #t

(symbol? "bar")
; => #f

(symbol? 'nil)
; => #t

(symbol? '())
; => #f

(symbol? #f)
; => #f

(symbol->string 'flying-fish)
; => "flying-fish"

(symbol->string (string->symbol "Malvina"))
; => "Malvina"

(string->symbol "abc")
; => abc

(eq? 'mISSISSIppi 'mISSISSIppi)
; => #t

(eq? 'bitBlt (string->symbol "bitBlt"))
; => #t

(string=? "K. Harper, M.D." (symbol->string (string->symbol "K. Harper, M.D.")))
; => #t

(eq? (string->symbol "x") 'x)
; => #t

"a\"b"
; => "a\"b"

"a\\b"
; => "a\\b"

"line\nbreak"
; => "line\nbreak"

(string-length "a\\b")
; => 3

(string->list "a\"")
; => (#\a #\")

'abc
; => abc

'Hello
; => Hello

(symbol->string 'ABC)
; => "ABC"

'...
; => ...

'+
; => +

'-
; => -

'->x
; => ->x

'a.b
; => a.b

'<=?
; => <=?

'!$%&*/:<=>?~_^
; => !$%&*/:<=>?~_^

(let ((s "héllo")) (string-length s))
; => 5

(string-ref "λx" 0)
; => #\λ

(string-upcase "abc")
; => "ABC"

(string-downcase "ABC")
; => "abc"

(string<? "a" "b" "c")
; => #t

(char<? #\a #\b #\c)
; => #t

(let ((s (string-copy "hello"))) (string-set! s 0 #\j) s)
; => "jello"

(apply string-append (map symbol->string '(a b c)))
; => "abc"

(list->string (reverse (string->list "abc")))
; => "cba"

(string->list "abc" 1)
; => (#\b #\c)

(equal? (string #\a) "a")
; => #t

(string? (symbol->string 'a))
; => #t
