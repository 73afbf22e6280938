// The customers as the control store has them. It survives everything here: its own tests are elsewhere.

import type { Quota } from '../../src/actors/quota.js'
import type { HashKey } from '../../src/core/hash.js'
import type { Dice } from './choices.js'

export interface SimulatedCustomer {
  readonly id: string
  readonly incarnation: bigint
  readonly hashKey: HashKey
  /** The node's default when it was created: what its first entry will say at the latest. */
  blocked: boolean
  deleted: boolean
  quota: Quota
  version: number
}

export function newCustomer(id: string, dice: Dice): SimulatedCustomer {
  const word = () => dice.below(0x1_0000_0000)
  return {
    id,
    incarnation: (BigInt(word()) << 32n) | BigInt(word()),
    hashKey: { k0: word(), k1: word() },
    blocked: false,
    deleted: false,
    quota: {},
    version: 1,
  }
}
