// `npm run simulate -- --minutes M [--seed S] [--verbose]`: lives on from seed to seed until the time is over, or one fails.
import { parseArgs } from 'node:util'
import { PLANTS } from './plants.js'
import { addReport, emptyReport } from './report.js'
import { describeFailure, runSeed, shrink } from './run.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    seeds: { type: 'string' },
    plant: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
})

const started = performance.now()
const endMs = started + Number(values.minutes ?? '0') * 60_000
const first = Number(values.seed ?? '1')
const seeds = Number(values.seeds ?? (values.seed !== undefined && values.minutes === undefined ? '1' : '0'))
const plant = PLANTS.find(({ name }) => name === values.plant)
const total = emptyReport()
let seed = first
let failures = 0
for (; seed < first + seeds || performance.now() < endMs; seed++) {
  const outcome = await runSeed(seed, plant)
  if ('report' in outcome) {
    addReport(total, outcome.report)
    continue
  }
  failures++
  if (values.keep) {
    console.log(`seed ${seed}: ${outcome.failure.error.message.split('\n').slice(0, 7).join(' ')}`)
    continue
  }
  const failure = await shrink(outcome.failure, plant)
  if (values.verbose) console.log(failure.log.join('\n'))
  console.log(describeFailure(failure))
  break
}
const seconds = (performance.now() - started) / 1000
console.log(
  `${seed - first + (failures > 0 && !values.keep ? 1 : 0)} seeds from ${first} in ${seconds.toFixed(1)} s, ${failures} failed`,
)
console.log(JSON.stringify(total, undefined, 2))
process.exitCode = failures > 0 ? 1 : 0
