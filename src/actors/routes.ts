// From a key or an id to a customer, and to the shard that owns it.
//
// Every front (HTTP server, peer) remembers the routes it has used. The control store is asked on a miss, so a node with
// 30,000 customers boots as fast as one with three. When the control store changes, the supervisor tells every shard which
// customer it was, and `refresh` reads it again: a change is in force here when that returns.
//
//   ingest key text ──► entry ──┐
//   sha-256 of any key ► entry ─┼──► route (one per customer) ──► owner, facts, attachment
//   id ─────────────────────────┘
//
// Invariant: a process has one route per incarnation, for as long as it runs, because the shard hangs the customer's state
// on it: two routes would be two writers. Hence nothing is evicted; customers are bounded by the operator who creates them.
//
// Ingest keys are public (they ship inside apps) and on the hot path, so their text is the index. Query keys are secret:
// they are found by their digest and compared in constant time; their text is never kept.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { ControlReader, CustomerRecord } from '../storage/contract.js'
import type { CustomerRoute } from './service.js'

/** What the routes need of the control store. */
export type CustomerLookup = Pick<ControlReader, 'customer' | 'byKeyHash'>

/** A key as presented: whose it is and what it may do. */
export interface KeyEntry {
  readonly kind: 'ingest' | 'query'
  readonly route: CustomerRoute
}

interface CachedRoute {
  readonly route: CustomerRoute
  /** Texts of ingest keys, headers that carry them, and digests of query keys, under which entries are kept. */
  readonly cachedAs: string[]
}

/** The shard that owns a customer. Incarnations are random, so their remainder spreads evenly. */
export function ownerOf(incarnation: bigint, shards: number): number {
  return Number(BigInt.asUintN(64, incarnation) % BigInt(shards))
}

export function keyDigest(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

/** Compares two digests in constant time. */
export function sameDigest(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'))
}

/** Routes of deleted customers that are remembered: requests and erasures in flight still name them. */
const MAX_RETIRED = 1_000

const KEY_TEXT = /^[A-Za-z0-9_]{20,64}$/

export class Routes {
  /** By what a client sends: the text of an ingest key, or the header that carries it. */
  private readonly entries = new Map<string, KeyEntry>()
  /** By digest: query keys. Apart, so that knowing a digest is not knowing a key. */
  private readonly secrets = new Map<string, KeyEntry>()
  private readonly byCustomer = new Map<string, CachedRoute>()
  private readonly retired = new Map<bigint, CustomerRoute>()

  constructor(
    private readonly lookup: CustomerLookup,
    private readonly shards: number,
  ) {}

  /** The hot path: an ingest key, or a whole Authorization header, that was seen before. */
  cached(text: string): KeyEntry | undefined {
    return this.entries.get(text)
  }

  /**
   * Finds whose key this is. An ingest key is found by `cached` from now on, by its text and as `Bearer KEY`: by nothing else
   * that a client may make up around it, so what is remembered is bounded by the keys that exist.
   */
  byKey(key: string): KeyEntry | undefined {
    if (!KEY_TEXT.test(key)) return undefined
    const digest = keyDigest(key)
    const known = this.secrets.get(digest)
    if (known) return known
    const owner = this.lookup.byKeyHash(digest)
    const customer = owner && this.lookup.customer(owner.customer)
    if (!customer || customer.deleted) return undefined
    const facts = customer.keys.find(candidate => sameDigest(candidate.hash, digest))
    if (!facts) return undefined
    const cached = this.cache(customer)
    const entry: KeyEntry = { kind: facts.kind, route: cached.route }
    if (facts.kind === 'ingest') {
      const header = `Bearer ${key}`
      this.entries.set(key, entry)
      this.entries.set(header, entry)
      cached.cachedAs.push(key, header)
    } else {
      this.secrets.set(digest, entry)
      cached.cachedAs.push(digest)
    }
    return entry
  }

  byId(id: string): CustomerRoute | undefined {
    const known = this.byCustomer.get(id)
    if (known) return known.route
    const customer = this.lookup.customer(id)
    return !customer || customer.deleted ? undefined : this.cache(customer).route
  }

  /** Forgets what is remembered of a customer and reads it again. Requests in flight see it by their route. */
  refresh(id: string): void {
    const known = this.byCustomer.get(id)
    if (!known) return
    this.uncache(known)
    const customer = this.lookup.customer(id)
    if (customer && !customer.deleted && customer.incarnation === known.route.incarnation) {
      known.route.facts = customer
    } else {
      this.retire(known.route)
      this.byCustomer.delete(id)
    }
  }

  /** The one route of an incarnation, even when it is deleted: what a peer names, and what is to be erased. */
  resolve(id: string, incarnation: bigint): CustomerRoute | undefined {
    const known = this.byCustomer.get(id)?.route
    if (known?.incarnation === incarnation) return known
    const retired = this.retired.get(incarnation)
    if (retired) return retired
    const customer = this.lookup.customer(id)
    if (customer?.incarnation !== incarnation) return undefined
    if (!customer.deleted) return this.cache(customer).route
    const route = this.routeOf(customer)
    this.retire(route)
    return route
  }

  get size(): number {
    return this.byCustomer.size
  }

  private cache(customer: CustomerRecord): CachedRoute {
    const known = this.byCustomer.get(customer.id)
    if (known) {
      if (known.route.incarnation === customer.incarnation) return known
      this.refresh(customer.id)
    }
    const cached = { route: this.routeOf(customer), cachedAs: [] }
    this.byCustomer.set(customer.id, cached)
    return cached
  }

  private routeOf(customer: CustomerRecord): CustomerRoute {
    return {
      id: customer.id,
      incarnation: customer.incarnation,
      hashKey: customer.hashKey,
      owner: ownerOf(customer.incarnation, this.shards),
      deleted: customer.deleted,
      facts: customer,
      attachment: undefined,
    }
  }

  private retire(route: CustomerRoute): void {
    route.deleted = true
    this.retired.set(route.incarnation, route)
    if (this.retired.size <= MAX_RETIRED) return
    for (const [incarnation, old] of this.retired) {
      if (old.attachment === undefined) {
        this.retired.delete(incarnation)
        return
      }
    }
  }

  private uncache(cached: CachedRoute): void {
    for (const text of cached.cachedAs) {
      this.entries.delete(text)
      this.secrets.delete(text)
    }
    cached.cachedAs.length = 0
  }
}
