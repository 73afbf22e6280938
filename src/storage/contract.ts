// What storage offers to the rest: the journal, the customers' files, the control store. Types only; who implements them
// is said at each. Storage knows nothing of events or tables: a journal entry is bytes, a page is a key and a value.
import type { HashKey } from '../core/hash.js'
import type { Limits } from '../core/limits.js'
import type { Random } from '../core/random.js'
import type { Steps } from '../core/steps.js'
import type { Disk } from './disk.js'

/** Where storage says what it met: pino's shape, so that its logger can be handed in. */
export interface StorageLog {
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

// ——— Journal (journal.ts: `openJournal`)

/** What an entry is. Stored: never renumber. */
export const enum EntryKind {
  Events = 1,
  Program = 2,
  Settings = 3,
  Reset = 4,
  Poison = 5,
  Replay = 6,
  Create = 7,
}

/** One entry as replay gives it. `bytes` is lent: it holds only until the generator is asked for the next one. */
export interface JournalEntry {
  readonly n: number
  readonly kind: EntryKind
  /** UTC ms and day of the frame (R5). */
  readonly ms: number
  readonly day: number
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
}

/** A durable group commit. Offsets that `begin` answered are offsets into `bytes`. */
export interface Frame {
  readonly sequence: number
  readonly ms: number
  readonly day: number
  readonly entries: number
  readonly bytes: Buffer
  /** Gives the buffer back once nobody looks into it any more. Until then it keeps its contents. Exactly once. */
  release(): void
}

/** A customer's handle on the journal: made once per spawn by `journal.writer`, shared by all who ask for the same incarnation. */
export interface JournalWriter {
  readonly incarnation: bigint
  /** The last n given to `end`, or found in the journal at `openJournal`; 0 where it holds none. The owner compares it with its snapshot's n. */
  lastN: number
}

export interface JournalOptions {
  readonly disk: Disk
  /** The folder of all shards' journals; this one writes to `<folder>/<shard>/` and reads the others. */
  readonly folder: string
  readonly shard: number
  readonly shards: number
  /** Which shard owns a customer now. */
  readonly ownerOf: (incarnation: bigint) => number
  /** The same for all shards of one start of the node, another for every start. */
  readonly run: bigint
  readonly limits: Pick<Limits, 'segmentBytes' | 'maxFrameBytes' | 'maxJournalBytes' | 'diskReserveBytes'>
  readonly random: Random
  readonly log: StorageLog
}

export interface Journal {
  writer(incarnation: bigint): JournalWriter

  /**
   * Room for an entry's payload in the open group: copy or decode in place at [offset, offset + size) of `journal.group`, then `end` or `cancel`
   * before the next `begin`. Answers −1 where the group takes no more now: commit first, or (if `full`) answer 503.
   * Throws `journal-failed` once the journal has failed.
   */
  begin(writer: JournalWriter, kind: EntryKind, size: number): number
  /** The entry is complete, as number n of its customer, of `size` bytes (at most what `begin` was asked for). */
  end(n: number, size: number): void
  cancel(): void

  /** The buffer of the open group. Another one after each commit. */
  readonly group: Buffer
  /** Bytes of the open group, 0 where it is empty. */
  readonly pendingBytes: number
  readonly pendingEntries: number
  /** A frame is on its way to the disk. */
  readonly syncing: boolean
  /** clock-free: the nowMs handed to the commit in flight, or NaN. Callers bound a stalled sync by it. */
  readonly syncingSinceMs: number
  /** No room is left and none can be made (the disk is full): refuse with 503. It heals by itself. */
  readonly full: boolean
  /** The same for an entry of this size: no commit makes room for it, only the disk. */
  lacksRoomFor(size: number): boolean
  /** A write or sync failed: nothing will be taken any more, the shard has to end (R12). */
  readonly failed: Error | undefined
  /** Day of the latest frame that was found at `openJournal`; −1 where there was none. */
  readonly latestDay: number
  /** Bytes of all retained segments in this shard's folder. */
  readonly bytes: number
  readonly segments: number

