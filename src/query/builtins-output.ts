// Input and output: into the answer's `output`, and from and to strings. There are no files.

import { LetheError } from '../core/errors.js'
import { charOf, textOf } from './argument.js'
import { outOfRange, wrongType } from './complaint.js'
import { fixed, sliced } from './define.js'
import type { Context, PrimitiveDefinition, PrimitiveGroup, Resumable } from './primitive.js'
import { Printer } from './printer.js'
import { Reader } from './reader.js'
import { Bytes, char, detached, endOfFile, Port, Text, unspecified, type Value } from './value.js'

const portOf = (name: string, value: Value, kind: 'input' | 'output'): Port => {
  if (value instanceof Port && value.kind === kind) return value
  throw wrongType(name, `an ${kind} port`, value)
}

/** What `(current-output-port)` answers: writing to it is writing to the answer's output. */
const standardOutput = new Port('output', '')
const standardInput = new Port('input', '')

function emit(context: Context, name: string, text: string, to: Value): Value {
  if (to === undefined || to === standardOutput) context.display(text)
  else {
    const port = portOf(name, to, 'output')
    context.allocate(text.length * 2 + 16)
    port.write(text)
  }
  context.charge(text.length >> 4)
  return unspecified
}

function* printSlowly(context: Context, name: string, printer: Printer, to: Value): Resumable {
  for (;;) {
    const done = printer.step(1024)
    emit(context, name, printer.take(), to)
    if (done) return unspecified
    yield 1024
  }
}

function print(context: Context, name: string, value: Value, to: Value, display: boolean): Value | Resumable {
  if (display && value instanceof Text) return emit(context, name, value.text(), to)
  if (to !== undefined && to !== standardOutput) portOf(name, to, 'output')
  const printer = new Printer(value, display)
  if (!printer.step(256)) return printSlowly(context, name, printer, to)
  return emit(context, name, printer.take(), to)
}

/** The written form as a string: for `(write-to-string X)`. */
function* writeText(context: Context, value: Value): Resumable {
  const printer = new Printer(value, false)
  const parts: string[] = []
  while (!printer.step(1024)) {
    const part = printer.take()
    context.allocate(part.length * 4)
    parts.push(part)
    yield 1024
  }
  parts.push(printer.take())
  const text = parts.join('')
  context.allocate(Bytes.Text)
  return new Text(text)
}

function read(context: Context, from: Value): Value {
  if (from instanceof Text) return readFrom(context, from.text(), 0).datum
  const port = from === undefined ? standardInput : portOf('read', from, 'input')
  const { datum, at } = readFrom(context, port.text, port.at)
  port.at = at
  return datum
}

// The reader recurses, so it cannot work in slices: what it may look at has a bound. Most data are short, and a look at the
// rest of a long text is a copy of it: what is read must not keep all of the text alive.
const WINDOWS = [512, 65_536]

interface Found {
  readonly datum: Value
  readonly length: number
}

function readFrom(context: Context, source: string, start: number): { datum: Value; at: number } {
  for (const window of WINDOWS) {
    const isCut = source.length - start > window
    const found = readWithin(context, detached(source.slice(start, start + window), source), isCut)
    if (found === undefined) continue
    context.charge(found.length)
    // A datum of n characters is at most n / 2 pairs and symbols.
    context.allocate(found.length * 64)
    return { datum: found.datum, at: start + found.length }
  }
  throw outOfRange('read', `more than ${WINDOWS[1]} characters`)
}

/** The first datum of `text`; undefined where more text, which `isCut` says there is, could make another of it. */
function readWithin(context: Context, text: string, isCut: boolean): Found | undefined {
  const reader = new Reader(text, context.symbols, context.limits.maxNestingDepth)
  try {
    const datum = reader.read()
    return isCut && reader.at === text.length ? undefined : { datum, length: reader.at }
  } catch (error) {
    if (!(error instanceof LetheError) || error.code !== 'syntax-error') throw error
    // What looks wrong in a short window may only be cut off.
    const isShort = text.length === WINDOWS[0]
    if (isCut && (isShort || error.details['incomplete'] === true || reader.at === text.length)) return undefined
    throw new LetheError('out-of-range', `\`read\`: ${error.message}`, 400)
  }
}

