// Who the customers are: identity, keys, quota, block. One LMDB environment `control/`, written by the supervisor alone,
// read by all shards on demand (30,000 customers are not loaded at boot). Readers open it read-only; lmdb-js gives each
// a fresh snapshot on every turn of its event loop, and `version()` asks for one at once.
//
//   c <id>                  → customer, JSON
//   i <16 hex incarnation>  → id
//   k <sha256 hex of key>   → [id, kind], JSON
//   s <name>                → setting, text
//   v                       → version, decimal
//   w <12 digits version>   → id that changed; the last 10,000 are kept
//
// One transaction per change, durable when it resolves. Deleting keeps the record as a tombstone without keys: replay
// asks whether an incarnation is dead (R19), and the id may be created anew under another incarnation.
import * as fs from 'node:fs'
import { open, type RootDatabase } from 'lmdb'
import { assert, LetheError } from '../core/errors.js'
import type { Random } from '../core/random.js'
import type { ControlReader, ControlWriter, CustomerRecord, KeyRecord } from './contract.js'

/** Changes that readers can catch up on one by one; who is further behind starts over. */
const KEPT_CHANGES = 10_000

type Tree = RootDatabase<string, string>

const notFound = (id: string) => new LetheError('not-found', `there is no customer ${id}`, 404)
const exists = (id: string) => new LetheError('exists', `the customer ${id} exists`, 409)

const hexOf = (incarnation: bigint): string => incarnation.toString(16).padStart(16, '0')
const changeKey = (version: number): string => `w ${String(version).padStart(12, '0')}`

const encode = (record: CustomerRecord): string => JSON.stringify({ ...record, incarnation: hexOf(record.incarnation) })

function decode(text: string): CustomerRecord {
  const plain = JSON.parse(text) as Omit<CustomerRecord, 'incarnation'> & { incarnation: string }
  return { ...plain, incarnation: BigInt(`0x${plain.incarnation}`) }
}

function openTree(folder: string, readOnly: boolean): Tree {
  return open({
    path: `${folder}/control.mdb`,
    noSubdir: true,
    keyEncoding: 'ordered-binary',
    encoding: 'string',
    cache: false,
    maxDbs: 1,
    overlappingSync: false,
    eventTurnBatching: false,
    readOnly,
  }) as Tree
}

/** The environment must exist: the supervisor opens it first. */
export function openControlReader(folder: string): ControlReader {
  if (!fs.existsSync(`${folder}/control.mdb`)) {
    throw new LetheError('not-found', `${folder} holds no control store`, 503)
  }
  return new Reader(openTree(folder, true))
}

export function openControlWriter(folder: string, random: Random): ControlWriter {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
  return new Writer(openTree(folder, false), folder, random)
}

class Reader implements ControlReader {
  constructor(protected readonly tree: Tree) {}

  protected get(key: string): string | undefined {
    this.tree.resetReadTxn()
    return this.tree.get(key)
  }

  version(): number {
    return Number(this.get('v') ?? 0)
  }

  customer(id: string): CustomerRecord | undefined {
    const text = this.get(`c ${id}`)
    return text === undefined ? undefined : decode(text)
  }

  byIncarnation(incarnation: bigint): CustomerRecord | undefined {
    const id = this.get(`i ${hexOf(incarnation)}`)
    const record = id === undefined ? undefined : this.customer(id)
    // The id may have been given to another one since.
    return record?.incarnation === incarnation ? record : undefined
  }

  byKeyHash(hash: string): { customer: string; kind: 'ingest' | 'query' } | undefined {
    const text = this.get(`k ${hash}`)
    if (text === undefined) return undefined
    const [customer, kind] = JSON.parse(text) as [string, 'ingest' | 'query']
    return { customer, kind }
  }

  *customers(withDeleted = false): Iterable<CustomerRecord> {
    this.tree.resetReadTxn()
    for (const { value } of this.tree.getRange({ start: 'c ', end: 'c~' })) {
      const record = decode(value)
      if (withDeleted || !record.deleted) yield record
    }
  }

  setting(name: string): string | undefined {
    return this.get(`s ${name}`)
  }

  changesSince(version: number): { version: number; id: string }[] {
    this.tree.resetReadTxn()
    const changes: { version: number; id: string }[] = []
    for (const { key, value } of this.tree.getRange({ start: changeKey(version + 1), end: 'w~' })) {
      changes.push({ version: Number((key as string).slice(2)), id: value })
    }
    return changes
  }

  async close(): Promise<void> {
    await this.tree.close()
  }
}

class Writer extends Reader implements ControlWriter {
  private last: Promise<unknown> = Promise.resolve()
  private named = false

  constructor(
    tree: Tree,
    private readonly folder: string,
    private readonly random: Random,
  ) {
    super(tree)
  }

