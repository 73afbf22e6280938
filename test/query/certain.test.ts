// Programs that can neither fail nor drop an event: which they are, and that nobody can tell from the tables that their effects
// happened while they ran. (runOn of program-rig.ts fails wherever a certain program does not end as it should.)
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Applier } from '../../src/actors/apply.js'
import { Delivery } from '../../src/actors/delivery.js'
import { dayOf } from '../../src/core/clock.js'
import { defaultLimits } from '../../src/core/limits.js'
import { isCertain } from '../../src/query/certain.js'
import type { EventProgram } from '../../src/query/event-program.js'
import { builtinProgram, loadProgram } from '../../src/query/program.js'
import { CustomerState } from '../../src/tables/state.js'
import type { FileWrite } from '../../src/tables/types.js'
import { batchOf } from './program-rig.js'

const NOW = Date.UTC(2026, 10, 20, 12)

const load = (source: string) => loadProgram(source, defaultLimits)
const on = (body: string) => load(`(define (on-event e) ${body})`)

const certain: readonly string[] = [
  '(bump! "events" (field e \'type))',
  '(bump! "sums" "" (field e \'value))',
  '(bump! "keyless" "all" 2.5)',
  '(collect! "names" (field e \'app) (field e \'name)) (sketch! "users" (field e \'app) (field e \'user))',
  '(when (equal? (field e \'app) "1.2") (observe! "ms" "" (field e \'ms)))',
  '(case (event-type e) ((event) (gauge! "g" (field e \'name) (field e \'value))) ((crash) (note-group! e)))',
  '(if (once! \'session (field e \'session)) (tick! "sessions" ""))',
  '(let ((user (field e \'user))) (if user (bump! "with" "") (bump! "without" "")))',
  '(bump! "joined" (key (field e \'app) (field e \'name)))',
  "(bump! \"joined\" (key (key (field e 'app) (field e 'name)) (field e 'user)))",
]

const uncertain: readonly (readonly [source: string, why: string])[] = [
  ['(bump! "events" "") (drop! "all")', 'it drops'],
  ['(if (equal? (field e \'user) "test") (drop! "test"))', 'it may drop'],
  ['(bump! "n" "" (+ 1 (field e \'value)))', 'there may be no value to add'],
  ['(bump! (field e \'name) "")', 'the name of the table may be none'],
  ['(bump! "tags" (field e \'tags \'plan))', 'a tag may be a list, which is no key'],
  ["(set-state! (field e 'session) 'paid)", 'there may be too many states'],
  [
    '(let () (define (note key) (bump! "noted" key)) (note (field e \'app)) (note (field e \'user)))',
    'a procedure within a procedure is not looked into',
  ],
  ['(let loop ((n 3)) (if (= n 0) #t (loop (- n 1))))', 'it has a loop'],
  ['(let () (define (f x) (f x)) (f 1))', 'it may call itself'],
  ["(bump! \"messages\" (key (field e 'error 'message) (field e 'app)))", 'a message is of any length: fuel'],
  ["(string-length (field e 'user))", 'it calls a library procedure'],
  ['(let ((f (lambda (x) (bump! "x" x)))) (f (field e \'user)) f)', 'it makes a procedure that is a value'],
]

t.test('programs of nothing but fields, choices and effects are certain, the built-in one among them', async t => {
  t.ok(builtinProgram().certain)
  for (const source of certain) t.ok(on(source).certain, source)
})

t.test('what may fail, drop, loop or call itself is not', async t => {
  for (const [source, why] of uncertain) t.notOk(on(source).certain, `${why}: ${source}`)
})

t.test('procedures that call each other without end are not, nor those that cost more than an event may', async t => {
  t.notOk(load('(define (a e) (b e)) (define (b e) (a e)) (define (on-event e) (a e))').certain)
  const doubling = Array.from({ length: 30 }, (_, i) => `(define (f${i + 1} e) (f${i} e) (f${i} e))`)
  const many = load(`(define (f0 e) (bump! "x" "")) ${doubling.join(' ')} (define (on-event e) (f30 e))`)
  t.notOk(many.certain, 'a thousand million calls')
  t.ok(load(`(define (f0 e) (bump! "x" "")) ${doubling.slice(0, 3).join(' ')} (define (on-event e) (f3 e))`).certain)
})

