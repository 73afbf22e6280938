// From a program's text to core form, in the top level that programs see: the standard library without what reads tables,
// prints or knows the time, and the procedures of event-primitives.ts.
//
// Two layers of sealed names, so that a program may use any name for itself:
//
//     the program's own  →  events (field, bump!, …)  →  the standard library

import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { Steps } from '../core/steps.js'
import { Agenda } from './agenda.js'
import { analyse } from './analysis.js'
import { dataPrimitives } from './builtins-data.js'
import { type Core, GlobalVariable } from './core-form.js'
import type { ProgramCore } from './emit-plan.js'
import { childrenOf } from './emit-plan.js'
import { suggestion } from './error-report.js'
import { eventPrimitives } from './event-primitives.js'
import { readForms, standardLibrary } from './library.js'
import { Primitive } from './primitive.js'
import { TopLevel } from './scope.js'
import { placeOf, syntaxError } from './source.js'
import { librarySymbols, SymbolTable } from './value.js'

let events: TopLevel | undefined

/** The top level that programs stand on. */
function eventTop(): TopLevel {
  if (events !== undefined) return events
  events = new TopLevel(librarySymbols, standardLibrary().top, true)
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

/** Reads and expands a program, in steps. Throws LetheError, status 400, with line and column. */
export function* readingProgram(source: string, limits: Limits, builtin?: ProgramCore): Steps<ReadProgram> {
  if (Buffer.byteLength(source) > limits.maxProgramSourceBytes) {
    throw new LetheError('too-large', `a program may have ${limits.maxProgramSourceBytes} bytes`, 413)
  }
  const symbols = new SymbolTable(librarySymbols)
  const top = new TopLevel(symbols, eventTop())
  const agenda = new Agenda()
  const forms = yield* analyse(yield* readForms(source, top, symbols, agenda), agenda)
  checkSize(forms, limits.maxProgramForms)
  yield
  const onEvent = top.variables.find(variable => variable.name === 'on-event' && variable.defined)
  if (onEvent === undefined) {
    throw syntaxError(source, source.length, 'a program must (define (on-event e) …), and this one does not')
  }
  checkNames(source, top, forms)
  yield
  const usesDefault = forms.some(form => mentions(form, 'apply-default'))
  return {
    forms,
    onEvent,
    builtin: usesDefault ? builtin : undefined,
    library: variable => standardLibrary().definitions.get(variable),
    symbols,
    top,
  }
}

function checkSize(forms: readonly Core[], most: number): void {
  let count = 0
  const visit = (form: Core): void => {
    if (++count > most) throw new LetheError('too-large', `a program may have ${most} forms after expansion`, 413)
    childrenOf(form).forEach(visit)
  }
  forms.forEach(visit)
}

function mentions(form: Core, name: string): boolean {
  if (form.tag === 'primitive' && form.primitive.name === name) return true
  return childrenOf(form).some(child => mentions(child, name))
}

/** A name that nothing defines is said so when the program is sent, not when an event first gets there. */
function checkNames(source: string, top: TopLevel, forms: readonly Core[]): void {
  const visit = (form: Core): void => {
    if (form.tag === 'primitive' && isUnfit(form.primitive)) throw unfit(source, form.primitive.name, form.at)
    if (form.tag === 'global') {
      const { variable } = form
      if (variable.primitive !== undefined && isUnfit(variable.primitive)) throw unfit(source, variable.name, form.at)
      const isThere = variable.defined || variable.assigned || variable.sealed || variable.hides !== undefined
      if (!isThere) throw unbound(source, top, variable.name, form.at)
    }
    childrenOf(form).forEach(visit)
  }
  forms.forEach(visit)
}

const unfitNames = new Set(dataPrimitives.flatMap(group => group.primitives.map(primitive => primitive.name)))
for (const name of ['day', 'day->string']) unfitNames.delete(name)
// Counts up over all events.
unfitNames.add('gensym')

/** Whether a primitive depends on what programs must not: tables, the day, what ran before. */
export const isUnfit = (primitive: Primitive): boolean => unfitNames.has(primitive.name)

/** Programs are pure (R13): what on-event does must follow from the event alone. */
export function unfit(source: string, name: string, at: number): LetheError {
  const message = `\`${name}\` cannot be used in a program: it sees the event, and nothing else, and says what should happen`
  return new LetheError('not-in-programs', message, 400, at < 0 ? {} : placeOf(source, at))
}

function unbound(source: string, top: TopLevel, name: string, at: number): LetheError {
  const meant = suggestion(name, top.knownNames())
  const message = `\`${name}\` is not defined${meant ? `; did you mean \`${meant}\`?` : ''}`
  return new LetheError('unbound-variable', message, 400, at < 0 ? {} : placeOf(source, at))
}
