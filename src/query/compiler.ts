// From core form to blocks of instructions (opcodes.ts). One pass over the tree, with the depth of the stack known at every
// point: variables of a let live on the stack where they were pushed, so binding costs a push and unbinding nothing much.
//
// Closures are flat: they copy what they capture, and continuations copy the stack. A variable that is assigned (or perhaps
// read before it is ready) lives in a Box, so that a copy is enough; all others live in their slot.

import { assert } from '../core/errors.js'
import { Block, type Unit } from './block.js'
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
import { branchNumberOps, branchOps, inlineOps, MAX_OPERAND, Op } from './opcodes.js'
import type { Primitive } from './primitive.js'
import { NO_STEPS, type Steps } from './steps.js'
import { Pair, Text, unassigned, unspecified, type Value, Vector } from './value.js'
import { Verifier } from './verifier.js'

/** Where literals and globals of a program get their numbers; shared by all blocks of a unit. */
export interface Numbering {
  /** Mutable constants: every run copies them when it first reaches them. */
  readonly literals: Value[]
  slotOf(variable: GlobalVariable): number
}

// An assigned variable is one place, also for a continuation that is entered again: its slot would be a copy.
const isBoxed = (variable: LocalVariable): boolean => variable.assigned || variable.unready
const small = (n: number): boolean => n >= -MAX_OPERAND && n <= MAX_OPERAND

/** Compiles a sequence of top-level forms to a block without parameters. */
export function* compileTop(forms: readonly Core[], unit: Unit, numbering: Numbering): Steps<Block> {
  const compiler = new BlockCompiler(undefined, unit, numbering, 'program', { worked: 0 })
  return yield* compiler.finishTop(forms)
}

/** Forms compiled between two yields, and instructions verified. */
const FORMS_A_STEP = 256
const VERIFIED_A_STEP = 2048

/** What the blocks of one compilation share. */
interface Pace {
  worked: number
}

class BlockCompiler {
  private readonly code: number[] = []
  private readonly constants: Value[] = []
  private readonly primitives: Primitive[] = []
  private readonly blocks: Block[] = []
  private readonly places: number[] = []
  private readonly slots = new Map<LocalVariable, number>()
  private readonly free = new Map<LocalVariable, number>()
  private readonly loops = new Map<LoopForm, { base: number; start: number }>()
  /** Slots above fp in use at this point. */
  private depth: number
  private maxDepth: number

  constructor(
    private readonly lambda: LambdaForm | undefined,
    private readonly unit: Unit,
    private readonly numbering: Numbering,
    private readonly name: string,
    private readonly pace: Pace,
  ) {
    const variables = lambda === undefined ? [] : lambda.rest ? [...lambda.parameters, lambda.rest] : lambda.parameters
    variables.forEach((variable, i) => {
      this.slots.set(variable, i)
    })
    this.depth = variables.length + 3
    this.maxDepth = this.depth
  }

  *finish(body: Core): Steps<Block> {
    for (const [variable, slot] of this.slots) if (isBoxed(variable)) this.emit(Op.BoxLocal, slot)
    yield* this.value(body, true)
    return yield* this.verified()
  }

  *finishTop(forms: readonly Core[]): Steps<Block> {
    // Not as a tail: errors and backtraces shall find the program's own frame.
    for (const form of forms.length > 0 ? forms : [nothing]) yield* this.value(form, false)
    this.emit(Op.Return)
    return yield* this.verified()
  }

  private *verified(): Steps<Block> {
    const block = this.block()
    const verifier = new Verifier(block, this.numbering.literals.length)
    while (!verifier.step(VERIFIED_A_STEP)) yield
    return block
  }

  private block(): Block {
    return new Block(
      this.name,
      this.lambda?.parameters.length ?? 0,
      this.lambda?.rest !== undefined,
      Int32Array.from(this.code),
      this.constants,
      this.primitives,
      this.blocks,
      this.free.size,
      this.maxDepth,
      Int32Array.from(this.places),
      this.unit,
    )
  }

  private emit(op: Op, a = 0, ...more: number[]): number {
    assert(small(a), 'operand out of range')
    const at = this.code.length
    this.code.push(op | (a << 8), ...more)
    return at
  }

  /** Remembers that the instruction just emitted comes from `at`. */
  private mark(address: number, at: number): void {
    if (at >= 0) this.places.push(address, at)
  }

  private patch(address: number): void {
    this.code[address] = (this.code[address]! & 0xff) | (this.code.length << 8)
  }

