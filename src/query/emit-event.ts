// JavaScript for what programs do with events: fields as slices, effects as moves of integers.
//
// The forms written here are the common ones: the table a literal, keys and values fields or literals. All else goes to the
// primitives of event-primitives.ts, which say the same thing slowly.

import { EVENT_TYPES, Field, NumberField } from '../event/batch.js'
import type { Core, PrimitiveForm } from './core-form.js'
import { literalPath } from './emit-plan.js'
import type { Evaluation } from './emit-values.js'
import { CELL_EFFECTS, type CellEffect, SCOPES } from './event-primitives.js'
import { placeOf } from './event-value.js'
import { Flonum, Pair, Sym, Text, type Value } from './value.js'

type Slice = [start: string, end: string]

const isCellEffect = (name: string): name is CellEffect => Object.hasOwn(CELL_EFFECTS, name)

/** Emits a form that is an effect, as statements. False if it is none, or not one of the common ones. */
export function emitEffect(emitter: Evaluation, form: PrimitiveForm): boolean {
  const { name } = form.primitive
  if (isCellEffect(name)) return cellEffect(emitter, form, name)
  const [first, second] = form.operands
  if (name === 'note-group!' && emitter.plan.formOf(first!) === 'event') {
    emitter.reads('S', 'X', 'E', 'V')
    emitter.line(`if(S[X+${2 * Field.Group}]>=0)E.noteGroup(V);`)
    return true
  }
  if (name === 'set-state!' && emitter.plan.formOf(first!) === 'slice' && isSymbol(second!)) {
    const [start, end] = emitter.slice(first!)
    emitter.reads('E')
    emitter.line(
      `if(${start}>=0){${emitter.at(form.at, ';')}E.setState(${start},${end},${emitter.constant(second.value.name)});}`,
    )
    return true
  }
  return false
}

/** Start and end, for a form whose representation is a slice. */
export function eventSlice(emitter: Evaluation, form: PrimitiveForm): Slice {
  if (form.primitive.name === 'key') {
    const parts = emitter.operandsBy(form.operands, operand => emitter.slice(operand)).flat()
    const start = emitter.temporary()
    const end = emitter.temporary()
    emitter.line(`C.join(${parts.join(',')});${start}=C.joinStart;${end}=C.joinEnd;`)
    return [start, end]
  }
  const place = placeOf(literalPath(form)!)
  if (place.tag !== 'text') throw new Error('not a slice')
  emitter.reads('S', 'X')
  return [`S[X+${2 * place.field}]`, `S[X+${2 * place.field + 1}]`]
}

/** A double, NaN for #f, for a form whose representation is a number. */
export function eventNumber(emitter: Evaluation, form: PrimitiveForm): string {
  const place = placeOf(literalPath(form)!)
  if (place.tag !== 'number') throw new Error('not a number')
  emitter.reads('N', 'V')
  return `N[V*${NumberField.Count_}+${place.field}]`
}

/** The value of a form about events, where there is a shorter way than its primitive. */
export function eventValue(emitter: Evaluation, form: PrimitiveForm): string | undefined {
  switch (emitter.plan.formOf(form)) {
    case 'slice': {
      const [start, end] = emitter.slice(form)
      return `C.text(${start},${end})`
    }
    case 'number':
      return `C.number(${eventNumber(emitter, form)})`
    case 'type':
      emitter.reads('T')
      return 'C.typeSymbol(T)'
    default:
      break
  }
  const { name } = form.primitive
  if (name === 'once!') return emitEventTest(emitter, form)
  if (name === 'state' && emitter.plan.formOf(form.operands[0]!) === 'slice') {
    const [start, end] = emitter.slice(form.operands[0]!)
    return `C.state(${start},${end})`
  }
  return undefined
}

/** A test in JavaScript (a boolean), where there is a shorter way than the value. */
export function emitEventTest(emitter: Evaluation, form: PrimitiveForm): string | undefined {
  const { name } = form.primitive
  const representation = emitter.plan.formOf(form)
  if (representation === 'slice') return `${emitter.slice(form)[0]}>=0`
  if (representation === 'number') return `C.number(${eventNumber(emitter, form)})!==false`
  const [first, second] = form.operands
  if (name === 'not') {
    const kind = emitter.plan.formOf(first!)
    if (kind === 'slice') return `${emitter.slice(first!)[0]}<0`
    return undefined
  }
  if (name === 'once!' && isSymbol(first!) && emitter.plan.formOf(second!) === 'slice') {
    const scope = SCOPES.indexOf(first.value.name)
    if (scope < 0) return undefined
    const [start, end] = emitter.slice(second!)
    emitter.reads('E')
    return `(${start}>=0&&E.once(${scope},${start},${end}))`
  }
  if (name === 'equal?') return textTest(emitter, first!, second!) ?? textTest(emitter, second!, first!)
  if (name === 'eqv?' || name === 'eq?') return typeTest(emitter, first!, second!) ?? typeTest(emitter, second!, first!)
  if (name === 'memv' || name === 'memq') return typeIn(emitter, first!, second!)
  return undefined
}

/** `(equal? SLICE "literal")` compares bytes. */
function textTest(emitter: Evaluation, operand: Core, literal: Core): string | undefined {
  if (literal.tag !== 'constant' || emitter.plan.formOf(operand) !== 'slice') return undefined
  const [start, end] = emitter.slice(operand)
  if (literal.value === false) return `${start}<0`
  if (!(literal.value instanceof Text)) return 'false'
  return `same(${start},${end},${emitter.constant(new TextEncoder().encode(literal.value.text()))})`
}

