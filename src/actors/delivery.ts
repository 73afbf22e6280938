// One entry's way through a shard: received → decoded → journaled → committed → applied → answered.
//
// Deliveries belong to the directory, not to the customer's actor: when an actor crashes, its deliveries wait until it
// is back and answer then. They are pooled, one per request in flight, so that a request allocates nothing of its own.
import type { EventBatch } from '../event/batch.js'
import type { EntryKind } from '../storage/contract.js'
import type { Customer } from './customer.js'
import type { FrameHold } from './group.js'
import type { IngestReply } from './service.js'

export class Delivery {
  customer: Customer | undefined
  kind: EntryKind = 1
  /** The customer's entry number, from the moment it is in the journal's open group. */
  n = 0
  /** Of events: the decoded body; undefined for other entries. */
  batch: EventBatch | undefined
  /** Of other entries: what they say. */
  payload: Buffer | undefined
  reply: IngestReply | undefined
  /** Bytes this delivery holds against the customer's and the shard's bounds. */
  bytes = 0
  // Stamped when its frame is durable.
  ms = 0
  day = 0
  hold: FrameHold | undefined
  /** Next event to apply. */
  index = 0
  accepted = 0
  duplicates = 0

  /** It waits for more than its turn (a load, say): a frame that waited with it would be missed by all who want to commit. */
  letGo(): void {
    if (this.hold === undefined) return
    this.batch!.keep()
    this.hold.drop()
    this.hold = undefined
  }

  clear(): void {
    this.customer = undefined
    this.batch = undefined
    this.payload = undefined
    this.reply = undefined
    this.hold = undefined
    this.n = 0
    this.bytes = 0
    this.index = 0
    this.accepted = 0
    this.duplicates = 0
  }
}

/** First in, first out, without moving what is in it. */
export class Queue<T> {
  private items: (T | undefined)[] = []
  private head = 0

  get length(): number {
    return this.items.length - this.head
  }

  push(item: T): void {
    this.items.push(item)
  }

  peek(): T | undefined {
    return this.items[this.head]
  }

  shift(): T | undefined {
    if (this.head === this.items.length) return undefined
    const item = this.items[this.head]
    this.items[this.head++] = undefined
    if (this.head === this.items.length) {
      this.items.length = 0
      this.head = 0
    } else if (this.head >= 1024 && this.head * 2 >= this.items.length) {
      this.items.splice(0, this.head)
      this.head = 0
    }
    return item
  }

  *[Symbol.iterator](): Generator<T> {
    for (let at = this.head; at < this.items.length; at++) yield this.items[at]!
  }

  /** Takes everything out, oldest first. */
  drain(): T[] {
    const rest = this.items.slice(this.head) as T[]
    this.items.length = 0
    this.head = 0
    return rest
  }
}
