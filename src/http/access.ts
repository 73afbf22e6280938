// Who may do what, for everything but ingest: query keys, and the admin token.
import type { Routes } from '../actors/routes.js'
import { keyDigest, sameDigest } from '../actors/routes.js'
import type { CustomerRoute } from '../actors/service.js'
import type { LetheError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import {
  badRequest,
  cannotRead,
  customerBlocked,
  missingKey,
  needsAdmin,
  noCustomer,
  tooManyFailedKeys,
  unknownKey,
} from './refusals.js'

/** Counts wrong secrets per address and minute. Right ones always pass: behind one address may be a whole office. */
export class FailedKeys {
  private readonly counts = new Map<string, number>()
  private sinceMs: number

  constructor(
    private readonly maxPerMinute: number,
    private readonly monotonicMs: () => number,
  ) {
    this.sinceMs = monotonicMs()
  }

  /** Notes a failure; true where the address has had too many. */
  failed(address: string): boolean {
    const now = this.monotonicMs()
    if (now - this.sinceMs > 60_000 || this.counts.size > 100_000) {
      this.counts.clear()
      this.sinceMs = now
    }
    const count = (this.counts.get(address) ?? 0) + 1
    this.counts.set(address, count)
    return count > this.maxPerMinute
  }
}

/** What a request is allowed to touch: a customer, or why not. */
export type Admission = { readonly route: CustomerRoute; readonly admin: boolean } | { readonly refusal: LetheError }

export class Access {
  private readonly failures: FailedKeys

  constructor(
    private readonly routes: Routes,
    private readonly limits: Pick<Limits, 'maxFailedKeysPerMinute'>,
    /** SHA-256 of the admin token, hex. */
    private readonly adminDigest: () => string,
    monotonicMs: () => number,
  ) {
    this.failures = new FailedKeys(this.limits.maxFailedKeysPerMinute, monotonicMs)
  }

  /** A query key for its own customer, or the admin token for the one that `customerId` names. */
  reader(key: string, customerId: string | undefined, address: string): Admission {
    if (key === '') return { refusal: missingKey() }
    const entry = this.routes.byKey(key)
    if (entry === undefined) {
      if (!this.isAdmin(key)) return { refusal: this.failure(address) }
      if (customerId === undefined) {
        return { refusal: badRequest('with the admin token, say whose data: ?customer=ID') }
      }
      const route = this.routes.byId(customerId)
      return route ? { route, admin: true } : { refusal: noCustomer(customerId) }
    }
    if (entry.kind !== 'query') return { refusal: cannotRead() }
    if (entry.route.facts.blocked) return { refusal: customerBlocked() }
    return { route: entry.route, admin: false }
  }

  /** undefined for the admin token, else why not. */
  refuseAdmin(key: string, address: string): LetheError | undefined {
    if (key === '') return missingKey()
    if (this.isAdmin(key)) return undefined
    return this.routes.byKey(key) ? needsAdmin() : this.failure(address)
  }

  private isAdmin(key: string): boolean {
    const digest = this.adminDigest()
    return digest !== '' && sameDigest(keyDigest(key), digest)
  }

  private failure(address: string): LetheError {
    return this.failures.failed(address) ? tooManyFailedKeys() : unknownKey()
  }
}
