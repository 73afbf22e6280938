// What a node is to do, from three places: flags beat the environment, the environment beats the file, the file beats the
// defaults. One schema checks the sum, and says of each fault where it stands and what would be right.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
// As a namespace, so that a bundle takes the parts that are used: a ninth of the whole.
import * as z from 'zod'
import { LetheError } from '../core/errors.js'
import { defaultLimits, type Limits } from '../core/limits.js'
import { nearest } from './nearest.js'

export interface NodeConfig {
  readonly host: string
  readonly port: number
  readonly data: string
  readonly shards: number
  readonly retention: number
  readonly jsonLog: boolean
  readonly acceptClock: boolean
  readonly adminToken: string | undefined
  readonly limits: Limits
}

/** Limits that shape state, marked so in limits.ts: a replay must meet them where the first run did, so a file may not change them (R14). */
const STATE_LIMITS: ReadonlySet<keyof Limits> = new Set<keyof Limits>([
  'maxTextLength',
  'maxIdBytes',
  'maxTags',
  'maxEventsPerRequest',
  'maxJsonDepth',
  'maxSkewMs',
  'maxTables',
  'maxKeyBytes',
  'maxKeysPerTable',
  'maxKeysPerCustomer',
  'maxSetMembers',
  'maxGroups',
  'maxDedupeIds',
  'minDedupeIds',
  'dedupeWindowMs',
  'maxSessions',
  'maxStateSymbols',
  'maxLedgerNames',
  'maxExampleBytes',
  'maxExampleBytesPerDay',
  'maxRetentionDays',
  'maxNestingDepth',
  'maxIntegerBits',
  'maxStringLength',
  'maxProgramLoadSteps',
  'maxProgramBytes',
  'maxProgramSourceBytes',
  'maxProgramForms',
  'maxProgramSteps',
])

const SETTABLE_LIMITS = (Object.keys(defaultLimits) as (keyof Limits)[]).filter(name => !STATE_LIMITS.has(name))

const wholeNumber = (least: number, most: number) =>
  z.preprocess(
    // A flag or variable is text; a file has numbers. '' and ' ' are no numbers, whatever Number says.
    value => (typeof value === 'string' && /^-?\d+$/.test(value.trim()) ? Number(value) : value),
    z
      .number({ error: `must be a whole number from ${least} to ${most}` })
      .int(`must be a whole number from ${least} to ${most}`)
      .min(least, `must be ${least} or more`)
      .max(most, `must be ${most} or less`),
  )

const yesOrNo = z.preprocess(
  value =>
    typeof value === 'string'
      ? ({ '1': true, true: true, yes: true, '0': false, false: false, no: false, '': false }[value.toLowerCase()] ??
        value)
      : value,
  z.boolean({ error: 'must be true or false' }),
)

const limitsShape = Object.fromEntries(
  SETTABLE_LIMITS.map(name => [name, wholeNumber(1, Number.MAX_SAFE_INTEGER).optional()]),
)

const schema = z.strictObject({
  host: z.string({ error: 'must be an address, such as 127.0.0.1' }).min(1, 'must be an address, such as 127.0.0.1'),
  port: wholeNumber(0, 65_535),
  data: z.string({ error: 'must be a folder' }).min(1, 'must be a folder'),
  shards: z.union([z.literal('auto'), wholeNumber(1, 256)], {
    error: 'must be "auto" or a whole number from 1 to 256',
  }),
  retention: wholeNumber(1, defaultLimits.maxRetentionDays),
  jsonLog: yesOrNo,
  acceptClock: yesOrNo,
  adminToken: z
    .string()
    .regex(/^[A-Za-z0-9_]{20,64}$/, 'must be 20 to 64 letters, digits and _')
    .optional(),
  limits: z.strictObject(limitsShape).optional(),
})

const DEFAULTS = {
  host: '127.0.0.1',
  port: 7070,
  data: './data',
  shards: 'auto',
  retention: 7,
  jsonLog: false,
  acceptClock: false,
}

/** Names of settings, and the variable that gives each. */
const VARIABLES: Readonly<Record<string, string>> = {
  host: 'LETHE_HOST',
  port: 'LETHE_PORT',
  data: 'LETHE_DATA',
  shards: 'LETHE_SHARDS',
  retention: 'LETHE_RETENTION',
  jsonLog: 'LETHE_JSON_LOG',
  acceptClock: 'LETHE_ACCEPT_CLOCK',
  adminToken: 'LETHE_ADMIN_TOKEN',
}

