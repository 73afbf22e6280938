// Compiled programs, shared by all customers that run the same text: ten thousand customers on the built-in program
// cost one compilation. A program is compiled in steps, in turns of the customer that brings it.
import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { Steps } from '../core/steps.js'
import type { EventProgram } from '../query/event-program.js'
import { builtinProgram, compilingProgram, loadingProgram } from '../query/program.js'

/** Programs kept although nobody runs them at the moment. */
const KEPT_PROGRAMS = 256

/** What stands for a text: should this engine refuse what an older one took, the built-in program, and the reason. */
export interface RecordedProgram {
  readonly program: EventProgram
  readonly refused: LetheError | undefined
}

export class Programs {
  readonly builtin: EventProgram = builtinProgram()
  private readonly compiled = new Map<string, RecordedProgram>()

  constructor(private readonly limits: Limits) {}

  /** Compiles and tries a program that somebody wants; what speaks against it is answered. null is the built-in one. */
  *checking(source: string | null): Steps<LetheError | undefined> {
    const kept = this.kept(source)
    if (kept) return kept.refused
    try {
      this.keep(source!, yield* compilingProgram(source!, this.limits))
      return undefined
    } catch (error) {
      if (error instanceof LetheError) return error
      throw error
    }
  }

  /** What stands for the text, if it is at hand: else see `recording`. */
  kept(source: string | null): RecordedProgram | undefined {
    if (source === null) return { program: this.builtin, refused: undefined }
    const kept = this.compiled.get(source)
    return kept && this.keep(source, kept.program, kept.refused)
  }

  /**
   * The program of a journaled entry. It was checked before it was journaled, and is not tried on samples again; that this
   * engine refuses it is answered, not thrown, so that no event is lost over it.
   */
  *recording(source: string | null): Steps<RecordedProgram> {
    const kept = this.kept(source)
    if (kept) return kept
    try {
      return this.keep(source!, yield* loadingProgram(source!, this.limits))
    } catch (error) {
      if (!(error instanceof LetheError)) throw error
      return this.keep(source!, this.builtin, error)
    }
  }

  private keep(source: string, program: EventProgram, refused?: LetheError): RecordedProgram {
    this.compiled.delete(source)
    if (this.compiled.size >= KEPT_PROGRAMS) {
      for (const oldest of this.compiled.keys()) {
        this.compiled.delete(oldest)
        break
      }
    }
    const kept = { program, refused }
    this.compiled.set(source, kept)
    return kept
  }
}
