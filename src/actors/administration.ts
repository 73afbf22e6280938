// What an operator may change of a customer's identity: the one writer of the control store, behind a message.
//
// Shards ask; the supervisor performs. Requests and answers are plain JSON: they cross a process boundary.

import type { Clock } from '../core/clock.js'
import { LetheError, unreachable } from '../core/errors.js'
import type { Random } from '../core/random.js'
import type { ControlWriter, CustomerRecord, KeyRecord } from '../storage/contract.js'
import { keyDigest } from './routes.js'

export interface QuotaPatch {
  readonly eventsPerSecond?: number | null | undefined
  readonly eventsPerDay?: number | null | undefined
}

export type AdminRequest =
  | { readonly tag: 'list'; readonly after: string; readonly limit: number }
  | { readonly tag: 'show'; readonly id: string }
  | { readonly tag: 'create'; readonly id: string; readonly quota?: QuotaPatch | undefined }
  | { readonly tag: 'block'; readonly id: string; readonly blocked: boolean }
  | { readonly tag: 'add-key'; readonly id: string; readonly kind: 'ingest' | 'query' }
  | { readonly tag: 'remove-key'; readonly id: string; readonly prefix: string }
  | { readonly tag: 'quota'; readonly id: string; readonly quota: QuotaPatch }
  | { readonly tag: 'delete'; readonly id: string }

/** A customer as operators see it. Query keys are not here: nobody has them but their owners. */
export interface CustomerView {
  readonly id: string
  readonly blocked: boolean
  readonly created: string
  readonly quota: CustomerRecord['quota']
  readonly keys: readonly { kind: 'ingest' | 'query'; prefix: string; key?: string; created: string }[]
}

/** What a request did. `changed`: the customer whose routes every shard has to read again before the answer goes out. */
export interface AdminOutcome {
  readonly value: unknown
  readonly changed?: string
}

const CUSTOMER_ID = /^[a-z0-9][a-z0-9-]{0,62}$/
const PREFIX_LENGTH = 12
/** Fewer characters than this say what kind a key is, not which. */
const LEAST_BEGINNING = 6
const KEY_RANDOM_LENGTH = 32
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** A new secret: `prefix_` and 32 characters of 62, 190 bits. */
export function makeKey(random: Random, prefix: 'lik' | 'lqk' | 'lat'): string {
  let text = `${prefix}_`
  const bytes = new Uint8Array(64)
  while (text.length < prefix.length + 1 + KEY_RANDOM_LENGTH) {
    for (const byte of random.fill(bytes)) {
      // 248 = 4 · 62: what lies above would make some characters more likely.
      if (byte < 248 && text.length < prefix.length + 1 + KEY_RANDOM_LENGTH) text += ALPHABET[byte % 62]
    }
  }
  return text
}

export function keyRecord(text: string, kind: 'ingest' | 'query', created: number): KeyRecord {
  const record = { kind, prefix: text.slice(0, PREFIX_LENGTH), hash: keyDigest(text), created }
  return kind === 'ingest' ? { ...record, text } : record
}

function viewOf(record: CustomerRecord): CustomerView {
  return {
    id: record.id,
    blocked: record.blocked,
    created: new Date(record.created).toISOString(),
    quota: record.quota,
    keys: record.keys.map(key => ({
      kind: key.kind,
      prefix: key.prefix,
      ...(key.text === undefined ? {} : { key: key.text }),
      created: new Date(key.created).toISOString(),
    })),
  }
}

/** The one key of a customer that begins so, or is so. Of a query key only PREFIX_LENGTH characters are known. */
function namedKey({ id, keys }: CustomerRecord, beginning: string): KeyRecord {
  const [named, another] = keys.filter(
    ({ text, prefix }) =>
      (text ?? prefix).startsWith(beginning) || (text === undefined && beginning.startsWith(prefix)),
  )
  const shown = `${beginning.slice(0, PREFIX_LENGTH)}…`
  if (!named || beginning.length < LEAST_BEGINNING) throw new LetheError('not-found', `${id} has no key ${shown}`, 404)
  if (another) throw new LetheError('ambiguous', `${id} has several keys ${shown}: say more of the one you mean`, 409)
  return named
}

function checkedId(id: unknown): string {
  if (typeof id === 'string' && CUSTOMER_ID.test(id)) return id
  throw new LetheError(
    'bad-customer-id',
    'a customer id has 1 to 63 of a–z, 0–9 and -, and begins with a letter or digit',
    400,
  )
}

