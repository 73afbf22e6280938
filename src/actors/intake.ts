// The way in: from a body to an entry of the open commit group, and a delivery that waits for it to be durable and applied.
//
//     open group ── commit ──▶ in flight ── settle ──▶ deliveries, with the stamp of their frame
//         ▲                                                 │
//         └── whoever found no room ◀── frame released ◀── applied
//
// While one group is on its way to the disk the next one fills. Deliveries and batches are pooled.
import { dayOf } from '../core/clock.js'
import { LetheError } from '../core/errors.js'
import { oneStep } from '../core/steps.js'
import { BatchPool, type EventBatch } from '../event/batch.js'
import { DECODER_VERSION, Decoder, type Format } from '../event/decode.js'
import { EntryKind, type Frame } from '../storage/contract.js'
import { type Admission, diskFull, gone, overloaded } from './admission.js'
import type { Customer } from './customer.js'
import { Delivery } from './delivery.js'
import { EVENTS_PREFIX_BYTES, encodeJson, writeEventsPrefix } from './entry.js'
import { type CommitGroup, emptyGroup, FrameHold } from './group.js'
import type { Parts } from './parts.js'
import type { Task, WaitingBody } from './protocol.js'
import type { IngestReply } from './service.js'
import type { StatsCollector } from './stats.js'
import { recorded } from './versions.js'

const NONE: readonly [] = []
/** Memory of batches kept for reuse: some 300 of 500 events, or 20,000 of one. */
const POOLED_BYTES = 32 * 1024 * 1024

interface IntakeHost {
  /** There may be room for this customer's next entry now. */
  wake(customer: Customer): void
  /** The open group has an entry more: it wants to be committed. */
  filled(): void
}

export class Intake {
  /** Who found all frames lent can go on, and no commit may come to say so. */
  private readonly frameReleased = (): void => {
    if (this.waitingForRoom.size > 0) this.wakeThoseWithoutRoom()
  }
  private open: CommitGroup = emptyGroup(this.frameReleased)
  private inFlight: CommitGroup = emptyGroup(this.frameReleased)
  /** Deliveries of the group before, applied by the time that the next one is durable. */
  private settled: Delivery[] = []
  private syncStartedMs = 0
  /** Customers whose next entry the open group has no room for; woken by the next commit. */
  private readonly waitingForRoom = new Set<Customer>()
  private readonly deliveries: Delivery[] = []
  private readonly batches = new BatchPool(POOLED_BYTES)
  private readonly decoder: Decoder

  constructor(
    private readonly parts: Parts,
    private readonly admission: Admission,
    private readonly stat: StatsCollector,
    private readonly host: IntakeHost,
  ) {
    this.decoder = new Decoder({ format: 1, version: DECODER_VERSION, sentAt: Number.NaN, limits: parts.limits })
  }

  /** Copies the body into the open group and decodes it there; what is malformed gives the room back. False if there is no room now. */
  take(customer: Customer, format: Format, sentAt: number, body: Uint8Array, reply: IngestReply): boolean {
    const { journal } = this.parts
    if (!this.journalSurroundings(customer)) return false
    const size = EVENTS_PREFIX_BYTES + body.length
    const at = journal.begin(customer.writer, EntryKind.Events, size)
    if (at < 0) return false
    const group = journal.group
    writeEventsPrefix(group, at, format, DECODER_VERSION, sentAt)
    const start = at + EVENTS_PREFIX_BYTES
    group.set(body, start)
    const batch = this.batches.take()
    const { context } = this.decoder
    context.format = format
    context.sentAt = sentAt
    const refusal =
      this.decodeInto(batch, group, start, start + body.length) ?? this.admission.overQuota(customer, batch.count)
    if (refusal) {
      journal.cancel()
      this.admission.leave(customer, body.length)
      this.batches.give(batch)
      this.refuse(reply, refusal)
      return true
    }
    const delivery = this.enter(customer, body.length, batch, reply)
    delivery.hold = this.open.hold
    delivery.hold.take()
    return true
  }

  /** Why the body cannot be decoded, if so. */
  private decodeInto(batch: EventBatch, bytes: Uint8Array, start: number, end: number): LetheError | undefined {
    try {
      this.decoder.start(bytes, start, end, batch)
      while (!this.decoder.step(1024)) {}
      return undefined
    } catch (error) {
      return this.asLetheError(error)
    }
  }

  /** Ends the entry that was begun for a body. */
  private enter(customer: Customer, bytes: number, batch: EventBatch, reply: IngestReply): Delivery {
    const n = ++customer.lastN
    this.parts.journal.end(n, EVENTS_PREFIX_BYTES + bytes)
    const delivery = this.delivery(customer, EntryKind.Events, n)
    delivery.batch = batch
    delivery.reply = reply
    delivery.bytes = bytes
    customer.waitingEvents += batch.count
    this.open.deliveries.push(delivery)
    this.host.filled()
    return delivery
  }

  refuseWaiting(customer: Customer, waiting: WaitingBody, error: unknown): void {
    this.admission.leave(customer, waiting.body.length)
    this.refuse(waiting.reply, this.asLetheError(error))
  }

  /** A bug of ours that a request has met before it touched any state: the request alone fails of it. */
  asLetheError(error: unknown): LetheError {
    if (error instanceof LetheError) return error
    this.parts.log.error({ err: error }, 'a request met something that is broken')
    return new LetheError('internal', 'something is broken here: the log says what', 500)
  }

