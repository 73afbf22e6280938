// From core form to JavaScript: how per-event programs run.
//
// One program becomes the body of one function. All identifiers in it are made here (a letter and a number), all constants
// come out of an array, no text of the program's source is ever in it: what cannot be named cannot be reached.
//
//   C  the engine (fuel, calls, frozen things)    K  constants
//   B  batch   Y  its bytes   S  slices   N  numbers   X  where this event's slices begin   V  the event's index
//   T  the event's type   E  effects   (S, N, X, V, T and E are constants of each procedure, of S0, N0, …, which are set for each event)
//   f7(d, a1, s2, e2)   a procedure: d its depth, if it wants it; parameters, slices as two
//   v7 a variable   s7 e7 m7 one that is a slice, and its text once made   t7 a temporary   k7 a constant   L7 a loop
//
// Statements and expressions. Scheme has only expressions; `value` answers a JavaScript expression to be evaluated exactly
// once, and may first emit statements that must run before it. What was to be evaluated earlier than such statements is
// spilled into a temporary ahead of them (`operands`), so the order is always left to right.
//
// Fuel is paid at the entry of every procedure and at every round of a loop: costOf(body), which follows from core form
// alone, so that an entry that is replayed meets its limit where it met it before.
//
//     Writing (lines, names, constants)  ←  Evaluation (expressions, statements)  ←  Calling (calls, loops)  ←  Emitter

import { LetheError } from '../core/errors.js'
import type { Steps } from '../core/steps.js'
import type { FieldPlan } from '../tables/field-updates.js'
import type { TableDeclaration } from '../tables/types.js'
import { isCertain } from './certain.js'
import { Calling } from './emit-calls.js'
import { accepts } from './emit-plan.js'
import { IGNORE, type Lines, textOf } from './emit-text.js'
import { fieldPlanOf } from './field-plan.js'

export interface EmittedProgram {
  /** Body of a function (C, K) that answers { load, roots, begin, run }. */
  readonly code: string
  readonly constants: readonly unknown[]
  readonly tables: readonly TableDeclaration[]
  /** See certain.ts. */
  readonly certain: boolean
  /** See field-plan.ts. */
  readonly fieldPlan: FieldPlan | undefined
}

export class Emitter extends Calling {
  /** Emits everything, in steps. */
  *program(): Steps<EmittedProgram> {
    yield* this.plan.making()
    const load: Lines = []
    const top = this.topFunction()
    this.current = top
    this.lines = load
    for (const form of [...(this.core.builtin?.forms ?? []), ...this.core.forms]) {
      this.emit(form, IGNORE)
      if (!this.agenda.isEmpty) yield* this.agenda.finish()
    }
    const call = this.entry()
    // Emitting functions finds more of them.
    for (const known of this.wanted) {
      if (this.isLocal(known)) continue
      this.functions.push(this.functionText(known))
      if (!this.agenda.isEmpty) yield* this.agenda.finish()
    }
    const functions = yield* textOf(this.functions)
    const certain = isCertain(call, functions, this.engine.limits.maxProgramSteps)
    const fieldPlan = certain ? fieldPlanOf(call, functions) : undefined
    const procedures = [...this.procedures].map(([known, name]) => this.procedureText(known, name))
    const code = yield* textOf([
      '"use strict";',
      ...[...this.constantNames.values()].map(name => `const ${name}=K[${name.slice(1)}];`),
      'let B,Y,S0,N0,E0,X0=0,V0=0,T0=0;',
      'function same(s,e,k){const n=k.length;if(s<0||e-s!==n)return false;' +
        'const y=s>=0x40000000?E0.arena:Y;if(s>=0x40000000)s-=0x40000000;' +
        'for(let i=0;i<n;i++)if(y[s+i]!==k[i])return false;return true}',
      functions,
      ...procedures,
      ...[...this.globals].map(([variable, initial]) => `let ${this.nameOf(variable)}${initial};`),
      'function load(effects){E0=effects;',
      this.declareReads(top),
      this.declareTemporaries(top),
      load,
      '}',
      `function roots(){return [${[...this.globals.keys()].map(variable => this.nameOf(variable)).join(',')}]}`,
      'function begin(batch,effects){B=batch;Y=batch.bytes;S0=batch.slices;N0=batch.numbers;E0=effects}',
      `function run(event){X0=event*40;V0=event;T0=B.types[event];return ${call}}`,
      'return {load,roots,begin,run}',
    ])
    return { code, constants: this.constants, tables: this.tables, certain, fieldPlan }
  }

  /** JavaScript for one event. */
  private entry(): string {
    const { onEvent } = this.core
    let call = 'undefined'
    if (onEvent !== undefined) {
      const known = this.plan.knownGlobal(onEvent)
      if (known === undefined) {
        call = `C.call1(0,${this.topVariable(onEvent)},${this.constant(this.eventValue)})`
      } else {
        if (!accepts(known.lambda, 1)) {
          const message = '`on-event` wants one parameter, the event'
          throw new LetheError('wrong-arity', message, 400, this.place(known.lambda.at))
        }
        call = this.callKnown(known, this.knownOperands(known, [{ tag: 'constant', value: this.eventValue }]))
      }
      if (known?.bounces) call = `C.bounce(0,${call})`
    }
    return call
  }

  // ——— names and constants
}
