// `npm run torture -- --rounds R [--seed S] [--customers C] [--clients K] [--batches B]`: kills a real node R times under traffic.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { torture } from './torture.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    customers: { type: 'string', default: '8' },
    clients: { type: 'string', default: '2' },
    batches: { type: 'string', default: '60' },
  },
})
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lethe-torture-'))
const started = performance.now()
const report = await torture({
  folder,
  seed: Number(values.seed),
  rounds: Number(values.rounds),
  customers: Number(values.customers),
  clientsEach: Number(values.clients),
  batchesPerRound: Number(values.batches),
  countEvery: 20,
  told: line => console.log(line),
})
console.log(JSON.stringify({ ...report, seconds: Math.round((performance.now() - started) / 1000) }, undefined, 2))
if (report.differences.length > 0) {
  console.log(`the data is kept in ${folder}`)
  process.exitCode = 1
} else fs.rmSync(folder, { recursive: true })
