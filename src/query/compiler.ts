// From core form to blocks of instructions (opcodes.ts). One pass over the tree, with the depth of the stack known at every
// point: variables of a let live on the stack where they were pushed, so binding costs a push and unbinding nothing much.
//
// Closures are flat: they copy what they capture, and continuations copy the stack. A variable that is assigned (or perhaps
// read before it is ready) lives in a Box, so that a copy is enough; all others live in their slot.
//
// One form may be a megabyte: what does not fit into a step is postponed (agenda.ts). Its code will stand behind that of the
// rest of the block, with a jump there and, unless it leaves the frame, one back.

import { assert } from '../core/errors.js'
import type { Steps } from '../core/steps.js'
import { Agenda } from './agenda.js'
import { Block, type Unit } from './block.js'
import { BlockCode, isSmall } from './block-code.js'
import { isSimple, nothing, type SimpleForm } from './core-build.js'
import type {
  AgainForm,
  CallForm,
  Core,
  GlobalVariable,
  LambdaForm,
  LetForm,
  LetrecForm,
  LocalVariable,
  LoopForm,
  PrimitiveForm,
  SetGlobalForm,
  SetLocalForm,
} from './core-form.js'
import { branchNumberOps, branchOps, Op } from './opcodes.js'
import { Pair, Text, unassigned, unspecified, type Value, Vector } from './value.js'
import { verify } from './verifier.js'

/** Where literals and globals of a program get their numbers; shared by all blocks of a unit. */
export interface Numbering {
  /** Mutable constants: every run copies them when it first reaches them. */
  readonly literals: Value[]
  slotOf(variable: GlobalVariable): number
}

// An assigned variable is one place, also for a continuation that is entered again: its slot would be a copy.
const isBoxed = (variable: LocalVariable): boolean => variable.assigned || variable.unready

/** Compiles a sequence of top-level forms to a block without parameters. */
export function* compileTop(
  forms: readonly Core[],
  unit: Unit,
  numbering: Numbering,
  agenda = new Agenda(),
): Steps<Block> {
  const shared: Shared = { unit, numbering, agenda, loops: new Map(), blocks: [] }
  const compiler = new BlockCompiler(undefined, shared)
  yield* compiler.top(forms)
  yield* verify(shared.blocks, numbering.literals.length)
  return shared.blocks.at(-1)!
}

/** What the blocks of one compilation share. */
interface Shared {
  readonly unit: Unit
  readonly numbering: Numbering
  readonly agenda: Agenda
  /** Where the variables of a loop start in the frame, and its code in the block. */
  readonly loops: Map<LoopForm, { base: number; start: number }>
  /** Those that are complete. */
  readonly blocks: Block[]
}

class BlockCompiler extends BlockCode {
  private readonly blocks: Block[] = []
  /** Pieces of the block that have not been compiled yet. */
  private missing = 0
  /** Lambdas in it so far; their blocks may be there later. */
  private lambdas = 0

  constructor(
    private readonly lambda: LambdaForm | undefined,
    private readonly shared: Shared,
    /** The blocks of the lambda around it, and its own place there. */
    private readonly siblings?: Block[],
    private readonly index = 0,
  ) {
    super()
    if (lambda !== undefined) {
      for (const parameter of lambda.parameters) parameter.slot = this.depth++ - 3
      if (lambda.rest !== undefined) lambda.rest.slot = this.depth++ - 3
    }
    this.maxDepth = this.depth
  }

  /** Compiles the block of a lambda. */
  run(): void {
    const { parameters, rest, body } = this.lambda!
    for (const parameter of parameters) this.box(parameter)
    if (rest !== undefined) this.box(rest)
    this.value(body, true)
    this.completeIfAllThere()
  }

