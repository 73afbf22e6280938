;;; What Lethe keeps of every event, unless a customer says otherwise.
;;;
;;; `on-event` runs once for each event. It changes nothing by itself: each bump!, sketch!, … says what should happen,
;;; and all of it happens together when on-event returns.
;;;
;;; A field that an event does not have reads as #f, and an update whose key or value is #f leaves its table alone.
;;; So nearly every line below stands without an `if`: where no country is known, no country is collected.
;;;
;;; Copy this file, change it, and send it: PUT /v1/program. No restart, no event lost.

(define (on-event e)
  (let ((type (field e 'type))
        (user (field e 'user))
        (app (field e 'app)))
    (bump! "events" type)
    (tick! "timeline/events" type)
    (sketch! "users" "" user)
    (sketch! "users/app" app user)
    (collect! "apps" "" app)
    (collect! "platforms" "" (field e 'platform))
    (collect! "countries" "" (field e 'country))
    ;; A session counts at the first sight of its id, whatever event bears it.
    (when (once! 'session (field e 'session))
      (count-session app))
    (case (event-type e)
      ((crash) (on-crash e user app))
      ((error) (on-error e user))
      ((session) (on-session e app))
      ((event) (on-named-event e user))
      ((metric) (on-metric e))
      ((network) (on-network e))
      ((transaction) (on-transaction e)))))

(define (count-session app)
  (bump! "sessions" "")
  (bump! "sessions/app" app))

;; A group id stands for one bug: crashes that a person would call the same share it. (key A B) is "A B" as one key.
(define (on-crash e user app)
  (let ((group (field e 'group)))
    (bump! "crashes" "")
    (tick! "timeline/crashes" "")
    (bump! "crashes/app" app)
    (bump! "crashes/os" (field e 'os))
    (bump! "crashes/platform" (field e 'platform))
    (bump! "crashes/device" (field e 'device))
    (bump! "crashes/group" group)
    (bump! "crashes/group/app" (key group app))
    (sketch! "users/crashed" "" user)
    (sketch! "users/group" group user)
    (when (once! 'crashed (field e 'session))
      (bump! "sessions/crashed" ""))
    (note-group! e)))

;; An error was caught: the app went on. It has a group, but the session and its user count as crash-free.
(define (on-error e user)
  (let ((group (field e 'group)))
    (bump! "errors/group" group)
    (sketch! "users/group" group user)
    (note-group! e)))

;; With an id, on-event has counted it already. Some SDKs say of a session that it crashed, besides reporting the crash.
(define (on-session e app)
  (let ((session (field e 'session)))
    (when (and (not session) (equal? (field e 'state) "start"))
      (count-session app))
    (when (and (equal? (field e 'status) "crashed")
               (or (not session) (once! 'crashed session)))
      (bump! "sessions/crashed" ""))))

(define (on-named-event e user)
  (let ((name (field e 'name)))
    (bump! "event" name)
    (sketch! "users/event" name user)))

(define (on-metric e)
  (let ((name (field e 'name))
        (kind (field e 'kind))
        (value (field e 'value)))
    (cond ((equal? kind "count") (bump! "metric/count" name value))
          ((equal? kind "timer") (observe! "metric/timer" name value))
          ((equal? kind "gauge") (gauge! "metric/gauge" name value)))))

(define (on-network e)
  (let ((host (field e 'host)))
    (bump! "network/host" host)
    (bump! "network/status" (field e 'status))
    (observe! "network/ms" host (field e 'ms))))

(define (on-transaction e)
  (let ((name (field e 'name)))
    (bump! "transaction" (key name (field e 'state)))
    (observe! "transaction/ms" name (field e 'ms))))
