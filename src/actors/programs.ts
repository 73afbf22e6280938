// Compiled programs, shared by all customers that run the same text: ten thousand customers on the built-in program
// cost one compilation.
import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { EventProgram } from '../query/event-program.js'
import { builtinProgram, compileProgram, loadProgram } from '../query/program.js'

/** Programs kept although nobody runs them at the moment. */
const KEPT_PROGRAMS = 256

export class Programs {
  private readonly compiled = new Map<string, EventProgram>()

  constructor(private readonly limits: Limits) {}

  readonly builtin: EventProgram = builtinProgram()

  /** Compiles and checks; throws LetheError 400 with line and column. null is the built-in one. */
  check(source: string | null): EventProgram {
    return this.kept(source, compileProgram)
  }

  private kept(source: string | null, compile: (source: string, limits: Limits) => EventProgram): EventProgram {
    if (source === null) return this.builtin
    let program = this.compiled.get(source)
    if (program) {
      this.compiled.delete(source)
    } else {
      program = compile(source, this.limits)
      if (this.compiled.size >= KEPT_PROGRAMS) {
        for (const oldest of this.compiled.keys()) {
          this.compiled.delete(oldest)
          break
        }
      }
    }
    this.compiled.set(source, program)
    return program
  }

  /**
   * The program of a journaled entry. It was checked before it was journaled, and is not tried on samples again; should this engine refuse what an older one
   * took, the built-in program stands in and the reason is answered, so that no event is lost over it.
   */
  recorded(source: string | null): { program: EventProgram; refused: LetheError | undefined } {
    try {
      return { program: this.kept(source, loadProgram), refused: undefined }
    } catch (error) {
      if (!(error instanceof LetheError)) throw error
      return { program: this.builtin, refused: error }
    }
  }
}
