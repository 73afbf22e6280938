// The language: small programs that everybody times, on our virtual machine, beside Chicken's interpreter, Guile's compiler and
// virtual machine, and BiwaScheme, in the same run.
import { systemClock } from '../../src/core/clock.js'
import { defaultLimits } from '../../src/core/limits.js'
import { answerText } from '../../src/query/answer.js'
import { compileProgram } from '../../src/query/program.js'
import { type CompiledQuery, compileQuery, QueryRun } from '../../src/query/query.js'
import { Effects } from '../../src/tables/effects.js'
import { decodeEvents, emptyState } from '../batches.js'
import type { Bench, Measuring } from '../bench.js'
import { type Scheme, schemes } from '../peers/schemes.js'
import { type LanguageProgram, languagePrograms } from './language-programs.js'

const OURS = 'Lethe'
const WARM_MS = 500

function contestants(b: Measuring): Scheme[] {
  for (const scheme of schemes) if (scheme.missing !== undefined) b.note(scheme.missing)
  const present = schemes.filter(scheme => scheme.missing === undefined)
  // The tests have seconds for everything: there, one that starts no process.
  return b.smoke ? present.filter(scheme => scheme.name === 'BiwaScheme') : present
}

/** Runs a query to its end as an actor would, in slices of a millisecond. */
function runQuery(query: CompiledQuery): { ms: number; value: string } {
  const limits = { ...defaultLimits, queryTimeMs: 120_000 }
  const start = performance.now()
  const run = new QueryRun(query, undefined, limits, systemClock)
  while (!run.step(systemClock.monotonicMs() + 1)) {}
  const ms = performance.now() - start
  const outcome = run.outcome!
  if (!outcome.ok) throw outcome.error
  return { ms, value: answerText(outcome, ms, limits).trim() }
}

async function timeProgram(b: Measuring, program: LanguageProgram): Promise<void> {
  const size = b.parameter('size', program.smoke, program.full)
  const source = program.source(size)
  const folder = b.folder()
  const ours = compileQuery(`(define (sort-numbers numbers) (sort numbers <))\n${source}\n(run)`)
  let expected: string | undefined
  // V8 compiles both that run in this process while they run: the slower one is warm after its first round, and we are
  // given as long. The others are processes, which have run once before they are measured.
  const warm = performance.now() + (b.smoke ? 0 : WARM_MS)
  while (performance.now() < warm) runQuery(ours)
  for (let round = b.smoke ? 0 : -1; round < b.rounds; round++) {
    const own = runQuery(ours)
    b.checksum(OURS, own.value)
    if (round >= 0) b.sample(OURS, 'ms', own.ms)
    expected ??= own.value
    for (const scheme of contestants(b)) {
      const answer = await scheme.run(folder, source)
      b.checksum(scheme.name, answer.value)
      expected ??= answer.value
      if (answer.value !== expected) throw new Error(`${scheme.name} answers ${answer.value}, not ${expected}`)
      if (round >= 0) b.sample(scheme.name, 'ms', answer.ms)
    }
  }
  const faster = b.ratio('BiwaScheme : Lethe', 'BiwaScheme', OURS, 'ms')
  b.aim(`${program.name}, times as fast as BiwaScheme`, faster, 'at least', 10)
  const slower = b.ratio('Lethe : Chicken csi', OURS, 'Chicken csi', 'ms')
  if (program.loop === true) b.aim(`${program.name}, times as long as Chicken's csi`, slower, 'at most', 5)
}

/** Programs for events become JavaScript: what that leaves over what a person would write. */
async function emitted(b: Measuring): Promise<void> {
  const n = b.parameter('fib of', 10, 27)
  const limits = { ...defaultLimits, maxProgramSteps: 2 ** 30 }
  const source = `(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(define (on-event e) (bump! "fib" "" (fib (if (equal? (field e 'app) "9.9.9") ${n} 5))))`
  const program = compileProgram(source, limits)
  // The samples that check a program do not bear this version.
  const real = decodeEvents([{ type: 'event', name: 'fib', app: '9.9.9' }])
  const effects = new Effects()
  effects.begin(real, program.declared, emptyState(0).sessions)
  program.begin(real, effects)
  const byHand = (k: number): number => (k < 2 ? k : byHand(k - 1) + byHand(k - 2))
  await b.contest(1, [
    {
      name: 'emitted from Scheme',
      run: () => {
        effects.clear()
        program.run(0)
        return effects.amounts[0]!
      },
    },
    { name: 'JavaScript by hand', run: () => byHand(n) },
  ])
  const ratio = b.ratio('emitted : by hand', 'emitted from Scheme', 'JavaScript by hand', 'ns')
  b.aim('emitted code, fib, times as long as JavaScript by hand', ratio, 'at most', 3)
}

/** Programs at which a peer takes seconds a round. */
const LONG = new Set(['fib', 'loop', 'sort', 'assoc'])

export const languageBenches: readonly Bench[] = [
  ...languagePrograms.map(program => ({
    name: `language/${program.name}`,
    about: `the program "${program.name}" in Schemes${LONG.has(program.name) ? '; runs only when it is named' : ''}`,
    placement: 'server' as const,
    onlyByName: LONG.has(program.name),
    run: (b: Measuring) => timeProgram(b, program),
  })),
  {
    name: 'language/emitted',
    about: 'fib as a program for events, which is emitted as JavaScript, and by hand',
    placement: 'server',
    run: emitted,
  },
]
