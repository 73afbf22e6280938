// How a stored day comes into memory while its file is written, damaged, or not wanted any more.
import t from 'tap'
import type { Customer } from '../../src/actors/customer.js'
import { loadDay } from '../../src/actors/loading.js'
import { defaultLimits } from '../../src/core/limits.js'
import { atOnce } from '../../src/core/steps.js'
import { type MemoryCustomerStore, memoryCustomerStore } from '../../src/storage/memory-store.js'
import { CustomerState } from '../../src/tables/state.js'
import { day0, identity, run } from '../tables/model.js'

const { incarnation } = identity
const KEYS = 2_000

async function save(store: MemoryCustomerStore, state: CustomerState): Promise<void> {
  const cut = state.beginCheckpoint()
  while (!cut.encode(100)) {}
  const file = store.open(incarnation)
  await file.commit(cut.write)
  file.release()
  cut.done()
}

const count = (state: CustomerState, day: number, keys: number) => {
  const updates = Array.from({ length: keys }, (_, i) => ({ table: 0, key: `key ${i}`, value: '', amount: 1 }))
  run(state, { day, minute: 0, updates, ids: [], session: '' })
}

/** A customer whose day0 is in its file alone. */
async function customerWithStoredDay() {
  const store = memoryCustomerStore()
  const before = CustomerState.empty(identity, defaultLimits, day0, 7)
  count(before, day0, KEYS)
  await save(store, before)
  const file = store.open(incarnation)
  const state = CustomerState.load(identity, defaultLimits, atOnce(file.meta())!.rows)
  file.release()
  const damages: string[] = []
  const log = { info() {}, warn() {}, error: (_: object, message: string) => void damages.push(message) }
  const parts = { store, log, filesSetAside() {} }
  const customer = { parts, route: { id: identity.customer, incarnation }, state } as unknown as Customer
  t.equal(state.dayState(day0), 'stored')
  return { store, state, customer, damages }
}

t.test('R7: a day whose slot is given away while it is read is not loaded, and is no damage', async t => {
  for (const between of [0, 1, 3]) {
    const { store, state, customer, damages } = await customerWithStoredDay()
    const loading = loadDay(customer, day0)
    for (let i = 0; i < between; i++) t.notOk(loading.next().done)
    count(state, day0 + 8, 1)
    await save(store, state)
    t.equal(state.dayState(day0), 'outside')
    atOnce(loading)
    t.equal(state.resident(day0), undefined)
    t.equal(store.openFiles, 0)
    t.same(damages, [])
  }
})

t.test('a checkpoint of another day while one is read changes nothing of it', async t => {
  const { store, state, customer } = await customerWithStoredDay()
  const loading = loadDay(customer, day0)
  t.notOk(loading.next().done)
  count(state, day0 + 1, 10)
  await save(store, state)
  atOnce(loading)
  const counters = state.table('counter')!
  t.equal(state.dayState(day0), 'resident')
  t.equal(state.everything().days.length, 2)
  t.equal(counters.live, KEYS)
  t.equal(store.openFiles, 0)
})

t.test('a day that the file has not, and the snapshot lists, is damage: the file is let go and set aside', async t => {
  const { store, state, customer, damages } = await customerWithStoredDay()
  const file = store.open(incarnation)
  await file.commit({
    n: 1,
    slots: 8,
    meta: [],
    days: [{ slot: state.slotOf(day0), day: day0 + 8, clear: true, pages: [] }],
  })
  file.release()
  t.throws(() => atOnce(loadDay(customer, day0)), { code: 'file-damaged' })
  t.equal(store.openFiles, 0)
  t.equal(store.aside.length, 1)
  t.equal(damages.length, 1)
})

t.test('who ends the loading of a day lets its file go', async t => {
  const { store, state, customer } = await customerWithStoredDay()
  const loading = loadDay(customer, day0)
  t.notOk(loading.next().done)
  t.equal(store.openFiles, 1)
  loading.return()
  t.equal(store.openFiles, 0)
  t.equal(state.dayState(day0), 'stored')
})
