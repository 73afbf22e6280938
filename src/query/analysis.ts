// Between expander and back ends: what both of them want to know about variables, and two rewritings.
//
//   - A name of the library that the program neither defines nor assigns is the library's own variable; a call of one that
//     is a primitive, with a number of operands it takes, becomes a `primitive` form.
//   - A letrec of one procedure that is called once from the body and otherwise only in its own tail position becomes a
//     `loop`. Inner loops are found first, so that the outer one may be continued out of the inner one's tail.
//
//   - What a lambda captures is collected here, so that the back end may compile each by itself.
//
// Forms nest no deeper than the source and its macros may (maxNestingDepth), so the pass recurses; for one form may be a
// megabyte, what does not fit into a step is postponed (agenda.ts). That is possible because what a form becomes is decided
// before what is in it is looked at.

import { assert } from '../core/errors.js'
import type { Steps } from '../core/steps.js'
import { Agenda } from './agenda.js'
import { isSimple, type SimpleForm } from './core-build.js'
import type {
  AgainForm,
  CallForm,
  Core,
  GlobalVariable,
  LambdaForm,
  LetrecForm,
  LocalVariable,
  LoopForm,
} from './core-form.js'

/**
 * A letrec of more forms than this is not looked at as a loop: the search is made in one step, and again for each that is
 * nested in it. It runs as any letrec, a little slower.
 */
const MAX_LOOP_FORMS = 10_000

/** Forms that a search, and those it asks, may still look at. */
interface Budget {
  left: number
}

/** Prepares the forms of a program, once all of it has been expanded. */
export function* analyse(forms: readonly Core[], agenda = new Agenda()): Steps<Core[]> {
  const analyser = new Analyser(agenda)
  const analysed: Core[] = []
  for (const form of forms) {
    analysed.push(analyser.top(form))
    if (!agenda.isEmpty) yield* agenda.finish()
  }
  return analysed
}

/** A form without the sequences of one item that stand for it (expander.ts). */
function withoutWrapping(form: Core): Core {
  while (form.tag === 'sequence' && form.items.length === 1) form = form.items[0]!
  return form
}

/** The variable that a reference means: the library's, unless the program has made the name its own. */
function meaning(variable: GlobalVariable): GlobalVariable {
  return variable.hides !== undefined && !variable.defined && !variable.assigned ? meaning(variable.hides) : variable
}

/** A variable of a letrec: its index, and its group of consecutive lambdas, or NO_GROUP if its value is no lambda. */
interface Member {
  readonly letrec: LetrecForm
  readonly index: number
  readonly group: number
}
const NO_GROUP = -1

/** The values of letrecs that a form stands in, innermost first. */
interface Within {
  readonly member: Member
  readonly outer: Within | undefined
}

type Inner = Exclude<Core, SimpleForm>

class Analyser {
  /** The lambda that the form at hand stands in. */
  private home: LambdaForm | undefined
  private within: Within | undefined
  private readonly members = new Map<LocalVariable, Member>()

  constructor(private readonly agenda: Agenda) {}

  top(form: Core): Core {
    this.home = undefined
    this.within = undefined
    return this.rewrite(form)
  }

  private bind(variables: readonly LocalVariable[]): void {
    for (const variable of variables) variable.home = this.home
  }

  private use(variable: LocalVariable): void {
    variable.uses++
    if (variable.home !== this.home) this.capture(variable)
    if (this.within === undefined) return
    const member = this.members.get(variable)
    if (member !== undefined && this.isEarly(member)) variable.unready = true
  }

  private capture(variable: LocalVariable): void {
    variable.captured = true
    for (let lambda = this.home; lambda !== variable.home; lambda = lambda.outer) {
      assert(lambda !== undefined, 'a variable is bound around what mentions it')
      lambda.free ??= new Map()
      if (lambda.free.has(variable)) return
      lambda.free.set(variable, lambda.free.size)
    }
  }

  /**
   * Whether a variable may be read here before it has its value. Consecutive lambdas form a group and may mention each
   * other: nothing runs before the whole group has its values.
   */
  private isEarly(member: Member): boolean {
    let within = this.within
    while (within !== undefined && within.member.letrec !== member.letrec) within = within.outer
    if (within === undefined || member.index < within.member.index) return false
    return member.group === NO_GROUP || member.group !== within.member.group
  }

  private simple(form: SimpleForm): Core {
    if (form.tag === 'local') this.use(form.variable)
    return form.tag === 'global' ? { ...form, variable: meaning(form.variable) } : form
  }