t.test('the text is held to its shape', async t => {
  const fuel = 'if((C.fuel-=1)<0)C.outOfFuel();'
  const f = (body: string, name = 'f0()') => `function ${name}{\n${fuel}\n${body}\nreturn k0;\n}`
  t.ok(isCertain('f0()', f('E.bump(0,0,0,1);'), 100))
  t.notOk(isCertain('f0()', f('E.bump(0,0,0,1);'), 0), 'fuel')
  t.notOk(isCertain('f1()', f(''), 100), 'a function that is not there')
  t.notOk(
    isCertain('f0()', `${f('function f1(){\nreturn k0;\n}\nf0();')}`, 100),
    'a call behind a function in a function',
  )
  for (const body of [
    'E.drop();',
    'C.fail();',
    'k1();',
    'E.bump(0,0,0,"1");',
    'B.types;',
    'const v1=()=>k0;',
    'L1:for(;;){}',
    'throw k0;',
  ])
    t.notOk(isCertain('f0()', f(body), 100), body)
  t.notOk(isCertain('f0()', f('', 'f0(d,p1)'), 100), 'a procedure that counts its depth')
  t.notOk(isCertain('f0()', f('E.bump(0,0,0,1);'.repeat(3_000)), 1e9), 'more than is looked at')
})

/** The same program for those who do not know. */
const written = (program: EventProgram): EventProgram => ({
  source: program.source,
  declared: program.declared,
  certain: false,
  fieldPlan: undefined,
  begin: (batch, effects) => program.begin(batch, effects),
  run: event => program.run(event),
  runCertain: () => {
    throw new Error('not certain')
  },
  get reason() {
    return program.reason
  },
  get error() {
    return program.error
  },
})

function stateAfter(program: EventProgram, bodies: readonly (readonly object[])[], sampling: number): FileWrite {
  const identity = { customer: 'acme', incarnation: 1n, hashKey: { k0: 3, k1: 4 } }
  const state = CustomerState.empty(identity, { ...defaultLimits, maxKeysPerTable: 5 }, dayOf(NOW), 7)
  state.sampling = sampling
  const applier = new Applier(defaultLimits, builtinProgram())
  const delivery = new Delivery()
  for (const body of bodies) {
    delivery.clear()
    delivery.batch = batchOf(...body)
    delivery.n = state.n + 1
    delivery.ms = NOW
    delivery.day = dayOf(NOW)
    applier.run(state, program, undefined, delivery, () => false)
    state.n++
  }
  return state.everything()
}

const word = fc.constantFrom('a', 'bb', 'ccc', 'a name of twenty-two', 'ü'.repeat(150))
const anyEvent = fc.record(
  {
    type: fc.constantFrom('event', 'session', 'metric', 'network', 'transaction', 'crash', 'error'),
    name: fc.constantFrom('buy', 'sell', 'a-long-name-of-an-event'),
    user: word,
    session: fc.constantFrom('s1', 's2', 's3'),
    app: word,
    country: word,
    state: fc.constantFrom('start', 'end'),
    kind: fc.constantFrom('count', 'gauge', 'timer'),
    value: fc.constantFrom(1, 2.5, -3),
    ms: fc.constantFrom(10, 20.5),
    host: word,
    status: fc.constantFrom('200', 'crashed'),
    error: fc.record({ type: word, message: word }),
    at: fc.constantFrom(NOW, NOW - 86_400_000, NOW - 2 * 86_400_000),
  },
  { requiredKeys: ['type', 'name', 'kind', 'host', 'error'] },
)

t.test('effects that happen at once leave the bytes of those that were written down', async () => {
  const programs = [builtinProgram(), ...certain.map(on)]
  fc.assert(
    fc.property(
      fc.array(fc.array(anyEvent, { minLength: 1, maxLength: 12 }), { maxLength: 6 }),
      fc.constantFrom(...programs),
      fc.constantFrom(1, 1, 0.5),
      (bodies, program, sampling) => {
        const direct = stateAfter(program, bodies, sampling)
        const other = stateAfter(written(program), bodies, sampling)
        assert.deepStrictEqual(direct, other)
      },
    ),
    { numRuns: 400 },
  )
})

t.test('a joined key is the same text after a long one has made room', async t => {
  // Short keys are remembered by their bytes in the arena; it grows while keys of before lie in it.
  const program = on('(bump! "joined" (key (field e \'app) (field e \'name)))')
  const state = CustomerState.empty(
    { customer: 'acme', incarnation: 1n, hashKey: { k0: 3, k1: 4 } },
    defaultLimits,
    dayOf(NOW),
    7,
  )
  const applier = new Applier(defaultLimits, builtinProgram())
  const long = Array.from({ length: 6 }, (_, i) => ({ type: 'event', name: 'x'.repeat(190), app: `${i}`.repeat(190) }))
  const short = Array.from({ length: 20 }, (_, i) => ({ type: 'event', name: `n${i % 4}`, app: `a${i % 5}` }))
  for (const each of [program, written(program)]) {
    const delivery = new Delivery()
    delivery.batch = batchOf(...long, ...short)
    delivery.n = state.n + 1
    delivery.ms = NOW
    delivery.day = dayOf(NOW)
    applier.run(state, each, undefined, delivery, () => false)
    state.n++
  }
  const table = state.table('joined')!
  for (let i = 0; i < 20; i++) {
    const row = table.findKeyText(`a${i % 5} n${i % 4}`)
    t.equal(table.counterAt(dayOf(NOW), row), 2, `a${i % 5} n${i % 4}`)
  }
})
