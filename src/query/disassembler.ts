// Blocks as text, for people who work on the compiler.

import type { Block } from './block.js'
import { brief } from './printer.js'
import { operandsAt } from './verifier.js'

/** One line an instruction, inner blocks behind. */
export function disassemble(block: Block): string {
  const lines = [
    `${block.name || 'lambda'}: ${block.parameters} parameters${block.rest ? ' and a rest' : ''}, depth ${block.maxDepth}`,
  ]
  for (let pc = 0; pc < block.code.length; ) {
    const { row, operands, next } = operandsAt(block, pc)
    const shown = row.operands.map((kind, i) => {
      if (kind === 'none' || kind === 'captures') return ''
      if (kind === 'constant') return brief(block.constants[operands[i]!]!)
      if (kind === 'primitive') return block.primitives[operands[i]!]!.name
      return `${kind} ${operands[i]}`
    })
    lines.push(`${String(pc).padStart(5)}  ${row.name} ${shown.filter(text => text !== '').join(', ')}`.trimEnd())
    pc = next
  }
  return [lines.join('\n'), ...block.blocks.map(disassemble)].join('\n\n')
}
