// The machine: runs blocks (opcodes.ts) with its own stack, so that a program can be stopped after any instruction, go on
// later, or be thrown away.
//
// Three kinds of work alternate under `step`: instructions (`execute`), a primitive that works in slices (`task`), and
// finding out how much memory is held (`measurement`). Fuel is a count-down in a local variable of `execute`: one for each
// instruction, more where primitives `charge`. What must stop the machine soon (memory to be measured) takes INTERRUPT from
// the fuel, which ends the loop at the next instruction; afterwards that is given back.
//
// Registers: acc, closure, pc, fp, sp. In `execute` they are local variables, between slices and in slow paths fields.

import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { Block, Closure } from './block.js'
import { memoryLimit, notCallable, stepLimit, unassignedVariable, wrongArity, wrongType } from './complaint.js'
import { Continuation, Segment, Slots } from './continuation.js'
import { Measurement } from './memory.js'
import { add, compare, multiply, subtract } from './number.js'
import { Op } from './opcodes.js'
import { type Context, Primitive, type Resumable, WAIT } from './primitive.js'
import { Box, Bytes, Char, Pair, SymbolTable, Text, unassigned, type Value, Values, Vector } from './value.js'
import { operandsAt } from './verifier.js'

const MAX = Number.MAX_SAFE_INTEGER
const FIRST_STACK = 1024
const LARGEST_STACK = 16_384
/** How much of a segment comes back at an underflow, at least (if it has that much). */
const REFILL = 512
const INTERRUPT = 0x2000_0000
const LARGE_ALLOCATION = 32_768
const SLACK = 0x10_0000

/** Thrown by `allocate` within a primitive: measure, then run the instruction again. */
const measureFirst = new LetheError('measure-first', 'memory is measured first', 500)

const haltBlock = new Block('', 0, false, Int32Array.of(Op.Underflow), [], [], [], 0, 3, new Int32Array(0), {
  source: '',
  sealed: true,
})
const halt = new Closure(haltBlock, [])

const GeneratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf((function* () {})())) as object
const hasPrototype = Object.prototype.isPrototypeOf

/** What a machine starts from. */
export interface Image {
  readonly globals: readonly (Value | undefined)[]
  readonly literals: readonly Value[]
  readonly symbols: SymbolTable
  /** The library's procedure that leaves and enters dynamic-winds on the way to a continuation. */
  readonly rewindSlot: number
  /** Answers what to say about an undefined global. */
  readonly unbound: (slot: number) => LetheError
}

export class Machine implements Context {
  readonly symbols: SymbolTable
  readonly globals: (Value | undefined)[]
  private readonly literals: (Value | undefined)[]
  private readonly stack: Value[] = new Array(FIRST_STACK).fill(null)
  private acc: Value = null
  closure: Closure
  pc = 0
  fp = 0
  private sp = 3
  segments: Segment | null = null
  private winders: Value = null
  private task: Resumable | undefined
  /** What was allocated when the task began, or at the last measurement since; and what it had allocated before that. */
  private taskBytes = 0
  private taskHeld = 0
  private measurement: Measurement | undefined

  /** Where an instruction stood that left by the slow path, for error places; undefined if registers tell. */
  site: { block: Block; pc: number } | undefined

  /** The next instruction is one that has been left to measure memory. */
  private retrying = false
  private work = 0
  private interrupted = false
  private allocated = 0
  /** Bytes held at the last measurement, and what may be allocated before the next. */
  private held = 0
  private allowance: number

  private outputParts: string[] = []
  private outputLength = 0

  /** Steps paid so far. */
  steps = 0
  done = false
  /** True while a task waits for the outside. */
  waiting = false

  constructor(
    readonly image: Image,
    block: Block,
    readonly limits: Limits,
    readonly host: unknown,
  ) {
    this.symbols = new SymbolTable(image.symbols)
    this.globals = image.globals.slice()
    this.literals = new Array(image.literals.length)
    this.closure = new Closure(block, [])
    this.allowance = limits.maxQueryHeapBytes
    this.stack[0] = halt
    this.stack[1] = 0
    this.stack[2] = 0
    this.ensure(block.maxDepth)
  }

  get value(): Value {
    return this.acc
  }

  get output(): string {
    if (this.outputParts.length > 1) this.outputParts = [this.outputParts.join('')]
    return this.outputParts[0] ?? ''
  }

  /** Bytes held at most: as measured last, and all that was allocated since. */
  get heapBytes(): number {
    return this.held + this.allocated
  }

  // ——— what primitives may ask for

  charge(steps: number): void {
    this.work += steps
  }

