import { Bug } from '../core/errors.js'
import type { HashKey } from '../core/hash.js'

/** What a customer remembers of sessions: a symbol a key (`state`), and which of 16 scopes have seen it (`once`). */
export class SessionStates {
  constructor(readonly hashKey: HashKey) {}
  stateOf(_low: number, _high: number): string | undefined {
    throw new Bug('not yet')
  }
  hasSeen(_scope: number, _low: number, _high: number): boolean {
    throw new Bug('not yet')
  }
  /** Throws LetheError `out-of-range` if `symbol` is new and there is no room for it beside those of `pending`. */
  checkSymbol(_symbol: string, _pending: readonly string[]): void {
    throw new Bug('not yet')
  }
}
