// Every case of cases/*.scm, on the machine. The standard ones (r4rs-*.scm) were judged by Guile: see judge.ts.

import t from 'tap'
import { evaluate } from '../../src/cli/eval.js'
import { systemClock } from '../../src/core/clock.js'
import { LetheError } from '../../src/core/errors.js'
import { defaultLimits } from '../../src/core/limits.js'
import { Agenda } from '../../src/query/agenda.js'
import { answerText } from '../../src/query/answer.js'
import { compilingQuery, QueryRun } from '../../src/query/query.js'
import { readCases } from './case-file.js'

const cases = readCases()

t.test('there are many hundreds of cases', async t => {
  t.ok(cases.length > 1000, `${cases.length} cases`)
})

for (const file of new Set(cases.map(one => one.file))) {
  t.test(`every program of ${file} answers what is written there`, async t => {
    const wrong: string[] = []
    for (const one of cases.filter(other => other.file === file)) {
      const result = evaluate(one.program)
      const found = result.ok ? result.written : `${result.error.code} ${result.error.message}`
      const expected = one.written ?? one.error
      if (result.ok !== (one.written !== undefined) || found !== expected) {
        wrong.push(`${one.program}\n   wanted ${expected}\n   got    ${found}`)
      }
      if (one.output !== undefined && JSON.stringify(result.output).slice(1, -1) !== one.output) {
        wrong.push(`${one.program}\n   displayed ${JSON.stringify(result.output)}`)
      }
    }
    t.same(wrong, [])
  })
}

/** What a program answers, or fails with, that is compiled with so many forms a step. */
function answerOf(program: string, formsAStep: number): string {
  const limits = { ...defaultLimits, queryTimeMs: Number.POSITIVE_INFINITY }
  const run = new QueryRun(compilingQuery(program, {}, new Agenda(formsAStep)), undefined, limits, systemClock)
  run.step(Number.POSITIVE_INFINITY)
  const outcome = run.outcome!
  try {
    return answerText(outcome, 0, limits) + outcome.output
  } catch (error) {
    if (!(error instanceof LetheError)) throw error
    return `${error.code} ${error.message} ${JSON.stringify(error.details)} ${outcome.output}`
  }
}

// Few programs are long enough to be cut, and where they are is chance: here all are, everywhere.
t.test('a program that is compiled in the shortest steps does what it does otherwise', async t => {
  for (const formsAStep of [1, 7, 40]) {
    const wrong: string[] = []
    for (const { program } of cases) {
      const wanted = answerOf(program, 1e9)
      const got = answerOf(program, formsAStep)
      if (got !== wanted) wrong.push(`${program}\n   wanted ${wanted}\n   got    ${got}`)
    }
    t.same(wrong, [], `${formsAStep} forms a step`)
  }
})