  *top(forms: readonly Core[]): Steps<void> {
    const { agenda } = this.shared
    const { depth } = this
    this.missing++
    // Not as a tail: errors and backtraces shall find the program's own frame.
    for (const form of forms.length > 0 ? forms : [nothing]) {
      this.value(form, false)
      if (agenda.isEmpty) continue
      const over = this.missing > 1 ? this.emit(Op.Jump) : -1
      yield* agenda.finish()
      this.depth = depth
      if (over >= 0) this.patch(over)
    }
    this.emit(Op.Return)
    this.missing--
    this.completeIfAllThere()
  }

  private completeIfAllThere(): void {
    if (this.missing > 0) return
    const block = this.block()
    if (this.siblings !== undefined) this.siblings[this.index] = block
    this.shared.blocks.push(block)
  }

  private block(): Block {
    const { lambda } = this
    return new Block(
      lambda === undefined ? 'program' : lambda.name,
      lambda?.parameters.length ?? 0,
      lambda?.rest !== undefined,
      new Int32Array(this.code),
      this.constants,
      this.primitives,
      this.blocks,
      lambda?.free?.size ?? 0,
      this.maxDepth,
      new Int32Array(this.places),
      this.shared.unit,
    )
  }

  private box(variable: LocalVariable): void {
    if (isBoxed(variable)) this.emit(Op.BoxLocal, variable.slot)
  }

  /** Leaves a piece for later: `compile` emits it, leaving the stack `grows` values deeper. */
  private later(grows: number, leaves: boolean, compile: () => void): void {
    const { depth } = this
    const jump = this.emit(Op.Jump)
    const back = this.code.length
    this.missing++
    this.shared.agenda.postpone(() => {
      this.patch(jump)
      this.depth = depth
      compile()
      if (!leaves) this.emit(Op.Jump, back)
      this.missing--
      this.completeIfAllThere()
    })
    this.grow(grows)
  }

  /** The values of `forms` onto the stack. */
  private pushEach(forms: readonly Core[], count = forms.length, from = 0): void {
    for (let i = from; i < count; i++) {
      if (this.shared.agenda.isSpent()) return this.pushLater(forms, count, i)
      const form = forms[i]!
      if (isSimple(form)) this.pushSimple(form)
      else {
        this.compound(form, false)
        this.push()
      }
    }
  }

  // Closures stand in functions of their own: one that might be made costs every call of its function a context.
  private pushLater(forms: readonly Core[], count: number, from: number): void {
    this.later(count - from, false, () => this.pushEach(forms, count, from))
  }

  private valueLater(form: Exclude<Core, SimpleForm>, tail: boolean): void {
    this.later(0, tail, () => this.compound(form, tail))
  }

  private valuesLater(form: LetrecForm, from: number): void {
    this.later(0, false, () => this.letrecValues(form, from))
  }

  private blockLater(inner: BlockCompiler): void {
    this.shared.agenda.postpone(() => inner.run())
  }

  private restLater(items: readonly Core[], tail: boolean, from: number): void {
    this.later(0, tail, () => this.sequence(items, tail, from))
  }

  private pushSimple(form: SimpleForm): void {
    if (form.tag === 'constant' && !isMutable(form.value)) this.emit(Op.PushConst, this.constantIndex(form.value))
    else if (form.tag === 'local' && !isBoxed(form.variable)) {
      const { variable } = form
      if (this.isHere(variable)) this.emit(Op.PushLocal, variable.slot)
      else this.emit(Op.PushFree, this.freeIndex(variable))
    } else {
      this.simple(form, false)
      this.emit(Op.Push)
    }
    this.grow(1)
  }

  /** Whether a variable lives in this block's frame. */
  private isHere(variable: LocalVariable): boolean {
    return variable.home === this.lambda
  }

  private freeIndex(variable: LocalVariable): number {
    const index = this.lambda?.free?.get(variable)
    assert(index !== undefined, 'the analysis knows what a lambda captures')
    return index
  }

  /** The value of `form` into the accumulator; `tail`: and leave the frame with it. */
  private value(form: Core, tail: boolean): void {
    if (isSimple(form)) this.simple(form, tail)
    else if (this.shared.agenda.isSpent()) this.valueLater(form, tail)
    else this.compound(form, tail)
  }