  private rewriteAll(forms: Core[], from = 0): void {
    for (let i = from; i < forms.length; i++) {
      if (this.agenda.isSpent()) return this.restLater(forms, i)
      const form = forms[i]!
      forms[i] = isSimple(form) ? this.simple(form) : this.rewrite(form)
    }
  }

  /** What a form becomes. What is in it is rewritten in its place, perhaps later. */
  private rewrite(form: Core): Core {
    const made = this.replacement(withoutWrapping(form))
    if (isSimple(made)) return this.simple(made)
    if (this.agenda.isSpent()) this.insideLater(made)
    else this.inside(made)
    return made
  }

  private replacement(form: Core): Core {
    if (form.tag === 'letrec') {
      form.values.forEach((value, i) => {
        form.values[i] = withoutWrapping(value)
      })
      form.body = withoutWrapping(form.body)
      return this.loopOf(form) ?? form
    }
    if (form.tag !== 'call') return form
    const operator = withoutWrapping(form.operator)
    if (operator.tag === 'global') form.operator = this.simple(operator)
    return primitiveCall(form)
  }

  private later(task: () => void): void {
    const { home, within } = this
    this.agenda.postpone(() => {
      this.home = home
      this.within = within
      task()
    })
  }

  // Closures stand in functions of their own: one that might be made costs every call of its function a context.
  private insideLater(form: Inner): void {
    this.later(() => this.inside(form))
  }

  private restLater(forms: Core[], from: number): void {
    this.later(() => this.rewriteAll(forms, from))
  }

  private valuesLater(form: LetrecForm, members: readonly Member[], from: number): void {
    this.later(() => this.letrecValues(form, members, from))
  }

  private inside(form: Inner): void {
    switch (form.tag) {
      case 'set-local':
        form.variable.assigned = true
        this.use(form.variable)
        form.value = this.rewrite(form.value)
        return
      case 'set-global':
        form.value = this.rewrite(form.value)
        return
      case 'if':
        form.test = this.rewrite(form.test)
        form.consequent = this.rewrite(form.consequent)
        form.alternative = this.rewrite(form.alternative)
        return
      case 'lambda':
        return this.lambda(form)
      case 'let':
      case 'loop':
        this.rewriteAll(form.values)
        this.bind(form.variables)
        form.body = this.rewrite(form.body)
        return
      case 'letrec':
        return this.letrec(form)
      case 'sequence':
        return this.rewriteAll(form.items)
      case 'call':
        // A global has been looked up already.
        if (form.operator.tag !== 'global') form.operator = this.rewrite(form.operator)
        return this.rewriteAll(form.operands)
      case 'primitive':
      case 'again':
        return this.rewriteAll(form.operands)
    }
  }

  private lambda(form: LambdaForm): void {
    form.outer = this.home
    this.home = form
    this.bind(form.parameters)
    if (form.rest) form.rest.home = form
    form.body = this.rewrite(form.body)
    this.home = form.outer
  }

  private letrec(form: LetrecForm): void {
    this.bind(form.variables)
    let group = 0
    const members: Member[] = form.variables.map((variable, index) => {
      const isLambda = form.values[index]!.tag === 'lambda'
      if (isLambda && index > 0 && form.values[index - 1]!.tag !== 'lambda') group++
      const member = { letrec: form, index, group: isLambda ? group : NO_GROUP }
      this.members.set(variable, member)
      return member
    })
    this.letrecValues(form, members, 0)
    form.body = this.rewrite(form.body)
  }

  private letrecValues(form: LetrecForm, members: readonly Member[], from: number): void {
    const outer = this.within
    for (let i = from; i < members.length; i++) {
      if (this.agenda.isSpent()) {
        this.within = outer
        return this.valuesLater(form, members, i)
      }
      this.within = { member: members[i]!, outer }
      form.values[i] = this.rewrite(form.values[i]!)
    }
    this.within = outer
  }

  /** The loop that a letrec is, if it is one. */
  private loopOf(form: LetrecForm): LoopForm | undefined {
    const [self] = form.variables
    const [lambda] = form.values
    const { body: start } = form
    if (form.variables.length !== 1 || self === undefined || self.assigned) return undefined
    if (lambda?.tag !== 'lambda' || lambda.rest !== undefined) return undefined
    if (start.tag !== 'call' || start.operator.tag !== 'local' || start.operator.variable !== self) return undefined
    const arity = lambda.parameters.length
    if (start.operands.length !== arity) return undefined
    const budget: Budget = { left: MAX_LOOP_FORMS }
    const found = new LoopSearch(self, arity, budget)
    for (const operand of start.operands) found.visit(operand, false)
    found.visit(lambda.body, true)
    this.agenda.spend(MAX_LOOP_FORMS - budget.left)
    if (!found.isLoop) return undefined
    const loop: LoopForm = {
      tag: 'loop',
      name: lambda.name,
      variables: lambda.parameters,
      values: start.operands,
      body: lambda.body,
      at: lambda.at,
    }
    loop.body = continued(loop, self, lambda.body)
    return loop
  }
}

