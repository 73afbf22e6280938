// The built-in program, table by table as the contract lists them.
import t from 'tap'
import { builtinProgram } from '../../src/query/program.js'
import { runOn } from './program-rig.js'

const program = builtinProgram()
const who = { user: 'ada', app: '1.2', platform: 'ios', os: '17.1', device: 'iPhone15,2', country: 'DE' }
const common = (type: string) => [
  `bump events [${type}] 1`,
  `tick timeline/events [${type}] 1`,
  'sketch users [] [ada]',
  'sketch users/app [1.2] [ada]',
  'collect apps [] [1.2]',
  'collect platforms [] [ios]',
  'collect countries [] [DE]',
]

t.test('an event of any type counts, ticks and says who was there', async t => {
  t.strictSame(runOn(program, { type: 'event', name: 'buy', ...who }), [
    ...common('event'),
    'bump event [buy] 1',
    'sketch users/event [buy] [ada]',
  ])
})

t.test('a field that is absent leaves its keyed tables alone', async t => {
  t.strictSame(runOn(program, { type: 'event', name: 'buy' }), [
    'bump events [event] 1',
    'tick timeline/events [event] 1',
    'bump event [buy] 1',
  ])
  t.strictSame(runOn(program, { type: 'network', host: 'h', app: '1' }), [
    'bump events [network] 1',
    'tick timeline/events [network] 1',
    'collect apps [] [1]',
    'bump network/host [h] 1',
  ])
})

t.test('a crash counts by app, system, platform, device and group, and marks its session once', async t => {
  const lines = runOn(program, { type: 'crash', error: { type: 'TypeError', message: 'x' }, session: 's1', ...who })
  const group = lines.find(line => line.startsWith('bump crashes/group'))!.match(/\[([0-9a-f]{16})\]/)![1]
  t.strictSame(lines, [
    ...common('crash'),
    'once 0 [s1]',
    'bump sessions [] 1',
    'bump sessions/app [1.2] 1',
    'bump crashes [] 1',
    'tick timeline/crashes [] 1',
    'bump crashes/app [1.2] 1',
    'bump crashes/os [17.1] 1',
    'bump crashes/platform [ios] 1',
    'bump crashes/device [iPhone15,2] 1',
    `bump crashes/group [${group}] 1`,
    `bump crashes/group/app [${group} 1.2] 1`,
    'sketch users/crashed [] [ada]',
    `sketch users/group [${group}] [ada]`,
    'once 1 [s1]',
    'bump sessions/crashed [] 1',
    'note-group',
  ])
})

t.test('an error has a group but crashes nothing', async t => {
  const lines = runOn(program, { type: 'error', error: { type: 'IOError' }, user: 'ada' })
  t.match(lines.slice(3), [
    /^bump errors\/group \[\w{16}\] 1$/,
    /^sketch users\/group \[\w{16}\] \[ada\]$/,
    /^note-group$/,
  ])
})

t.test('a session without an id counts at each start, one with an id at its first sight', async t => {
  t.strictSame(runOn(program, { type: 'session', state: 'start', app: '1' }).slice(3), [
    'bump sessions [] 1',
    'bump sessions/app [1] 1',
  ])
  t.strictSame(runOn(program, { type: 'session', state: 'end' }).slice(2), [])
  t.strictSame(runOn(program, { type: 'session', state: 'start', session: 's' }).slice(2), [
    'once 0 [s]',
    'bump sessions [] 1',
  ])
})

t.test('a metric is counted, observed or set, by its kind', async t => {
  const metric = (kind: string, value: number) => runOn(program, { type: 'metric', name: 'm', kind, value }).slice(2)
  t.strictSame(metric('count', 3), ['bump metric/count [m] 3'])
  t.strictSame(metric('timer', 12.5), ['observe metric/timer [m] 12.5'])
  t.strictSame(metric('gauge', -1), ['gauge metric/gauge [m] -1'])
})

t.test('network calls and transactions are counted and timed', async t => {
  t.strictSame(runOn(program, { type: 'network', host: 'h', status: 503, ms: 7 }).slice(2), [
    'bump network/host [h] 1',
    'bump network/status [503] 1',
    'observe network/ms [h] 7',
  ])
  t.strictSame(runOn(program, { type: 'transaction', name: 'checkout', state: 'success', ms: 20 }).slice(2), [
    'bump transaction [checkout success] 1',
    'observe transaction/ms [checkout] 20',
  ])
})
