// An entry that is replayed must meet its program's limit where it met it before (R13, R14). What an event costs follows from
// the program and the event alone: not from what ran before, from how often, or from what V8 has made of it.

import t from 'tap'
import { defaultLimits } from '../../src/core/limits.js'
import { loadProgram } from '../../src/query/program.js'
import { runOn } from './program-rig.js'

const event = { type: 'event', name: 'buy', user: 'ada', app: '1.2.3', tags: { plan: 'pro' } }

const programs: Record<string, string> = {
  recursion: '(define (f n) (if (< n 2) n (+ (f (- n 1)) (f (- n 2))))) (define (on-event e) (bump! "n" "" (f 10)))',
  loops: `(define (on-event e)
  (do ((i 0 (+ i 1)) (all '() (cons i all))) ((= i 100) (bump! "n" "" (length (filter even? all))))))`,
  strings: `(define (on-event e)
  (let loop ((i 0) (s (field e 'app)))
    (if (< i 20) (loop (+ i 1) (string-append s (number->string i))) (bump! "n" s (string-length s)))))`,
  'long lists, whose primitives work in slices elsewhere':
    '(define (on-event e) (bump! "n" "" (length (append (reverse (iota 5000)) (vector->list (make-vector 5000 1))))))',
  'library procedures': `(define (on-event e)
  (bump! "n" "" (length (sort (map (lambda (x) (modulo (* x 7) 13)) (iota 30)) <)))
  (bump! "h" (let ((h (make-hash-table))) (hash-update! h (field e 'user) (lambda (n) (+ n 1)) 0) "k")))`,
  'the built-in program': '(define (on-event e) (apply-default e))',
}

/** The fewest steps that suffice. */
function fewestSteps(source: string): number {
  const passes = (maxProgramSteps: number): boolean => {
    const [first] = runOn(loadProgram(source, { ...defaultLimits, maxProgramSteps }), event)
    return !first?.startsWith('failed step-limit')
  }
  let [low, high] = [0, 200_000]
  if (!passes(high)) throw new Error('the program takes more than that')
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (passes(middle)) high = middle
    else low = middle
  }
  return high
}

for (const [name, source] of Object.entries(programs)) {
  t.test(`an event costs the same every time: ${name}`, async t => {
    const steps = fewestSteps(source)
    t.ok(steps > 1, `${steps} steps`)
    const enough = loadProgram(source, { ...defaultLimits, maxProgramSteps: steps })
    const tooFew = loadProgram(source, { ...defaultLimits, maxProgramSteps: steps - 1 })
    const expected = runOn(enough, event)
    const answers = new Set<string>()
    const errors = new Set<string>()
    // Often enough that V8 compiles it, and compiles it better.
    for (let i = 0; i < 300; i++) {
      answers.add(JSON.stringify(runOn(enough, event)))
      errors.add(runOn(tooFew, event)[0]!)
    }
    t.same([...answers], [JSON.stringify(expected)])
    t.equal(errors.size, 1)
    t.match([...errors][0], /^failed step-limit/)
    t.equal(fewestSteps(source), steps, 'also when it has been compiled')
  })
}
