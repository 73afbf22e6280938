// R11: how many are checkpointed for the journal's sake grows with what it holds.
import t from 'tap'
import type { Customer } from '../../src/actors/customer.js'
import { Pace } from '../../src/actors/pace.js'
import type { Parts } from '../../src/actors/parts.js'
import { relieveJournal } from '../../src/actors/relief.js'
import type { CustomerRoute } from '../../src/actors/service.js'
import { defaultLimits } from '../../src/core/limits.js'

/** Who goes to a checkpoint in one sweep, of 1,000 customers, the first of whom fails at it, while the journal holds `share` of its bound. */
function relieved(share: number, freeDiskBytes = 1e15): { checkpointed: bigint[]; spilled: bigint[] } {
  const spilled: bigint[] = []
  const checkpointed: bigint[] = []
  const all = Array.from({ length: 1_000 }, (_, i) => BigInt(i + 1))
  const parts = {
    limits: defaultLimits,
    journal: {
      heldBytes: share * defaultLimits.maxJournalBytes,
      holding: () => [...all, ...all],
      spill: async (incarnation: bigint) => void spilled.push(incarnation),
    },
    routeOf: (incarnation: bigint) => ({ incarnation, deleted: false }),
  } as unknown as Parts
  const customerOf = ({ incarnation }: CustomerRoute) =>
    ({
      route: { incarnation },
      phase: 'live',
      checkpoint: { failures: incarnation === 1n ? 1 : 0, pending: false },
    }) as unknown as Customer
  const pace = new Pace<Customer>(250, customer => checkpointed.push(customer.route.incarnation))
  relieveJournal(parts, freeDiskBytes, customerOf, pace)
  pace.finish()
  return { checkpointed, spilled }
}

t.test('nobody is hurried while there is little, and then the more the more there is', async t => {
  t.same(relieved(0.25).checkpointed, [])
  let before = 7
  for (const share of [0.26, 0.5, 0.75, 1]) {
    const { checkpointed, spilled } = relieved(share)
    t.ok(checkpointed.length > before, `${checkpointed.length} at ${share}, ${before} before`)
    t.equal(new Set(checkpointed).size, checkpointed.length, 'each once')
    t.same(spilled, [], 'and nobody is refused below the bound')
    before = checkpointed.length
  }
  t.ok(before >= 64, 'enough for a thousand customers in four seconds')
})

t.test('a disk that fills up hurries them, whatever the bound', async t => {
  const { diskReserveBytes, maxJournalBytes } = defaultLimits
  t.same(relieved(0.1, diskReserveBytes + 0.5 * maxJournalBytes).checkpointed, [])
  const some = relieved(0.1, diskReserveBytes + 0.1 * maxJournalBytes).checkpointed.length
  t.ok(some >= 8, `${some}`)
  const most = relieved(0.1, diskReserveBytes / 2).checkpointed.length
  t.ok(most > some, `${most}`)
  t.same(relieved(0, 0), { checkpointed: [], spilled: [] })
})

t.test('beyond the bound, who cannot be checkpointed makes way', async t => {
  const { checkpointed, spilled } = relieved(1.5)
  t.same(spilled, [1n])
  t.notOk(checkpointed.includes(1n))
})
