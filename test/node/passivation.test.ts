// 2,000 customers, touched in turn, with an idle time of a second: while some are on their way out of memory, others come
// back, and some are touched at the very moment of leaving. Nothing may be lost, and nothing counted twice.
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { eventually, startNode, type TestNode } from './harness.js'

const CUSTOMERS = 2_000
const ROUNDS = 3
const AT_ONCE = 64

/** Runs `work` over 0 … count−1, some at once. */
async function each(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

async function actors(node: TestNode): Promise<number> {
  const text = await (await fetch(`${node.url}/metrics`)).text()
  let sum = 0
  for (const match of text.matchAll(/^lethe_actors\{[^}]*\} (\d+)/gm)) sum += Number(match[1])
  return sum
}

t.test('customers leave memory when idle and come back with the same state', async t => {
  t.setTimeout(180_000)
  const folder = t.testdir()
  const config = path.join(folder, 'lethe.toml')
  fs.writeFileSync(config, '[limits]\nidleMs = 1000\n')
  const node = await startNode({ data: path.join(folder, 'data'), args: ['--config', config] })
  t.teardown(() => node.stop())
  const token = node.secret('lat')
  const keys: { ingestKey: string; queryKey: string }[] = []
  await each(CUSTOMERS, async index => {
    const created = await node.admin(token, 'POST', '/v1/customers', { id: `c-${index}` })
    if (created.status !== 201) throw new Error(created.text)
    keys[index] = created.body as never
  })

  const began = process.uptime()
  let most = 0
  for (let round = 0; round < ROUNDS; round++) {
    await each(CUSTOMERS, async index => {
      const events = [
        { type: 'event', name: 'round', user: `u-${round}`, id: `r-${round}` },
        { type: 'event', name: 'again', user: 'same', id: 'same' },
      ]
      const answer = await node.send(keys[index]!.ingestKey, events)
      if (answer.status !== 202) throw new Error(`${answer.status} ${answer.text}`)
      if (index % 500 === 0) most = Math.max(most, await actors(node))
    })
  }
  t.ok(most > 0, `up to ${most} actors at once`)
  t.comment(`rounds: ${(process.uptime() - began).toFixed(1)} s`)
  await eventually(async () => ((await actors(node)) === 0 ? true : undefined))
  t.comment(`rounds and passivation: ${(process.uptime() - began).toFixed(1)} s`)

  const wrong: string[] = []
  await each(CUSTOMERS, async index => {
    const value = await node.value(
      keys[index]!.queryKey,
      `(let ((l (ledger))) (list (cdr (assq 'received l)) (cdr (assq 'applied l)) (cdr (assq 'duplicate l))
         (count "event" "round") (count "event" "again")))`,
    )
    const expected = [2 * ROUNDS, ROUNDS + 1, ROUNDS - 1, ROUNDS, 1]
    if (JSON.stringify(value) !== JSON.stringify(expected)) wrong.push(`c-${index}: ${JSON.stringify(value)}`)
  })
  t.same(wrong, [], 'every ledger has what its customer sent')
})
