// Declaring builtins. The number of arguments is read off the signature, so that the documentation cannot lie:
// `(number->string N [RADIX])` takes one or two, `(append LIST ...)` any number.

import type { PrimitiveDefinition, PrimitiveFunction, ResumableFunction, SpreadFunction } from './primitive.js'

export type Example = readonly [expression: string, written: string]

function head(signature: string): { name: string; arity: [number, number] } {
  const parts = signature.slice(1, -1).split(' ')
  let fewest = 0
  let most = 0
  for (const part of parts.slice(1)) {
    if (part === '...') {
      // The argument before the dots may be missing, too.
      fewest--
      most = Number.POSITIVE_INFINITY
    } else {
      if (!part.startsWith('[')) fewest++
      most++
    }
  }
  return { name: parts[0]!, arity: [fewest, most] }
}

/** A builtin with at most five arguments. */
export function fixed(signature: string, doc: string, run: PrimitiveFunction, example?: Example): PrimitiveDefinition {
  return { ...head(signature), signature, doc, run, ...(example && { example }) }
}

/** A builtin that takes its arguments as an array of its own. */
export function spread(signature: string, doc: string, run: SpreadFunction, example?: Example): PrimitiveDefinition {
  return { ...head(signature), signature, doc, spread: run, ...(example && { example }) }
}

/** A builtin that may work in slices. */
export function sliced(signature: string, doc: string, run: ResumableFunction, example?: Example): PrimitiveDefinition {
  return { ...head(signature), signature, doc, resumable: run, ...(example && { example }) }
}
