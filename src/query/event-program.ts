// What the rest of Lethe sees of a customer's program: it fills effects, and says what became of the event.

import type { EventBatch } from '../event/batch.js'
import type { EffectSink } from '../tables/effects.js'
import type { FieldPlan } from '../tables/field-updates.js'
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
  /** Whether it can neither fail nor drop an event, so that its effects may happen while it runs (certain.ts). */
  readonly certain: boolean
  /** What a certain program does to every event, where that is nothing but updates by fields (field-plan.ts). */
  readonly fieldPlan: FieldPlan | undefined
  /** What follows are events of `batch`, whose bytes stay as they are, and `effects` hears of what should happen. */
  begin(batch: EventBatch, effects: EffectSink): void
  /** Runs it over one event. Throws only Bugs. */
  run(event: number): Outcome
  /** The same for a certain program; whatever is thrown is a Bug of who hears its effects. */
  runCertain(event: number): void
  /** After Dropped. */
  reason: string
  /** After Failed. */
  error: ProgramError | undefined
}
