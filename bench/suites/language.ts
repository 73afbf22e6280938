// The language: small programs that everybody times, on our machine, beside Chicken's interpreter, Guile's compiler and
// virtual machine, and BiwaScheme, in the same run.
import type { Bench, Measuring } from '../bench.js'
import { type Scheme, schemes } from '../peers/schemes.js'
import { type LanguageProgram, languagePrograms } from './language-programs.js'

function contestants(b: Measuring): Scheme[] {
  for (const scheme of schemes) if (scheme.missing !== undefined) b.note(scheme.missing)
  const present = schemes.filter(scheme => scheme.missing === undefined)
  // The tests have seconds for everything: there, one that starts no process.
  return b.smoke ? present.filter(scheme => scheme.name === 'BiwaScheme') : present
}

async function timeProgram(b: Measuring, program: LanguageProgram): Promise<void> {
  const size = b.parameter('size', program.smoke, program.full)
  const source = program.source(size)
  const folder = b.folder()
  let expected: string | undefined
  for (let round = b.smoke ? 0 : -1; round < b.rounds; round++) {
    for (const scheme of contestants(b)) {
      // The slowest, in this process: seconds a round are warm enough.
      if (round < 0 && scheme.name === 'BiwaScheme') continue
      const answer = await scheme.run(folder, source)
      b.checksum(scheme.name, answer.value)
      expected ??= answer.value
      if (answer.value !== expected) throw new Error(`${scheme.name} answers ${answer.value}, not ${expected}`)
      if (round >= 0) b.sample(scheme.name, 'ms', answer.ms)
    }
  }
}

export const languageBenches: readonly Bench[] = languagePrograms.map(program => ({
  name: `language/${program.name}`,
  about: `the program "${program.name}" in Schemes`,
  placement: 'server' as const,
  run: (b: Measuring) => timeProgram(b, program),
}))