  allocate(bytes: number): void {
    if (this.allocated + bytes <= this.allowance) {
      this.allocated += bytes
      return
    }
    if (bytes > this.limits.maxQueryHeapBytes) throw memoryLimit(this.limits.maxQueryHeapBytes)
    // A task cannot be run again: it waits here.
    if (this.task !== undefined) return this.allocateNow(bytes)
    // One primitive that allocates in many pieces must not get far beyond the limit, either.
    if (bytes > LARGE_ALLOCATION || this.allocated + bytes > this.allowance + SLACK) throw measureFirst
    this.allocated += bytes
    this.interrupt()
  }

  display(text: string): void {
    this.allocate(text.length * 2 + 16)
    this.outputParts.push(text)
    this.outputLength += text.length
  }

  private interrupt(): void {
    if (this.interrupted) return
    this.interrupted = true
    this.work += INTERRUPT
  }

  // ——— slices

  /** Works for about `fuel` steps; `done`, `waiting` or neither. Throws LetheError, with registers left as they were. */
  step(fuel: number): void {
    this.waiting = false
    const limit = this.limits.maxQuerySteps
    while (fuel > 0 && !this.done) {
      if (this.measurement !== undefined) {
        fuel -= 1000
        if (this.measurement.step(4000)) this.measured(this.measurement.bytes)
      } else if (this.task !== undefined) {
        const before = this.steps
        if (!this.stepTask()) return
        fuel -= this.steps - before
      } else {
        const used = this.execute(Math.min(fuel, limit - this.steps + 1))
        this.steps += used
        fuel -= used
      }
      if (this.steps > limit) throw stepLimit(limit)
      if (this.interrupted) {
        this.interrupted = false
        this.measurement = this.startMeasurement()
      }
    }
  }

  private stepTask(): boolean {
    const { value, done } = this.task!.next()
    if (done) {
      this.task = undefined
      this.sp -= this.taskOperands
      this.taskOperands = 0
      this.acc = value as Value
    } else if (value === WAIT) {
      this.waiting = true
      return false
    } else this.steps += (value as number) + 1
    this.steps += this.work - (this.interrupted ? INTERRUPT : 0)
    this.work = 0
    return true
  }

  private startMeasurement(): Measurement {
    // What lies above the stack's top is garbage that would keep things alive.
    this.stack.fill(null, this.sp)
    if (this.task !== undefined) this.taskHeld += Math.max(0, this.allocated - this.taskBytes)
    const fixed = this.outputLength * 2 + LARGEST_STACK * Bytes.Slot + this.symbols.byteSize + this.taskHeld
    const roots: (readonly Value[])[] = [
      this.stack.slice(0, this.sp),
      this.globals as Value[],
      this.literals as Value[],
      [this.acc, this.winders, this.closure],
    ]
    return new Measurement(roots, this.segments, fixed)
  }

  private measured(bytes: number): void {
    this.measurement = undefined
    const limit = this.limits.maxQueryHeapBytes
    if (bytes > limit - (limit >> 3)) throw memoryLimit(limit)
    this.held = bytes
    this.taskBytes = 0
    this.allocated = 0
    this.allowance = Math.max(limit - bytes, limit >> 3)
  }

  /** As `allocate`, where the instruction cannot be run again. */
  private allocateNow(bytes: number): void {
    if (this.allocated + bytes > this.allowance) this.measureNow()
    this.allocated += bytes
    if (this.allocated > this.allowance) throw memoryLimit(this.limits.maxQueryHeapBytes)
  }

  /** Measures at once, for slow paths that cannot be left and entered again. */
  private measureNow(): void {
    const measurement = this.startMeasurement()
    while (!measurement.step(10_000)) {
      // to its end
    }
    this.measured(measurement.bytes)
  }

  // ——— the stack

  private ensure(needed: number): void {
    while (this.stack.length < needed) this.stack.push(null)
  }

  /** Room for a frame of `depth` slots from `base`, where `count` operands of a call lie. Answers the new base. */
  private makeRoom(base: number, count: number, depth: number): number {
    if (base + depth <= LARGEST_STACK) {
      this.ensure(Math.min(LARGEST_STACK, (base + depth) * 2))
      return base
    }
    this.spill(base)
    for (let i = 0; i < count; i++) this.stack[i] = this.stack[base + i]!
    this.sp = count
    this.ensure(depth)
    return 0
  }

  /** Moves the stack below `base` into a segment; the registers are those to return to. */
  private spill(base: number): void {
    if (this.closure !== halt || base > 0) {
      this.allocateNow(base * Bytes.Slot + 96)
      const slots = new Slots(this.stack.slice(0, base))
      this.segments = new Segment(slots, base, this.closure, this.pc, this.fp, this.segments)
      this.work += base >> 3
    }
    this.closure = halt
    this.pc = 0
    this.fp = 0
  }

