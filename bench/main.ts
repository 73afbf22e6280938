// `npm run bench`: runs benchmarks by name, each in a process of its own, prints what was seen and writes it down.
//
//   npm run bench                    the canonical benchmarks (a quarter of an hour)
//   npm run bench -- hll/add http    those whose name starts so
//   npm run bench -- --list          their names
//   npm run bench -- --json FILE     the results there as well as in bench/results/latest.json
//   npm run bench -- --publish       docs/benchmarks.md and its plots from the results in bench/results/latest.json
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Bench, type BenchResult, runBench } from './bench.js'
import { describeMachine } from './machine.js'
import { canPin, runProcess, SERVER_CORE } from './processes.js'
import { benches } from './registry.js'
import { type Report, resultText, speedText, writeDocument } from './report.js'
import { stopShared } from './suites/servers.js'

const BUILT = path.dirname(fileURLToPath(import.meta.url))
const REPOSITORY = path.resolve(BUILT, '../..')
const RESULTS = path.join(REPOSITORY, 'bench', 'results')
const LATEST = path.join(RESULTS, 'latest.json')
/** No benchmark may take longer; one that does is ended and reported. */
const TIME_LIMIT_MS = 45 * 60_000

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    list: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    publish: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    // One benchmark inside this process, its result on stdout: how the runner starts itself.
    inside: { type: 'boolean', default: false },
  },
})

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
  const args = ['--expose-gc', '--max-old-space-size=8192', fileURLToPath(import.meta.url), '--inside', bench.name]
  args.push('--rounds', options.rounds)
  if (options.smoke) args.push('--smoke')
  const core = bench.placement === 'server' ? { core: SERVER_CORE } : {}
  const output = await runProcess(process.execPath, args, {
    ...core,
    timeoutMs: TIME_LIMIT_MS,
    onError: chunk => process.stderr.write(chunk),
  })
  return JSON.parse(output.slice(output.lastIndexOf('\n{') + 1)) as BenchResult
}

async function runInside(bench: Bench): Promise<void> {
  const result = await runBench(bench, {
    smoke: options.smoke,
    rounds: Number(options.rounds),
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
  for (const bench of chosen()) {
    process.stderr.write(`${bench.name} …\n`)
    try {
      const result = await runApart(bench)
      report.results.push(result)
      process.stdout.write(`\n${resultText(result)}`)
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error)
      const reason = said.split('\n').find(line => /^\w*Error: /.test(line)) ?? said
      report.failures.push({ name: bench.name, reason })
      process.stdout.write(`\n${bench.name}: FAILED: ${reason}\n`)
    }
  }
  fs.mkdirSync(RESULTS, { recursive: true })
  const text = `${JSON.stringify(merged(report), null, 1)}\n`
  fs.writeFileSync(LATEST, text)
  if (options.json !== undefined) fs.writeFileSync(options.json, `${JSON.stringify(report, null, 1)}\n`)
  return report.failures.length === 0 ? 0 : 1
}

/** A run replaces its benchmarks in the latest results and leaves the others, unless it was a smoke run. */
function merged(report: Report): Report {
  if (!fs.existsSync(LATEST)) return report
  const old = JSON.parse(fs.readFileSync(LATEST, 'utf8')) as Report
  const fresh = new Set([...report.results, ...report.failures].map(result => result.name))
  const kept = old.results.filter(result => !fresh.has(result.name) && result.smoke === options.smoke)
  const order = benches.map(bench => bench.name)
  const results = [...kept, ...report.results].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
  return { ...report, results }
}

if (options.list) {
  for (const bench of benches) process.stdout.write(`${bench.name.padEnd(28)} ${bench.about}\n`)
} else if (options.inside) {
  await runInside(chosen()[0]!).finally(stopShared)
  process.exit(0)
} else if (options.publish) {
  writeDocument(JSON.parse(fs.readFileSync(LATEST, 'utf8')) as Report, REPOSITORY, RESULTS)
} else {
  process.exit(await runAll())
}
