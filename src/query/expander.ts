// From data to core form: special forms become core, uses of macros are expanded, names become variables.
//
// It works in steps, for one form may be a megabyte: what does not fit into a step is postponed (agenda.ts), and stands in its
// parent as a sequence of one item that is not there yet. So nobody may depend on what a part became: quasiquotation and
// `called` look, but could do without. Special forms that have long lists to go through are generators; one that yields is
// postponed, and goes on where it was.
//
// Every method takes the form, its scope and `at`, the offset of the form in the source (elements of a list know theirs; what
// a macro made takes that of the macro's use). Recursion follows the nesting of forms, which is bounded, for source by the
// reader and for what macros make by `enter`.

import type { Steps } from '../core/steps.js'
import type { Agenda } from './agenda.js'
import { constant, lambdaForm, nothing, placeOf, sequence } from './core-build.js'
import type { Core, GlobalVariable } from './core-form.js'
import { GlobalVariable as Global, LocalVariable } from './core-form.js'
import { brief } from './printer.js'
import { Alias, type Identifier, Macro, Scope, SpecialForm, symbolOf, type TopLevel } from './scope.js'
import { syntaxError } from './source.js'
import { RuleCheck } from './syntax-check.js'
import { Expansion, isIdentifier } from './syntax-rules.js'
import { Pair, type Value, Vector } from './value.js'

export type SpecialExpander = (expander: Expander, form: Pair, scope: Scope, at: number) => Core | Steps<Core>

export const auxiliaryNames = [
  'else',
  '=>',
  'unquote',
  'unquote-splicing',
  '...',
  '_',
  'define',
  'define-syntax',
  'syntax-rules',
]

const maxExpansion = 2_000_000
/** Special forms that define something, or hold what does. */
const definers = new Set(['begin', 'define', 'define-syntax'])
const MOST_PARAMETERS_AT_ONCE = 256

interface BodyItem {
  readonly variable: LocalVariable | undefined
  readonly form: Value | undefined
  readonly at: number
  readonly isDefinition: boolean
}

export class Expander {
  private depth = 0
  private made = 0

  constructor(
    readonly source: string,
    readonly top: TopLevel,
    private readonly specialForms: ReadonlyMap<string, SpecialExpander>,
    private readonly maxDepth: number,
    private readonly agenda: Agenda,
  ) {}

  /** A form of the top level; what becomes of it is added to `into`. */
  *expandTop(form: Value, at: number, into: Core[]): Steps<void> {
    const scope = this.top.scope
    let head = this.headOf(form, scope)
    for (let rounds = 0; head instanceof Macro; head = this.headOf(form, scope)) {
      if (++rounds > this.maxDepth) throw this.error(at, `\`${head.name}\` expands to itself without end`)
      form = yield* this.agenda.through(this.expandMacro(head, form as Pair, scope, at))
    }
    if (head instanceof SpecialForm && form instanceof Pair) {
      if (head.name === 'begin') {
        this.enter(at)
        for (const [item, place] of this.elements(form.cdr, at)) yield* this.expandTop(item, place, into)
        this.depth--
        return
      }
      if (head.name === 'define-syntax') {
        const [name, macro] = this.syntaxBinding(form.cdr, scope, at)
        this.top.bind(symbolOf(name), macro)
        return
      }
    }
    const isDefinition = head instanceof SpecialForm && head.name === 'define'
    into.push(isDefinition ? this.defineTop(form as Pair, scope, at) : this.expand(form, scope, at))
    // All of it before the next form, which may give names another meaning.
    if (!this.agenda.isEmpty) {
      const { depth } = this
      yield* this.agenda.finish()
      this.depth = depth
    }
  }

  private defineTop(form: Pair, scope: Scope, at: number): Core {
    const [name, value, place] = this.definition(form, at)
    const variable = this.top.define(symbolOf(name))
    variable.assigned ||= variable.defined
    variable.defined = true
    const made = value === undefined ? nothing : this.named(value, name.name, scope, place)
    return { tag: 'set-global', variable, value: made, define: true, at }
  }

  /** Any expression. */
  expand(form: Value, scope: Scope, at: number): Core {
    if (!(form instanceof Pair)) return this.simple(form, scope, at)
    return this.isDue() ? this.expandLater(form, scope, at) : this.compound(form, scope, at)
  }

