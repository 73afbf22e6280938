;;; The measures people ask for, as an analyst would write them: read them, and copy what you want to change.
;;;
;;; Above each definition stands how it is called, what it answers, and an example with its answer. The examples run in the
;;; tests, over the small world of test/query/world.ts: four users, three days, two releases.

;; The share of PART in WHOLE: a ratio, and 1.0 where there is no whole.
(define (%share part whole)
  (if (= whole 0)
      1.0
      (exact->inexact (/ part whole))))

;; The part of WHOLE that is left without PART. Estimates may say that more crashed than came: then nobody is left.
(define (%share-without part whole)
  (if (= whole 0)
      1.0
      (max 0.0 (- 1.0 (/ part whole)))))

;; The day among the optional arguments of the procedure called NAME, if it was given.
(define (%day-or-today name days)
  (cond ((null? days) (today))
        ((not (null? (cdr days))) (%wrong-type name "at most one day" days))
        ((exact-integer? (car days)) (car days))
        (else (%wrong-type name "a day" (car days)))))

;; The N days that end with DAY.
(define (%days-up-to day n)
  (map (lambda (back) (- day back)) (reverse (iota n))))

;;; ——— Quality

;; (crash-free-users [DAYS])
;; The share of users whose app did not crash on the days: a ratio from 0 to 1, and 1.0 where nobody was there.
;; (crash-free-users (last 3)) => 0.5
(define (crash-free-users . days)
  (%share-without (apply uniques "users/crashed" "" days)
                  (apply uniques "users" "" days)))

;; (crash-free-sessions [DAYS])
;; The share of sessions without a crash: a ratio from 0 to 1, and 1.0 where there were none.
;; (crash-free-sessions (last 3)) => 0.7
(define (crash-free-sessions . days)
  (%share-without (apply count "sessions/crashed" "" days)
                  (apply count "sessions" "" days)))

;;; ——— Users

;; (daily-active-users [DAY])
;; How many users were there on the day.
;; (daily-active-users) => 3
(define (daily-active-users . day)
  (apply uniques "users" "" day))

;; (weekly-active-users [DAY])
;; How many users were there in the seven days that end with the day.
;; (weekly-active-users) => 4
(define (weekly-active-users . day)
  (uniques "users" (%days-up-to (%day-or-today "weekly-active-users" day) 7)))

;; (monthly-active-users [DAY])
;; How many users were there in the thirty days that end with the day, or in as many of them as are kept.
;; (monthly-active-users) => 4
(define (monthly-active-users . day)
  (uniques "users" (%days-up-to (%day-or-today "monthly-active-users" day) 30)))

;; (stickiness [DAY])
;; How much of a month's users a day sees: daily by monthly active users.
;; (stickiness) => 0.75
(define (stickiness . day)
  (%share (apply daily-active-users day)
          (apply monthly-active-users day)))

;;; ——— Crashes

;; What a group is called; its id where nothing is known of it.
(define (%title id)
  (let ((known (group id)))
    (if (null? known) id (cdr (assq 'title known)))))

;; (top-crashes K [DAYS])
;; The K crash groups that happened most, with the users they met and their share in all crashes.
;; (map (lambda (row) (cdr (assq 'count row))) (top-crashes 5 (last 3))) => (6 1)
(define (top-crashes k . days)
  (let ((all (apply total "crashes/group" days)))
    (map (lambda (row)
           (let ((id (car row)) (n (cdr row)))
             (list (cons 'id id)
                   (cons 'title (%title id))
                   (cons 'count n)
                   (cons 'users (apply uniques "users/group" id days))
                   (cons 'share (%share n all)))))
         (apply top k "crashes/group" days))))

;; (regressions APP K [DAY])
;; The crash groups that APP, a version, met on the day, and that nobody had met in the K days before: what this release
;; brought, or brought back. Most frequent first.
;; (map (lambda (row) (cdr (assq 'count row))) (regressions "1.1" 2)) => (1)
(define (regressions app k . day)
  (let* ((day (%day-or-today "regressions" day))
         (before (%days-up-to (- day 1) k)))
    (define (in-app id)
      (count "crashes/group/app" (string-append id " " app) day))
    (define (new? id)
      (and (> (in-app id) 0)
           (= (count "crashes/group" id before) 0)))
    (sort (map (lambda (id)
                 (list (cons 'id id)
                       (cons 'title (%title id))
                       (cons 'count (in-app id))))
               (filter new? (keys "crashes/group" day)))
          (lambda (a b)
            (> (cdr (assq 'count a)) (cdr (assq 'count b)))))))

;;; ——— Releases

;; (adoption [DAYS])
;; Which versions people use, by the share of users on each, most used first. A user who moved counts for both.
;; (adoption) => (((app . "1.1") (users . 2) (share . 0.6666666666666666)) ((app . "1.0") (users . 1) (share . 0.3333333333333333)))
(define (adoption . days)
  (let ((all (apply uniques "users" "" days)))
    (map (lambda (row)
           (list (cons 'app (car row))
                 (cons 'users (cdr row))
                 (cons 'share (%share (cdr row) all))))
         (apply top 1000 "users/app" days))))

;; (compare-releases APP … [DAYS])
;; The versions side by side: users, sessions, crashes, and crashes by session. The days come last.
;; (cdr (assq 'crashes (car (compare-releases "1.1" "1.0" (last 3))))) => 5
(define (compare-releases . arguments)
  (let ((apps (filter string? arguments))
        (days (remove string? arguments)))
    (define (of table app)
      (apply count table app days))
    (map (lambda (app)
           (let ((sessions (of "sessions/app" app))
                 (crashes (of "crashes/app" app)))
             (list (cons 'app app)
                   (cons 'users (apply uniques "users/app" app days))
                   (cons 'sessions sessions)
                   (cons 'crashes crashes)
                   (cons 'crashes-by-session (if (= sessions 0) #f (exact->inexact (/ crashes sessions)))))))
         apps)))

;; (change TABLE [KEY] [DAY])
;; A figure of the day beside that of the day before, and by how much of it it grew (#f from nothing). Works for every
;; table that `series` reads as a number.
;; (change "crashes") => ((now . 4) (before . 2) (change . 1.0))
(define (change table . arguments)
  (let* ((key (if (and (pair? arguments) (string? (car arguments))) (car arguments) ""))
         (days (if (and (pair? arguments) (string? (car arguments))) (cdr arguments) arguments))
         (day (%day-or-today "change" days))
         (rows (series table key (list (- day 1) day)))
         (before (cdar rows))
         (now (cdadr rows)))
    (list (cons 'now now)
          (cons 'before before)
          (cons 'change (if (or (not before) (not now) (= before 0))
                            #f
                            (exact->inexact (/ (- now before) before)))))))
