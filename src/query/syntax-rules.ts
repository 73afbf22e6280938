// `syntax-rules`: matching a use against patterns, and filling in the template (R4RS appendix, R7RS 4.3.2: an ellipsis may
// have patterns behind it, `(... ...)` escapes, `_` matches anything).

import type { LetheError } from '../core/errors.js'
import type { Steps } from '../core/steps.js'
import { Alias, type Identifier, type Macro, type Scope } from './scope.js'
import { Char, Flonum, Pair, Ratio, Sym, Text, type Value, Vector } from './value.js'

/** What a pattern variable under an ellipsis matched: one entry a repetition. */
class Many {
  constructor(readonly items: Matches[]) {}
}
type Matched = Value | Many
type Matches = Map<Identifier, Matched>

export const isIdentifier = (value: Value): value is Identifier => value instanceof Sym || value instanceof Alias

export const isEllipsis = (value: Value): boolean => isIdentifier(value) && value.name === '...'

/** What an element of a list that is matched or made takes, in forms: it has a Map of its own. */
const FORMS_AN_ELEMENT = 8

/** What whoever expands macros counts. */
interface Account {
  /** Whether it is time to yield, after work worth so many forms. */
  isDue(forms: number): boolean
  /** Pays for the pairs that a macro makes, used at an offset of the source. Throws LetheError syntax-error if they are too many. */
  payForExpansion(pairs: number, at: number): void
  error(at: number, message: string): LetheError
}

/** The depth of patterns and templates is that of the source, so recursion is bounded by the reader. */
export class Expansion {
  private readonly renamed = new Map<Identifier, Alias>()

  constructor(
    private readonly macro: Macro,
    private readonly useScope: Scope,
    private readonly account: Account,
    private readonly at: number,
  ) {}

  /** The expansion of a use, or undefined if no rule matches. */
  *expand(form: Pair): Steps<Value | undefined> {
    for (const { pattern, template } of this.macro.rules) {
      const matches: Matches = new Map()
      // The first element of the pattern is the macro's own keyword, whatever it is called.
      if (pattern instanceof Pair && (yield* this.match(pattern.cdr, form.cdr, matches)))
        return yield* this.fill(template, matches)
    }
    return undefined
  }

  private isLiteral(identifier: Identifier): boolean {
    return this.macro.literals.includes(identifier)
  }

  private *match(pattern: Value, form: Value, matches: Matches): Steps<boolean> {
    if (pattern instanceof Pair) return yield* this.matchList(pattern, form, matches)
    if (!(pattern instanceof Vector)) return this.matchAtom(pattern, form, matches)
    if (!(form instanceof Vector)) return false
    return yield* this.match(listFrom(pattern.items), listFrom(form.items), matches)
  }

  // Most patterns and templates are names: no generator for those.
  private matchAtom(pattern: Value, form: Value, matches: Matches): boolean {
    if (!isIdentifier(pattern)) return pattern === null ? form === null : sameAtom(pattern, form)
    if (this.isLiteral(pattern))
      return isIdentifier(form) && this.useScope.resolve(form) === this.macro.scope.resolve(pattern)
    if (pattern.name !== '_') matches.set(pattern, form)
    return true
  }

  private *matchList(pattern: Value, form: Value, matches: Matches): Steps<boolean> {
    while (pattern instanceof Pair) {
      if (pattern.cdr instanceof Pair && isEllipsis(pattern.cdr.car)) {
        return yield* this.matchEllipsis(pattern.car, pattern.cdr.cdr, form, matches)
      }
      if (!(form instanceof Pair)) return false
      const element: Value = pattern.car
      const fits = isAtom(element)
        ? this.matchAtom(element, form.car, matches)
        : yield* this.match(element, form.car, matches)
      if (!fits) return false
      pattern = pattern.cdr
      form = form.cdr
    }
    return yield* this.match(pattern, form, matches)
  }

  private *matchEllipsis(repeated: Value, after: Value, form: Value, matches: Matches): Steps<boolean> {
    let least = 0
    for (let rest = after; rest instanceof Pair; rest = rest.cdr) least++
    let available = 0
    for (let rest = form; rest instanceof Pair; rest = rest.cdr) available++
    const items: Matches[] = []
    for (let i = available - least; i > 0; i--) {
      const inner: Matches = new Map()
      if (this.account.isDue(FORMS_AN_ELEMENT)) yield
      const element = (form as Pair).car
      const fits = isAtom(repeated)
        ? this.matchAtom(repeated, element, inner)
        : yield* this.match(repeated, element, inner)
      if (!fits) return false
      items.push(inner)
      form = (form as Pair).cdr
    }
    if (available < least) return false
    const many = new Many(items)
    for (const variable of this.variablesIn(repeated)) matches.set(variable, many)
    return yield* this.match(after, form, matches)
  }