  private simple(form: SimpleForm, tail: boolean): void {
    if (form.tag === 'local') this.local(form.variable, form.at)
    else if (form.tag === 'global') this.global(form.variable, form.at)
    else if (isMutable(form.value)) this.emit(Op.Literal, this.shared.numbering.literals.push(form.value) - 1)
    else this.emit(Op.Const, this.constantIndex(form.value))
    if (tail) this.emit(Op.Return)
  }

  private compound(form: Exclude<Core, SimpleForm>, tail: boolean): void {
    switch (form.tag) {
      case 'set-local':
      case 'set-global':
        return this.assignment(form, tail)
      case 'if':
        return this.conditional(form, tail)
      case 'lambda':
        return this.closure(form, tail)
      case 'let':
        return this.let(form, tail)
      case 'letrec':
        return this.letrec(form, tail)
      case 'sequence':
        return this.sequence(form.items, tail)
      case 'call':
        return this.call(form, tail)
      case 'primitive':
        return this.primitive(form, tail)
      case 'loop':
        return this.loop(form, tail)
      case 'again':
        return this.again(form)
    }
  }

  private sequence(items: readonly Core[], tail: boolean, from = 0): void {
    for (let i = from; i < items.length; i++) {
      if (this.shared.agenda.isSpent()) return this.restLater(items, tail, i)
      this.value(items[i]!, tail && i === items.length - 1)
    }
  }

  private assignment(form: SetLocalForm | SetGlobalForm, tail: boolean): void {
    this.value(form.value, false)
    if (form.tag === 'set-local') this.assign(form.variable)
    else {
      const slot = this.shared.numbering.slotOf(form.variable)
      this.mark(this.emit(form.define ? Op.DefineGlobal : Op.SetGlobal, slot), form.at)
    }
    this.emit(Op.Const, this.constantIndex(unspecified))
    if (tail) this.emit(Op.Return)
  }

  private local(variable: LocalVariable, at: number): void {
    const boxed = isBoxed(variable)
    if (this.isHere(variable)) this.emit(boxed ? Op.LocalBox : Op.Local, variable.slot)
    else this.emit(boxed ? Op.FreeBox : Op.Free, this.freeIndex(variable))
    if (variable.unready) this.mark(this.emit(Op.CheckAssigned, this.constants.push(new Text(variable.name)) - 1), at)
  }

  private global(variable: GlobalVariable, at: number): void {
    const slot = this.shared.numbering.slotOf(variable)
    this.mark(this.emit(variable.sealed ? Op.GlobalSealed : Op.Global, slot), at)
  }

  private assign(variable: LocalVariable): void {
    if (!isBoxed(variable)) this.emit(Op.SetLocal, variable.slot)
    else if (this.isHere(variable)) this.emit(Op.SetLocalBox, variable.slot)
    else this.emit(Op.SetFreeBox, this.freeIndex(variable))
  }

  private conditional(form: Core, tail: boolean): void {
    // A chain of ifs (cond, case) is walked, not recursed into.
    const ends: number[] = []
    let rest = form
    while (rest.tag === 'if') {
      const branch = this.test(rest.test)
      this.value(rest.consequent, tail)
      if (!tail) ends.push(this.emit(Op.Jump))
      for (const address of branch) this.patch(address)
      rest = rest.alternative
    }
    this.value(rest, tail)
    for (const end of ends) this.patch(end)
  }

  /** Evaluates a test; answers the branches to patch that are taken if it is false. */
  private test(form: Core): number[] {
    if (form.tag === 'if' && form.alternative.tag === 'constant' && form.alternative.value === false) {
      const first = this.test(form.test)
      return [...first, ...this.test(form.consequent)]
    }
    if (form.tag === 'primitive') {
      if (form.primitive.name === 'not' && form.operands.length === 1) {
        this.value(form.operands[0]!, false)
        return [this.emit(Op.JumpIfTrue)]
      }
      const fused = this.fusedTest(form)
      if (fused >= 0) return [fused]
    }
    this.value(form, false)
    return [this.emit(Op.JumpIfFalse)]
  }