function primitiveCall(form: CallForm): Core {
  const { operator, operands, at } = form
  if (operator.tag !== 'global' || operator.variable.primitive === undefined) return form
  const { primitive } = operator.variable
  if (operands.length < primitive.fewest || operands.length > primitive.most) return form
  return { tag: 'primitive', primitive, operands, at }
}

/** Looks for uses of a loop's name that are no calls in its tail position. */
class LoopSearch {
  isLoop = true

  constructor(
    private readonly self: LocalVariable,
    private readonly arity: number,
    private readonly budget: Budget,
  ) {}

  visit(form: Core, tail: boolean): void {
    if (--this.budget.left < 0) this.isLoop = false
    if (!this.isLoop) return
    switch (form.tag) {
      case 'constant':
      case 'global':
        return
      case 'local':
        if (form.variable === this.self) this.isLoop = false
        return
      case 'set-local':
      case 'set-global':
        return this.visit(form.value, false)
      case 'if':
        this.visit(form.test, false)
        this.visit(form.consequent, tail)
        return this.visit(form.alternative, tail)
      case 'lambda':
        return this.visit(form.body, false)
      case 'let':
      case 'loop':
        for (const value of form.values) this.visit(value, false)
        return this.visit(form.body, tail)
      case 'letrec':
        return this.letrec(form, tail)
      case 'sequence':
        form.items.forEach((item, i) => {
          this.visit(item, tail && i === form.items.length - 1)
        })
        return
      case 'call':
        for (const operand of form.operands) this.visit(operand, false)
        if (form.operator.tag === 'local' && form.operator.variable === this.self) {
          if (!tail || form.operands.length !== this.arity) this.isLoop = false
        } else this.visit(form.operator, false)
        return
      case 'primitive':
      case 'again':
        for (const operand of form.operands) this.visit(operand, false)
    }
  }

  /** An inner letrec that is itself a loop has its lambda's body in tail position; it will be rewritten when it is met. */
  private letrec(form: LetrecForm, tail: boolean): void {
    const inner = form.variables.length === 1 && form.values[0]!.tag === 'lambda' ? form.values[0] : undefined
    if (inner !== undefined && tail && isLoop(form, this.budget)) {
      this.visit(inner.body, true)
      for (const operand of (form.body as CallForm).operands) this.visit(operand, false)
      return
    }
    for (const value of form.values) this.visit(value, false)
    this.visit(form.body, tail)
  }
}

const loops = new WeakMap<LetrecForm, boolean>()

function isLoop(form: LetrecForm, budget: Budget): boolean {
  const known = loops.get(form)
  if (known !== undefined) return known
  const [self] = form.variables
  const [lambda] = form.values
  const start = form.body
  let result = false
  if (self && !self.assigned && lambda?.tag === 'lambda' && lambda.rest === undefined && start.tag === 'call') {
    const isStart = start.operator.tag === 'local' && start.operator.variable === self
    if (isStart && start.operands.length === lambda.parameters.length) {
      const search = new LoopSearch(self, lambda.parameters.length, budget)
      for (const operand of start.operands) search.visit(operand, false)
      search.visit(lambda.body, true)
      result = search.isLoop
    }
  }
  // Out of budget is no answer: asked by itself it may have enough.
  if (budget.left >= 0) loops.set(form, result)
  return result
}

/** The body of a loop, its tail calls of itself turned into `again`. */
function continued(loop: LoopForm, self: LocalVariable, form: Core): Core {
  switch (form.tag) {
    case 'if':
      form.consequent = continued(loop, self, form.consequent)
      form.alternative = continued(loop, self, form.alternative)
      return form
    case 'let':
    case 'loop':
      form.body = continued(loop, self, form.body)
      return form
    case 'letrec': {
      form.body = continued(loop, self, form.body)
      const inner = form.values[0]
      if (inner?.tag === 'lambda' && isLoop(form, { left: MAX_LOOP_FORMS }))
        inner.body = continued(loop, self, inner.body)
      return form
    }
    case 'sequence':
      form.items[form.items.length - 1] = continued(loop, self, form.items[form.items.length - 1]!)
      return form
    case 'call':
      if (form.operator.tag !== 'local' || form.operator.variable !== self) return form
      return { tag: 'again', loop, operands: form.operands, at: form.at } satisfies AgainForm
    default:
      return form
  }
}
