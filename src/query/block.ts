// What the compiler makes and the machine runs.

import type { Primitive } from './primitive.js'
import { Procedure, type Value } from './value.js'

/** Where a block comes from: a program's text, or the library's. */
export interface Unit {
  readonly source: string
  /** The library: its places are of no use to anybody, so errors are reported where it was called. */
  readonly sealed: boolean
}

/** The code of one lambda, or of a program's top level. */
export class Block {
  /** Slots of a frame's parameters, the rest parameter included. */
  readonly slots: number
  constructor(
    readonly name: string,
    readonly parameters: number,
    readonly rest: boolean,
    readonly code: Int32Array,
    readonly constants: readonly Value[],
    readonly primitives: readonly Primitive[],
    readonly blocks: readonly Block[],
    readonly freeCount: number,
    /** The most that a frame grows beyond its first slot. */
    readonly maxDepth: number,
    /** Pairs (address, offset in the source), ascending: the instruction that ends before or at the address came from there. */
    readonly places: Int32Array,
    readonly unit: Unit,
  ) {
    this.slots = parameters + (rest ? 1 : 0)
  }

  /** The offset in the source of the instruction before `pc`; of the first that has one, if none before it has; or −1. */
  placeAt(pc: number): number {
    let found = this.places[1] ?? -1
    for (let i = 0; i < this.places.length && this.places[i]! < pc; i += 2) found = this.places[i + 1]!
    return found
  }
}

/** A procedure written in Scheme, for the machine. */
export class Closure extends Procedure {
  readonly name: string
  constructor(
    readonly block: Block,
    /** Values of free variables; boxes for those that are assigned. */
    readonly free: Value[],
  ) {
    super()
    this.name = block.name
  }
}