  /**
   * Seals the group into one frame stamped (nowMs, day), writes it and syncs. Only when none is in flight and the group is not empty.
   * `onSynced` follows when it is durable. `onFailed` follows (perhaps at once) when that cannot be known: answer nothing, end the shard.
   */
  commit(nowMs: number, day: number, onSynced: (frame: Frame) => void, onFailed: (error: Error) => void): void

  /**
   * Durable entries of a customer above n in order of n, from all retained journals (R1, R10). Ends at what was durable when it was called.
   * Throws `journal-damaged` on a gap, on one n with two contents, on a frame whose checksum is wrong. Only where all that the journals hold lies
   * above afterN + 1 is the gap the caller's to judge: then the first entry has a greater n (the snapshot was lost, or is too old), and what follows
   * it is without gaps: of several stretches the last one.
   */
  replay(incarnation: bigint, afterN: number): Generator<JournalEntry, void, void>
  /** First and last durable n that the journals hold of a customer; undefined where they hold none. */
  range(incarnation: bigint): { first: number; last: number } | undefined
  /** Customers of this shard with entries in retained journals. Those not in the control store any more: `forget` them. */
  incarnations(): Iterable<bigint>

  /** This customer's file is durable up to n: entries up to there are not needed any more (R3). */
  flushedTo(incarnation: bigint, n: number): void
  /** The customer is deleted: none of its entries is needed. */
  forget(incarnation: bigint): void
  /**
   * Removes what nobody needs; answers how many segments went. Whatever could not be done (a segment removed, or the next one
   * made) is tried again by the next call, so it is to be called now and then. Cheap when there is nothing to do.
   */
  trim(): number
  /**
   * Bytes of the open segment, and of those that customers of this shard hold back, whoever wrote them. `bytes` may be more:
   * after another number of shards did, customers of other shards may hold what lies here, and we what lies there.
   */
  readonly heldBytes: number
  /** Customers of this shard that hold segments back, oldest segment first, some more than once: checkpoint these and trimming proceeds. */
  holding(): Iterable<bigint>
  /** Copies all that a customer still needs to a synced journal of its own, so that it holds no segment back (R11). */
  spill(incarnation: bigint): Promise<void>
  /** While held, nothing is removed (backup, R19). */
  holdTrimming(hold: boolean): void
  /** The segments that this shard keeps, as they are now: what lies at or beyond `end` is not durable, or void. */
  files(): { readonly path: string; readonly end: number; readonly size: number }[]