  /** Puts the top of the topmost segment back onto the empty stack; false if there is none: the program has ended. */
  private refill(): boolean {
    const segment = this.segments
    if (segment === null) return false
    const { slots, end, closure, pc, fp, next } = segment
    const items = slots.items
    let from = fp
    let block = closure.block
    let bottom = from + block.slots
    while (end - from < REFILL && from > 0) {
      const caller = items[bottom] as Closure
      if (caller === halt) break
      from -= items[bottom + 2] as number
      block = caller.block
      bottom = from + block.slots
    }
    const caller = items[bottom] as Closure
    this.ensure(Math.max(end - from, fp - from + closure.block.maxDepth))
    for (let i = from, to = 0; i < end; i++, to++) this.stack[to] = items[i]!
    if (caller === halt) this.segments = next
    else {
      const below = from - (items[bottom + 2] as number)
      this.segments = new Segment(slots, from, caller, items[bottom + 1] as number, below, next)
      this.stack[block.slots] = halt
      this.stack[block.slots + 1] = 0
      this.stack[block.slots + 2] = 0
      this.allocated += 96
    }
    this.closure = closure
    this.pc = pc
    this.fp = fp - from
    this.sp = end - from
    this.work += (end - from) >> 3
    return true
  }

  // ——— calls off the fast path

  /** Leaves the current frame: its caller's registers, the `count` operands on top moved to where the frame began. */
  private leaveFrame(count: number): void {
    this.site = { block: this.closure.block, pc: this.pc }
    const { stack, fp } = this
    const header = fp + this.closure.block.slots
    const closure = stack[header] as Closure
    const pc = stack[header + 1] as number
    const distance = stack[header + 2] as number
    const from = this.sp - count
    for (let i = 0; i < count; i++) stack[fp + i] = stack[from + i]!
    this.closure = closure
    this.pc = pc
    this.fp = fp - distance
    this.sp = fp + count
  }

  /** Calls `callee` with the `count` operands on top of the stack, from the frame that the registers describe. */
  private call(callee: Value, count: number): void {
    this.site ??= { block: this.closure.block, pc: this.pc }
    if (callee instanceof Closure) this.callClosure(callee, count)
    else if (callee instanceof Primitive) this.callPrimitive(callee, this.stack.slice(this.sp - count, this.sp), count)
    else if (callee instanceof Continuation) {
      const values = this.stack.slice(this.sp - count, this.sp)
      this.resume(callee, values)
    } else throw notCallable(callee)
    this.site = undefined
  }

  private callClosure(callee: Closure, count: number): void {
    const { block } = callee
    if (count < block.parameters || (count > block.parameters && !block.rest)) {
      throw wrongArity(block.name, block.parameters, block.rest ? Infinity : block.parameters, count)
    }
    const { stack } = this
    if (block.rest) {
      let rest: Value = null
      this.allocateNow((count - block.parameters) * Bytes.Pair)
      for (; count > block.parameters; count--) rest = new Pair(stack[--this.sp]!, rest)
      stack[this.sp++] = rest
      count++
    }
    this.enter(callee, count)
  }

  /** The frame of a closure whose `slots` parameters lie on top of the stack. */
  private enter(callee: Closure, slots: number): void {
    const base = this.makeRoom(this.sp - slots, slots, callee.block.maxDepth)
    const { stack } = this
    let sp = base + slots
    stack[sp++] = this.closure
    stack[sp++] = this.pc
    stack[sp++] = base - this.fp
    this.sp = sp
    this.fp = base
    this.closure = callee
    this.pc = 0
  }

  private callPrimitive(callee: Primitive, args: Value[], count: number): void {
    try {
      this.acc = this.applyPrimitive(callee, args)
    } catch (error) {
      if (error !== measureFirst) throw error
      this.measureNow()
      this.acc = this.again(callee, args)
    }
    this.sp -= count
  }

  /** The second try of a primitive, after a measurement: what does not fit now does not fit. */
  private again(callee: Primitive, args: Value[]): Value {
    try {
      return this.applyPrimitive(callee, args)
    } catch (error) {
      throw error === measureFirst ? memoryLimit(this.limits.maxQueryHeapBytes) : error
    }
  }

  /** Any primitive on any arguments. A resumable one may leave a task behind. */
  private applyPrimitive(callee: Primitive, args: Value[]): Value {
    const count = args.length
    if (count < callee.fewest || count > callee.most) throw wrongArity(callee.name, callee.fewest, callee.most, count)
    if (callee.spread !== undefined) return callee.spread(this, args)
    const run = callee.run!
    const result =
      count === 0
        ? (run as (context: Context) => Value | Resumable)(this)
        : run(this, args[0]!, args[1]!, args[2]!, args[3]!, args[4]!)
    return this.settle(result)
  }

