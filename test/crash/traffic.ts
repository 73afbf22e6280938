// Clients that never give up, and remember what they were told.
//
// A client sends a batch until it is answered 202, with the same ids each time, whatever happens to the node meanwhile.
// So when all clients rest, every batch was acknowledged once, and the node must have counted each event once: no more,
// although many were sent twice, and no less, although nobody was ready for the kill.
import type { Random } from '../../src/core/random.js'
import type { TestNode } from '../node/harness.js'

/** A batch that is not answered for so long is sent again: the process that has it may be stopped. */
const PATIENCE_MS = 8_000
const RETRY_MS = 40

export interface Customer {
  readonly id: string
  readonly ingestKey: string
  readonly queryKey: string
}

export async function createCustomers(node: TestNode, count: number): Promise<Customer[]> {
  const token = node.secret('lat')
  const customers: Customer[] = []
  for (let i = 0; i < count; i++) {
    customers.push((await node.admin(token, 'POST', '/v1/customers', { id: `c-${i}` })).body as unknown as Customer)
  }
  return customers
}

/** What a customer's tables must say. */
class Expected {
  events = 0
  readonly names = new Map<string, number>()
  metric = 0
  timers = 0
  readonly sessions = new Set<string>()
  readonly users = new Set<string>()
}

export interface TrafficCounts {
  batches: number
  events: number
  /** Requests that no answer came to: the outcome is unknown, and they are sent again. */
  unanswered: number
  /** Batches that an unanswered request had made durable: the retry was told so. */
  duplicates: number
  refusals: Record<string, number>
}

type SentEvent = Readonly<Record<string, unknown>>

export class Traffic {
  readonly counts: TrafficCounts = { batches: 0, events: 0, unanswered: 0, duplicates: 0, refusals: {} }
  readonly failures: string[] = []
  private readonly expected = new Map<string, Expected>()
  private readonly clients: Promise<void>[] = []
  private readonly sent: { customer: Customer; batch: readonly SentEvent[] }[] = []
  private resting: Promise<void> | undefined
  private wakeUp: () => void = () => {}
  private busy = 0
  private ended = false
  private numbers = 0

  /** `node` answers the node as it is now: another one after each restart. */
  constructor(
    private readonly node: () => TestNode,
    readonly customers: readonly Customer[],
    private readonly random: Random,
  ) {
    for (const { id } of customers) this.expected.set(id, new Expected())
  }

  start(clientsEach: number): void {
    for (const customer of this.customers) {
      for (let i = 0; i < clientsEach; i++) this.clients.push(this.client(customer))
    }
  }

  /** Resolves when no batch is on its way. */
  async rest(): Promise<void> {
    this.resting ??= new Promise(resolve => {
      this.wakeUp = resolve
    })
    while (this.busy > 0 && this.failures.length === 0) await sleep(10)
  }

  /** Resolves when so many more batches are acknowledged, or the time is over. */
  async progress(batches: number, withinMs: number): Promise<void> {
    const [goal, end] = [this.counts.batches + batches, performance.now() + withinMs]
    while (this.counts.batches < goal && performance.now() < end) await sleep(5)
  }

  goOn(): void {
    this.resting = undefined
    this.wakeUp()
  }

  async end(): Promise<void> {
    await this.rest()
    this.ended = true
    this.goOn()
    await Promise.all(this.clients)
  }

  private async client(customer: Customer): Promise<void> {
    while (!this.ended) {
      if (this.resting) {
        await this.resting
        continue
      }
      this.busy++
      try {
        const batch = this.batch()
        await this.deliver(customer, batch)
        this.remember(customer, batch)
      } catch (error) {
        this.failures.push(`${customer.id}: ${(error as Error).message}`)
        return
      } finally {
        this.busy--
      }
    }
  }

  private batch(): SentEvent[] {
    const random = this.random
    const below = (n: number) => Math.floor(random.fraction() * n)
    const events: SentEvent[] = []
    for (let left = random.fraction() < 0.3 ? 1 : 1 + below(20); left > 0; left--) {
      const about = { id: `event-${this.numbers++}`, user: `user-${below(500)}`, app: `1.${below(3)}` }
      const kind = below(10)
      if (kind < 6) events.push({ ...about, type: 'event', name: `name-${below(20)}` })
      else if (kind < 8) events.push({ ...about, type: 'metric', kind: 'count', name: 'cost', value: 1 + below(9) })
      else if (kind < 9) events.push({ ...about, type: 'metric', kind: 'timer', name: 'wait', value: below(1000) })
      else events.push({ ...about, type: 'session', state: 'start', session: `session-${below(1_000)}` })
    }
    return events
  }

