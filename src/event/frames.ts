// Stack traces of every platform, read into frames: which function, in which file, and is it the app's own code.
//
// A stack is a list of strings or of {file, function, …}, or one string. A text has its error's message in it, in any number of lines and any
// words; so the whole of it is read for frames as runtimes print them first, and for frames as people write them only where it has none.
// Frames are memoised by their text: crashes of one app repeat the same lines.

import {
  type Frame,
  frameBefore,
  makeFrame,
  numberedFrame,
  printedFrame,
  type Shape,
  writtenFrame,
} from './frame-shapes.js'

/** What an error says of itself: its stack repeats it above its frames. */
export interface Said {
  readonly type: string
  readonly message: string
}

/** Lines and frames looked at: beyond them a stack says nothing new. */
const MAX_LINES = 400
/** Of a longer line its two ends are read: functions stand at the one, files at the other. */
const MAX_LINE = 500
/** The message stands in the first of the lines, or nowhere. */
const MAX_ABOVE = 10

/**
 * What a stack yields: calls from the innermost out, in sections (an exception, then its causes), recursion included. Stops once a section
 * has more than `enough` distinct frames of the app's own.
 */
export function readStack(stack: unknown, enough: number, said: Said): Frame[][] {
  const entries = entriesOf(stack)
  const hasLines = entries.some(isLine)
  const below = withoutMessage(entries, said.message)
  // What was taken for the message may have been the stack: then all of it is read.
  const texts = new Set([belowHeading(below), below, entries])
  for (const shape of [printedFrame, numberedFrame]) {
    for (const text of texts) {
      const reader = new Reader(shape, enough)
      reader.read(text)
      if (reader.matched || !hasLines) return reader.sections
    }
  }
  const reader = new Reader(writtenFrame, enough)
  reader.read(written(below, said.type))
  return reader.sections
}

/** The frame that a place names, if it does. */
export function readPlace(place: string): Frame | undefined {
  const line = bounded(place)
  const frame = printedFrame(line) ?? numberedFrame(line) ?? writtenFrame(line)
  return frame !== undefined && isNamed(frame) ? frame : undefined
}

/** A line of text, or a frame in parts. */
type Entry = string | FrameObject

interface FrameObject {
  function?: unknown
  method?: unknown
  name?: unknown
  class?: unknown
  module?: unknown
  file?: unknown
  filename?: unknown
  inApp?: unknown
  in_app?: unknown
}

const isLine = (entry: Entry): entry is string => typeof entry === 'string'
const isNamed = (frame: Frame) => frame.name !== '' || frame.file !== ''
export const sameFrame = (a: Frame, b: Frame) => a.name === b.name && a.file === b.file

// Python prints the innermost call last, chained exceptions too.
const PYTHON = /^\s*Traceback \(most recent call last\)/m
const PYTHON_HEADING = 'Traceback (most recent call last):'

function entriesOf(stack: unknown): Entry[] {
  const entries: Entry[] = []
  for (const entry of Array.isArray(stack) ? stack.slice(0, MAX_LINES) : [stack]) {
    if (typeof entry === 'object' && entry !== null) entries.push(entry as FrameObject)
    if (typeof entry !== 'string') continue
    const isDeep = PYTHON.test(entry.slice(0, 2_000)) && entry.split('\n').length > MAX_LINES
    // The end of a Python stack is its innermost part, the end of any other its outermost.
    const lines = isDeep ? [PYTHON_HEADING, ...entry.split('\n').slice(1 - MAX_LINES)] : entry.split('\n', MAX_LINES)
    for (const line of lines) entries.push(bounded(line))
  }
  return entries.length > MAX_LINES ? entries.slice(0, MAX_LINES) : entries
}

function bounded(line: string): string {
  return line.length <= MAX_LINE ? line : line.slice(0, MAX_LINE / 2) + line.slice(-MAX_LINE / 2)
}

/** The entries without the error's message; themselves where it does not stand near their beginning. */
function withoutMessage(entries: Entry[], message: string): Entry[] {
  const lines = message.split('\n', MAX_LINES).map(line => bounded(line).trim())
  while (lines.at(-1) === '') lines.pop()
  if (lines.length === 0) return entries
  const size = Math.min(entries.length, MAX_ABOVE)
  for (let i = 0; i < size; i++) {
    if (isMessage(entries, i, lines)) return entries.toSpliced(i, lines.length)
  }
  return entries
}

function isMessage(entries: Entry[], at: number, lines: string[]): boolean {
  const first = entries[at]!
  if (!isLine(first) || SECTION.test(first)) return false
  const title = first.trim()
  const word = lines[0]!
  if (title === word) {
    // A function may be called what the message says, unless that is no word, or announced.
    const above = entries[at - 1] ?? ''
    if (!word.includes(' ') && !(isLine(above) && above.trimEnd().endsWith(':'))) return false
  } else if (!title.endsWith(`: ${word}`)) return false
  for (let i = 1; i < lines.length; i++) {
    const entry = entries[at + i]
    if (entry === undefined || !isLine(entry) || entry.trim() !== lines[i]) return false
  }
  return true
}