  /** A value as it is; a generator becomes the machine's task. */
  private settle(result: Value | Resumable): Value {
    if (typeof result !== 'object' || result === null || !hasPrototype.call(GeneratorPrototype, result))
      return result as Value
    this.task = result as Resumable
    this.taskBytes = this.allocated
    this.taskHeld = 0
    return null
  }

  /** Calls with the elements of a list as operands. */
  private applyList(callee: Value, list: Value): void {
    const args: Value[] = []
    let rest = list
    for (; rest instanceof Pair; rest = rest.cdr) {
      args.push(rest.car)
      // A cyclic list is not a list of arguments.
      if (args.length * Bytes.Slot > this.limits.maxQueryHeapBytes >> 1)
        throw memoryLimit(this.limits.maxQueryHeapBytes)
    }
    if (rest !== null) throw wrongType('apply', 'a list of arguments', list)
    this.work += args.length >> 2
    this.callWith(callee, args)
  }

  private callWith(callee: Value, args: Value[]): void {
    if (callee instanceof Primitive) {
      this.site ??= { block: this.closure.block, pc: this.pc }
      this.callPrimitive(callee, args, 0)
    } else if (callee instanceof Continuation) this.resume(callee, args)
    else if (callee instanceof Closure && callee.block.rest && args.length > callee.block.parameters) {
      const { parameters } = callee.block
      this.allocateNow((args.length - parameters) * Bytes.Pair)
      let rest: Value = null
      for (let i = args.length - 1; i >= parameters; i--) rest = new Pair(args[i]!, rest)
      this.pushAll([...args.slice(0, parameters), rest])
      this.enter(callee, parameters + 1)
    } else if (callee instanceof Closure && args.length !== callee.block.parameters) {
      this.site ??= { block: this.closure.block, pc: this.pc }
      throw wrongArity(
        callee.name,
        callee.block.parameters,
        callee.block.rest ? Infinity : callee.block.parameters,
        args.length,
      )
    } else {
      this.pushAll(args)
      this.call(callee, args.length)
    }
  }

  private pushAll(args: readonly Value[]): void {
    this.ensure(this.sp + args.length)
    for (const arg of args) this.stack[this.sp++] = arg
  }

  /** Gives a continuation its values, by way of the dynamic-winds between here and there. */
  private resume(continuation: Continuation, args: readonly Value[]): void {
    if (continuation.winders === this.winders) this.reinstate(continuation, args)
    else {
      const rewind = this.globals[this.image.rewindSlot] as Closure
      this.allocateNow(args.length * Bytes.Pair)
      let list: Value = null
      for (let i = args.length - 1; i >= 0; i--) list = new Pair(args[i]!, list)
      this.pushAll([continuation, continuation.winders, list])
      this.callClosure(rewind, 3)
    }
  }

  private reinstate(continuation: Continuation, args: readonly Value[]): void {
    if (args.length === 1) this.acc = args[0]!
    else {
      this.allocateNow(Bytes.Values + args.length * Bytes.Slot)
      this.acc = new Values([...args])
    }
    this.segments = continuation.segment
    this.winders = continuation.winders
    this.closure = halt
    this.pc = 0
    this.fp = 0
    this.sp = 0
  }

  private capture(receiver: Value): void {
    this.leaveFrame(0)
    this.allocateNow(Bytes.Closure)
    this.spill(this.sp)
    this.sp = 0
    const continuation = new Continuation(this.segments, this.winders)
    this.pushAll([continuation])
    this.call(receiver, 1)
  }

  private listItems(list: Value): Value[] {
    const items: Value[] = []
    for (let rest = list; rest instanceof Pair; rest = rest.cdr) items.push(rest.car)
    return items
  }

  /** The frames from the innermost outwards, at most `limit`: where each stands. */
  *frames(limit: number): Generator<{ closure: Closure; pc: number }> {
    let { closure, pc, fp, segments } = this
    let items: readonly Value[] = this.stack
    while (limit-- > 0) {
      if (closure === halt) {
        if (segments === null) return
        ;({ closure, pc, fp } = segments)
        items = segments.slots.items
        segments = segments.next
      }
      yield { closure, pc }
      const header = fp + closure.block.slots
      const caller = items[header]
      // In the middle of a tail call there may be no frame here any more.
      if (!(caller instanceof Closure)) return
      pc = items[header + 1] as number
      fp -= items[header + 2] as number
      closure = caller
    }
  }

