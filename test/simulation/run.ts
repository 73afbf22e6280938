// Running lives from seeds, and making a failing one short.
import { describeOperation, type Life, planLife } from './operations.js'
import type { Plant } from './plants.js'
import type { Report } from './report.js'
import { Simulation } from './simulation.js'

export interface Failure {
  readonly seed: number
  readonly error: Error
  readonly life: Life
  readonly log: readonly string[]
}

export async function runLife(life: Life, plant?: Plant): Promise<{ report: Report } | { failure: Failure }> {
  const simulation = new Simulation(life, plant)
  try {
    return { report: await simulation.live() }
  } catch (error) {
    return { failure: { seed: life.seed, error: error as Error, life, log: simulation.log } }
  }
}

export const runSeed = (seed: number, plant?: Plant) => runLife(planLife(seed), plant)

/**
 * Takes operations out, in ever smaller pieces, as long as the life still fails: what remains is worth reading.
 * A shorter life may fail in another way than the first; that is as good.
 */
export async function shrink(failure: Failure, plant?: Plant, maxRuns = 300): Promise<Failure> {
  let best = failure
  let runs = 0
  for (let piece = best.life.operations.length >> 1; piece >= 1; piece >>= 1) {
    for (let at = 0; at < best.life.operations.length && runs < maxRuns; ) {
      const operations = [...best.life.operations.slice(0, at), ...best.life.operations.slice(at + piece)]
      runs++
      const again = await runLife({ ...best.life, operations }, plant)
      if ('failure' in again) best = again.failure
      else at += piece
    }
  }
  return best
}

/** A failure for a person: what broke, how to see it again, and the operations that are enough for it. */
export function describeFailure(failure: Failure): string {
  const { seed, error, life } = failure
  const lines = [
    `seed ${seed} fails: ${error.message}`,
    `again: npm run simulate -- --seed ${seed}`,
    `shrunk to ${life.operations.length} operations, ${life.customers} customers, ${life.shards} shards, retention ${life.retention}:`,
    ...life.operations.map(operation => `  ${describeOperation(operation)}`),
  ]
  if (error.name !== 'Violation') lines.push(error.stack ?? '')
  return lines.join('\n')
}
