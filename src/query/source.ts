// Places in a program's text.

import { LetheError } from '../core/errors.js'

/** Line and column of an offset, both from 1. A column counts UTF-16 units, as editors' protocols do. */
export function placeOf(source: string, offset: number): { line: number; column: number } {
  let line = 1
  let start = 0
  for (;;) {
    const end = source.indexOf('\n', start)
    if (end < 0 || end >= offset) return { line, column: offset - start + 1 }
    line++
    start = end + 1
  }
}

/** A program that cannot be read or makes no sense as syntax. `at` is an offset, or −1 where none is known. */
export function syntaxError(source: string, at: number, message: string): LetheError {
  const details = at < 0 ? {} : placeOf(source, Math.min(at, source.length))
  return new LetheError('syntax-error', message, 400, details)
}
