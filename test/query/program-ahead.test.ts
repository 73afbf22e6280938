// The built-in program as the build emits it is the one that a process without a bundle emits for itself.
import t from 'tap'
import { builtinProgram, emitBuiltin, loadBuiltin } from '../../src/query/program.js'
import { toAhead } from '../../src/query/program-ahead.js'
import { runOn } from './program-rig.js'

const who = { user: 'ada', app: '1.2', platform: 'ios', os: '17.1', device: 'iPhone', country: 'DE', session: 's1' }
const events = [
  { type: 'crash', fatal: true, error: { type: 'E', message: 'm', stack: ['at a.b (c.java:1)'] }, ...who },
  { type: 'error', error: { type: 'E', message: 'm' }, ...who },
  { type: 'session', state: 'start', ...who },
  { type: 'session', state: 'end', app: '1' },
  { type: 'event', name: 'buy', ...who },
  { type: 'metric', name: 'n', kind: 'count', value: 2, ...who },
  { type: 'metric', name: 'n', kind: 'gauge', value: 0.5 },
  { type: 'metric', name: 'n', kind: 'timer', value: 12 },
  { type: 'network', host: 'h', status: 503, ms: 95, failed: true, ...who },
  { type: 'transaction', name: 'checkout', state: 'success', ms: 1_204, ...who },
]

t.test('what the build keeps has the tables and, event by event, the effects of what a start emits', async t => {
  const kept = loadBuiltin(JSON.parse(JSON.stringify(emitBuiltin())))
  t.same(kept.declared, builtinProgram().declared)
  t.equal(kept.certain, builtinProgram().certain)
  t.equal(kept.source, builtinProgram().source)
  for (const event of events) {
    const effects = runOn(kept, event)
    t.ok(effects.length > 0)
    t.strictSame(effects, runOn(builtinProgram(), event), JSON.stringify(event))
  }
})

t.test('a constant that JSON cannot hold ends the build', async t => {
  t.throws(() => toAhead({ code: '', tables: [], certain: false, fieldPlan: undefined, constants: [Symbol('x')] }), {
    message: /Symbol\(x\)/,
  })
})
