// The library that every program stands on: the primitives, and what library.scm and the prelude define with them. Built
// once a process; sealed afterwards. Programs share its blocks and its values; each run copies its globals (an array), so
// that a run's machine indexes one array for all variables.

import { readFileSync } from 'node:fs'
import { Bug } from '../core/errors.js'
import { defaultLimits } from '../core/limits.js'
import { atOnce, type Steps } from '../core/steps.js'
import { Agenda } from './agenda.js'
import { analyse } from './analysis.js'
import { control } from './builtins-control.js'
import { dataPrimitives } from './builtins-data.js'
import { hashTables } from './builtins-hash.js'
import { numbers } from './builtins-numbers.js'
import { output } from './builtins-output.js'
import { pairs } from './builtins-pairs.js'
import { stringGroup } from './builtins-strings.js'
import { charGroup, symbolGroup } from './builtins-text.js'
import { vectors } from './builtins-vectors.js'
import { compileTop, type Numbering } from './compiler.js'
import { type Core, GlobalVariable } from './core-form.js'
import { auxiliaryNames, Expander, type SpecialExpander } from './expander.js'
import { Machine } from './machine.js'
import { Primitive, type PrimitiveGroup } from './primitive.js'
import { Reader } from './reader.js'
import { SpecialForm, TopLevel } from './scope.js'
import { binders } from './special-binding.js'
import { controls } from './special-control.js'
import { quotations } from './special-quote.js'
import { endOfFile, librarySymbols, type SymbolTable, type Value } from './value.js'

export const specialForms: ReadonlyMap<string, SpecialExpander> = new Map([...binders, ...controls, ...quotations])

/** The groups of primitives, in the order of the documentation. */
export const primitiveGroups: readonly PrimitiveGroup[] = [
  numbers,
  pairs,
  symbolGroup,
  charGroup,
  stringGroup,
  vectors,
  hashTables,
  control,
  output,
  ...dataPrimitives,
]

/** The Scheme parts, in order; each may use what comes before it. */
const schemeParts = ['library.scm', 'prelude.scm']

export interface Library {
  readonly top: TopLevel
  readonly symbols: SymbolTable
  readonly globals: readonly (Value | undefined)[]
  readonly literals: readonly Value[]
  readonly rewindSlot: number
  /** What the Scheme parts define, in core form: emit-js takes what a program needs from here. */
  readonly definitions: ReadonlyMap<GlobalVariable, Core>
}

let built: Library | undefined

export function standardLibrary(): Library {
  built ??= buildLibrary(
    primitiveGroups,
    schemeParts.map(name => ({ name, source: readFileSync(new URL(name, import.meta.url), 'utf8') })),
  )
  return built
}

function buildLibrary(groups: readonly PrimitiveGroup[], parts: readonly { name: string; source: string }[]): Library {
  const top = new TopLevel(librarySymbols, undefined, true)
  for (const name of [...specialForms.keys(), ...auxiliaryNames])
    top.bind(librarySymbols.intern(name), new SpecialForm(name))
  let globals: (Value | undefined)[] = []
  const literals: Value[] = []
  const definitions = new Map<GlobalVariable, Core>()
  const numbering: Numbering = {
    literals,
    slotOf: variable => {
      if (variable.slot < 0) variable.slot = globals.push(undefined) - 1
      return variable.slot
    },
  }
  for (const definition of groups.flatMap(group => group.primitives)) {
    const primitive = new Primitive(definition)
    const variable = new GlobalVariable(definition.name, undefined, true, primitive)
    variable.defined = true
    variable.slot = globals.push(primitive) - 1
    top.bind(librarySymbols.intern(definition.name), variable)
  }
  for (const { name, source } of parts) {
    const forms = atOnce(analyse(atOnce(readForms(source, top, librarySymbols))))
    for (const form of forms) if (form.tag === 'set-global') definitions.set(form.variable, form.value)
    const block = atOnce(compileTop(forms, { source, sealed: true }, numbering))
    const machine = new Machine(
      {
        globals,
        literals,
        symbols: librarySymbols,
        rewindSlot: 0,
        unbound: slot => {
          throw new Bug(`${name} uses an undefined variable, slot ${slot}`)
        },
      },
      block,
      defaultLimits,
      undefined,
    )
    while (!machine.done) machine.step(1_000_000)
    globals = machine.globals
  }
  for (const variable of top.variables) {
    if (!variable.defined) throw new Bug(`the library uses ${variable.name}, which nobody defines`)
  }
  const rewind = top.find(librarySymbols.intern('%rewind'))
  return {
    top,
    symbols: librarySymbols,
    globals,
    literals,
    rewindSlot: rewind instanceof GlobalVariable ? rewind.slot : -1,
    definitions,
  }
}

/** Reads and expands a whole source in `top`. */
export function* readForms(source: string, top: TopLevel, symbols: SymbolTable, agenda = new Agenda()): Steps<Core[]> {
  const { maxNestingDepth } = defaultLimits
  const reader = new Reader(source, symbols, maxNestingDepth)
  const expander = new Expander(source, top, specialForms, maxNestingDepth, agenda)
  const forms: Core[] = []
  for (;;) {
    const datum = yield* reader.reading()
    if (datum === endOfFile) return forms
    yield* expander.expandTop(datum, reader.start, forms)
  }
}
