// A few programs, each beside the same thing in plain TypeScript.
import type { Expected } from '../event/model.js'
import type { ModelEffects } from './model-tables.js'

/** What is remembered of a session, since the day of its first sight. */
export interface ModelSession {
  readonly day: number
  readonly seenBy: Set<string>
  state: string | undefined
}

/** What a program may know and change beside the tables. */
export interface ModelMemory {
  find(session: string): ModelSession | undefined
  /** Makes one if there is none. */
  take(session: string): ModelSession
}

export interface ModelEvent extends Expected {
  /** Of crashes and errors: the id of the group. */
  readonly group: string | undefined
}

export type ModelOutcome =
  | { readonly tag: 'applied' }
  | { readonly tag: 'dropped'; readonly reason: string }
  | { readonly tag: 'failed' }

export interface ModelProgram {
  readonly name: string
  /** null is the built-in one. */
  readonly source: string | null
  run(event: ModelEvent, effects: ModelEffects, memory: ModelMemory, noteGroup: () => void): ModelOutcome
}

const applied: ModelOutcome = { tag: 'applied' }

function firstSight(memory: ModelMemory, effects: ModelEffects, scope: string, key: string | undefined): boolean {
  if (key === undefined || memory.find(key)?.seenBy.has(scope)) return false
  effects.also(() => memory.take(key).seenBy.add(scope))
  return true
}

function builtin(e: ModelEvent, effects: ModelEffects, memory: ModelMemory, noteGroup: () => void): ModelOutcome {
  const { type, texts, value, ms, group } = e
  const { user, app, session, name, state, host } = texts
  const countSession = () => {
    effects.bump('sessions', '')
    effects.bump('sessions/app', app)
  }
  effects.bump('events', type)
  effects.tick('timeline/events', type)
  effects.sketch('users', '', user)
  effects.sketch('users/app', app, user)
  effects.collect('apps', '', app)
  effects.collect('platforms', '', texts['platform'])
  effects.collect('countries', '', texts['country'])
  if (firstSight(memory, effects, 'session', session)) countSession()
  switch (type) {
    case 'crash':
      effects.bump('crashes', '')
      effects.tick('timeline/crashes', '')
      effects.bump('crashes/app', app)
      effects.bump('crashes/os', texts['os'])
      effects.bump('crashes/platform', texts['platform'])
      effects.bump('crashes/device', texts['device'])
      effects.bump('crashes/group', group)
      if (group !== undefined && app !== undefined) effects.bump('crashes/group/app', `${group} ${app}`)
      effects.sketch('users/crashed', '', user)
      effects.sketch('users/group', group, user)
      if (firstSight(memory, effects, 'crashed', session)) effects.bump('sessions/crashed', '')
      noteGroup()
      break
    case 'error':
      effects.bump('errors/group', group)
      effects.sketch('users/group', group, user)
      noteGroup()
      break
    case 'session':
      if (session === undefined && state === 'start') countSession()
      break
    case 'event':
      effects.bump('event', name)
      effects.sketch('users/event', name, user)
      break
    case 'metric':
      if (texts['kind'] === 'count') effects.bump('metric/count', name, value)
      else if (texts['kind'] === 'timer') effects.observe('metric/timer', name, value)
      else effects.gauge('metric/gauge', name, value)
      break
    case 'network':
      effects.bump('network/host', host)
      effects.bump('network/status', texts['status'])
      effects.observe('network/ms', host, ms)
      break
    case 'transaction':
      effects.bump('transaction', `${name} ${state}`)
      effects.observe('transaction/ms', name, ms)
      break
  }
  return applied
}

export const PROGRAMS: readonly ModelProgram[] = [
  { name: 'built-in', source: null, run: builtin },
  {
    name: 'own tables and a drop',
    source: `
(define (on-event e)
  (let ((type (field e 'type)))
    (bump! "mine" type 2)
    (when (equal? type "network") (drop! "no-network"))
    (sketch! "mine/users" type (field e 'user))
    (collect! "mine/apps" "" (field e 'app))
    (tick! "mine/minutes" type)
    (when (equal? type "metric")
      (observe! "mine/values" (field e 'name) (field e 'value))
      (gauge! "mine/gauge" (field e 'app) (field e 'value)))))`,
    run(e, effects) {
      const { type, texts, value } = e
      if (type === 'network') return { tag: 'dropped', reason: 'no-network' }
      effects.bump('mine', type, 2)
      effects.sketch('mine/users', type, texts['user'])
      effects.collect('mine/apps', '', texts['app'])
      effects.tick('mine/minutes', type)
      if (type === 'metric') {
        effects.observe('mine/values', texts['name'], value)
        effects.gauge('mine/gauge', texts['app'], value)
      }
      return applied
    },
  },
  {
    name: 'the built-in one and a state machine',
    source: `
(define (on-event e)
  (apply-default e)
  (let ((s (field e 'session)))
    (when s
      (case (state s)
        ((seen) (set-state! s 'again) (bump! "funnel" "again"))
        ((again) (bump! "funnel" "more"))
        (else (set-state! s 'seen))))))`,
    run(e, effects, memory, noteGroup) {
      builtin(e, effects, memory, noteGroup)
      const session = e.texts['session']
      if (session === undefined) return applied
      const become = (state: string) => effects.also(() => (memory.take(session).state = state))
      switch (memory.find(session)?.state) {
        case 'seen':
          become('again')
          effects.bump('funnel', 'again')
          break
        case 'again':
          effects.bump('funnel', 'more')
          break
        default:
          become('seen')
      }
      return applied
    },
  },
  {
    name: 'one that fails now and then',
    source: `
(define (on-event e)
  (bump! "tried" (field e 'type))
  (when (equal? (field e 'name) "boom")
    (vector-ref (vector 1 2) 7))
  (bump! "fine" (field e 'app)))`,
    run(e, effects) {
      effects.bump('tried', e.type)
      if (e.texts['name'] === 'boom') return { tag: 'failed' }
      effects.bump('fine', e.texts['app'])
      return applied
    },
  },
]

export function programOf(source: string | null): ModelProgram {
  const found = PROGRAMS.find(program => program.source === source)
  if (!found) throw new Error(`no model of the program ${source}`)
  return found
}