  // Closures stand in functions of their own: one that might be made costs every call of its function a context.
  private expandLater(form: Pair, scope: Scope, at: number): Core {
    return this.postponed(() => this.expand(form, scope, at))
  }

  private namedLater(form: Pair, name: string, scope: Scope, at: number): Core {
    return this.postponed(() => this.named(form, name, scope, at))
  }

  /** What stands for an expression that is made later, at this depth. */
  private postponed(make: () => Core): Core {
    const items: Core[] = [nothing]
    this.later(() => {
      items[0] = make()
    })
    return { tag: 'sequence', items }
  }

  private later(task: () => void): void {
    const { depth } = this
    this.agenda.postpone(() => {
      this.depth = depth
      task()
    })
  }

  /** What `steps` end with, if they do not yield; else what stands for that. */
  private run(steps: Steps<Core>): Core {
    const { depth } = this
    const { done, value } = steps.next()
    return done ? value : this.runLater(steps, depth)
  }

  private runLater(steps: Steps<Core>, depth: number): Core {
    const standIn = this.postponed(() => this.run(steps))
    this.depth = depth
    return standIn
  }

  private simple(form: Value, scope: Scope, at: number): Core {
    if (isIdentifier(form)) return this.reference(form, scope, at)
    if (form === null) throw this.error(at, "`()` is no expression; quote it: `'()`")
    return constant(form instanceof Vector ? this.strip(form) : form)
  }

  private compound(form: Pair, scope: Scope, at: number): Core {
    const { depth } = this
    this.enter(at)
    const head = this.headOf(form, scope)
    let result: Core
    if (head instanceof Macro) result = this.run(this.macroUse(head, form, scope, at))
    else if (head instanceof SpecialForm) {
      const made = this.special(head, form, scope, at)
      result = 'tag' in made ? made : this.run(made)
    } else {
      const place = placeOf(form, at)
      const operator =
        form.car instanceof Pair ? this.compound(form.car, scope, place) : this.simple(form.car, scope, place)
      result = called(operator, this.expandList(form.cdr, scope, at), at)
    }
    this.depth = depth
    return result
  }

  private *macroUse(macro: Macro, form: Pair, scope: Scope, at: number): Steps<Core> {
    return this.expand(yield* this.expandMacro(macro, form, scope, at), scope, at)
  }

  /** Each expression of a proper list. Those that are postponed are not in it yet. */
  expandList(list: Value, scope: Scope, at: number): Core[] {
    const made: Core[] = []
    this.expandInto(made, 0, list, scope, at)
    return made
  }

  /** The expressions of a proper list, one after the other; an empty one has no value. */
  block(list: Value, scope: Scope, at: number): Core {
    if (list === null) return nothing
    if (list instanceof Pair && list.cdr === null) return this.expand(list.car, scope, placeOf(list, at))
    return { tag: 'sequence', items: this.expandList(list, scope, at) }
  }

  /** Expressions of a proper list into `made`, the first at `i`. */
  expandInto(made: Core[], i: number, list: Value, scope: Scope, at: number): void {
    let rest = list
    for (; rest instanceof Pair; rest = rest.cdr) {
      if (this.isDue()) return this.expandRest(made, i, rest, scope, at)
      const place = placeOf(rest, at)
      const form: Value = rest.car
      made[i++] = form instanceof Pair ? this.compound(form, scope, place) : this.simple(form, scope, place)
    }
    if (rest !== null) throw this.dotted(at)
  }

  private expandRest(made: Core[], i: number, rest: Pair, scope: Scope, at: number): void {
    // The length is looked at before what is postponed is there.
    if (made.length === i) for (let pair: Value = rest; pair instanceof Pair; pair = pair.cdr) made.push(nothing)
    this.later(() => this.expandInto(made, i, rest, scope, at))
  }

  /** An expression whose value gets a name, for backtraces, if it is a lambda. */
  named(form: Value, name: string, scope: Scope, at: number): Core {
    if (!(form instanceof Pair)) return this.simple(form, scope, at)
    if (this.isDue()) return this.namedLater(form, name, scope, at)
    const core = this.compound(form, scope, at)
    if (core.tag === 'lambda' && core.name === '') core.name = name
    return core
  }

