// A benchmark: a name, parameters with a value for each size of run, rows of samples, ratios between rows, and aims.
//
// Rows that are compared are measured in turns (A B C, A B C, …), so that a machine that slows down slows all of them;
// a ratio is the median of the ratios of the turns, never the ratio of two medians from different minutes. Every row
// carries a checksum that has to come out the same in every round: it keeps V8 from dropping the work, and shows when
// a "speed-up" changed an answer.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { summarize } from './statistics.js'

export interface Row {
  readonly name: string
  /** Samples of each metric, one a round. */
  readonly metrics: Record<string, number[]>
  checksum?: string
}

interface Ratio {
  readonly name: string
  readonly samples: number[]
}

/** A number that was promised, and what was seen. */
export interface Aim {
  readonly text: string
  readonly bound: number
  readonly relation: 'at least' | 'at most'
  readonly seen: number
  readonly met: boolean
}

/** How much a run does: what the tests can wait for, what a developer can (a few minutes for all), and what is published. */
export type Size = 'smoke' | 'brief' | 'full'

export interface BenchResult {
  readonly name: string
  readonly about: string
  readonly date: string
  readonly size: Size
  readonly pinned: boolean
  readonly parameters: Record<string, number | string>
  readonly rows: Row[]
  readonly ratios: Ratio[]
  readonly aims: Aim[]
  /** Parts that could not run here and why; observations that belong beside the numbers. */
  readonly notes: string[]
  /** Names of SVG files beside the result. */
  readonly plots: string[]
  seconds: number
  /** The code that was measured, and what a JSON.parse took right before (Machine.parseNs): the runner's. */
  commit?: string
  parseNs?: number
}

/** Where a benchmark runs: `server` is the measured core, `any` leaves the placing to the benchmark's own processes. */
type Placement = 'server' | 'any'

export interface Bench {
  readonly name: string
  readonly about: string
  readonly placement: Placement
  /** Takes so long that it runs only when it is named. */
  readonly onlyByName?: boolean
  readonly run: (b: Measuring) => void | Promise<void>
}

export interface Contender {
  readonly name: string
  /** Not timed; before each round. */
  readonly prepare?: () => void | Promise<void>
  /** The work. Answers a checksum that is the same every time. */
  readonly run: () => number | string | Promise<number | string>
}

/** What a benchmark is handed: its sizes, and where its numbers go. */
export class Measuring {
  readonly result: BenchResult
  readonly rounds: number
  private readonly rows = new Map<string, Row>()
  private readonly folders: string[] = []
  private readonly cleanups: (() => void | Promise<void>)[] = []

  constructor(
    bench: Bench,
    readonly size: Size,
    readonly resultsFolder: string,
    options: { rounds: number; pinned: boolean },
  ) {
    this.rounds = this.smoke ? 1 : options.rounds
    this.result = {
      name: bench.name,
      about: bench.about,
      date: new Date().toISOString(),
      size,
      pinned: options.pinned,
      parameters: {},
      rows: [],
      ratios: [],
      aims: [],
      notes: [],
      plots: [],
      seconds: 0,
    }
  }

  get smoke(): boolean {
    return this.size === 'smoke'
  }

  get brief(): boolean {
    return this.size === 'brief'
  }

  /** A value by the size of the run; written down with the result. */
  parameter(name: string, smoke: number, full: number, brief = full): number {
    const value = { smoke, brief, full }[this.size]
    this.result.parameters[name] = value
    return value
  }

  sample(row: string, metric: string, value: number): void {
    const target = this.row(row)
    const samples = (target.metrics[metric] ??= [])
    samples.push(value)
  }

  /** The same answer every round, or the benchmark fails. */
  checksum(row: string, value: number | string): void {
    const target = this.row(row)
    const text = String(value)
    if (target.checksum !== undefined && target.checksum !== text)
      throw new Error(`${this.result.name}: ${row}: checksum ${text}, and ${target.checksum} in an earlier round`)
    target.checksum = text
  }