  private fusedTest(form: PrimitiveForm): number {
    const op = form.primitive.operations[form.operands.length]
    if (op === undefined) return -1
    const [left, right] = form.operands
    if (op === Op.IsZero) {
      this.value(left!, false)
      return this.marked(this.emit(Op.JumpUnlessEqualNumber, 0, 0), form.at)
    }
    const branch = branchOps.get(op)
    if (branch === undefined) return -1
    const withNumber = branchNumberOps.get(op)
    if (
      withNumber !== undefined &&
      right?.tag === 'constant' &&
      typeof right.value === 'number' &&
      isSmall(right.value)
    ) {
      this.value(left!, false)
      return this.marked(this.emit(withNumber, 0, right.value), form.at)
    }
    if (right === undefined) {
      this.value(left!, false)
      return this.emit(branch)
    }
    this.pushEach([left!])
    this.value(right, false)
    this.depth--
    return this.marked(this.emit(branch), form.at)
  }

  private closure(form: LambdaForm, tail: boolean): void {
    const inner = new BlockCompiler(form, this.shared, this.blocks, this.lambdas)
    this.emit(Op.MakeClosure, this.lambdas++)
    if (form.free !== undefined)
      for (const variable of form.free.keys())
        this.code.push(this.isHere(variable) ? variable.slot << 1 : (this.freeIndex(variable) << 1) | 1)
    if (tail) this.emit(Op.Return)
    if (this.shared.agenda.isSpent()) this.blockLater(inner)
    else inner.run()
  }

  private let(form: LetForm, tail: boolean): void {
    const before = this.depth
    this.pushEach(form.values)
    this.place(form.variables, before)
    this.value(form.body, tail)
    this.unbind(before, tail)
  }

  /** The variables live in the slots from `slot` on. */
  private place(variables: readonly LocalVariable[], slot: number): void {
    for (const variable of variables) {
      variable.slot = slot++
      this.box(variable)
    }
  }

  private unbind(before: number, tail: boolean): void {
    if (!tail) this.emit(Op.Drop, this.depth - before)
    this.depth = before
  }

  private letrec(form: LetrecForm, tail: boolean): void {
    const before = this.depth
    for (const variable of form.variables) {
      this.emit(Op.PushConst, this.constantIndex(unassigned))
      variable.slot = this.depth
      this.grow(1)
      this.box(variable)
    }
    this.letrecValues(form, 0)
    this.value(form.body, tail)
    this.unbind(before, tail)
  }

  private letrecValues(form: LetrecForm, from: number): void {
    const { variables, values } = form
    for (let i = from; i < variables.length; i++) {
      if (this.shared.agenda.isSpent()) return this.valuesLater(form, i)
      this.value(values[i]!, false)
      this.emit(isBoxed(variables[i]!) ? Op.SetLocalBox : Op.SetLocal, variables[i]!.slot)
    }
    for (const [i, value] of values.entries()) if (value.tag === 'lambda') this.patchCaptures(form, i, value)
  }

  /** Of its letrec a closure captured the later ones, and itself, from slots that were not filled yet. */
  private patchCaptures({ variables }: LetrecForm, i: number, { free }: LambdaForm): void {
    if (free === undefined) return
    const first = variables[0]!
    const closure = variables[i]!.slot
    for (const [captured, index] of free) {
      const isOfLetrec = this.isHere(captured) && variables[captured.slot - first.slot] === captured
      if (isOfLetrec && captured.slot >= closure && !isBoxed(captured))
        this.emit(Op.PatchClosure, closure, index, captured.slot)
    }
  }

