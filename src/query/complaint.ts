// The errors that programs meet, as factories. They know the procedure and the value; the machine adds line, column, the
// offending expression and the backtrace before anybody sees them (error-report.ts).

import { LetheError } from '../core/errors.js'
import { brief } from './printer.js'
import type { Value } from './value.js'

/** `expected` with its article: "a pair". */
export const wrongType = (procedure: string, expected: string, got: Value) =>
  new LetheError('wrong-type', `\`${procedure}\` wanted ${expected}, got ${brief(got)}`, 400)

export const outOfRange = (procedure: string, what: string) =>
  new LetheError('out-of-range', `\`${procedure}\`: ${what}`, 400)

export const divideByZero = (procedure: string) =>
  new LetheError('divide-by-zero', `\`${procedure}\`: division by zero`, 400)

export const notCallable = (got: Value) =>
  new LetheError('wrong-type', `only procedures can be called, and this is ${brief(got)}`, 400)

export const unboundVariable = (name: string, suggestion?: string) =>
  new LetheError(
    'unbound-variable',
    `\`${name}\` is not defined${suggestion ? `; did you mean \`${suggestion}\`?` : ''}`,
    400,
  )

export const unassignedVariable = (name: string) =>
  new LetheError('unassigned-variable', `\`${name}\` is used before it has a value`, 400)

export const userError = (message: string) => new LetheError('user-error', message, 400)

export const stepLimit = (limit: number) =>
  new LetheError('step-limit', `the program was stopped after ${limit} steps`, 422)

export const memoryLimit = (limit: number) =>
  new LetheError('memory-limit', `the program needs more memory than its limit of ${limit} bytes`, 422)

export const answerLimit = (length: number) =>
  new LetheError('memory-limit', `the answer would have more than ${length} characters, or is cyclic`, 422)

export const integerLimit = (bits: number) =>
  new LetheError('memory-limit', `an exact integer would have more than ${bits} bits`, 422)

export const textLimit = (length: number) =>
  new LetheError('memory-limit', `a string would have more than ${length} characters`, 422)

export const timeLimit = (limitMs: number) =>
  new LetheError('time-limit', `the program was stopped after ${limitMs} ms`, 422)

const plural = (n: number) => `${n} argument${n === 1 ? '' : 's'}`

export function wrongArity(procedure: string, fewest: number, most: number, got: number): LetheError {
  const wanted =
    fewest === most ? plural(fewest) : most === Infinity ? `at least ${plural(fewest)}` : `${fewest} to ${plural(most)}`
  return new LetheError('wrong-arity', `\`${procedure || 'lambda'}\` wanted ${wanted}, got ${got}`, 400)
}
