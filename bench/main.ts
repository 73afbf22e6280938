// `npm run bench`: runs benchmarks by name, each in a process of its own, prints what was seen and writes it down.
//
//   npm run bench                    the canonical benchmarks, briefly (five to six minutes)
//   npm run bench -- --full          the same with the sizes of what is published, and of those that are named (half an hour)
//   npm run bench -- hll/add http    those whose name starts so
//   npm run bench -- --list          their names
//   npm run bench -- --json FILE     the results there as well as in bench/results/latest.json
//   npm run bench -- --publish       puts the results in bench/results/latest.json into docs/benchmarks.md, plots too
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError, Option } from 'commander'
import { type Bench, type BenchResult, runBench, type Size } from './bench.js'
import { describeMachine, timeParse } from './machine.js'
import { canPin, runProcess, SERVER_CORE } from './processes.js'
import { mergeResults, publish } from './published.js'
import { benches } from './registry.js'
import { type Report, resultText, speedText } from './report.js'
import { stopShared } from './suites/servers.js'

const BUILT = path.dirname(fileURLToPath(import.meta.url))
const REPOSITORY = path.resolve(BUILT, '../..')
const RESULTS = path.join(REPOSITORY, 'bench', 'results')
const LATEST = path.join(RESULTS, 'latest.json')
/** No benchmark may take longer; one that does is ended and reported. */
const TIME_LIMIT_MS = 45 * 60_000

interface Options {
  readonly json?: string
  readonly list?: boolean
  readonly smoke?: boolean
  readonly publish?: boolean
  readonly full?: boolean
  readonly rounds: number
  readonly inside?: Size
}

const command = new Command('npm run bench --')
  .description('Measures parts and the whole of Lethe, beside what else there is (docs/benchmarks.md)')
  .argument('[names...]', 'benchmarks whose names start so; without any, the canonical ones')
  .option('--list', 'their names, and what each is about')
  .option('--full', 'the canonical ones in full, as those that are named: half an hour')
  .option('--rounds <number>', 'that a median is taken of', rounds, 5)
  .option('--json <file>', 'the results there as well as in bench/results/latest.json')
  .option('--publish', 'puts the results in bench/results/latest.json into docs/benchmarks.md, and runs nothing')
  .option('--smoke', 'the numbers of the tests, which say nothing')
  .helpOption('-h, --help', 'this')
  // One benchmark inside this process, its result on stdout: how the runner starts itself.
  .addOption(new Option('--inside <size>').hideHelp())
  .parse()
const options = command.opts<Options>()
const names = command.args
const size: Size = options.smoke ? 'smoke' : names.length === 0 && !options.full ? 'brief' : 'full'

function rounds(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It is a number from 1 up.')
  return value
}

function chosen(): Bench[] {
  const unknown = names.filter(name => !benches.some(bench => bench.name.startsWith(name)))
  if (unknown.length > 0) {
    process.stderr.write(`no benchmark is called ${unknown.join(', ')}; there are:\n`)
    process.stderr.write(benches.map(bench => `  ${bench.name}\n`).join(''))
    process.exit(1)
  }
  const wanted = (bench: Bench) => names.some(name => bench.name.startsWith(name))
  return benches.filter(bench => (names.length === 0 ? bench.onlyByName !== true : wanted(bench)))
}

/** Runs one benchmark in a process of its own, so that it finds neither the heap nor the types of another. */
async function runApart(bench: Bench): Promise<BenchResult> {
  const args = [
    '--expose-gc',
    '--max-old-space-size=8192',
    fileURLToPath(import.meta.url),
    '--inside',
    size,
    bench.name,
  ]
  args.push('--rounds', String(options.rounds))
  const core = bench.placement === 'server' ? { core: SERVER_CORE } : {}
  const output = await runProcess(process.execPath, args, {
    ...core,
    timeoutMs: TIME_LIMIT_MS,
    onError: chunk => process.stderr.write(chunk),
  })
  return JSON.parse(output.slice(output.lastIndexOf('\n{') + 1)) as BenchResult
}

async function runInside(bench: Bench, size: Size): Promise<void> {
  const result = await runBench(bench, {
    size,
    rounds: options.rounds,
    pinned: canPin(),
    resultsFolder: RESULTS,
  })
  process.stdout.write(`\n${JSON.stringify(result)}`)
}

async function runAll(): Promise<number> {
  const report: Report = {
    machine: describeMachine(REPOSITORY),
    date: new Date().toISOString(),
    results: [],
    failures: [],
  }
  const { machine } = report
  process.stdout.write(
    `${machine.processor}, ${machine.cores} cores, ${machine.kernel}, node ${machine.node}, ${machine.disk}, commit ${machine.commit}\n`,
  )
  process.stdout.write(`${speedText(machine)}\n`)
  if (!machine.pinned)
    process.stdout.write('Not pinned: needs two cores and taskset. Server and loader disturb each other.\n')
  fs.mkdirSync(RESULTS, { recursive: true })
  for (const bench of chosen()) {
    process.stderr.write(`${bench.name} …\n`)
    try {
      const parseNs = timeParse()
      const result = { ...(await runApart(bench)), commit: machine.commit, parseNs }
      report.results.push(result)
      process.stdout.write(`\n${resultText(result)}`)
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error)
      const reason = said.split('\n').find(line => /^\w*Error: /.test(line)) ?? said
      report.failures.push({ name: bench.name, reason })
      process.stdout.write(`\n${bench.name}: FAILED: ${reason}\n`)
    }
    // After each: whoever ends a run of half an hour keeps what it saw.
    fs.writeFileSync(LATEST, `${JSON.stringify(merged(report), null, 1)}\n`)
  }
  if (options.json !== undefined) fs.writeFileSync(options.json, `${JSON.stringify(report, null, 1)}\n`)
  return report.failures.length === 0 ? 0 : 1
}

/** A run replaces its benchmarks in the latest results and leaves the others of its size. */
function merged(report: Report): Report {
  if (!fs.existsSync(LATEST)) return report
  const old = JSON.parse(fs.readFileSync(LATEST, 'utf8')) as Report
  const kept = old.results.filter(result => result.size === size)
  return { ...report, results: mergeResults(kept, report.results) }
}

if (options.list) {
  for (const bench of benches) process.stdout.write(`${bench.name.padEnd(28)} ${bench.about}\n`)
} else if (options.inside) {
  await runInside(chosen()[0]!, options.inside).finally(stopShared)
  process.exit(0)
} else if (options.publish) {
  publish(JSON.parse(fs.readFileSync(LATEST, 'utf8')) as Report, REPOSITORY, RESULTS)
} else {
  process.exit(await runAll())
}
