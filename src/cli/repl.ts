// The REPL: `lethe eval` evaluates here, `lethe repl` asks a running node. Inputs may take several lines: they end when their
// parentheses do. Lines that begin with a comma are for the REPL itself.
//
//     λ (define (double x)           more lines are asked for until the input is complete
//     …   (* 2 x))
//     λ ,help count                  signature, docstring, example
//     λ ,time (double 21)            42, and how long it took

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { Clock } from '../core/clock.js'
import { LetheError } from '../core/errors.js'
import { defaultLimits } from '../core/limits.js'
import { type Docstring, docstringFor, documentation } from '../query/documentation.js'
import { suggestion } from '../query/error-report.js'
import { specialForms } from '../query/library.js'
import { Reader } from '../query/reader.js'
import { endOfFile, librarySymbols, Pair, Sym, SymbolTable, type Value } from '../query/value.js'
import { Evaluator, errorText } from './eval.js'
import { askNode, type NodeAddress } from './node-client.js'

const PROMPT = 'λ '
const CONTINUED = '… '
const HISTORY_LINES = 1_000
const LAST_COLUMN = 100

/** Who evaluates. `ok` says whether `text` is an answer or an error. */
export interface Target {
  evaluate(source: string): Promise<{ readonly ok: boolean; readonly text: string }>
  /** Names that mean something, for completion. */
  names(): Iterable<string>
}

/** Evaluates in this process, without data. */
export class LocalTarget implements Target {
  private readonly evaluator = new Evaluator()

  async evaluate(source: string): Promise<{ ok: boolean; text: string }> {
    const result = this.evaluator.evaluate(source)
    if (!result.ok) return { ok: false, text: `${result.output}${errorText(result.error)}` }
    const shown = result.written === '#<unspecified>' ? '' : result.written
    const gap = result.output !== '' && !result.output.endsWith('\n') && shown !== '' ? '\n' : ''
    return { ok: true, text: `${result.output}${gap}${shown}` }
  }

  names(): Iterable<string> {
    return this.evaluator.names()
  }
}

/** Asks a node. Each query stands alone there, so what was defined or set goes along with every later one. */
export class NodeTarget implements Target {
  // All of them, in their order: `(define x (+ x 1))` needs the x before it.
  private readonly definitions: string[] = []
  private readonly defined = new Set<string>()

  constructor(
    private readonly node: NodeAddress,
    private readonly customer?: string,
  ) {}

  async evaluate(source: string): Promise<{ ok: boolean; text: string }> {
    const before = this.definitions.map(text => `${text}\n`).join('')
    const where = this.customer === undefined ? '' : `?customer=${encodeURIComponent(this.customer)}`
    try {
      const headers = { 'Content-Type': 'application/json', Accept: 'application/json' }
      const body = JSON.stringify({ query: before + source })
      const answer = await askNode(this.node, 'POST', `/v1/query${where}`, body, headers)
      const { written, output } = JSON.parse(answer.text) as { written?: string; output?: string }
      for (const { text, names } of definitionsIn(source)) {
        this.definitions.push(text)
        for (const name of names) this.defined.add(name)
      }
      const shown = written === undefined || written === '#<unspecified>' ? '' : written
      const displayed = output ?? ''
      const gap = displayed !== '' && !displayed.endsWith('\n') && shown !== '' ? '\n' : ''
      return { ok: true, text: `${displayed}${gap}${shown}` }
    } catch (error) {
      if (!(error instanceof LetheError)) throw error
      const shift = before.split('\n').length - 1
      const message = error.message.replace(/^line (\d+)/, (_, line: string) => `line ${Number(line) - shift}`)
      return { ok: false, text: `${error.code}: ${message}` }
    }
  }

  *names(): Iterable<string> {
    yield* this.defined
    for (const section of documentation()) for (const entry of section.entries) yield entry.name
    yield* specialForms.keys()
  }
}

/** The forms of a text that define or set something, and the names of that. */
function* definitionsIn(source: string): Generator<{ readonly text: string; readonly names: readonly string[] }> {
  const reader = new Reader(source, new SymbolTable(librarySymbols), defaultLimits.maxNestingDepth)
  for (let form = reader.read(); form !== endOfFile; form = reader.read()) {
    const names = [...namesDefinedBy(form)]
    if (names.length > 0) yield { text: source.slice(reader.start, reader.at), names }
  }
}

function* namesDefinedBy(form: Value): Generator<string> {
  if (!(form instanceof Pair && form.car instanceof Sym && form.cdr instanceof Pair)) return
  const { name } = form.car
  if (name === 'begin') {
    for (let rest: Value = form.cdr; rest instanceof Pair; rest = rest.cdr) yield* namesDefinedBy(rest.car)
  } else if (name === 'define' || name === 'define-syntax' || name === 'set!') {
    let target = form.cdr.car
    while (target instanceof Pair) target = target.car
    if (target instanceof Sym) yield target.name
  }
}

/** Whether an input is complete: its parentheses and strings are closed, or it is wrong in some other way. */
export function isComplete(source: string): boolean {
  const reader = new Reader(source, new SymbolTable(librarySymbols), defaultLimits.maxNestingDepth)
  try {
    while (reader.read() !== endOfFile) {
      // the next one
    }
    return true
  } catch (error) {
    return !(error instanceof LetheError && error.details['incomplete'] === true)
  }
}

/** What a name is for, as `,help` prints it. */
export function helpText(name: string, names: Iterable<string>): string {
  const found = docstringFor(name)
  if (found !== undefined) return docstringText(found)
  if (specialForms.has(name)) return `${name} is syntax: see docs/language.md and R4RS.`
  const meant = suggestion(name, names)
  return `Nothing is known of ${name}.${meant === undefined ? '' : ` Did you mean ${meant}?`}`
}