  journalBody(customer: Customer, waiting: WaitingBody, decoder: Decoder): boolean {
    const { journal } = this.parts
    const body = waiting.body
    if (customer.route.deleted) {
      this.refuseWaiting(customer, waiting, gone())
      return true
    }
    const size = EVENTS_PREFIX_BYTES + body.length
    if (journal.full || journal.lacksRoomFor(size)) {
      this.refuseWaiting(customer, waiting, diskFull())
      return true
    }
    const at = this.journalSurroundings(customer) ? journal.begin(customer.writer, EntryKind.Events, size) : -1
    if (at < 0) {
      if (this.admission.diskLow) {
        this.refuseWaiting(customer, waiting, diskFull())
        return true
      }
      this.waitingForRoom.add(customer)
      return false
    }
    const quota = this.admission.overQuota(customer, decoder.batch.count)
    if (quota) {
      journal.cancel()
      this.refuseWaiting(customer, waiting, quota)
      return true
    }
    writeEventsPrefix(journal.group, at, waiting.format, DECODER_VERSION, waiting.sentAt)
    journal.group.set(body, at + EVENTS_PREFIX_BYTES)
    this.enter(customer, body.length, decoder.batch, waiting.reply)
    return true
  }

  /**
   * What an entry depends on beside its bytes stands in one before it (R14): in a customer's first, and where the versions
   * have changed. False if there is no room now.
   */
  private journalSurroundings(customer: Customer): boolean {
    if (customer.surroundingsJournaled) return true
    const { settings, versions } = this.parts
    const { retention } = settings
    const [kind, entry] =
      customer.lastN === 0
        ? [EntryKind.Create, { retention, ...recorded(versions) }]
        : [EntryKind.Settings, recorded(versions)]
    customer.surroundingsJournaled = this.tryJson(customer, kind, encodeJson(entry), undefined)
    return customer.surroundingsJournaled
  }

  journalJson(customer: Customer, kind: EntryKind, payload: Buffer, reply?: IngestReply): void {
    if (this.journalSurroundings(customer) && this.tryJson(customer, kind, payload, reply)) return
    if (reply && (this.admission.diskLow || this.parts.journal.lacksRoomFor(payload.length))) {
      return reply.refused(diskFull())
    }
    // What nobody waits for is asked for again by the next load: a node that ends need not wait for room.
    if (!reply && !this.admission.accepting) return
    this.waitingForRoom.add(customer)
    const again: Task = {
      steps: oneStep(() => this.journalJson(customer, kind, payload, reply)),
      refused: error => reply?.refused(error),
    }
    customer.tasks.push(again)
  }

  private tryJson(customer: Customer, kind: EntryKind, payload: Buffer, reply: IngestReply | undefined): boolean {
    const { journal } = this.parts
    const at = journal.begin(customer.writer, kind, payload.length)
    if (at < 0) return false
    journal.group.set(payload, at)
    const n = ++customer.lastN
    journal.end(n, payload.length)
    const delivery = this.delivery(customer, kind, n)
    delivery.payload = payload
    delivery.reply = reply
    this.admission.enter(customer, 0)
    this.open.deliveries.push(delivery)
    this.host.filled()
    return true
  }

  private delivery(customer: Customer, kind: EntryKind, n: number): Delivery {
    const delivery = this.deliveries.pop() ?? new Delivery()
    delivery.customer = customer
    delivery.kind = kind
    delivery.n = n
    return delivery
  }

  applied(customer: Customer, delivery: Delivery): void {
    const { reply, batch } = delivery
    if (batch) customer.waitingEvents -= batch.count
    this.admission.leave(customer, delivery.bytes)
    if (reply) reply.accepted(delivery.accepted, delivery.duplicates, batch ? batch.rejections : NONE)
    delivery.hold?.drop()
    if (batch) this.batches.give(batch)
    delivery.clear()
    this.deliveries.push(delivery)
  }

  refuse(reply: IngestReply, error: LetheError): void {
    this.stat.refused(error.code)
    reply.refused(error)
  }

  // ——— commits

  /** Hands what has gathered to the journal, unless it is still busy with the group before. */
  commit(onSynced: (frame: Frame) => void, onFailed: (error: Error) => void): void {
    const { journal, time, clock } = this.parts
    if (journal.syncing || journal.pendingBytes === 0) return
    const group = this.open
    this.open = this.inFlight
    this.open.hold = new FrameHold(this.frameReleased)
    this.inFlight = group
    this.syncStartedMs = clock.monotonicMs()
    // One look at the clock: two may lie on both sides of midnight.
    const nowMs = time.nowMs()
    journal.commit(nowMs, dayOf(nowMs), onSynced, onFailed)
    this.wakeThoseWithoutRoom()
  }

  wakeThoseWithoutRoom(): void {
    for (const customer of this.waitingForRoom) this.host.wake(customer)
    this.waitingForRoom.clear()
  }

  /** The group in flight is durable: its deliveries, to be applied and taken out of the array before the next group is settled. */
  settle(frame: Frame): Delivery[] {
    this.stat.commit(this.parts.clock.monotonicMs() - this.syncStartedMs)
    const { deliveries, hold } = this.inFlight
    this.inFlight.deliveries = this.settled
    this.settled = deliveries
    for (const delivery of deliveries) {
      delivery.ms = frame.ms
      delivery.day = frame.day
      delivery.customer!.syncedN = delivery.n
    }
    hold.synced(frame)
    return deliveries
  }

  /** The journal has failed: nobody can say what has become of the group in flight; what had not begun was not taken. */
  fail(): void {
    for (const delivery of this.inFlight.deliveries) delivery.reply?.unknown()
    for (const delivery of this.open.deliveries) delivery.reply?.refused(overloaded('the journal has failed'))
    this.inFlight.deliveries.length = 0
    this.open.deliveries.length = 0
  }
}
