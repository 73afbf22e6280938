// The code of one block while it is being written: instructions, their tables and places, and how deep the stack is.

import { assert } from '../core/errors.js'
import { MAX_OPERAND, Op } from './opcodes.js'
import type { Primitive } from './primitive.js'
import type { Value } from './value.js'

/** Whether a number fits beside an operation, in one word. */
export const isSmall = (n: number): boolean => n >= -MAX_OPERAND && n <= MAX_OPERAND

export class BlockCode {
  protected readonly code: number[] = []
  protected readonly constants: Value[] = []
  protected readonly primitives: Primitive[] = []
  /** Pairs (address, offset in the source). */
  protected readonly places: number[] = []
  /** Slots above fp in use at this point: the frame's header so far. */
  protected depth = 3
  protected maxDepth = 3

  /** An instruction and its operands; returns its address. */
  protected emit(op: Op, a = 0, b?: number, c?: number): number {
    assert(isSmall(a), 'operand out of range')
    const { code } = this
    const at = code.length
    code.push(op | (a << 8))
    if (b !== undefined) code.push(b)
    if (c !== undefined) code.push(c)
    return at
  }

  /** Remembers that the instruction just emitted comes from `at`. */
  protected mark(address: number, at: number): void {
    if (at >= 0) this.places.push(address, at)
  }

  /** Makes the branch at an address lead to what comes next. */
  protected patch(address: number): void {
    this.code[address] = (this.code[address]! & 0xff) | (this.code.length << 8)
  }

  /** The stack is so many values deeper. */
  protected grow(by: number): void {
    this.depth += by
    if (this.depth > this.maxDepth) this.maxDepth = this.depth
  }

  protected constantIndex(value: Value): number {
    // Only the first ones are shared: looking through all of a long list of numbers took 17 s.
    const index = this.constants.length <= 64 ? this.constants.indexOf(value) : -1
    return index >= 0 ? index : this.constants.push(value) - 1
  }

  /** Pushes the accumulator. */
  protected push(): void {
    this.emit(Op.Push)
    this.grow(1)
  }

  /** As `mark`, for an instruction that is handed on. */
  protected marked(address: number, at: number): number {
    this.mark(address, at)
    return address
  }

  protected primitiveIndex(primitive: Primitive): number {
    const found = this.primitives.indexOf(primitive)
    return found >= 0 ? found : this.primitives.push(primitive) - 1
  }
}
