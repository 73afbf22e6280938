// temporary
import type { Core, GlobalVariable as GlobalVariableType } from './core-form.js'
import { GlobalVariable } from './core-form.js'
import type { SpecialExpander } from './expander.js'
import { auxiliaryNames } from './expander.js'
import { add, compare, isNumber, multiply, subtract } from './number.js'
import { Primitive, type PrimitiveDefinition } from './primitive.js'
import { SpecialForm, TopLevel } from './scope.js'
import { binders } from './special-binding.js'
import { controls } from './special-control.js'
import { quotations } from './special-quote.js'
import { cons, librarySymbols, listOf, Pair, Text, type Value } from './value.js'

let top: TopLevel | undefined
const forms = new Map<string, SpecialExpander>([...binders, ...controls, ...quotations])
const equal = (a: Value, b: Value): boolean =>
  a === b || (a instanceof Text && b instanceof Text && a.text() === b.text())

const prims: PrimitiveDefinition[] = [
  { name: 'not', signature: '', doc: '', arity: [1, 1], run: (_c, a) => a === false },
  { name: 'equal?', signature: '', doc: '', arity: [2, 2], run: (_c, a, b) => equal(a, b) },
  { name: 'eqv?', signature: '', doc: '', arity: [2, 2], run: (_c, a, b) => a === b },
  { name: 'eq?', signature: '', doc: '', arity: [2, 2], run: (_c, a, b) => a === b },
  {
    name: 'memv',
    signature: '',
    doc: '',
    arity: [2, 2],
    run: (_c, a, b) => {
      while (b instanceof Pair) {
        if (b.car === a) return b
        b = b.cdr
      }
      return false
    },
  },
  {
    name: '+',
    signature: '',
    doc: '',
    arity: [0, Infinity],
    spread: (c, args) => args.reduce<Value>((x, y) => add(c, x, y), 0),
  },
  { name: '-', signature: '', doc: '', arity: [1, Infinity], spread: (c, args) => subtract(c, args[0]!, args[1]!) },
  {
    name: '*',
    signature: '',
    doc: '',
    arity: [0, Infinity],
    spread: (c, args) => args.reduce<Value>((x, y) => multiply(c, x, y), 1),
  },
  { name: '<', signature: '', doc: '', arity: [2, 2], run: (_c, a, b) => compare('<', a, b) < 0 },
  { name: '=', signature: '', doc: '', arity: [2, 2], run: (_c, a, b) => compare('=', a, b) === 0 },
  { name: 'number?', signature: '', doc: '', arity: [1, 1], run: (_c, a) => isNumber(a) },
  { name: 'list', signature: '', doc: '', arity: [0, Infinity], spread: (_c, args) => listOf(args) },
  { name: 'cons', signature: '', doc: '', arity: [2, 2], run: (_c, a, b) => cons(a, b) },
  { name: 'car', signature: '', doc: '', arity: [1, 1], run: (_c, a) => (a as Pair).car },
]

export const specialForms = (): ReadonlyMap<string, SpecialExpander> => forms

export function standardTop(): TopLevel {
  if (top !== undefined) return top
  top = new TopLevel(librarySymbols, undefined)
  for (const name of [...forms.keys(), ...auxiliaryNames]) top.bind(librarySymbols.intern(name), new SpecialForm(name))
  for (const definition of prims) {
    const variable = new GlobalVariable(definition.name, undefined, true, new Primitive(definition))
    variable.defined = true
    top.bind(librarySymbols.intern(definition.name), variable)
  }
  return top
}

export const definitionOf = (_variable: GlobalVariableType): Core | undefined => undefined
