// The floor: what a durable reply to the five updates costs where nothing else is done. node floor.js PORT FOLDER
//
// The socket layer and the commit are those of a shard. Between them stands as little as one can think of: no program, ids,
// customers, days, ledger, limits or errors; bodies must be flat JSON of short plain strings in a fixed order; the tables are flat
// arrays that forget what does not fit, found by a hash that anybody can collide, and the set is one more counter. How far a node is from it is what the product costs.
import * as uWS from 'uWebSockets.js'
import path from 'node:path'
import { pageAligned } from '../../src/storage/direct.js'
import { realDisk } from '../../src/storage/disk.js'
import { REPLY } from './reply.js'

const PAGE = 4096
const GROUP_BYTES = 8 * 1024 * 1024
const FILE_BYTES = 256 * 1024 * 1024
const COUNTERS = 1 << 18
/** Slots tried for a counter before it is forgotten. */
const PROBES = 16
const SKETCHES = 1 << 12
const REGISTERS = 1 << 12

interface Waiting {
  readonly response: uWS.HttpResponse
  readonly customer: number
  readonly start: number
  readonly end: number
  gone: boolean
}

interface Group {
  readonly bytes: Buffer
  length: number
  waiting: Waiting[]
}

const names = new Int32Array(COUNTERS)
const counts = new Float64Array(COUNTERS)
const registers = new Uint8Array(SKETCHES * REGISTERS)

/** Counts `hash`; answers its slot. */
function count(hash: number): number {
  const name = hash | 1
  let slot = Math.imul(hash, 0x9e3779b1) >>> 14
  for (let tries = 0; tries < PROBES; tries++, slot = (slot + 1) & (COUNTERS - 1)) {
    if (names[slot] === 0) names[slot] = name
    if (names[slot] !== name) continue
    counts[slot]!++
    return slot
  }
  return slot
}

function sketch(number: number, hash: number): void {
  const register = (number & (SKETCHES - 1)) * REGISTERS + (hash >>> 20)
  const rank = Math.clz32((hash << 12) | 1) + 1
  if (rank > registers[register]!) registers[register] = rank
}

const enum Place {
  Type = 0,
  Name = 1,
  User = 2,
  Country = 3,
}

const hashes = new Int32Array(32)

/** Leaves a hash of each field of the object at i, key and value; answers the place behind it. */
function scan(bytes: Uint8Array, i: number): number {
  let field = 0
  for (;;) {
    let hash = 0x811c9dc5
    let c: number
    for (i += 2; (c = bytes[i]!) !== 0x22; i++) hash = Math.imul(hash ^ c, 0x01000193)
    for (i += 3; (c = bytes[i]!) !== 0x22; i++) {
      hash = Math.imul(hash ^ c, 0x5bd1e995)
      hash ^= hash >>> 15
    }
    hashes[field++] = hash
    i++
    if (bytes[i] !== 0x2c || field === hashes.length) return i + 1
  }
}

function apply({ customer, start, end }: Waiting, bytes: Uint8Array): void {
  for (let i = bytes[start] === 0x5b ? start + 1 : start; i < end - 1; i++) {
    i = scan(bytes, i)
    count(hashes[Place.Type]! ^ customer)
    const name = count(hashes[Place.Name]! ^ Math.imul(customer, 3))
    count(hashes[Place.Country]! ^ Math.imul(customer, 5))
    sketch(name, hashes[Place.User]!)
    sketch(customer, hashes[Place.User]! ^ 0x5555)
  }
}

const newGroup = (): Group => ({ bytes: pageAligned(GROUP_BYTES), length: 0, waiting: [] })

async function main(port: number, folder: string): Promise<void> {
  const file = realDisk.open(path.join(folder, 'floor.journal'), 'create')
  await file.fill(FILE_BYTES)
  const customers = new Map<string, number>()
  let open = newGroup()
  let spare = newGroup()
  let position = 0
  let syncing = false
  let asked = false

  const commit = () => {
    asked = false
    if (syncing || open.length === 0) return
    const group = open
    const size = Math.ceil(group.length / PAGE) * PAGE
    if (position + size > FILE_BYTES) position = 0
    syncing = true
    open = spare
    file.commit(group.bytes, 0, size, position, error => {
      if (error !== null) throw error
      for (const waiting of group.waiting) apply(waiting, group.bytes)
      for (const { response, gone } of group.waiting)
        if (!gone) response.cork(() => void response.writeStatus('202 Accepted').end(REPLY))
      group.length = 0
      group.waiting = []
      spare = group
      syncing = false
      commit()
    })
    position += size
  }

  const take = (response: uWS.HttpResponse, customer: number, body: Uint8Array): Waiting | undefined => {
    if (open.length + body.length > GROUP_BYTES) return void response.close()
    open.bytes.set(body, open.length)
    const waiting = { response, customer, start: open.length, end: (open.length += body.length), gone: false }
    open.waiting.push(waiting)
    if (!asked) setImmediate(commit)
    asked = true
    return waiting
  }

  uWS
    .App()
    .post('/*', (response, request) => {
      const key = request.getHeader('x-api-key')
      let customer = customers.get(key)
      if (customer === undefined) customers.set(key, (customer = (customers.size + 1) * 7919))
      let parts: Buffer | undefined
      let taken: Waiting | undefined
      response.onAborted(() => {
        if (taken !== undefined) taken.gone = true
      })
      response.onData((chunk, isLast) => {
        const bytes = new Uint8Array(chunk)
        if (isLast && parts === undefined) taken = take(response, customer, bytes)
        else {
          parts = Buffer.concat(parts === undefined ? [bytes] : [parts, bytes])
          if (isLast) taken = take(response, customer, parts)
        }
      })
    })
    .listen('127.0.0.1', port, socket => {
      if (socket === false) process.exit(1)
      process.stdout.write('ready\n')
    })
}

await main(Number(process.argv[2]), process.argv[3]!)
