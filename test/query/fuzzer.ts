// The fuzzer: programs from a grammar and mutants of valid ones, and what must hold of each, whatever it is.
//
//   a query     ends with a value or a LetheError, never another exception; stays within its steps and its memory, and within
//               a time that fits them; names no host path; and, stopped after every few instructions, ends the same
//   a program   does the same as emitted JavaScript and on the machine
//
// Programs are numbered; a seed and a number say which.
import { systemClock } from '../../src/core/clock.js'
import { LetheError } from '../../src/core/errors.js'
import { defaultLimits } from '../../src/core/limits.js'
import { type Random, seededRandom } from '../../src/core/random.js'
import { answerJson, answerText } from '../../src/query/answer.js'
import { loadProgram } from '../../src/query/program.js'
import { type CompiledQuery, compileQuery, QueryRun } from '../../src/query/query.js'
import { Grammar, smaller, type Tree, textOf } from './fuzz-grammar.js'
import { Mutants } from './fuzz-mutants.js'
import { runOnMachine } from './program-machine.js'
import { runOn } from './program-rig.js'

const limits = { ...defaultLimits, maxQuerySteps: 20_000, maxQueryHeapBytes: 2 << 20, queryTimeMs: 60_000 }
/** What one primitive may do, or hold, before the machine notices: a stretch of a resumable one, a piece of memory. */
const STEPS_SLACK = 60_000
const HEAP_SLACK = 1.3 * limits.maxQueryHeapBytes
/** CPU time of 20,000 steps, twice: a hundred times what they take, for collectors and compilers at work. */
const MAX_CPU_MS = 1_500

const event = { type: 'event', name: 'buy', user: 'ada', session: 's1', app: '1.2', value: 3, tags: { plan: 'pro' } }

// What one back end may say and the other need not: bounds are counted in different units, and so is what a program may
// change of what was there before.
const BOUNDS = /^failed (step-limit|memory-limit|frozen|continuation-gone|out-of-range|too-large|no-output)/

