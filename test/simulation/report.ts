// What lives have seen, counted: that they went where something could have gone wrong.

export interface Report {
  operations: number
  steps: number
  entries: number
  events: number
  commits: number
  checkpoints: number
  checks: number
  queries: number
  resends: number
  convicted: number
  readonly crashes: Record<string, number>
  readonly faults: Record<string, number>
  readonly refusals: Record<string, number>
}

export function emptyReport(): Report {
  return {
    operations: 0,
    steps: 0,
    entries: 0,
    events: 0,
    commits: 0,
    checkpoints: 0,
    checks: 0,
    queries: 0,
    resends: 0,
    convicted: 0,
    crashes: {},
    faults: {},
    refusals: {},
  }
}

export function count(counts: Record<string, number>, name: string, n = 1): void {
  counts[name] = (counts[name] ?? 0) + n
}

/** Adds one report to another. */
export function addReport(total: Report, report: Report): void {
  for (const [name, value] of Object.entries(report)) {
    if (typeof value === 'number') total[name as 'steps'] += value
    else
      for (const [kind, n] of Object.entries(value as Record<string, number>)) count(total[name as 'crashes'], kind, n)
  }
}