  private grow(by: number): void {
    this.depth += by
    if (this.depth > this.maxDepth) this.maxDepth = this.depth
  }

  private constantIndex(value: Value): number {
    // Only the first ones are shared: looking through all of a long list of numbers took 17 s.
    const index = this.constants.length <= 64 ? this.constants.indexOf(value) : -1
    return index >= 0 ? index : this.constants.push(value) - 1
  }

  private push(): void {
    this.emit(Op.Push)
    this.grow(1)
  }

  /** The values of `forms` onto the stack. */
  private *pushEach(forms: readonly Core[], count = forms.length): Steps<void> {
    for (let i = 0; i < count; i++) {
      const form = forms[i]!
      if (++this.pace.worked % FORMS_A_STEP === 0) yield
      if (isSimple(form)) this.pushSimple(form)
      else {
        yield* this.compound(form, false)
        this.push()
      }
    }
  }

  private pushSimple(form: SimpleForm): void {
    if (form.tag === 'constant' && !isMutable(form.value)) this.emit(Op.PushConst, this.constantIndex(form.value))
    else if (form.tag === 'local' && !isBoxed(form.variable)) {
      const slot = this.slots.get(form.variable)
      if (slot !== undefined) this.emit(Op.PushLocal, slot)
      else this.emit(Op.PushFree, this.freeIndex(form.variable))
    } else {
      this.simple(form, false)
      this.emit(Op.Push)
    }
    this.grow(1)
  }

  private freeIndex(variable: LocalVariable): number {
    let index = this.free.get(variable)
    if (index === undefined) {
      index = this.free.size
      this.free.set(variable, index)
    }
    return index
  }

  /** The value of `form` into the accumulator; `tail`: and leave the frame with it. */
  private value(form: Core, tail: boolean): Steps<void> {
    if (!isSimple(form)) return this.compound(form, tail)
    this.simple(form, tail)
    return NO_STEPS
  }

  private simple(form: SimpleForm, tail: boolean): void {
    if (form.tag === 'local') this.local(form.variable, form.at)
    else if (form.tag === 'global') this.global(form.variable, form.at)
    else if (isMutable(form.value)) this.emit(Op.Literal, this.numbering.literals.push(form.value) - 1)
    else this.emit(Op.Const, this.constantIndex(form.value))
    if (tail) this.emit(Op.Return)
  }

