// What names mean while a program is expanded.
//
// Hygiene is by renaming: every identifier that a macro's template inserts becomes a fresh Alias, which remembers the
// identifier it stands for and the scope of the macro's definition. A binding form binds the Alias object itself, so it
// cannot capture a user's name nor be captured; an Alias that nobody binds means what its original means where the macro
// was defined (Clinger and Rees, "Macros that work", 1991; this form of it as in chibi-scheme).

import { GlobalVariable, type LocalVariable } from './core-form.js'
import { type Sym, type SymbolTable, Unique, type Value } from './value.js'

/** An identifier made by a macro expansion. */
export class Alias extends Unique {
  constructor(
    readonly base: Identifier,
    readonly scope: Scope,
  ) {
    super(base.name)
  }
}

export type Identifier = Sym | Alias

/** Names of a scope up to which they are searched one by one. */
const MOST_SEARCHED = 8

export class SpecialForm {
  constructor(readonly name: string) {}
}

/** A `syntax-rules` transformer, with the scope where it was defined. */
export class Macro {
  constructor(
    readonly name: string,
    readonly literals: readonly Identifier[],
    readonly rules: readonly { readonly pattern: Value; readonly template: Value }[],
    readonly scope: Scope,
  ) {}
}

export type Binding = LocalVariable | GlobalVariable | Macro | SpecialForm

/** A level of local bindings, or, at the root, the top level. Most have none or a few: those are searched, not hashed. */
export class Scope {
  private readonly names: Identifier[] = []
  private readonly meanings: Binding[] = []
  /** Where in them a name is, once they are many. */
  private index: Map<Identifier, number> | undefined

  constructor(
    readonly parent: Scope | undefined,
    readonly top: TopLevel,
  ) {}

  /** What a name means on this level. */
  own(identifier: Identifier): Binding | undefined {
    const at = this.find(identifier)
    return at < 0 ? undefined : this.meanings[at]
  }

  /** Binds a name; what it was bound to on this level is forgotten. */
  bind(identifier: Identifier, binding: Binding): void {
    const known = this.find(identifier)
    if (known >= 0) {
      this.meanings[known] = binding
      return
    }
    this.index?.set(identifier, this.names.length)
    this.names.push(identifier)
    this.meanings.push(binding)
    if (this.names.length === MOST_SEARCHED) this.index = new Map(this.names.map((name, i) => [name, i]))
  }

  private find(identifier: Identifier): number {
    const { names } = this
    if (this.index !== undefined) return this.index.get(identifier) ?? -1
    for (let i = 0; i < names.length; i++) if (names[i] === identifier) return i
    return -1
  }

  resolve(identifier: Identifier): Binding {
    let wanted = identifier
    let from: Scope = this
    for (;;) {
      for (let scope: Scope | undefined = from; scope !== undefined; scope = scope.parent) {
        const found = scope.own(wanted)
        if (found !== undefined) return found
      }
      if (!(wanted instanceof Alias)) return from.top.lookup(wanted)
      from = wanted.scope
      wanted = wanted.base
    }
  }
}

/** The symbol that an identifier was written as. */
export function symbolOf(identifier: Identifier): Sym {
  let found = identifier
  while (found instanceof Alias) found = found.base
  return found
}

/**
 * The names of the top level. The library's is sealed; a program's stands on it, and refers to a library name by a
 * variable of its own that `hides` the library's. Whether the program ever defines or assigns it is known only at its end
 * (analysis.ts then takes the library's variable itself where it does not).
 */
export class TopLevel {
  readonly scope: Scope
  private readonly names = new Map<Sym, Binding>()
  readonly variables: GlobalVariable[] = []

  constructor(
    readonly symbols: SymbolTable,
    readonly parent: TopLevel | undefined,
    /** The library's own: its variables are sealed, and it sees the names with %. */
    readonly sealed = false,
  ) {
    this.scope = new Scope(undefined, this)
  }

  private outer(symbol: Sym): Binding | undefined {
    return !this.sealed && symbol.name.startsWith('%') ? undefined : this.parent?.find(symbol)
  }

  bind(symbol: Sym, binding: Binding): void {
    this.names.set(symbol, binding)
  }

  find(symbol: Sym): Binding | undefined {
    return this.names.get(symbol) ?? this.parent?.find(symbol)
  }

  lookup(symbol: Sym): Binding {
    const own = this.names.get(symbol)
    if (own !== undefined) return own
    const outer = this.outer(symbol)
    if (outer !== undefined && !(outer instanceof GlobalVariable)) return outer
    return this.variable(symbol, outer)
  }

  /** The variable that `define` makes: a macro or special form of that name is forgotten. */
  define(symbol: Sym): GlobalVariable {
    const own = this.names.get(symbol)
    if (own instanceof GlobalVariable) return own
    const outer = this.outer(symbol)
    return this.variable(symbol, outer instanceof GlobalVariable ? outer : undefined)
  }

  private variable(symbol: Sym, hides: GlobalVariable | undefined): GlobalVariable {
    const made = new GlobalVariable(symbol.name, hides, this.sealed, undefined)
    this.names.set(symbol, made)
    this.variables.push(made)
    return made
  }

  /** All names that mean something, for suggestions. */
  *knownNames(): Generator<string> {
    for (const [symbol, binding] of this.names) {
      if (!(binding instanceof GlobalVariable) || binding.defined || binding.sealed) yield symbol.name
    }
    if (this.parent) yield* this.parent.knownNames()
  }
}
