// JavaScript for the primitives that are worth writing out: small integers, pairs, comparisons. Each falls back to the
// primitive itself for all other operands, so both always agree.

import type { Core, PrimitiveForm } from './core-form.js'
import type { Evaluation } from './emit-values.js'
import { Pair, Sym, type Value, Vector } from './value.js'

const MAX = '9007199254740991'

/** An operand that may be written twice: a name or a literal. `set` evaluates it first, where that is needed. */
interface Twice {
  readonly set: string
  readonly use: string
}

function twice(emitter: Evaluation, form: Core, text: string): Twice {
  if (form.tag === 'constant') return { set: '', use: `(${text})` }
  if (emitter.isStable(form) && /^v\d+$/.test(text)) return { set: '', use: text }
  const name = emitter.temporary()
  return { set: `${name}=${text},`, use: name }
}

const isFixnum = (form: Core): form is Core & { tag: 'constant'; value: number } =>
  form.tag === 'constant' && typeof form.value === 'number'

/** Values that are the same exactly where they are `===`. */
const isImmediate = (value: Value): boolean =>
  value === null || typeof value === 'boolean' || typeof value === 'number' || value instanceof Sym

function pair(emitter: Evaluation, form: PrimitiveForm): { operands: Twice[]; guard: string } {
  const texts = emitter.operands(form.operands)
  const operands = texts.map((text, index) => twice(emitter, form.operands[index]!, text))
  const guards = form.operands.flatMap((operand, index) =>
    isFixnum(operand) ? [] : [`typeof ${operands[index]!.use}==='number'`],
  )
  return { operands, guard: guards.join('&&') || 'true' }
}

/** The primitive itself, for operands already evaluated. Kept short: V8 inlines only what is small. */
const slow = (emitter: Evaluation, form: PrimitiveForm, operands: readonly Twice[]): string =>
  emitter.slowCall(
    form,
    operands.map(operand => operand.use),
  )

/**
 * What must hold of a result for it to be exact. Most are small: asked that first, V8 stays with integers (fib: 3.2 ms of 4.7).
 */
const inRange = (result: string): string => `((${result}|0)===${result}||${result}<=${MAX}&&${result}>=-${MAX})`

function arithmetic(emitter: Evaluation, form: PrimitiveForm, operator: string): string {
  const { operands, guard } = pair(emitter, form)
  const [a, b] = operands
  const result = emitter.temporary()
  // −0 is no exact number: a product of integers may come out as one.
  const compute = operator === '*' ? `${a!.use}*${b!.use}+0` : `${a!.use}${operator}${b!.use}`
  const other = slow(emitter, form, operands)
  return `(${a!.set}${b!.set}${guard}&&(${result}=${compute},${inRange(result)})?${result}:${other})`
}

function comparison(emitter: Evaluation, form: PrimitiveForm, operator: string): string {
  const { operands, guard } = pair(emitter, form)
  const [a, b] = operands
  const other = slow(emitter, form, operands)
  return `(${a!.set}${b!.set}${guard}?${a!.use}${operator}${b!.use}:${other}===true)`
}

const COMPARISONS: Readonly<Record<string, string>> = { '=': '===', '<': '<', '>': '>', '<=': '<=', '>=': '>=' }
const ARITHMETIC: Readonly<Record<string, string>> = { '+': '+', '-': '-', '*': '*' }

/** A JavaScript test, or undefined where there is none shorter than the value. */
export function emitInlineTest(emitter: Evaluation, form: PrimitiveForm): string | undefined {
  const { name } = form.primitive
  const count = form.operands.length
  if (Object.hasOwn(COMPARISONS, name) && count === 2) return comparison(emitter, form, COMPARISONS[name]!)
  const [first, second] = form.operands
  switch (name) {
    case 'not':
      return `!(${emitter.test(first!)})`
    case 'null?':
      return `${emitter.value(first!)}===null`
    case 'pair?':
      return `${emitter.value(first!)} instanceof ${emitter.constant(Pair)}`
    case 'zero?': {
      const operand = twice(emitter, first!, emitter.value(first!))
      return `(${operand.set}typeof ${operand.use}==='number'?${operand.use}===0:${slow(emitter, form, [operand])}===true)`
    }
    case 'eq?':
    case 'eqv?':
    case 'equal?': {
      const literal = [first, second].find(operand => operand?.tag === 'constant' && isImmediate(operand.value))
      if (literal === undefined) return undefined
      const [a, b] = emitter.operands(form.operands)
      return `${a}===${b}`
    }
    case 'memq':
    case 'memv':
      return membership(emitter, first!, second!)
    default:
      return undefined
  }
}

/** `(memv x '(a b))` as a test. */
function membership(emitter: Evaluation, value: Core, list: Core): string | undefined {
  if (list.tag !== 'constant') return undefined
  const items: Value[] = []
  let rest = list.value
  for (; rest instanceof Pair; rest = rest.cdr) items.push(rest.car)
  if (rest !== null || items.length > 16 || !items.every(isImmediate)) return undefined
  const operand = twice(emitter, value, emitter.value(value))
  const tests = items.map(item => `${operand.use}===${emitter.constant(item)}`)
  return `(${operand.set}${tests.join('||') || 'false'})`
}

const BOOLEAN = new Set(['not', 'null?', 'pair?', 'zero?', 'eq?', 'eqv?', 'equal?', ...Object.keys(COMPARISONS)])

/** A JavaScript expression for the value, or undefined where the primitive's own function is called. */
export function emitInline(emitter: Evaluation, form: PrimitiveForm): string | undefined {
  const { name } = form.primitive
  const count = form.operands.length
  if (Object.hasOwn(ARITHMETIC, name) && count === 2) return arithmetic(emitter, form, ARITHMETIC[name]!)
  if (BOOLEAN.has(name)) {
    const test = emitInlineTest(emitter, form)
    return test === undefined ? undefined : `(${test})`
  }
  switch (name) {
    case 'car':
    case 'cdr': {
      const operand = twice(emitter, form.operands[0]!, emitter.value(form.operands[0]!))
      const isPair = `${operand.use} instanceof ${emitter.constant(Pair)}`
      return `(${operand.set}${isPair}?${operand.use}.${name}:${slow(emitter, form, [operand])})`
    }
    case 'cons': {
      const [a, b] = emitter.operands(form.operands)
      return `new ${emitter.constant(Pair)}(${a},${b})`
    }
    case 'vector-ref': {
      const [v, i] = emitter.operands(form.operands).map((text, at) => twice(emitter, form.operands[at]!, text))
      const result = emitter.temporary()
      const inside = `${v!.use} instanceof ${emitter.constant(Vector)}&&typeof ${i!.use}==='number'`
      const item = `(${result}=${v!.use}.items[${i!.use}])!==undefined`
      return `(${v!.set}${i!.set}${inside}&&${item}?${result}:${slow(emitter, form, [v!, i!])})`
    }
    default:
      return undefined
  }
}
