// The same cases as on the machine (cases.test.ts), as emitted JavaScript: R4RS but for re-entrant continuations, which
// programs do not have, and depth, which is bounded in programs.
import t from 'tap'
import { LetheError } from '../../src/core/errors.js'
import { defaultLimits } from '../../src/core/limits.js'
import { atOnce } from '../../src/core/steps.js'
import { Agenda } from '../../src/query/agenda.js'
import { analyse } from '../../src/query/analysis.js'
import type { Core } from '../../src/query/core-form.js'
import { Emitter } from '../../src/query/emit-js.js'
import { theEvent } from '../../src/query/event-value.js'
import { readForms, standardLibrary } from '../../src/query/library.js'
import { Primitive } from '../../src/query/primitive.js'
import { written } from '../../src/query/printer.js'
import { Engine } from '../../src/query/program-runtime.js'
import { TopLevel } from '../../src/query/scope.js'
import { SymbolTable, unspecified, type Value } from '../../src/query/value.js'
import { readCases } from './case-file.js'

class PrintingEngine extends Engine {
  output = ''
  override display(text: string): void {
    this.output += text
  }
}

type Answer = { written?: string; error?: string; code?: string; output: string; fuel: number }

/** The value of a program's last form, by way of JavaScript. */
function evaluateEmitted(source: string, formsAStep = 1024): Answer {
  let last: Value = unspecified
  const keep = new Primitive({
    name: 'keep',
    signature: '(keep V)',
    doc: '',
    arity: [1, 1],
    run: (_, value) => (last = value),
  })
  const library = standardLibrary()
  const symbols = new SymbolTable(library.symbols)
  const engine = new PrintingEngine({ ...defaultLimits, maxProgramBytes: 1 << 26 }, symbols)
  try {
    const forms = atOnce(analyse(atOnce(readForms(source, new TopLevel(symbols, library.top), symbols))))
    const final = forms.pop()
    if (final !== undefined) {
      const kept: Core = { tag: 'primitive', primitive: keep, operands: [final], at: -1 }
      forms.push(final.tag === 'set-global' ? final : kept)
    }
    const core = {
      forms,
      onEvent: undefined,
      builtin: undefined,
      library: library.definitions.get.bind(library.definitions),
    }
    const { code, constants } = atOnce(new Emitter(core, engine, source, theEvent, new Agenda(formsAStep)).program())
    engine.begin(undefined, 50_000_000)
    ;(new Function('C', 'K', code)(engine, constants) as { load(): void }).load()
    return { written: written(last), output: engine.output, fuel: engine.fuel }
  } catch (error) {
    if (!(error instanceof LetheError)) throw error
    return { error: `${error.code} ${error.message}`, code: error.code, output: engine.output, fuel: engine.fuel }
  }
}

/** What programs have less of than queries. */
const lesser = (answer: Answer): boolean =>
  answer.code === 'continuation-gone' ||
  answer.code === 'not-in-programs' ||
  answer.code === 'step-limit' ||
  answer.code === 'memory-limit' ||
  answer.error?.includes('too deeply') === true ||
  answer.error?.includes('more than 10000 arguments') === true

const cases = readCases()
let skipped = 0

for (const file of new Set(cases.map(one => one.file))) {
  t.test(`every program of ${file} answers the same as JavaScript`, async t => {
    const wrong: string[] = []
    for (const one of cases.filter(other => other.file === file)) {
      // Memory is bounded by the machine and by the writer of answers; a program has neither. A cyclic value would be written for ever here.
      if (one.error?.startsWith('memory-limit')) {
        skipped++
        continue
      }
      const result = evaluateEmitted(one.program)
      if (lesser(result)) {
        skipped++
        continue
      }
      // Of errors the code: some instructions of the machine have words of their own.
      const found = result.written ?? result.code
      const expected = one.written ?? one.error?.split(' ')[0]
      if (found !== expected) wrong.push(`${one.program}\n   wanted ${expected}\n   got    ${found}`)
      if (one.output !== undefined && JSON.stringify(result.output).slice(1, -1) !== one.output) {
        wrong.push(`${one.program}\n   displayed ${JSON.stringify(result.output)}`)
      }
    }
    t.same(wrong, [])
  })
}

// Few programs are long enough to be cut, and where they are is chance: here all are, everywhere.
t.test('a program that is emitted in the shortest steps does what it does otherwise, for as much fuel', async t => {
  const wrong: string[] = []
  for (const { program, error } of cases) {
    if (error?.startsWith('memory-limit')) continue
    const whole = evaluateEmitted(program, 1e9)
    if (lesser(whole)) continue
    const wanted = JSON.stringify(whole)
    for (const formsAStep of [1, 7, 40]) {
      const got = JSON.stringify(evaluateEmitted(program, formsAStep))
      if (got !== wanted) wrong.push(`${program}\n   ${formsAStep} forms a step\n   wanted ${wanted}\n   got    ${got}`)
    }
  }
  t.same(wrong, [])
})

t.test('few cases are beyond programs', async t => {
  t.ok(skipped < 40, `${skipped} were passed over`)
})
