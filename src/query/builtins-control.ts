// Booleans, procedures, errors, promises; and what library.scm needs to make the control procedures.
//
// Names with % are for the library alone: a program cannot refer to them. Those marked "instruction" exist so that the
// compiler knows their names and numbers of operands; they are never called.

import { Bug, unreachable } from '../core/errors.js'
import { textOf } from './argument.js'
import { outOfRange, userError, wrongType } from './complaint.js'
import { Continuation } from './continuation.js'
import { fixed, spread } from './define.js'
import type { PrimitiveDefinition, PrimitiveGroup } from './primitive.js'
import { Printer, written } from './printer.js'
import { Bytes, Delayed, Procedure, Sym, Text, unspecified, type Value, Values } from './value.js'

const instruction = (signature: string): PrimitiveDefinition =>
  fixed(signature, 'An instruction.', () => {
    throw new Bug(`${signature} is an instruction`)
  })

function bounded(value: Value, display: boolean): string {
  const printer = new Printer(value, display, 'brief')
  let text = ''
  while (!printer.step(64) && text.length < 1000) text += printer.take()
  text += printer.take()
  return text.length > 1000 ? `${text.slice(0, 1000)}…` : text
}

const delayedOf = (name: string, value: Value): Delayed => {
  if (value instanceof Delayed) return value
  throw wrongType(name, 'a promise', value)
}

/** Values that the message of an `error` shows. */
const SHOWN_VALUES = 100

export const control: PrimitiveGroup = {
  title: 'Control',
  primitives: [
    fixed('(not VALUE)', '#t if VALUE is #f, else #f.', (_, value) => value === false),
    fixed('(boolean? VALUE)', '#t if VALUE is #t or #f.', (_, value) => typeof value === 'boolean'),
    fixed('(procedure? VALUE)', '#t if VALUE can be called.', (_, value) => value instanceof Procedure, [
      '(procedure? car)',
      '#t',
    ]),
    spread('(values VALUE ...)', 'All VALUEs at once, for `call-with-values`.', (context, args) => {
      if (args.length === 1) return args[0]!
      context.allocate(Bytes.Values + args.length * Bytes.Slot)
      return new Values(args)
    }),
    spread(
      '(error MESSAGE VALUE ...)',
      'Stops the program with MESSAGE, and the VALUEs as `write` prints them.',
      (_, args) => {
        const [message, ...rest] = args
        const head =
          args.length === 0
            ? ''
            : message instanceof Text || message instanceof Sym
              ? bounded(message, true)
              : bounded(message!, false)
        const shown = rest.slice(0, SHOWN_VALUES).map(value => bounded(value, false))
        throw userError([head, ...shown].join(' ').slice(0, 4000))
      },
    ),
    fixed('(void)', 'The unspecified value.', () => unspecified),
    fixed('(promise? VALUE)', '#t if VALUE is a promise.', (_, value) => value instanceof Delayed),
    fixed('(make-promise VALUE)', 'A promise that is kept already.', (context, value) => {
      if (value instanceof Delayed) return value
      context.allocate(Bytes.Box)
      const made = new Delayed(value)
      made.done = true
      return made
    }),
    fixed('(%delay THUNK)', 'A promise.', (context, thunk) => {
      context.allocate(Bytes.Box)
      return new Delayed(thunk)
    }),
    fixed('(%promise-done? PROMISE)', 'True once forced.', (_, value) => delayedOf('force', value).done),
    fixed('(%promise-content PROMISE)', 'Thunk or value.', (_, value) => delayedOf('force', value).content),
    fixed('(%promise-keep! PROMISE VALUE)', 'The first value wins.', (_, promise, value) => {
      const delayed = delayedOf('force', promise)
      if (!delayed.done) {
        delayed.done = true
        delayed.content = value
      }
      return delayed.content
    }),
    fixed('(%wrong-type NAME EXPECTED GOT)', 'Fails.', (_, name, expected, got) => {
      throw wrongType(textOf('error', name).text(), textOf('error', expected).text(), got)
    }),
    fixed('(%out-of-range NAME WHAT GOT)', 'Fails.', (_, name, what, got) => {
      throw outOfRange(textOf('error', name).text(), `${textOf('error', what).text()} ${written(got).slice(0, 80)}`)
    }),
    fixed('(%continuation-winders K)', 'The dynamic-wind entries of a continuation.', (_, value) =>
      value instanceof Continuation ? value.winders : unreachable(value as never),
    ),
    instruction('(%apply PROCEDURE LIST)'),
    instruction('(%apply-values CONSUMER VALUES)'),
    instruction('(%capture RECEIVER)'),
    instruction('(%reinstate K VALUES)'),
    instruction('(%winders)'),
    instruction('(%set-winders! LIST)'),
  ],
}
