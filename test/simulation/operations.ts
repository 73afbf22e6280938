// What happens in a simulated life of a node: a list of plain facts, made from a seed before anything runs. Each carries
// its own salt, so that taking some out leaves the choices of the others alone: that is what makes shrinking work.
import { DAY_MS } from '../../src/core/clock.js'
import { Dice } from './choices.js'
import { type BodyPlan, planBody } from './events.js'
import { PROGRAMS } from './model-programs.js'

export type Fault =
  /** The next sync fails with EIO; what it was to write may or may not be there. */
  | 'sync-fails'
  | 'write-fails'
  /** Syncs take two seconds for a while. */
  | 'slow-syncs'
  | 'disk-full'
  | 'disk-has-room'
  | 'too-many-files'
  /** A checkpoint's commit or flush fails. */
  | 'checkpoint-fails'

export type CrashKind =
  /** The power goes: unsynced writes are lost, or there in part. */
  | 'power'
  /** kill -9 of all: the page cache lives on. */
  | 'kill'
  /** kill -9 of one shard; the others serve on. */
  | 'shard'
  /** SIGTERM: everything is written, nothing is lost. */
  | 'drain'

export type Operation = { readonly salt: number } & (
  | { readonly tag: 'send'; readonly customer: number; readonly body: BodyPlan }
  | { readonly tag: 'resend' }
  /** Everybody sends at once, many ask; then perhaps nobody does anything until all have left memory. */
  | { readonly tag: 'crowd'; readonly body: BodyPlan; readonly thenSleep: boolean }
  | { readonly tag: 'pass'; readonly ms: number }
  | { readonly tag: 'midnight' }
  | { readonly tag: 'jump'; readonly ms: number }
  | { readonly tag: 'settle' }
  | { readonly tag: 'check' }
  | { readonly tag: 'query'; readonly customer: number; readonly source: number }
  | { readonly tag: 'program'; readonly customer: number; readonly program: number }
  | { readonly tag: 'retention'; readonly customer: number; readonly days: number }
  | { readonly tag: 'sampling'; readonly customer: number; readonly share: number }
  | {
      readonly tag: 'quota'
      readonly customer: number
      readonly perSecond: number | undefined
      readonly perDay: number | undefined
    }
  | { readonly tag: 'create' | 'delete' | 'block' | 'unblock'; readonly customer: number }
  | { readonly tag: 'replay'; readonly customer: number }
  /** The bug that poison events met is fixed. */
  | { readonly tag: 'cure' }
  | { readonly tag: 'throw' | 'damage'; readonly customer: number }
  | { readonly tag: 'fault'; readonly fault: Fault }
  /** `after`: operations of the disk until it happens; 0: at once. The node comes back with `shards` shards. */
  | {
      readonly tag: 'crash'
      readonly kind: CrashKind
      readonly after: number
      readonly shards: number
      readonly downMs: number
    }
)

export interface Life {
  readonly seed: number
  readonly customers: number
  readonly shards: number
  readonly retention: number
  /** Many customers on few shards, where only one at a time may load or be checkpointed, and whoever is idle for a second leaves. */
  readonly crowded: boolean
  /** Small bounds of the dedupe window, so that they are met. */
  readonly smallWindow: boolean
  readonly operations: readonly Operation[]
  /** What everybody sends before they sleep for good. */
  readonly lastBody: BodyPlan
}

