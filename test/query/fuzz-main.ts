// `npm run fuzz -- --minutes M [--seed S]`: the fuzzer for as long as you like. Seeds follow one another, 10,000 programs each.
import { parseArgs } from 'node:util'
import { Fuzzer } from './fuzzer.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const end = performance.now() + Number(values.minutes) * 60_000
let programs = 0
let holes = 0
for (let seed = Number(values.seed); performance.now() < end; seed++) {
  const fuzzer = new Fuzzer(seed)
  while (fuzzer.count < 10_000 && performance.now() < end) fuzzer.next()
  programs += fuzzer.count
  holes += fuzzer.holes.length
  for (const hole of fuzzer.holes) console.log(`${hole}\n`)
  console.log(`seed ${seed}: ${fuzzer.count} programs, ${fuzzer.holes.length} holes`)
}
console.log(`${programs} programs, ${holes} holes`)
process.exitCode = holes === 0 ? 0 : 1
