// The built-in program emitted when Lethe is built, instead of at each start: to emit it a shard has to read and expand the
// whole library first, 45 of the 75 ms that its modules take to load. (The library is built when a query, or a program of
// somebody's own, asks for it.)
//
// It is kept as JSON: the text of the JavaScript, the tables, and the constants, of which the built-in program has two
// sorts. scripts/bundle.mjs puts it into the bundle that it makes of the same modules.
import { Bug } from '../core/errors.js'
import type { EmittedProgram } from './emit-js.js'
import { unspecified } from './value.js'

/** An emitted program as JSON: a constant is the bytes of a text to compare with, or null for the unspecified value. */
export interface AheadProgram extends Pick<EmittedProgram, 'code' | 'tables' | 'certain' | 'fieldPlan'> {
  readonly constants: readonly (readonly number[] | null)[]
}

/** Throws a Bug where a constant is of a sort that JSON cannot hold yet. */
export function toAhead({ code, constants, tables, certain, fieldPlan }: EmittedProgram): AheadProgram {
  return { code, tables, certain, fieldPlan, constants: constants.map(keptConstant) }
}

function keptConstant(value: unknown): readonly number[] | null {
  if (value === unspecified) return null
  if (value instanceof Uint8Array) return [...value]
  throw new Bug(`the built-in program cannot be emitted ahead: it has the constant ${String(value)}`)
}

export function fromAhead({ code, constants, tables, certain, fieldPlan }: AheadProgram): EmittedProgram {
  const own = constants.map(kept => (kept === null ? unspecified : Uint8Array.from(kept)))
  return { code, tables, certain, fieldPlan, constants: own }
}
