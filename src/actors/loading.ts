// How a customer comes into memory: snapshot, then journal (law 1). All of it in steps, because a replay may take a second
// and its neighbours do not wait for it. Live traffic meets the state in customer.apply; so does everything here.

import { LetheError } from '../core/errors.js'
import type { Steps } from '../core/steps.js'
import { DECODER_VERSION, Decoder, Format } from '../event/decode.js'
import { type CustomerFile, EntryKind } from '../storage/contract.js'
import { CustomerState } from '../tables/state.js'
import type { Found } from './crashes.js'
import type { Customer } from './customer.js'
import { Delivery } from './delivery.js'
import {
  decodeJson,
  decodeReplayed,
  EVENTS_PREFIX_BYTES,
  type ReplayEntry,
  type ResetEntry,
  readEventsPrefix,
} from './entry.js'

const EVENTS_PER_DECODE_STEP = 64
/** Looks at the clock (16 events each) in one step of a replay. */
const LOOKS_PER_REPLAY_STEP = 8

/** Brings a customer's memory back: its snapshot, then what the journal has above it. */
export function* loadCustomer(customer: Customer): Steps<void> {
  const { parts, route } = customer
  const upTo = customer.syncedN
  customer.orphanCommitted()
  const snapshot = yield* readSnapshot(customer)
  if (snapshot) {
    customer.state = snapshot
    const { program, refused } = yield* parts.programs.recording(snapshot.programSource)
    customer.program = program
    if (refused) {
      parts.log.error(
        { customer: route.id, err: refused },
        'a stored program no longer compiles; the built-in one stands in',
      )
    }
  }
  yield
  const held = parts.journal.range(route.incarnation)
  let behindGap = held && held.first > customer.state.n + 1 ? held.first : undefined
  if (snapshot && behindGap !== undefined) {
    throw new LetheError(
      'journal-gap',
      `customer ${route.id}: the snapshot ends at entry ${snapshot.n}, the journal goes on at ${behindGap}`,
    )
  }
  for (let replayed = false; !replayed; ) {
    try {
      if (behindGap !== undefined) yield* acceptGap(customer, behindGap)
      yield* replay(customer, upTo)
      replayed = true
    } catch (error) {
      behindGap = afterGap(error)
      if (snapshot || behindGap === undefined) throw error
    }
  }
  if (customer.state.n < upTo) {
    // The snapshot that these entries were trimmed for is gone.
    restartFrom(customer, upTo)
    customer.resetNeeded = upTo
  }
  customer.lastN = Math.max(customer.lastN, customer.state.n)
  // What a snapshot has, the journal may have trimmed: it does not know how far this customer has come.
  customer.writer.lastN = customer.lastN
  customer.syncedN = Math.max(customer.syncedN, customer.state.n)
}

/** Applies what the journal has above the state, up to entry `upTo`. */
function* replay(customer: Customer, upTo: number): Steps<void> {
  const { parts, route } = customer
  const delivery = new Delivery()
  const decoder = new Decoder({
    format: Format.Json,
    version: DECODER_VERSION,
    sentAt: Number.NaN,
    limits: parts.limits,
  })
  for (const entry of parts.journal.replay(route.incarnation, customer.state.n)) {
    if (entry.n > upTo) break
    delivery.clear()
    delivery.customer = customer
    delivery.kind = entry.kind
    delivery.n = entry.n
    delivery.ms = entry.ms
    delivery.day = entry.day
    delivery.bytes = entry.end - entry.start
    if (entry.kind === EntryKind.Events) {
      Object.assign(decoder.context, readEventsPrefix(entry.bytes, entry.start))
      decoder.start(entry.bytes, entry.start + EVENTS_PREFIX_BYTES, entry.end)
      while (!decoder.step(EVENTS_PER_DECODE_STEP)) yield
      delivery.batch = decoder.batch
      delivery.bytes -= EVENTS_PREFIX_BYTES
    } else {
      delivery.payload = Buffer.from(entry.bytes.subarray(entry.start, entry.end))
    }
    yield* judge(customer, delivery)
    while (!applyAgain(customer, delivery)) {
      if (customer.preparation) {
        yield* customer.preparation
        customer.preparation = undefined
      } else yield
    }
    const orphan = customer.orphans.get(entry.n)
    if (orphan) {
      orphan.accepted = delivery.accepted
      orphan.duplicates = delivery.duplicates
      customer.orphans.delete(entry.n)
      customer.directory.applied(customer, orphan)
    }
    yield
  }
}

/** Empty, as if all entries up to n had never been: segments are trimmed in any order, so what is left before a gap is no state. */
function restartFrom(customer: Customer, n: number): void {
  customer.state = customer.emptyState()
  customer.program = customer.parts.programs.builtin
  customer.state.n = n
}

/** The entry behind a gap in the journal, if it is a gap that stopped a replay. */
function afterGap(error: unknown): number | undefined {
  if (!(error instanceof LetheError) || error.details['gap'] !== true) return undefined
  return error.details['found'] as number
}

