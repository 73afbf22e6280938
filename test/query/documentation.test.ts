// The documentation cannot lie: every example is run, over the world of world.ts.
import fs from 'node:fs'
import t from 'tap'
import { defaultLimits } from '../../src/core/limits.js'
import { documentation } from '../../src/query/documentation.js'
import { languagePage } from '../../src/query/documentation-page.js'
import { eventPrimitives } from '../../src/query/event-primitives.js'
import { standardLibrary } from '../../src/query/library.js'
import { loadProgram } from '../../src/query/program.js'
import { runOn } from './program-rig.js'
import { ask } from './world.js'

const ofPrograms = new Set(eventPrimitives.flatMap(group => group.primitives.map(primitive => primitive.name)))

for (const section of documentation()) {
  t.test(`examples of “${section.title}” answer what they say`, async t => {
    for (const { name, example } of section.entries) {
      if (example !== undefined && !ofPrograms.has(name)) t.equal(ask(example[0]), example[1], example[0])
    }
  })
}

t.test('examples of programs answer, or want, what they say', async t => {
  const event = { type: 'event', name: 'buy', user: 'ada', session: 's1', app: '1.2', props: { items: 3 } }
  const run = (body: string) => runOn(loadProgram(`(define (on-event e) ${body})`, defaultLimits), event)
  for (const { name, example } of eventPrimitives.flatMap(group => group.primitives)) {
    if (example === undefined) continue
    const [expression, wanted] = example
    const value = run(`(drop! (call-with-output-string (lambda (port) (write ${expression} port))))`)
    const effect = run(expression)[0] ?? 'nothing'
    t.ok(value[0] === `dropped ${wanted}` || effect === wanted, `${name}: ${value[0]}, ${effect}`)
  }
})

t.test('every procedure has a docstring', async t => {
  const documented = new Set(documentation().flatMap(section => section.entries.map(entry => entry.name)))
  const missing = [...standardLibrary().definitions.keys()]
    .map(variable => variable.name)
    .filter(name => !name.startsWith('%') && !documented.has(name))
  t.strictSame(missing, [])
})

t.test('no two procedures share a name', async t => {
  const names = documentation().flatMap(section => section.entries.map(entry => entry.name))
  t.strictSame(names, [...new Set(names)])
})

t.test('docs/language.md is what the docstrings make of it', async t => {
  // Compiled tests lie in some build folder: the page is looked for where the repository is.
  t.equal(fs.readFileSync('docs/language.md', 'utf8'), languagePage(), 'run node scripts/language-docs.mjs')
})
