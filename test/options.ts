// Options of the long runs: `npm run simulate`, `torture`, `fuzz`.
import { Command, InvalidArgumentError } from 'commander'

export const command = (name: string, about: string): Command => new Command(`npm run ${name} --`).description(about)

export function numberOption(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0)) throw new InvalidArgumentError('It is a number from 0 up.')
  return value
}

/** A seed of its own for each run; whoever prints a failure prints it. */
export const anySeed = (): number => Date.now() % 1_000_000
