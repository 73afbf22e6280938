// The commands of `lethe`, their flags and their help.
import path from 'node:path'
import { Command, CommanderError } from 'commander'
import { systemClock } from '../core/clock.js'
import { LetheError } from '../core/errors.js'
import { addCustomerCommands } from './customer-commands.js'
import { askJson, askNode } from './node-client.js'
import { secretOption } from './secret-option.js'
import type { EarlyShard } from './serve.js'
import { readSource } from './source-text.js'
import { rowsOf, textTable } from './text-table.js'
import { VERSION } from './version.js'

const DEFAULT_URL = process.env['LETHE_URL'] ?? 'http://127.0.0.1:7070'

interface QueryOptions {
  readonly url: string
  readonly key?: string
  readonly customer?: string
  readonly format: string
  readonly file?: string
  readonly param: Readonly<Record<string, string>>
}

const ACCEPT: Readonly<Record<string, string>> = {
  text: 'text/plain',
  json: 'application/json',
  csv: 'text/csv',
  table: 'application/json',
}

async function query(expression: string | undefined, options: QueryOptions): Promise<void> {
  const accept = ACCEPT[options.format]
  if (!accept) throw new LetheError('bad-format', `--format is text, json, csv or table, not ${options.format}`)
  if (!options.key) throw new LetheError('no-key', 'a query key is needed: --key, or LETHE_KEY')
  const source = expression ?? readSource(options.file)
  const path =
    options.customer === undefined ? '/v1/query' : `/v1/query?customer=${encodeURIComponent(options.customer)}`
  const body = JSON.stringify({ query: source, params: options.param })
  const answer = await askNode({ url: options.url, key: options.key }, 'POST', path, body, {
    'Content-Type': 'application/json',
    Accept: accept,
  })
  if (options.format === 'table') {
    const { value, output } = JSON.parse(answer.text) as { value: unknown; output?: string }
    return void process.stdout.write(`${ownLines(output ?? '')}${textTable(rowsOf(value))}`)
  }
  process.stdout.write(answer.text.endsWith('\n') ? answer.text : `${answer.text}\n`)
}

/** What was displayed, so that what follows begins a line. */
const ownLines = (output: string) => (output === '' || output.endsWith('\n') ? output : `${output}\n`)

/** `--param name=value`, several times. */
function collectParam(text: string, before: Record<string, string | number>): Record<string, string | number> {
  const split = text.indexOf('=')
  if (split < 1) throw new LetheError('bad-param', `--param is NAME=VALUE, not ${JSON.stringify(text)}`)
  return { ...before, [text.slice(0, split)]: text.slice(split + 1) }
}

function addServe(lethe: Command, early: EarlyShard, exit: (code: number) => void): void {
  lethe
    .command('serve')
    .description('Run a node')
    .option('--host <address>', 'listen on this address (default 127.0.0.1; LETHE_HOST)')
    .option('--port <port>', 'listen on this port, 0 for any free one (default 7070; LETHE_PORT)')
    .option('--data <folder>', 'keep everything in this folder (default ./data; LETHE_DATA)')
    .option('--shards <count>', 'processes that share the work, "auto" for one a core (default auto; LETHE_SHARDS)')
    .option('--retention <days>', 'days that a new customer keeps, today included (default 7; LETHE_RETENTION)')
    .option('--config <file>', 'read settings from a TOML file (LETHE_CONFIG)')
    .option('--accept-clock', 'start although the clock is more than 400 days past the last event (LETHE_ACCEPT_CLOCK)')
    .option('--json-log', 'log JSON lines even at a terminal (LETHE_JSON_LOG)')
    .addHelpText(
      'after',
      `
Flags beat the environment, the environment beats the file. LETHE_ADMIN_TOKEN sets the admin token.
A file has the same names, and bounds of requests, turns and memory under [limits]:

  port = 8080
  retention = 30
  [limits]
  maxBodyBytes = 4194304

The first start in an empty folder prints the secrets. SIGTERM and SIGINT drain: stop accepting, commit, checkpoint, exit 0.`,
    )
    .action(async (flags: Record<string, unknown>) => {
      const { serve } = await import('./serve.js')
      exit(await serve(flags, early))
    })
}

function addQuery(lethe: Command): void {
  lethe
    .command('query')
    .description('Ask a running node, in Scheme')
    .argument('[expression]', 'the query; left out, it is read from --file or standard input')
    .option('--url <url>', 'where the node is (LETHE_URL)', DEFAULT_URL)
    .addOption(secretOption('--key <key>', 'a query key, or the admin token with --customer', 'LETHE_KEY'))
    .option('--customer <id>', 'whose data, with the admin token')
    .option('--format <format>', 'text, json, csv or table', 'text')
    .option('--file <file>', 'read the query from a file ("-": standard input)')
    .option('--param <name=value>', 'bind a name in the query; may be given several times', collectParam, {})
    .addHelpText(
      'after',
      `
Examples:
  lethe query '(total "crashes" (last 7))'
  lethe query --format table '(top 10 "crashes/app" (last 7))'
  lethe query --param app=1.2.3 '(uniques "users/app" app (last 7))'`,
    )
    .action(query)
}

