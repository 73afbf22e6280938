import type { EventRow } from './row.js'

/** Placeholder until grouping lands. */
export function describeFault(_row: EventRow): number {
  return 0
}
