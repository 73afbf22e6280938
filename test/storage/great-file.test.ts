// Law 5, R9: a great file is opened and read in steps that do not depend on its size, and what a reading answers is of one
// moment. Steps are measured by what they read, not by the clock.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import t from 'tap'
import { defaultLimits } from '../../src/core/limits.js'
import { atOnce, inTurns, type Steps } from '../../src/core/steps.js'
import type { CopyableStore, CustomerFile, FileWrite, Row } from '../../src/storage/contract.js'
import type { OpenFile } from '../../src/storage/customer-file.js'
import { customerPath, openCustomerStore } from '../../src/storage/customer-store.js'
import { Scope } from '../../src/storage/file-header.js'
import { CustomerState } from '../../src/tables/state.js'
import { day0, identity, run } from '../tables/model.js'
import { silent } from './journal-rig.js'
import { page } from './store-suite.js'

const root = t.testdir()
const { incarnation } = identity

const storeAt = (name: string): CopyableStore =>
  openCustomerStore({
    folder: `${root}/${name}/customers`,
    runFolder: `${root}/${name}/run`,
    shard: 0,
    shards: 1,
    maxOpenFiles: 4,
    maxFileCommits: 2,
    log: silent,
  })

const pathAt = (name: string) => customerPath(`${root}/${name}/customers`, incarnation)

async function write(name: string, writes: readonly FileWrite[]): Promise<void> {
  const store = storeAt(name)
  const file = store.open(incarnation)
  for (const each of writes) await file.commit(each)
  file.release()
  await store.close()
}

const openDescriptors = () => fs.readdirSync('/proc/self/fd').length

/** Whether LMDB keeps a snapshot for nobody, once its own turn is over: a place in its table of readers without a transaction is free. */
async function unread(file: CustomerFile): Promise<boolean> {
  const reads = () => /[0-9a-f] +\d+$/m.test((file as OpenFile)['tree']!['readerList']())
  for (let i = 0; i < 1_000 && reads(); i++) await new Promise(resolve => setTimeout(resolve, 1))
  return !reads()
}

const rowsOf = (count: number, value: string) =>
  Array.from({ length: count }, (_, i) => page(`key ${String(i).padStart(6, '0')}`, `${value} ${i}`.repeat(10)))

const snapshot = (n: number, day: number, value: string, rows = 5_000, slots = 8): FileWrite => ({
  n,
  slots,
  meta: [page('n', String(n))],
  days: [{ slot: day % slots, day, clear: true, pages: rowsOf(rows, value) }],
})

/** What each step of `steps` read: calls of readSync, and rows and bytes that were summed. */
function measured<T>(steps: Steps<T>): {
  value: T
  most: { reads: number; rows: number; bytes: number }
  count: number
} {
  const step = { reads: 0, rows: 0, bytes: 0 }
  const most = { ...step }
  const { readSync } = fs
  const { add } = Scope.prototype
  fs.readSync = ((...args: Parameters<typeof readSync>) => {
    step.reads++
    return readSync(...args)
  }) as typeof readSync
  syncBuiltinESMExports()
  Scope.prototype.add = function (this: Scope, key, value) {
    step.rows++
    step.bytes += value.length
    add.call(this, key, value)
  }
  try {
    for (let count = 1; ; count++) {
      const { done, value } = steps.next()
      for (const name of ['reads', 'rows', 'bytes'] as const) {
        most[name] = Math.max(most[name], step[name])
        step[name] = 0
      }
      if (done) return { value, most, count }
    }
  } finally {
    fs.readSync = readSync
    syncBuiltinESMExports()
    Scope.prototype.add = add
  }
}

function* counted(rows: readonly Row[], seen: (row: Row) => void): Iterable<Row> {
  for (const row of rows) {
    seen(row)
    yield row
  }
}

/** The most bytes that a step of `steps` took of `rows`, and how many steps there were. */
function taken(rows: readonly Row[], begin: (rows: Iterable<Row>) => Generator<void, unknown>) {
  let bytes = 0
  let most = 0
  let count = 0
  const steps = begin(counted(rows, row => (bytes += row.value.length)))
  for (let done: boolean | undefined; !done; count++) {
    bytes = 0
    done = steps.next().done
    most = Math.max(most, bytes)
  }
  return { most, count }
}

const KEYS = 200_000

