// From a program's text to core form, in the top level that programs see: the standard library without what reads tables,
// prints or knows the time, and the procedures of event-primitives.ts.
//
// Two layers of sealed names, so that a program may use any name for itself:
//
//     the program's own  →  events (field, bump!, …)  →  the standard library

import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { analyse } from './analysis.js'
import { type Core, GlobalVariable } from './core-form.js'
import type { ProgramCore } from './emit-plan.js'
import { childrenOf } from './emit-plan.js'
import { eventPrimitives } from './event-primitives.js'
import { Expander } from './expander.js'
import { Primitive } from './primitive.js'
import { definitionOf, specialForms, standardTop } from './program-library.js'
import { Reader } from './reader.js'
import { TopLevel } from './scope.js'
import { placeOf, syntaxError } from './source.js'
import { endOfFile, librarySymbols, SymbolTable } from './value.js'

let events: TopLevel | undefined

/** The top level that programs stand on. */
export function eventTop(): TopLevel {
  if (events !== undefined) return events
  events = new TopLevel(librarySymbols, standardTop())
  for (const group of eventPrimitives) {
    for (const definition of group.primitives) {
      const variable = new GlobalVariable(definition.name, undefined, true, new Primitive(definition))
      variable.defined = true
      events.bind(librarySymbols.intern(definition.name), variable)
    }
  }
  return events
}

/** A program in core form, and the symbols it uses. */
export interface ReadProgram extends ProgramCore {
  readonly symbols: SymbolTable
  readonly top: TopLevel
}

/** Reads and expands a program. Throws LetheError, status 400, with line and column. */
export function readProgram(source: string, limits: Limits, builtin?: ProgramCore): ReadProgram {
  if (Buffer.byteLength(source) > limits.maxProgramSourceBytes) {
    throw new LetheError('too-large', `a program may have ${limits.maxProgramSourceBytes} bytes`, 413)
  }
  const symbols = new SymbolTable(librarySymbols)
  const top = new TopLevel(symbols, eventTop())
  const reader = new Reader(source, symbols, limits.maxNestingDepth)
  const expander = new Expander(source, top, specialForms(), limits.maxNestingDepth)
  const expanded: Core[] = []
  for (;;) {
    const at = reader.skip()
    const form = reader.read()
    if (form === endOfFile) break
    expanded.push(...expander.expandTop(form, at))
  }
  const forms = analyse(expanded)
  const onEvent = top.variables.find(variable => variable.name === 'on-event' && variable.defined)
  if (onEvent === undefined) {
    throw syntaxError(source, source.length, 'a program must (define (on-event e) …), and this one does not')
  }
  checkNames(source, top, forms)
  const usesDefault = forms.some(form => mentions(form, 'apply-default'))
  return { forms, onEvent, builtin: usesDefault ? builtin : undefined, library: definitionOf, symbols, top }
}

function mentions(form: Core, name: string): boolean {
  if (form.tag === 'primitive' && form.primitive.name === name) return true
  return childrenOf(form).some(child => mentions(child, name))
}

/** A name that nothing defines is said so when the program is sent, not when an event first gets there. */
function checkNames(source: string, top: TopLevel, forms: readonly Core[]): void {
  const visit = (form: Core): void => {
    if (form.tag === 'global') {
      const { variable } = form
      const isThere = variable.defined || variable.assigned || variable.sealed || variable.hides !== undefined
      if (!isThere) throw unbound(source, top, variable.name, form.at)
    }
    childrenOf(form).forEach(visit)
  }
  forms.forEach(visit)
}

function unbound(source: string, top: TopLevel, name: string, at: number): LetheError {
  const suggestion = nearest(name, top.knownNames())
  const message = `\`${name}\` is not defined${suggestion ? `; did you mean \`${suggestion}\`?` : ''}`
  return new LetheError('unbound-variable', message, 400, at < 0 ? {} : placeOf(source, at))
}

/** The known name that differs in the fewest letters, at most a third of them. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.floor(name.length / 3) + 1
  for (const candidate of known) {
    if (candidate.startsWith('%') || Math.abs(candidate.length - name.length) >= least) continue
    const distance = editDistance(name, candidate)
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + change))
    }
    row = next
  }
  return row[b.length]!
}
