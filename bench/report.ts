// Results for people: a table on the terminal, and the generated part of docs/benchmarks.md.
import type { Aim, BenchResult, Row } from './bench.js'
import { type Machine, REFERENCE_PARSE_NS } from './machine.js'
import { readable, spreadPercent, summarize } from './statistics.js'

export interface Report {
  readonly machine: Machine
  readonly date: string
  readonly results: BenchResult[]
  readonly failures: { readonly name: string; readonly reason: string }[]
}

/** Metrics in the order in which they are shown, and how they are headed. */
const METRICS: readonly (readonly [string, string])[] = [
  ['requests', 'requests/s'],
  ['events', 'events/s'],
  ['points', 'points/s'],
  ['ns', 'ns/op'],
  ['ms', 'ms'],
  ['p50', 'p50 ms'],
  ['p99', 'p99 ms'],
  ['p999', 'p99.9 ms'],
  ['max', 'max ms'],
  ['late', 'loader late p99 ms'],
  ['cpu', 'CPU µs/request'],
  ['bytes', 'bytes'],
]

function columnsOf(rows: readonly Row[]): (readonly [string, string])[] {
  const known = METRICS.filter(([metric]) => rows.some(row => row.metrics[metric] !== undefined))
  const names = new Set(METRICS.map(([metric]) => metric))
  const others = [...new Set(rows.flatMap(row => Object.keys(row.metrics)))].filter(metric => !names.has(metric))
  return [...known, ...others.map(metric => [metric, metric] as const)]
}

function cell(samples: readonly number[] | undefined): string {
  if (samples === undefined || samples.length === 0) return ''
  const summary = summarize(samples)
  const spread = samples.length > 1 ? ` ±${spreadPercent(summary).toFixed(0)} %` : ''
  return `${readable(summary.median)}${spread}`
}

function table(result: BenchResult): string[][] {
  const columns = columnsOf(result.rows)
  const lines = [['', ...columns.map(([, title]) => title)]]
  for (const row of result.rows) lines.push([row.name, ...columns.map(([metric]) => cell(row.metrics[metric]))])
  return lines
}

function aimText(aim: Aim): string {
  return `${aim.text}: ${aim.relation} ${readable(aim.bound)}, seen ${readable(aim.seen)}`
}

/** One result for a terminal. */
export function resultText(result: BenchResult): string {
  const lines = table(result)
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map(line => line[column]!.length)))
  const parameters = Object.entries(result.parameters).map(([name, value]) => `${name} ${readable(Number(value))}`)
  let text = `${result.name}: ${result.about}${parameters.length > 0 ? ` (${parameters.join(', ')})` : ''}\n`
  for (const line of lines) {
    const cells = line.map((value, i) => (i === 0 ? value.padEnd(widths[i]!) : value.padStart(widths[i]!)))
    text += `  ${cells.join('  ')}\n`
  }
  for (const ratio of result.ratios) text += `  ${ratio.name}: ${cell(ratio.samples)}\n`
  for (const aim of result.aims) text += `  ${aim.met ? 'met    ' : 'NOT MET'} ${aimText(aim)}\n`
  for (const note of result.notes) text += `  note: ${note}\n`
  return `${text}  ${result.seconds.toFixed(1)} s\n`
}

/** Absolute figures move with the machine: how this one compares with that on which the aims were set. */
export function speedText(machine: Machine): string {
  const factor = machine.parseNs / REFERENCE_PARSE_NS
  return `JSON.parse of an event of 118 bytes takes ${readable(machine.parseNs)} ns here, and took ${REFERENCE_PARSE_NS} on the machine on which the absolute aims were set: one core of this one is ${readable(1 / factor)} times as fast. Ratios are within one run and hold on both.`
}

/** What docs/benchmarks.md shows of the results. */
export function generatedPart(report: Report): string {
  const { machine } = report
  const programs = Object.entries(machine.programs).map(([name, version]) => `${name} (${version})`)
  const lines = [
    '',
    '',
    `The machine, as of ${report.date.slice(0, 10)}: ${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.kernel}, ${machine.disk}, Node ${machine.node}, ${machine.pinned ? 'server and loader pinned to a core each' : 'not pinned'}; ${programs.join(', ')}.`,
    speedText(machine),
    'Cells are medians, ± half the distance from the lowest to the highest in percent of the median. Each section says when it was measured, at which commit, and how long that JSON.parse took right before.',
    '',
    '| aim | wanted | seen | |',
    '|---|---|---|---|',
  ]
  for (const result of report.results)
    for (const aim of result.aims)
      lines.push(
        `| ${aim.text} | ${aim.relation} ${readable(aim.bound)} | ${readable(aim.seen)} | ${aim.met ? 'met' : '**not met**'} |`,
      )
  for (const result of report.results) lines.push('', ...section(result))
  lines.push('', '')
  return lines.join('\n')
}

function circumstances({ date, commit, parseNs }: BenchResult): string {
  const when = `${date.slice(0, 16).replace('T', ' ')} UTC`
  return commit === undefined || parseNs === undefined ? when : `${when}, ${commit}, ${readable(parseNs)} ns`
}

function section(result: BenchResult): string[] {
  const rows = table(result)
  const parameters = Object.entries(result.parameters).map(([name, value]) => `${name} ${readable(Number(value))}`)
  const lines = [
    `### ${result.name}`,
    '',
    `${result.about}.${parameters.length > 0 ? ` ${parameters.join(' · ')}` : ''} (${circumstances(result)})`,
    '',
  ]
  lines.push(`| ${rows[0]!.join(' | ')} |`, `|${'---|'.repeat(rows[0]!.length)}`)
  for (const row of rows.slice(1)) lines.push(`| ${row.join(' | ')} |`)
  if (result.ratios.length > 0) lines.push('', '| ratio | |', '|---|---|')
  for (const ratio of result.ratios) lines.push(`| ${ratio.name} | ${cell(ratio.samples)} |`)
  if (result.notes.length > 0) lines.push('', ...result.notes.map(note => `- ${note}`))
  for (const plot of result.plots) lines.push('', `![${result.name}](benchmarks/${plot})`)
  return lines
}
