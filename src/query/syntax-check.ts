// What has to hold of a rule before it is used (R4RS appendix, R7RS 4.3.2): without it, a use would answer what nobody
// meant, such as the name of a variable where its value should be.

import type { LetheError } from '../core/errors.js'
import type { Identifier } from './scope.js'
import { isEllipsis, isIdentifier, listFrom } from './syntax-rules.js'
import { Pair, type Value, Vector } from './value.js'

/** The check of one rule. Patterns and templates are as deep as the reader allows, so recursion is bounded. */
export class RuleCheck {
  /** How many ellipses each variable of the pattern is under. */
  private readonly depths = new Map<Identifier, number>()

  constructor(
    private readonly literals: readonly Identifier[],
    private readonly error: (message: string) => LetheError,
  ) {}

  /** Throws LetheError syntax-error. The first element of a pattern is the keyword, whatever it is called. */
  check(pattern: Pair, template: Value): void {
    this.pattern(pattern.cdr, 0)
    this.template(template, 0)
  }

  private pattern(pattern: Value, depth: number): void {
    if (pattern instanceof Vector) return this.pattern(listFrom(pattern.items), depth)
    let repeats = false
    for (; pattern instanceof Pair; pattern = pattern.cdr) {
      const element = pattern.car
      if (pattern.cdr instanceof Pair && isEllipsis(pattern.cdr.car)) {
        if (repeats) throw this.error('a list of a pattern can have one `...`, and this one has two')
        repeats = true
        this.pattern(element, depth + 1)
        pattern = pattern.cdr
      } else this.pattern(element, depth)
    }
    if (isIdentifier(pattern)) this.variable(pattern, depth)
  }

  private variable(name: Identifier, depth: number): void {
    if (this.literals.includes(name) || name.name === '_' || isEllipsis(name)) return
    if (this.depths.has(name)) throw this.error(`\`${name.name}\` stands twice in a pattern`)
    this.depths.set(name, depth)
  }

  /** Answers the greatest depth of a variable in the template, which stands under `level` ellipses. */
  private template(template: Value, level: number): number {
    if (template instanceof Vector) return this.template(listFrom(template.items), level)
    if (!(template instanceof Pair)) return this.atom(template, level)
    if (isEllipsis(template.car) && template.cdr instanceof Pair) return this.escaped(template.cdr.car, level)
    let deepest = 0
    let rest: Value = template
    while (rest instanceof Pair) {
      const element: Value = rest.car
      let inner = level
      for (rest = rest.cdr; rest instanceof Pair && isEllipsis(rest.car); rest = rest.cdr) inner++
      const depth = this.template(element, inner)
      if (inner > level && depth < inner) throw this.error('`...` in a template follows something that does not repeat')
      deepest = Math.max(deepest, depth)
    }
    return Math.max(deepest, this.atom(rest, level))
  }

  /** As `template`, of what stands in `(... TEMPLATE)`. */
  private escaped(template: Value, level: number): number {
    if (template instanceof Vector) return this.escaped(listFrom(template.items), level)
    let deepest = 0
    let rest = template
    for (; rest instanceof Pair; rest = rest.cdr) deepest = Math.max(deepest, this.escaped(rest.car, level))
    return Math.max(deepest, this.atom(rest, level))
  }

  private atom(template: Value, level: number): number {
    const depth = isIdentifier(template) ? (this.depths.get(template) ?? 0) : 0
    if (depth > level) {
      throw this.error(
        `\`${(template as Identifier).name}\` repeats in the pattern: it wants \`...\` in the template, too`,
      )
    }
    return depth
  }
}
