// `lethe customer …`: the admin API for a person at a terminal.
import type { Command } from 'commander'
import { LetheError } from '../core/errors.js'
import { askJson, askNode, type NodeAddress } from './node-client.js'
import { secretOption } from './secret-option.js'
import { readSource } from './source-text.js'
import { textTable } from './text-table.js'

interface AdminOptions {
  readonly url: string
  readonly token?: string
  readonly json?: boolean
}

function nodeOf(options: AdminOptions): NodeAddress {
  if (!options.token) throw new LetheError('no-token', 'the admin token is needed: --token, or LETHE_ADMIN_TOKEN')
  return { url: options.url, key: options.token }
}

const pathOf = (id: string, rest = '') => `/v1/customers/${encodeURIComponent(id)}${rest}`

function print(options: AdminOptions, answer: object, text: () => string): void {
  process.stdout.write(options.json ? `${JSON.stringify(answer, null, 2)}\n` : text())
}

function boundOf(text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined
  if (text === 'none') return null
  const bound = Number(text)
  if (!Number.isFinite(bound) || bound <= 0) {
    throw new LetheError('bad-quota', `a bound is a number above 0 or "none", not ${JSON.stringify(text)}`)
  }
  return bound
}

interface View {
  readonly id: string
  readonly blocked: boolean
  readonly created: string
  readonly quota: { readonly eventsPerSecond?: number; readonly eventsPerDay?: number }
  readonly keys: readonly { kind: string; prefix: string; key?: string; created: string }[]
}

function describe(view: View & Readonly<Record<string, unknown>>): string {
  const { id, blocked, created, quota, keys, status: _status, ...state } = view
  const rows: [string, unknown][] = [
    ['customer', id],
    ['created', created],
    ['blocked', blocked ? 'yes' : 'no'],
    ['events a second', quota.eventsPerSecond ?? 'no bound'],
    ['events a day', quota.eventsPerDay ?? 'no bound'],
    ...Object.entries(state),
  ]
  const keyRows = keys.map(key => [key.kind, key.key ?? `${key.prefix}…`, key.created])
  return `${textTable(rows.map(([name, value]) => [name, typeof value === 'number' ? String(value) : value]))}\n${textTable(keyRows, ['key', 'text', 'created'])}`
}

/** Asks a person at a terminal to type the customer's name. */
async function askSure(id: string): Promise<void> {
  const { createInterface } = await import('node:readline/promises')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await terminal.question(`This erases all data of ${id} for good. Type ${id} to go on: `)
  terminal.close()
  if (answer.trim() !== id) throw new LetheError('not-sure', `${id} is not deleted`)
}

async function list(options: AdminOptions): Promise<void> {
  const node = nodeOf(options)
  const customers: View[] = []
  for (let after = ''; ; ) {
    const page = await askJson(node, 'GET', `/v1/customers?after=${encodeURIComponent(after)}`)
    customers.push(...(page['customers'] as View[]))
    if (typeof page['next'] !== 'string') break
    after = page['next']
  }
  print(options, customers, () =>
    textTable(
      customers.map(({ id, blocked, created, keys }) => [id, blocked ? 'blocked' : '', keys.length, created]),
      ['customer', 'state', 'keys', 'created'],
    ),
  )
}

async function show(id: string, options: AdminOptions): Promise<void> {
  const view = await askJson(nodeOf(options), 'GET', pathOf(id))
  print(options, view, () => describe(view as unknown as View & Record<string, unknown>))
}

async function program(id: string, options: AdminOptions & { put?: string; reset?: boolean }): Promise<void> {
  const node = nodeOf(options)
  const path = `/v1/program?customer=${encodeURIComponent(id)}`
  if (options.put !== undefined) {
    await askNode(node, 'PUT', path, readSource(options.put), { 'Content-Type': 'text/plain' })
  } else if (options.reset) await askNode(node, 'DELETE', path)
  const answer = await askJson(node, 'GET', path)
  if (options.put !== undefined || options.reset) {
    return print(
      options,
      answer,
      () => `${id} runs ${answer['builtin'] ? 'the built-in program' : 'its own program'}\n`,
    )
  }
  print(options, answer, () => `${String(answer['source']).trimEnd()}\n`)
}

