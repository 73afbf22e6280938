// What must be known of a whole program before the first line of JavaScript is written: which procedures are known, in what
// form each variable lives, who needs the depth of the stack, and whose tail calls bounce.
//
// Known procedures. A variable of the top level that is defined once, by a lambda, and never assigned is a JavaScript
// function: calls go straight to it. (The top level is frozen after load, so this is for good.) The library's likewise;
// only those that are reached are emitted. A local variable bound to a lambda, too.
//
// Representations. A variable that holds a text field lives as two integers, start and end in the batch's bytes, and most
// never become anything else: as key, value, test or operand of `equal?` they are used as they are. This goes through
// calls of known procedures: a parameter is a slice where every call hands it one.
//
//     value    a Scheme value
//     slice    (start, end); start < 0 is #f
//     number   a double; NaN is #f
//     type     an EventType
//     event    the event itself: nothing at all
//
// Depth. JavaScript's stack is small and overflows at a depth that depends on the optimizer, so emitted code counts:
// procedures that may recurse take their depth as a first argument, in units of about 150 bytes of stack.
//
// Tail calls. A call of itself in tail position is a jump. Between known procedures a tail call is a call unless it closes a
// cycle; those, and tail calls of procedures only known at run time, answer TAIL, and the nearest caller bounces.

import type { Steps } from '../core/steps.js'
import type { CallForm, Core, GlobalVariable, LambdaForm, LocalVariable, PrimitiveForm } from './core-form.js'
import { placeOf } from './event-value.js'
import { Sym, Text } from './value.js'

export type Representation = 'value' | 'slice' | 'number' | 'type' | 'event'

const IDENTITY = new Set(['eq?', 'eqv?', 'memq', 'memv', 'assq', 'assv'])

/** Whether a text is changed here, or may be asked whether it is the same one as another: no constant is one of an event's. */
function tellsTextsApart(form: Core): boolean {
  const primitive =
    form.tag === 'primitive' ? form.primitive : form.tag === 'global' ? form.variable.primitive : undefined
  if (primitive === undefined) return false
  if (/^string-.*!$/.test(primitive.name)) return true
  if (!IDENTITY.has(primitive.name)) return false
  return form.tag !== 'primitive' || form.operands.every(operand => operand.tag !== 'constant')
}

/** A procedure that is known where it is called. */
export class Known {
  readonly id: number
  /** As long as a caller is to be found, undefined: nothing speaks against any representation. */
  readonly parameters: (Representation | undefined)[]
  /** It is used as a value somewhere, so its parameters are values. */
  escapes = false
  /** It may call itself, maybe by way of others. */
  recursive = false
  needsDepth = false
  /** It may answer TAIL. */
  bounces = false
  /** Its own tail calls of itself. */
  loops = false
  /** Somebody calls it, besides the engine. */
  called = false
  readonly calls = new Set<Known>()
  readonly tailCalls = new Set<Known>()
  callsUnknown = false
  tailCallsUnknown = false
  component = 0

  constructor(
    id: number,
    readonly lambda: LambdaForm,
    /** Of the library or the built-in program. */
    readonly foreign: boolean,
  ) {
    this.id = id
    this.parameters = lambda.parameters.map(() => undefined)
  }
}

/** What `emit-js` is given: forms of the top level in order, and where to find the rest. */
export interface ProgramCore {
  readonly forms: readonly Core[]
  /** The variable of `on-event`; undefined for code that is only loaded. */
  readonly onEvent: GlobalVariable | undefined
  /** The built-in program, where `apply-default` is called. */
  readonly builtin: ProgramCore | undefined
  /** The definition of a library procedure. */
  readonly library: (variable: GlobalVariable) => Core | undefined
}

const noChildren: readonly Core[] = []

/** The forms directly inside a form, in order of evaluation. */
export function childrenOf(form: Core): readonly Core[] {
  switch (form.tag) {
    case 'constant':
    case 'local':
    case 'global':
      return noChildren
    case 'set-local':
    case 'set-global':
      return [form.value]
    case 'if':
      return [form.test, form.consequent, form.alternative]
    case 'lambda':
      return [form.body]
    case 'let':
    case 'letrec':
    case 'loop':
      return [...form.values, form.body]
    case 'sequence':
      return form.items
    case 'call':
      return [form.operator, ...form.operands]
    case 'primitive':
    case 'again':
      return form.operands
  }
}

/**
 * The fuel that a stretch of code takes, whatever way through it is taken: 1, and 1 for each call in it, without the
 * lambdas and loops inside, which pay for themselves.
 */
