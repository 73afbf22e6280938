// Programs that only count what stands in fields: which they are, and that nobody can tell from a state's bytes that their events were
// taken in groups.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Applier } from '../../src/actors/apply.js'
import { Delivery } from '../../src/actors/delivery.js'
import { dayOf } from '../../src/core/clock.js'
import { defaultLimits } from '../../src/core/limits.js'
import { Field } from '../../src/event/batch.js'
import type { EventProgram } from '../../src/query/event-program.js'
import { fieldPlanOf } from '../../src/query/field-plan.js'
import { builtinProgram, loadProgram } from '../../src/query/program.js'
import { CustomerState } from '../../src/tables/state.js'
import { batchOf } from './program-rig.js'

const NOW = Date.UTC(2026, 10, 20, 12)

const on = (body: string) => loadProgram(`(define (on-event e) ${body})`, defaultLimits)

const planned: readonly string[] = [
  '(bump! "events" (field e \'type))',
  '(bump! "all" "" 2.5)',
  '(collect! "countries" "" (field e \'country)) (sketch! "users" "" (field e \'user))',
  '(sketch! "users" (field e \'app) (field e \'user)) (bump! "apps" (field e \'app) 3)',
  '(let ((name (field e \'name))) (bump! "names" name) (collect! "of" name (field e \'country)) (sketch! "who" name (field e \'user)))',
]

const unplanned: readonly (readonly [source: string, why: string])[] = [
  ['(bump! "a" "") (bump! "a" (field e \'name))', 'two updates of a table: which comes first may be seen'],
  ['(bump! "a" (field e \'name) -1)', 'a counter that comes back to 0 is as if it had never been'],
  ['(bump! "a" (field e \'name) 0)', 'nothing'],
  ['(bump! "a" "literal")', 'a key that stands in no event'],
  ['(bump! "a" "" (field e \'value))', 'an amount that stands in the event'],
  ['(if (field e \'user) (bump! "a" (field e \'name)))', 'a choice by another field'],
  ['(bump! "a" (key (field e \'name) (field e \'app)))', 'a key that is computed'],
  ['(observe! "a" (field e \'name) (field e \'ms))', 'another kind of table'],
  ['(drop! "all")', 'it is not even certain'],
  ['1', 'it does nothing'],
]

t.test('programs that only count what stands in fields have a plan', async t => {
  for (const source of planned) t.ok(on(source).fieldPlan, source)
  for (const [source, why] of unplanned) t.equal(on(source).fieldPlan, undefined, `${why}: ${source}`)
  t.same(on('(sketch! "users" (field e \'app) (field e \'user))').fieldPlan, {
    fields: [Field.App, Field.User],
    updates: [{ operation: 2, table: 0, key: 0, value: 1, amount: 0 }],
  })
  const many = Array.from({ length: 65 }, (_, i) => `(bump! "t${i}" "")`).join(' ')
  t.equal(on(many).fieldPlan, undefined, 'more updates than have room')
})

t.test('the text is held to its shape', async t => {
  const f = (...lines: string[]) => `function f0(){\nconst S=S0,X=X0,E=E0;\n${lines.join('\n')}\nreturn k0;\n}`
  const update = 'if(S[X+4]>=0){E.sketch(0,0,0,S[X+4],S[X+5]);}'
  t.ok(fieldPlanOf('f0()', f(update)))
  t.equal(fieldPlanOf('f1()', f(update)), undefined)
  t.equal(fieldPlanOf('f0()', `${f(update)}\nfunction f1(){\n}`), undefined, 'another procedure')
  for (const line of [
    'if(S[X+4]>=0){E.sketch(0,0,0,S[X+4],S[X+5]);',
    'if(S[X+6]>=0){E.sketch(0,0,0,S[X+4],S[X+5]);}',
    'if(S[X+4]>=0){if(S[X+6]>=0){E.sketch(0,0,0,S[X+4],S[X+5]);}}',
    'if(S[X+4]>=0){E.sketch(0,0,0,S[X+4],S[X+7]);}',
    'if(S[X+5]>=0){E.sketch(0,0,0,S[X+5],S[X+6]);}',
    'E.sketch(0,0,0,S[X+4],S[X+5]);',
    'E.sketch(0,0,0,0,0);',
    'E.bump(0,0,0,1e999);',
    'E.bump(v1,0,0,1);',
  ])
    t.equal(fieldPlanOf('f0()', f(line)), undefined, line)
})

interface Way {
  /** Whether events may be taken in groups. */
  readonly together: boolean
  /** At which looks at the clock the turn is over. */
  readonly stops: readonly boolean[]
}

interface Body {
  readonly program: EventProgram
  readonly events: readonly object[]
}