const HOST = /node:|node_modules|\.js\b|\.ts\b|\/home\/|\/tmp\/|undefined is|is not a function|Cannot read|\[object/

interface Ended {
  readonly text: string
  readonly steps: number
}

function compiled(source: string): CompiledQuery | undefined {
  try {
    return compileQuery(source)
  } catch (error) {
    if (!(error instanceof LetheError)) throw error
    checkMessage(error)
    return undefined
  }
}

/** Runs a query in slices of `slice()` steps; throws an Error that says what did not hold. */
function ended(query: CompiledQuery, slice: () => number): Ended {
  const { machine } = new QueryRun(query, undefined, limits, systemClock)
  const mostHeap = limits.maxQueryHeapBytes + HEAP_SLACK
  try {
    while (!machine.done) {
      machine.step(slice())
      if (machine.waiting) throw new Error('a query without data waits')
      if (machine.heapBytes > mostHeap) throw new Error(`${machine.heapBytes} bytes are held`)
    }
  } catch (error) {
    if (!(error instanceof LetheError)) throw error
    checkMessage(error)
    if (machine.steps > limits.maxQuerySteps + STEPS_SLACK) throw new Error(`${machine.steps} steps were taken`)
    // Steps since the last slice are not told of what ends in an error.
    return { text: `${error.code}: ${error.message}`, steps: -1 }
  }
  const outcome = { ok: true as const, value: machine.value, output: machine.output, steps: machine.steps }
  try {
    const json = answerJson(outcome, 0, limits)
    JSON.parse(json)
    return { text: `${answerText(outcome, 0, limits)}${outcome.output}`, steps: machine.steps }
  } catch (error) {
    if (!(error instanceof LetheError)) throw error
    return { text: `${error.code}: ${error.message}`, steps: machine.steps }
  }
}

function checkMessage(error: LetheError): void {
  if (HOST.test(error.message)) throw new Error(`the message names the host: ${error.message}`)
  if (error.status !== 400 && error.status !== 413 && error.status !== 422)
    throw new Error(`status ${error.status}: ${error.message}`)
}

/** What did not hold of a query, or undefined. `random` says where it is stopped in between. */
function holeOfQuery(source: string, random: Random, isSure = false): string | undefined {
  const wall = performance.now()
  const cpu = isSure ? process.cpuUsage() : undefined
  try {
    const query = compiled(source)
    if (query === undefined) return undefined
    const whole = ended(query, () => 1_000_000)
    const sliced = ended(query, () => 1 + Math.floor(random.fraction() * 60))
    if (whole.text !== sliced.text) return `in slices it answers ${sliced.text}, and else ${whole.text}`
    if (whole.steps !== sliced.steps) return `in slices it takes ${sliced.steps} steps, and else ${whole.steps}`
    if (performance.now() - wall < MAX_CPU_MS) return undefined
    // Slow, or the machine is busy: only then is it worth to ask the system.
    if (cpu === undefined) return holeOfQuery(source, random, true)
    const { user, system } = process.cpuUsage(cpu)
    return (user + system) / 1000 > MAX_CPU_MS ? `it took ${(user + system) / 1000} ms of CPU` : undefined
  } catch (error) {
    return (error as Error).stack ?? String(error)
  }
}

const programOf = (body: string): string =>
  `(define z 7) (define __proto__ '(1 2)) (define (on-event e) (let ((x 1) (y "yes") (u (field e 'user))) (bump! "r" (call-with-output-string (lambda (port) (write ${body} port))))))`

const queryOf = (body: string): string => `(define x 1) (define y "yes") (define z '(1 2 3)) (define u 'ada) ${body}`

function emitted(source: string): string[] {
  try {
    return runOn(loadProgram(source, defaultLimits), event).map(line =>
      line.startsWith('failed') ? line.split(':')[0]! : line,
    )
  } catch (error) {
    if (error instanceof LetheError) return [`failed ${error.code}`]
    throw error
  }
}

function onMachine(source: string): string[] {
  try {
    return runOnMachine(source, event)
  } catch (error) {
    if (error instanceof LetheError) return [`failed ${error.code}`]
    throw error
  }
}

/** What did not hold of a program, or undefined. */
function holeOfProgram(source: string): string | undefined {
  try {
    const one = emitted(source)
    const other = onMachine(source)
    if (BOUNDS.test(one[0] ?? '') || BOUNDS.test(other[0] ?? '')) return undefined
    if (JSON.stringify(one) === JSON.stringify(other)) return undefined
    return `emitted:\n${one.join('\n')}\non the machine:\n${other.join('\n')}`
  } catch (error) {
    return (error as Error).stack ?? String(error)
  }
}

/** The smallest tree, by leaving out parts one by one, of which something still does not hold. */
function smallest(tree: Tree, holeOf: (tree: Tree) => string | undefined): Tree {
  for (let tries = 2_000; ; ) {
    let found: Tree | undefined
    for (const candidate of smaller(tree)) {
      if (textOf(candidate).length >= textOf(tree).length) continue
      if (tries-- < 0) return tree
      if (holeOf(candidate) === undefined) continue
      found = candidate
      break
    }
    if (found === undefined) return tree
    tree = found
  }
}

export class Fuzzer {
  /** What was found, with what it takes to see it again. */
  readonly holes: string[] = []
  count = 0
  readonly kinds = { mutants: 0, queries: 0, programs: 0 }

  private readonly random: Random
  private readonly mutants: Mutants
  private readonly queries: Grammar
  private readonly programs: Grammar

  constructor(readonly seed: number) {
    this.random = seededRandom(seed)
    this.mutants = new Mutants(this.random)
    this.queries = new Grammar(this.random, 'query')
    this.programs = new Grammar(this.random, 'both')
  }

  /** Makes up one program and tries it. */
  next(): void {
    const kind = this.count++ % 10
    if (kind < 4) {
      this.kinds.mutants++
      const source = this.mutants.next()
      this.note(holeOfQuery(source, this.random), source)
    } else if (kind < 8) {
      this.kinds.queries++
      const tree = this.queries.expression(4)
      // A stream of its own, so that cutting down changes nothing that comes after.
      const holeOf = (part: Tree) => holeOfQuery(queryOf(textOf(part)), seededRandom(this.count))
      if (holeOf(tree) !== undefined) this.noteTree(tree, holeOf, queryOf)
    } else {
      this.kinds.programs++
      const tree = this.programs.expression(4)
      const holeOf = (part: Tree) => holeOfProgram(programOf(textOf(part)))
      if (holeOf(tree) !== undefined) this.noteTree(tree, holeOf, programOf)
    }
  }

  private noteTree(tree: Tree, holeOf: (tree: Tree) => string | undefined, whole: (body: string) => string): void {
    const least = smallest(tree, holeOf)
    this.note(holeOf(least), whole(textOf(least)))
  }

  private note(hole: string | undefined, source: string): void {
    if (hole !== undefined) this.holes.push(`seed ${this.seed}, program ${this.count - 1}: ${source}\n${hole}`)
  }
}
