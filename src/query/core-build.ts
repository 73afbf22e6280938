// Small pieces of core form, and the places of source that they come from.

import type { Core, LambdaForm, LocalForm, LocalVariable } from './core-form.js'
import { type Pair, unspecified, type Value } from './value.js'

export const constant = (value: Value): Core => ({ tag: 'constant', value })
export const nothing: Core = constant(unspecified)

/** Where the element that `pair` holds begins, or `at` where that is not known. */
export const placeOf = (pair: Pair, at: number): number => (pair.note < 0 ? -1 - pair.note : at)

export function sequence(items: Core[]): Core {
  return items.length === 1 ? items[0]! : { tag: 'sequence', items }
}

export const local = (variable: LocalVariable, at: number): LocalForm => ({ tag: 'local', variable, at })

export const lambdaForm = (
  name: string,
  parameters: readonly LocalVariable[],
  rest: LocalVariable | undefined,
  body: Core,
  at: number,
): LambdaForm => ({ tag: 'lambda', name, parameters, rest, body, at, outer: undefined, free: undefined })

/** A form without forms in it: what most of a program's leaves are. */
export type SimpleForm = Extract<Core, { tag: 'constant' | 'local' | 'global' }>

export const isSimple = (form: Core): form is SimpleForm =>
  form.tag === 'constant' || form.tag === 'local' || form.tag === 'global'
