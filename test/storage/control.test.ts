import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { seededRandom } from '../../src/core/random.js'
import type { KeyRecord } from '../../src/storage/contract.js'
import { openControlReader, openControlWriter } from '../../src/storage/control.js'

const key = (kind: 'ingest' | 'query', prefix: string): KeyRecord => ({
  kind,
  prefix,
  hash: Buffer.from(prefix).toString('hex').padEnd(64, '0'),
  created: 1,
})
const ingest = key('ingest', 'lik_abc')
const query = key('query', 'lqk_def')

t.test('customers are created, found by id, incarnation and key, and stay', async t => {
  const folder = t.testdir()
  let writer = openControlWriter(folder, seededRandom(1))
  const made = await writer.create({ id: 'acme', created: 5, keys: [ingest, query] })
  t.match(made, { id: 'acme', blocked: false, deleted: false, quota: {}, created: 5, version: 1 })
  await t.rejects(writer.create({ id: 'acme', created: 6, keys: [] }), { code: 'exists', status: 409 })
  await t.rejects(writer.create({ id: 'other', created: 6, keys: [ingest] }), { code: 'exists' })
  await writer.create({ id: 'zeta', created: 6, keys: [] })
  await writer.close()
  writer = openControlWriter(folder, seededRandom(2))
  t.same(writer.customer('acme'), made)
  t.same(writer.byIncarnation(made.incarnation), made)
  t.same(writer.byKeyHash(ingest.hash), { customer: 'acme', kind: 'ingest' })
  t.same(writer.byKeyHash(query.hash), { customer: 'acme', kind: 'query' })
  t.equal(writer.customer('acme '), undefined)
  t.same(
    [...writer.customers()].map(record => record.id),
    ['acme', 'zeta'],
  )
  t.equal(writer.version(), 2)
  await writer.close()
})

t.test('changes are atomic, versioned and in order', async t => {
  const folder = t.testdir()
  const writer = openControlWriter(folder, seededRandom(1))
  await writer.create({ id: 'acme', created: 5, keys: [ingest] })
  const changes = [
    writer.addKey('acme', query),
    writer.setBlocked('acme', true),
    writer.setQuota('acme', { eventsPerDay: 7 }),
    writer.removeKey('acme', ingest.prefix),
  ]
  await Promise.all(changes)
  t.match(writer.customer('acme'), { blocked: true, quota: { eventsPerDay: 7 }, version: 5 })
  t.same(writer.customer('acme')?.keys, [query])
  t.equal(writer.byKeyHash(ingest.hash), undefined)
  await t.rejects(writer.removeKey('acme', 'nope'), { code: 'not-found', status: 404 })
  await t.rejects(writer.setBlocked('nobody', true), { code: 'not-found', status: 404 })
  t.equal(writer.version(), 5, 'what was refused is no change')
  t.same(
    writer.changesSince(3).map(change => change.version),
    [4, 5],
  )
  await writer.setSetting('admin', 'hash')
  t.equal(writer.setting('admin'), 'hash')
  t.equal(writer.setting('other'), undefined)
  await writer.close()
})

t.test('R19: a deleted customer leaves a tombstone; its id may be used again under another incarnation', async t => {
  const folder = t.testdir()
  const writer = openControlWriter(folder, seededRandom(1))
  const first = await writer.create({ id: 'acme', created: 5, keys: [ingest] })
  await writer.tombstone('acme')
  t.match(writer.byIncarnation(first.incarnation), { deleted: true, keys: [] })
  t.equal(writer.byKeyHash(ingest.hash), undefined)
  t.same([...writer.customers()], [])
  t.equal([...writer.customers(true)].length, 1)
  await t.rejects(writer.tombstone('acme'), { code: 'not-found' })
  const second = await writer.create({ id: 'acme', created: 6, keys: [ingest] })
  t.not(second.incarnation, first.incarnation)
  t.equal(writer.byIncarnation(first.incarnation), undefined, 'dead, as replay sees it')
  await writer.close()
})

t.test('a reader in another process sees each change once it was answered', async t => {
  const folder = t.testdir()
  t.throws(() => openControlReader(folder), { code: 'not-found' })
  const writer = openControlWriter(folder, seededRandom(1))
  await writer.create({ id: 'acme', created: 5, keys: [] })
  const child = spawn(process.execPath, [fileURLToPath(new URL('./control-child.js', import.meta.url)), folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = child.stdout[Symbol.asyncIterator]()
  const ask = async () => {
    child.stdin.write('\n')
    return JSON.parse(String((await lines.next()).value)) as { version: number; blocked: boolean }
  }
  t.same(await ask(), { version: 1, blocked: false })
  for (let i = 0; i < 20; i++) {
    await writer.setBlocked('acme', i % 2 === 0)
    t.same(await ask(), { version: i + 2, blocked: i % 2 === 0 })
  }
  child.stdin.end()
  await writer.close()
})