  private literal(index: number): Value {
    const { copy, bytes } = copyLiteral(this.image.literals[index]!)
    this.allocate(bytes)
    this.literals[index] = copy
    return copy
  }

  // ——— the loop

  /** Runs instructions until the fuel is gone, a task begins, or the program ends; answers the steps used. */
  private execute(given: number): number {
    let fuel = given
    const retried = this.retrying
    this.retrying = false
    let moved = false
    const { globals, literals, stack } = this
    let { acc, closure, pc, fp, sp } = this
    let block = closure.block
    let code = block.code
    let constants = block.constants
    let free = closure.free
    try {
      while (--fuel >= 0) {
        const word = code[pc++]!
        switch (word & 0xff) {
          case Op.Const:
            acc = constants[word >> 8]!
            continue
          case Op.Literal:
            acc = literals[word >> 8] ?? this.literal(word >> 8)
            break
          case Op.Local:
            acc = stack[fp + (word >> 8)]!
            continue
          case Op.LocalBox:
            acc = (stack[fp + (word >> 8)] as Box).value
            continue
          case Op.Free:
            acc = free[word >> 8]!
            continue
          case Op.FreeBox:
            acc = (free[word >> 8] as Box).value
            continue
          case Op.Global: {
            const value = globals[word >> 8]
            if (value === undefined) throw this.image.unbound(word >> 8)
            acc = value
            continue
          }
          case Op.GlobalSealed:
            acc = globals[word >> 8]!
            continue
          case Op.CheckAssigned:
            if (acc === unassigned) throw unassignedVariable((constants[word >> 8] as Text).text())
            continue
          case Op.Push:
            stack[sp++] = acc
            continue
          case Op.PushLocal:
            stack[sp++] = stack[fp + (word >> 8)]!
            continue
          case Op.PushConst:
            stack[sp++] = constants[word >> 8]!
            continue
          case Op.PushFree:
            stack[sp++] = free[word >> 8]!
            continue
          case Op.SetLocal:
            stack[fp + (word >> 8)] = acc
            continue
          case Op.SetLocalBox:
            ;(stack[fp + (word >> 8)] as Box).value = acc
            continue
          case Op.SetFreeBox:
            ;(free[word >> 8] as Box).value = acc
            continue
          case Op.SetGlobal:
            if (globals[word >> 8] === undefined) throw this.image.unbound(word >> 8)
            globals[word >> 8] = acc
            continue
          case Op.DefineGlobal:
            globals[word >> 8] = acc
            continue
          case Op.BoxLocal: {
            const slot = fp + (word >> 8)
            stack[slot] = new Box(stack[slot]!)
            if ((this.allocated += Bytes.Box) > this.allowance) this.interrupt()
            break
          }
          case Op.MakeClosure: {
            const inner = block.blocks[word >> 8]!
            const count = inner.freeCount
            const captured: Value[] = []
            for (let i = 0; i < count; i++) {
              const from = code[pc++]!
              captured.push(from & 1 ? free[from >> 1]! : stack[fp + (from >> 1)]!)
            }
            acc = new Closure(inner, captured)
            if ((this.allocated += Bytes.Closure + count * Bytes.Slot) > this.allowance) this.interrupt()
            break
          }
          case Op.PatchClosure: {
            let target: Value = stack[fp + (word >> 8)]!
            if (target instanceof Box) target = target.value as Value
            ;(target as Closure).free[code[pc++]!] = stack[fp + code[pc++]!]!
            continue
          }
          case Op.Drop:
            sp -= word >> 8
            continue
          case Op.Jump:
            pc = word >> 8
            continue
          case Op.JumpIfFalse:
            if (acc === false) pc = word >> 8
            continue
          case Op.JumpIfTrue:
            if (acc !== false) pc = word >> 8
            continue
          case Op.Again: {
            const to = fp + (word >> 8)
            const count = code[pc]!
            const from = sp - count
            for (let i = 0; i < count; i++) stack[to + i] = stack[from + i]!
            sp = to + count
            pc = code[pc + 1]!
            continue
          }
          case Op.CallGlobal:
          case Op.Call: {
            let count = word >> 8
            if ((word & 0xff) === Op.CallGlobal) {
              const value = globals[count]
              if (value === undefined) throw this.image.unbound(count)
              acc = value
              count = code[pc++]!
            }
            if (acc instanceof Closure) {
              const callee = acc.block
              const base = sp - count
              if (callee.parameters === count && !callee.rest && base + callee.maxDepth <= stack.length) {
                stack[sp] = closure
                stack[sp + 1] = pc
                stack[sp + 2] = base - fp
                sp += 3
                fp = base
                closure = acc
                block = callee
                code = callee.code
                constants = callee.constants
                free = acc.free
                pc = 0
                continue
              }
            }
            if (acc instanceof Primitive && !acc.isResumable) {
              acc = this.applyPrimitive(acc, stack.slice(sp - count, sp))
              sp -= count
              break
            }
            this.closure = closure
            this.pc = pc
            this.fp = fp
            this.sp = sp
            this.call(acc, count)
            moved = true
            break
          }
          case Op.TailCallGlobal:
          case Op.TailCall: {
            let count = word >> 8
            if ((word & 0xff) === Op.TailCallGlobal) {
              const value = globals[count]
              if (value === undefined) throw this.image.unbound(count)
              acc = value
              count = code[pc++]!
            }
            if (acc instanceof Closure) {
              const callee = acc.block
              if (callee.parameters === count && !callee.rest && fp + callee.maxDepth <= stack.length) {
                const header = fp + block.slots
                const caller = stack[header]!
                const returnPc = stack[header + 1]!
                const distance = stack[header + 2]!
                const from = sp - count
                for (let i = 0; i < count; i++) stack[fp + i] = stack[from + i]!
                sp = fp + count
                stack[sp] = caller
                stack[sp + 1] = returnPc
                stack[sp + 2] = distance
                sp += 3
                closure = acc
                block = callee
                code = callee.code
                constants = callee.constants
                free = acc.free
                pc = 0
                continue
              }
            }
            this.closure = closure
            this.pc = pc
            this.fp = fp
            this.sp = sp
            this.leaveFrame(count)
            this.call(acc, count)
            moved = true
            break
          }
          case Op.Return: {
            const header = fp + block.slots
            sp = fp
            closure = stack[header] as Closure
            pc = stack[header + 1] as number
            fp -= stack[header + 2] as number
            block = closure.block
            code = block.code
            constants = block.constants
            free = closure.free
            continue
          }
          case Op.Underflow:
            if (!this.refill()) {
              this.done = true
              this.acc = acc
              return this.settleFuel(given, fuel)
            }
            this.acc = acc
            moved = true
            break
          case Op.Primitive0:
            acc = (block.primitives[word >> 8]!.run as (context: Context) => Value)(this)
            break
          case Op.Primitive1:
            acc = block.primitives[word >> 8]!.run!(this, acc, undefined!, undefined!, undefined!, undefined!) as Value
            break
          case Op.Primitive2:
            acc = block.primitives[word >> 8]!.run!(
              this,
              stack[sp - 1]!,
              acc,
              undefined!,
              undefined!,
              undefined!,
            ) as Value
            sp--
            break
          case Op.Primitive3:
            acc = block.primitives[word >> 8]!.run!(
              this,
              stack[sp - 2]!,
              stack[sp - 1]!,
              acc,
              undefined!,
              undefined!,
            ) as Value
            sp -= 2
            break
          case Op.PrimitiveN:
          case Op.PrimitiveSpread:
          case Op.PrimitiveResumable: {
            const count = code[pc]!
            acc = this.applyPrimitive(block.primitives[word >> 8]!, stack.slice(sp - count, sp))
            sp -= count
            pc++
            if (this.task !== undefined) {
              this.acc = acc
              this.closure = closure
              this.pc = pc
              this.fp = fp
              this.sp = sp + count
              this.taskOperands = count
              return this.settleFuel(given, fuel)
            }
            break
          }
          case Op.Car:
            if (!(acc instanceof Pair)) throw wrongType('car', 'a pair', acc)
            acc = acc.car
            continue
          case Op.Cdr:
            if (!(acc instanceof Pair)) throw wrongType('cdr', 'a pair', acc)
            acc = acc.cdr
            continue
          case Op.Cadr:
            if (!(acc instanceof Pair && acc.cdr instanceof Pair))
              throw wrongType('cadr', 'a list of at least two', acc)
            acc = acc.cdr.car
            continue
          case Op.LocalCar: {
            const pair = stack[fp + (word >> 8)]!
            if (!(pair instanceof Pair)) throw wrongType('car', 'a pair', pair)
            acc = pair.car
            continue
          }
          case Op.LocalCdr: {
            const pair = stack[fp + (word >> 8)]!
            if (!(pair instanceof Pair)) throw wrongType('cdr', 'a pair', pair)
            acc = pair.cdr
            continue
          }
          case Op.Cons:
            acc = new Pair(stack[--sp]!, acc)
            if ((this.allocated += Bytes.Pair) > this.allowance) {
              this.interrupt()
              break
            }
            continue
          case Op.Not:
            acc = acc === false
            continue
          case Op.IsNull:
            acc = acc === null
            continue
          case Op.IsPair:
            acc = acc instanceof Pair
            continue
          case Op.IsEq:
            acc = same(stack[--sp]!, acc)
            continue
          case Op.Add: {
            const left = stack[sp - 1]!
            if (typeof left === 'number' && typeof acc === 'number') {
              const sum = left + acc
              if (sum <= MAX && sum >= -MAX) {
                acc = sum
                sp--
                continue
              }
            }
            acc = add(this, left, acc)
            sp--
            break
          }
          case Op.Subtract: {
            const left = stack[sp - 1]!
            if (typeof left === 'number' && typeof acc === 'number') {
              const difference = left - acc
              if (difference <= MAX && difference >= -MAX) {
                acc = difference
                sp--
                continue
              }
            }
            acc = subtract(this, left, acc)
            sp--
            break
          }
          case Op.Multiply:
            acc = multiply(this, stack[sp - 1]!, acc)
            sp--
            break
          case Op.AddNumber:
            if (typeof acc === 'number') {
              const sum = acc + (word >> 8)
              if (sum <= MAX && sum >= -MAX) {
                acc = sum
                continue
              }
            }
            acc = addNumber(this, acc, word >> 8)
            break
          case Op.LocalAddNumber: {
            const left = stack[fp + (word >> 8)]!
            const by = code[pc++]!
            if (typeof left === 'number') {
              const sum = left + by
              if (sum <= MAX && sum >= -MAX) {
                acc = sum
                continue
              }
            }
            acc = addNumber(this, left, by)
            break
          }
          case Op.Equal:
            acc = compare('=', stack[sp - 1]!, acc) === 0
            sp--
            break
          case Op.Less:
            acc = compare('<', stack[sp - 1]!, acc) < 0
            sp--
            break
          case Op.Greater:
            acc = compare('>', stack[sp - 1]!, acc) > 0
            sp--
            break
          case Op.LessOrEqual:
            acc = compare('<=', stack[sp - 1]!, acc) <= 0
            sp--
            break
          case Op.GreaterOrEqual:
            acc = compare('>=', stack[sp - 1]!, acc) >= 0
            sp--
            break
          case Op.IsZero:
            acc = acc === 0 || (typeof acc !== 'number' && compare('zero?', acc, 0) === 0)
            continue
          case Op.VectorRef: {
            const vector = stack[sp - 1]!
            if (vector instanceof Vector && typeof acc === 'number' && acc >= 0 && acc < vector.items.length) {
              acc = vector.items[acc]!
              sp--
              continue
            }
            throw badIndex('vector-ref', vector, acc)
          }
          case Op.VectorSet: {
            const vector = stack[sp - 2]!
            const index = stack[sp - 1]!
            if (vector instanceof Vector && typeof index === 'number' && index >= 0 && index < vector.items.length) {
              vector.items[index] = acc
              sp -= 2
              continue
            }
            throw badIndex('vector-set!', vector, index)
          }
          case Op.JumpUnlessNull:
            if (acc !== null) pc = word >> 8
            continue
          case Op.JumpUnlessPair:
            if (!(acc instanceof Pair)) pc = word >> 8
            continue
          case Op.JumpUnlessEq:
            if (!same(stack[--sp]!, acc)) pc = word >> 8
            continue
          case Op.JumpUnlessEqual: {
            const left = stack[--sp]!
            if (typeof left === 'number' && typeof acc === 'number' ? left !== acc : compare('=', left, acc) !== 0)
              pc = word >> 8
            continue
          }
          case Op.JumpUnlessLess: {
            const left = stack[--sp]!
            if (!(typeof left === 'number' && typeof acc === 'number' ? left < acc : compare('<', left, acc) < 0))
              pc = word >> 8
            continue
          }
          case Op.JumpUnlessGreater: {
            const left = stack[--sp]!
            if (!(typeof left === 'number' && typeof acc === 'number' ? left > acc : compare('>', left, acc) > 0))
              pc = word >> 8
            continue
          }
          case Op.JumpUnlessLessOrEqual: {
            const left = stack[--sp]!
            if (!(typeof left === 'number' && typeof acc === 'number' ? left <= acc : compare('<=', left, acc) <= 0))
              pc = word >> 8
            continue
          }
          case Op.JumpUnlessGreaterOrEqual: {
            const left = stack[--sp]!
            if (!(typeof left === 'number' && typeof acc === 'number' ? left >= acc : compare('>=', left, acc) >= 0))
              pc = word >> 8
            continue
          }
          case Op.JumpUnlessEqualNumber:
            if (typeof acc === 'number' ? acc === code[pc] : compare('=', acc, code[pc]!) === 0) pc++
            else pc = word >> 8
            continue
          case Op.JumpUnlessLessNumber:
            if (typeof acc === 'number' ? acc < code[pc]! : compare('<', acc, code[pc]!) < 0) pc++
            else pc = word >> 8
            continue
          case Op.JumpUnlessGreaterNumber:
            if (typeof acc === 'number' ? acc > code[pc]! : compare('>', acc, code[pc]!) > 0) pc++
            else pc = word >> 8
            continue
          case Op.TailApply:
          case Op.TailApplyValues: {
            const callee = stack[sp - 1]!
            this.closure = closure
            this.pc = pc
            this.fp = fp
            this.sp = sp
            this.leaveFrame(0)
            if ((word & 0xff) === Op.TailApply) this.applyList(callee, acc)
            else this.callWith(callee, acc instanceof Values ? acc.items.slice() : [acc])
            moved = true
            break
          }
          case Op.Capture:
            this.closure = closure
            this.pc = pc
            this.fp = fp
            this.sp = sp
            this.capture(acc)
            moved = true
            break
          case Op.Reinstate:
            this.reinstate(stack[sp - 1] as Continuation, this.listItems(acc))
            moved = true
            break
          case Op.Winders:
            acc = this.winders
            continue
          case Op.SetWinders:
            this.winders = acc
            continue
        }
        // Here arrive the instructions that may have moved registers, done more work than one step, or called for a pause.
        if (moved) {
          moved = false
          this.site = undefined
          acc = this.acc
          closure = this.closure
          pc = this.pc
          fp = this.fp
          sp = this.sp
          block = closure.block
          code = block.code
          constants = block.constants
          free = closure.free
          if (this.task !== undefined) {
            this.taskOperands = 0
            return this.settleFuel(given, fuel)
          }
        }
        if (this.work !== 0) {
          fuel -= this.work
          this.work = 0
        }
      }
    } catch (error) {
      if (this.site === undefined) {
        this.closure = closure
        this.pc = pc
        this.fp = fp
        this.sp = sp
      }
      this.acc = acc
      if (error !== measureFirst || this.site !== undefined) throw error
      // Measured, and still the same instruction wants more than there is.
      if (retried && given - fuel === 1) throw memoryLimit(this.limits.maxQueryHeapBytes)
      this.retrying = true
      this.pc = startOfInstruction(block, pc)
      this.interrupt()
      return this.settleFuel(given, fuel)
    }
    this.acc = acc
    this.closure = closure
    this.pc = pc
    this.fp = fp
    this.sp = sp
    return this.settleFuel(given, fuel + 1)
  }

