// `npm run fuzz -- --minutes M [--seed S]`: the fuzzer for as long as you like. Seeds follow one another, 10,000 programs each.
import { anySeed, command, numberOption } from '../options.js'
import { Fuzzer } from './fuzzer.js'

const values = command('fuzz', 'Runs programs made at random, and looks for those that break a promise of the language')
  .option('--minutes <number>', 'how long', numberOption, 1)
  .option('--seed <number>', 'the first; 10,000 programs each', numberOption, anySeed())
  .parse()
  .opts<{ minutes: number; seed: number }>()
const end = performance.now() + values.minutes * 60_000
let programs = 0
let holes = 0
for (let seed = values.seed; performance.now() < end; seed++) {
  const fuzzer = new Fuzzer(seed)
  while (fuzzer.count < 10_000 && performance.now() < end) fuzzer.next()
  programs += fuzzer.count
  holes += fuzzer.holes.length
  for (const hole of fuzzer.holes) console.log(`${hole}\n`)
  console.log(`seed ${seed}: ${fuzzer.count} programs, ${fuzzer.holes.length} holes`)
}
console.log(`${programs} programs, ${holes} holes`)
process.exitCode = holes === 0 ? 0 : 1
