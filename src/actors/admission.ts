// Who is let in: the bounds between a request's arrival and its reply, by customer first, so that one customer's flood is refused
// while the neighbours' requests pass; quotas; and what the machine has left.
import { LetheError } from '../core/errors.js'
import type { Customer } from './customer.js'
import type { Parts } from './parts.js'
import type { CustomerRoute } from './service.js'

export const overloaded = (what: string, seconds = 1) =>
  new LetheError('overloaded', `${what}; try again in ${seconds} s`, 503, { retryAfterSeconds: seconds })
export const draining = () => new LetheError('draining', 'this node is shutting down', 503, { retryAfterSeconds: 5 })
export const diskFull = () => new LetheError('disk-full', 'the disk is nearly full', 503, { retryAfterSeconds: 10 })
export const customerFailed = () =>
  new LetheError('customer-failed', 'this customer cannot be loaded; operators have been told', 503, {
    retryAfterSeconds: 5,
  })
export const gone = () => new LetheError('unknown-key', 'no customer has this key', 401)

export class Admission {
  /** False before the start and from a drain or a failed journal on. */
  accepting = false
  /** What is in flight, of all customers. */
  requests = 0
  requestBytes = 0
  /** Bytes, at the last look. */
  freeDiskBytes = 0
  diskLow = false
  memoryLow = false

  constructor(private readonly parts: Parts) {}

  /** Looks at the machine: about four times a second. */
  look(): void {
    const { freeDiskBytes, memory, limits } = this.parts
    this.freeDiskBytes = freeDiskBytes()
    this.diskLow = this.freeDiskBytes < limits.diskReserveBytes
    const { usedBytes, budgetBytes } = memory()
    this.memoryLow = usedBytes > budgetBytes
  }

  enter(customer: Customer, bytes: number): void {
    customer.waitingRequests++
    customer.waitingBytes += bytes
    this.requests++
    this.requestBytes += bytes
  }

  /** A request has its reply: its bounds are free again. */
  leave(customer: Customer, bytes: number): void {
    customer.waitingRequests--
    customer.waitingBytes -= bytes
    this.requests--
    this.requestBytes -= bytes
  }

  /** Why nothing of this size is taken for this route now, if so. */
  refusal(route: CustomerRoute, bytes: number): LetheError | undefined {
    if (!this.accepting) return draining()
    if (route.deleted) return gone()
    if (route.facts.blocked) return new LetheError('customer-blocked', 'this customer is blocked', 403)
    const { limits } = this.parts
    if (this.diskLow || this.parts.journal.full) return diskFull()
    if (this.memoryLow) return overloaded('this node is out of memory', 5)
    if (this.requests >= limits.maxInFlightRequests || this.requestBytes + bytes > limits.maxInFlightBytes) {
      return overloaded('too many requests are in flight')
    }
    return undefined
  }

  /** The same once the customer is known. */
  refusalOf(customer: Customer, bytes: number): LetheError | undefined {
    const { limits } = this.parts
    if (customer.waitingRequests >= limits.maxInboxRequests || customer.waitingBytes + bytes > limits.maxInboxBytes) {
      return overloaded('too much of this customer is in flight')
    }
    if (customer.behind) {
      return new LetheError('customer-behind', 'this customer cannot be checkpointed; operators have been told', 503, {
        retryAfterSeconds: 10,
      })
    }
    return this.refusalToLoad(customer)
  }

  /** Why nobody is to wait for its load, if so. */
  refusalToLoad(customer: Customer): LetheError | undefined {
    return customer.cannotLoad && this.parts.clock.monotonicMs() < customer.crashes.retryAtMs
      ? customerFailed()
      : undefined
  }

  /** Takes events from the customer's quota; why they do not fit, if so. */
  overQuota(customer: Customer, events: number): LetheError | undefined {
    const { eventsPerSecond, eventsPerDay } = customer.route.facts.quota
    if (eventsPerDay !== undefined) {
      const today = this.parts.time.day()
      const received = (customer.state.ledger.of(today)?.received ?? 0) + customer.waitingEvents
      if (received + events > eventsPerDay) {
        const seconds = Math.ceil(((today + 1) * 86_400_000 - this.parts.time.nowMs()) / 1000)
        return new LetheError('quota-day', `over the quota of ${eventsPerDay} events a day`, 429, {
          retryAfterSeconds: seconds,
          quota: 'eventsPerDay',
        })
      }
    }
    if (eventsPerSecond !== undefined) {
      const waitMs = customer.bucket.take(events, eventsPerSecond, this.parts.clock.monotonicMs())
      if (waitMs > 0) {
        return new LetheError('quota-second', `over the quota of ${eventsPerSecond} events a second`, 429, {
          retryAfterSeconds: Math.ceil(waitMs / 1000),
          quota: 'eventsPerSecond',
        })
      }
    }
    return undefined
  }
}
