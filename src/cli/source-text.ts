// Where commands read Scheme from.
import fs from 'node:fs'
import { LetheError } from '../core/errors.js'

/** The text of a file, or of standard input for `-` and where none is named. */
export function readSource(file: string | undefined): string {
  const isInput = file === undefined || file === '-'
  try {
    return fs.readFileSync(isInput ? 0 : file, 'utf8')
  } catch (error) {
    const what = isInput ? 'standard input' : file
    throw new LetheError('cannot-read', `cannot read ${what}: ${(error as Error).message}`)
  }
}