  /** Waits for the commit in flight; what was not committed is dropped. */
  close(): Promise<void>
}

// ——— A customer's file (customer-store.ts: `openCustomerStore`; memory-store.ts: `memoryCustomerStore`)

export interface Row {
  readonly key: Buffer
  readonly value: Buffer
}

export interface PageWrite {
  /** At most 512 bytes. */
  readonly key: Uint8Array
  /** null deletes. */
  readonly value: Uint8Array | null
}

export interface FileWrite {
  readonly n: number
  /** N + 1. Another number than the file has rewrites it under the new modulus, days moved. */
  readonly slots: number
  readonly meta: readonly PageWrite[]
  /** `clear` empties the slot first. A slot that holds another day is always cleared first. A day older than the slot's is refused (Bug). */
  readonly days: readonly { slot: number; day: number; clear: boolean; pages: readonly PageWrite[] }[]
}

/**
 * One customer's snapshot. It is opened and read in steps that do not depend on its size; what a reading answers is of one
 * moment, whatever is committed meanwhile. Rows come in key order, complete and checked, or LetheError `file-damaged` is
 * thrown, with {path, why}: never fewer rows than were written. A reading that is not wanted any more is to be ended with `return`
 * before the file is released.
 */
export interface CustomerFile {
  readonly incarnation: bigint
  /** undefined: no snapshot yet. Throws `file-damaged`, `disk-full`. */
  meta(): Steps<{ n: number; slots: number; rows: Row[] } | undefined>
  /** What a slot holds; undefined where it is empty. Throws as `meta`. */
  day(slot: number): Steps<{ day: number; rows: Row[] } | undefined>
  /** Which day each slot holds, without reading it: [slot, day] pairs. Throws as `meta`. */
  days(): Steps<[number, number][]>
  /** One transaction: pages, stamps, counts, checksums, n. Visible when it resolves. Rejects with `disk-full`, `disk-error` or `file-damaged`; then nothing was changed. One at a time. */
  commit(write: FileWrite): Promise<void>
  /** All that is visible is durable when it resolves (also what an earlier process wrote): only now may n count for trimming (R3). */
  flushed(): Promise<void>
  /** Back to the pool. Use nothing of it afterwards. */
  release(): void
}

export interface CustomerStore {
  /** From the pool, or to be opened by the first who reads or writes; throws 503 `too-many-files` when all that may be open are in use. */
  open(incarnation: bigint): CustomerFile
  exists(incarnation: bigint): boolean
  /** Removes the file, durably. */
  erase(incarnation: bigint): Promise<void>
  /** Moves the file out of the way and answers where to. Nobody may have it open. */
  setAside(incarnation: bigint, why: string): string
  /** Files set aside at the start, because the process died while it opened them: {incarnation, path}. */
  readonly asideAtStart: readonly { incarnation: bigint; path: string }[]
  close(): Promise<void>
  readonly openFiles: number
}

/** A store whose customers are files that can be copied while it runs (R19). */
export interface CopyableStore extends CustomerStore {
  /** Hands `copy` the path of the file, if there is one, while nobody writes to it. */
  whileStill(incarnation: bigint, copy: (path: string) => Promise<void>): Promise<void>
}

// ——— Control store (control.ts: `openControlWriter`, `openControlReader`)

export interface KeyRecord {
  readonly kind: 'ingest' | 'query'
  /** First characters of the key, enough for a person to tell it from others. */
  readonly prefix: string
  /** SHA-256 of the key, hex. */
  readonly hash: string
  /** Ingest keys only: they are public. */
  readonly text?: string
  readonly created: number
}

export interface CustomerRecord {
  readonly id: string
  readonly incarnation: bigint
  readonly hashKey: HashKey
  readonly blocked: boolean
  readonly created: number
  readonly quota: { readonly eventsPerSecond?: number; readonly eventsPerDay?: number }
  readonly keys: readonly KeyRecord[]
  /** The store's version when this record changed last. */
  readonly version: number
  /** Tombstone: keys are gone, replay skips the incarnation (R19). */
  readonly deleted: boolean
}

export interface ControlReader {
  /** Grows with every change. */
  version(): number
  customer(id: string): CustomerRecord | undefined
  byIncarnation(incarnation: bigint): CustomerRecord | undefined
  /** Whose key has this SHA-256 (hex). */
  byKeyHash(hash: string): { customer: string; kind: 'ingest' | 'query' } | undefined
  /** In order of id; tombstones only when asked for. */
  customers(withDeleted?: boolean): Iterable<CustomerRecord>
  setting(name: string): string | undefined
  /** Ids changed after `version`, oldest first. */
  changesSince(version: number): { version: number; id: string }[]
  close(): Promise<void>
}

/** Each change is one transaction, durable when it resolves. Only the supervisor holds one. Errors: `exists` 409, `not-found` 404. */
export interface ControlWriter extends ControlReader {
  /** Hands `copy` the path of the store's file while nobody writes to it. */
  whileStill(copy: (path: string) => Promise<void>): Promise<void>
  create(record: { id: string; created: number; keys: readonly KeyRecord[] }): Promise<CustomerRecord>
  /** With an identity from elsewhere (restore, import). */
  putIdentity(record: CustomerRecord): Promise<CustomerRecord>
  addKey(id: string, key: KeyRecord): Promise<CustomerRecord>
  /** Removes keys whose prefix is this; answers the record. 404 where none is. */
  removeKey(id: string, prefix: string): Promise<CustomerRecord>
  setBlocked(id: string, blocked: boolean): Promise<CustomerRecord>
  setQuota(id: string, quota: CustomerRecord['quota']): Promise<CustomerRecord>
  tombstone(id: string): Promise<CustomerRecord>
  setSetting(name: string, value: string): Promise<void>
}
