// The first start in an empty data folder: an admin token, a customer `demo`, and two lines to paste.
import { AdministrationDesk, makeKey } from '../actors/administration.js'
import { keyDigest } from '../actors/routes.js'
import type { Clock } from '../core/clock.js'
import type { Random } from '../core/random.js'
import type { ControlWriter } from '../storage/contract.js'

/** Name of the setting that holds the SHA-256 of the admin token. */
export const ADMIN_DIGEST = 'admin-digest'

export interface Provisioned {
  readonly adminDigest: string
  /** What a person is shown, this one time; undefined where nothing is new. */
  readonly secrets:
    | { readonly adminToken: string | undefined; readonly ingestKey: string; readonly queryKey: string }
    | undefined
}

/** Makes what is missing. `adminToken` of the environment, if any, is in force from now on. */
export async function provision(
  control: ControlWriter,
  adminToken: string | undefined,
  random: Random,
  clock: Clock,
): Promise<Provisioned> {
  const known = control.setting(ADMIN_DIGEST)
  if (known !== undefined) {
    const adminDigest = adminToken === undefined ? known : keyDigest(adminToken)
    if (adminDigest !== known) await control.setSetting(ADMIN_DIGEST, adminDigest)
    return { adminDigest, secrets: undefined }
  }
  const token = adminToken ?? makeKey(random, 'lat')
  const adminDigest = keyDigest(token)
  let secrets: Provisioned['secrets']
  // A start that was cut short between the two steps finds the customer, but nobody has seen its keys: it gets others.
  const existing = control.customer('demo')
  const desk = new AdministrationDesk(control, random, clock)
  if (existing && !existing.deleted) {
    const key = async (kind: 'ingest' | 'query') =>
      ((await desk.perform({ tag: 'add-key', id: 'demo', kind })).value as { key: string }).key
    secrets = {
      adminToken: adminToken ? undefined : token,
      ingestKey: await key('ingest'),
      queryKey: await key('query'),
    }
  } else {
    const { value } = await desk.perform({ tag: 'create', id: 'demo' })
    const { ingestKey, queryKey } = value as { ingestKey: string; queryKey: string }
    secrets = { adminToken: adminToken ? undefined : token, ingestKey, queryKey }
  }
  await control.setSetting(ADMIN_DIGEST, adminDigest)
  return { adminDigest, secrets }
}

/** What the first start prints on stdout. */
export function welcome(url: string, secrets: NonNullable<Provisioned['secrets']>): string {
  const { adminToken, ingestKey, queryKey } = secrets
  const token =
    adminToken === undefined
      ? 'admin token   as LETHE_ADMIN_TOKEN says'
      : `admin token   ${adminToken}   (operates the node)`
  return `
This is the first start here. Keep these: they are shown this one time.

  ${token}
  customer      demo
  ingest key    ${ingestKey}   (writes, may ship inside apps)
  query key     ${queryKey}   (reads)

Send an event:

  curl ${url}/v1/events -H 'X-Api-Key: ${ingestKey}' -d '{"type":"event","name":"hello","user":"ada"}'

Ask for it:

  curl ${url}/v1/query -H 'X-Api-Key: ${queryKey}' -d '(count "event" "hello")'

`
}
