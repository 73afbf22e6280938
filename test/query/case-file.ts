// Cases as data: `cases/*.scm`. Blank lines part cases; a case is a program and what comes of it:
//
//     (display "x") (+ 1 2)
//     ; => 3              what `write` prints for the last value
//     ; "> x              what was displayed, as JSON without the quotes (only where given)
//     ; !> code message   instead: the error it ends with

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface Case {
  readonly file: string
  readonly program: string
  readonly written: string | undefined
  readonly output: string | undefined
  readonly error: string | undefined
}

/** The folder as it lies in the source tree: tests run from `build/test/query` or another build folder. */
const folders = ['./cases/', '../../../test/query/cases/']

function caseFolder(): string {
  for (const folder of folders) {
    const path = fileURLToPath(new URL(folder, import.meta.url))
    try {
      readdirSync(path)
      return path
    } catch {
      // Not there: the next one.
    }
  }
  return `${process.cwd()}/test/query/cases/`
}

export function readCases(): Case[] {
  const folder = caseFolder()
  return readdirSync(folder)
    .filter(name => name.endsWith('.scm'))
    .sort()
    .flatMap(name => parse(name, readFileSync(folder + name, 'utf8')))
}

function parse(file: string, text: string): Case[] {
  const cases: Case[] = []
  for (const chunk of text.split(/\n\s*\n/)) {
    const lines = chunk.split('\n')
    const after = (mark: string): string | undefined => lines.find(line => line.startsWith(mark))?.slice(mark.length)
    const written = after('; => ')
    const error = after('; !> ')
    if (written === undefined && error === undefined) continue
    const program = lines.filter(line => !/^; (?:=>|!>|">) /.test(line)).join('\n')
    cases.push({ file, program, written, error, output: after('; "> ') })
  }
  return cases
}
