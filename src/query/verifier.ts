// Proves of a block, before it may run, what the machine takes for granted: operations exist, operands are in their tables,
// branches land on instructions, the stack has one depth at every instruction (whatever way led there), never falls into the
// frame's header and never exceeds maxDepth, and no way leads past the end.

import { assert } from '../core/errors.js'
import type { Steps } from '../core/steps.js'
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

/** Instructions verified between two yields. */
const VERIFIED_A_STEP = 4096

/** Verifies blocks, in steps. Throws a Bug where one is wrong. */
export function* verify(blocks: readonly Block[], literals: number): Steps<void> {
  const verifier = new Verifier(literals)
  let left = VERIFIED_A_STEP
  for (const block of blocks) {
    verifier.begin(block)
    for (left = verifier.step(left); left === 0; left = verifier.step(VERIFIED_A_STEP)) yield
  }
}

/** Verifies blocks, one after the other, some instructions at a time: one may be long. Throws a Bug where one is wrong. */
export class Verifier {
  private block!: Block
  // Kept from one block to the next: most are short, and typed arrays are dear to make.
  /** Of each instruction, the depth of the stack before it; −1 = not reached yet. */
  private depths = new Int32Array(1024)
  /** 1 where an instruction starts. */
  private starts = new Uint8Array(1024)
  private floor = 0
  private readonly pending: number[] = []

  constructor(private readonly literals: number) {}

  begin(block: Block): void {
    const { length } = block.code
    this.block = block
    if (length > this.depths.length) {
      this.depths = new Int32Array(2 * length)
      this.starts = new Uint8Array(2 * length)
    }
    this.depths.fill(-1, 0, length)
    this.starts.fill(0, 0, length)
    for (let pc = 0; pc < length; pc = nextOf(block, pc)) this.starts[pc] = 1
    this.floor = block.slots + 3
    this.reach(0, this.floor)
  }

  /** Looks at `count` instructions at most; returns how many fewer it were: none if there may be more. */
  step(count: number): number {
    for (; count > 0; count--) {
      const pc = this.pending.pop()
      if (pc === undefined) return count
      this.instruction(pc)
    }
    return 0
  }

  private reach(pc: number, depth: number): void {
    const { depths } = this
    const block = this.block
    assert(pc >= 0 && pc < block.code.length, 'a way leads out of the block')
    if (depths[pc] === -1) {
      depths[pc] = depth
      this.pending.push(pc)
    } else assert(depths[pc] === depth, 'two depths of the stack at one instruction')
  }

  private instruction(pc: number): void {
    const { block, floor } = this
    assert(this.starts[pc] === 1, 'a branch into the middle of an instruction')
    const { code } = block
    const word = code[pc]!
    const row = OPS[word & 0xff]!
    const kinds = row.operands
    const first = word >> 8
    const depth = this.depths[pc]!
    const next = nextOf(block, pc)
    const isLoop = (word & 0xff) === Op.Again
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i]!
      if (kind === 'captures') checkCaptures(block, first, next, depth)
      else if (kind !== 'local' || !isLoop)
        checkOperand(block, kind, i === 0 ? first : code[pc + i]!, depth, this.literals)
    }
    const pops = row.pops === 'A' ? first : row.pops === 'B' ? code[pc + 1]! : row.pops
    const after = depth - pops + row.pushes
    assert(depth - pops >= floor && after <= block.maxDepth, 'the stack leaves its bounds')
    if (isLoop) {
      const base = first + code[pc + 1]!
      assert(first >= floor && base <= depth, 'a loop outside of the stack')
      this.reach(code[pc + 2]!, base)
      return
    }
    if (row.next === 'branch' || row.next === 'jump') this.reach(first, after)
    if (row.next === 'on' || row.next === 'branch') this.reach(next, after)
  }
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
