// What a Scheme value is.
//
//   exact integer     JS number while |n| < 2^53 (a "fixnum"), JS bigint beyond; never both for one integer, never -0
//   exact rational    Ratio, in lowest terms, denominator > 1
//   real              Flonum: a type apart, so that 7 and 7.0 differ and print differently
//   boolean           true, false
//   ()                null
//   everything else   an instance of one of the classes below
//
// There is no other kind of value: a JavaScript object, function, string or `undefined` is never a Scheme value, so a
// program has nothing to climb out on. `undefined` means "argument not given" between the machine and its primitives.
//
// `note` on the containers serves two masters, one after the other. While a program is being read it holds where the
// element began in the source (−1 − offset, so negative); once it runs, the epoch of the last memory measurement that
// has seen the object (positive). A field costs 8 bytes an object; a Set of visited objects cost 40 and twice the time.

import type { HashTable } from './hash-table.js'

export type Value =
  | number
  | bigint
  | boolean
  | null
  | Ratio
  | Flonum
  | Pair
  | Text
  | Char
  | Sym
  | Vector
  | HashTable
  | Delayed
  | Port
  | Unique
  | Values
  | Box
  | Procedure
  | Opaque

/** An inexact real. */
export class Flonum {
  constructor(readonly value: number) {}
}

/** An exact rational that is no integer: lowest terms, denominator > 1. */
export class Ratio {
  constructor(
    readonly numerator: bigint,
    readonly denominator: bigint,
  ) {}
}

export class Pair {
  note = 0
  constructor(
    public car: Value,
    public cdr: Value,
  ) {}
}

/** An interned symbol: one object per name and SymbolTable. */
export class Sym {
  constructor(readonly name: string) {}
}

export class Vector {
  note = 0
  constructor(readonly items: Value[]) {}
}

/** A character: a Unicode code point. */
export class Char {
  constructor(readonly code: number) {}
}

/** A promise made by `delay`. Holds its thunk until forced, its value afterwards. */
export class Delayed {
  note = 0
  done = false
  constructor(public content: Value) {}
}

/** A port: reads from a text in memory, or writes to one. Never a file. */
export class Port {
  note = 0
  at = 0
  written: string[] = []
  private writtenLength = 0
  constructor(
    readonly kind: 'input' | 'output',
    public text: string,
  ) {}

  get byteSize(): number {
    return 120 + 2 * (this.text.length + this.writtenLength)
  }

  write(text: string): void {
    this.written.push(text)
    this.writtenLength += text.length
  }
}

/** A value that is only itself. */
export class Unique {
  constructor(readonly name: string) {}
}

/** What an expression answers that has nothing to say: `(if #f #f)`. */
export const unspecified = new Unique('unspecified')
export const endOfFile = new Unique('eof')
/** What a letrec variable holds before its initial value; reading it is an error. */
export const unassigned = new Unique('unassigned')

/** Zero, two or more values on their way to `call-with-values`. */
export class Values {
  note = 0
  constructor(readonly items: readonly Value[]) {}
}

/** The cell of a variable that is both captured and assigned. Programs never hold one. */
export class Box {
  note = 0
  constructor(public value: Value) {}
}

/** Anything that can be called. Subclasses: Primitive (primitive.ts), Closure and Continuation (machine), and those of emit-js. */
export abstract class Procedure {
  note = 0
  abstract readonly name: string
}

/** A value from outside the language, such as a sketch: opaque to programs but for the primitives made for it. */
export abstract class Opaque {
  note = 0
  /** What `write` prints between `#<` and `>`. */
  abstract readonly written: string
  abstract readonly byteSize: number
  /** What JSON answers show. */
  abstract toJson(): unknown
}

/** Mutable text, indexed by code point. `text()` is the JavaScript string; both forms are made when first asked for. */
export class Text {
  note = 0
  private string: string | undefined
  private points: Uint32Array | undefined
  /** 0 not known yet, 1 every code point is one UTF-16 unit, 2 some take two. */
  private shape = 0

  constructor(string: string) {
    this.string = string
  }

  static ofPoints(points: Uint32Array): Text {
    const made = new Text('')
    made.string = undefined
    made.points = points
    return made
  }

  get byteSize(): number {
    return Bytes.Text + 2 * (this.string?.length ?? 0) + 4 * (this.points?.length ?? 0)
  }

  text(): string {
    return this.string ?? (this.string = stringOfPoints(this.points!))
  }

  /** Code points in it. Linear the first time, where the text may hold surrogates. */
  get length(): number {
    if (this.points !== undefined) return this.points.length
    return this.isSimple() ? this.string!.length : this.toPoints().length
  }

