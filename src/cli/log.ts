// Logs go to stderr: JSON lines for machines (pino), plain lines for a person at a terminal.
import { createRequire } from 'node:module'

// Loaded at the first line, or when there is time for it: it takes some 20 ms, and a shard that starts well says nothing.
const require = createRequire(import.meta.url)
const pinoLibrary = () => require('pino') as { pino: typeof import('pino').pino }

/** The first line as JSON will be written at once. */
export function prepareLog(json: boolean): void {
  if (json) pinoLibrary()
}

/** The part of a logger that Lethe uses. Facts first, then a sentence. */
export interface Log {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

/** A log that names `part` in each line. */
export function openLog(part: string, json: boolean): Log {
  if (!json) return plainLog(part)
  let logger: Log | undefined
  const open = () => (logger ??= openPino(part))
  return {
    info: (facts, message) => open().info(facts, message),
    warn: (facts, message) => open().warn(facts, message),
    error: (facts, message) => open().error(facts, message),
  }
}

function openPino(part: string): Log {
  const { pino } = pinoLibrary()
  return pino(
    {
      base: { part },
      level: 'info',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
    },
    // Synchronous: the line that says why a process died is the one that counts.
    pino.destination({ fd: 2, sync: true }),
  )
}

function plainLog(part: string): Log {
  const write = (level: string) => (facts: object, message: string) => {
    process.stderr.write(`${level}${part}: ${message}${factsText(facts)}\n`)
  }
  return { info: write(''), warn: write('warning: '), error: write('ERROR ') }
}

function factsText(facts: object): string {
  const parts = Object.entries(facts).map(([name, value]) =>
    value instanceof Error ? `${name}=${value.stack ?? value.message}` : `${name}=${JSON.stringify(value, plain)}`,
  )
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

function plain(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