function stateAfter(bodies: readonly Body[], { together, stops }: Way) {
  const identity = { customer: 'acme', incarnation: 1n, hashKey: { k0: 3, k1: 4 } }
  const limits = { ...defaultLimits, maxKeysPerTable: 4, maxSetMembers: 3 }
  const state = CustomerState.empty(identity, limits, dayOf(NOW), 7)
  const applier = new Applier(defaultLimits, builtinProgram())
  const delivery = new Delivery()
  const accepted: number[] = []
  let look = 0
  for (const { program, events } of bodies) {
    delivery.clear()
    delivery.batch = batchOf(...events)
    delivery.n = state.n + 1
    delivery.ms = NOW
    delivery.day = dayOf(NOW)
    const expired = () => stops[look++ % stops.length] ?? false
    while (!applier.run(state, program, undefined, delivery, expired, !together)) {}
    accepted.push(delivery.accepted, delivery.duplicates)
    state.n++
  }
  return { accepted, outcomes: applier.outcomes, everything: state.everything() }
}

// Few of each, so that most are known after a while; and now and then one that ends a group.
const name = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom('a', 'bb', 'ccc', 'a-long-name-of-an-event') },
  { weight: 1, arbitrary: fc.constantFrom('new', 'ü'.repeat(150), 'x'.repeat(700), '') },
)
const event = fc.record(
  {
    type: fc.constantFrom('event', 'event', 'event', 'metric'),
    name,
    user: fc.oneof(name, fc.nat(300).map(String)),
    app: name,
    country: name,
    kind: fc.constant('count'),
    value: fc.constantFrom(1, 2),
  },
  { requiredKeys: ['type', 'name', 'app', 'country', 'kind', 'value'] },
)
const odd = fc.constantFrom(
  { id: 'one' },
  { id: 'two' },
  { at: NOW - 86_400_000 },
  { at: NOW - 40 * 86_400_000 },
  { at: 1e300 },
  { at: NOW + 9e9 },
)
const body = fc
  .tuple(fc.array(event, { minLength: 1, maxLength: 60 }), fc.option(odd, { freq: 3 }), fc.nat(59))
  .map(([events, more, at]) => events.map((one, i) => (i === at ? { ...one, ...more } : one)))

t.test('events taken together leave the bytes of those taken one by one', async () => {
  // Programs follow each other; one of them takes counters below 0, from where those of the others come back through it.
  const down = '(bump! "events" (field e \'type) -1) (bump! "names" (field e \'name) -3)'
  const programs = new Map([down, ...planned].map(source => [source, on(source)]))
  const followed = planned.map(source => fc.constantFrom(source, source, source, source, source, source, source, down))
  fc.assert(
    fc.property(
      fc.oneof(
        ...followed.map(sources =>
          fc.array(fc.record({ source: sources, events: body }), { minLength: 2, maxLength: 8 }),
        ),
      ),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }).filter(stops => stops.includes(false)),
      (sent, stops) => {
        const bodies = sent.map(({ source, events }) => ({ program: programs.get(source)!, events }))
        const together = stateAfter(bodies, { together: true, stops })
        const single = stateAfter(bodies, { together: false, stops: [false] })
        assert.deepStrictEqual(together, single)
      },
    ),
    { numRuns: 400 },
  )
})

t.test('a counter that comes back through 0 counts on', async t => {
  const down = on('(bump! "names" (field e \'name) -1)')
  const up = on('(bump! "names" (field e \'name))')
  const events = (count: number) => Array.from({ length: count }, () => ({ type: 'event', name: 'x' }))
  const bodies = [
    { program: down, events: events(3) },
    // The first body of a program goes alone.
    { program: up, events: events(1) },
    { program: up, events: events(5) },
  ]
  const together = stateAfter(bodies, { together: true, stops: [false] })
  t.same(together, stateAfter(bodies, { together: false, stops: [false] }))
})

t.test('most events of a steady customer are taken together', async t => {
  const program = on(planned.at(-1)!)
  const bodies = Array.from({ length: 4 }, () =>
    Array.from({ length: 50 }, (_, i) => ({
      type: 'event',
      name: `n${i % 3}`,
      user: `u${i % 7}`,
      app: '1',
      country: `c${i % 2}`,
    })),
  )
  let alone = 0
  const counting: EventProgram = {
    ...program,
    source: program.source,
    declared: program.declared,
    certain: true,
    fieldPlan: program.fieldPlan,
    begin: (batch, effects) => program.begin(batch, effects),
    run: event => program.run(event),
    runCertain: event => {
      alone++
      program.runCertain(event)
    },
  }
  stateAfter(
    bodies.map(events => ({ program: counting, events })),
    { together: true, stops: [false] },
  )
  // The first body makes the cells.
  t.ok(alone <= 50, `${alone} of 200 events went alone`)
})
