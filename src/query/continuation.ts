// Continuations: what is left of the stack when somebody captures it.
//
// The stack of a running program is one small array. Whatever is to be kept, because call/cc asked for it or because the
// array is full, moves into a Segment, immutable, linked to the one below; the array starts over, empty. Returning from the
// bottom frame of the array ("underflow") copies the top frames of the topmost segment back and goes on there. So capturing
// twice copies nothing twice, and recursion a million deep is a chain of segments. (Hieb, Dybvig and Bruggeman,
// "Representing control in the presence of first-class continuations", 1990.)
//
// Frames hold no absolute addresses (a frame knows the distance to its caller's), so they may come back anywhere.

import type { Closure } from './block.js'
import { Procedure, type Value } from './value.js'

/** Slots shared by segments that were split off the same array. */
export class Slots {
  note = 0
  constructor(readonly items: Value[]) {}
}

export class Segment {
  note = 0
  constructor(
    readonly slots: Slots,
    /** The segment is slots.items[0, end). */
    readonly end: number,
    /** Where to go on: the procedure, its address and its frame's first slot. */
    readonly closure: Closure,
    readonly pc: number,
    readonly fp: number,
    readonly next: Segment | null,
  ) {}
}

/** What call/cc hands out. */
export class Continuation extends Procedure {
  readonly name = 'continuation'
  constructor(
    readonly segment: Segment | null,
    /** The dynamic-wind entries in force where it was captured. */
    readonly winders: Value,
  ) {
    super()
  }
}