export function costOf(body: Core): number {
  let cost = 1
  const visit = (form: Core): void => {
    if (form.tag === 'lambda') return
    if (form.tag === 'loop') {
      form.values.forEach(visit)
      return
    }
    if (form.tag === 'call' || form.tag === 'primitive') cost++
    childrenOf(form).forEach(visit)
  }
  visit(body)
  return cost
}

export class Plan {
  readonly known = new Map<GlobalVariable | LocalVariable, Known>()
  private readonly representations = new Map<LocalVariable, Representation>()
  private readonly lambdas = new Map<LambdaForm, Known>()
  private readonly definitions = new Map<GlobalVariable, number>()
  // Where texts are changed in place or told apart, a variable holds one text: it cannot be bytes and now and then a text made of them.
  private textsAreObjects = false
  private nextId = 0
  // Procedures to look at (again): something about their parameters or variables has become known.
  private readonly waiting = new Set<Known>()

  constructor(readonly core: ProgramCore) {}

  /** Finds everything out; a procedure is looked at in one step. To be done before anything is asked. */
  *making(): Steps<void> {
    const { forms, builtin } = this.core
    this.countDefinitions(forms)
    if (builtin !== undefined) this.countDefinitions(builtin.forms)
    this.findKnown(forms, false)
    if (builtin !== undefined) this.findKnown(builtin.forms, true)
    yield
    yield* this.visitProgram()
    this.settle()
  }

  /** Known procedures reached so far. Grows as library procedures are found. */
  allKnown(): Known[] {
    return [...this.lambdas.values()]
  }

  knownLambda(lambda: LambdaForm): Known | undefined {
    return this.lambdas.get(lambda)
  }

  /** The known procedure that a variable of the top level stands for, if any. */
  knownGlobal(variable: GlobalVariable): Known | undefined {
    const known = this.known.get(variable)
    if (known !== undefined || !variable.sealed || variable.primitive !== undefined) return known
    if (ENGINE_PROCEDURES.has(variable.name)) return undefined
    const definition = this.core.library(variable)
    if (definition !== undefined) this.countDefinitions([definition])
    return definition?.tag === 'lambda' ? this.addKnown(variable, definition, true) : undefined
  }

  onEventOf(core: ProgramCore): Known | undefined {
    return core.onEvent === undefined ? undefined : this.known.get(core.onEvent)
  }

  /** The form in which a variable lives. */
  of(variable: LocalVariable): Representation {
    return this.representations.get(variable) ?? 'value'
  }

  parameter(known: Known, index: number): Representation {
    return known.parameters[index] ?? 'value'
  }

  /** The form in which an operand is at hand without making a value of it; undefined where nothing is known yet. */
  formOf(form: Core): Representation | undefined {
    switch (form.tag) {
      case 'local':
        if (form.variable.assigned || form.variable.unready) return 'value'
        return this.representations.get(form.variable) ?? (this.pending.has(form.variable) ? undefined : 'value')
      case 'primitive':
        return this.formOfPrimitive(form)
      default:
        return 'value'
    }
  }

  // Parameters of known procedures that no call has been seen of yet.
  private readonly pending = new Set<LocalVariable>()

  private formOfPrimitive(form: PrimitiveForm): Representation | undefined {
    const name = form.primitive.name
    if (name === 'field') {
      const path = literalPath(form)
      const event = this.formOf(form.operands[0]!)
      if (path === undefined || event !== 'event') return event === undefined ? undefined : 'value'
      const place = placeOf(path)
      return place.tag === 'text' ? 'slice' : place.tag === 'number' ? 'number' : 'value'
    }
    if (name === 'event-type') {
      const event = this.formOf(form.operands[0]!)
      return event === 'event' ? 'type' : event === undefined ? undefined : 'value'
    }
    if (name === 'key' && form.operands.length === 2) {
      const parts = form.operands.map(operand => this.formOf(operand))
      if (parts.some(part => part !== 'slice' && part !== undefined)) return 'value'
      return parts.includes(undefined) ? undefined : 'slice'
    }
    return 'value'
  }

  private countDefinitions(forms: readonly Core[]): void {
    const visit = (form: Core): void => {
      if (form.tag === 'set-global') {
        this.definitions.set(form.variable, (this.definitions.get(form.variable) ?? 0) + 1)
      }
      this.textsAreObjects ||= tellsTextsApart(form)
      childrenOf(form).forEach(visit)
    }
    forms.forEach(visit)
  }

  private findKnown(forms: readonly Core[], foreign: boolean): void {
    for (const form of forms) {
      if (form.tag !== 'set-global' || !form.define || form.value.tag !== 'lambda') continue
      if (form.variable.assigned || this.definitions.get(form.variable) !== 1) continue
      this.addKnown(form.variable, form.value, foreign)
    }
  }

