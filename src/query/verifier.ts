// Proves of a block, before it may run, what the machine takes for granted: operations exist, operands are in their tables,
// branches land on instructions, the stack has one depth at every instruction (whatever way led there), never falls into the
// frame's header and never exceeds maxDepth, and no way leads past the end.

import { assert } from '../core/errors.js'
import type { Block } from './block.js'
import { OPS, Op, type OperandKind, type OpRow } from './opcodes.js'

/** The operands of the instruction at `pc`: A, then the further words. Captures are left out. */
export function operandsAt(block: Block, pc: number): { row: OpRow; operands: number[]; next: number } {
  const word = block.code[pc]!
  const row = OPS[word & 0xff]
  assert(row !== undefined, `no operation ${word & 0xff}`)
  const operands = [word >> 8]
  let next = pc + 1
  for (const kind of row.operands.slice(1)) {
    if (kind === 'captures') next += block.blocks[word >> 8]?.freeCount ?? 0
    else operands.push(block.code[next++] ?? 0)
  }
  assert(next <= block.code.length, 'an instruction is cut off')
  return { row, operands, next }
}

/** How many values an instruction takes off the stack. */
export const popsOf = (row: OpRow, operands: readonly number[]): number =>
  row.pops === 'A' ? operands[0]! : row.pops === 'B' ? operands[1]! : row.pops

/** Verifies a block, some instructions at a time: it may be long. Throws a Bug where it is wrong. */
export class Verifier {
  private readonly depths: Int32Array
  private readonly starts: Uint8Array
  private readonly floor: number
  private readonly pending: number[] = []

  constructor(
    private readonly block: Block,
    private readonly literals: number,
  ) {
    this.depths = new Int32Array(block.code.length).fill(-1)
    this.starts = instructionStarts(block)
    this.floor = block.slots + 3
    this.reach(0, this.floor)
  }

  /** Looks at `count` instructions at most; true when all have been seen. */
  step(count: number): boolean {
    for (; count > 0; count--) {
      const pc = this.pending.pop()
      if (pc === undefined) return true
      this.instruction(pc)
    }
    return false
  }

  private reach(pc: number, depth: number): void {
    const { depths } = this
    const block = this.block
    assert(pc >= 0 && pc < block.code.length, 'a way leads out of the block')
    if (depths[pc] === -1) {
      depths[pc] = depth
      this.pending.push(pc)
    } else assert(depths[pc] === depth, `two depths at ${pc} of ${block.name}: ${depths[pc]} and ${depth}`)
  }

  private instruction(pc: number): void {
    const { floor } = this
    const block = this.block
    assert(this.starts[pc] === 1, 'a branch into the middle of an instruction')
    const { row, operands, next } = operandsAt(block, pc)
    const depth = this.depths[pc]!
    for (let i = 0; i < row.operands.length; i++) {
      const kind = row.operands[i]!
      if (kind === 'captures') checkCaptures(block, operands[0]!, next, depth)
      else if (kind !== 'local' || row.name !== 'again') checkOperand(block, kind, operands[i]!, depth, this.literals)
    }
    const pops = popsOf(row, operands)
    const after = depth - pops + row.pushes
    assert(depth - pops >= floor && after <= block.maxDepth, `the stack leaves its bounds at ${pc} of ${block.name}`)
    if ((block.code[pc]! & 0xff) === Op.Again) {
      const base = operands[0]! + operands[1]!
      assert(operands[0]! >= floor && base <= depth, 'a loop outside of the stack')
      this.reach(operands[2]!, base)
      return
    }
    if (row.next === 'branch' || row.next === 'jump') this.reach(operands[0]!, after)
    if (row.next === 'on' || row.next === 'branch') this.reach(next, after)
  }
}

function instructionStarts(block: Block): Uint8Array {
  const starts = new Uint8Array(block.code.length)
  for (let pc = 0; pc < block.code.length; pc = nextOf(block, pc)) starts[pc] = 1
  return starts
}

/** The address of the instruction after that at `pc`. */
function nextOf(block: Block, pc: number): number {
  const word = block.code[pc]!
  const row = OPS[word & 0xff]
  assert(row !== undefined, `no operation ${word & 0xff}`)
  const count = row.operands.length
  const next = row.operands[count - 1] === 'captures' ? pc + count - 1 + block.blocks[word >> 8]!.freeCount : pc + count
  assert(next <= block.code.length, 'an instruction is cut off')
  return next
}

function checkCaptures(block: Block, inner: number, next: number, depth: number): void {
  const count = block.blocks[inner]!.freeCount
  for (let i = next - count; i < next; i++) {
    const word = block.code[i]!
    if (word & 1) assert(word >> 1 < block.freeCount, 'a capture outside of the closure')
    else checkSlot(block, word >> 1, depth)
  }
}

function checkSlot(block: Block, slot: number, depth: number): void {
  const inHeader = slot >= block.slots && slot < block.slots + 3
  assert(slot >= 0 && slot < depth && !inHeader, `slot ${slot} outside of the frame`)
}

function checkOperand(block: Block, kind: OperandKind, operand: number, depth: number, literals: number): void {
  switch (kind) {
    case 'constant':
      return assert(operand >= 0 && operand < block.constants.length, 'no such constant')
    case 'literal':
      return assert(operand >= 0 && operand < literals, 'no such literal')
    case 'primitive':
      return assert(operand >= 0 && operand < block.primitives.length, 'no such primitive')
    case 'block':
      return assert(operand >= 0 && operand < block.blocks.length, 'no such block')
    case 'free':
      return assert(operand >= 0 && operand < 0x10000, 'no such free variable')
    case 'local':
      return checkSlot(block, operand, depth)
    case 'count':
      return assert(operand >= 0 && operand <= depth, 'more operands than values')
    case 'global':
      return assert(operand >= 0, 'no such global')
    case 'target':
    case 'number':
    case 'none':
    case 'captures':
      return
  }
}