function docstringText({ signature, doc, example }: Docstring): string {
  const lines = [signature, ...folded(doc).map(line => `  ${line}`)]
  if (example !== undefined) lines.push(`  ${PROMPT}${example[0]}`, `  ${example[1]}`)
  return lines.join('\n')
}

function folded(text: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > LAST_COLUMN - 2) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  lines.push(line)
  return lines
}

const COMMANDS = `,help NAME   what NAME is for          ,help   this, and the sections
,names TEXT  names that have TEXT in them
,time EXPR   evaluate and say how long it took
,quit        leave (or Ctrl-D)`

/** The dialogue, without the terminal. */
export class Repl {
  private pending = ''
  /** What is pending was begun by `,time`. */
  private timed = false

  constructor(
    private readonly target: Target,
    private readonly write: (text: string) => void,
    private readonly clock: Clock,
  ) {}

  get prompt(): string {
    return this.pending === '' ? PROMPT : CONTINUED
  }

  /** Forgets what was begun. */
  abandon(): void {
    this.pending = ''
    this.timed = false
  }

  /** The input is over: what was begun is answered as it is, by what it lacks. */
  async end(): Promise<void> {
    if (this.pending !== '') await this.finish(this.pending)
  }

  /** Takes one line; false when the dialogue is over. */
  async line(text: string): Promise<boolean> {
    if (this.pending === '' && text.trimStart().startsWith(',')) return this.command(text.trim())
    await this.take(this.pending === '' ? text : `${this.pending}\n${text}`)
    return true
  }

  private async take(source: string): Promise<void> {
    if (source.trim() === '') return
    if (isComplete(source)) await this.finish(source)
    else this.pending = source
  }

  private async finish(source: string): Promise<void> {
    const timed = this.timed
    this.abandon()
    const start = this.clock.monotonicMs()
    await this.evaluate(source)
    if (timed) this.write(`${(this.clock.monotonicMs() - start).toFixed(1)} ms\n`)
  }

  /** Names that begin like the end of the line. */
  complete(line: string): [string[], string] {
    const start = /[^\s()'`,"]*$/.exec(line)![0]
    if (start === '') return [[], start]
    return [[...new Set(this.target.names())].filter(name => name.startsWith(start)).sort(), start]
  }

  private async evaluate(source: string): Promise<void> {
    const { text } = await this.target.evaluate(source)
    if (text !== '') this.write(text.endsWith('\n') ? text : `${text}\n`)
  }

  private async command(text: string): Promise<boolean> {
    const [, name, rest] = /^,(\S*)\s*(.*)$/s.exec(text)!
    switch (name) {
      case 'q':
      case 'quit':
      case 'exit':
        return false
      case 'h':
      case 'help':
        this.write(`${rest === '' ? overview() : helpText(rest!, this.target.names())}\n`)
        return true
      case 'names': {
        const names = [...new Set(this.target.names())].filter(candidate => candidate.includes(rest!)).sort()
        this.write(`${folded(names.join(' ')).join('\n')}\n`)
        return true
      }
      case 'time':
        this.timed = rest !== ''
        await this.take(rest!)
        return true
      default:
        this.write(`There is no ,${name}.\n${COMMANDS}\n`)
        return true
    }
  }
}

function overview(): string {
  const sections = documentation()
    .filter(section => section.entries.length > 0)
    .map(
      section =>
        `${section.title}\n${folded(section.entries.map(entry => entry.name).join(' '))
          .map(line => `  ${line}`)
          .join('\n')}`,
    )
  return `${COMMANDS}\n\n${sections.join('\n')}`
}

const historyFile = (): string => process.env['LETHE_HISTORY'] ?? path.join(os.homedir(), '.lethe_history')

function readHistory(): string[] {
  try {
    return fs
      .readFileSync(historyFile(), 'utf8')
      .split('\n')
      .filter(line => line !== '')
      .reverse()
  } catch {
    return []
  }
}

function writeHistory(lines: readonly string[]): void {
  try {
    fs.writeFileSync(historyFile(), `${lines.slice(0, HISTORY_LINES).reverse().join('\n')}\n`, { mode: 0o600 })
  } catch {
    // A home that cannot be written to has no history.
  }
}

/** Runs a REPL on a terminal (or a pipe) until its end. */
export async function runRepl(target: Target, clock: Clock, input: Readable, output: Writable): Promise<void> {
  const terminal = (output as { isTTY?: boolean }).isTTY === true
  const repl = new Repl(target, text => void output.write(text), clock)
  let history = terminal ? readHistory() : []
  const lines = readline.createInterface({
    input,
    output,
    terminal,
    history,
    historySize: HISTORY_LINES,
    removeHistoryDuplicates: true,
    completer: (line: string) => repl.complete(line),
  })
  lines.on('history', (now: string[]) => {
    history = now
  })
  lines.on('SIGINT', () => {
    repl.abandon()
    output.write('\n')
    lines.setPrompt(repl.prompt)
    lines.prompt()
  })
  const show = () => {
    lines.setPrompt(repl.prompt)
    if (terminal) lines.prompt()
  }
  if (terminal) output.write('Scheme. ,help for help, Ctrl-D to leave.\n')
  show()
  for await (const line of lines) {
    if (!(await repl.line(line))) break
    show()
  }
  lines.close()
  if (terminal) {
    output.write('\n')
    writeHistory(history)
  } else await repl.end()
}
