// Questions to a customer's tables: a week of data, 10,000 keys, sketches that are dense, beside Redis and SQLite where
// they can answer the same.
import fs from 'node:fs'
import path from 'node:path'
import { DAY_MS, systemClock } from '../../src/core/clock.js'
import { defaultLimits } from '../../src/core/limits.js'
import { seededRandom } from '../../src/core/random.js'
import { answerText } from '../../src/query/answer.js'
import { compileProgram } from '../../src/query/program.js'
import { compileQuery, QueryRun } from '../../src/query/query.js'
import type { CustomerState } from '../../src/tables/state.js'
import { decodeEvents, emptyState, NOON, TODAY } from '../batches.js'
import type { Bench, Measuring } from '../bench.js'
import { startRedis } from '../peers/redis.js'
import { encodeCommand, type RedisClient } from '../peers/redis-client.js'
import { findCommand, runProcess } from '../processes.js'
import { Feeder } from './tables.js'

const DAYS = 7
const PER_BATCH = 100

const PROGRAM = `(define (on-event e)
  (bump! "event" (field e 'host))
  (sketch! "users" "" (field e 'user))
  (observe! "network/ms" "" (field e 'ms)))`

interface Week {
  readonly keys: number
  readonly users: number
  readonly events: number
}

const hostOf = (i: number) => `host-${String(i).padStart(5, '0')}`

/** Every key once a day and `events` more at random; times spread over some decades. */
function week(size: Week): CustomerState {
  const random = seededRandom(11)
  const target = new Feeder([emptyState(0)], compileProgram(PROGRAM, defaultLimits))
  for (let day = DAYS - 1; day >= 0; day--) {
    const at = NOON - day * DAY_MS
    const total = size.keys + size.events
    for (let i = 0; i < total; i += PER_BATCH) {
      const events = Array.from({ length: Math.min(PER_BATCH, total - i) }, (_, j) => ({
        type: 'network',
        host: hostOf(i + j < size.keys ? i + j : Math.floor(random.fraction() ** 3 * size.keys)),
        user: `u${Math.floor(random.fraction() * size.users)}`,
        ms: Math.round(10 ** (random.fraction() * 4)),
        at,
      }))
      target.feed([decodeEvents(events)], 1)
    }
  }
  return target.states[0]!
}

const QUESTIONS: readonly (readonly [name: string, source: string, limitMs: number | undefined])[] = [
  ['uniques over 7 days', '(uniques "users" "" (last 7))', 1],
  ['top 10 over the keys, today', '(top 10 "event")', 2],
  ['top 10 over the keys, 7 days', '(top 10 "event" (last 7))', undefined],
  ['quantile over 7 days', '(quantile "network/ms" "" 0.99 (last 7))', 1],
  ['total over the keys, 7 days', '(total "event" (last 7))', undefined],
  ['a counter over 7 days', '(count "event" "host-00007" (last 7))', undefined],
]

async function questions(b: Measuring): Promise<void> {
  const size = {
    keys: b.parameter('keys', 100, 10_000),
    users: b.parameter('users', 200, 100_000),
    events: b.parameter('events a day beyond one a key', 100, 40_000),
  }
  const repeats = b.parameter('repeats', 1, 50)
  const state = week(size)
  const data = { today: TODAY, state, ensureDay: () => 'ready' as const }
  for (const [name, source, limitMs] of QUESTIONS) {
    const compiled = compileQuery(source)
    const ask = () => {
      let answer = ''
      for (let i = 0; i < repeats; i++) {
        const run = new QueryRun(compiled, data, defaultLimits, systemClock)
        while (!run.step(systemClock.monotonicMs() + 1)) {}
        if (!run.outcome!.ok) throw run.outcome!.error
        answer = answerText(run.outcome!, 0, defaultLimits)
      }
      return answer
    }
    await contestMs(b, `${name}, Lethe`, repeats, ask)
    if (limitMs !== undefined) b.aim(`query: ${name}, ms`, b.median(`${name}, Lethe`, 'ms'), 'at most', limitMs)
  }
  if (b.smoke) return
  await inRedis(b, size, repeats)
  await inSqlite(b, size)
}

/** Like a contest of one, in milliseconds. */
async function contestMs(b: Measuring, row: string, repeats: number, ask: () => string): Promise<void> {
  for (let round = b.smoke ? 0 : -1; round < b.rounds; round++) {
    const start = performance.now()
    b.checksum(row, ask())
    if (round >= 0) b.sample(row, 'ms', (performance.now() - start) / repeats)
  }
}

