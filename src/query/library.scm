; The library: what Scheme's own procedures are when they have to call the programs' procedures. No builtin written in
; JavaScript ever calls back into the machine, so that a continuation captured inside `map` is like any other, every round
; costs fuel, and the machine can stop between any two.
;
; Names with % are not visible to programs. What is defined here is sealed: a program that defines `map` has its own, and
; `string-map` here goes on using this one.

; ——— control

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

(define (call-with-values producer consumer) (%apply-values consumer (producer)))

(define (call-with-current-continuation receiver) (%capture receiver))
(define (call/cc receiver) (%capture receiver))
(define (call-with-escape-continuation receiver) (%capture receiver))

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

(define (force promise)
  (if (promise? promise)
      (if (%promise-done? promise)
          (%promise-content promise)
          (%promise-keep! promise ((%promise-content promise))))
      promise))

; ——— lists

(define (%end-of-list name rest list)
  (if (not (null? rest)) (%wrong-type name "a list" list)))

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
    (if (%all-pairs? lists)
        (loop (%map1 cdr lists) (cons (%apply-now procedure (%map1 car lists)) done))
        (reverse done))))

(define (%apply-now procedure args) (%apply procedure args))

(define (%all-pairs? lists)
  (or (null? lists)
      (and (pair? (car lists)) (%all-pairs? (cdr lists)))))

(define (for-each procedure first . more)
  (if (null? more)
      (let loop ((rest first))
        (if (pair? rest)
            (begin (procedure (car rest)) (loop (cdr rest)))
            (%end-of-list "for-each" rest first)))
      (let loop ((lists (cons first more)))
        (if (%all-pairs? lists)
            (begin (%apply-now procedure (%map1 car lists))
                   (loop (%map1 cdr lists)))))))

(define (append-map procedure first . more)
  (%apply append (%apply-now map (cons* procedure first more))))

(define (filter keep? list)
  (let loop ((rest list) (done '()))
    (if (pair? rest)
        (loop (cdr rest) (if (keep? (car rest)) (cons (car rest) done) done))
        (begin (%end-of-list "filter" rest list) (reverse done)))))

(define (remove drop? list) (filter (lambda (item) (not (drop? item))) list))

(define (partition in? list)
  (let loop ((rest list) (in '()) (out '()))
    (if (pair? rest)
        (if (in? (car rest))
            (loop (cdr rest) (cons (car rest) in) out)
            (loop (cdr rest) in (cons (car rest) out)))
        (begin (%end-of-list "partition" rest list)
               (values (reverse in) (reverse out))))))

(define (delete item list) (filter (lambda (other) (not (equal? item other))) list))

(define (delete-duplicates list)
  (let ((seen (make-hash-table)))
    (filter (lambda (item)
              (if (hash-has? seen item) #f (begin (hash-set! seen item #t) #t)))
            list)))

(define (reduce procedure initial list)
  (if (pair? list)
      (let loop ((rest (cdr list)) (result (car list)))
        (if (pair? rest)
            (loop (cdr rest) (procedure (car rest) result))
            (begin (%end-of-list "reduce" rest list) result)))
      (begin (%end-of-list "reduce" list list) initial)))

(define (fold-left procedure initial first . more)
  (if (null? more)
      (let loop ((rest first) (result initial))
        (if (pair? rest)
            (loop (cdr rest) (procedure result (car rest)))
            (begin (%end-of-list "fold-left" rest first) result)))
      (let loop ((lists (cons first more)) (result initial))
        (if (%all-pairs? lists)
            (loop (%map1 cdr lists) (%apply-now procedure (cons result (%map1 car lists))))
            result))))

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

(define (fold procedure initial list)
  (let loop ((rest list) (result initial))
    (if (pair? rest)
        (loop (cdr rest) (procedure (car rest) result))
        (begin (%end-of-list "fold" rest list) result))))

(define (find wanted? list)
  (let loop ((rest list))
    (if (pair? rest)
        (if (wanted? (car rest)) (car rest) (loop (cdr rest)))
        (begin (%end-of-list "find" rest list) #f))))

(define (find-tail wanted? list)
  (let loop ((rest list))
    (if (pair? rest)
        (if (wanted? (car rest)) rest (loop (cdr rest)))
        (begin (%end-of-list "find-tail" rest list) #f))))

(define (list-index wanted? list)
  (let loop ((rest list) (index 0))
    (if (pair? rest)
        (if (wanted? (car rest)) index (loop (cdr rest) (+ index 1)))
        (begin (%end-of-list "list-index" rest list) #f))))

(define (any true? first . more)
  (if (null? more)
      (let loop ((rest first))
        (if (pair? rest)
            (if (null? (cdr rest)) (true? (car rest)) (or (true? (car rest)) (loop (cdr rest))))
            (begin (%end-of-list "any" rest first) #f)))
      (let loop ((lists (cons first more)))
        (if (%all-pairs? lists)
            (or (%apply-now true? (%map1 car lists)) (loop (%map1 cdr lists)))
            #f))))

(define (every true? first . more)
  (if (null? more)
      (let loop ((rest first) (last #t))
        (if (pair? rest)
            (let ((answer (true? (car rest))))
              (if answer (loop (cdr rest) answer) #f))
            (begin (%end-of-list "every" rest first) last)))
      (let loop ((lists (cons first more)) (last #t))
        (if (%all-pairs? lists)
            (let ((answer (%apply-now true? (%map1 car lists))))
              (if answer (loop (%map1 cdr lists) answer) #f))
            last))))

(define (take-while keep? list)
  (let loop ((rest list) (done '()))
    (if (and (pair? rest) (keep? (car rest)))
        (loop (cdr rest) (cons (car rest) done))
        (reverse done))))

(define (drop-while drop? list)
  (let loop ((rest list))
    (if (and (pair? rest) (drop? (car rest))) (loop (cdr rest)) rest)))

(define (member item list . same)
  (if (null? same)
      (%member item list)
      (find-tail (lambda (other) ((car same) item other)) list)))

(define (assoc key list . same)
  (if (null? same)
      (%assoc key list)
      (find (lambda (entry) ((car same) key (car entry))) list)))

; ——— sorting: a stable merge sort of lists, bottom up in the recursion

(define (sort sequence less?)
  (cond ((procedure? sequence) (sort less? sequence))
        ((vector? sequence) (list->vector (%sort-list (vector->list sequence) less?)))
        (else (%sort-list sequence less?))))

(define (list-sort less? list) (sort list less?))

(define (%sort-list list less?)
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

(define (string-map procedure first . more)
  (list->string (%apply-now map (cons procedure (%map1 string->list (cons first more))))))

(define (string-for-each procedure first . more)
  (%apply for-each (cons procedure (%map1 string->list (cons first more)))))

(define (vector-map procedure first . more)
  (list->vector (%apply-now map (cons procedure (%map1 vector->list (cons first more))))))

(define (vector-for-each procedure first . more)
  (%apply for-each (cons procedure (%map1 vector->list (cons first more)))))

(define (call-with-output-string procedure)
  (let ((port (open-output-string)))
    (procedure port)
    (get-output-string port)))

; ——— hash tables

(define (hash-update! table key procedure . default)
  (hash-set! table key
    (procedure (if (null? default) (hash-ref table key) (hash-ref table key (car default))))))

(define (hash-for-each procedure table)
  (for-each (lambda (entry) (procedure (car entry) (cdr entry))) (hash->alist table)))

(define (alist->hash alist)
  (let ((table (make-hash-table)))
    (for-each (lambda (entry) (hash-set! table (car entry) (cdr entry))) alist)
    table))