  /** A level deeper; parts of a chain, whose core nests with less on JavaScript's stack, weigh less. */
  enter(at: number, weight = 1): void {
    this.depth += weight
    if (this.depth > this.maxDepth)
      throw this.error(at, `forms are nested deeper than ${this.maxDepth}, perhaps by a macro without end`)
  }

  leave(weight = 1): void {
    this.depth -= weight
  }

  /** Whether it is time to yield or to postpone, after work worth so many forms. */
  isDue(forms = 1): boolean {
    return this.agenda.isSpent(forms)
  }

  headOf(form: Value, scope: Scope): unknown {
    return form instanceof Pair && isIdentifier(form.car) ? scope.resolve(form.car) : undefined
  }

  isKeyword(value: Value, scope: Scope, name: string): boolean {
    if (!isIdentifier(value) || value.name !== name) return false
    const binding = scope.resolve(value)
    return binding instanceof SpecialForm && binding.name === name
  }

  private special(head: SpecialForm, form: Pair, scope: Scope, at: number): Core | Steps<Core> {
    const expander = this.specialForms.get(head.name)
    if (expander !== undefined) return expander(this, form, scope, at)
    if (head.name === 'define' || head.name === 'define-syntax') {
      throw this.error(at, `\`${head.name}\` is only allowed at the top level and at the beginning of a body`)
    }
    throw this.error(at, `\`${head.name}\` is out of place`)
  }

  private reference(identifier: Identifier, scope: Scope, at: number): Core {
    const binding = scope.resolve(identifier)
    if (binding instanceof LocalVariable) return { tag: 'local', variable: binding, at }
    if (binding instanceof Global) return { tag: 'global', variable: binding, at }
    throw this.error(at, `\`${identifier.name}\` is syntax and has no value`)
  }

  *expandMacro(macro: Macro, form: Pair, scope: Scope, at: number): Steps<Value> {
    const expansion = new Expansion(macro, scope, this, at)
    this.payForExpansion(1, at)
    const result = yield* expansion.expand(form)
    if (result === undefined) throw this.error(at, `\`${macro.name}\` has no rule for ${brief(this.strip(form))}`)
    return result
  }

  /** Counts the pairs that macros make, so that exploding ones can be stopped. */
  payForExpansion(pairs: number, at: number): void {
    this.made += pairs
    if (this.made > maxExpansion) throw this.error(at, 'macros expand to too much')
  }

  /** The elements of a proper list with their places. */
  elements(list: Value, at: number): [Value, number][] {
    const found: [Value, number][] = []
    let rest = list
    for (; rest instanceof Pair; rest = rest.cdr) found.push([rest.car, placeOf(rest, at)])
    if (rest !== null) throw this.dotted(at)
    return found
  }

  /** `(NAME VALUE)` or `(NAME)`, or `((NAME . PARAMETERS) . BODY)` as a lambda; also curried. */
  definition(form: Pair, at: number): [name: Identifier, value: Value | undefined, at: number] {
    if (!(form.cdr instanceof Pair)) throw this.error(at, '`define` wants a name and a value')
    let target = form.cdr.car
    let rest: Value = form.cdr.cdr
    let isProcedure = false
    while (target instanceof Pair) {
      isProcedure = true
      const lambda = new Pair(
        new Alias(this.top.symbols.intern('lambda'), rootOf(this.top)),
        new Pair(target.cdr, rest),
      )
      lambda.note = form.note
      rest = new Pair(lambda, null)
      ;(rest as Pair).note = -1 - at
      target = target.car
    }
    if (!isIdentifier(target)) throw this.error(at, `\`define\` wants a name, got ${brief(this.strip(target))}`)
    if (rest === null) return [target, undefined, at]
    if (!(rest instanceof Pair) || rest.cdr !== null) {
      throw this.error(at, `\`define\` of \`${target.name}\` wants exactly one value`)
    }
    return [target, rest.car, isProcedure ? at : placeOf(rest, at)]
  }

