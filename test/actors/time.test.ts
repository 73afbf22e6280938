// R6, as a table: what the clocks do, and what time it then is for the node.
import t from 'tap'
import { NodeTime } from '../../src/actors/time.js'
import { DAY_MS, dayOf } from '../../src/core/clock.js'

const START = Date.UTC(2026, 10, 20, 12)
const HOUR = 3_600_000

function clocks() {
  const hands = { wall: START, monotonic: 5_000 }
  const alarms: number[] = []
  const time = new NodeTime(
    { nowMs: () => hands.wall, monotonicMs: () => hands.monotonic },
    { clockDisagrees: byMs => void alarms.push(byMs) },
  )
  const pass = (ms: number) => {
    for (let left = ms; left > 0; left -= 1_000) {
      hands.wall += Math.min(left, 1_000)
      hands.monotonic += Math.min(left, 1_000)
      time.check()
    }
  }
  return { hands, alarms, time, pass }
}

t.test('time is the wall clock’s at the start and follows the monotonic clock', t => {
  const { time, hands } = clocks()
  t.equal(time.nowMs(), START)
  hands.monotonic += 1_500.7
  t.equal(time.nowMs(), START + 1_500, 'whole milliseconds')
  t.equal(time.day(), dayOf(START))
  t.end()
})

const rows: [what: string, jumpMs: number, afterMs: number, believed: boolean, alarm: boolean][] = [
  ['a clock that is slewed by seconds is followed', 30_000, 1_000, true, false],
  ['one that is 9 minutes ahead is followed', 9 * 60_000, 1_000, true, false],
  ['one that jumps back an hour is not believed at first', -HOUR, 60_000, false, true],
  ['nor after 9 minutes', -HOUR, 9 * 60_000, false, true],
  ['after 10 minutes it is', -HOUR, 10 * 60_000 + 2_000, true, true],
  ['one that jumps three days ahead is not believed at first', 3 * DAY_MS, 60_000, false, true],
  ['after 10 minutes it is, too', 3 * DAY_MS, 10 * 60_000 + 2_000, true, true],
]
for (const [what, jumpMs, afterMs, believed, alarm] of rows) {
  t.test(what, t => {
    const { time, hands, alarms, pass } = clocks()
    hands.wall += jumpMs
    pass(afterMs)
    t.equal(time.nowMs(), START + afterMs + (believed ? jumpMs : 0))
    t.equal(time.disagrees, alarm && !believed)
    t.equal(alarms.length > 0, alarm)
    if (alarm) t.equal(Math.sign(alarms[0]!), Math.sign(jumpMs))
    if (alarm && believed) t.equal(alarms.at(-1), 0, 'and people are told that it is over')
    t.end()
  })
}

t.test('a clock that jumps there and back within 10 minutes has changed nothing', t => {
  const { time, hands, pass } = clocks()
  hands.wall += 2 * HOUR
  pass(5 * 60_000)
  hands.wall -= 2 * HOUR
  pass(60_000)
  t.equal(time.nowMs(), START + 6 * 60_000)
  t.notOk(time.disagrees)
  t.end()
})

t.test('a clock that goes on jumping is never believed', t => {
  const { time, hands, pass } = clocks()
  for (let i = 1; i <= 5; i++) {
    hands.wall += HOUR
    pass(6 * 60_000)
  }
  t.equal(time.nowMs(), START + 30 * 60_000)
  t.ok(time.disagrees)
  t.end()
})