function nextChar(name: string, from: Value, move: boolean): Value {
  const port = from === undefined ? standardInput : portOf(name, from, 'input')
  const code = port.text.codePointAt(port.at)
  if (code === undefined) return endOfFile
  if (move) port.at += code > 0xffff ? 2 : 1
  return char(code)
}

function close(name: string, port: Value, kind: 'input' | 'output'): Value {
  portOf(name, port, kind)
  return unspecified
}

const always = (signature: string, doc: string, value: Value): PrimitiveDefinition => fixed(signature, doc, () => value)

export const output: PrimitiveGroup = {
  title: 'Input and output',
  primitives: [
    sliced('(write VALUE [PORT])', 'Writes VALUE so that `read` would give it back.', (context, value, to) =>
      print(context, 'write', value, to, false),
    ),
    sliced(
      '(display VALUE [PORT])',
      'Writes VALUE for people: strings and characters as they are.',
      (context, value, to) => print(context, 'display', value, to, true),
    ),
    fixed('(newline [PORT])', 'Ends the line.', (context, to) => emit(context, 'newline', '\n', to)),
    fixed('(write-char CHAR [PORT])', 'Writes one character.', (context, value, to) =>
      emit(context, 'write-char', String.fromCodePoint(charOf('write-char', value).code), to),
    ),
    fixed('(write-string STRING [PORT])', 'Writes STRING as it is.', (context, value, to) =>
      emit(context, 'write-string', textOf('write-string', value).text(), to),
    ),
    sliced(
      '(write-to-string VALUE)',
      'What `write` would write, as a string.',
      (context, value) => writeText(context, value),
      ['(write-to-string \'(a "b"))', '"(a \\"b\\")"'],
    ),
    fixed('(open-input-string STRING)', 'A port to read STRING from.', (context, value) => {
      const text = textOf('open-input-string', value).text()
      context.allocate(120 + text.length * 2)
      return new Port('input', text)
    }),
    fixed('(open-output-string)', 'A port that keeps what is written to it.', context => {
      context.allocate(120)
      return new Port('output', '')
    }),
    fixed('(get-output-string PORT)', 'What was written to PORT.', (context, value) => {
      const port = portOf('get-output-string', value, 'output')
      const text = port.written.join('')
      port.written = [text]
      context.allocate(Bytes.Text + text.length * 2)
      return new Text(text)
    }),
    fixed(
      '(read [FROM])',
      'The next datum of a port or of a string; the end-of-file object if there is none.',
      (context, from) => read(context, from),
      ['(read "(1 . 2) 3")', '(1 . 2)'],
    ),
    fixed('(read-char [PORT])', 'The next character.', (_, from) => nextChar('read-char', from, true)),
    fixed('(peek-char [PORT])', 'The next character, which stays to be read.', (_, from) =>
      nextChar('peek-char', from, false),
    ),
    fixed('(read-line [PORT])', 'The text up to the end of the line.', (context, from) => {
      const port = from === undefined ? standardInput : portOf('read-line', from, 'input')
      if (port.at >= port.text.length) return endOfFile
      const found = port.text.indexOf('\n', port.at)
      const end = found < 0 ? port.text.length : found
      const text = detached(port.text.slice(port.at, end), port.text)
      port.at = end + 1
      context.allocate(Bytes.Text + text.length * 2)
      return new Text(text)
    }),
    fixed('(char-ready? [PORT])', '#t: strings are always ready.', () => true),
    fixed('(eof-object? VALUE)', '#t if VALUE is the end-of-file object.', (_, value) => value === endOfFile),
    always('(eof-object)', 'The end-of-file object.', endOfFile),
    always('(current-output-port)', "The port of the answer's output.", standardOutput),
    always('(current-input-port)', 'An empty port.', standardInput),
    fixed(
      '(input-port? VALUE)',
      '#t if VALUE is a port to read from.',
      (_, value) => value instanceof Port && value.kind === 'input',
    ),
    fixed(
      '(output-port? VALUE)',
      '#t if VALUE is a port to write to.',
      (_, value) => value instanceof Port && value.kind === 'output',
    ),
    fixed('(close-input-port PORT)', 'Does nothing: there are no files.', (_, value) =>
      close('close-input-port', value, 'input'),
    ),
    fixed('(close-output-port PORT)', 'Does nothing: there are no files.', (_, value) =>
      close('close-output-port', value, 'output'),
    ),
  ],
}
