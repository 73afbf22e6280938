// Dice. All of a simulation's choices come from here, so that a seed is a whole run.
import { type Random, seededRandom } from '../../src/core/random.js'

export class Dice {
  readonly random: Random

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  /** A whole number in [0, below). */
  below(below: number): number {
    return Math.floor(this.random.fraction() * below)
  }

  /** A whole number in [from, to]. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1)
  }

  chance(probability: number): boolean {
    return this.random.fraction() < probability
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!
  }

  /** One of several, each with its weight. */
  weighted<T>(choices: readonly (readonly [weight: number, choice: T])[]): T {
    let total = 0
    for (const [weight] of choices) total += weight
    let at = this.random.fraction() * total
    for (const [weight, choice] of choices) {
      at -= weight
      if (at < 0) return choice
    }
    return choices[choices.length - 1]![1]
  }
}

/** A seed for part `salt` of the run `seed`: operations keep their own choices when others are taken out. */
export function mixSeed(seed: number, salt: number): number {
  let z = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(salt + 0x7f4a7c15, 0xc2b2ae35)) >>> 0
  z = Math.imul(z ^ (z >>> 15), 0x2c1b3c6d)
  z = Math.imul(z ^ (z >>> 12), 0x297a2d39)
  return (z ^ (z >>> 15)) >>> 0
}
