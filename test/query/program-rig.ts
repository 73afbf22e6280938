// Runs programs over events as clients write them, and shows their effects as text.
import { defaultLimits } from '../../src/core/limits.js'
import type { EventBatch } from '../../src/event/batch.js'
import { DECODER_VERSION, decodeAll, Format } from '../../src/event/decode.js'
import { type EventProgram, Outcome } from '../../src/query/event-program.js'
import { Effects, Operation, STRIDE } from '../../src/tables/effects.js'
import { ARENA } from '../../src/tables/event-texts.js'
import { Tracker } from '../../src/tables/page.js'
import { SessionStates } from '../../src/tables/sessions.js'

export function batchOf(...events: readonly object[]): EventBatch {
  const body = Buffer.from(JSON.stringify(events))
  const context = { format: Format.Json, version: DECODER_VERSION, sentAt: Number.NaN, limits: defaultLimits }
  return decodeAll(body, 0, body.length, context)
}

export const noSessions = () => new SessionStates({ k0: 1, k1: 2 }, defaultLimits, new Tracker())

const verbs: Record<number, string> = {
  [Operation.Bump]: 'bump',
  [Operation.Sketch]: 'sketch',
  [Operation.Collect]: 'collect',
  [Operation.Observe]: 'observe',
  [Operation.Gauge]: 'gauge',
  [Operation.Tick]: 'tick',
}

/** One line an effect: `bump crashes/app [1.2.3] 1`. */
export function effectsText(effects: Effects): string[] {
  const text = (start: number, end: number) =>
    start >= ARENA
      ? Buffer.from(effects.arena.subarray(start - ARENA, end - ARENA)).toString()
      : Buffer.from(effects.bytes.subarray(start, end)).toString()
  const lines: string[] = []
  for (let i = 0; i < effects.count; i++) {
    const [word, keyStart, keyEnd, valueStart, valueEnd] = effects.ops.subarray(i * STRIDE, i * STRIDE + STRIDE)
    const operation = word! & 15
    const amount = effects.amounts[i]!
    if (operation === Operation.NoteGroup) lines.push('note-group')
    else if (operation === Operation.Once) lines.push(`once ${amount} [${text(keyStart!, keyEnd!)}]`)
    else if (operation === Operation.SetState)
      lines.push(`state [${text(keyStart!, keyEnd!)}] ${effects.symbols[amount]}`)
    else {
      const index = word! >> 4
      const table = [...effects.declared, ...effects.named][index]!.name
      const last =
        operation === Operation.Sketch || operation === Operation.Collect
          ? `[${text(valueStart!, valueEnd!)}]`
          : String(amount)
      lines.push(`${verbs[operation]} ${table} [${text(keyStart!, keyEnd!)}] ${last}`)
    }
  }
  return lines
}

/** Outcome and effects of one event, of a customer without sessions unless given. */
export function runOn(program: EventProgram, event: object, sessions = noSessions()): string[] {
  const batch = batchOf(event)
  if (batch.rejections.length > 0) throw new Error(batch.rejections[0]!.message)
  const effects = new Effects()
  effects.begin(batch, program.declared, sessions)
  program.begin(batch, effects)
  const outcome = program.run(0)
  if (program.certain && outcome !== Outcome.Applied) throw new Error(`not certain after all: ${program.source}`)
  if (outcome === Outcome.Dropped) return [`dropped ${program.reason}`]
  if (outcome === Outcome.Failed) {
    const { code, message, line, column } = program.error!
    return [`failed ${code}: ${message}${line === undefined ? '' : ` (${line}:${column})`}`]
  }
  return effectsText(effects)
}