async function inRedis(b: Measuring, size: Week, repeats: number): Promise<void> {
  const redis = await startRedis(b.folder(), false)
  if (redis === undefined) return
  b.atEnd(async () => void (await redis.process.stop('SIGKILL')))
  const client = await redis.client()
  const random = seededRandom(11)
  const days = Array.from({ length: DAYS }, (_, i) => `users:${i}`)
  for (const day of days) {
    let commands = ''
    const total = size.keys + size.events
    for (let i = 0; i < total; i++)
      commands += encodeCommand(['PFADD', day, `u${Math.floor(random.fraction() * size.users)}`])
    await new Promise<void>(resolve => client.pipeline(commands, total, resolve))
  }
  let commands = ''
  for (let i = 0; i < size.keys; i++)
    commands += encodeCommand(['ZADD', 'event', String((i * 7919) % 100_000), hostOf(i)])
  await new Promise<void>(resolve => client.pipeline(commands, size.keys, resolve))
  for (let round = 0; round < b.rounds; round++) {
    await commandMs(b, client, 'uniques over 7 days, Redis PFCOUNT', repeats, ['PFCOUNT', ...days])
    const top = ['ZREVRANGE', 'event', '0', '9', 'WITHSCORES']
    await commandMs(b, client, 'top 10 over the keys, Redis ZREVRANGE of a kept order', repeats, top)
  }
  client.close()
}

/** The server's own time for a command, without its way there and back. */
async function commandMs(
  b: Measuring,
  client: RedisClient,
  row: string,
  repeats: number,
  words: readonly string[],
): Promise<void> {
  await client.ask('CONFIG', 'RESETSTAT')
  for (let i = 0; i < repeats; i++) await client.ask(...words)
  const stats = String(await client.ask('INFO', 'commandstats'))
  const found = new RegExp(`cmdstat_${words[0]!.toLowerCase()}:calls=\\d+,usec=(\\d+)`).exec(stats)
  b.sample(row, 'ms', Number(found?.[1]) / 1000 / repeats)
}

async function inSqlite(b: Measuring, size: Week): Promise<void> {
  if (findCommand('sqlite3') === undefined) return b.note('sqlite3 is not installed (Debian: apt-get install sqlite3)')
  const folder = b.folder()
  const database = path.join(folder, 'week.db')
  const make = path.join(folder, 'make.sql')
  fs.writeFileSync(
    make,
    `create table event (day integer, name text, n integer, primary key (day, name)) without rowid;
with recursive days(d) as (select 0 union all select d + 1 from days where d < ${DAYS - 1}),
  names(i) as (select 0 union all select i + 1 from names where i < ${size.keys - 1})
insert into event select d, printf('host-%05d', i), (i * 7919 + d) % 100000 from days, names;`,
  )
  await runProcess('sqlite3', [database, `.read ${make}`], { timeoutMs: 60_000 })
  const ask = path.join(folder, 'ask.sql')
  const question = 'select name, sum(n) from event group by name order by 2 desc, 1 limit 10;'
  fs.writeFileSync(ask, `${question}\n.timer on\n${question}\n`)
  for (let round = 0; round < b.rounds; round++) {
    const output = await runProcess('sqlite3', [database, `.read ${ask}`], { timeoutMs: 60_000 })
    const seconds = /Run Time: real ([\d.]+)/.exec(output)?.[1]
    b.sample('top 10 over the keys, 7 days, SQLite', 'ms', Number(seconds) * 1000)
  }
}

async function compiling(b: Measuring): Promise<void> {
  const lines = b.parameter('lines', 50, 1_000)
  const long = Array.from(
    { length: lines },
    (_, i) => `(define (procedure-${i} x) (let ((y (* x ${i}))) (if (< y 100) (+ y 1) (list y "line ${i}" 'symbol))))`,
  ).join('\n')
  const compile = (source: string) => () => (compileQuery(source).block.code.length > 0 ? 'compiled' : 'empty')
  const first = `${lines} lines, the first time in a process`
  const start = performance.now()
  compile(long)()
  b.sample(first, 'ms', performance.now() - start)
  // V8 takes some ten rounds to compile the compiler.
  for (let round = 0; round < (b.smoke ? 0 : 12); round++) compile(long)()
  await contestMs(b, `${lines} lines`, 1, compile(long))
  await contestMs(b, 'one line', 1, compile('(top 10 "event" (last 7))'))
  if (b.smoke) return
  b.aim('compiling 1,000 lines, ms', b.median(`${lines} lines`, 'ms'), 'at most', 20)
  b.aim('compiling 1,000 lines for the first time in a process, ms', b.median(first, 'ms'), 'at most', 20)
}

export const queryBenches: readonly Bench[] = [
  { name: 'query/week', about: 'questions over a week of data, in the machine', placement: 'server', run: questions },
  // On all cores, as a node has them: V8's compiler works beside ours, and on one core takes half of its time.
  { name: 'query/compile', about: 'from text to something that runs', placement: 'any', run: compiling },
]
