// Every bound of a node, in one place, each with its reason and with what happens when it is reached.
// Those that shape state (marked "state") count items, never heap or time (R14): a replay must meet them at the same event.

const KIB = 1024
const MIB = 1024 * KIB

/** The bounds as they stand by default. Tests hand in smaller ones; `lethe serve --config` may change those not marked state. */
export const defaultLimits = {
  // ——— a request
  /** Bytes of a body as sent. More is 413: one report is some KiB, a batch some hundred. */
  maxBodyBytes: 1 * MIB,
  /** Bytes of a body after decompression. More is 413: zlib expands up to 1028 : 1. */
  maxDecompressedBytes: 16 * MIB,
  /** Events of one request. More is 413: each costs 200 bytes of columns and may cost a rejection in the reply (state). */
  maxEventsPerRequest: 100_000,
  /** What is read and thrown away of a refused body before the refusal is answered. */
  maxDiscardedBytes: 16 * MIB,
  /** A body that is not complete after this long is closed: slow senders hold memory. */
  bodyDeadlineMs: 60_000,
  /** A request that was handed on and is not answered after this long has its connection closed: nobody knows its outcome (R12). */
  answerDeadlineMs: 30_000,
  /** A shard process that says nothing for this long is stopped or stuck: it is killed and replaced. */
  shardSilenceMs: 10_000,
  /** Bodies in flight in one shard, bytes. More is 503. */
  maxInFlightBytes: 256 * MIB,
  /** Requests in flight in one shard. More is 503. */
  maxInFlightRequests: 20_000,
  /** Open connections of one shard. More are closed at once. */
  maxConnections: 20_000,
  /** Bodies waiting in one customer's inbox, bytes. More is 503 for that customer alone. */
  maxInboxBytes: 32 * MIB,
  /** Requests waiting in one customer's inbox. More is 503 for that customer alone. */
  maxInboxRequests: 4_096,
  /** Compressed bodies up to this size are expanded on the spot (tens of µs); greater ones by the thread pool. */
  maxSyncCompressedBytes: 16 * KIB,
  /** What a body expanded on the spot may become; beyond, it starts over in the thread pool. */
  maxSyncDecompressedBytes: 256 * KIB,
  /** Bodies in the thread pool at once: of its eight threads, the commit keeps some free. */
  maxDecompressions: 4,
  /** Bodies waiting for a place in the thread pool. More is 503. */
  maxWaitingDecompressions: 256,
  /** Wrong secret keys (query, admin) from one address within a minute. More is 429: no person has so many; 190 bits are not guessed. */
  maxFailedKeysPerMinute: 1_000,
  /** Bytes waiting for one peer's socket. More is 503: the peer is behind. */
  maxPeerQueueBytes: 64 * MIB,
  /** A message between peers is cut into pieces of this size, so that a 16 MiB body does not hold up small ones (R17). */
  peerPieceBytes: 64 * KIB,

  // ——— an event
  /** Characters (UTF-16 units) of a short text field. Longer is cut and noted `truncated` (state). */
  maxTextLength: 200,
  /** Bytes of an event's `id`. Longer is rejected: cutting would merge strangers (state). */
  maxIdBytes: 64,
  /** Tags of an event; the rest is ignored and noted `truncated` (state). */
  maxTags: 32,
  /** Depth of nested JSON. Deeper is 400: parsers recurse (state). */
  maxJsonDepth: 64,
  /** How far ahead a device clock may be before its time is clamped to now (state). */
  maxSkewMs: 600_000,

  // ——— a customer's state
  /** Tables of a customer. More is a program error (state). */
  maxTables: 1_000,
  /** Bytes of a key or member. Longer is cut at a character. Room for 200 characters of three bytes, and a name beside (state). */
  maxKeyBytes: 640,
  /** Keys of one table. More go into the key `(other)` (state). */
  maxKeysPerTable: 1_000_000,
  /** Keys of all tables of a customer. More go into the key `(other)` (state). */
  maxKeysPerCustomer: 2_000_000,
  /** Members of one set cell. More are counted in the cell's `overflow`, not kept (state). */
  maxSetMembers: 10_000,
  /** Crash groups a customer may have. More share the group `(other)` (state). */
  maxGroups: 10_000,
  /** Ids of the dedupe window: never more than the first, never fewer (within 24 h) than the second (state). */
  maxDedupeIds: 1_000_000,
  minDedupeIds: 100_000,
  dedupeWindowMs: 86_400_000,
  /** Sessions whose state is remembered, oldest forgotten first (state). */
  maxSessions: 1_000_000,
  /** Different symbols that `set-state!` may have set: programs name states, data does not. More is a program error (state). */
  maxStateSymbols: 1_000,
  /** Reasons, and notes, of one ledger day. More count as `(other)` (state). */
  maxLedgerNames: 32,
  /** Bytes of a group's example. A longer event leaves the example as it was (state). */
  maxExampleBytes: 16 * KIB,
  /** Bytes of all examples of one day. Beyond it groups without one get none (state). */
  maxExampleBytesPerDay: 16 * MIB,
  /** Events that one event of a sample may stand for. More is 400: sums over so few say nothing. */
  maxSamplingWeight: 10_000,
  /** Retention N a customer may ask for, days (state). */
  maxRetentionDays: 400,

  // ——— turns
  /** Work of one customer before the next one's turn. */
  turnMs: 1,
  /** The same while a commit is under way: its end is acknowledged after the turn at hand. */
  hurriedTurnMs: 0.25,
  /** A customer without traffic leaves memory after this long. To leave and come back costs some 5 ms of CPU: at 2 s, 1,000 customers in turn are 540 requests/s instead of 30,000. */
  idleMs: 300_000,
  /** A changed customer is checkpointed after this long, or when its replay would take a second. */
  checkpointMs: 60_000,
  /** Entries of one customer since its checkpoint beyond which one is due: about a second of replay. */
  checkpointEvents: 500_000,

  // ——— journal
  /** Size of a journal segment: what the next start scans at most. */
  segmentBytes: 64 * MIB,
  /** A group commit carries at most this much. */
  maxFrameBytes: 8 * MIB,
  /** Journal bytes of a shard beyond which those who hold it back spill and get 503 (R11): 40 s of full load. With half of it more checkpoints, with twice as much replays longer than answerDeadlineMs. */
  maxJournalBytes: 4096 * MIB,
  /** Free disk kept for checkpoints and trimming: below it ingest answers 503. */
  diskReserveBytes: 256 * MIB,

  // ——— stores
  /** Customer files open at once in a shard: three descriptors and 150 KiB each, and lmdb-js dies at the descriptor limit. A checkpoint of one that is open costs 0.6 ms of CPU, of one that has to be opened 1.5. */
  maxOpenFiles: 500,

  /** Customer files written at once in a shard: of the thread pool's eight threads, the journal's commit keeps some free. */
  maxFileCommits: 2,

  /** Customers of a shard that are loaded at once: each holds a file open. The others wait. */
  maxLoadsAtOnce: 64,
  /** Checkpoints of a shard under way at once: likewise, and each holds its encoded pages. */
  maxCheckpointsAtOnce: 64,

  // ——— queries
  /** Bytes of a query's text, params included. More is 413: people write some hundred. */
  maxQuerySourceBytes: 1 * MIB,
  /** Instructions of a query. More is 422: its slices take turns with the customer's events, so it must end some time. */
  maxQuerySteps: 1_000_000_000,
  /** Bytes that a query may hold. More is 422: all that run share the shard's memory. */
  maxQueryHeapBytes: 64 * MIB,
  /** Time of a query in its slices, added up; waiting between them does not count. More is 422. */
  queryTimeMs: 5_000,
  /** Depth of nested forms in a program, written or made by macros. More is a syntax error: reader, expander and compiler recurse (state). */
  maxNestingDepth: 400,
  /** Characters of a string. More is memory-limit: copying one takes some milliseconds at most, and cannot be interrupted (state). */
  maxStringLength: 1 << 22,
  /** Bits of an exact integer. More is memory-limit: one multiplication must stay within a slice (state). */
  maxIntegerBits: 1 << 20,
  /** Queries of one customer that take turns, each with a heap of its own. The others wait until one has ended. */
  maxQueriesAtOnce: 16,
  /** Queries of one customer that run or wait: dashboards ask dozens at once. More is 503. */
  maxQueriesPerCustomer: 256,
  /** Steps of a program while it is loaded, once, before its first event (state). */
  maxProgramLoadSteps: 2_000_000,
  /** Bytes that a program may ask for during one event, or its load. Counted as asked for, never given back (state). */
  maxProgramBytes: 8 * MIB,
  /** Bytes of source of a program: every customer's is kept (state). */
  maxProgramSourceBytes: 64 * KIB,
  /** Forms of a program, macros expanded. More is 413: emitting takes about a microsecond a form (state). */
  maxProgramForms: 50_000,
  /** Steps of a program for one event; about 200 µs (R13, state). */
  maxProgramSteps: 20_000,
}

export type Limits = typeof defaultLimits