  /** Operands of the running task's primitive that are still on the stack, so that measurements see them. */
  private taskOperands = 0

  private settleFuel(given: number, fuel: number): number {
    fuel -= this.work
    this.work = 0
    return given - fuel - (this.interrupted ? INTERRUPT : 0)
  }
}

/** `eq?`: identity; characters and numbers by value. */
function same(a: Value, b: Value): boolean {
  return a === b || (a instanceof Char && b instanceof Char && a.code === b.code)
}

function addNumber(context: Context, value: Value, by: number): Value {
  return by < 0 ? subtract(context, value, -by) : add(context, value, by)
}

function badIndex(procedure: string, vector: Value, index: Value): LetheError {
  if (!(vector instanceof Vector)) return wrongType(procedure, 'a vector', vector)
  if (typeof index !== 'number') return wrongType(procedure, 'an exact index', index)
  return new LetheError(
    'out-of-range',
    `\`${procedure}\`: index ${index} is outside of a vector of ${vector.items.length}`,
    400,
  )
}

function startOfInstruction(block: Block, pc: number): number {
  let start = 0
  for (let next = 0; next < pc; ) {
    start = next
    next = operandsAt(block, next).next
  }
  return start
}

/** A copy of a constant that the program may change, and its size. Constants nest no deeper than source. */
function copyLiteral(value: Value): { copy: Value; bytes: number } {
  let bytes = 0
  const copyOf = (from: Value): Value => {
    if (from instanceof Text) {
      bytes += from.byteSize
      return new Text(from.text())
    }
    if (from instanceof Vector) {
      bytes += Bytes.Vector + from.items.length * Bytes.Slot
      return new Vector(from.items.map(copyOf))
    }
    if (!(from instanceof Pair)) return from
    const items: Value[] = []
    let rest: Value = from
    for (; rest instanceof Pair; rest = rest.cdr) items.push(copyOf(rest.car))
    bytes += items.length * Bytes.Pair
    let copy = copyOf(rest)
    for (let i = items.length - 1; i >= 0; i--) copy = new Pair(items[i]!, copy)
    return copy
  }
  return { copy: copyOf(value), bytes }
}
