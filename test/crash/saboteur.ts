// Loaded into every process of a node under test (NODE_OPTIONS=--import), so that production code needs no switch for what
// it must survive. It obeys the file that CRASH_ORDERS names: read at the start, and again at SIGUSR2.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import type { EventBatch } from '../../src/event/batch.js'

export interface Orders {
  /** An exception that nobody catches, or memory until there is none: at the signal only. */
  readonly die?: 'exception' | 'memory'
  /** errno of every sync. */
  readonly syncFails?: string
  /** Every sync takes so long. */
  readonly syncMs?: number
  /** Applying an event of this name throws: always, or so many times in a process. */
  readonly poison?: string
  readonly poisonTimes?: number
  /** Applying an event of this name ends the process. */
  readonly deadly?: string
  /** The wall clock is ahead by so much (or behind). */
  readonly aheadMs?: number
}

const file = process.env['CRASH_ORDERS']!
let orders: Orders = {}

function readOrders(): void {
  try {
    orders = JSON.parse(fs.readFileSync(file, 'utf8')) as Orders
  } catch {
    orders = {}
  }
}

function hoard(): void {
  const held: unknown[] = []
  for (;;) held.push(new Array(100_000).fill(Math.random()))
}

type Done = (error: NodeJS.ErrnoException | null) => void

/** What becomes of an operation that makes things durable. */
function sabotage(done: Done, operation: () => void): void {
  const { syncFails, syncMs } = orders
  if (syncFails !== undefined)
    setImmediate(done, Object.assign(new Error(`${syncFails}: sabotage`), { code: syncFails }))
  else if (syncMs !== undefined) setTimeout(operation, syncMs)
  else operation()
}

// A sync is an fdatasync, or a write through a descriptor that was opened for durable writes.
const durable = new Set<number>()
const { fdatasync, openSync, closeSync, write } = fs
fs.openSync = ((path: string, flags: string | number, mode?: number) => {
  const descriptor = openSync(path, flags, mode)
  if (typeof flags === 'number' && (flags & fs.constants.O_DSYNC) !== 0) durable.add(descriptor)
  return descriptor
}) as typeof fs.openSync
fs.closeSync = descriptor => {
  durable.delete(descriptor)
  closeSync(descriptor)
}
fs.fdatasync = ((descriptor: number, done: Done) =>
  sabotage(done, () => fdatasync(descriptor, done))) as typeof fs.fdatasync
fs.write = ((...args: Parameters<typeof write>) => {
  const operation = () => write(...args)
  if (durable.has(args[0])) sabotage(args.at(-1) as unknown as Done, operation)
  else operation()
}) as typeof fs.write
syncBuiltinESMExports()

readOrders()
process.on('SIGUSR2', () => {
  readOrders()
  if (orders.die === 'memory') hoard()
  // Thrown outside of every promise, as a bug in a callback would.
  if (orders.die === 'exception') setImmediate(() => JSON.parse('sabotage'))
})

const now = Date.now
Date.now = () => now() + (orders.aheadMs ?? 0)

// Poison, in the middle of an apply: after the id is in the window, before the ledger has counted it.
const { Applier } = await import('../../src/actors/apply.js')
const { Field } = await import('../../src/event/batch.js')
type ApplyOne = (state: unknown, program: unknown, batch: EventBatch, event: number) => boolean
const prototype = Applier.prototype as unknown as { applyOne: ApplyOne }
const { applyOne } = prototype
let poisoned = 0
prototype.applyOne = function (this: unknown, state, program, batch, event) {
  const name = batch.text(event, Field.Name)
  const { poison, poisonTimes = Number.POSITIVE_INFINITY } = orders
  if (name !== undefined && name === poison && poisoned++ < poisonTimes) throw new Error('sabotage: poison')
  if (name !== undefined && name === orders.deadly) process.kill(process.pid, 'SIGKILL')
  return applyOne.call(this, state, program, batch, event)
}