/** Sets the event aside at which two processes died, before it is applied once more. */
function* judge(customer: Customer, delivery: Delivery): Steps<void> {
  const { limits, log, places, quarantine, time } = customer.parts
  const { id, incarnation } = customer.route
  const { kind, n, batch, payload } = delivery
  const index = places.convicted(incarnation, n)
  if (index === undefined) return
  const why = 'the process died here twice'
  if (kind === EntryKind.Events) {
    yield* setEventAside(customer, { n, index, ms: delivery.ms, day: delivery.day, batch: batch!, why })
  } else if (kind === EntryKind.Replay) {
    const entry = decodeJson<ReplayEntry>(payload!, 0, payload!.length)
    const { ms, day } = entry
    yield* setEventAside(customer, { n, index, ms, day, batch: decodeReplayed(entry, limits), why })
    const first = quarantine.find(incarnation, entry.n, entry.index)
    if (first?.ms !== ms || first.replayedAt !== undefined || !quarantine.of(incarnation)?.convicted(n, index, ms))
      return
    // The process that would have noted it (control.ts) is dead.
    quarantine.noteReplay(first, time.nowMs()).catch((error: unknown) => {
      log.error({ customer: id, n: entry.n, err: error }, 'a replay could not be noted beside its verdict')
    })
  }
}

function* setEventAside(customer: Customer, found: Found): Steps<void> {
  const { crashes, parts, route } = customer
  if (parts.quarantine.of(route.incarnation)?.convicted(found.n, found.index, found.ms)) return
  crashes.convict(found)
  while (crashes.convicting) yield
}

/** Applies a replayed entry; what it counts for /metrics was counted when it came. */
function applyAgain(customer: Customer, delivery: Delivery): boolean {
  const { applier, places } = customer.parts
  let looks = 0
  applier.counting = customer.orphans.has(delivery.n)
  if (places.watching) applier.watch = (n, index, events) => places.record(customer.route.incarnation, n, index, events)
  try {
    return customer.apply(delivery, () => ++looks >= LOOKS_PER_REPLAY_STEP)
  } finally {
    applier.counting = true
    if (applier.watch) {
      applier.watch = undefined
      places.clear()
    }
  }
}

/** The snapshot in the customer's file; undefined if there is none, or if it is damaged and has been set aside. */
function* readSnapshot(customer: Customer): Steps<CustomerState | undefined> {
  const { parts, route } = customer
  if (!parts.store.exists(route.incarnation)) return undefined
  let file: CustomerFile | undefined
  try {
    file = parts.store.open(route.incarnation)
    const meta = yield* file.meta()
    return meta && (yield* CustomerState.loading(customer.identity(), parts.limits, meta.rows))
  } catch (error) {
    if (!isDamage(error)) throw error
    file?.release()
    file = undefined
    setAside(customer, error.message)
    return undefined
  } finally {
    file?.release()
  }
}

/**
 * A checkpoint has met a damaged file, while memory has all but the days that nobody has touched since it was loaded. The
 * file goes aside, and the next checkpoint writes a fresh one: the journal alone would bring back much less. False: not now.
 */
export function replaceFile(customer: Customer, error: unknown): boolean {
  // Who reads a day of it will meet the damage, and the customer starts over.
  if (!isDamage(error) || customer.preparation) return false
  setAside(customer, error.message)
  const days = customer.state.forgetFile()
  if (days.length > 0) {
    customer.parts.log.error({ customer: customer.route.id, days }, 'days that only the damaged file had are lost')
  }
  return true
}

function setAside(customer: Customer, why: string): void {
  const { parts, route } = customer
  const kept = parts.store.setAside(route.incarnation, why)
  parts.filesSetAside()
  parts.log.error(
    { customer: route.id, kept, why },
    'a damaged customer file was set aside; the customer goes on with what memory or the journal has',
  )
}

/** The journal starts above what the snapshot has: the snapshot is gone. Goes on from here if an entry says so, or by writing one. */
function* acceptGap(customer: Customer, firstN: number): Steps<void> {
  const { parts, route } = customer
  restartFrom(customer, firstN - 1)
  let recorded = false
  for (const entry of parts.journal.replay(route.incarnation, firstN - 1)) {
    if (entry.kind !== EntryKind.Reset) continue
    const reset = decodeJson<ResetEntry>(entry.bytes, entry.start, entry.end)
    if (reset.lostUpTo >= firstN - 1) recorded = true
    customer.state.setRetention(reset.retention)
    customer.takeVersions(reset)
    yield
  }
  if (!recorded) customer.resetNeeded = firstN - 1
}

/** Loads one stored day into the customer's state. */
export function* loadDay(customer: Customer, day: number): Steps<void> {
  const { parts, route, state } = customer
  let file: CustomerFile | undefined
  try {
    file = parts.store.open(route.incarnation)
    const stored = yield* file.day(state.slotOf(day))
    // Its slot may have been given to another day meanwhile.
    if (state.dayState(day) !== 'stored') return
    if (stored?.day !== day) {
      throw new LetheError(
        'file-damaged',
        `customer ${route.id}: the snapshot lists day ${day}, the file has no such day`,
      )
    }
    yield* state.loadDay(day, stored.rows)
  } catch (error) {
    // The file goes aside as a whole: what is left of it is not to be trusted. The crash brings the customer back from the journal.
    if (isDamage(error)) {
      file?.release()
      file = undefined
      setAside(customer, error.message)
    }
    throw error
  } finally {
    file?.release()
  }
}

/** What is on disk is not what was written: the file's own check said so, or a record in it does not read. */
function isDamage(error: unknown): error is LetheError {
  return error instanceof LetheError && /^(file|page)-damaged$|^bytes-/.test(error.code)
}
