// The small world that the examples of the documentation are about: three days, four users, two releases, seven crashes.
//
//              2026-11-18      2026-11-19      2026-11-20 (today)
//   users      ada dan         ada bob         ada bob cy
//   crashes    1 (app 1.0)     2 (app 1.1)     4 (three of app 1.1, one of app 1.0)
//   sessions   2               3               5               of the ten, three crashed
import { defaultLimits } from '../../src/core/limits.js'
import type { QueryData } from '../../src/query/data.js'
import { Outcome } from '../../src/query/event-program.js'
import { written } from '../../src/query/printer.js'
import { builtinProgram } from '../../src/query/program.js'
import { compileQuery, QueryRun } from '../../src/query/query.js'
import { Effects } from '../../src/tables/effects.js'
import { CustomerState } from '../../src/tables/state.js'
import { batchOf } from './program-rig.js'

export const TODAY = 20_777
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

const left = { type: 'TypeError', message: 'x is undefined', stack: [{ function: 'left', file: 'app.js' }] }
const right = { type: 'RangeError', message: 'out of range', stack: [{ function: 'right', file: 'app.js' }] }
const old = { app: '1.0', platform: 'ios' }
const fresh = { app: '1.1', platform: 'ios' }

const days: readonly (readonly object[])[] = [
  [
    { type: 'crash', error: left, user: 'ada', session: 's1', ...old },
    { type: 'session', state: 'start', user: 'dan', session: 's2', ...old },
  ],
  [
    { type: 'crash', error: left, user: 'ada', session: 's3', ...fresh },
    { type: 'crash', error: left, user: 'bob', ...fresh },
    { type: 'session', state: 'start', user: 'bob', session: 's4', ...fresh },
    { type: 'session', state: 'start', user: 'bob', session: 's5', ...fresh },
  ],
  [
    { type: 'crash', error: left, user: 'ada', session: 's6', ...fresh },
    { type: 'crash', error: left, user: 'bob', ...fresh },
    { type: 'crash', error: right, user: 'bob', ...fresh },
    { type: 'crash', error: left, ...old },
    { type: 'session', state: 'start', user: 'cy', session: 's7', ...old },
    { type: 'session', state: 'start', session: 's8', ...fresh },
    { type: 'session', state: 'start', session: 's9', ...fresh },
    { type: 'session', state: 'start', session: 's10', ...fresh },
    { type: 'metric', name: 'memory', kind: 'gauge', value: 1 },
    { type: 'metric', name: 'memory', kind: 'gauge', value: 3 },
    { type: 'network', host: 'api', ms: 10 },
    { type: 'network', host: 'api', ms: 20 },
    { type: 'network', host: 'api', ms: 30 },
    { type: 'event', name: 'buy', user: 'ada' },
  ],
]

/** An empty customer whose day is TODAY. */
export function emptyCustomer(): CustomerState {
  const identity = { customer: 'world', incarnation: 1n, hashKey: { k0: 11, k1: 22 } }
  return CustomerState.empty(identity, defaultLimits, TODAY, 7)
}

/** Applies events to a day of a customer, by the built-in program. */
export function applyEvents(state: CustomerState, day: number, events: readonly object[]): void {
  const program = builtinProgram()
  const effects = new Effects()
  const batch = batchOf(...events)
  for (let event = 0; event < batch.count; event++) {
    effects.begin(batch, program.declared, state.sessions)
    program.begin(batch, effects)
    if (program.run(event) !== Outcome.Applied) throw new Error(program.error?.message ?? 'dropped')
    state.updates.apply(effects, batch, day, day * DAY_MS + (event % 24) * HOUR_MS)
  }
}

let state: CustomerState | undefined

export function world(): QueryData {
  if (state === undefined) {
    state = emptyCustomer()
    days.forEach((events, index) => {
      applyEvents(state!, TODAY - 2 + index, events)
    })
  }
  return dataOn(state)
}

export const dataOn = (customer: CustomerState): QueryData => ({
  today: TODAY,
  state: customer,
  ensureDay: () => 'ready',
})

const clock = { nowMs: () => 0, monotonicMs: () => 0 }

/** What a query answers, as `write` prints it; or `code: message`. */
export function ask(source: string, data: QueryData | undefined = world()): string {
  let run: QueryRun
  try {
    run = new QueryRun(compileQuery(source, {}), data, defaultLimits, clock)
  } catch (error) {
    return String(error)
  }
  while (!run.step(Number.POSITIVE_INFINITY)) {}
  const outcome = run.outcome!
  return outcome.ok ? written(outcome.value) : `${outcome.error.code}: ${outcome.error.message}`
}
