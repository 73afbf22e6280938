// Mutants of valid programs: tokens replaced, dropped, swapped between programs; bytes cut out, changed, put in.
import type { Random } from '../../src/core/random.js'
import { readCases } from './case-file.js'

const tokensOf = (program: string): string[] => program.match(/[()'`,]|"[^"]*"|[^\s()'`,"]+/g) ?? ['x']

export class Mutants {
  private readonly programs = readCases()
    .map(one => one.program)
    .filter(program => program.length < 400)
  private readonly tokens = this.programs.flatMap(tokensOf)

  constructor(private readonly random: Random) {}

  private below(n: number): number {
    return Math.floor(this.random.fraction() * n)
  }

  next(): string {
    const program = this.programs[this.below(this.programs.length)]!
    const parts = tokensOf(program)
    switch (this.below(5)) {
      case 0:
        for (let i = this.below(3); i >= 0; i--)
          parts[this.below(parts.length)] = this.tokens[this.below(this.tokens.length)]!
        return parts.join(' ')
      case 1: {
        const from = this.below(program.length)
        return program.slice(0, from) + program.slice(from + this.below(40))
      }
      case 2: {
        const other = this.programs[this.below(this.programs.length)]!
        return program.slice(0, this.below(program.length)) + other.slice(this.below(other.length))
      }
      case 3: {
        // Bytes, whatever they make of UTF-8.
        const bytes = Buffer.from(program)
        for (let i = this.below(4); i >= 0; i--) bytes[this.below(bytes.length)] = this.below(256)
        return bytes.toString()
      }
      default:
        parts.splice(this.below(parts.length), 1 + this.below(2))
        return parts.join(' ')
    }
  }
}
