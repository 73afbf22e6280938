// What counts where (R5–R7): a table of clocks, each row a test. Frames come at noon of a day; retention is 7 days.
import t from 'tap'
import { Applier } from '../../src/actors/apply.js'
import { Delivery } from '../../src/actors/delivery.js'
import { DAY_MS } from '../../src/core/clock.js'
import { defaultLimits } from '../../src/core/limits.js'
import { DECODER_VERSION, decodeAll, Format } from '../../src/event/decode.js'
import { builtinProgram } from '../../src/query/program.js'
import { CustomerState } from '../../src/tables/state.js'

const DAY = 20_777
const NOON = DAY * DAY_MS + DAY_MS / 2
const HOUR = 3_600_000
const RETENTION = 7

const program = builtinProgram()

function stateAt(day: number): CustomerState {
  const identity = { customer: 'acme', incarnation: 7n, hashKey: { k0: 1, k1: 2 } }
  const state = CustomerState.empty(identity, defaultLimits, 0, RETENTION)
  state.rollTo(day)
  return state
}

let n = 0
function apply(state: CustomerState, body: object, frameMs: number, sentAt = Number.NaN): Delivery {
  const bytes = Buffer.from(JSON.stringify(body))
  const delivery = new Delivery()
  delivery.n = ++n
  delivery.ms = frameMs
  delivery.day = Math.floor(frameMs / DAY_MS)
  delivery.bytes = bytes.length
  delivery.batch = decodeAll(bytes, 0, bytes.length, {
    format: Format.Json,
    version: DECODER_VERSION,
    sentAt,
    limits: defaultLimits,
  })
  state.rollTo(delivery.day)
  new Applier(defaultLimits, program).run(state, program, undefined, delivery, () => false)
  return delivery
}

function countedOn(state: CustomerState): number | 'late' {
  const table = state.table('events')
  if (!table) return 'late'
  for (let day = state.day - RETENTION + 1; day <= state.day + 1; day++) {
    for (let row = table.nextRow(0); row >= 0; row = table.nextRow(row + 1)) {
      if (table.counterAt(day, row) > 0) return day - DAY
    }
  }
  return 'late'
}

interface Row {
  readonly what: string
  /** The device's clock, relative to the frame's ms; undefined: the event does not say when. */
  readonly at?: number
  /** What the device says the time is as it sends, relative to the frame's ms. */
  readonly sent?: number
  readonly frame?: number
  /** Day of the tables, relative to the frame's day. */
  readonly day: number | 'late'
  readonly skewed?: boolean
}

const rows: Row[] = [
  { what: 'an event that does not say when happened when it was received', day: 0 },
  { what: 'an hour ago is an hour ago', at: -HOUR, day: 0 },
  { what: 'yesterday’s event counts yesterday', at: -DAY_MS, day: -1 },
  { what: 'the oldest day that is kept', at: -6 * DAY_MS, day: -6 },
  { what: 'its first millisecond', at: -6 * DAY_MS - DAY_MS / 2, day: -6 },
  { what: 'the millisecond before', at: -6 * DAY_MS - DAY_MS / 2 - 1, day: 'late' },
  { what: 'a year ago', at: -365 * DAY_MS, day: 'late' },
  { what: 'nine minutes ahead is as it says', at: 9 * 60_000, day: 0 },
  {
    what: 'nine minutes ahead, just before midnight, is tomorrow',
    frame: NOON + 12 * HOUR - 60_000,
    at: 9 * 60_000,
    day: 1,
  },
  { what: 'eleven minutes ahead is now', at: 11 * 60_000, day: 0, skewed: true },
  { what: 'a year ahead is now', at: 365 * DAY_MS, day: 0, skewed: true },
  { what: 'a phone that is 26 hours ahead and says so', at: 25 * HOUR, sent: 26 * HOUR, day: 0 },
  { what: 'a phone that is three days behind and says so', at: -3 * DAY_MS - HOUR, sent: -3 * DAY_MS, day: 0 },
  { what: 'a phone that is behind, and an event of the day before', at: -4 * DAY_MS, sent: -3 * DAY_MS, day: -1 },
  { what: 'a correction into the future is clamped', at: 2 * HOUR, sent: HOUR, day: 0, skewed: true },
  { what: 'a correction into the past may be late', at: 0, sent: 8 * DAY_MS, day: 'late' },
]
for (const { what, at, sent, frame = NOON, day, skewed = false } of rows) {
  t.test(`R5: ${what}`, t => {
    const state = stateAt(DAY)
    const event = { type: 'event', name: 'x', ...(at === undefined ? {} : { at: frame + at }) }
    const delivery = apply(state, event, frame, sent === undefined ? Number.NaN : frame + sent)
    const ledger = state.ledger.of(DAY)!
    t.equal(countedOn(state), day)
    t.equal(ledger.noted.get('skewed') ?? 0, skewed ? 1 : 0)
    t.equal(ledger.dropped.get('late') ?? 0, day === 'late' ? 1 : 0)
    t.equal(ledger.received, 1)
    t.equal(ledger.applied, day === 'late' ? 0 : 1)
    t.equal(delivery.accepted, 1, 'late events count as accepted')
    t.end()
  })
}

t.test(
  'R6: a frame from before the state’s day (a clock that was set back) counts by its own time, in its own ledger',
  t => {
    const state = stateAt(DAY + 2)
    apply(state, { type: 'event', name: 'x' }, NOON)
    t.equal(state.day, DAY + 2)
    t.equal(countedOn(state), 0)
    t.equal(state.ledger.of(DAY)!.applied, 1)
    t.end()
  },
)

t.test('R6: a frame from before the ring is late, in the ledger of the oldest day that is kept', t => {
  const state = stateAt(DAY + 30)
  apply(state, { type: 'event', name: 'x' }, NOON)
  const ledger = state.ledger.of(DAY + 30 - RETENTION + 1)!
  t.equal(ledger.received, 1)
  t.equal(ledger.dropped.get('late'), 1)
  t.end()
})

t.test('R7: a node that was down for N + 2 days shows nothing of the slots of before', t => {
  const state = stateAt(DAY)
  apply(state, { type: 'event', name: 'x' }, NOON)
  apply(state, { type: 'event', name: 'x' }, NOON + (RETENTION + 2) * DAY_MS)
  const table = state.table('events')!
  let total = 0
  for (let day = DAY - 10; day < DAY + 20; day++) {
    for (let row = table.nextRow(0); row >= 0; row = table.nextRow(row + 1)) total += table.counterAt(day, row)
  }
  t.equal(total, 1)
  t.end()
})

t.test('R15: an id counts once, also when its second coming is late or malformed batches lie between', t => {
  const state = stateAt(DAY)
  const first = apply(state, { type: 'event', name: 'x', id: 'a' }, NOON)
  const second = apply(
    state,
    [
      { type: 'event', name: 'x', id: 'a', at: 0 },
      { type: 'nonsense', id: 'b' },
    ],
    NOON + 1,
  )
  const third = apply(state, { type: 'event', name: 'x', id: 'b' }, NOON + 2)
  t.same([first.accepted, first.duplicates], [1, 0])
  t.same([second.accepted, second.duplicates], [0, 1])
  t.same([third.accepted, third.duplicates], [1, 0], 'a rejected event’s id is not taken')
  const ledger = state.ledger.of(DAY)!
  t.equal(ledger.received, 4)
  t.equal(ledger.applied, 2)
  t.equal(ledger.duplicates, 1)
  t.equal(ledger.dropped.get('invalid'), 1)
  t.end()
})
