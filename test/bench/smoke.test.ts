// Every benchmark with its small numbers, so that none can rot; and that none leaves anything behind.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { runBench } from '../../bench/bench.js'
import { benches } from '../../bench/registry.js'
import { resultText } from '../../bench/report.js'
import { stopShared } from '../../bench/suites/servers.js'

// Not below this checkout: the path of a Unix socket must stay under 108 bytes.
const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'lethe-bench-test-'))
t.teardown(async () => {
  await stopShared()
  fs.rmSync(temporary, { recursive: true, force: true })
})
process.env['LETHE_BENCH_FOLDER'] = temporary

t.setTimeout(240_000)

t.test('names of benchmarks differ', async t => {
  t.equal(new Set(benches.map(bench => bench.name)).size, benches.length)
})

for (const bench of benches) {
  t.test(`${bench.name} runs with its small numbers`, async t => {
    const results = path.join(os.tmpdir(), `lethe-bench-results-${process.pid}`)
    t.teardown(() => fs.rmSync(results, { recursive: true, force: true }))
    const result = await runBench(bench, { size: 'smoke', rounds: 1, pinned: false, resultsFolder: results })
    t.ok(result.rows.length > 0 || result.notes.length > 0, 'it measured something, or says why it could not')
    for (const row of result.rows)
      for (const [metric, samples] of Object.entries(row.metrics))
        t.ok(samples.every(Number.isFinite), `${row.name}: ${metric} is a number`)
    for (const plot of result.plots) t.match(fs.readFileSync(path.join(results, plot), 'utf8'), /^<svg .*<\/svg>\n$/s)
    t.match(resultText(result), bench.name)
    t.same(fs.readdirSync(temporary), [], 'its folders are gone')
  })
}