  /** Times contenders in turns; the metric is ns per operation. One round to warm up is not counted. */
  async contest(operations: number, contenders: readonly Contender[]): Promise<void> {
    const first = this.smoke ? 0 : -1
    for (let round = first; round < this.rounds; round++) {
      for (const contender of contenders) {
        await contender.prepare?.()
        const start = performance.now()
        const answer = contender.run()
        const value = answer instanceof Promise ? await answer : answer
        const elapsed = performance.now() - start
        this.checksum(contender.name, value)
        if (round >= 0) this.sample(contender.name, 'ns', (elapsed * 1e6) / operations)
      }
    }
  }

  /** The ratio of two rows' metric, round by round. */
  ratio(name: string, over: string, under: string, metric: string): number {
    const numerators = this.rows.get(over)?.metrics[metric]
    const denominators = this.rows.get(under)?.metrics[metric]
    if (numerators === undefined || denominators === undefined) return Number.NaN
    const samples = numerators.slice(0, denominators.length).map((value, i) => value / denominators[i]!)
    this.result.ratios.push({ name, samples })
    return summarize(samples).median
  }

  /** The median of a row's metric so far; NaN where there is none. */
  median(row: string, metric: string): number {
    const samples = this.rows.get(row)?.metrics[metric]
    return samples === undefined ? Number.NaN : summarize(samples).median
  }

  /** Says whether `seen` is what was promised. A NaN (a part that could not run) says nothing. */
  aim(text: string, seen: number, relation: Aim['relation'], bound: number): void {
    if (Number.isNaN(seen)) return
    const met = relation === 'at least' ? seen >= bound : seen <= bound
    this.result.aims.push({ text, bound, relation, seen, met })
  }

  note(text: string): void {
    if (!this.result.notes.includes(text)) this.result.notes.push(text)
  }

  plot(name: string, svg: string): void {
    fs.mkdirSync(this.resultsFolder, { recursive: true })
    fs.writeFileSync(path.join(this.resultsFolder, name), svg)
    if (!this.result.plots.includes(name)) this.result.plots.push(name)
  }

  /** An empty folder on the disk of the temporary folder (or LETHE_BENCH_FOLDER), gone at the end. */
  folder(): string {
    const base = process.env['LETHE_BENCH_FOLDER'] ?? os.tmpdir()
    const folder = fs.mkdtempSync(path.join(base, 'lethe-bench-'))
    this.folders.push(folder)
    return folder
  }

  /** Runs at the end, last first, whatever happened. */
  atEnd(work: () => void | Promise<void>): void {
    this.cleanups.push(work)
  }

  progress(text: string): void {
    if (!this.smoke) process.stderr.write(`  ${this.result.name}: ${text}\n`)
  }

  async close(): Promise<void> {
    for (const work of this.cleanups.reverse()) {
      try {
        await work()
      } catch (error) {
        process.stderr.write(`bench: cleaning up after ${this.result.name}: ${String(error)}\n`)
      }
    }
    for (const folder of this.folders) fs.rmSync(folder, { recursive: true, force: true })
  }

  private row(name: string): Row {
    let row = this.rows.get(name)
    if (row === undefined) {
      row = { name, metrics: {} }
      this.rows.set(name, row)
      this.result.rows.push(row)
    }
    return row
  }
}

/** Runs one benchmark and answers what it saw. What it started and wrote is gone afterwards. */
export async function runBench(
  bench: Bench,
  options: { size: Size; rounds: number; pinned: boolean; resultsFolder: string },
): Promise<BenchResult> {
  const measuring = new Measuring(bench, options.size, options.resultsFolder, options)
  const start = performance.now()
  try {
    await bench.run(measuring)
  } finally {
    await measuring.close()
  }
  measuring.result.seconds = (performance.now() - start) / 1000
  return measuring.result
}