  private addKnown(variable: GlobalVariable | LocalVariable, lambda: LambdaForm, foreign: boolean): Known {
    const found = this.lambdas.get(lambda)
    if (found !== undefined) return found
    const known = new Known(this.nextId++, lambda, foreign)
    this.known.set(variable, known)
    this.lambdas.set(lambda, known)
    for (const parameter of lambda.parameters) this.pending.add(parameter)
    this.waiting.add(known)
    return known
  }

  private clearCalls(known: Known): void {
    known.calls.clear()
    known.tailCalls.clear()
    known.callsUnknown = false
    known.tailCallsUnknown = false
    known.loops = false
  }

  private *visitProgram(): Steps<void> {
    for (const core of [this.core, this.core.builtin]) {
      if (core === undefined) continue
      for (const form of core.forms) {
        this.visit(form, undefined, false)
        yield
      }
      const onEvent = this.onEventOf(core)
      if (onEvent !== undefined && onEvent.lambda.parameters.length === 1) this.join(onEvent, 0, 'event')
    }
    // A set goes round in order of arrival, and takes up again what comes back.
    for (const known of this.waiting) {
      this.waiting.delete(known)
      this.clearCalls(known)
      this.visit(known.lambda.body, known, true)
      yield
    }
  }

  private forVariable(form: Representation | undefined): Representation | undefined {
    return form === 'slice' && this.textsAreObjects ? 'value' : form
  }

  private join(known: Known, index: number, operand: Representation | undefined): void {
    const form = this.forVariable(operand)
    if (form === undefined) return
    const before = known.parameters[index]
    const variable = known.lambda.parameters[index]!
    const after =
      variable.assigned || known.escapes ? 'value' : before === undefined || before === form ? form : 'value'
    if (after === before) return
    known.parameters[index] = after
    this.pending.delete(variable)
    this.representations.set(variable, after)
    this.waiting.add(known)
  }

  private escape(known: Known): void {
    if (known.escapes) return
    known.escapes = true
    known.called = true
    known.parameters.forEach((_, index) => {
      this.join(known, index, 'value')
    })
  }

  /** `owner`: the known procedure around, whose calls these are. */
  private visit(form: Core, owner: Known | undefined, tail: boolean): void {
    switch (form.tag) {
      case 'global': {
        const known = this.knownGlobal(form.variable)
        if (known !== undefined) this.escape(known)
        return
      }
      case 'local': {
        const known = this.known.get(form.variable)
        if (known !== undefined) this.escape(known)
        return
      }
      case 'set-global':
        if (form.value.tag !== 'lambda' || !this.lambdas.has(form.value)) this.visit(form.value, owner, false)
        return
      case 'lambda':
        // An anonymous procedure: its calls happen when somebody calls it, and those are calls of an unknown procedure.
        if (!this.lambdas.has(form)) this.visit(form.body, undefined, true)
        return
      case 'if':
        this.visit(form.test, owner, false)
        this.visit(form.consequent, owner, tail)
        this.visit(form.alternative, owner, tail)
        return
      case 'let':
      case 'letrec':
        this.visitBindings(form.variables, form.values, owner)
        this.visit(form.body, owner, tail)
        return
      case 'loop':
        for (const value of form.values) this.visit(value, owner, false)
        this.visit(form.body, owner, tail)
        return
      case 'sequence':
        form.items.forEach((item, index) => {
          this.visit(item, owner, tail && index === form.items.length - 1)
        })
        return
      case 'call':
        this.visitCall(form, owner, tail)
        return
      case 'primitive':
        this.visitPrimitive(form, owner, tail)
        return
      default:
        for (const child of childrenOf(form)) this.visit(child, owner, false)
    }
  }

  private visitBindings(variables: readonly LocalVariable[], values: readonly Core[], owner: Known | undefined): void {
    values.forEach((value, index) => {
      const variable = variables[index]!
      if (value.tag === 'lambda' && !variable.assigned && !variable.unready) {
        // It may see variables of the procedure around it, of which more may be known now.
        this.waiting.add(this.addKnown(variable, value, owner?.foreign ?? false))
        return
      }
      this.visit(value, owner, false)
      if (variable.assigned || variable.unready) return
      const form = this.forVariable(this.formOf(value))
      if (form === undefined) this.pending.add(variable)
      else {
        this.pending.delete(variable)
        const before = this.representations.get(variable)
        if (before === form) return
        this.representations.set(variable, before === undefined ? form : 'value')
      }
    })
  }

