// Mutants of the cases: tokens replaced, dropped, swapped between programs, bytes cut out. Whatever they are, the language
// answers with a value or a LetheError, soon; anything else thrown is a hole in it.

import t from 'tap'
import { evaluate } from '../../src/cli/eval.js'
import { defaultLimits } from '../../src/core/limits.js'
import { type Random, seededRandom } from '../../src/core/random.js'
import { readCases } from './case-file.js'

const PROGRAMS = 5_000
const limits = { ...defaultLimits, maxQuerySteps: 20_000, maxQueryHeapBytes: 2 << 20 }
const tokensOf = (program: string): string[] => program.match(/[()'`,]|"[^"]*"|[^\s()'`,"]+/g) ?? ['x']

function mutant(random: Random, programs: readonly string[], tokens: readonly string[]): string {
  const below = (n: number): number => Math.floor(random.fraction() * n)
  const program = programs[below(programs.length)]!
  const parts = tokensOf(program)
  switch (below(4)) {
    case 0:
      for (let i = below(3); i >= 0; i--) parts[below(parts.length)] = tokens[below(tokens.length)]!
      return parts.join(' ')
    case 1: {
      const from = below(program.length)
      return program.slice(0, from) + program.slice(from + below(40))
    }
    case 2: {
      const other = programs[below(programs.length)]!
      return program.slice(0, below(program.length)) + other.slice(below(other.length))
    }
    default:
      parts.splice(below(parts.length), 1 + below(2))
      return parts.join(' ')
  }
}

t.test('no mutant of a program ends in an exception of the host', async t => {
  const seed = Number(process.env['FUZZ_SEED'] ?? 1)
  const random = seededRandom(seed)
  const programs = readCases()
    .map(one => one.program)
    .filter(program => program.length < 400)
  const tokens = programs.flatMap(tokensOf)
  const holes: string[] = []
  for (let i = 0; i < PROGRAMS; i++) {
    const program = mutant(random, programs, tokens)
    try {
      evaluate(program, limits)
    } catch (error) {
      holes.push(`seed ${seed}, program ${i}: ${program}\n${(error as Error).stack}`)
    }
  }
  t.same(holes, [])
})