  /** `(NAME (syntax-rules …))`. */
  syntaxBinding(list: Value, scope: Scope, at: number): [Identifier, Macro | SpecialForm] {
    const parts = this.elements(list, at)
    const [name, rules] = [parts[0]?.[0], parts[1]?.[0]]
    if (parts.length !== 2 || name === undefined || !isIdentifier(name))
      throw this.error(at, 'a syntax binding wants a name and `syntax-rules`')
    if (rules !== undefined && isIdentifier(rules)) {
      const binding = scope.resolve(rules)
      if (binding instanceof Macro || binding instanceof SpecialForm) return [name, binding]
    }
    if (!(rules instanceof Pair) || !this.isKeyword(rules.car, scope, 'syntax-rules') || !(rules.cdr instanceof Pair)) {
      throw this.error(at, `\`${name.name}\` wants to be defined by \`syntax-rules\``)
    }
    const literals = this.elements(rules.cdr.car, at).map(([literal]) => {
      if (!isIdentifier(literal)) throw this.error(at, '`syntax-rules` wants names as literals')
      return literal
    })
    const made = this.elements(rules.cdr.cdr, at).map(([rule, place]) => {
      const halves = this.elements(rule, place)
      if (halves.length !== 2 || !(halves[0]![0] instanceof Pair))
        throw this.error(place, 'a rule wants a pattern in parentheses and a template')
      const [pattern, template] = [halves[0]![0], halves[1]![0]]
      new RuleCheck(literals, message => this.error(place, message)).check(pattern, template)
      return { pattern, template }
    })
    return [name, new Macro(name.name, literals, made, scope)]
  }

  /** Binds one local variable. */
  bindLocal(identifier: Value, scope: Scope, at: number): LocalVariable {
    if (!isIdentifier(identifier)) throw this.error(at, `a name is wanted here, not ${brief(this.strip(identifier))}`)
    if (scope.own(identifier) !== undefined) throw this.error(at, `\`${identifier.name}\` is bound twice`)
    const variable = new LocalVariable(identifier.name)
    scope.bind(identifier, variable)
    return variable
  }

  lambda(parameters: Value, body: Value, scope: Scope, at: number): Core {
    return this.lambdaFrom(parameters, [], body, new Scope(scope, this.top), at)
  }

  private lambdaFrom(parameters: Value, bound: LocalVariable[], body: Value, scope: Scope, at: number): Core {
    let rest = parameters
    for (; rest instanceof Pair; rest = rest.cdr) {
      // `named` and `called` want to see a lambda, so a short list is not put off.
      if (this.isDue() && bound.length >= MOST_PARAMETERS_AT_ONCE) return this.lambdaLater(rest, bound, body, scope, at)
      bound.push(this.bindLocal(rest.car, scope, placeOf(rest, at)))
    }
    const restVariable = rest === null ? undefined : this.bindLocal(rest, scope, at)
    return lambdaForm('', bound, restVariable, this.body(body, scope, at), at)
  }

  private lambdaLater(rest: Pair, bound: LocalVariable[], body: Value, scope: Scope, at: number): Core {
    return this.postponed(() => this.lambdaFrom(rest, bound, body, scope, at))
  }

  /** A body: internal definitions, then expressions. Definitions after expressions are taken in order, too. */
  body(forms: Value, outer: Scope, at: number): Core {
    if (forms instanceof Pair && forms.cdr === null && !this.mayDefine(this.headOf(forms.car, outer)))
      return this.expand(forms.car, outer, placeOf(forms, at))
    return this.run(this.bodySteps(forms, outer, at))
  }

  /** Whether what begins with this may define something. */
  private mayDefine(head: unknown): boolean {
    return head instanceof Macro || (head instanceof SpecialForm && definers.has(head.name))
  }

  private *bodySteps(forms: Value, outer: Scope, at: number): Steps<Core> {
    const scope = new Scope(outer, this.top)
    const items: BodyItem[] = []
    yield* this.scanAll(forms, scope, at, items)
    if (items.length === 0) throw this.error(at, 'a body wants at least one expression')
    const definitions = items.findLastIndex(({ isDefinition }) => isDefinition) + 1
    const values: Core[] = []
    const made: Core[] = []
    for (let i = 0; i < items.length; i++) {
      if (this.isDue()) yield
      const { form, variable, at: place } = items[i]!
      const into = i < definitions ? values : made
      if (form === undefined) into.push(nothing)
      else if (variable !== undefined) into.push(this.named(form, variable.name, scope, place))
      else into.push(this.expand(form, scope, place))
    }
    const body = made.length === 0 ? nothing : sequence(made)
    if (definitions === 0) return body
    const variables = items.slice(0, definitions).map(({ variable }) => variable ?? new LocalVariable(''))
    return { tag: 'letrec', variables, values, body }
  }

