// R6, R7 on real processes: what a node makes of the time that it finds when it starts.
import t from 'tap'
import type { TestNode } from '../node/harness.js'
import { launchNode } from '../node/harness.js'
import { Sabotage } from './sabotage.js'

t.setTimeout(120_000)

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const LEDGER = `(let ((l (ledger))) (list (cdr (assq 'received l)) (cdr (assq 'applied l)) (cdr (assq 'dropped l))))`

async function sendNow(node: TestNode, key: string, id: string, at?: number): Promise<void> {
  const answer = await node.send(key, { type: 'event', name: 'x', id, ...(at === undefined ? {} : { at }) })
  if (answer.status !== 202) throw new Error(answer.text)
}

t.test('R7: a node that was down for nine days serves no day of before as one of now', async t => {
  const folder = t.testdir({})
  const sabotage = new Sabotage(folder)
  const options = { data: `${folder}/data`, shards: 1 }
  sabotage.order({})
  let node = await sabotage.start(options)
  const [ingest, query] = [node.secret('lik'), node.secret('lqk')]
  const before = Date.now()
  for (let i = 0; i < 7; i++) await sendNow(node, ingest, `old-${i}`, before - i * DAY_MS)
  t.equal(await node.value(query, '(total "event" (last 7))'), 7)
  // Once from the file, once from the journal alone.
  for (const end of ['stop', 'kill'] as const) {
    await node[end]()
    sabotage.order({ aheadMs: 9 * DAY_MS })
    node = await sabotage.start(options)
    t.equal(await node.value(query, '(- (today) (day "1970-01-01"))'), Math.floor((Date.now() + 9 * DAY_MS) / DAY_MS))
    t.equal(await node.value(query, '(total "event" (last 400))'), end === 'stop' ? 0 : 1, `after ${end}`)
    if (end === 'stop') await sendNow(node, ingest, 'new')
    await sendNow(node, ingest, `late-${end}`, before)
    t.equal(await node.value(query, '(total "event")'), 1)
  }
  t.match(await node.value(query, LEDGER), [3, 1, [['late', 2]]])
  t.equal(await node.stop(), 0)
})

t.test('R6: a start with a clock that is back counts on the days it shows, and forgets nothing', async t => {
  const folder = t.testdir({})
  const sabotage = new Sabotage(folder)
  const options = { data: `${folder}/data`, shards: 1 }
  sabotage.order({})
  let node = await sabotage.start(options)
  const [ingest, query] = [node.secret('lik'), node.secret('lqk')]
  await sendNow(node, ingest, 'a')
  await node.kill()
  for (const [i, aheadMs] of [-HOUR_MS, -2 * DAY_MS].entries()) {
    sabotage.order({ aheadMs })
    node = await sabotage.start(options)
    await sendNow(node, ingest, 'a')
    await sendNow(node, ingest, `b-${i}`)
    t.equal(await node.value(query, '(total "event" (last 7))'), 2 + i, 'the id of before is known')
    await node.kill()
  }
  sabotage.order({})
  node = await sabotage.start(options)
  t.equal(await node.value(query, '(total "event" (last 7))'), 3)
  t.equal(await node.stop(), 0)
})

t.test('R6: a clock 401 days past the last event is refused, unless somebody says that it is right', async t => {
  const folder = t.testdir({})
  const sabotage = new Sabotage(folder)
  const options = { data: `${folder}/data`, shards: 2 }
  sabotage.order({})
  let node = await sabotage.start(options)
  const [ingest, query] = [node.secret('lik'), node.secret('lqk')]
  await sendNow(node, ingest, 'a')
  t.equal(await node.stop(), 0)
  sabotage.order({ aheadMs: 401 * DAY_MS })
  const refused = launchNode(sabotage.options(options))
  t.equal(await refused.exited, 1)
  t.match(refused.stderr, /the clock says 20\d\d-.*the last events came on 20\d\d-.*--accept-clock/)
  sabotage.order({})
  node = await sabotage.start(options)
  t.equal(await node.value(query, '(total "event")'), 1, 'nothing has expired')
  t.equal(await node.stop(), 0)
  sabotage.order({ aheadMs: 401 * DAY_MS })
  node = await sabotage.start({ ...options, args: ['--accept-clock'] })
  t.equal(await node.value(query, '(total "event" (last 400))'), 0)
  await sendNow(node, ingest, 'b')
  t.equal(await node.value(query, '(total "event")'), 1)
  t.equal(await node.stop(), 0)
})
