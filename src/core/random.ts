// The only file that asks the machine for randomness. Simulations hand in a seeded one.
import { randomFillSync } from 'node:crypto'

export interface Random {
  /** Fills and answers `target` with unpredictable bytes. */
  fill(target: Uint8Array): Uint8Array
  /** A number in [0, 1). */
  fraction(): number
}

export const systemRandom: Random = {
  fill: target => randomFillSync(target),
  fraction: () => Math.random(),
}

/** A reproducible source (splitmix32). Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const mix = () => {
    state = (state + 0x9e3779b9) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return (z ^ (z >>> 15)) >>> 0
  }
  return {
    fill(target) {
      for (let i = 0; i < target.length; i++) target[i] = mix() & 255
      return target
    },
    fraction: () => mix() / 0x1_0000_0000,
  }
}
