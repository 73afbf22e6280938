// Every case of cases/*.scm, on the machine. The standard ones (r4rs-*.scm) were judged by Guile: see judge.ts.

import t from 'tap'
import { evaluate } from '../../src/cli/eval.js'
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
