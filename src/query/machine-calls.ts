// Calls that leave the fast path of the machine's loop: of primitives as values, with the elements of a list, of
// continuations; and primitives that work in slices.

import { Closure } from './block.js'
import { memoryLimit, notCallable, wrongArity, wrongType } from './complaint.js'
import { Continuation } from './continuation.js'
import { INTERRUPT, measureFirst, Slices } from './machine-accounts.js'
import { Frames, halt } from './machine-frames.js'
import { type Context, Primitive, type Resumable, WAIT } from './primitive.js'
import { listSlowly, restOfItems, STRETCH } from './slices.js'
import { Bytes, Pair, type Value, Values } from './value.js'

const GeneratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf((function* () {})())) as object
const hasPrototype = Object.prototype.isPrototypeOf

const isResumable = (result: Value | Resumable): result is Resumable =>
  typeof result === 'object' && result !== null && hasPrototype.call(GeneratorPrototype, result)

export abstract class Calls extends Frames {
  /** True while a task waits for the outside. */
  waiting = false

  /** The globals' slot of the library's procedure that leaves and enters dynamic-winds on the way to a continuation. */
  protected abstract readonly rewindSlot: number

  /** Calls `callee` with the `count` operands on top of the stack, from the frame that the registers describe. */
  protected call(callee: Value, count: number): void {
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
      this.owe((count - block.parameters) * Bytes.Pair)
      for (; count > block.parameters; count--) rest = new Pair(stack[--this.sp]!, rest)
      stack[this.sp++] = rest
      count++
    }
    this.enter(callee, count)
  }

  private callPrimitive(callee: Primitive, args: Value[], count: number): void {
    this.acc = null
    try {
      this.acc = this.settle(this.runPrimitive(callee, args), args)
    } catch (error) {
      if (error instanceof Slices) this.beginWith(error.steps, args)
      else if (error === measureFirst) this.beginWith(this.onceMeasured(callee, args), args)
      else throw error
    }
    this.sp -= count
  }

  /** The second try of a primitive, after a measurement: what does not fit now does not fit. */
  private *onceMeasured(callee: Primitive, args: Value[]): Resumable {
    this.interrupt()
    yield 0
    return yield* this.primitiveSteps(callee, args)
  }

  /** A primitive that is run by a task. */
  private *primitiveSteps(callee: Primitive, args: Value[]): Resumable {
    try {
      const result = this.runPrimitive(callee, args)
      return isResumable(result) ? yield* result : result
    } catch (error) {
      if (error instanceof Slices) return yield* error.steps
      throw error === measureFirst ? memoryLimit(this.limits.maxQueryHeapBytes) : error
    }
  }

  /** Any primitive on any arguments. */
  protected runPrimitive(callee: Primitive, args: Value[]): Value | Resumable {
    const count = args.length
    if (count < callee.fewest || count > callee.most) throw wrongArity(callee.name, callee.fewest, callee.most, count)
    if (callee.spread !== undefined) return callee.spread(this, args)
    const run = callee.run!
    return count === 0
      ? (run as (context: Context) => Value | Resumable)(this)
      : run(this, args[0]!, args[1]!, args[2]!, args[3]!, args[4]!)
  }

  /** A value as it is; a generator becomes the machine's task. */
  protected settle(result: Value | Resumable, args: readonly Value[]): Value {
    if (!isResumable(result)) return result
    this.beginWith(result, args)
    return null
  }

  private beginWith(task: Resumable, args: readonly Value[]): void {
    this.taskArguments = args
    this.begin(task)
  }

  /** Takes a task further by a stretch; false if it waits for the outside. */
  protected stepTask(): boolean {
    const { value, done } = this.task!.next()
    if (done) {
      this.task = undefined
      this.taskArguments = []
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

  /** Calls with the elements of a list as operands. */
  protected applyList(callee: Value, list: Value): void {
    const args: Value[] = []
    let rest = list
    for (; rest instanceof Pair && args.length < STRETCH; rest = rest.cdr) args.push(rest.car)
    this.work += args.length >> 2
    if (rest === null) this.callWith(callee, args)
    else if (!(rest instanceof Pair)) throw wrongType('apply', 'a list of arguments', list)
    else this.beginWith(this.applyLong(callee, list, args, rest), [callee, list])
  }

  /** As `applyList`. Where it calls a closure, it ends with the closure's frame on the stack. */
  private *applyLong(callee: Value, list: Value, args: Value[], rest: Value): Resumable {
    yield* restOfItems('apply', this, list, args, rest)
    if (callee instanceof Primitive) return yield* this.primitiveSteps(callee, args)
    if (callee instanceof Closure && callee.block.rest) {
      const { parameters } = callee.block
      const more = yield* listSlowly(this, args, parameters)
      this.pushAll([...args.slice(0, parameters), more])
      this.enter(callee, parameters + 1)
    } else this.callWith(callee, args)
    return this.acc
  }

  protected callWith(callee: Value, args: Value[]): void {
    if (callee instanceof Primitive) {
      this.site ??= { block: this.closure.block, pc: this.pc }
      this.callPrimitive(callee, args, 0)
    } else if (callee instanceof Continuation) this.resume(callee, args)
    else if (callee instanceof Closure && args.length > callee.block.parameters && !callee.block.rest) {
      this.site ??= { block: this.closure.block, pc: this.pc }
      throw wrongArity(callee.name, callee.block.parameters, callee.block.parameters, args.length)
    } else {
      this.pushAll(args)
      this.call(callee, args.length)
    }
  }

  /** Gives a continuation its values, by way of the dynamic-winds between here and there. */
  private resume(continuation: Continuation, args: readonly Value[]): void {
    if (continuation.winders === this.winders) this.reinstate(continuation, args)
    else {
      const rewind = this.globals[this.rewindSlot] as Closure
      this.owe(args.length * Bytes.Pair)
      let list: Value = null
      for (let i = args.length - 1; i >= 0; i--) list = new Pair(args[i]!, list)
      this.pushAll([continuation, continuation.winders, list])
      this.callClosure(rewind, 3)
    }
  }

  protected reinstate(continuation: Continuation, args: readonly Value[]): void {
    if (args.length === 1) this.acc = args[0]!
    else {
      this.owe(Bytes.Values + args.length * Bytes.Slot)
      this.acc = new Values([...args])
    }
    this.segments = continuation.segment
    this.winders = continuation.winders
    this.closure = halt
    this.pc = 0
    this.fp = 0
    this.sp = 0
  }

  protected capture(receiver: Value): void {
    this.leaveFrame(0)
    this.owe(Bytes.Closure)
    this.spill(this.sp)
    this.sp = 0
    const continuation = new Continuation(this.segments, this.winders)
    this.pushAll([continuation])
    this.call(receiver, 1)
  }

  protected listItems(list: Value): Value[] {
    const items: Value[] = []
    for (let rest = list; rest instanceof Pair; rest = rest.cdr) items.push(rest.car)
    return items
  }
}
