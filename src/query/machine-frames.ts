// The machine's stack: one small array for the frames at work, segments (continuation.ts) for those below, and the registers
// that say where the program stands: acc, closure, pc, fp, sp. In the machine's loop they are local variables, between
// slices and off the fast path fields.

import type { Limits } from '../core/limits.js'
import { Block, Closure } from './block.js'
import { Segment, Slots } from './continuation.js'
import { Accounts } from './machine-accounts.js'
import { Measurement } from './memory.js'
import { Op } from './opcodes.js'
import type { SymbolTable } from './value.js'
import { Bytes, type Value } from './value.js'

const FIRST_STACK = 1024
const LARGEST_STACK = 16_384
/** How much of a segment comes back at an underflow, at least (if it has that much). */
const REFILL = 512

const haltBlock = new Block('', 0, false, Int32Array.of(Op.Underflow), [], [], [], 0, 3, new Int32Array(0), {
  source: '',
  sealed: true,
})
export const halt = new Closure(haltBlock, [])

export abstract class Frames extends Accounts {
  protected readonly literals: (Value | undefined)[]
  protected readonly stack: Value[] = new Array(FIRST_STACK).fill(null)
  protected acc: Value = null
  closure: Closure
  pc = 0
  fp = 0
  protected sp = 3
  segments: Segment | null = null
  protected winders: Value = null
  /** Operands of the running task: those still on the stack, and those that only it holds. */
  protected taskOperands = 0
  protected taskArguments: readonly Value[] = []

  /** Where an instruction stood that left by the slow path, for error places; undefined if registers tell. */
  site: { block: Block; pc: number } | undefined

  constructor(
    symbols: SymbolTable,
    block: Block,
    readonly globals: (Value | undefined)[],
    literals: number,
    limits: Limits,
    host: unknown,
  ) {
    super(symbols, limits, host)
    this.literals = new Array(literals)
    this.closure = new Closure(block, [])
    this.stack[0] = halt
    this.stack[1] = 0
    this.stack[2] = 0
    this.ensure(block.maxDepth)
  }

  protected startMeasurement(): Measurement {
    // What lies above the stack's top is garbage that would keep things alive.
    this.stack.fill(null, this.sp)
    this.holdTask()
    const fixed = this.outputLength * 2 + LARGEST_STACK * Bytes.Slot + this.symbols.byteSize + this.taskHeld
    const roots: (readonly Value[])[] = [
      this.stack.slice(0, this.sp),
      this.globals as Value[],
      this.literals as Value[],
      [this.acc, this.winders, this.closure],
      this.taskArguments,
    ]
    return new Measurement(roots, this.segments, fixed)
  }

  protected ensure(needed: number): void {
    while (this.stack.length < needed) this.stack.push(null)
  }

  /** Room for a frame of `depth` slots from `base`, where `count` operands of a call lie. Answers the new base. */
  protected makeRoom(base: number, count: number, depth: number): number {
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
  protected spill(base: number): void {
    if (this.closure !== halt || base > 0) {
      this.owe(base * Bytes.Slot + 96)
      const slots = new Slots(this.stack.slice(0, base))
      this.segments = new Segment(slots, base, this.closure, this.pc, this.fp, this.segments)
      this.work += base >> 3
    }
    this.closure = halt
    this.pc = 0
    this.fp = 0
  }

  /** Puts the top of the topmost segment back onto the empty stack; false if there is none: the program has ended. */
  protected refill(): boolean {
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
  /** Leaves the current frame: its caller's registers, the `count` operands on top moved to where the frame began. */
  protected leaveFrame(count: number): void {
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

  /** The frame of a closure whose `slots` parameters lie on top of the stack. */
  protected enter(callee: Closure, slots: number): void {
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

  protected pushAll(args: readonly Value[]): void {
    this.ensure(this.sp + args.length)
    for (const arg of args) this.stack[this.sp++] = arg
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
}
