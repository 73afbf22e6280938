// Other Schemes, running the same programs. Each program defines `(run)`; what it answers is the checksum. Time is taken
// inside the peer, around `(run)`, so that neither its start nor Guile's compilation counts.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { findCommand, runProcess } from '../processes.js'

interface SchemeAnswer {
  readonly ms: number
  readonly value: string
}

export interface Scheme {
  readonly name: string
  /** Undefined, where it is installed; else how to get it. */
  readonly missing: string | undefined
  run(folder: string, source: string): Promise<SchemeAnswer>
}

const TIMEOUT_MS = 120_000

/** A Scheme that is a command: runs a file that prints the milliseconds and the value. */
function command(options: {
  name: string
  command: string
  args: readonly string[]
  howToGet: string
  before: string
  /** An expression for the milliseconds now. */
  now: string
}): Scheme {
  return {
    name: options.name,
    missing: findCommand(options.command) === undefined ? options.howToGet : undefined,
    async run(folder, source) {
      const file = path.join(folder, `${options.command}.scm`)
      const text = `${options.before}\n${source}
(define start-time ${options.now})
(define answer (run))
(define end-time ${options.now})
(newline) (display (- end-time start-time)) (newline) (write answer) (newline)\n`
      // Unchanged, the file keeps its time, and Guile its compiled form.
      if (!fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== text) fs.writeFileSync(file, text)
      const output = await runProcess(options.command, [...options.args, file], {
        timeoutMs: TIMEOUT_MS,
        env: { XDG_CACHE_HOME: folder, GUILE_AUTO_COMPILE: '1' },
      })
      const [ms, value] = output.trim().split('\n').slice(-2)
      return { ms: Number(ms), value: value ?? '' }
    },
  }
}

interface BiwaScheme {
  readonly Interpreter: new (
    onError: (error: Error) => void,
  ) => { evaluate(source: string, done: (value: unknown) => void): void }
  to_write(value: unknown): string
}

function biwascheme(): Scheme {
  const require = createRequire(import.meta.url)
  let library: BiwaScheme | undefined
  try {
    library = require('biwascheme') as BiwaScheme
  } catch {
    library = undefined
  }
  return {
    name: 'BiwaScheme',
    missing: library === undefined ? 'BiwaScheme is not installed (npm install --no-save biwascheme)' : undefined,
    run(_folder, source) {
      return new Promise((resolve, reject) => {
        const biwa = library!
        const interpreter = new biwa.Interpreter(reject)
        const text = `(define (sort-numbers numbers) (list-sort < numbers))\n${source}`
        interpreter.evaluate(text, () => {
          const start = performance.now()
          interpreter.evaluate('(run)', value => {
            resolve({ ms: performance.now() - start, value: biwa.to_write(value) })
          })
        })
      })
    },
  }
}

export const schemes: readonly Scheme[] = [
  command({
    name: 'Chicken csi',
    command: 'csi',
    args: ['-s'],
    howToGet: 'csi is not installed (Debian: apt-get install chicken-bin)',
    before: '(import (chicken sort) (chicken time))\n(define (sort-numbers numbers) (sort numbers <))',
    now: '(current-process-milliseconds)',
  }),
  command({
    name: 'Guile',
    command: 'guile',
    args: ['--no-debug', '-s'],
    howToGet: 'guile is not installed (Debian: apt-get install guile-3.0)',
    before: '(define (sort-numbers numbers) (sort numbers <))',
    now: '(/ (get-internal-real-time) (/ internal-time-units-per-second 1000.))',
  }),
  biwascheme(),
]