  /** Finds what the forms of a body define; the values wait until all names are known. */
  private *scanAll(forms: Value, scope: Scope, at: number, items: BodyItem[]): Steps<void> {
    let rest = forms
    for (; rest instanceof Pair; rest = rest.cdr) {
      if (this.isDue()) yield
      const form: Value = rest.car
      const place = placeOf(rest, at)
      const head = this.headOf(form, scope)
      if (head instanceof Macro || (head instanceof SpecialForm && head.name === 'begin'))
        yield* this.scanSpliced(head, form as Pair, place, scope, items)
      else this.scan(head, form, place, scope, items)
    }
    if (rest !== null) throw this.dotted(at)
  }

  /** What a use of a macro or a `begin` stands for: as if it were written in its place. */
  private *scanSpliced(
    head: Macro | SpecialForm,
    form: Pair,
    at: number,
    scope: Scope,
    items: BodyItem[],
  ): Steps<void> {
    this.enter(at)
    if (head instanceof Macro) {
      const made = new Pair(yield* this.expandMacro(head, form, scope, at), null)
      yield* this.scanAll(made, scope, at, items)
    } else if (form.cdr === null) items.push({ variable: undefined, form, at, isDefinition: false })
    else yield* this.scanAll(form.cdr, scope, at, items)
    this.depth--
  }

  private scan(head: unknown, form: Value, at: number, scope: Scope, items: BodyItem[]): void {
    if (head instanceof SpecialForm && head.name === 'define') {
      const [name, value, place] = this.definition(form as Pair, at)
      const already = scope.own(name)
      const variable = already instanceof LocalVariable ? already : this.bindLocal(name, scope, at)
      items.push({ variable, form: value, at: place, isDefinition: true })
    } else if (head instanceof SpecialForm && head.name === 'define-syntax') {
      const [name, macro] = this.syntaxBinding((form as Pair).cdr, scope, at)
      scope.bind(name, macro)
    } else items.push({ variable: undefined, form, at, isDefinition: false })
  }

  /** A call of a library procedure, whatever the program has done to its name. */
  library(name: string, operands: Core[], at: number): Core {
    return { tag: 'call', operator: { tag: 'global', variable: this.libraryVariable(name), at }, operands, at }
  }

  private libraryVariable(name: string): GlobalVariable {
    let top = this.top
    while (top.parent !== undefined) top = top.parent
    const found = top.lookup(top.symbols.intern(name))
    if (!(found instanceof Global)) throw new Error(`no library variable ${name}`)
    return found
  }

  /** A datum without the marks of macro expansion. Copies only what has some. */
  strip(datum: Value): Value {
    if (datum instanceof Alias) return symbolOf(datum)
    if (!hasAlias(datum)) return datum
    if (datum instanceof Vector) return new Vector(datum.items.map(item => this.strip(item)))
    if (!(datum instanceof Pair)) return datum
    const items: Value[] = []
    let rest: Value = datum
    for (; rest instanceof Pair; rest = rest.cdr) items.push(this.strip(rest.car))
    let result = this.strip(rest)
    for (let i = items.length - 1; i >= 0; i--) result = new Pair(items[i]!, result)
    return result
  }

  dotted(at: number) {
    return this.error(at, 'a dotted list where a proper one is needed')
  }

  error(at: number, message: string) {
    return syntaxError(this.source, at, message)
  }
}

function called(operator: Core, operands: Core[], at: number): Core {
  if (operator.tag === 'lambda' && operator.rest === undefined && operator.parameters.length === operands.length) {
    return { tag: 'let', variables: operator.parameters, values: operands, body: operator.body }
  }
  return { tag: 'call', operator, operands, at }
}

function hasAlias(datum: Value): boolean {
  for (; datum instanceof Pair; datum = datum.cdr) if (hasAlias(datum.car)) return true
  if (datum instanceof Vector) return datum.items.some(hasAlias)
  return datum instanceof Alias
}

const rootOf = (top: TopLevel): Scope => {
  while (top.parent !== undefined) top = top.parent
  return top.scope
}