  private compound(form: Exclude<Core, SimpleForm>, tail: boolean): Steps<void> {
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

  private *sequence(items: readonly Core[], tail: boolean): Steps<void> {
    for (const [i, item] of items.entries()) {
      if (++this.pace.worked % FORMS_A_STEP === 0) yield
      yield* this.value(item, tail && i === items.length - 1)
    }
  }

  private *assignment(form: SetLocalForm | SetGlobalForm, tail: boolean): Steps<void> {
    yield* this.value(form.value, false)
    if (form.tag === 'set-local') this.assign(form.variable)
    else {
      const slot = this.numbering.slotOf(form.variable)
      this.mark(this.emit(form.define ? Op.DefineGlobal : Op.SetGlobal, slot), form.at)
    }
    this.emit(Op.Const, this.constantIndex(unspecified))
    if (tail) this.emit(Op.Return)
  }

  private local(variable: LocalVariable, at: number): void {
    const slot = this.slots.get(variable)
    const boxed = isBoxed(variable)
    if (slot !== undefined) this.emit(boxed ? Op.LocalBox : Op.Local, slot)
    else this.emit(boxed ? Op.FreeBox : Op.Free, this.freeIndex(variable))
    if (variable.unready) this.mark(this.emit(Op.CheckAssigned, this.constants.push(new Text(variable.name)) - 1), at)
  }

  private global(variable: GlobalVariable, at: number): void {
    const slot = this.numbering.slotOf(variable)
    this.mark(this.emit(variable.sealed ? Op.GlobalSealed : Op.Global, slot), at)
  }

  private assign(variable: LocalVariable): void {
    const slot = this.slots.get(variable)
    if (!isBoxed(variable)) this.emit(Op.SetLocal, slot!)
    else if (slot !== undefined) this.emit(Op.SetLocalBox, slot)
    else this.emit(Op.SetFreeBox, this.freeIndex(variable))
  }

  private *conditional(form: Core, tail: boolean): Steps<void> {
    // A chain of ifs (cond, case) is walked, not recursed into.
    const ends: number[] = []
    let rest = form
    while (rest.tag === 'if') {
      const branch = yield* this.test(rest.test)
      yield* this.value(rest.consequent, tail)
      if (!tail) ends.push(this.emit(Op.Jump))
      for (const address of branch) this.patch(address)
      rest = rest.alternative
    }
    yield* this.value(rest, tail)
    for (const end of ends) this.patch(end)
  }

  /** Evaluates a test; answers the branches to patch that are taken if it is false. */
  private *test(form: Core): Steps<number[]> {
    if (form.tag === 'if' && form.alternative.tag === 'constant' && form.alternative.value === false) {
      const first = yield* this.test(form.test)
      return [...first, ...(yield* this.test(form.consequent))]
    }
    if (form.tag === 'primitive') {
      if (form.primitive.name === 'not' && form.operands.length === 1) {
        yield* this.value(form.operands[0]!, false)
        return [this.emit(Op.JumpIfTrue)]
      }
      const fused = yield* this.fusedTest(form)
      if (fused >= 0) return [fused]
    }
    yield* this.value(form, false)
    return [this.emit(Op.JumpIfFalse)]
  }

  private *fusedTest(form: PrimitiveForm): Steps<number> {
    const op = inlineOps.get(`${form.primitive.name}/${form.operands.length}`)
    if (op === undefined) return -1
    const [left, right] = form.operands
    if (op === Op.IsZero) {
      yield* this.value(left!, false)
      return this.marked(this.emit(Op.JumpUnlessEqualNumber, 0, 0), form.at)
    }
    const branch = branchOps.get(op)
    if (branch === undefined) return -1
    const withNumber = branchNumberOps.get(op)
    if (
      withNumber !== undefined &&
      right?.tag === 'constant' &&
      typeof right.value === 'number' &&
      small(right.value)
    ) {
      yield* this.value(left!, false)
      return this.marked(this.emit(withNumber, 0, right.value), form.at)
    }
    if (right === undefined) {
      yield* this.value(left!, false)
      return this.emit(branch)
    }
    yield* this.pushEach([left!])
    yield* this.value(right, false)
    this.depth--
    return this.marked(this.emit(branch), form.at)
  }

  private marked(address: number, at: number): number {
    this.mark(address, at)
    return address
  }

  private *closure(form: LambdaForm, tail: boolean): Steps<void> {
    const inner = new BlockCompiler(form, this.unit, this.numbering, form.name, this.pace)
    const block = yield* inner.finish(form.body)
    const captures = [...inner.free.keys()].map(variable => {
      const slot = this.slots.get(variable)
      return slot !== undefined ? slot << 1 : (this.freeIndex(variable) << 1) | 1
    })
    this.emit(Op.MakeClosure, this.blocks.push(block) - 1, ...captures)
    this.lastFree = inner.free
    if (tail) this.emit(Op.Return)
  }

  /** The free variables of the closure made last, by index. */
  private lastFree: ReadonlyMap<LocalVariable, number> = new Map()

  private *let(form: LetForm, tail: boolean): Steps<void> {
    const before = this.depth
    yield* this.pushEach(form.values)
    form.variables.forEach((variable, i) => {
      this.slots.set(variable, before + i)
      if (isBoxed(variable)) this.emit(Op.BoxLocal, before + i)
    })
    yield* this.value(form.body, tail)
    this.unbind(form.variables, before, tail)
  }

  private unbind(variables: readonly LocalVariable[], before: number, tail: boolean): void {
    if (!tail) this.emit(Op.Drop, this.depth - before)
    this.depth = before
    for (const variable of variables) this.slots.delete(variable)
  }

  private *letrec(form: LetrecForm, tail: boolean): Steps<void> {
    const before = this.depth
    form.variables.forEach((variable, i) => {
      this.emit(Op.PushConst, this.constantIndex(unassigned))
      this.grow(1)
      this.slots.set(variable, before + i)
      if (isBoxed(variable)) this.emit(Op.BoxLocal, before + i)
    })
    // Closures that capture a later one of their group copy a slot that is not filled yet: those copies are patched.
    const patches: [closure: number, free: number, from: number][] = []
    const places = new Map(form.variables.map((variable, i) => [variable, i]))
    for (const [i, variable] of form.variables.entries()) {
      const value = form.values[i]!
      yield* this.value(value, false)
      if (isBoxed(variable)) this.emit(Op.SetLocalBox, before + i)
      else this.emit(Op.SetLocal, before + i)
      if (value.tag !== 'lambda') continue
      for (const [captured, index] of this.lastFree) {
        const j = places.get(captured) ?? -1
        if (j >= i && !isBoxed(captured)) patches.push([i, index, j])
      }
    }
    for (const [closure, free, from] of patches) this.emit(Op.PatchClosure, before + closure, free, before + from)
    yield* this.value(form.body, tail)
    this.unbind(form.variables, before, tail)
  }

  private *call(form: CallForm, tail: boolean): Steps<void> {
    const before = this.depth
    // A misspelt operator is what its author wants to hear of, not what it was to be called with.
    if (form.operator.tag === 'global' && isNowhereDefined(form.operator.variable))
      yield* this.value(form.operator, false)
    yield* this.pushEach(form.operands)
    const count = form.operands.length
    if (form.operator.tag === 'global') {
      const slot = this.numbering.slotOf(form.operator.variable)
      this.mark(this.emit(tail ? Op.TailCallGlobal : Op.CallGlobal, slot, count), form.at)
    } else {
      yield* this.value(form.operator, false)
      this.mark(this.emit(tail ? Op.TailCall : Op.Call, count), form.at)
    }
    this.depth = before
  }

  private *primitive(form: PrimitiveForm, tail: boolean): Steps<void> {
    const { primitive, operands, at } = form
    const before = this.depth
    const op = inlineOps.get(`${primitive.name}/${operands.length}`)
    if (op !== undefined) {
      const leaves = op === Op.TailApply || op === Op.TailApplyValues || op === Op.Capture || op === Op.Reinstate
      assert(!leaves || tail, 'control instructions stand in tail position')
      if (!(yield* this.shortened(op, form))) {
        yield* this.operands(operands)
        this.mark(this.emit(op), at)
      }
      this.depth = before
      if (tail && !leaves) this.emit(Op.Return)
      return
    }
    const index = this.primitiveIndex(primitive)
    const count = operands.length
    if (primitive.spread !== undefined || primitive.isResumable || count > 3) {
      yield* this.pushEach(operands)
      const general = primitive.spread
        ? Op.PrimitiveSpread
        : primitive.isResumable
          ? Op.PrimitiveResumable
          : Op.PrimitiveN
      this.mark(this.emit(general, index, count), at)
    } else {
      yield* this.operands(operands)
      this.mark(this.emit(Op.Primitive0 + count, index), at)
    }
    this.depth = before
    if (tail) this.emit(Op.Return)
  }

  /** All operands but the last onto the stack, the last into the accumulator. */
  private *operands(operands: readonly Core[]): Steps<void> {
    const last = operands.length - 1
    yield* this.pushEach(operands, last)
    if (last >= 0) yield* this.value(operands[last]!, false)
  }

  private primitiveIndex(primitive: Primitive): number {
    const found = this.primitives.indexOf(primitive)
    return found >= 0 ? found : this.primitives.push(primitive) - 1
  }

  /** Instructions for common shapes: adding a small number, car and cdr of a variable. */
  private *shortened(op: Op, form: PrimitiveForm): Steps<boolean> {
    const [left, right] = form.operands
    const slot = left?.tag === 'local' && !isBoxed(left.variable) ? this.slots.get(left.variable) : undefined
    if ((op === Op.Car || op === Op.Cdr) && slot !== undefined) {
      this.mark(this.emit(op === Op.Car ? Op.LocalCar : Op.LocalCdr, slot), form.at)
      return true
    }
    if (op !== Op.Add && op !== Op.Subtract) return false
    if (right?.tag !== 'constant' || typeof right.value !== 'number' || !small(right.value)) return false
    const by = op === Op.Add ? right.value : -right.value
    if (slot !== undefined) this.mark(this.emit(Op.LocalAddNumber, slot, by), form.at)
    else {
      yield* this.value(left!, false)
      this.mark(this.emit(Op.AddNumber, by), form.at)
    }
    return true
  }

  private *loop(form: LoopForm, tail: boolean): Steps<void> {
    const base = this.depth
    yield* this.pushEach(form.values)
    const start = this.code.length
    this.loops.set(form, { base, start })
    form.variables.forEach((variable, i) => {
      this.slots.set(variable, base + i)
      if (isBoxed(variable)) this.emit(Op.BoxLocal, base + i)
    })
    yield* this.value(form.body, tail)
    this.unbind(form.variables, base, tail)
  }

  private *again(form: AgainForm): Steps<void> {
    const before = this.depth
    yield* this.pushEach(form.operands)
    const { base, start } = this.loops.get(form.loop)!
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