// Rust, PHP: causes and a message stand above it, with anything behind them.
const HEADING = /^\s*stack (?:back)?trace:\s*$/i

/** What stands below `Stack trace:`; the same entries where that stands nowhere, or may be Python's message, which comes last. */
function belowHeading(entries: Entry[]): Entry[] {
  const at = entries.findIndex(entry => isLine(entry) && (HEADING.test(entry) || PYTHON.test(entry)))
  const heading = entries[at]
  return heading !== undefined && isLine(heading) && HEADING.test(heading) ? entries.slice(at + 1) : entries
}

/** What people wrote: all but the error's own line; no line at all where some are sentences, since the rest is of the same text. */
function written(entries: Entry[], type: string): Entry[] {
  const first = entries.findIndex(entry => !isLine(entry) || entry.trim() !== '')
  const title = entries[first]
  const rest = title !== undefined && isLine(title) && isTitle(title.trim(), type) ? entries.slice(first + 1) : entries
  return rest.some(entry => isLine(entry) && isSentence(entry)) ? rest.filter(entry => !isLine(entry)) : rest
}

/** `TypeError: x is null`, `panic: x`, `Unhandled exception:`, or the type alone or as a call. */
function isTitle(line: string, type: string): boolean {
  if (/^[^:()]*: |:$/.test(line)) return true
  const named = /^([\w.$]+)(?:$|[:(]| \[)/.exec(line)?.[1]
  return named !== undefined && withoutPackage(named) === withoutPackage(type.trim())
}

const withoutPackage = (name: string) => name.slice(name.lastIndexOf('.') + 1)

const isSentence = (line: string) =>
  /\S\s+\S+\s+\S/.test(line) && !SECTION.test(line) && !NOISE.test(line) && writtenFrame(line) === undefined

const SECTION =
  /^\s*(?:(?:Caused by|Suppressed|Wrapped by|During handling of the above|The above exception was)\b|\[cause\]:)/
const NOISE = /^\s*(?:\.\.\. \d+ (?:more|common)|goroutine \d+|created by |Thread \d+|--- )/
// Go and Rust name the file on a line of its own.
const PLACE = /^(?:\s+(?:at )?|at )(?=[^\s()\\/]*[\\/])([^\s()]+?\.(?:go|rs)):\d+/

/** Reads entries as one shape has it. */
class Reader {
  readonly sections: Frame[][] = [[]]
  /** A line was a frame. */
  matched = false
  /** Distinct frames of the app's own in the open section. */
  private own = 0
  /** The line before, and the frame that it was. */
  private before = ''
  private knownBefore: Frame | undefined
  private isPython = false

  constructor(
    private readonly shape: Shape,
    private readonly enough: number,
  ) {}

  read(entries: Entry[]): void {
    for (const entry of entries) {
      if (isLine(entry)) this.line(entry)
      else this.add(frameOfObject(entry))
      if (!this.isPython && this.own > this.enough) break
    }
    if (!this.isPython) return
    this.sections.reverse()
    for (const section of this.sections) section.reverse()
  }

  private line(line: string): void {
    const before = this.before
    const known = this.knownBefore
    this.before = line
    this.knownBefore = undefined
    if (SECTION.test(line)) {
      if (this.sections.at(-1)!.length > 0) this.sections.push([])
      this.own = 0
      return
    }
    if (NOISE.test(line)) return
    if (PYTHON.test(line)) {
      this.isPython = true
      return
    }
    const place = PLACE.exec(line)?.[1]
    if (place === undefined) this.addLine(this.shape(line))
    else if (known === undefined) this.addLine(frameBefore(before, place))
    else if (known.file === '') this.sections.at(-1)!.splice(-1, 1, makeFrame(known.name, place))
  }

  private addLine(frame: Frame | undefined): void {
    if (frame === undefined || !isNamed(frame)) return
    this.matched = true
    this.knownBefore = frame
    this.add(frame)
  }

  private add(frame: Frame): void {
    if (!isNamed(frame)) return
    const section = this.sections.at(-1)!
    if (frame.inApp && !section.some(other => other.inApp && sameFrame(other, frame))) this.own++
    section.push(frame)
  }
}

// Objects of before, by what they say.
const memory = new Map<string, Frame>()
const MEMORY = 4_096
const textOf = (value: unknown) => (typeof value === 'string' ? value : '')

function frameOfObject(entry: FrameObject): Frame {
  const called = textOf(entry.function) || textOf(entry.method) || textOf(entry.name)
  const owner = textOf(entry.class)
  const name = owner === '' ? called : `${owner}.${called}`
  const file = textOf(entry.file) || textOf(entry.filename) || textOf(entry.module)
  const key = `${name.length} ${name}${file}`
  let frame = memory.get(key)
  if (frame === undefined) {
    frame = makeFrame(name, file)
    if (memory.size >= MEMORY) memory.clear()
    memory.set(key, frame)
  }
  const said = entry.inApp ?? entry.in_app
  return typeof said === 'boolean' && said !== frame.inApp ? { ...frame, inApp: said } : frame
}
