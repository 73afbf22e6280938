// What every customer store does. Run on the real one and on the one in memory.
import type t from 'tap'
import { atOnce } from '../../src/core/steps.js'
import type { CustomerFile, CustomerStore, PageWrite } from '../../src/storage/contract.js'

type Test = typeof t

export const page = (key: string, value: string | null): PageWrite => ({
  key: Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
})

export const text = (rows: readonly { key: Buffer; value: Buffer }[] | undefined): string | undefined =>
  rows?.map(row => `${row.key}=${row.value}`).join(' ')

const day = (slot: number, number: number, pages: PageWrite[], clear = false) => ({ slot, day: number, clear, pages })

/** `reopen` answers a store as a new process would find it; `lose` also drops what was not flushed, where it can. */
export function storeSuite(
  t: Test,
  make: (name: string) => { store: CustomerStore; reopen: () => Promise<CustomerStore> },
): void {
  const using = async <T>(store: CustomerStore, incarnation: bigint, work: (file: CustomerFile) => Promise<T> | T) => {
    const file = store.open(incarnation)
    try {
      return await work(file)
    } finally {
      file.release()
    }
  }

  t.test('a customer without a snapshot has none', async t => {
    const { store } = make('none')
    t.equal(store.exists(1n), false)
    await using(store, 1n, file => {
      t.equal(atOnce(file.meta()), undefined)
      t.equal(atOnce(file.day(0)), undefined)
      t.same(atOnce(file.days()), [])
    })
    await store.close()
  })

  t.test('what was committed and flushed is there after a restart, rows in key order', async t => {
    const { store, reopen } = make('restart')
    await using(store, 0x1234567890abcdefn, async file => {
      await file.commit({
        n: 7,
        slots: 8,
        meta: [page('b', '2'), page('a', '1')],
        days: [day(3, 19_003, [page('x', 'X')]), day(4, 19_004, [])],
      })
      await file.flushed()
    })
    const again = await reopen()
    t.equal(again.exists(0x1234567890abcdefn), true)
    t.equal(again.exists(1n), false)
    await using(again, 0x1234567890abcdefn, file => {
      t.same([atOnce(file.meta())?.n, atOnce(file.meta())?.slots], [7, 8])
      t.equal(text(atOnce(file.meta())?.rows), 'a=1 b=2')
      t.equal(atOnce(file.day(3))?.day, 19_003)
      t.equal(text(atOnce(file.day(3))?.rows), 'x=X')
      t.same(atOnce(file.day(4)), { day: 19_004, rows: [] })
      t.equal(atOnce(file.day(5)), undefined)
      t.same(
        atOnce(file.days()).sort((a, b) => a[0] - b[0]),
        [
          [3, 19_003],
          [4, 19_004],
        ],
      )
    })
    await again.close()
  })

  t.test('pages are replaced, added and deleted', async t => {
    const { store } = make('pages')
    await using(store, 1n, async file => {
      await file.commit({ n: 1, slots: 8, meta: [page('a', '1'), page('b', '2')], days: [day(0, 8, [page('x', '1')])] })
      await file.commit({
        n: 2,
        slots: 8,
        meta: [page('a', null), page('c', '3'), page('gone', null)],
        days: [day(0, 8, [page('x', 'longer than before'), page('', 'empty key')])],
      })
      t.equal(text(atOnce(file.meta())?.rows), 'b=2 c=3')
      t.equal(text(atOnce(file.day(0))?.rows), '=empty key x=longer than before')
      t.equal(atOnce(file.meta())?.n, 2)
    })
    await store.close()
  })

  t.test('R7: a slot forgets the day that it held one lap ago', async t => {
    const { store } = make('lap')
    await using(store, 1n, async file => {
      await file.commit({
        n: 1,
        slots: 8,
        meta: [],
        days: [day(0, 8, [page('old', '1')]), day(1, 9, [page('other', '1')])],
      })
      await file.commit({ n: 2, slots: 8, meta: [], days: [day(0, 16, [page('new', '1')])] })
      t.equal(atOnce(file.day(0))?.day, 16)
      t.equal(text(atOnce(file.day(0))?.rows), 'new=1')
      t.equal(text(atOnce(file.day(1))?.rows), 'other=1')
      await file.commit({ n: 3, slots: 8, meta: [], days: [day(0, 16, [page('newer', '1')], true)] })
      t.equal(text(atOnce(file.day(0))?.rows), 'newer=1')
      await t.rejects(file.commit({ n: 4, slots: 8, meta: [], days: [day(0, 8, [])] }), /older day/)
      t.equal(atOnce(file.meta())?.n, 3)
    })
    await store.close()
  })

  t.test('R7: another number of slots moves the days under the new modulus', async t => {
    const { store, reopen } = make('slots')
    await using(store, 1n, async file => {
      const days = [16, 17, 18, 19].map(number => day(number % 8, number, [page(`day ${number}`, 'x')]))
      await file.commit({ n: 1, slots: 8, meta: [page('m', '1')], days })
      await file.commit({ n: 2, slots: 31, meta: [page('m', '2')], days: [day(19, 19, [page('more', 'x')])] })
      t.equal(text(atOnce(file.day(19))?.rows), 'day 19=x more=x')
      await file.flushed()
    })
    const again = await reopen()
    await using(again, 1n, async file => {
      t.equal(atOnce(file.meta())?.slots, 31)
      t.equal(text(atOnce(file.meta())?.rows), 'm=2')
      for (const number of [16, 17, 18]) t.equal(text(atOnce(file.day(number))?.rows), `day ${number}=x`)
      t.equal(atOnce(file.days()).length, 4)
      await file.commit({ n: 3, slots: 3, meta: [], days: [] })
      t.same(
        atOnce(file.days()).sort((a, b) => a[1] - b[1]),
        [
          [2, 17],
          [0, 18],
          [1, 19],
        ],
        'of two days that meet in a slot the later one stays',
      )
    })
    await again.close()
  })

  t.test('many large values, and a file that grows', async t => {
    const { store, reopen } = make('large')
    const value = (i: number) => Buffer.alloc(20_000 + i, i)
    await using(store, 1n, async file => {
      for (let round = 0; round < 4; round++) {
        const pages = Array.from({ length: 40 }, (_, i) => ({ key: Buffer.from(`${round} ${i}`), value: value(i) }))
        await file.commit({ n: round + 1, slots: 8, meta: [], days: [day(2, 10, pages)] })
      }
      await file.flushed()
    })
    const again = await reopen()
    await using(again, 1n, file => {
      const rows = atOnce(file.day(2))!.rows
      t.equal(rows.length, 160)
      t.ok(rows.every(row => row.value.equals(value(Number(row.key.toString().split(' ')[1])))))
    })
    await again.close()
  })

  t.test('an erased customer is gone, a new one under its number starts empty', async t => {
    const { store, reopen } = make('erase')
    await using(store, 1n, file => file.commit({ n: 1, slots: 8, meta: [page('a', '1')], days: [] }))
    await store.erase(1n)
    t.equal(store.exists(1n), false)
    const again = await reopen()
    t.equal(again.exists(1n), false)
    await using(again, 1n, file => t.equal(atOnce(file.meta()), undefined))
    await again.close()
  })

  t.test('a file set aside makes room for a new one', async t => {
    const { store } = make('aside')
    await using(store, 1n, file => file.commit({ n: 1, slots: 8, meta: [page('a', '1')], days: [] }))
    t.match(store.setAside(1n, 'test'), /aside/)
    t.equal(store.exists(1n), false)
    await using(store, 1n, async file => {
      t.equal(atOnce(file.meta()), undefined)
      await file.commit({ n: 9, slots: 8, meta: [], days: [] })
      t.equal(atOnce(file.meta())?.n, 9)
    })
    await store.close()
  })
}
