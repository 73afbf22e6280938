// What a committed entry does to its customer, by its kind. The state has been rolled to the entry's day.
//
// Each function answers true when the entry is done, and false where it is to be called again: because the turn ended in
// the middle of a body, or because the entry needs something first that `customer.preparation` now brings (a stored day, R7;
// a program that was not compiled yet). Nothing of an entry is applied before all that it needs is there.
import type { EventBatch } from '../event/batch.js'
import { EntryKind } from '../storage/contract.js'
import type { Customer } from './customer.js'
import type { Delivery } from './delivery.js'
import {
  type CreateEntry,
  decodeJson,
  decodeReplayed,
  type ProgramEntry,
  type ReplayEntry,
  type ResetEntry,
  type SettingsEntry,
} from './entry.js'
import { loadDay } from './loading.js'
import { otherVersion } from './versions.js'

/** Applies an entry, or some of it until `expired`; true when it is done. */
export function applyEntry(customer: Customer, delivery: Delivery, expired: () => boolean): boolean {
  switch (delivery.kind) {
    case EntryKind.Events:
      return applyEvents(customer, delivery, expired)
    case EntryKind.Create:
      return applyCreate(customer, said(delivery))
    case EntryKind.Program:
      return applyProgram(customer, said(delivery))
    case EntryKind.Settings:
      return applySettings(customer, said(delivery))
    case EntryKind.Reset:
      return applyReset(customer, said(delivery))
    case EntryKind.Replay:
      return applyReplay(customer, delivery, said(delivery))
    default:
      // EntryKind.Poison: verdicts lie beside the journal (R16), where a replay finds them before it begins.
      return true
  }
}

function said<Entry>({ payload }: Delivery): Entry {
  return decodeJson<Entry>(payload!, 0, payload!.length)
}

function applyEvents(customer: Customer, delivery: Delivery, expired: () => boolean): boolean {
  const { state, parts } = customer
  const batch = delivery.batch!
  assertSameVersions(customer, delivery.n)
  if (delivery.index === 0 && !daysReady(customer, batch, delivery.ms)) return false
  const verdicts = parts.quarantine.of(customer.route.incarnation)
  const oneByOne =
    customer.crashes.suspects(delivery.n) || parts.places.suspects(customer.route.incarnation, delivery.n)
  if (!parts.applier.run(state, customer.program, verdicts, delivery, expired, oneByOne)) return false
  customer.eventsSinceCheckpoint += batch.count
  return true
}

function applyCreate(customer: Customer, entry: CreateEntry): boolean {
  customer.state.setRetention(entry.retention)
  customer.takeVersions(entry)
  return true
}

function applyProgram(customer: Customer, { source }: ProgramEntry): boolean {
  const { state, parts } = customer
  const kept = parts.programs.kept(source)
  if (!kept) {
    customer.preparation = parts.programs.recording(source)
    return false
  }
  const { program, refused } = kept
  state.setProgram(source)
  customer.program = program
  if (refused)
    parts.log.error(
      { customer: customer.route.id, err: refused },
      'a recorded program no longer compiles; the built-in one stands in',
    )
  return true
}

function applySettings(customer: Customer, entry: SettingsEntry): boolean {
  const { state } = customer
  if (entry.retention !== undefined && entry.retention !== state.retention) {
    // The next checkpoint writes a file under the new modulus, so all that is in the old one has to be here.
    if (!everyDayReady(customer)) return false
    state.setRetention(entry.retention)
  }
  if (entry.sampling !== undefined) state.sampling = entry.sampling
  customer.takeVersions(entry)
  return true
}

function applyReset(customer: Customer, entry: ResetEntry): boolean {
  const { state } = customer
  if (state.n === 0) state.setRetention(entry.retention)
  customer.takeVersions(entry)
  return true
}

function applyReplay(customer: Customer, delivery: Delivery, entry: ReplayEntry): boolean {
  const { state, parts } = customer
  assertSameVersions(customer, delivery.n)
  const batch = decodeReplayed(entry, parts.limits)
  if (!daysReady(customer, batch, entry.ms)) return false
  const verdicts = parts.quarantine.of(customer.route.incarnation)
  parts.applier.replayPoison(state, customer.program, verdicts, delivery, entry, batch)
  return true
}

// Replayed under other versions events would be counted otherwise than when they were acknowledged (R14).
function assertSameVersions(customer: Customer, n: number): void {
  if (customer.sameVersions) return
  const { programVersion: program, groupingVersion: grouping } = customer.state
  throw otherVersion(customer.route.id, n, { program, grouping }, customer.parts.versions)
}

/** True if every day that the events may write to is here; else one of them is on its way. */
function daysReady(customer: Customer, batch: EventBatch, frameMs: number): boolean {
  let ready = true
  customer.parts.applier.days(batch, frameMs, day => {
    if (ready && customer.state.dayState(day) === 'stored') {
      ready = false
      customer.preparation = loadDay(customer, day)
    }
  })
  return ready
}

/** The same for all days of the ring. */
function everyDayReady(customer: Customer): boolean {
  const { state } = customer
  for (let day = state.day - state.retention; day <= state.day + 1; day++) {
    if (state.dayState(day) === 'stored') {
      customer.preparation = loadDay(customer, day)
      return false
    }
  }
  return true
}
