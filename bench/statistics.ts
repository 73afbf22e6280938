// What a handful of repeated measurements say: the middle one, and how far the others lie from it.

export interface Summary {
  readonly median: number
  readonly low: number
  readonly high: number
  readonly count: number
}

export function summarize(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, low: sorted[0]!, high: sorted.at(-1)!, count: sorted.length }
}

/** Half the distance from the lowest to the highest, in percent of the median. */
export function spreadPercent(summary: Summary): number {
  return summary.median === 0 ? 0 : ((summary.high - summary.low) / 2 / Math.abs(summary.median)) * 100
}

/** A number for people: three digits that count, thousands apart. */
export function readable(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (size >= 1000) return Math.round(value).toLocaleString('en-US')
  if (size >= 100) return value.toFixed(0)
  if (size >= 10) return value.toFixed(1)
  if (size >= 1) return value.toFixed(2)
  return value === 0 ? '0' : value.toPrecision(2)
}