/** A bound on events: a positive number, or null to lift it. */
function checkedBound(name: string, bound: unknown, before: number | undefined): number | undefined {
  if (bound === undefined) return before
  if (bound === null) return undefined
  if (typeof bound === 'number' && Number.isFinite(bound) && bound > 0) return bound
  throw new LetheError('bad-quota', `${name} is a number above 0, or null for no bound`, 400)
}

function checkedQuota(patch: unknown, before: CustomerRecord['quota']): CustomerRecord['quota'] {
  if (patch === null) return {}
  if (typeof patch !== 'object') {
    throw new LetheError('bad-quota', 'a quota is {"eventsPerSecond":…,"eventsPerDay":…}', 400)
  }
  const { eventsPerSecond, eventsPerDay, ...rest } = patch as QuotaPatch & Record<string, unknown>
  const unknownName = Object.keys(rest)[0]
  if (unknownName !== undefined) {
    throw new LetheError(
      'bad-quota',
      `a quota has eventsPerSecond and eventsPerDay, not ${unknownName.slice(0, 50)}`,
      400,
    )
  }
  const perSecond = checkedBound('eventsPerSecond', eventsPerSecond, before.eventsPerSecond)
  const perDay = checkedBound('eventsPerDay', eventsPerDay, before.eventsPerDay)
  return {
    ...(perSecond === undefined ? {} : { eventsPerSecond: perSecond }),
    ...(perDay === undefined ? {} : { eventsPerDay: perDay }),
  }
}

export class AdministrationDesk {
  constructor(
    private readonly control: ControlWriter,
    private readonly random: Random,
    private readonly clock: Clock,
  ) {}

  /** Rejects with a LetheError where it cannot be done. Durable when it resolves. */
  async perform(request: AdminRequest): Promise<AdminOutcome> {
    switch (request.tag) {
      case 'list':
        return { value: this.list(request.after, request.limit) }
      case 'show':
        return { value: viewOf(this.existing(request.id)) }
      case 'create':
        return await this.create(request.id, request.quota)
      case 'block': {
        this.existing(request.id)
        const record = await this.control.setBlocked(request.id, request.blocked)
        return { value: viewOf(record), changed: request.id }
      }
      case 'add-key':
        return await this.addKey(request.id, request.kind)
      case 'remove-key': {
        const { prefix } = namedKey(this.existing(request.id), request.prefix)
        const record = await this.control.removeKey(request.id, prefix)
        return { value: viewOf(record), changed: request.id }
      }
      case 'quota': {
        const quota = checkedQuota(request.quota, this.existing(request.id).quota)
        const record = await this.control.setQuota(request.id, quota)
        return { value: viewOf(record), changed: request.id }
      }
      case 'delete': {
        this.existing(request.id)
        await this.control.tombstone(request.id)
        return { value: { id: request.id, deleted: true }, changed: request.id }
      }
      default:
        return unreachable(request)
    }
  }

  private list(after: string, limit: number): { customers: CustomerView[]; next?: string } {
    const customers: CustomerView[] = []
    for (const record of this.control.customers()) {
      if (record.id <= after) continue
      if (customers.length === limit) return { customers, next: customers[limit - 1]!.id }
      customers.push(viewOf(record))
    }
    return { customers }
  }

  private async create(id: string, quota: QuotaPatch | undefined): Promise<AdminOutcome> {
    checkedId(id)
    const checked = quota === undefined ? undefined : checkedQuota(quota, {})
    if (this.control.customer(id)?.deleted === false) {
      throw new LetheError('exists', `there is a customer ${id} already`, 409)
    }
    const ingestKey = makeKey(this.random, 'lik')
    const queryKey = makeKey(this.random, 'lqk')
    const created = this.clock.nowMs()
    const keys = [keyRecord(ingestKey, 'ingest', created), keyRecord(queryKey, 'query', created)]
    await this.control.create({ id, created, keys })
    if (checked) await this.control.setQuota(id, checked)
    return { value: { id, ingestKey, queryKey }, changed: id }
  }

  private async addKey(id: string, kind: unknown): Promise<AdminOutcome> {
    this.existing(id)
    if (kind !== 'ingest' && kind !== 'query') {
      throw new LetheError('bad-request', 'a key is of kind "ingest" or "query"', 400)
    }
    const key = makeKey(this.random, kind === 'ingest' ? 'lik' : 'lqk')
    const record = keyRecord(key, kind, this.clock.nowMs())
    await this.control.addKey(id, record)
    return { value: { id, kind, key, prefix: record.prefix }, changed: id }
  }

  private existing(id: string): CustomerRecord {
    const record = CUSTOMER_ID.test(id) ? this.control.customer(id) : undefined
    if (!record || record.deleted)
      throw new LetheError('no-customer', `there is no customer ${JSON.stringify(id)}`, 404)
    return record
  }
}
