// What a shard must be when nobody asks anything of it and time goes by: all counters back at zero, all places free, everybody
// answered. What is left over is a wake-up that was lost, or a hold that nobody drops.
import type { Customer } from '../../src/actors/customer.js'
import type { ShardProcess } from './node.js'
import { Violation } from './violation.js'

/** Time in which everybody must be asleep, beyond idleMs and checkpointMs: a customer that kept crashing is loaded after a minute. */
export const PATIENCE_MS = 120_000

/** Every account that is not closed, in words. */
export function leftOvers({ shard, journal, store }: ShardProcess): string[] {
  const found: string[] = []
  const say = (what: string, n: number) => {
    if (n !== 0) found.push(`${what}: ${n}`)
  }
  const { requests, requestBytes } = shard['admission']
  const { loads, checkpoints } = shard['parts']
  const intake = shard['intake']
  say('requests in flight', requests)
  say('bytes in flight', requestBytes)
  say('customers at the turnstile of loads', loads.size)
  say('customers at the turnstile of checkpoints', checkpoints.size)
  say('customers waiting for room', intake['waitingForRoom'].size)
  say('customers on their way out', shard['leaving'].size)
  say('deliveries in the open group', intake['open'].deliveries.length)
  say('deliveries in flight', intake['inFlight'].deliveries.length)
  say('open files', store.openFiles)
  say('frames lent', framesLent(journal))
  for (const customer of shard['customers']) {
    for (const what of leftWith(customer)) found.push(`${customer.route.id}, ${what}`)
  }
  return found
}

export function nothingIsLeft(processes: readonly ShardProcess[]): void {
  const left = processes.flatMap(process => leftOvers(process).map(what => `${process.name}: ${what}`))
  if (left.length > 0) throw new Violation(`left over: ${left.slice(0, 12).join('; ')}`)
}

function leftWith(customer: Customer): string[] {
  const { waitingRequests, waitingBytes, waitingEvents, inbox, committed, tasks, asked, orphans } = customer
  const counts = {
    waitingRequests,
    waitingBytes,
    waitingEvents,
    inbox: inbox.length,
    committed: committed.length,
    tasks: tasks.length,
    asked: asked.size,
    orphans: orphans.size,
  }
  return Object.entries(counts)
    .filter(([, n]) => n !== 0)
    .map(([what, n]) => `${what}: ${n}`)
}

// The journal's own: a contract has no use for it.
function framesLent(journal: object): number {
  const { groups, pool, open } = journal as { groups: number; pool: unknown[]; open: unknown }
  return groups - pool.length - (open === undefined ? 0 : 1)
}