  /** The known procedure that a call goes to. */
  callee(form: CallForm): Known | undefined {
    const operator = form.operator
    if (operator.tag === 'global') return this.knownGlobal(operator.variable)
    if (operator.tag === 'local') return this.known.get(operator.variable)
    return undefined
  }

  private visitCall(form: CallForm, owner: Known | undefined, tail: boolean): void {
    for (const operand of form.operands) this.visit(operand, owner, false)
    const known = this.callee(form)
    if (known === undefined || !accepts(known.lambda, form.operands.length)) {
      this.visit(form.operator, owner, false)
      if (owner === undefined) return
      owner.callsUnknown = true
      if (tail) owner.tailCallsUnknown = true
      return
    }
    known.called = true
    known.lambda.parameters.forEach((_, index) => {
      this.join(known, index, this.formOf(form.operands[index]!))
    })
    if (owner === undefined) return
    if (tail && known === owner) {
      owner.loops = true
      return
    }
    owner.calls.add(known)
    if (tail) owner.tailCalls.add(known)
  }

  private visitPrimitive(form: PrimitiveForm, owner: Known | undefined, tail: boolean): void {
    for (const operand of form.operands) this.visit(operand, owner, false)
    if (CALLING.has(form.primitive.name) && owner !== undefined) {
      owner.callsUnknown = true
      if (tail) owner.tailCallsUnknown = true
    }
    if (form.primitive.name !== 'apply-default' || this.core.builtin === undefined) return
    const builtin = this.onEventOf(this.core.builtin)
    if (builtin !== undefined && owner !== undefined) owner.calls.add(builtin)
  }

  // Once the representations stand still: cycles, then what follows from them.
  private settle(): void {
    const all = this.allKnown()
    components(all)
    for (const known of all) {
      const cycle = some(known.calls, callee => callee.component === known.component)
      known.recursive = cycle || known.calls.has(known) || known.callsUnknown || known.escapes
      known.needsDepth = known.recursive
      known.bounces = known.tailCallsUnknown || some(known.tailCalls, callee => callee.component === known.component)
    }
    // Components are numbered callees first, so one pass sees all.
    for (const known of [...all].sort((a, b) => a.component - b.component)) {
      known.needsDepth ||= some(known.calls, callee => callee.needsDepth)
      known.bounces ||= some(known.tailCalls, callee => callee.bounces)
    }
  }
}

function some(all: ReadonlySet<Known>, holds: (known: Known) => boolean): boolean {
  for (const known of all) if (holds(known)) return true
  return false
}

/** Primitives that call what they are given: in emitted code they are part of the runtime. */
const CALLING = new Set(['%apply', '%apply-values'])

/** Library procedures that have to do with continuations: the engine has its own. */
const ENGINE_PROCEDURES = new Set([
  'call-with-current-continuation',
  'call/cc',
  'call-with-escape-continuation',
  'dynamic-wind',
])

export function accepts(lambda: LambdaForm, count: number): boolean {
  const fewest = lambda.parameters.length
  return lambda.rest === undefined ? count === fewest : count >= fewest
}

/** The path of `(field e 'a 'b)` where it is written out. */
export function literalPath(form: PrimitiveForm): string[] | undefined {
  const path: string[] = []
  for (let i = 1; i < form.operands.length; i++) {
    const name = form.operands[i]!
    if (name.tag !== 'constant') return undefined
    if (name.value instanceof Sym) path.push(name.value.name)
    else if (name.value instanceof Text) path.push(name.value.text())
    else return undefined
  }
  return path
}

/** Strongly connected components of the call graph (Tarjan), numbered. Depth is bounded by the number of procedures. */
function components(all: readonly Known[]): void {
  const index = new Map<Known, number>()
  const low = new Map<Known, number>()
  const stack: Known[] = []
  const onStack = new Set<Known>()
  let next = 0
  let component = 0
  const connect = (known: Known): void => {
    index.set(known, next)
    low.set(known, next++)
    stack.push(known)
    onStack.add(known)
    for (const callee of known.calls) {
      if (!index.has(callee)) {
        connect(callee)
        low.set(known, Math.min(low.get(known)!, low.get(callee)!))
      } else if (onStack.has(callee)) low.set(known, Math.min(low.get(known)!, index.get(callee)!))
    }
    if (low.get(known) !== index.get(known)) return
    component++
    for (;;) {
      const member = stack.pop()!
      onStack.delete(member)
      member.component = component
      if (member === known) return
    }
  }
  for (const known of all) if (!index.has(known)) connect(known)
}
