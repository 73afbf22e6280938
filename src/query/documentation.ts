// Docstrings: what every procedure is called with, what it answers, and an example, which the tests run.
//
// For primitives they are part of the definition (primitive.ts). For what is written in Scheme they stand in the comment
// right above the definition:
//
//     ;; (stickiness [DAY])                                  how it is called
//     ;; How much of a month's users a day sees: …           what it answers
//     ;; (stickiness) => 0.75                                an example, maybe over several lines
//     (define (stickiness . day)
//
// A line `;;; ——— Title` begins a section. The REPL's `,help` and docs/language.md show the same.

import { readFileSync } from 'node:fs'
import { eventPrimitives } from './event-primitives.js'
import { primitiveGroups } from './library.js'

export interface Docstring {
  readonly name: string
  readonly signature: string
  readonly doc: string
  readonly example: readonly [expression: string, written: string] | undefined
}

export interface Section {
  readonly title: string
  readonly entries: readonly Docstring[]
}

/** Reads the docstrings of a Scheme source. Definitions without one are left out. */
function docstringsOf(source: string, title: string): Section[] {
  const sections: { title: string; entries: Docstring[] }[] = [{ title, entries: [] }]
  let comment: string[] = []
  for (const line of source.split('\n')) {
    const heading = /^;+ ——— (.*)$/.exec(line)
    if (heading !== null) sections.push({ title: `${title}: ${heading[1]!.toLowerCase()}`, entries: [] })
    else if (line.startsWith(';; ')) comment.push(line.slice(3))
    else {
      const definition = /^\(define \(?([^ ()]+)/.exec(line)
      if (definition !== null && !definition[1]!.startsWith('%')) {
        const entry = docstring(definition[1]!, comment)
        if (entry !== undefined) sections[sections.length - 1]!.entries.push(entry)
      }
      comment = []
    }
  }
  return sections.filter(section => section.entries.length > 0)
}

function docstring(name: string, comment: readonly string[]): Docstring | undefined {
  const [signature, ...rest] = comment
  if (signature === undefined || !(signature.startsWith(`(${name} `) || signature === `(${name})`)) return undefined
  const exampleAt = rest.findIndex(line => line.startsWith('('))
  const doc = (exampleAt < 0 ? rest : rest.slice(0, exampleAt)).join(' ')
  const [expression, written] = exampleAt < 0 ? [] : rest.slice(exampleAt).join(' ').split(' => ')
  const example = expression === undefined || written === undefined ? undefined : ([expression, written] as const)
  return { name, signature, doc, example }
}

const schemeSource = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')

let sections: readonly Section[] | undefined

/** Everything that has a docstring, by section: the standard library, the data, the measures, and what programs have. */
export function documentation(): readonly Section[] {
  sections ??= [
    ...primitiveGroups.map(group => ({
      title: group.title,
      entries: group.primitives
        .filter(primitive => !primitive.name.startsWith('%'))
        .map(({ name, signature, doc, example }) => ({ name, signature, doc, example })),
    })),
    ...docstringsOf(schemeSource('library.scm'), 'Procedures that call procedures'),
    ...docstringsOf(schemeSource('prelude.scm'), 'Measures'),
    ...eventPrimitives.map(group => ({
      title: group.title,
      entries: group.primitives.map(({ name, signature, doc, example }) => ({ name, signature, doc, example })),
    })),
  ]
  return sections
}

/** The docstring of a name. */
export function docstringFor(name: string): Docstring | undefined {
  for (const section of documentation()) {
    const found = section.entries.find(entry => entry.name === name)
    if (found !== undefined) return found
  }
  return undefined
}
