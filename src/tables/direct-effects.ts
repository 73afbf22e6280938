// Effects that happen while the program runs: of a program that can neither fail nor drop an event (query/certain.ts) nothing
// ever has to be taken back, and writing its effects down first costs as much as doing them (R13 holds all the same).

import type { EventBatch } from '../event/batch.js'
import { EffectSink } from './effects.js'
import type { SessionStates } from './sessions.js'
import type { CustomerState } from './state.js'
import type { TableDeclaration } from './types.js'
import type { Updates } from './updates.js'

export class DirectEffects extends EffectSink {
  private updates!: Updates
  private sessions!: SessionStates
  private weight = 1

  /** What follows are effects of events of `batch`, whose bytes stay as they are, on `state`; each counts `weight` times. */
  begin(batch: EventBatch, declared: readonly TableDeclaration[], state: CustomerState, weight: number): void {
    this.declared = declared
    this.updates = state.updates
    this.sessions = state.sessions
    this.weight = weight
    this.readTexts(batch.bytes, state.identity.hashKey)
    if (this.named.length > 0) this.named.length = 0
    this.updates.begin(this, batch)
  }

  /** The next event happened at `atMs`, on `day`, which must be resident or empty. */
  nextEvent(day: number, atMs: number): void {
    this.forgetTexts()
    this.updates.nextEvent(day, atMs)
  }

  bump(table: number, keyStart: number, keyEnd: number, amount: number): void {
    this.updates.bump(table, keyStart, keyEnd, amount * this.weight)
  }

  sketch(table: number, keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void {
    this.updates.sketch(table, keyStart, keyEnd, valueStart, valueEnd)
  }

  collect(table: number, keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void {
    this.updates.collect(table, keyStart, keyEnd, valueStart, valueEnd)
  }

  observe(table: number, keyStart: number, keyEnd: number, x: number): void {
    this.updates.observe(table, keyStart, keyEnd, x)
  }

  gauge(table: number, keyStart: number, keyEnd: number, x: number): void {
    this.updates.gauge(table, keyStart, keyEnd, x)
  }

  tick(table: number, keyStart: number, keyEnd: number, amount: number): void {
    this.updates.tick(table, keyStart, keyEnd, amount * this.weight)
  }

  setState(keyStart: number, keyEnd: number, symbol: string): void {
    this.sessions.checkSymbol(symbol, [])
    const key = this.hashed(keyStart, keyEnd)
    this.updates.setState(this.hashes[key + 2]!, this.hashes[key + 3]!, symbol)
  }

  getState(keyStart: number, keyEnd: number): string | undefined {
    const key = this.hashed(keyStart, keyEnd)
    return this.sessions.stateOf(this.hashes[key + 2]!, this.hashes[key + 3]!)
  }

  once(scope: number, keyStart: number, keyEnd: number): boolean {
    const key = this.hashed(keyStart, keyEnd)
    const low = this.hashes[key + 2]!
    const high = this.hashes[key + 3]!
    if (this.sessions.hasSeen(scope, low, high)) return false
    this.updates.see(scope, low, high)
    return true
  }

  noteGroup(event: number): void {
    this.updates.noteGroup(event)
  }
}
