// `lethe eval`: Scheme without a node.

import { type Clock, systemClock } from '../core/clock.js'
import { LetheError } from '../core/errors.js'
import { defaultLimits, type Limits } from '../core/limits.js'
import { renderText } from '../query/answer.js'
import { QueryRun, Workspace } from '../query/query.js'

export type Evaluated =
  | { readonly ok: true; readonly written: string; readonly output: string; readonly steps: number }
  | { readonly ok: false; readonly error: LetheError; readonly output: string }

/** Evaluates sources one after the other; later ones see the definitions of earlier ones. */
export class Evaluator {
  private readonly workspace = new Workspace()

  constructor(
    private readonly limits: Limits = defaultLimits,
    private readonly clock: Clock = systemClock,
  ) {}

  evaluate(source: string): Evaluated {
    let run: QueryRun | undefined
    try {
      run = new QueryRun(this.workspace.compile(source), undefined, this.limits, this.clock)
      while (!run.step(Number.POSITIVE_INFINITY)) {
        // until it is done
      }
      this.workspace.keep(run.machine)
      const outcome = run.outcome!
      if (!outcome.ok) return outcome
      const rendering = renderText(outcome, 0, this.limits)
      for (;;) {
        const { value, done } = rendering.next()
        if (done) return { ok: true, written: value.slice(0, -1), output: outcome.output, steps: outcome.steps }
      }
    } catch (error) {
      if (!(error instanceof LetheError)) throw error
      return { ok: false, error, output: run?.machine.output ?? '' }
    }
  }

  /** Names for completion. */
  names(): string[] {
    return [...this.workspace.names()]
  }
}

export const evaluate = (source: string, limits?: Limits): Evaluated => new Evaluator(limits).evaluate(source)

/** An error as a terminal shows it: code, message, place, expression, backtrace. */
export function errorText(error: LetheError): string {
  const { line, column, expression, backtrace } = error.details as {
    line?: number
    column?: number
    expression?: string
    backtrace?: readonly string[]
  }
  const where = line === undefined ? '' : ` (line ${line}, column ${column})`
  const lines = [`${error.code}: ${error.message}${where}`]
  if (expression !== undefined) lines.push(`  in ${expression}`)
  if (backtrace !== undefined && backtrace.length > 0) lines.push(`  called by ${backtrace.join(' < ')}`)
  return lines.join('\n')
}
