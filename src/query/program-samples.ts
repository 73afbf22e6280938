// Events that a program is tried on before it is taken: of every type one that has everything, and one that has only
// what it must.

import { LetheError } from '../core/errors.js'
import { defaultLimits } from '../core/limits.js'
import type { Steps } from '../core/steps.js'
import type { EventBatch } from '../event/batch.js'
import { DECODER_VERSION, decodeAll, Format } from '../event/decode.js'
import { Effects } from '../tables/effects.js'
import { Tracker } from '../tables/page.js'
import { SessionStates } from '../tables/sessions.js'
import { type EventProgram, Outcome } from './event-program.js'

const everything = {
  at: 1_795_305_600_000,
  user: 'ada',
  session: 'session-1',
  app: '1.2.3',
  platform: 'ios',
  os: '17.1',
  device: 'iPhone15,2',
  country: 'DE',
  tags: { plan: 'pro', beta: true, seats: 3 },
}

const error = {
  type: 'TypeError',
  message: 'x is undefined',
  where: 'main.js',
  stack: [{ file: 'main.js', function: 'run', line: 7 }],
}

const samples: readonly object[] = [
  { type: 'crash', id: 'sample-1', fatal: true, error, ...everything },
  { type: 'crash', error: { type: 'SIGSEGV' } },
  { type: 'error', id: 'sample-2', error, ...everything },
  { type: 'error', error: { type: 'IOError' } },
  { type: 'session', id: 'sample-3', state: 'start', ...everything },
  { type: 'session', state: 'start' },
  { type: 'session', state: 'end' },
  { type: 'event', id: 'sample-4', name: 'sign-up', props: { step: 2, ok: true, path: ['a', 'b'] }, ...everything },
  { type: 'event', name: 'sign-up' },
  { type: 'metric', id: 'sample-5', name: 'memory', kind: 'gauge', value: 0.75, ...everything },
  { type: 'metric', name: 'frames', kind: 'count', value: 3 },
  { type: 'metric', name: 'start-up', kind: 'timer', value: 812.5 },
  { type: 'network', id: 'sample-6', host: 'api.example.com', status: 503, ms: 95, failed: true, ...everything },
  { type: 'network', host: 'api.example.com' },
  { type: 'transaction', id: 'sample-7', name: 'checkout', state: 'success', ms: 1_204, ...everything },
  { type: 'transaction', name: 'checkout', state: 'start' },
]

let decoded: EventBatch | undefined

function sampleEvents(): EventBatch {
  if (decoded === undefined) {
    const body = Buffer.from(JSON.stringify(samples))
    const context = { format: Format.Json, version: DECODER_VERSION, sentAt: Number.NaN, limits: defaultLimits }
    decoded = decodeAll(body, 0, body.length, context)
  }
  return decoded
}

/** Runs a program over the samples, one in a step. Throws LetheError 400 where it fails on one. */
export function* runningSamples(program: EventProgram): Steps<void> {
  const batch = sampleEvents()
  const effects = new Effects()
  const sessions = new SessionStates({ k0: 1, k1: 2 }, defaultLimits, new Tracker())
  for (let event = 0; event < batch.count; event++) {
    yield
    effects.begin(batch, program.declared, sessions)
    program.begin(batch, effects)
    if (program.run(event) !== Outcome.Failed) continue
    const { code, message, line, column } = program.error!
    const sample = JSON.stringify(samples[event])
    throw new LetheError(code, `${message} (tried on the sample event ${sample})`, 400, { line, column })
  }
}