t.test(`a customer of ${KEYS} keys wakes in small steps`, async t => {
  const limits = { ...defaultLimits, maxKeysPerTable: KEYS, maxKeysPerCustomer: KEYS }
  const state = CustomerState.empty(identity, limits, day0, 7)
  for (let i = 0; i < KEYS; i += 20) {
    const updates = Array.from({ length: 20 }, (_, j) => ({ table: 0, key: `key ${i + j}`, value: '', amount: 1 }))
    run(state, { day: day0, minute: 0, updates, ids: [`id ${i}`], session: '' })
  }
  state.n = 1
  const cut = state.beginCheckpoint()
  while (!cut.encode(100)) {}
  await write('keys', [cut.write])

  const store = storeAt('keys')
  const opened = openDescriptors()
  const file = store.open(incarnation)
  t.equal(openDescriptors(), opened, 'to be given a file costs nothing')
  const meta = measured(file.meta())
  const day = measured(file.day(state.slotOf(day0)))
  for (const { most, count } of [meta, day]) {
    t.ok(most.reads <= 80, `${most.reads} reads in a step`)
    t.ok(most.rows <= 128, `${most.rows} rows in a step`)
    t.ok(most.bytes <= 160 * 1024, `${most.bytes} bytes in a step`)
    t.ok(count >= 5, `${count} steps`)
  }
  t.ok(meta.most.reads > 0 && meta.most.rows > 0, 'it was measured')
  let loaded: CustomerState | undefined
  const metaSteps = taken(meta.value!.rows, rows => {
    const loading = CustomerState.loading(identity, limits, rows)
    return (function* () {
      loaded = yield* loading
    })()
  })
  const daySteps = taken(day.value!.rows, rows => loaded!.loadDay(day0, rows))
  for (const { most, count } of [metaSteps, daySteps]) {
    t.ok(most <= 40 * 1024, `${most} bytes in a step`)
    t.ok(count >= 10, `${count} steps`)
  }
  const everything = (of: CustomerState) => JSON.stringify(of.everything())
  t.ok(everything(loaded!) === everything(state), 'and is as it was, to the byte')
  file.release()
  await store.close()
})

t.test('a file whose values lie on pages of their own is checked in small steps too', async t => {
  const pages = Array.from({ length: 3_000 }, (_, i) => page(`key ${i}`, 'x'.repeat(3_000)))
  await write('overflow', [{ n: 1, slots: 8, meta: pages, days: [] }])
  const store = storeAt('overflow')
  const file = store.open(incarnation)
  const { value, most, count } = measured(file.meta())
  t.equal(value!.rows.length, 3_000)
  t.ok(most.reads <= 80, `${most.reads} reads in a step`)
  t.ok(most.bytes <= 160 * 1024, `${most.bytes} bytes in a step`)
  t.ok(count > 100, `${count} steps`)
  await store.close()
})

t.test(
  'what is committed while a day is read, its slot given away even, changes nothing of what the reader sees',
  async t => {
    await write('moment', [snapshot(1, 19, 'before')])
    const store = storeAt('moment')
    const file = store.open(incarnation)
    const expected = atOnce(file.day(3))
    t.equal(expected!.rows.length, 5_000)
    for (const pause of [0, 1, 5, 20]) {
      const day = 19 + 8 * pause
      const reading = file.day(3)
      const before = atOnce(file.day(3))
      for (let i = 0; i <= pause; i++) t.notOk(reading.next().done)
      await file.commit(snapshot(2 + pause, day + 8 * 4, `after ${pause}`, 3_000))
      t.same(await inTurns(reading), before, `after ${pause} steps`)
      t.equal(atOnce(file.day(3))!.rows.length, 3_000)
      t.equal(atOnce(file.meta())!.n, 2 + pause)
    }
    t.ok(await unread(file), 'no reader is left')
    file.release()
    await store.close()
  },
)

t.test('a reading that begins when LMDB has a commit, and we do not know of it yet, is of one moment', async t => {
  const store = storeAt('known')
  const file = store.open(incarnation)
  let readings = 0
  for (let n = 1; n <= 60; n++) {
    let over = false
    const meta = Array.from({ length: 200 }, (_, i) => page(`key ${i}`, String(n).repeat(400)))
    const committed = file.commit({ n, slots: 8, meta, days: [] }).finally(() => (over = true))
    while (!over) {
      await new Promise(resolve => setImmediate(resolve))
      const found = atOnce(file.meta())
      if (found === undefined) continue
      readings++
      if (!found.rows.every(row => row.value.toString() === String(found.n).repeat(400))) t.fail('of two moments')
    }
    await committed
  }
  t.ok(readings > 60, `${readings} readings`)
  file.release()
  await store.close()
})