const FLAGS: Readonly<Record<string, string>> = {
  host: '--host',
  port: '--port',
  data: '--data',
  shards: '--shards',
  retention: '--retention',
  jsonLog: '--json-log',
  acceptClock: '--accept-clock',
}

type Settings = Record<string, unknown>

async function readFile(file: string): Promise<Settings> {
  let text: string
  try {
    text = fs.readFileSync(file, 'utf8')
  } catch (error) {
    throw new LetheError('config', `cannot read the configuration ${file}: ${(error as Error).message}`)
  }
  const { parse } = await import('smol-toml')
  try {
    return parse(text) as Settings
  } catch (error) {
    throw new LetheError('config', `${file} is not TOML: ${(error as Error).message}`)
  }
}

/** Names in a file are as the flags are: `json-log` and `jsonLog` both do. */
function camelCase(name: string): string {
  return name.replace(/[-_]([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function fromFile(file: string, settings: Settings): Settings {
  const known: Settings = {}
  for (const [name, value] of Object.entries(settings)) {
    const setting = camelCase(name)
    if (setting === 'adminToken') {
      throw new LetheError('config', `${file}: the admin token does not belong into a file: set LETHE_ADMIN_TOKEN`)
    }
    if (!(setting in DEFAULTS) && setting !== 'limits') {
      const guess = nearest(setting, [...Object.keys(DEFAULTS), 'limits'])
      throw new LetheError('config', `${file}: there is no setting ${name}${guess ? `; did you mean ${guess}?` : ''}`)
    }
    known[setting] = value
  }
  return known
}

/** Where a setting came from, for the message about it. */
function sourceOf(name: string, flags: Settings, environment: Settings, file: string | undefined): string {
  if (flags[name] !== undefined) return FLAGS[name] ?? name
  if (environment[name] !== undefined) return VARIABLES[name] ?? name
  return file === undefined ? name : `${name} in ${file}`
}

/**
 * Reads, merges and checks. `flags` has the settings that were given on the command line, as text.
 * Throws a LetheError that names every fault on a line of its own.
 */
export async function readConfig(
  flags: Settings,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<NodeConfig> {
  const { config: fileFlag, ...given } = flags
  const file = (fileFlag ?? environment['LETHE_CONFIG']) as string | undefined
  const inFile = file === undefined ? {} : fromFile(file, await readFile(file))
  const inEnvironment: Settings = {}
  for (const [name, variable] of Object.entries(VARIABLES)) {
    const value = environment[variable]
    if (value !== undefined && value !== '') inEnvironment[name] = value
  }
  const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const result = schema.safeParse({ ...DEFAULTS, ...inFile, ...inEnvironment, ...defined })
  if (!result.success) {
    const faults = result.error.issues.map(issue => faultText(issue, defined, inEnvironment, file))
    throw new LetheError('config', faults.join('\n'))
  }
  const { limits, shards, ...rest } = result.data
  return {
    ...rest,
    adminToken: rest.adminToken,
    data: path.resolve(rest.data),
    shards: shards === 'auto' ? os.availableParallelism() : shards,
    limits: { ...defaultLimits, ...(limits as Partial<Limits> | undefined) },
  }
}

function faultText(issue: z.core.$ZodIssue, flags: Settings, environment: Settings, file: string | undefined): string {
  const [name = '', limit] = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys
    if (name !== 'limits') return `there is no setting ${key}`
    if (STATE_LIMITS.has(key as keyof Limits)) {
      return `limits.${key} in ${file} cannot be changed: customers' data depends on it`
    }
    const guess = nearest(key, SETTABLE_LIMITS)
    return `there is no limit ${key} in ${file}${guess ? `; did you mean ${guess}?` : ''}`
  }
  const setting = limit === undefined ? name : `${name}.${limit}`
  const source = limit === undefined ? sourceOf(name, flags, environment, file) : `${setting} in ${file}`
  const value = flags[name] ?? environment[name]
  const shown = value === undefined || name === 'adminToken' ? '' : ` (it is ${JSON.stringify(value)})`
  return `${source} ${issue.message}${shown}`
}
