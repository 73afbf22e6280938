// The other back end: the same program on the machine, for one event. It judges what emit-js makes of a program.
import { LetheError } from '../../src/core/errors.js'
import { defaultLimits } from '../../src/core/limits.js'
import { atOnce } from '../../src/core/steps.js'
import { compileTop, type Numbering } from '../../src/query/compiler.js'
import type { Core, GlobalVariable } from '../../src/query/core-form.js'
import { dropSignal } from '../../src/query/event-primitives.js'
import { theEvent } from '../../src/query/event-value.js'
import { standardLibrary } from '../../src/query/library.js'
import { Machine } from '../../src/query/machine.js'
import { readingProgram } from '../../src/query/program-core.js'
import type { Value } from '../../src/query/value.js'
import { Effects } from '../../src/tables/effects.js'
import { batchOf, effectsText, noSessions } from './program-rig.js'

/** Outcome and effects, as runOn of program-rig.ts shows them; failures as `failed code`. */
export function runOnMachine(source: string, event: object): string[] {
  const library = standardLibrary()
  const { forms, onEvent, symbols } = atOnce(readingProgram(source, defaultLimits))
  const globals: (Value | undefined)[] = library.globals.slice()
  const literals: Value[] = library.literals.slice()
  // What programs stand on is shared by all of them, so its slots are remembered here, not in the variables.
  const slots = new Map<GlobalVariable, number>()
  const numbering: Numbering = {
    literals,
    slotOf: variable => {
      if (variable.slot >= 0) return variable.slot
      let slot = slots.get(variable)
      if (slot === undefined) {
        const initial = variable.primitive ?? (variable.hides === undefined ? undefined : globals[variable.hides.slot])
        slot = globals.push(initial) - 1
        slots.set(variable, slot)
      }
      return slot
    },
  }
  const call: Core = {
    tag: 'call',
    operator: { tag: 'global', variable: onEvent!, at: -1 },
    operands: [{ tag: 'constant', value: theEvent }],
    at: -1,
  }
  const block = atOnce(compileTop([...forms, call], { source, sealed: false }, numbering))
  const batch = batchOf(event)
  const effects = new Effects()
  effects.begin(batch, [], noSessions())
  const image = {
    globals,
    literals,
    symbols,
    rewindSlot: library.rewindSlot,
    unbound: () => new LetheError('unbound-variable', 'unbound', 400),
  }
  const machine = new Machine(
    image,
    block,
    { ...defaultLimits, maxQuerySteps: 3_000_000 },
    { batch, event: 0, effects },
  )
  try {
    while (!machine.done) machine.step(100_000)
  } catch (thrown) {
    if (thrown === dropSignal) return [`dropped ${dropSignal.reason}`]
    if (thrown instanceof LetheError) return [`failed ${thrown.code}`]
    throw thrown
  }
  return effectsText(effects)
}
