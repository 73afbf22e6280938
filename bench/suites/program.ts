// Per-event programs: from a decoded event to a list of effects, before any table is touched.
import { defaultLimits } from '../../src/core/limits.js'
import { type EventBatch, Field, SLICE_STRIDE } from '../../src/event/batch.js'
import { type EventProgram, Outcome } from '../../src/query/event-program.js'
import { builtinProgram, builtinSource, compileProgram } from '../../src/query/program.js'
import { Effects } from '../../src/tables/effects.js'
import { TableKind } from '../../src/tables/types.js'
import { emptyState, eventBatches, mixedBatches } from '../batches.js'
import type { Bench, Measuring } from '../bench.js'
import { FIVE_UPDATES } from '../workload.js'

const PER_BATCH = 50

/** The five updates by hand: what any compiler would have to come down to. */
const declared = [
  { name: 'events', kind: TableKind.Counter },
  { name: 'event', kind: TableKind.Counter },
  { name: 'countries', kind: TableKind.Set },
  { name: 'users', kind: TableKind.Sketch },
  { name: 'users/event', kind: TableKind.Sketch },
]

function byHand(batch: EventBatch, event: number, effects: Effects): void {
  const { slices } = batch
  const at = event * SLICE_STRIDE
  const nameStart = slices[at + 2 * Field.Name]!
  const nameEnd = slices[at + 2 * Field.Name + 1]!
  const userStart = slices[at + 2 * Field.User]!
  const userEnd = slices[at + 2 * Field.User + 1]!
  effects.bump(0, slices[at + 2 * Field.Type]!, slices[at + 2 * Field.Type + 1]!, 1)
  effects.bump(1, nameStart, nameEnd, 1)
  effects.collect(2, 0, 0, slices[at + 2 * Field.Country]!, slices[at + 2 * Field.Country + 1]!)
  effects.sketch(3, 0, 0, userStart, userEnd)
  effects.sketch(4, nameStart, nameEnd, userStart, userEnd)
}

async function run(b: Measuring): Promise<void> {
  const events = b.parameter('events', 200, 1_000_000)
  const sessions = emptyState(0).sessions
  const effects = new Effects()
  const plain = eventBatches(20, PER_BATCH, 10_000)
  const mixed = mixedBatches(20, PER_BATCH, 10_000)
  const over = (program: EventProgram, batches: readonly EventBatch[]) => () => {
    let sum = 0
    for (let i = 0; i < events / PER_BATCH; i++) {
      const batch = batches[i % batches.length]!
      effects.begin(batch, program.declared, sessions)
      program.begin(batch, effects)
      for (let event = 0; event < PER_BATCH; event++) {
        effects.clear()
        if (program.run(event) !== Outcome.Applied)
          throw new Error(`the program failed: ${JSON.stringify(program.error ?? program.reason)}`)
        sum += effects.count
      }
    }
    return sum
  }
  await b.contest(events, [
    {
      name: 'five updates, by hand',
      run: () => {
        let sum = 0
        for (let i = 0; i < events / PER_BATCH; i++) {
          const batch = plain[i % plain.length]!
          effects.begin(batch, declared, sessions)
          for (let event = 0; event < PER_BATCH; event++) {
            effects.clear()
            byHand(batch, event, effects)
            sum += effects.count
          }
        }
        return sum
      },
    },
    { name: 'five updates', run: over(compileProgram(FIVE_UPDATES, defaultLimits), plain) },
    { name: 'built-in program, events', run: over(builtinProgram(), plain) },
    { name: 'built-in program, events of all types', run: over(builtinProgram(), mixed) },
    {
      name: 'built-in program, as a customer’s own',
      run: over(compileProgram(builtinSource(), defaultLimits), mixed),
    },
  ])
  b.ratio('five updates : by hand', 'five updates', 'five updates, by hand', 'ns')
  b.aim('the five updates as effects, ns an event', b.median('five updates', 'ns'), 'at most', 60)
  const all = b.median('built-in program, events of all types', 'ns')
  b.aim('the built-in program as effects, ns an event', all, 'at most', 300)
}

export const programBenches: readonly Bench[] = [
  { name: 'program', about: 'from a decoded event to its effects', placement: 'server', run },
]
