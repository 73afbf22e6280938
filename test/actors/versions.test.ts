// R14: entries mean what they meant when they were acknowledged, or nothing is counted at all.
import t from 'tap'
import { VERSIONS } from '../../src/actors/versions.js'
import type { LetheError } from '../../src/core/errors.js'
import { ShardRig } from './shard-rig.js'

const event = (id: string) => ({ type: 'event', name: 'x', id })
const { program, grouping } = VERSIONS
const NEXT = { program: program + 1, grouping }

t.test('R14: what an old version has checkpointed, a new one goes on with', async t => {
  for (const versions of [NEXT, { program, grouping: grouping + 1 }]) {
    const rig = await new ShardRig().start()
    t.same(await rig.send('a', [event('1'), event('2')]), { accepted: 2, duplicates: 0 })
    await rig.drain()
    rig.versions = versions
    await rig.start()
    t.same(await rig.send('a', [event('2'), event('3')]), { accepted: 1, duplicates: 1 })
    t.equal(await rig.query('a', '(count "event" "x")'), 3)
    // What the new version wrote, it replays: the entry before it says whose it is.
    await rig.powerLoss()
    t.equal(await rig.query('a', '(count "event" "x")'), 3)
    t.same(await rig.send('a', [event('3')]), { accepted: 0, duplicates: 1 })
    await rig.drain()
    await rig.start()
    t.equal(await rig.query('a', '(count "event" "x")'), 3)
  }
})

t.test('R14: groups of the version before stay what they are, and are asked for as before', async t => {
  const rig = new ShardRig()
  rig.versions = { program, grouping: grouping - 1 }
  await rig.start()
  const crash = { type: 'crash', error: { type: 'E', message: 'm', stack: ['at pay (a.js:1:1)'] } }
  await rig.send('a', [{ ...crash, id: '1' }])
  const groups = "(map (lambda (g) (list (cdr (assq 'id g)) (cdr (assq 'count g)))) (groups))"
  const before = await rig.query('a', groups)
  await rig.drain()
  rig.versions = VERSIONS
  await rig.start()
  t.same(await rig.query('a', groups), before)
  t.same(await rig.send('a', [{ ...crash, id: '2' }]), { accepted: 1, duplicates: 0 })
})

t.test('R14: what no checkpoint of the old version holds is refused, and nothing is lost', async t => {
  for (const versions of [NEXT, { program, grouping: grouping + 1 }]) {
    const rig = await new ShardRig().start()
    const before = rig.versions
    t.same(await rig.send('a', [event('1')]), { accepted: 1, duplicates: 0 })
    rig.versions = versions
    await rig.powerLoss()
    t.same(await rig.send('b', [event('1')]), { accepted: 1, duplicates: 0 }, 'another customer is served')
    t.equal(((await refused(rig)) as LetheError).status, 503)
    const said = rig.log.find(line =>
      line.includes(`was applied by program version ${program} and grouping version ${grouping}`),
    )
    t.match(said, /start the Lethe that wrote it once more, and stop it/)
    t.same(rig.quarantine.list(rig.route('a').incarnation), [], 'no event is to blame')
    // As it says: the old version once more, then the new one.
    rig.versions = before
    await rig.powerLoss()
    t.equal(await rig.query('a', '(count "event" "x")'), 1)
    await rig.drain()
    rig.versions = versions
    await rig.start()
    t.equal(await rig.query('a', '(count "event" "x")'), 1)
    t.same(await rig.send('a', [event('1'), event('2')]), { accepted: 1, duplicates: 1 })
  }
})

t.test('R14: back to the old version needs a checkpoint of the new one', async t => {
  const rig = await new ShardRig().start()
  const before = rig.versions
  rig.versions = NEXT
  await rig.powerLoss()
  t.same(await rig.send('a', [event('1')]), { accepted: 1, duplicates: 0 })
  rig.versions = before
  await rig.powerLoss()
  t.equal(((await refused(rig)) as LetheError).status, 503)
})

t.test('R14: retention and program are entries: a change of the default reaches no customer that is there', async t => {
  const rig = await new ShardRig().start()
  t.same(await rig.send('a', [event('1')]), { accepted: 1, duplicates: 0 })
  await rig.control('a', { tag: 'settings', retention: 30 })
  await rig.control('a', { tag: 'program-put', source: '(define (on-event e) (bump! "mine" "k"))' })
  t.same(await rig.send('a', [event('2')]), { accepted: 1, duplicates: 0 })
  await rig.powerLoss()
  t.match(await rig.control('a', { tag: 'describe' }), { retention: 30, builtinProgram: false })
  t.equal(await rig.query('a', '(count "mine" "k")'), 1)
  t.equal(await rig.query('a', '(count "event" "x")'), 1)
})

/** What a customer that cannot be loaded answers, once it has been tried. */
async function refused(rig: ShardRig): Promise<unknown> {
  const answer = rig.query('a', '1').catch((error: unknown) => error)
  await rig.pass(10_000, () => rig.customer('a')?.cannotLoad === true)
  await answer
  return await rig.send('a', [event('9')])
}
