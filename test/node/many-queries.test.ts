// A dashboard asks for all its panels at once: what cannot take turns waits, and what is too much is refused.
import t from 'tap'
import type { Limits } from '../../src/core/limits.js'
import { type Keys, OneProcess } from './one-process.js'

const LONG = '(let loop ((i 0)) (if (< i 3000000) (loop (+ i 1)) "long"))'

async function onNode(data: string, limits: Partial<Limits>, use: (node: OneProcess, keys: Keys) => Promise<void>) {
  const node = await OneProcess.start(data, limits)
  await use(node, await node.create('acme'))
  await node.stop()
}

t.test('a hundred queries of one customer at once are all answered', async t => {
  await onNode(t.testdir({}), {}, async (node, keys) => {
    const wanted = Array.from({ length: 100 }, (_, i) => i)
    t.same(await Promise.all(wanted.map(i => node.value(keys, `(+ 0 ${i})`))), wanted)
  })
})

for (const [maxQueriesAtOnce, first] of [
  [3, 'short'],
  [2, 'long'],
] as const) {
  t.test(`beside two long queries, of ${maxQueriesAtOnce} that take turns, the ${first} one ends first`, async t => {
    await onNode(t.testdir({}), { maxQueriesAtOnce }, async (node, keys) => {
      const order: unknown[] = []
      const ask = (source: string) => node.value(keys, source).then(value => order.push(value))
      const long = [ask(LONG), ask(LONG)]
      while (node.inFlight < 2) await new Promise(setImmediate)
      await Promise.all([...long, ask('"short"')])
      t.equal(order[0], first)
    })
  })
}

t.test('beyond its bound a customer is refused', async t => {
  await onNode(t.testdir({}), { maxQueriesPerCustomer: 3 }, async (node, keys) => {
    const answers = await Promise.allSettled(Array.from({ length: 4 }, () => node.value(keys, LONG)))
    t.same(answers.map(answer => answer.status).toSorted(), ['fulfilled', 'fulfilled', 'fulfilled', 'rejected'])
  })
})