  /** One change after another: each sees what the one before it wrote. `prepare` checks and throws, `write` must not. */
  private change<T>(prepare: (version: number) => { answer: T; write: () => void }): Promise<T> {
    const mine = this.last.then(async () => {
      const version = this.version() + 1
      const { answer, write } = prepare(version)
      const committed = this.tree.batch(() => {
        write()
        void this.tree.put('v', String(version))
      })
      try {
        await committed
      } catch (error) {
        const second = (error as { commitError?: Promise<unknown> }).commitError
        let cause = error as Error
        if (second !== undefined) await second.catch((reason: Error) => (cause = reason))
        throw new LetheError('disk-error', `the control store cannot be written: ${cause.message}`, 503)
      }
      if (!this.named) await this.makeNameDurable()
      return answer
    })
    this.last = mine.catch(() => {})
    return mine
  }

  private async makeNameDurable(): Promise<void> {
    const handle = await fs.promises.open(this.folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
    this.named = true
  }

  /** Writes a record in place of `before`, with its ways to be found. */
  private put(before: CustomerRecord | undefined, record: CustomerRecord): void {
    const { tree } = this
    for (const key of before?.keys ?? []) {
      if (!record.keys.some(kept => kept.hash === key.hash)) void tree.remove(`k ${key.hash}`)
    }
    for (const key of record.keys) void tree.put(`k ${key.hash}`, JSON.stringify([record.id, key.kind]))
    void tree.put(`i ${hexOf(record.incarnation)}`, record.id)
    void tree.put(`c ${record.id}`, encode(record))
    void tree.put(changeKey(record.version), record.id)
    if (record.version > KEPT_CHANGES) void tree.remove(changeKey(record.version - KEPT_CHANGES))
  }

  private update(id: string, make: (before: CustomerRecord) => CustomerRecord): Promise<CustomerRecord> {
    return this.change(version => {
      const before = this.customer(id)
      if (before === undefined || before.deleted) throw notFound(id)
      const answer = { ...make(before), version }
      return { answer, write: () => this.put(before, answer) }
    })
  }

  create(given: { id: string; created: number; keys: readonly KeyRecord[] }): Promise<CustomerRecord> {
    return this.change(version => {
      const before = this.customer(given.id)
      if (before !== undefined && !before.deleted) throw exists(given.id)
      this.assertFreeKeys(given.keys)
      const secret = Buffer.from(this.random.fill(new Uint8Array(8)))
      const answer: CustomerRecord = {
        id: given.id,
        incarnation: this.freeIncarnation(),
        hashKey: { k0: secret.readUInt32LE(0), k1: secret.readUInt32LE(4) },
        blocked: false,
        created: given.created,
        quota: {},
        keys: given.keys,
        version,
        deleted: false,
      }
      return { answer, write: () => this.put(before, answer) }
    })
  }

  private freeIncarnation(): bigint {
    for (;;) {
      const found = Buffer.from(this.random.fill(new Uint8Array(8))).readBigUInt64LE(0)
      if (found !== 0n && this.get(`i ${hexOf(found)}`) === undefined) return found
    }
  }

  private assertFreeKeys(keys: readonly KeyRecord[]): void {
    for (const key of keys) {
      if (this.byKeyHash(key.hash) !== undefined) throw new LetheError('exists', `the key ${key.prefix}… exists`, 409)
    }
  }

  putIdentity(record: CustomerRecord): Promise<CustomerRecord> {
    return this.change(version => {
      const before = this.customer(record.id)
      if (before !== undefined && !before.deleted && before.incarnation !== record.incarnation) throw exists(record.id)
      const answer = { ...record, version }
      return { answer, write: () => this.put(before, answer) }
    })
  }

  addKey(id: string, key: KeyRecord): Promise<CustomerRecord> {
    return this.update(id, before => {
      this.assertFreeKeys([key])
      return { ...before, keys: [...before.keys, key] }
    })
  }

  removeKey(id: string, prefix: string): Promise<CustomerRecord> {
    return this.update(id, before => {
      const keys = before.keys.filter(key => key.prefix !== prefix)
      if (keys.length === before.keys.length) throw new LetheError('not-found', `${id} has no key ${prefix}…`, 404)
      return { ...before, keys }
    })
  }

  setBlocked(id: string, blocked: boolean): Promise<CustomerRecord> {
    return this.update(id, before => ({ ...before, blocked }))
  }

  setQuota(id: string, quota: CustomerRecord['quota']): Promise<CustomerRecord> {
    return this.update(id, before => ({ ...before, quota }))
  }

  tombstone(id: string): Promise<CustomerRecord> {
    return this.update(id, before => ({ ...before, keys: [], deleted: true }))
  }

  setSetting(name: string, value: string): Promise<void> {
    assert(name !== '')
    return this.change(() => ({ answer: undefined, write: () => void this.tree.put(`s ${name}`, value) }))
  }

  whileStill(copy: (path: string) => Promise<void>): Promise<void> {
    const mine = this.last.then(() => copy(`${this.folder}/control.mdb`))
    this.last = mine.catch(() => {})
    return mine
  }

  override async close(): Promise<void> {
    await this.last
    await super.close()
  }
}
