// R11: the journal is trimmed from its old end, and one customer who is never checkpointed would hold all of it.
import type { Customer } from './customer.js'
import type { Pace } from './pace.js'
import type { Parts } from './parts.js'
import type { CustomerRoute } from './service.js'

/**
 * Nobody is hurried while the journal has less than this share of what it may have (by default a GiB: some ten seconds of
 * replay in all after a crash). When two segments were enough to hurry everybody, a node under 50 events a request spent an eighth of its
 * time in checkpoints for the journal's sake.
 */
const HURRY_FROM = 1 / 4
/**
 * Customers checkpointed for the journal's sake in one sweep: the first where it begins to hurry, the second at the bound; in between by
 * the cube, for whoever waits longer is checkpointed less often. With eight alone a thousand customers who sent 65 MB/s
 * together kept 2.2 to 2.4 GiB.
 */
const RELIEVED_AT_FIRST = 8
const RELIEVED_AT_LAST = 64

function relievedAt(share: number): number {
  const urgency = Math.min(1, (share - HURRY_FROM) / (1 - HURRY_FROM))
  return RELIEVED_AT_FIRST + urgency ** 3 * (RELIEVED_AT_LAST - RELIEVED_AT_FIRST)
}

/**
 * R11: whoever holds the oldest segments back is checkpointed, loaded for it if need be (after a restart nobody knows
 * what an earlier process had flushed). Beyond the bound, who cannot be loaded or checkpointed is copied out of the way, and
 * that customer alone is refused. Nobody waits behind those: they are passed over, and tried again when they are due.
 */
export function relieveJournal(
  parts: Parts,
  freeDiskBytes: number,
  customerOf: (route: CustomerRoute) => Customer,
  checkpointsDue: Pace<Customer>,
): void {
  const { journal, limits, routeOf } = parts
  const { heldBytes } = journal
  // A disk that is filling up, by whomever, has less room than the bound says.
  const room = heldBytes + Math.max(0, freeDiskBytes - limits.diskReserveBytes)
  const share = heldBytes / Math.min(limits.maxJournalBytes, room)
  if (!(share > HURRY_FROM)) return
  const most = relievedAt(share)
  const seen = new Set<bigint>()
  let relieved = 0
  for (const incarnation of journal.holding()) {
    if (relieved >= most) return
    if (seen.has(incarnation)) continue
    seen.add(incarnation)
    const route = routeOf(incarnation)
    if (!route || route.deleted) continue
    const customer = customerOf(route)
    if (customer.checkpoint.failures === 0 && !customer.cannotLoad) {
      relieved++
      if (customer.phase === 'live' && !customer.checkpoint.pending) checkpointsDue.add(customer)
    } else if (heldBytes > limits.maxJournalBytes && !customer.behind) {
      relieved++
      spill(parts, customer)
    }
  }
}

function spill({ journal, log }: Parts, customer: Customer): void {
  customer.behind = true
  journal.spill(customer.route.incarnation).catch((error: unknown) => {
    customer.behind = false
    log.error({ customer: customer.route.id, err: error }, 'entries could not be copied out of the way')
  })
}
