// `npm run torture -- --rounds R [--seed S] [--customers C] [--clients K] [--batches B]`: kills a real node R times under traffic.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { anySeed, command, numberOption } from '../options.js'
import { torture } from './torture.js'

const values = command('torture', 'Kills a node in the midst of load, again and again, and counts what it has')
  .option('--rounds <number>', 'how often it is killed', numberOption, 100)
  .option('--seed <number>', 'of all that is chosen at random', numberOption, anySeed())
  .option('--customers <number>', 'who send events', numberOption, 8)
  .option('--clients <number>', 'of each customer', numberOption, 2)
  .option('--batches <number>', 'that each client sends in a round', numberOption, 60)
  .parse()
  .opts<{ rounds: number; seed: number; customers: number; clients: number; batches: number }>()
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lethe-torture-'))
const started = performance.now()
const report = await torture({
  folder,
  seed: values.seed,
  rounds: values.rounds,
  customers: values.customers,
  clientsEach: values.clients,
  batchesPerRound: values.batches,
  countEvery: 20,
  told: line => console.log(line),
})
console.log(JSON.stringify({ ...report, seconds: Math.round((performance.now() - started) / 1000) }, undefined, 2))
if (report.differences.length > 0) {
  console.log(`the data is kept in ${folder}`)
  process.exitCode = 1
} else fs.rmSync(folder, { recursive: true })
