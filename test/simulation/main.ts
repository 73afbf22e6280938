// `npm run simulate -- --minutes M [--seed S] [--verbose]`: lives on from seed to seed until the time is over, or one fails.
import { Option } from 'commander'
import { command, numberOption } from '../options.js'
import { PLANTS } from './plants.js'
import { addReport, emptyReport } from './report.js'
import { describeFailure, runSeed, shrink } from './run.js'

interface Options {
  readonly minutes?: number
  readonly seed?: number
  readonly seeds?: number
  readonly plant?: string
  readonly verbose?: boolean
  readonly keep?: boolean
}

const values = command(
  'simulate',
  'Lives whole lives of a node on a made-up clock, disk and network, and checks the books after each',
)
  .option('--minutes <number>', 'goes on from seed to seed for so long', numberOption)
  .option('--seed <number>', 'the first seed (1); alone, the only one', numberOption)
  .option('--seeds <number>', 'how many', numberOption)
  .addOption(
    new Option('--plant <name>', 'with a mistake that the checks have to find').choices(
      PLANTS.map(plant => plant.name),
    ),
  )
  .option('--verbose', 'prints the log of the seed that fails')
  .option('--keep', 'goes on after a failure')
  .parse()
  .opts<Options>()

const started = performance.now()
const endMs = started + (values.minutes ?? 0) * 60_000
const first = values.seed ?? 1
const seeds = values.seeds ?? (values.seed !== undefined && values.minutes === undefined ? 1 : 0)
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
