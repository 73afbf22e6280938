// What a run has used: fuel, memory, output.
//
// Fuel is a count-down in a local variable of the machine's loop; what primitives `charge` gathers in `work` and is taken off
// after their instruction. What must stop the machine soon (memory to be measured) takes INTERRUPT from the fuel, which ends
// the loop at the next instruction; afterwards that is given back.
//
// Memory is counted as it is allocated. Where the count passes what is allowed, what is really held is measured (memory.ts),
// in slices: an instruction that wants much is left and run again afterwards; whatever cannot be run again runs up a small debt.

import { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { memoryLimit } from './complaint.js'
import type { Measurement } from './memory.js'
import type { Context, Resumable } from './primitive.js'
import { SymbolTable, type Value } from './value.js'

export const INTERRUPT = 0x2000_0000
const LARGE_ALLOCATION = 32_768
const SLACK = 0x10_0000

/** Thrown by `allocate` within a primitive: measure, then run the instruction again. */
export const measureFirst = new LetheError('measure-first', 'memory is measured first', 500)

/** Thrown by a primitive that cannot finish at once: the rest of its work. */
export class Slices {
  constructor(readonly steps: Resumable) {}
}

export abstract class Accounts implements Context {
  readonly symbols: SymbolTable
  protected work = 0
  protected interrupted = false
  protected allocated = 0
  /** Bytes held at the last measurement, and what may be allocated before the next. */
  private held = 0
  protected allowance: number
  protected measurement: Measurement | undefined

  /** A primitive that works in slices. */
  protected task: Resumable | undefined
  /** What was allocated when the task began, or at the last measurement since; and what it had allocated before that. */
  private taskBytes = 0
  protected taskHeld = 0

  private outputParts: string[] = []
  protected outputLength = 0

  /** Steps paid so far. */
  steps = 0

  constructor(
    symbols: SymbolTable,
    readonly limits: Limits,
    readonly host: unknown,
  ) {
    this.symbols = new SymbolTable(symbols)
    this.allowance = limits.maxQueryHeapBytes
  }

  get output(): string {
    if (this.outputParts.length > 1) this.outputParts = [this.outputParts.join('')]
    return this.outputParts[0] ?? ''
  }

  /** Bytes held at most: as measured last, and all that was allocated since. */
  get heapBytes(): number {
    return this.held + this.allocated
  }

  charge(steps: number): void {
    this.work += steps
  }

  allocate(bytes: number): void {
    if (this.allocated + bytes <= this.allowance) {
      this.allocated += bytes
      return
    }
    if (bytes > this.limits.maxQueryHeapBytes) throw memoryLimit(this.limits.maxQueryHeapBytes)
    if (this.task !== undefined) return this.owe(bytes)
    // One primitive that allocates in many pieces must not get far beyond the limit, either.
    if (bytes > LARGE_ALLOCATION || this.allocated + bytes > this.allowance + SLACK) throw measureFirst
    this.allocated += bytes
    this.interrupt()
  }

  /** As `allocate`, where nothing can be run again: a small debt is measured soon. */
  protected owe(bytes: number): void {
    if (this.allocated + bytes > this.allowance + SLACK) {
      if (this.allocated > 0) this.measureNow()
      if (this.allocated + bytes > this.allowance) throw memoryLimit(this.limits.maxQueryHeapBytes)
    }
    this.allocated += bytes
    if (this.allocated > this.allowance) this.interrupt()
  }

  display(text: string): void {
    this.allocate(text.length * 2 + 16)
    this.outputParts.push(text)
    this.outputLength += text.length
  }

  inSlices(steps: Resumable): Value {
    throw new Slices(steps)
  }

  protected interrupt(): void {
    if (this.interrupted) return
    this.interrupted = true
    this.work += INTERRUPT
  }

  protected begin(task: Resumable): void {
    this.task = task
    this.taskBytes = this.allocated
    this.taskHeld = 0
  }

  protected abstract startMeasurement(): Measurement

  /** What a task has allocated is taken for held: nothing can look into it. */
  protected holdTask(): void {
    if (this.task !== undefined) this.taskHeld += Math.max(0, this.allocated - this.taskBytes)
  }

  protected measured(bytes: number): void {
    this.measurement = undefined
    const limit = this.limits.maxQueryHeapBytes
    if (bytes > limit - (limit >> 3)) throw memoryLimit(limit)
    this.held = bytes
    this.taskBytes = 0
    this.allocated = 0
    this.allowance = Math.max(limit - bytes, limit >> 3)
  }

  /** Measures at once: only where a task wants much in one piece. */
  private measureNow(): void {
    const measurement = this.startMeasurement()
    while (!measurement.step(10_000)) {
      // to its end
    }
    this.measured(measurement.bytes)
  }
}