export function planLife(seed: number, length = 60): Life {
  const dice = new Dice(seed)
  const crowded = dice.chance(0.25)
  const customers = crowded ? dice.between(8, 14) : dice.between(1, 4)
  const shards = crowded ? 1 : dice.between(1, 3)
  const retention = dice.weighted([
    [3, 7],
    [2, 2],
    [1, 1],
    [1, 30],
  ])
  const ids = dice.of([10, 40, 400])
  // Most lives meet only some of the trouble: too much of it at once hides what each does.
  const poison = dice.chance(0.25)
  const crashes = dice.chance(0.9) ? 1 : 0
  const faults = dice.chance(0.5) ? 1 : 0
  const clocks = dice.chance(0.35) ? 1 : 0
  const administration = dice.chance(0.5) ? 1 : 0
  const some = () => dice.below(customers)
  const one = (): Operation => {
    const salt = dice.below(0x7fffffff)
    const make = dice.weighted<() => Operation>([
      [
        26,
        () => ({
          salt,
          tag: 'send',
          customer: some(),
          body: planBody(dice, retention, ids, poison && dice.chance(0.1)),
        }),
      ],
      [4, () => ({ salt, tag: 'resend' })],
      [
        crowded ? 8 : 0,
        () => ({
          salt,
          tag: 'crowd',
          body: planBody(dice, retention, ids, false),
          thenSleep: dice.chance(0.6),
        }),
      ],
      [crowded ? 8 : 0, () => ({ salt, tag: 'pass', ms: dice.between(500, 2_000) })],
      [
        6,
        () => ({
          salt,
          tag: 'pass',
          ms: dice.weighted([
            [4, dice.below(2_000)],
            [2, dice.between(60_000, 400_000)],
            [1, dice.below(6 * 3_600_000)],
          ]),
        }),
      ],
      [2, () => ({ salt, tag: 'midnight' })],
      [1, () => ({ salt, tag: 'pass', ms: dice.between(1, 4) * DAY_MS })],
      [2, () => ({ salt, tag: 'settle' })],
      [1, () => ({ salt, tag: 'check' })],
      [3, () => ({ salt, tag: 'query', customer: some(), source: dice.below(1_000) })],
      [1.5 * administration, () => ({ salt, tag: 'program', customer: some(), program: dice.below(PROGRAMS.length) })],
      [1.5 * administration, () => ({ salt, tag: 'retention', customer: some(), days: dice.of([1, 2, 3, 7, 8, 30]) })],
      [1 * administration, () => ({ salt, tag: 'sampling', customer: some(), share: dice.of([1, 0.5, 0.25, 0.1]) })],
      [
        0.5 * administration,
        () => ({
          salt,
          tag: 'quota',
          customer: some(),
          perSecond: dice.chance(0.4) ? dice.between(1, 50) : undefined,
          perDay: dice.chance(0.3) ? dice.between(10, 500) : undefined,
        }),
      ],
      [0.7 * administration, () => ({ salt, tag: dice.of(['block', 'unblock'] as const), customer: some() })],
      [0.5 * administration, () => ({ salt, tag: 'delete', customer: some() })],
      [1 * administration, () => ({ salt, tag: 'create', customer: some() })],
      [poison ? 1 : 0, () => ({ salt, tag: 'replay', customer: some() })],
      [poison ? 0.3 : 0, () => ({ salt, tag: 'cure' })],
      [0.4 * faults, () => ({ salt, tag: 'damage', customer: some() })],
      [1, () => ({ salt, tag: 'throw', customer: some() })],
      [
        1 * clocks,
        () => ({ salt, tag: 'jump', ms: dice.of([-3_600_000, 3_600_000, 3 * DAY_MS, -2 * DAY_MS, 90_000]) }),
      ],
      [
        3 * faults,
        () => ({
          salt,
          tag: 'fault',
          fault: dice.of([
            'sync-fails',
            'write-fails',
            'slow-syncs',
            'disk-full',
            'disk-has-room',
            'too-many-files',
            'checkpoint-fails',
          ] as const),
        }),
      ],
      [
        4 * crashes,
        () => ({
          salt,
          tag: 'crash',
          kind: dice.of(['power', 'power', 'kill', 'shard', 'drain'] as const),
          after: dice.chance(0.5) ? 0 : dice.between(1, 40),
          shards: dice.chance(0.3) ? dice.between(1, 4) : 0,
          downMs: dice.weighted([
            [6, dice.below(1_000)],
            [2, dice.below(DAY_MS)],
            [1, (retention + 2) * DAY_MS],
          ]),
        }),
      ],
    ])
    return make()
  }
  return {
    seed,
    customers,
    shards,
    retention,
    crowded,
    smallWindow: dice.chance(0.4),
    operations: Array.from({ length }, one),
    lastBody: planBody(dice, retention, ids, false),
  }
}

/** One operation in a line, for reports. */
export function describeOperation(operation: Operation): string {
  const { salt: _, ...rest } = operation
  if (rest.tag !== 'send' && rest.tag !== 'crowd') return JSON.stringify(rest)
  const { body, ...others } = rest
  return `${JSON.stringify(others)} ${body.tag} ${body.shape} of ${body.events.length} events`
}