  private call(form: CallForm, tail: boolean): void {
    const before = this.depth
    // A misspelt operator is what its author wants to hear of, not what it was to be called with.
    if (form.operator.tag === 'global' && isNowhereDefined(form.operator.variable)) this.value(form.operator, false)
    this.pushEach(form.operands)
    const count = form.operands.length
    if (form.operator.tag === 'global') {
      const slot = this.shared.numbering.slotOf(form.operator.variable)
      this.mark(this.emit(tail ? Op.TailCallGlobal : Op.CallGlobal, slot, count), form.at)
    } else {
      this.value(form.operator, false)
      this.mark(this.emit(tail ? Op.TailCall : Op.Call, count), form.at)
    }
    this.depth = before
  }

  private primitive(form: PrimitiveForm, tail: boolean): void {
    const { primitive, operands, at } = form
    const before = this.depth
    const op = primitive.operations[operands.length]
    if (op !== undefined) {
      const leaves = op === Op.TailApply || op === Op.TailApplyValues || op === Op.Capture || op === Op.Reinstate
      assert(!leaves || tail, 'control instructions stand in tail position')
      if (!this.shortened(op, form)) {
        this.operands(operands)
        this.mark(this.emit(op), at)
      }
      this.depth = before
      if (tail && !leaves) this.emit(Op.Return)
      return
    }
    const index = this.primitiveIndex(primitive)
    const count = operands.length
    if (primitive.spread !== undefined || primitive.isResumable || count > 3) {
      this.pushEach(operands)
      const general = primitive.spread
        ? Op.PrimitiveSpread
        : primitive.isResumable
          ? Op.PrimitiveResumable
          : Op.PrimitiveN
      this.mark(this.emit(general, index, count), at)
    } else {
      this.operands(operands)
      this.mark(this.emit(Op.Primitive0 + count, index), at)
    }
    this.depth = before
    if (tail) this.emit(Op.Return)
  }

  /** All operands but the last onto the stack, the last into the accumulator. */
  private operands(operands: readonly Core[]): void {
    const last = operands.length - 1
    this.pushEach(operands, last)
    if (last >= 0) this.value(operands[last]!, false)
  }

  /** Instructions for common shapes: adding a small number, car and cdr of a variable. */
  private shortened(op: Op, form: PrimitiveForm): boolean {
    const [left, right] = form.operands
    const slot =
      left?.tag === 'local' && !isBoxed(left.variable) && this.isHere(left.variable) ? left.variable.slot : undefined
    if ((op === Op.Car || op === Op.Cdr) && slot !== undefined) {
      this.mark(this.emit(op === Op.Car ? Op.LocalCar : Op.LocalCdr, slot), form.at)
      return true
    }
    if (op !== Op.Add && op !== Op.Subtract) return false
    if (right?.tag !== 'constant' || typeof right.value !== 'number' || !isSmall(right.value)) return false
    const by = op === Op.Add ? right.value : -right.value
    if (slot !== undefined) this.mark(this.emit(Op.LocalAddNumber, slot, by), form.at)
    else {
      this.value(left!, false)
      this.mark(this.emit(Op.AddNumber, by), form.at)
    }
    return true
  }

  private loop(form: LoopForm, tail: boolean): void {
    const base = this.depth
    this.pushEach(form.values)
    const start = this.code.length
    this.shared.loops.set(form, { base, start })
    this.place(form.variables, base)
    this.value(form.body, tail)
    this.unbind(base, tail)
  }

  private again(form: AgainForm): void {
    const before = this.depth
    this.pushEach(form.operands)
    const { base, start } = this.shared.loops.get(form.loop)!
    this.mark(this.emit(Op.Again, base, form.operands.length, start), form.at)
    this.depth = before
  }
}

const isNowhereDefined = (variable: GlobalVariable): boolean =>
  !variable.defined && !variable.sealed && variable.hides === undefined

/** Constants that a program could change: each run has its own copy. */
function isMutable(value: Value): boolean {
  return value instanceof Pair || value instanceof Text || (value instanceof Vector && value.items.length > 0)
}
