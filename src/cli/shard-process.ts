// A shard's process, as its supervisor sees it: how it is started, told things, and known to be dead.
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ToShard, ToSupervisor } from './messages.js'

const SHARD_MAIN = fileURLToPath(new URL('./shard-main.js', import.meta.url))

/**
 * V8's flags of a shard. Cells of five tables are touched per event, each through small functions: with V8's default bounds on
 * inlining (460 and 920) they stay calls. Five updates of an event, best of four: 460 ns with the defaults, 396 with these, 396
 * with three times these. More has a price: what is inlined more is compiled longer, on a thread that takes every second
 * 4 ms of the core while a shard is new and busy. What a customer waited beside another's endless queries, p99 of the first
 * seconds and of those after (three times these | these | defaults): 20 and 16 | 19 and 11 | 17 and 10 ms.
 * A query that builds lists keeps what it makes, and the collector copies all of it: a third of the pause with a young generation of
 * 4 MiB (median 9.9 → 3.2 ms, 16 → 4 MiB, on a busy machine), for a quarter more CPU of such a query.
 * A shard has a core, of which V8's four helper threads take four fifths while they collect or compile. One takes half.
 * The collector begins when there is as much garbage as there are living things. By itself it began at a third, every three seconds
 * under load, with 80 ms of marking beside and a pause of 6 to 16 each.
 */
export const SHARD_FLAGS = [
  '--max-inlined-bytecode-size=1000',
  '--max-inlined-bytecode-size-cumulative=2000',
  '--max-semi-space-size=4',
  '--v8-pool-size=1',
  '--heap-growing-percent=100',
]

/**
 * Starts a process that waits for its `start` message. Begun as early as can be: it loads its modules meanwhile.
 */
export function forkShard(): ChildProcess {
  return fork(SHARD_MAIN, [], {
    env: {
      ...process.env,
      // zlib shares the pool with the journal's writes: limits.maxDecompressions leaves the commit its threads (R2).
      UV_THREADPOOL_SIZE: '8',
      // lmdb-js re-opening thousands of environments slows tenfold with glibc's default.
      MALLOC_MMAP_THRESHOLD_: '262144',
      // Long GET queries: uWebSockets.js allows 4 KiB of head by default.
      UWS_HTTP_MAX_HEADERS_SIZE: '16384',
    },
    execArgv: SHARD_FLAGS,
    // Signals of a terminal reach the whole group; the supervisor alone decides what follows from them.
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

export type ShardPhase = 'starting' | 'recovered' | 'listening' | 'dead'

/** One process of one shard. A replacement is another object, with another generation. */
export class ShardProcess {
  phase: ShardPhase = 'starting'
  quiet = false
  /** Customers that it has to save yet before it ends, as far as is known. */
  unsaved = Number.MAX_SAFE_INTEGER
  /** Why it cannot begin. */
  hopeless: { readonly code: string; readonly message: string } | undefined
  lastSeenMs: number

  constructor(
    readonly shard: number,
    readonly generation: number,
    readonly child: ChildProcess,
    readonly startedMs: number,
    told: (process: ShardProcess, message: ToSupervisor) => void,
    /** The process is dead and reaped: only now may another take its place (R4). */
    ended: (process: ShardProcess, why: string) => void,
  ) {
    this.lastSeenMs = startedMs
    child.on('message', message => told(this, message as ToSupervisor))
    child.on('error', () => {})
    child.on('exit', (code, signal) => {
      this.phase = 'dead'
      ended(this, signal ?? `exit code ${code}`)
    })
    if (child.exitCode !== null || child.signalCode !== null) {
      setImmediate(() => {
        if (this.phase === 'dead') return
        this.phase = 'dead'
        ended(this, child.signalCode ?? `exit code ${child.exitCode}`)
      })
    }
  }

  tell(message: ToShard): void {
    if (this.phase !== 'dead' && this.child.connected) this.child.send(message, () => {})
  }

  kill(): void {
    this.child.kill('SIGKILL')
  }
}
