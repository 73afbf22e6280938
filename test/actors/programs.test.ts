// A program is compiled in turns of the customer that brings it: its neighbours, and its own events, go on.
import t from 'tap'
import type { LetheError } from '../../src/core/errors.js'
import { ShardRig } from './shard-rig.js'

/** A program of about 60,000 bytes; `mark` makes it another text, and is the table in which it counts. */
function large(mark: string, last = ''): string {
  let source = `(define (on-event e) (bump! "${mark}" (helper-0 "k")))\n`
  for (let i = 0; source.length < 60_000; i++) {
    source += `(define (helper-${i} x) (if (equal? x "never ${i}") (helper-${i + 1} x) x))\n`
  }
  return `${source.replace(/\(helper-(\d+) x\) x\)\)\n$/, 'x x))\n')}${last}`
}

/** Sends an event to each customer again and again until `answer` comes; how often. */
async function eventsUntil(rig: ShardRig, ids: readonly string[], answer: Promise<unknown>): Promise<number> {
  let over = false
  const end = () => {
    over = true
  }
  answer.then(end, end)
  let rounds = 0
  while (!over) {
    await Promise.all(ids.map(id => rig.send(id, { type: 'event', name: 'x' })))
    rounds++
  }
  return rounds
}

t.test('while a program is compiled, events of its customer and of others are answered', async t => {
  const rig = await new ShardRig().start()
  await rig.send('a', { type: 'event', name: 'x' })
  // Each look at the clock takes a millisecond: a step of the compiler is a turn.
  rig.stepMs = 1
  const put = rig.control('a', { tag: 'program-put', source: large('mine') })
  const rounds = await eventsUntil(rig, ['a', 'b'], put)
  t.match(await put, { builtin: false })
  t.ok(rounds > 20, `${rounds} events each`)
  // Those that came after the program was journaled count in its own table.
  const mine = (await rig.query('a', '(count "mine" "k")')) as number
  t.equal(await rig.query('a', '(total "event")'), 1 + rounds - mine)
  t.ok(mine < 10, `${mine} events went through the program before its caller heard of it`)
  await rig.send('a', { type: 'event', name: 'x' })
  t.equal(await rig.query('a', '(count "mine" "k")'), mine + 1)
  t.equal(await rig.query('b', '(total "event")'), rounds)
})

t.test('what is wrong with a program is said after as many turns, and nothing has changed', async t => {
  const rig = await new ShardRig().start()
  await rig.send('a', { type: 'event', name: 'x' })
  rig.stepMs = 1
  const put = rig.control('a', { tag: 'program-put', source: large('mine', '(define late (cra 1))') })
  put.catch(() => undefined)
  t.ok((await eventsUntil(rig, ['a', 'b'], put)) > 10)
  const error = (await put.catch((refused: unknown) => refused)) as LetheError
  t.match(error.message, /`cra` is not defined; did you mean `car`\?/)
  t.match(error.details, { line: large('mine').split('\n').length })
  t.match(await rig.control('a', { tag: 'program-get' }), { builtin: true })
})

t.test('programs come back with their customers, compiled in turns of theirs', async t => {
  const rig = await new ShardRig().start()
  await rig.control('a', { tag: 'program-put', source: large('mine') })
  // Without a snapshot, so out of the journal.
  await rig.powerLoss()
  rig.stepMs = 1
  const first = rig.send('a', { type: 'event', name: 'x' })
  t.ok((await eventsUntil(rig, ['b'], first)) > 10)
  t.match(await first, { accepted: 1 })
  t.equal(await rig.query('a', '(count "mine" "k")'), 1)
})

t.test('a program of which nothing is kept any more is compiled again before its entry is applied', async t => {
  const rig = await new ShardRig().start()
  await rig.send('a', { type: 'event', name: 'x' })
  const { programs } = rig.customer('a')!.parts
  const { kept } = programs
  let asked = 0
  // As if 256 others had come between the check and the commit.
  programs.kept = source => (asked++ === 1 ? undefined : kept.call(programs, source))
  await rig.control('a', { tag: 'program-put', source: '(define (on-event e) (bump! "mine" "k"))' })
  programs.kept = kept
  t.ok(asked > 2)
  await rig.send('a', { type: 'event', name: 'x' })
  t.equal(await rig.query('a', '(count "mine" "k")'), 1)
})