  private *variablesIn(pattern: Value): Generator<Identifier> {
    if (isIdentifier(pattern)) {
      if (!this.isLiteral(pattern) && !isEllipsis(pattern) && pattern.name !== '_') yield pattern
    } else if (pattern instanceof Vector) {
      for (const item of pattern.items) yield* this.variablesIn(item)
    } else if (pattern instanceof Pair) {
      for (; pattern instanceof Pair; pattern = pattern.cdr) yield* this.variablesIn(pattern.car)
      yield* this.variablesIn(pattern)
    }
  }

  private *fill(template: Value, matches: Matches): Steps<Value> {
    if (template instanceof Pair) {
      if (isEllipsis(template.car) && template.cdr instanceof Pair)
        return yield* this.fillEscaped(template.cdr.car, matches)
      return yield* this.fillList(template, matches)
    }
    if (!(template instanceof Vector)) return this.fillAtom(template, matches)
    return vectorFrom(yield* this.fill(listFrom(template.items), matches))
  }

  private fillAtom(template: Value, matches: Matches): Value {
    if (!isIdentifier(template)) return template
    const found = matches.get(template)
    return found === undefined || found instanceof Many ? this.rename(template) : found
  }

  private *fillEscaped(template: Value, matches: Matches): Steps<Value> {
    if (isIdentifier(template))
      return isEllipsis(template) ? this.rename(template) : yield* this.fill(template, matches)
    if (template instanceof Vector) return vectorFrom(yield* this.fillEscaped(listFrom(template.items), matches))
    if (!(template instanceof Pair)) return template
    const items: Pair[] = []
    let rest: Value = template
    for (; rest instanceof Pair; rest = rest.cdr) this.add(items, yield* this.fillEscaped(rest.car, matches))
    return linked(items, yield* this.fillEscaped(rest, matches))
  }

  private *fillList(template: Pair, matches: Matches): Steps<Value> {
    const items: Pair[] = []
    let rest: Value = template
    for (; rest instanceof Pair; rest = (rest as Pair).cdr) {
      let depth = 0
      let after: Value = rest.cdr
      while (after instanceof Pair && isEllipsis(after.car)) {
        depth++
        after = after.cdr
      }
      if (depth === 0) {
        const element: Value = rest.car
        this.add(items, isAtom(element) ? this.fillAtom(element, matches) : yield* this.fill(element, matches))
      } else {
        yield* this.repeat(rest.car, depth, matches, items)
        for (; depth > 0; depth--) rest = (rest as Pair).cdr as Pair
      }
    }
    return linked(items, yield* this.fill(rest, matches))
  }

  private add(items: Pair[], value: Value): void {
    this.account.payForExpansion(1, this.at)
    items.push(new Pair(value, null))
  }

  private *repeat(template: Value, depth: number, matches: Matches, items: Pair[]): Steps<void> {
    const variables = [...this.variablesIn(template)].filter(variable => matches.get(variable) instanceof Many)
    const lists = variables.map(variable => matches.get(variable) as Many)
    // All variables under one ellipsis must repeat equally often; those of other depth stay as they are.
    const rounds = lists[0]?.items.length ?? 0
    if (lists.some(many => many.items.length !== rounds)) {
      const names = variables.map(variable => `\`${variable.name}\``).join(' and ')
      throw this.account.error(this.at, `${names} are repeated together, and are not equally many`)
    }
    for (let i = 0; i < rounds; i++) {
      const inner: Matches = new Map(matches)
      variables.forEach((variable, which) => {
        inner.set(variable, lists[which]!.items[i]!.get(variable)!)
      })
      this.account.payForExpansion(1, this.at)
      if (this.account.isDue(FORMS_AN_ELEMENT)) yield
      if (depth > 1) yield* this.repeat(template, depth - 1, inner, items)
      else this.add(items, isAtom(template) ? this.fillAtom(template, inner) : yield* this.fill(template, inner))
    }
  }

  private rename(identifier: Identifier): Alias {
    let alias = this.renamed.get(identifier)
    if (alias === undefined) {
      alias = new Alias(identifier, this.macro.scope)
      this.renamed.set(identifier, alias)
    }
    return alias
  }
}

const isAtom = (value: Value): boolean => !(value instanceof Pair || value instanceof Vector)

/** Makes a list of pairs that have their cars. */
function linked(pairs: readonly Pair[], tail: Value): Value {
  let result = tail
  for (let i = pairs.length - 1; i >= 0; i--) {
    pairs[i]!.cdr = result
    result = pairs[i]!
  }
  return result
}

export function listFrom(items: readonly Value[]): Value {
  let result: Value = null
  for (let i = items.length - 1; i >= 0; i--) result = new Pair(items[i]!, result)
  return result
}

function vectorFrom(list: Value): Vector {
  const items: Value[] = []
  for (let rest = list; rest instanceof Pair; rest = rest.cdr) items.push(rest.car)
  return new Vector(items)
}

function sameAtom(a: Value, b: Value): boolean {
  if (a instanceof Text) return b instanceof Text && a.text() === b.text()
  if (a instanceof Char) return b instanceof Char && a.code === b.code
  if (a instanceof Flonum) return b instanceof Flonum && a.value === b.value
  if (a instanceof Ratio) return b instanceof Ratio && a.numerator === b.numerator && a.denominator === b.denominator
  return a === b
}
