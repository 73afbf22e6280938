; Procedures, promises, continuations (R4RS 6.9), dynamic-wind and values (R5RS).
; A case: a program, then what `write` prints for its last value.

(procedure? car)
; => #t

(procedure? 'car)
; => #f

(procedure? (lambda (x) (* x x)))
; => #t

(procedure? '(lambda (x) (* x x)))
; => #f

(call-with-current-continuation procedure?)
; => #t

(apply + (list 3 4))
; => 7

(apply + 10 (list 3 4))
; => 17

(apply + '())
; => 0

(apply list 1 2 '(3))
; => (1 2 3)

(define compose (lambda (f g) (lambda args (f (apply g args))))) ((compose sqrt *) 12 75)
; => 30

(map cadr '((a b) (d e) (g h)))
; => (b e h)

(map (lambda (n) (expt n n)) '(1 2 3 4 5))
; => (1 4 27 256 3125)

(map + '(1 2 3) '(4 5 6))
; => (5 7 9)

(map (lambda (x y z) (list x y z)) '(1 2) '(3 4) '(5 6))
; => ((1 3 5) (2 4 6))

(map car '())
; => ()

(let ((v (make-vector 5))) (for-each (lambda (i) (vector-set! v i (* i i))) '(0 1 2 3 4)) v)
; => #(0 1 4 9 16)

(let ((acc '())) (for-each (lambda (x y) (set! acc (cons (+ x y) acc))) '(1 2) '(10 20)) acc)
; => (22 11)

(force (delay (+ 1 2)))
; => 3

(let ((p (delay (+ 1 2)))) (list (force p) (force p)))
; => (3 3)

(define a-stream (letrec ((next (lambda (n) (cons n (delay (next (+ n 1))))))) (next 0))) (define head car) (define tail (lambda (stream) (force (cdr stream)))) (head (tail (tail a-stream)))
; => 2

(define count 0) (define p (delay (begin (set! count (+ count 1)) (if (> count x) count (force p))))) (define x 5) (force p) (begin (set! x 10) (force p))
; => 6

(call-with-current-continuation (lambda (exit) (for-each (lambda (x) (if (negative? x) (exit x))) '(54 0 37 -3 245 19)) #t))
; => -3

(define list-length (lambda (obj) (call-with-current-continuation (lambda (return) (letrec ((r (lambda (obj) (cond ((null? obj) 0) ((pair? obj) (+ (r (cdr obj)) 1)) (else (return #f)))))) (r obj)))))) (list (list-length '(1 2 3 4)) (list-length '(a b . c)))
; => (4 #f)

(+ 1 (call/cc (lambda (k) (+ 10 (k 1)))))
; => 2

(let ((k2 #f) (n 0)) (let ((v (call/cc (lambda (c) (set! k2 c) 0)))) (set! n (+ n 1)) (if (< v 5) (k2 (+ v 1)) (list v n))))
; => (5 6)

(let ((r '())) (let ((k (call/cc (lambda (c) c)))) (set! r (cons 1 r)) (if (procedure? k) (k 5) (list k r))))
; => (5 (1 1))

(define (generate-one-element-at-a-time lst) (define (control-state return) (for-each (lambda (element) (set! return (call/cc (lambda (resume-here) (set! control-state resume-here) (return element))))) lst) (return 'you-fell-off)) (lambda () (call/cc control-state))) (define g (generate-one-element-at-a-time '(0 1 2))) (let* ((a (g)) (b (g)) (c (g)) (d (g))) (list a b c d))
; => (0 1 2 you-fell-off)

(let ((path '()) (c #f)) (let ((add (lambda (s) (set! path (cons s path))))) (dynamic-wind (lambda () (add 'connect)) (lambda () (add (call/cc (lambda (c0) (set! c c0) 'talk1)))) (lambda () (add 'disconnect))) (if (< (length path) 4) (c 'talk2) (reverse path))))
; => (connect talk1 disconnect connect talk2 disconnect)

(let ((r '())) (call/cc (lambda (k) (dynamic-wind (lambda () (set! r (cons 'in r))) (lambda () (k 1)) (lambda () (set! r (cons 'out r)))))) (reverse r))
; => (in out)

(let ((r '())) (dynamic-wind (lambda () (set! r (cons 1 r))) (lambda () (dynamic-wind (lambda () (set! r (cons 2 r))) (lambda () (set! r (cons 3 r))) (lambda () (set! r (cons 4 r))))) (lambda () (set! r (cons 5 r)))) (reverse r))
; => (1 2 3 4 5)

(let ((r '()) (k #f) (n 0)) (dynamic-wind (lambda () (set! r (cons 'a r))) (lambda () (dynamic-wind (lambda () (set! r (cons 'b r))) (lambda () (call/cc (lambda (c) (set! k c)))) (lambda () (set! r (cons 'c r))))) (lambda () (set! r (cons 'd r)))) (set! n (+ n 1)) (if (< n 2) (k 1)) (reverse r))
; => (a b c d a b c d)

(dynamic-wind (lambda () 1) (lambda () 2) (lambda () 3))
; => 2

(call-with-values (lambda () (values 4 5)) (lambda (a b) b))
; => 5

(call-with-values * -)
; => -1

(call-with-values (lambda () (values)) list)
; => ()

(call-with-values (lambda () 1) list)
; => (1)

(call-with-values (lambda () (values 1 2 3)) list)
; => (1 2 3)

(+ 1 (values 2))
; => 3

(call-with-values (lambda () (call/cc (lambda (k) (k 1 2)))) list)
; => (1 2)

(let ((k (call/cc (lambda (c) c)))) (if (procedure? k) (k 7) k))
; => 7

(define (tree-walk tree) (call/cc (lambda (return) (let walk ((t tree)) (cond ((null? t) #f) ((pair? t) (walk (car t)) (walk (cdr t))) ((and (number? t) (> t 3)) (return t)) (else #f))) 'none))) (tree-walk '(1 (2 (5)) 9))
; => 5

(let ((x (call/cc (lambda (k) (map (lambda (y) (if (= y 2) (k 'escaped) y)) '(1 2 3)))))) x)
; => escaped

(let* ((ks '()) (r (map (lambda (x) (call/cc (lambda (k) (set! ks (cons k ks)) x))) '(1 2 3)))) (if (null? ks) r (let ((k (car ks))) (set! ks '()) (k 10))))
; => (1 2 10)

(map (lambda (f) (f 4)) (list sqrt - (lambda (x) (* x x))))
; => (2 -4 16)

(define (f x) (call/cc (lambda (k) (if (= x 0) (k 'zero) 'other)))) (list (f 0) (f 1))
; => (zero other)

(define r '()) (define (note x) (set! r (cons x r))) (define kk #f) (define (p) (note (call/cc (lambda (k) (set! kk k) 1))) (note 'end)) (p) (if (< (length r) 4) (kk 2)) (reverse r)
; => (1 end 2 end)

(eq? (call/cc (lambda (k) k)) 5)
; => #f

(define (loop n) (if (= n 0) 'ok (begin (call/cc (lambda (k) k)) (loop (- n 1))))) (loop 10000)
; => ok

(define (loop n) (if (= n 0) 'ok (call/cc (lambda (k) (loop (- n 1)))))) (loop 10000)
; => ok

(define (loop n) (if (= n 0) 'ok (call/cc (lambda (k) (k (loop (- n 1))))))) (loop 1000)
; => ok

(define (deep n) (if (= n 0) (call/cc (lambda (k) (k 0))) (+ 1 (deep (- n 1))))) (deep 20000)
; => 20000