  private async deliver(customer: Customer, batch: readonly SentEvent[]): Promise<void> {
    const { counts } = this
    const body = JSON.stringify(batch)
    for (;;) {
      try {
        const answer = await this.node().request('/v1/events', customer.ingestKey, {
          method: 'POST',
          body,
          signal: AbortSignal.timeout(PATIENCE_MS),
        })
        if (answer.status === 202) {
          const { accepted, duplicates } = answer.body as { accepted: number; duplicates: number }
          if (accepted + duplicates !== batch.length || (duplicates > 0 && accepted > 0)) {
            throw new Error(`a batch of ${batch.length} was half taken: ${answer.text}`)
          }
          if (duplicates > 0) counts.duplicates++
          return
        }
        if (answer.status !== 503) throw new Error(`${answer.status} ${answer.text}`)
        const code = String(answer.body['code'])
        counts.refusals[code] = (counts.refusals[code] ?? 0) + 1
      } catch (error) {
        // fetch: the connection broke, or nobody listens, or nobody answers.
        if (!(error instanceof TypeError || error instanceof DOMException)) throw error
        counts.unanswered++
      }
      await sleep(RETRY_MS)
    }
  }

  /** Events acknowledged so far, by customer. */
  acknowledged(): Map<string, number> {
    return new Map([...this.expected].map(([id, { events }]) => [id, events]))
  }

  /** Sends all batches to another node with the same customers. */
  async sendAllAgain(node: TestNode): Promise<void> {
    const again = async (of: Customer) => {
      for (const { customer, batch } of this.sent) {
        if (customer !== of) continue
        const { status, text } = await node.send(customer.ingestKey, batch)
        if (status !== 202) throw new Error(`${status} ${text}`)
      }
    }
    await Promise.all(this.customers.map(again))
  }

  private remember(customer: Customer, batch: readonly SentEvent[]): void {
    const expected = this.expected.get(customer.id)!
    this.counts.batches++
    this.sent.push({ customer, batch })
    this.counts.events += batch.length
    for (const event of batch) {
      expected.events++
      expected.users.add(String(event['user']))
      const name = String(event['name'])
      if (event['type'] === 'event') expected.names.set(name, (expected.names.get(name) ?? 0) + 1)
      else if (event['kind'] === 'count') expected.metric += Number(event['value'])
      else if (event['kind'] === 'timer') expected.timers++
      else expected.sessions.add(String(event['session']))
    }
  }

  /** What the node says otherwise than it must, of all customers; or another node with its data. The clients rest. */
  async differences(node = this.node()): Promise<string[]> {
    const found = [...this.failures]
    for (const customer of this.customers) {
      const said = JSON.stringify(await this.said(node, customer))
      const must = JSON.stringify(this.must(customer))
      if (said !== must) found.push(`${customer.id} says ${said}, but it is ${must}`)
    }
    return found
  }

  private must({ id }: Customer): unknown {
    const { events, names, metric, timers, sessions } = this.expected.get(id)!
    const sorted = [...names].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => [name, count])
    return { events, names: sorted, metric, timers, sessions: sessions.size, users: 'right', balanced: true }
  }

  private async said(node: TestNode, { id, queryKey }: Customer): Promise<unknown> {
    const [names, metric, timers, sessions, users, ledger] = (await node.value(
      queryKey,
      `(list (top 1000 "event" (last 7)) (count "metric/count" "cost" (last 7)) (observations "metric/timer" "wait" (last 7))
             (count "sessions" (last 7)) (uniques "users" (last 7)) (ledger (last 7)))`,
    )) as [[string, number][], number, number, number, number, [string, ...unknown[]][]]
    const facts = Object.fromEntries(ledger.map(([name, ...rest]) => [name, rest])) as Record<string, number[]>
    const dropped = (facts['dropped'] as unknown as [string, number][]).reduce((sum, [, count]) => sum + count, 0)
    const [applied, received, duplicate] = [facts['applied']![0]!, facts['received']![0]!, facts['duplicate']![0]!]
    const mustUsers = this.expected.get(id)!.users.size
    const right = Math.abs(users - mustUsers) <= Math.max(2, mustUsers * 0.03)
    return {
      events: applied,
      names: names.sort(([a], [b]) => (a < b ? -1 : 1)),
      metric,
      timers,
      sessions,
      users: right ? 'right' : `${users} instead of ${mustUsers}`,
      balanced: received === applied + duplicate + dropped && dropped === 0,
    }
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
