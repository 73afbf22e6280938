// Between expander and back ends: what both of them want to know about variables, and two rewritings.
//
//   - A name of the library that the program neither defines nor assigns is the library's own variable; a call of one that
//     is a primitive, with a number of operands it takes, becomes a `primitive` form.
//   - A letrec of one procedure that is called once from the body and otherwise only in its own tail position becomes a
//     `loop`. Inner loops are found first, so that the outer one may be continued out of the inner one's tail.
//
// Forms nest no deeper than the source and its macros may (maxNestingDepth), so the passes recurse; in steps, for one form may
// be a megabyte.

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
import type { Steps } from './steps.js'

/** Forms rewritten between two yields. */
const FORMS_A_STEP = 512
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
export function* analyse(forms: readonly Core[]): Steps<Core[]> {
  const analyser = new Analyser()
  const analysed: Core[] = []
  for (const form of forms) {
    analysed.push(yield* analyser.top(form))
    yield
  }
  return analysed
}

/** The variable that a reference means: the library's, unless the program has made the name its own. */
function meaning(variable: GlobalVariable): GlobalVariable {
  return variable.hides !== undefined && !variable.defined && !variable.assigned ? meaning(variable.hides) : variable
}

/** The group of lambdas of a letrec whose values are being looked at; NO_GROUP while it is a value that is none. */
interface LetrecPlace {
  group: number
}
const NO_GROUP = -2

class Analyser {
  private worked = 0
  private home: LambdaForm | undefined
  /** Variables of letrecs whose values have not all been seen. */
  private readonly pending = new Map<LocalVariable, { place: LetrecPlace; group: number }>()

  private bind(variable: LocalVariable): void {
    variable.home = this.home
  }

  *top(form: Core): Steps<Core> {
    this.home = undefined
    return yield* this.rewrite(form)
  }

  private use(variable: LocalVariable): void {
    variable.uses++
    if (variable.home !== this.home) variable.captured = true
    const pending = this.pending.get(variable)
    if (pending !== undefined && pending.group !== pending.place.group) variable.unready = true
  }

  private *rewriteAll(forms: Core[]): Steps<void> {
    for (let i = 0; i < forms.length; i++) {
      const form = forms[i]!
      if (++this.worked % FORMS_A_STEP === 0) yield
      // Most are names and constants, which need no generator.
      forms[i] = isSimple(form) ? this.simple(form) : yield* this.rewrite(form)
    }
  }

  private simple(form: SimpleForm): Core {
    if (form.tag === 'local') this.use(form.variable)
    return form.tag === 'global' ? { ...form, variable: meaning(form.variable) } : form
  }

  private *rewrite(form: Core): Steps<Core> {
    if (++this.worked % FORMS_A_STEP === 0) yield
    switch (form.tag) {
      case 'constant':
      case 'local':
      case 'global':
        return this.simple(form)
      case 'set-local':
        form.variable.assigned = true
        this.use(form.variable)
        form.value = yield* this.rewrite(form.value)
        return form
      case 'set-global':
        form.value = yield* this.rewrite(form.value)
        return form
      case 'if':
        form.test = yield* this.rewrite(form.test)
        form.consequent = yield* this.rewrite(form.consequent)
        form.alternative = yield* this.rewrite(form.alternative)
        return form
      case 'lambda': {
        const outer = this.home
        this.home = form
        for (const parameter of form.parameters) this.bind(parameter)
        if (form.rest) this.bind(form.rest)
        form.body = yield* this.rewrite(form.body)
        this.home = outer
        return form
      }
      case 'let':
        yield* this.rewriteAll(form.values)
        for (const variable of form.variables) this.bind(variable)
        form.body = yield* this.rewrite(form.body)
        return form
      case 'letrec':
        return yield* this.letrec(form)
      case 'sequence':
        yield* this.rewriteAll(form.items)
        return form
      case 'call': {
        const { operator } = form
        form.operator = isSimple(operator) ? this.simple(operator) : yield* this.rewrite(operator)
        for (let i = 0; i < form.operands.length; i++) {
          const operand = form.operands[i]!
          if (++this.worked % FORMS_A_STEP === 0) yield
          form.operands[i] = isSimple(operand) ? this.simple(operand) : yield* this.rewrite(operand)
        }
        return primitiveCall(form)
      }
      case 'primitive':
      case 'again':
        yield* this.rewriteAll(form.operands)
        return form
      case 'loop':
        yield* this.rewriteAll(form.values)
        for (const variable of form.variables) this.bind(variable)
        form.body = yield* this.rewrite(form.body)
        return form
    }
  }

  private *letrec(form: LetrecForm): Steps<Core> {
    const loop = this.loopOf(form)
    if (loop !== undefined) return yield* this.rewrite(loop)
    // Consecutive lambdas form a group and may mention each other: nothing runs before the whole group has its values.
    const place: LetrecPlace = { group: NO_GROUP }
    let group = 0
    form.variables.forEach((variable, i) => {
      this.bind(variable)
      const isLambda = form.values[i]!.tag === 'lambda'
      if (isLambda && i > 0 && form.values[i - 1]!.tag !== 'lambda') group++
      this.pending.set(variable, { place, group: isLambda ? group : -1 })
    })
    for (const [i, variable] of form.variables.entries()) {
      place.group = form.values[i]!.tag === 'lambda' ? this.pending.get(variable)!.group : NO_GROUP
      form.values[i] = yield* this.rewrite(form.values[i]!)
      this.pending.delete(variable)
    }
    form.body = yield* this.rewrite(form.body)
    return form
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
    const found = new LoopSearch(self, arity, { left: MAX_LOOP_FORMS })
    for (const operand of start.operands) found.visit(operand, false)
    found.visit(lambda.body, true)
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