/** Adds `customer` and its subcommands. */
export function addCustomerCommands(lethe: Command, defaultUrl: string): void {
  const customer = lethe
    .command('customer')
    .description('Create and manage customers of a running node')
    .addHelpText(
      'after',
      '\nAll of them need the admin token that the first start printed: --token, or LETHE_ADMIN_TOKEN.',
    )
  const command = (usage: string, description: string) =>
    customer
      .command(usage)
      .description(description)
      .option('--url <url>', 'where the node is (LETHE_URL)', defaultUrl)
      .addOption(secretOption('--token <token>', 'the admin token', 'LETHE_ADMIN_TOKEN'))
      .option('--json', 'print JSON')

  command('create <id>', 'create a customer; prints its keys, the query key this one time').action(
    async (id: string, options: AdminOptions) => {
      const made = await askJson(nodeOf(options), 'POST', '/v1/customers', { id })
      print(options, made, () =>
        textTable([
          ['customer', made['id']],
          ['ingest key', made['ingestKey']],
          ['query key', made['queryKey']],
        ]),
      )
    },
  )
  command('list', 'list all customers').action(list)
  command('show <id>', 'show one: keys, quota, state').action(show)
  for (const [name, description] of [
    ['block', 'refuse its events and queries (403) until it is unblocked'],
    ['unblock', 'take its events again'],
  ] as const) {
    command(`${name} <id>`, description).action(async (id: string, options: AdminOptions) => {
      const view = await askJson(nodeOf(options), 'POST', pathOf(id, `/${name}`))
      print(options, view, () => `${id} is ${view['blocked'] ? 'blocked' : 'not blocked'}\n`)
    })
  }
  command('delete <id>', 'delete a customer and all its data, for good')
    .option('--yes', 'do not ask (a script is never asked)')
    .action(async (id: string, options: AdminOptions & { yes?: boolean }) => {
      // At a terminal a slip of the hand is likely; in a script the command itself is the decision.
      if (!options.yes && process.stdin.isTTY) await askSure(id)
      const answer = await askJson(nodeOf(options), 'DELETE', pathOf(id))
      print(options, answer, () => `${id} is deleted\n`)
    })
  command('keys <id>', 'list keys, add one, or remove one')
    .option('--add <kind>', 'make another key: ingest or query')
    .option('--remove <prefix>', 'remove the key that begins so')
    .action(async (id: string, options: AdminOptions & { add?: string; remove?: string }) => {
      const node = nodeOf(options)
      if (options.add !== undefined) {
        const made = await askJson(node, 'POST', pathOf(id, '/keys'), { kind: options.add })
        return print(options, made, () => `${String(made['key'])}\n`)
      }
      if (options.remove !== undefined) {
        await askJson(node, 'DELETE', pathOf(id, `/keys/${encodeURIComponent(options.remove)}`))
      }
      await show(id, options)
    })
  command('quota <id>', 'bound its events (429 beyond)')
    .option('--per-second <events>', 'events a second, or "none"')
    .option('--per-day <events>', 'events a day, or "none"')
    .action(async (id: string, options: AdminOptions & { perSecond?: string; perDay?: string }) => {
      const quota = { eventsPerSecond: boundOf(options.perSecond), eventsPerDay: boundOf(options.perDay) }
      if (quota.eventsPerSecond !== undefined || quota.eventsPerDay !== undefined) {
        await askJson(nodeOf(options), 'PATCH', pathOf(id), { quota })
      }
      await show(id, options)
    })
  command('retention <id> <days>', 'keep today and the days before it, so many in all').action(
    async (id: string, days: string, options: AdminOptions) => {
      await askJson(nodeOf(options), 'PATCH', pathOf(id), { retention: Number(days) })
      await show(id, options)
    },
  )
  command(
    'sampling <id> <share>',
    'keep the events of this share of its users, 0.1 for one in ten; sums are scaled',
  ).action(async (id: string, share: string, options: AdminOptions) => {
    await askJson(nodeOf(options), 'PATCH', pathOf(id), { sampling: Number(share) })
    await show(id, options)
  })
  command('program <id>', 'print the program that runs for each event, or replace it')
    .option('--put <file>', 'replace it by this file ("-": standard input)')
    .option('--reset', 'go back to the built-in one')
    .action(program)
}