function addEval(lethe: Command, exit: (code: number) => void): void {
  lethe
    .command('eval')
    .description('Evaluate Scheme without a node; with nothing to evaluate, a REPL')
    .argument('[file]', 'a file of Scheme ("-": standard input)')
    .option('-e, --expression <expression>', 'evaluate this, after the file where there is one')
    .action(async (file: string | undefined, options: { expression?: string }) => {
      if (file === undefined && options.expression === undefined && process.stdin.isTTY) {
        const { LocalTarget, runRepl } = await import('./repl.js')
        return runRepl(new LocalTarget(), systemClock, process.stdin, process.stdout)
      }
      const { Evaluator, errorText } = await import('./eval.js')
      const evaluator = new Evaluator()
      const sources = file === undefined && options.expression !== undefined ? [] : [readSource(file)]
      if (options.expression !== undefined) sources.push(options.expression)
      let written = ''
      for (const source of sources) {
        const result = evaluator.evaluate(source)
        process.stdout.write(ownLines(result.output))
        if (!result.ok) {
          process.stderr.write(`${errorText(result.error)}\n`)
          return exit(1)
        }
        written = result.written
      }
      process.stdout.write(`${written}\n`)
    })
}

function addRepl(lethe: Command): void {
  lethe
    .command('repl')
    .description('Ask a running node, line by line')
    .option('--url <url>', 'the node', DEFAULT_URL)
    .addOption(secretOption('--key <key>', 'a query key, or the admin token with --customer', 'LETHE_KEY'))
    .option('--customer <id>', 'with the admin token: whose data')
    .action(async (options: { url: string; key?: string; customer?: string }) => {
      if (!options.key) throw new LetheError('no-key', 'a query key is needed: --key, or LETHE_KEY')
      const { NodeTarget, runRepl } = await import('./repl.js')
      const target = new NodeTarget({ url: options.url, key: options.key }, options.customer)
      await runRepl(target, systemClock, process.stdin, process.stdout)
    })
}

function addAdminToken(lethe: Command): void {
  lethe
    .command('admin-token')
    .description('Make a new admin token for a stopped node')
    .argument('<data>', 'the data folder')
    .requiredOption('--reset', 'the old token ends; the new one is printed')
    .action(async (data: string) => {
      const { resetAdminToken } = await import('./admin-token.js')
      process.stdout.write(`${await resetAdminToken(data)}\n`)
    })
}

function addBackup(lethe: Command): void {
  lethe
    .command('backup')
    .description('Copy all data of a running node, consistently, into a folder of its machine')
    .argument('<folder>', 'empty, or not there yet')
    .option('--url <url>', 'where the node is (LETHE_URL)', DEFAULT_URL)
    .addOption(secretOption('--token <token>', 'the admin token', 'LETHE_ADMIN_TOKEN'))
    .action(async (folder: string, options: { url: string; token?: string }) => {
      if (!options.token) throw new LetheError('no-token', 'the admin token is needed: --token, or LETHE_ADMIN_TOKEN')
      const node = { url: options.url, key: options.token }
      const { files, bytes } = await askJson(node, 'POST', '/v1/backup', { folder: path.resolve(folder) })
      process.stdout.write(`${files} files, ${bytes} bytes are in ${path.resolve(folder)}\n`)
    })
  lethe
    .command('restore')
    .description('Make a data folder of a backup; then start a node on it')
    .argument('<folder>', 'the backup')
    .option('--data <folder>', 'where to: empty, or not there yet', './data')
    .action(async (folder: string, options: { data: string }) => {
      const { restore } = await import('./backup.js')
      const data = path.resolve(options.data)
      const { files, bytes, at } = await restore(path.resolve(folder), data)
      process.stdout.write(`${files} files, ${bytes} bytes as of ${at} are in ${data}\nlethe serve --data ${data}\n`)
    })
}

function addInspect(lethe: Command): void {
  lethe
    .command('inspect')
    .description('Read the files of a stopped node: customers, slots, days, tables, journal')
    .argument('<data>', 'the data folder')
    .argument('[customer]', 'one customer, in full')
    .option('--json', 'print JSON')
    .action(async (data: string, customer: string | undefined, options: { json?: boolean }) => {
      const { inspect } = await import('./inspect.js')
      process.stdout.write(await inspect(data, customer, options.json === true))
    })
}

/** Runs the program with these arguments; resolves with the exit code. Nothing is thrown: errors go to stderr. */
export async function run(args: readonly string[], early: EarlyShard): Promise<number> {
  let code = 0
  const exit = (given: number) => {
    code = given
  }
  const lethe = new Command('lethe')
    .description('Lethe: a stream processor and database in one process, with Scheme inside')
    .version(VERSION)
    .showHelpAfterError('(lethe --help, or lethe COMMAND --help, says more)')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'lethe: ')) })
    .exitOverride()
  addServe(lethe, early, exit)
  addQuery(lethe)
  addCustomerCommands(lethe, DEFAULT_URL)
  addInspect(lethe)
  addBackup(lethe)
  addEval(lethe, exit)
  addRepl(lethe)
  addAdminToken(lethe)
  lethe.addHelpText(
    'after',
    `
Begin:
  lethe serve                     a node on http://127.0.0.1:7070 with its data in ./data
  lethe query '(ledger)'          ask it (LETHE_KEY has the query key)
  lethe customer create acme      another customer (LETHE_ADMIN_TOKEN has the admin token)`,
  )
  for (const command of lethe.commands) inherit(command)
  try {
    await lethe.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    if (!(error instanceof LetheError)) throw error
    for (const line of error.message.split('\n')) process.stderr.write(`lethe: ${line}\n`)
    return 1
  } finally {
    // A node that did not come to be leaves no process behind.
    early?.kill('SIGKILL')
  }
}

/** Commander hands settings on to subcommands only when they are made; ours are made by several hands. */
function inherit(command: Command): void {
  command.copyInheritedSettings(command.parent!)
  command.exitOverride()
  for (const child of command.commands) inherit(child)
}
