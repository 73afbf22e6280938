// The machine: runs blocks (opcodes.ts) with its own stack, so that a program can be stopped after any instruction, go on
// later, or be thrown away.
//
// Three kinds of work alternate under `step`: instructions (`execute`), a primitive that works in slices (`task`), and
// finding out how much memory is held (`measurement`). Fuel is one for each instruction, more where primitives `charge`.
//
//     Accounts (fuel, memory, output)  ←  Frames (stack, segments)  ←  Calls (off the fast path)  ←  Machine (the loop)

import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { type Block, Closure } from './block.js'
import { memoryLimit, stepLimit, unassignedVariable, wrongType } from './complaint.js'
import type { Continuation } from './continuation.js'
import { INTERRUPT, measureFirst, Slices } from './machine-accounts.js'
import { Calls } from './machine-calls.js'
import { add, compare, subtract } from './number.js'
import { product } from './number-operations.js'
import { Op } from './opcodes.js'
import { type Context, Primitive, type Resumable } from './primitive.js'
import {
  Box,
  Bytes,
  Char,
  Pair,
  type SymbolTable,
  Text,
  unassigned,
  unspecified,
  type Value,
  Values,
  Vector,
} from './value.js'
import { operandsAt, popsOf } from './verifier.js'

const MAX = Number.MAX_SAFE_INTEGER

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

export class Machine extends Calls {
  protected readonly rewindSlot: number
  /** The next instruction is one that has been left to measure memory. */
  private retrying = false
  done = false

  constructor(
    private readonly image: Image,
    block: Block,
    limits: Limits,
    host: unknown,
  ) {
    super(image.symbols, block, image.globals.slice(), image.literals.length, limits, host)
    this.rewindSlot = image.rewindSlot
  }

  get value(): Value {
    return this.acc
  }

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
              acc = this.runPrimitive(acc, stack.slice(sp - count, sp)) as Value
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
            const args = stack.slice(sp - count, sp)
            acc = this.settle(this.runPrimitive(block.primitives[word >> 8]!, args), args)
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
            acc = product(this, stack[sp - 1]!, acc)
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
              acc = unspecified
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
      if (error instanceof Slices && this.site === undefined) {
        this.suspend(error.steps, block, pc)
        return this.settleFuel(given, fuel)
      }
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

  /** The instruction at hand goes on in slices: it is left as if done, its operands stay on the stack until it is. */
  private suspend(steps: Resumable, block: Block, pc: number): void {
    const { row, operands, next } = operandsAt(block, startOfInstruction(block, pc))
    this.pc = next
    this.taskOperands = popsOf(row, operands)
    this.begin(steps)
  }

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
