// A real node under mutated requests: it lives, its memory returns, its ledgers balance, and nobody else notices.
import t from 'tap'
import { seededRandom } from '../../src/core/random.js'
import { metric } from '../crash/sabotage.js'
import { eventually, startNode } from '../node/harness.js'
import { type FuzzKeys, fuzz, readCaptures } from './http-fuzzer.js'

const REQUESTS = Number(process.env['FUZZ_REQUESTS'] ?? 5_000)
const SEED = Number(process.env['FUZZ_SEED'] ?? 1)
/** What a heap may keep of what it once needed, and LMDB of pages it has read. */
const KEPT_BYTES = 160 * 1024 * 1024

t.setTimeout(240_000 + REQUESTS * 10)

t.test(`${REQUESTS} mutated requests: the node lives, its memory returns, its ledgers balance`, async t => {
  const node = await startNode({ data: `${t.testdir({})}/data`, shards: 2 })
  const token = node.secret('lat')
  const target: FuzzKeys = { ingestKey: node.secret('lik'), queryKey: node.secret('lqk') }
  const control = (await node.admin(token, 'POST', '/v1/customers', { id: 'control' })).body as unknown as FuzzKeys
  const random = seededRandom(SEED)
  const captures = readCaptures('test/fixtures/captures')
  const about = { random, captures }
  const warm = await fuzz(node, target, control, { ...about, requests: Math.ceil(REQUESTS / 5) })
  const before = await metric(node, 'lethe_resident_memory_bytes')
  const report = await fuzz(node, target, control, { ...about, requests: REQUESTS - warm.requests })
  t.same([...warm.failures, ...report.failures], [], 'every control was taken')
  t.comment(JSON.stringify(report.statuses))
  for (const status of ['200', '202', '400', '401', '413']) {
    t.ok((report.statuses[status] ?? 0) > 0, `some were answered ${status}`)
  }
  t.notOk(report.statuses['500'], 'none was answered 500')
  t.notMatch(node.stderr, /a request failed|started again|crashed/)

  // Bodies that never end are closed after their time; here all sockets are gone.
  await eventually(async () => ((await metric(node, 'lethe_inbox_requests')) === 0 ? true : undefined))
  // This question is one itself.
  await eventually(async () => ((await metric(node, 'lethe_http_in_flight')) <= 1 ? true : undefined))
  t.equal(await metric(node, 'lethe_shard_restarts_total'), 0)
  t.equal(await metric(node, 'lethe_customer_crashes_total'), 0)
  const after = await metric(node, 'lethe_resident_memory_bytes')
  t.comment(`resident: ${Math.round(before / 1e6)} MB after a fifth, ${Math.round(after / 1e6)} MB at the end`)
  t.ok(after < before + KEPT_BYTES)

  const controls = (await node.value(control.queryKey, '(count "event" "control" (last 7))')) as number
  // The second run sends the ids of the first again.
  t.equal(controls, Math.max(warm.controls, report.controls))
  for (const { queryKey } of [target, control]) {
    const [received, applied, duplicate, dropped] = (await node.value(
      queryKey,
      `(let ((l (ledger (last 7)))) (list (cdr (assq 'received l)) (cdr (assq 'applied l)) (cdr (assq 'duplicate l))
                                          (apply + (map cdr (cdr (assq 'dropped l))))))`,
    )) as [number, number, number, number]
    t.ok(received > 0)
    t.equal(received, applied + duplicate + dropped, `${received} events`)
  }
  t.equal(await node.stop(), 0)
})
