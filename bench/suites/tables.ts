// From decoded events to cells in memory, by the same code that applies a committed entry: ids, ledger, program, tables.
import { Applier } from '../../src/actors/apply.js'
import { Delivery } from '../../src/actors/delivery.js'
import { defaultLimits } from '../../src/core/limits.js'
import type { EventBatch } from '../../src/event/batch.js'
import { DECODER_VERSION, Decoder, Format } from '../../src/event/decode.js'
import type { EventProgram } from '../../src/query/event-program.js'
import { builtinProgram, compileProgram } from '../../src/query/program.js'
import type { CustomerState } from '../../src/tables/state.js'
import { emptyState, eventBatches, mixedBatches, NOON, TODAY } from '../batches.js'
import type { Bench, Measuring } from '../bench.js'
import { readable } from '../statistics.js'
import { FIVE_UPDATES } from '../workload.js'

const PER_BATCH = 50
const never = () => false

/** Applies batches to customers in turn; answers how many events were applied. */
export class Feeder {
  private readonly applier = new Applier(defaultLimits, builtinProgram())
  private readonly delivery = new Delivery()

  constructor(
    readonly states: readonly CustomerState[],
    private readonly program: EventProgram,
  ) {}

  feed(batches: readonly EventBatch[], count: number): number {
    const states = this.states
    const delivery = this.delivery
    let accepted = 0
    for (let i = 0; i < count; i++) {
      const state = states[i % states.length]!
      delivery.clear()
      delivery.batch = batches[i % batches.length]!
      delivery.n = state.n + 1
      delivery.ms = NOON
      delivery.day = TODAY
      this.applier.run(state, this.program, undefined, delivery, never)
      state.n++
      accepted += delivery.accepted
    }
    return accepted
  }
}

function feeder(customers: number, program: EventProgram): Feeder {
  const states = Array.from({ length: customers }, (_, i) => emptyState(i))
  return new Feeder(states, program)
}

const five = () => compileProgram(FIVE_UPDATES, defaultLimits)

async function apply(b: Measuring): Promise<void> {
  const customers = b.parameter('customers', 5, 1_000)
  const events = b.parameter('events', 1_000, 1_000_000, 250_000)
  const count = events / PER_BATCH
  const distinct = Math.min(2 * customers, 2_000)
  // A prime more, so that batches wander over the customers.
  const plain = eventBatches(distinct + 1, PER_BATCH, 10_000)
  const mixed = mixedBatches(distinct + 1, PER_BATCH, 10_000)
  const decoder = new Decoder({
    format: Format.Json,
    version: DECODER_VERSION,
    sentAt: Number.NaN,
    limits: defaultLimits,
  })
  const both = feeder(customers, five())
  const contenders = [
    { name: 'five updates', target: feeder(customers, five()), batches: plain },
    { name: 'built-in program, events', target: feeder(customers, builtinProgram()), batches: plain },
    { name: 'built-in program, events of all types', target: feeder(customers, builtinProgram()), batches: mixed },
  ]
  await b.contest(count * PER_BATCH, [
    ...contenders.map(({ name, target, batches }) => ({ name, run: () => target.feed(batches, count) })),
    {
      name: 'five updates, decoding included',
      run: () => {
        let accepted = 0
        for (let i = 0; i < count; i++) {
          const { bytes } = plain[i % plain.length]!
          decoder.start(bytes, 0, bytes.length)
          while (!decoder.step(1_000)) {}
          accepted += both.feed([decoder.batch], 1)
        }
        return accepted
      },
    },
  ])
  b.aim(
    'an event, five updates, decoding included, ns',
    b.median('five updates, decoding included', 'ns'),
    'at most',
    320,
  )
}

/** How the cost of an event grows with the number of customers, and of keys a customer. */
async function growth(b: Measuring): Promise<void> {
  const events = b.parameter('events', 1_000, 1_000_000)
  const count = events / PER_BATCH
  // As many batches in all rows, or reading them would be what grows.
  const batchCount = b.smoke ? 20 : 1_999
  const few = eventBatches(batchCount, PER_BATCH, 10_000)
  const customers = (b.smoke ? [2, 4] : [10, 100, 1_000, 10_000]).map(number => ({
    name: `${readable(number)} customers`,
    target: feeder(number, five()),
    batches: few,
  }))
  const keys = (b.smoke ? [10, 20] : [100, 1_000, 10_000, 100_000]).map(number => ({
    name: `${readable(number)} keys a customer, 10 customers`,
    target: feeder(10, five()),
    batches: eventBatches(batchCount, PER_BATCH, 10_000, number),
  }))
  for (const group of [customers, keys]) {
    // Every key has its cell before anything is timed.
    for (const { target, batches } of group) target.feed(batches, b.smoke ? 10 : 50_000)
    const contenders = group.map(({ name, target, batches }) => ({ name, run: () => target.feed(batches, count) }))
    await b.contest(count * PER_BATCH, contenders)
    const last = group.at(-1)!.name
    const ratio = b.ratio(`${last} : ${group[0]!.name}`, last, group[0]!.name, 'ns')
    b.aim(`cost of an event in memory, ${last} against ${group[0]!.name}`, ratio, 'at most', 1.1)
  }
}

export const tableBenches: readonly Bench[] = [
  { name: 'tables/apply', about: 'a committed event into the tables', placement: 'server', run: apply },
  {
    name: 'tables/growth',
    about: 'the same with more customers and more keys; runs only when it is named',
    placement: 'server',
    onlyByName: true,
    run: growth,
  },
]