  private isSimple(): boolean {
    if (this.shape === 0) this.shape = /[\ud800-\udfff]/.test(this.string!) ? 2 : 1
    return this.shape === 1
  }

  private toPoints(): Uint32Array {
    if (this.points !== undefined) return this.points
    this.points = pointsOfString(this.string!)
    return this.points
  }

  /** The code point at an index below `length`. */
  at(index: number): number {
    if (this.points === undefined && this.isSimple()) return this.string!.charCodeAt(index)
    return this.toPoints()[index]!
  }

  set(index: number, code: number): void {
    this.toPoints()[index] = code
    this.string = undefined
    this.shape = 0
  }

  fill(code: number): void {
    this.string = String.fromCodePoint(code).repeat(this.length)
    this.points = undefined
    this.shape = 0
  }

  slice(start: number, end: number): string {
    if (this.string !== undefined && this.isSimple()) return detached(this.string.slice(start, end), this.string)
    return stringOfPoints(this.toPoints().subarray(start, end))
  }
}

function pointsOfString(string: string): Uint32Array {
  if (!/[\ud800-\udfff]/.test(string)) return Uint32Array.from(unitsOf(string))
  const points = new Uint32Array(string.length)
  let count = 0
  for (let i = 0; i < string.length; i++) {
    const code = string.codePointAt(i)!
    if (code > 0xffff) i++
    points[count++] = code
  }
  return points.slice(0, count)
}

function unitsOf(string: string): Uint16Array {
  const units = Buffer.from(string, 'utf16le')
  return new Uint16Array(units.buffer, units.byteOffset, string.length)
}

// Through a Buffer: a tenth of the time of String.fromCodePoint.
function stringOfPoints(points: Uint32Array): string {
  if (points.length < 64) return String.fromCodePoint(...points)
  if (!points.some(code => code > 0xffff)) return Buffer.from(Uint16Array.from(points).buffer).toString('utf16le')
  const parts: string[] = []
  for (let i = 0; i < points.length; i += 4096) parts.push(String.fromCodePoint(...points.subarray(i, i + 4096)))
  return parts.join('')
}

/**
 * A part of a longer string as a string of its own. V8 makes slices refer to the whole, which would then live as long as
 * they do, whatever they were accounted for.
 */
export function detached(part: string, whole: string): string {
  return part.length > 12 && part.length < whole.length >> 1 ? ` ${part}`.slice(1) : part
}

const commonChars: Char[] = []
for (let code = 0; code < 0x300; code++) commonChars.push(new Char(code))

/** A character. Common ones are shared; `eq?` compares the others by code. */
export function char(code: number): Char {
  return code < 0x300 ? commonChars[code]! : new Char(code)
}

/**
 * Names to symbols. Three layers: the library's, a compiled program's, a run's; so that `string->symbol` in a run adds
 * nothing that outlives it.
 */
export class SymbolTable {
  private readonly symbols = new Map<string, Sym>()
  /** What its own symbols hold. */
  byteSize = 0
  // Counted for each run, so that the same program always answers the same and learns nothing about others.
  private unnamed = 0
  constructor(private readonly parent?: SymbolTable) {}

  /** A symbol that is no other, whatever its name. */
  unique(): Sym {
    return new Sym(`g${++this.unnamed}`)
  }

  find(name: string): Sym | undefined {
    return this.symbols.get(name) ?? this.parent?.find(name)
  }

  intern(name: string): Sym {
    const found = this.find(name)
    if (found !== undefined) return found
    const made = new Sym(name)
    this.symbols.set(name, made)
    this.byteSize += Bytes.Symbol + name.length * 2
    return made
  }

  /** Own names, then the parent's. */
  *names(): Generator<string> {
    yield* this.symbols.keys()
    if (this.parent) yield* this.parent.names()
  }
}

/** The symbols of the library and of all primitives. Never grows after start-up. */
export const librarySymbols = new SymbolTable()

export const cons = (car: Value, cdr: Value): Pair => new Pair(car, cdr)

/** A fresh proper list. The caller accounts for its memory. */
export function list(...items: Value[]): Value {
  return listOf(items)
}

export function listOf(items: readonly Value[], tail: Value = null): Value {
  let result = tail
  for (let i = items.length - 1; i >= 0; i--) result = new Pair(items[i]!, result)
  return result
}

/** Heap bytes that values take, as measured on Node 20 (`%HeapObjectSize`-like probes): what accounting charges. */
export const enum Bytes {
  Pair = 48,
  Flonum = 32,
  Box = 40,
  Closure = 56,
  Slot = 8,
  Vector = 64,
  Text = 88,
  Char = 24,
  Ratio = 80,
  HashTable = 200,
  HashEntry = 144,
  Values = 72,
  Symbol = 128,
}
