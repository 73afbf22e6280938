// Where in a program an error happened, for people: line, column, the expression, and the procedures on the way there.

import { LetheError } from '../core/errors.js'
import { type Block, Closure } from './block.js'
import type { Machine } from './machine.js'
import { Reader } from './reader.js'
import { placeOf } from './source.js'
import { SymbolTable } from './value.js'

const MAX_FRAMES = 12

/** The error as the program's author sees it. What a LetheError already says of its place stays. */
export function report(error: LetheError, machine: Machine): LetheError {
  if (error.details['line'] !== undefined) return error
  const frames = framesOf(machine)
  const place = frames.find(frame => !frame.block.unit.sealed && frame.at >= 0)
  const backtrace = frames
    .map(frame => frame.block.name)
    .filter((name, i, all) => name !== '' && !name.startsWith('%') && (name !== all[i - 1] || i < 4))
    .slice(0, MAX_FRAMES)
  const where =
    place === undefined
      ? {}
      : { ...placeOf(place.block.unit.source, place.at), expression: expressionAt(place.block.unit.source, place.at) }
  return new LetheError(error.code, error.message, error.status, { ...error.details, ...where, backtrace })
}

interface Frame {
  readonly block: Block
  readonly at: number
}

function framesOf(machine: Machine): Frame[] {
  const frames: Frame[] = []
  const add = (block: Block, pc: number): void => {
    frames.push({ block, at: block.placeAt(pc) })
  }
  const { site } = machine
  if (site !== undefined) add(site.block, site.pc)
  for (const { closure, pc } of machine.frames(60)) {
    // The frame that the site belongs to is still there where it is no tail call that failed.
    const isSite = frames.length === 1 && closure.block === site?.block && pc === site.pc
    if (closure instanceof Closure && !isSite) add(closure.block, pc)
  }
  return frames
}

/** The text of the datum at an offset, on one line, cut to 100 characters. */
function expressionAt(source: string, at: number): string {
  const piece = source.slice(at, at + 2000)
  const reader = new Reader(piece, new SymbolTable(), 100)
  let end = 100
  try {
    reader.read()
    end = reader.at
  } catch {
    // A datum longer than the piece is cut anyway.
  }
  const text = piece.slice(0, end).replace(/\s+/g, ' ')
  return text.length > 100 ? `${text.slice(0, 99)}…` : text
}

/** The name most like `name`, if one is near enough to be meant. */
export function suggestion(name: string, names: Iterable<string>): string | undefined {
  if (name.length < 2) return undefined
  let best: string | undefined
  let bestDistance = name.length <= 3 ? 1.5 : 2.5
  for (const candidate of names) {
    if (candidate.startsWith('%') || Math.abs(candidate.length - name.length) > 2) continue
    const distance = editDistance(name, candidate)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, before[j - 2]! + 1)
      row.push(best)
    }
    before = previous
    previous = row
  }
  return previous[b.length]!
}
