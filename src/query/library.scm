; The library: what Scheme's own procedures are when they have to call the programs' procedures. No builtin written in
; JavaScript ever calls back into the machine, so that a continuation captured inside `map` is like any other, every round
; costs fuel, and the machine can stop between any two.
;
; Names with % are not visible to programs. What is defined here is sealed: a program that defines `map` has its own, and
; `string-map` here goes on using this one.

; ——— control

;; (apply PROCEDURE VALUE ... LIST)
;; Calls PROCEDURE with the VALUEs and the elements of LIST.
;; (apply + 1 2 '(3 4)) => 10
(define (apply procedure first . rest)
  (if (null? rest)
      (%apply procedure first)
      (%apply procedure (cons first (%spread rest)))))

(define (%spread args)
  (let loop ((rest args) (front '()))
    (if (null? (cdr rest))
        (%append-reverse front (car rest))
        (loop (cdr rest) (cons (car rest) front)))))

(define (%append-reverse front tail)
  (if (null? front) tail (%append-reverse (cdr front) (cons (car front) tail))))

;; (call-with-values PRODUCER CONSUMER)
;; Calls CONSUMER with all values that PRODUCER, a procedure of no arguments, answers.
;; (call-with-values (lambda () (values 1 2)) +) => 3
(define (call-with-values producer consumer) (%apply-values consumer (producer)))

;; (call-with-current-continuation RECEIVER)
;; Calls RECEIVER with the continuation: a procedure that goes on from here, as often as it is called. In programs
;; it can only be left by.
;; (call-with-current-continuation (lambda (return) (+ 1 (return 5)))) => 5
(define (call-with-current-continuation receiver) (%capture receiver))

;; (call/cc RECEIVER)
;; The same as `call-with-current-continuation`.
;; (call/cc (lambda (return) (for-each (lambda (x) (if (< x 0) (return x))) '(1 -2 3)) 0)) => -2
(define (call/cc receiver) (%capture receiver))

;; (call-with-escape-continuation RECEIVER)
;; The same as `call-with-current-continuation`.
;; (call-with-escape-continuation (lambda (return) (return 1) 2)) => 1
(define (call-with-escape-continuation receiver) (%capture receiver))

;; (dynamic-wind BEFORE THUNK AFTER)
;; Answers what THUNK answers; BEFORE runs whenever control enters it, AFTER whenever control leaves it.
;; (dynamic-wind (lambda () #f) (lambda () 7) (lambda () #f)) => 7
(define (dynamic-wind before thunk after)
  (before)
  (%set-winders! (cons (cons before after) (%winders)))
  (call-with-values thunk
    (lambda results
      (%set-winders! (cdr (%winders)))
      (after)
      (%apply values results))))

; The machine calls this when a continuation is called whose dynamic-winds are not those in force.
(define (%rewind k to results)
  (let ((common (%common (%winders) to)))
    (%unwind common)
    (%wind to common)
    (%reinstate k results)))

(define (%unwind common)
  (let ((here (%winders)))
    (if (not (eq? here common))
        (let ((after (cdr (car here))))
          (%set-winders! (cdr here))
          (after)
          (%unwind common)))))

(define (%wind to common)
  (if (not (eq? to common))
      (begin
        (%wind (cdr to) common)
        ((car (car to)))
        (%set-winders! to))))

(define (%common a b)
  (let ((na (length a)) (nb (length b)))
    (let loop ((a (if (> na nb) (list-tail a (- na nb)) a))
               (b (if (> nb na) (list-tail b (- nb na)) b)))
      (if (eq? a b) a (loop (cdr a) (cdr b))))))

;; (force PROMISE)
;; The value of a promise, worked out the first time.
;; (force (delay (+ 1 2))) => 3
(define (force promise)
  (if (promise? promise)
      (if (%promise-done? promise)
          (%promise-content promise)
          (%promise-keep! promise ((%promise-content promise))))
      promise))

; ——— lists

(define (%end-of-list name rest list)
  (if (not (null? rest)) (%wrong-type name "a list" list)))

;; (map PROCEDURE LIST ...)
;; What PROCEDURE answers for each element, or each row of elements, in order.
;; (map + '(1 2) '(10 20)) => (11 22)
(define (map procedure first . more)
  (if (null? more)
      (%map1 procedure first)
      (%map-many procedure (cons first more))))

(define (%map1 procedure list)
  (let loop ((rest list) (done '()))
    (if (pair? rest)
        (loop (cdr rest) (cons (procedure (car rest)) done))
        (begin (%end-of-list "map" rest list) (reverse done)))))

(define (%map-many procedure lists)
  (let loop ((lists lists) (done '()))
    (if (%all-pairs? "map" lists)
        (loop (%map1 cdr lists) (cons (%apply-now procedure (%map1 car lists)) done))
        (reverse done))))

(define (%apply-now procedure args) (%apply procedure args))

; Whether there is another row. What ends the shortest list has to be an end.
(define (%all-pairs? name lists)
  (cond ((null? lists) #t)
        ((pair? (car lists)) (%all-pairs? name (cdr lists)))
        (else (%end-of-list name (car lists) (car lists)) #f)))

;; (for-each PROCEDURE LIST ...)
;; Calls PROCEDURE for each element, or each row of elements, in order.
;; (let ((sum 0)) (for-each (lambda (x) (set! sum (+ sum x))) '(1 2 3)) sum) => 6
(define (for-each procedure first . more)
  (if (null? more)
      (let loop ((rest first))
        (if (pair? rest)
            (begin (procedure (car rest)) (loop (cdr rest)))
            (%end-of-list "for-each" rest first)))
      (let loop ((lists (cons first more)))
        (if (%all-pairs? "for-each" lists)
            (begin (%apply-now procedure (%map1 car lists))
                   (loop (%map1 cdr lists)))))))

;; (append-map PROCEDURE LIST ...)
;; The lists that PROCEDURE answers, appended.
;; (append-map (lambda (x) (list x x)) '(1 2)) => (1 1 2 2)
(define (append-map procedure first . more)
  (%apply append (%apply-now map (cons* procedure first more))))

;; (filter KEEP? LIST)
;; The elements for which KEEP? is true.
;; (filter even? '(1 2 3 4)) => (2 4)
(define (filter keep? list)
  (let loop ((rest list) (done '()))
    (if (pair? rest)
        (loop (cdr rest) (if (keep? (car rest)) (cons (car rest) done) done))
        (begin (%end-of-list "filter" rest list) (reverse done)))))

;; (remove DROP? LIST)
;; The elements for which DROP? is false.
;; (remove even? '(1 2 3 4)) => (1 3)
(define (remove drop? list) (filter (lambda (item) (not (drop? item))) list))

;; (partition IN? LIST)
;; Two values: the elements for which IN? is true, and the others.
;; (call-with-values (lambda () (partition even? '(1 2 3 4))) list) => ((2 4) (1 3))
(define (partition in? list)
  (let loop ((rest list) (in '()) (out '()))
    (if (pair? rest)
        (if (in? (car rest))
            (loop (cdr rest) (cons (car rest) in) out)
            (loop (cdr rest) in (cons (car rest) out)))
        (begin (%end-of-list "partition" rest list)
               (values (reverse in) (reverse out))))))

;; (delete ITEM LIST)
;; The elements that are not `equal?` to ITEM.
;; (delete 2 '(1 2 3 2)) => (1 3)
(define (delete item list) (filter (lambda (other) (not (equal? item other))) list))

;; (delete-duplicates LIST)
;; Each element once, at its first place.
;; (delete-duplicates '(1 2 1 3 2)) => (1 2 3)
(define (delete-duplicates list)
  (let ((seen (make-hash-table)))
    (filter (lambda (item)
              (if (hash-has? seen item) #f (begin (hash-set! seen item #t) #t)))
            list)))

;; (reduce PROCEDURE INITIAL LIST)
;; Combines the elements, two at a time: (PROCEDURE ELEMENT RESULT); INITIAL for the empty list.
;; (reduce max 0 '(3 9 2)) => 9
(define (reduce procedure initial list)
  (if (pair? list)
      (let loop ((rest (cdr list)) (result (car list)))
        (if (pair? rest)
            (loop (cdr rest) (procedure (car rest) result))
            (begin (%end-of-list "reduce" rest list) result)))
      (begin (%end-of-list "reduce" list list) initial)))

;; (fold-left PROCEDURE INITIAL LIST ...)
;; Combines from the left: (PROCEDURE RESULT ELEMENT).
;; (fold-left cons '() '(1 2)) => ((() . 1) . 2)
(define (fold-left procedure initial first . more)
  (if (null? more)
      (let loop ((rest first) (result initial))
        (if (pair? rest)
            (loop (cdr rest) (procedure result (car rest)))
            (begin (%end-of-list "fold-left" rest first) result)))
      (let loop ((lists (cons first more)) (result initial))
        (if (%all-pairs? "fold-left" lists)
            (loop (%map1 cdr lists) (%apply-now procedure (cons result (%map1 car lists))))
            result))))

;; (fold-right PROCEDURE INITIAL LIST ...)
;; Combines from the right: (PROCEDURE ELEMENT RESULT).
;; (fold-right cons '() '(1 2)) => (1 2)
(define (fold-right procedure initial first . more)
  (if (null? more)
      (let loop ((rest (reverse first)) (result initial))
        (if (pair? rest)
            (loop (cdr rest) (procedure (car rest) result))
            result))
      (let loop ((rows (reverse (%apply-now map (cons* list first more)))) (result initial))
        (if (pair? rows)
            (loop (cdr rows) (%apply-now procedure (append (car rows) (list result))))
            result))))

;; (fold PROCEDURE INITIAL LIST)
;; Combines from the left: (PROCEDURE ELEMENT RESULT).
;; (fold cons '() '(1 2 3)) => (3 2 1)
(define (fold procedure initial list)
  (let loop ((rest list) (result initial))
    (if (pair? rest)
        (loop (cdr rest) (procedure (car rest) result))
        (begin (%end-of-list "fold" rest list) result))))

;; (find WANTED? LIST)
;; The first element for which WANTED? is true, or #f.
;; (find even? '(1 2 3 4)) => 2
(define (find wanted? list)
  (let loop ((rest list))
    (if (pair? rest)
        (if (wanted? (car rest)) (car rest) (loop (cdr rest)))
        (begin (%end-of-list "find" rest list) #f))))

;; (find-tail WANTED? LIST)
;; The rest of LIST from the first element on for which WANTED? is true, or #f.
;; (find-tail even? '(1 2 3)) => (2 3)
(define (find-tail wanted? list)
  (let loop ((rest list))
    (if (pair? rest)
        (if (wanted? (car rest)) rest (loop (cdr rest)))
        (begin (%end-of-list "find-tail" rest list) #f))))

;; (list-index WANTED? LIST)
;; The place of the first element for which WANTED? is true, or #f.
;; (list-index even? '(1 3 4)) => 2
(define (list-index wanted? list)
  (let loop ((rest list) (index 0))
    (if (pair? rest)
        (if (wanted? (car rest)) index (loop (cdr rest) (+ index 1)))
        (begin (%end-of-list "list-index" rest list) #f))))

;; (any TRUE? LIST ...)
;; The first true answer of TRUE?, or #f.
;; (any even? '(1 2 3)) => #t
(define (any true? first . more)
  (if (null? more)
      (let loop ((rest first))
        (if (pair? rest)
            (if (null? (cdr rest)) (true? (car rest)) (or (true? (car rest)) (loop (cdr rest))))
            (begin (%end-of-list "any" rest first) #f)))
      (let loop ((lists (cons first more)))
        (if (%all-pairs? "any" lists)
            (or (%apply-now true? (%map1 car lists)) (loop (%map1 cdr lists)))
            #f))))

;; (every TRUE? LIST ...)
;; #f if TRUE? is false of one; else the last answer.
;; (every even? '(2 4)) => #t
(define (every true? first . more)
  (if (null? more)
      (let loop ((rest first) (last #t))
        (if (pair? rest)
            (let ((answer (true? (car rest))))
              (if answer (loop (cdr rest) answer) #f))
            (begin (%end-of-list "every" rest first) last)))
      (let loop ((lists (cons first more)) (last #t))
        (if (%all-pairs? "every" lists)
            (let ((answer (%apply-now true? (%map1 car lists))))
              (if answer (loop (%map1 cdr lists) answer) #f))
            last))))

;; (take-while KEEP? LIST)
;; The elements before the first for which KEEP? is false.
;; (take-while even? '(2 4 5 6)) => (2 4)
(define (take-while keep? list)
  (let loop ((rest list) (done '()))
    (if (and (pair? rest) (keep? (car rest)))
        (loop (cdr rest) (cons (car rest) done))
        (reverse done))))

;; (drop-while DROP? LIST)
;; LIST from the first element on for which DROP? is false.
;; (drop-while even? '(2 4 5 6)) => (5 6)
(define (drop-while drop? list)
  (let loop ((rest list))
    (if (and (pair? rest) (drop? (car rest))) (loop (cdr rest)) rest)))

;; (member ITEM LIST [SAME?])
;; The rest of LIST from the first element on that is the SAME? as ITEM (`equal?` if left out), or #f.
;; (member "b" '("a" "b" "c")) => ("b" "c")
(define (member item list . same)
  (if (null? same)
      (%member item list)
      (find-tail (lambda (other) ((car same) item other)) list)))

;; (assoc KEY ALIST [SAME?])
;; The first pair of ALIST whose car is the SAME? as KEY (`equal?` if left out), or #f.
;; (assoc "b" '(("a" . 1) ("b" . 2))) => ("b" . 2)
(define (assoc key list . same)
  (if (null? same)
      (%assoc key list)
      (find (lambda (entry) ((car same) key (car entry))) list)))

; ——— sorting: a stable merge sort of lists, bottom up in the recursion

;; (sort SEQUENCE LESS?)
;; A sorted list or vector. Equal elements keep their order.
;; (sort '(3 1 2) <) => (1 2 3)
(define (sort sequence less?)
  (cond ((procedure? sequence) (sort less? sequence))
        ((vector? sequence) (list->vector (%sort-list (vector->list sequence) less?)))
        ((list? sequence) (%sort-list sequence less?))
        (else (%wrong-type "sort" "a list or a vector" sequence))))

;; (list-sort LESS? LIST)
;; A sorted list.
;; (list-sort > '(3 1 2)) => (3 2 1)
(define (list-sort less? list) (sort list less?))

; Numbers, strings and characters by the builtin comparisons need no call for each.
(define (%sort-list list less?)
  (or (and (pair? list) (%sort-by-builtin list less?))
      (%merge-sort list less?)))

(define (%merge-sort list less?)
  (define rest list)
  (define (run n)
    (if (= n 1)
        (let ((item (car rest)))
          (set! rest (cdr rest))
          (cons item '()))
        (let* ((half (quotient n 2))
               (left (run half)))
          (%merge left (run (- n half)) less?))))
  (let ((n (length list)))
    (if (= n 0) '() (run n))))

(define (%merge left right less?)
  (let ((head (cons #f '())))
    (let loop ((left left) (right right) (last head))
      (cond ((null? left) (set-cdr! last right) (cdr head))
            ((null? right) (set-cdr! last left) (cdr head))
            ((less? (car right) (car left))
             (set-cdr! last right)
             (loop left (cdr right) right))
            (else
             (set-cdr! last left)
             (loop (cdr left) right left))))))

; ——— strings and vectors

;; (string-map PROCEDURE STRING ...)
;; A string of what PROCEDURE answers for each character.
;; (string-map char-upcase "abc") => "ABC"
(define (string-map procedure first . more)
  (list->string (%apply-now map (cons procedure (%map1 string->list (cons first more))))))

;; (string-for-each PROCEDURE STRING ...)
;; Calls PROCEDURE for each character.
;; (let ((n 0)) (string-for-each (lambda (c) (set! n (+ n 1))) "abc") n) => 3
(define (string-for-each procedure first . more)
  (%apply for-each (cons procedure (%map1 string->list (cons first more)))))

;; (vector-map PROCEDURE VECTOR ...)
;; A vector of what PROCEDURE answers for each element.
;; (vector-map - '#(1 2)) => #(-1 -2)
(define (vector-map procedure first . more)
  (list->vector (%apply-now map (cons procedure (%map1 vector->list (cons first more))))))

;; (vector-for-each PROCEDURE VECTOR ...)
;; Calls PROCEDURE for each element.
;; (let ((n 0)) (vector-for-each (lambda (x) (set! n (+ n x))) '#(1 2)) n) => 3
(define (vector-for-each procedure first . more)
  (%apply for-each (cons procedure (%map1 vector->list (cons first more)))))

;; (call-with-output-string PROCEDURE)
;; Calls PROCEDURE with a port, and answers as a string what was written to it.
;; (call-with-output-string (lambda (port) (write 'a port))) => "a"
(define (call-with-output-string procedure)
  (let ((port (open-output-string)))
    (procedure port)
    (get-output-string port)))

; ——— hash tables

;; (hash-update! TABLE KEY PROCEDURE [DEFAULT])
;; Puts what PROCEDURE answers for the value under KEY (DEFAULT where there is none) in its place.
;; (let ((t (make-hash-table))) (hash-update! t 'a (lambda (n) (+ n 1)) 0) (hash-ref t 'a)) => 1
(define (hash-update! table key procedure . default)
  (hash-set! table key
    (procedure (if (null? default) (hash-ref table key) (hash-ref table key (car default))))))

;; (hash-for-each PROCEDURE TABLE)
;; Calls PROCEDURE with each key and value.
;; (let ((t (make-hash-table)) (sum 0)) (hash-set! t 'a 2) (hash-for-each (lambda (k v) (set! sum (+ sum v))) t) sum) => 2
(define (hash-for-each procedure table)
  (for-each (lambda (entry) (procedure (car entry) (cdr entry))) (hash->alist table)))

;; (alist->hash ALIST)
;; A hash table of the pairs of ALIST.
;; (hash-ref (alist->hash '((a . 1))) 'a) => 1
(define (alist->hash alist)
  (let ((table (make-hash-table)))
    (for-each (lambda (entry) (hash-set! table (car entry) (cdr entry))) alist)
    table))