const typeNumber = (value: Value): number => (value instanceof Sym ? EVENT_TYPES.indexOf(value.name as 'crash') : -1)

/** `(eqv? TYPE 'crash)` compares integers. */
function typeTest(emitter: Evaluation, operand: Core, literal: Core): string | undefined {
  if (literal.tag !== 'constant' || emitter.plan.formOf(operand) !== 'type') return undefined
  const type = typeNumber(literal.value)
  emitter.reads('T')
  return type > 0 ? `T===${type}` : 'false'
}

function typeIn(emitter: Evaluation, operand: Core, literal: Core): string | undefined {
  if (literal.tag !== 'constant' || emitter.plan.formOf(operand) !== 'type') return undefined
  const tests: string[] = []
  emitter.reads('T')
  let rest = literal.value
  for (; rest instanceof Pair; rest = rest.cdr) {
    const type = typeNumber(rest.car)
    if (type > 0) tests.push(`T===${type}`)
  }
  return rest !== null ? undefined : tests.length === 0 ? 'false' : `(${tests.join('||')})`
}

function isSymbol(form: Core): form is Core & { tag: 'constant'; value: Sym } {
  return form.tag === 'constant' && form.value instanceof Sym
}

// How an operand gets to an effect: `condition` under which it is there, `before` what to do next, then its parts.
interface Handed {
  readonly condition: string | undefined
  readonly before: string
  readonly parts: readonly string[]
  readonly mayFail: boolean
}

const always = (...parts: string[]): Handed => ({ condition: undefined, before: '', parts, mayFail: false })
const never: Handed = { condition: 'false', before: '', parts: ['0', '0'], mayFail: false }

function cellEffect(emitter: Evaluation, form: PrimitiveForm, name: CellEffect): boolean {
  const [table, ...operands] = form.operands
  if (table?.tag !== 'constant' || !(table.value instanceof Text) || table.value.text() === '') return false
  const effect = CELL_EFFECTS[name]
  const index = emitter.table(table.value.text(), effect.kind, form.at)
  const parts = emitter.operandsBy(operands, operand => operandParts(emitter, operand))
  const key = textOperand(emitter, name, operands[0]!, parts[0]!)
  const third =
    operands.length < 2
      ? always(String(effect.fallback))
      : effect.operand === 'amount'
        ? amountOperand(emitter, name, operands[1]!, parts[1]!)
        : textOperand(emitter, name, operands[1]!, parts[1]!)
  // As the primitive does it: first the amount, then the key, or first the key, then the value.
  const order = effect.operand === 'amount' ? [third, key] : [key, third]
  if (key.mayFail || third.mayFail) emitter.line(emitter.at(form.at, ';'))
  let text = ''
  let close = ''
  for (const operand of order) {
    if (operand.condition !== undefined) {
      text += `if(${operand.condition}){`
      close += '}'
    }
    text += operand.before
  }
  emitter.reads('E')
  emitter.line(`${text}E.${effect.method}(${[index, ...key.parts, ...third.parts].join(',')});${close}`)
  return true
}

/** The operand evaluated, in the form it is at hand. */
function operandParts(emitter: Evaluation, operand: Core): string[] {
  if (operand.tag === 'constant') return []
  switch (emitter.plan.formOf(operand)) {
    case 'slice':
      return emitter.slice(operand)
    case 'number':
      return [emitter.number(operand)]
    default:
      return [emitter.value(operand)]
  }
}

function textOperand(emitter: Evaluation, name: string, operand: Core, parts: readonly string[]): Handed {
  if (operand.tag === 'constant') {
    const { value } = operand
    if (value === false) return never
    if (value instanceof Text && value.text() === '') return always('0', '0')
    const text = value instanceof Text ? value.text() : value instanceof Sym ? value.name : undefined
    if (text !== undefined) {
      const [start, end] = [emitter.fresh('t'), emitter.fresh('t')]
      emitter.reads('E')
      const before = `E.text(${emitter.constant(text)});const ${start}=E.textStart,${end}=E.textEnd;`
      return { condition: undefined, before, parts: [start, end], mayFail: false }
    }
    parts = [emitter.value(operand)]
  } else if (emitter.plan.formOf(operand) === 'slice') {
    return { condition: `${parts[0]}>=0`, before: '', parts, mayFail: false }
  } else if (emitter.plan.formOf(operand) === 'number') parts = [`C.number(${parts[0]})`]
  const [start, end] = [emitter.fresh('t'), emitter.fresh('t')]
  emitter.reads('E')
  return {
    condition: `C.put(${emitter.constant(name)},${parts[0]})`,
    before: `const ${start}=E.textStart,${end}=E.textEnd;`,
    parts: [start, end],
    mayFail: true,
  }
}

function amountOperand(emitter: Evaluation, name: string, operand: Core, parts: readonly string[]): Handed {
  if (operand.tag === 'constant') {
    const { value } = operand
    if (value === false) return never
    if (typeof value === 'number') return always(String(value))
    if (value instanceof Flonum && Number.isFinite(value.value)) return always(String(value.value))
    parts = [emitter.value(operand)]
  } else if (emitter.plan.formOf(operand) === 'number') {
    return { condition: `${parts[0]}-${parts[0]}===0`, before: '', parts, mayFail: false }
  } else if (emitter.plan.formOf(operand) === 'slice') parts = [`C.text(${parts.join(',')})`]
  const amount = emitter.temporary()
  return {
    condition: `(${amount}=C.amount(${emitter.constant(name)},${parts[0]}))===${amount}`,
    before: '',
    parts: [amount],
    mayFail: true,
  }
}