t.test('R7: a file is replaced when nobody reads it any more', async t => {
  await write('replaced', [snapshot(1, 19, 'before')])
  const store = storeAt('replaced')
  const file = store.open(incarnation)
  const before = atOnce(file.day(3))
  const readings = [file.day(3), file.day(3)]
  for (const reading of readings) reading.next()
  let replaced = false
  const committed = file.commit({ n: 2, slots: 31, meta: [], days: [] }).then(() => (replaced = true))
  while (!file['replacing' as never]) await new Promise(resolve => setImmediate(resolve))
  const late = file.meta()
  t.notOk(late.next().done, 'who comes now waits')
  readings[0]!.return(undefined)
  t.same(await inTurns(readings[1]!), before)
  t.notOk(replaced)
  await committed
  t.match(await inTurns(late), { n: 2, slots: 31 })
  t.equal(atOnce(file.day(19))!.rows.length, 5_000)
  file.release()
  await store.close()
})

t.test('who ends a reading, wherever it is, leaves nothing behind', async t => {
  await write('ended', [snapshot(1, 19, 'x')])
  const descriptors = openDescriptors()
  const store = storeAt('ended')
  const steps = (() => {
    const file = store.open(incarnation)
    const { count } = measured(file.day(3))
    file.release()
    return count
  })()
  t.ok(steps > 30, `${steps} steps`)
  await store.close()
  for (let after = 0; after < steps; after++) {
    const again = storeAt('ended')
    const file = again.open(incarnation)
    const reading = file.day(3)
    for (let i = 0; i < after; i++) reading.next()
    reading.return(undefined)
    if ((file as OpenFile).isOpen) t.ok(await unread(file), `ended after ${after} steps`)
    file.release()
    if (after === 0) t.equal(again.openFiles, 0, 'what never opened is not in the pool')
    await again.close()
  }
  t.equal(openDescriptors(), descriptors)
})

t.test('two who open a file go on with one opening; whoever stays finds it open', async t => {
  await write('two', [snapshot(1, 19, 'x', 20_000)])
  const store = storeAt('two')
  const alone = measured(store.open(incarnation).day(3)).count
  await store.close()
  const again = storeAt('two')
  const [first, second] = [again.open(incarnation), again.open(incarnation)]
  const readings = [first.day(3), second.day(3)]
  for (let i = 0; i < 3; i++) for (const reading of readings) t.notOk(reading.next().done)
  readings[0]!.return(undefined)
  first.release()
  const { value, count } = measured(readings[1]!)
  t.equal(value!.rows.length, 20_000)
  t.ok(count <= alone - 5, `${count} steps more, ${alone} alone`)
  second.release()
  await again.close()
})

const damages: Record<string, (bytes: Buffer) => void> = {
  'a value, found by its sum': bytes => {
    const at = bytes.lastIndexOf('x 14321')
    bytes[at] = 'y'.charCodeAt(0)
  },
  'a page, found before LMDB sees it': bytes => {
    const leaf = bytes.lastIndexOf('x 14321') & ~4095
    bytes.fill(0, leaf, leaf + 4096)
  },
}

for (const [kind, damage] of Object.entries(damages)) {
  t.test(`R9: damage in the middle of a file is told, and the file let go: ${kind}`, async t => {
    const name = kind.replace(/\W+/g, '-')
    await write(name, [snapshot(1, 19, 'x', 20_000)])
    const bytes = fs.readFileSync(pathAt(name))
    damage(bytes)
    fs.writeFileSync(pathAt(name), bytes)
    const descriptors = openDescriptors()
    const store = storeAt(name)
    const file = store.open(incarnation)
    const reading = file.day(3)
    let steps = 0
    t.throws(
      () => {
        for (let done: boolean | undefined; !done; steps++) done = reading.next().done
      },
      { code: 'file-damaged' },
    )
    t.ok(steps > 2, `after ${steps} steps`)
    t.throws(() => atOnce(file.day(3)), { code: 'file-damaged' }, 'and to whoever comes next')
    await t.rejects(file.commit({ n: 1, slots: 9, meta: [], days: [] }), { code: 'file-damaged' })
    file.release()
    t.match(store.setAside(incarnation, 'damaged'), /aside/)
    await store.close()
    t.equal(openDescriptors(), descriptors)
  })
}
