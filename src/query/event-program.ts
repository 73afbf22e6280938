// What the rest of Lethe sees of a customer's program: it fills effects, and says what became of the event.

import type { EventBatch } from '../event/batch.js'
import type { Effects } from '../tables/effects.js'
import type { TableDeclaration } from '../tables/types.js'

/** What became of an event in its program. */
export const enum Outcome {
  /** The effects are what the program wants. */
  Applied = 0,
  /** It said drop!: see `reason`. The effects mean nothing. */
  Dropped = 1,
  /** It failed: see `error`. The effects mean nothing, and the built-in program is to be run instead. */
  Failed = 2,
}

/** Why a program failed, for a person. Places are those of its source. */
export interface ProgramError {
  readonly code: string
  readonly message: string
  readonly line?: number
  readonly column?: number
}

export interface EventProgram {
  readonly source: string
  /** The tables that the program names. Handed to `effects.begin`; the indexes in effects refer to it. */
  readonly declared: readonly TableDeclaration[]
  /** Fills `effects`, which have just been begun. Throws only Bugs. */
  run(batch: EventBatch, event: number, effects: Effects): Outcome
  /** After Dropped. */
  reason: string
  /** After Failed. */
  error: ProgramError | undefined
}
