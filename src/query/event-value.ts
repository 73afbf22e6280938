// What a program sees of an event: fields by path, as Scheme values.
//
// A field that stands in the batch's columns is a slice of its bytes; any other is looked up in the event as it was sent,
// which parses it once. A field that is absent, null or false reads as #f, so that no update needs an `if`.
//
//   (field e 'user)             column        a string
//   (field e 'error 'type)      column        a string
//   (field e 'value)            column        a number: 3 where it is an integer, else 3.5
//   (field e 'fatal)            flag          #t or #f
//   (field e 'tags 'plan)       looked up     a string, number, #t, a list (arrays), an association list (objects)

import { type EventBatch, FIELD_NAMES, Field, Flag, NumberField } from '../event/batch.js'
import type { EffectSink } from '../tables/effects.js'
import type { Context } from './primitive.js'
import { Bytes, cons, Flonum, listOf, Opaque, Text, type Value } from './value.js'

/** What the primitives of programs work on: `context.host` while on-event runs, undefined while a program is loaded. */
export interface EventHost {
  readonly batch: EventBatch
  readonly event: number
  readonly effects: EffectSink
}

/** The event, as a value. There is one at a time, so one value stands for all of them. */
class EventValue extends Opaque {
  readonly written = 'event'
  readonly byteSize = 0
  toJson(): unknown {
    return null
  }
}

export const theEvent = new EventValue()

/** Where a path leads. */
export type FieldPlace =
  | { readonly tag: 'text'; readonly field: Field }
  | { readonly tag: 'number'; readonly field: NumberField }
  | { readonly tag: 'flag'; readonly flag: Flag }
  | { readonly tag: 'lookup'; readonly path: readonly string[] }

const places = new Map<string, FieldPlace>()
FIELD_NAMES.forEach((name, field) => {
  places.set(name.replace('.', '\0'), { tag: 'text', field })
})
places.set('at', { tag: 'number', field: NumberField.At })
places.set('value', { tag: 'number', field: NumberField.Value })
places.set('ms', { tag: 'number', field: NumberField.Ms })
places.set('fatal', { tag: 'flag', flag: Flag.Fatal })
places.set('failed', { tag: 'flag', flag: Flag.Failed })

/** Finds the column of a path, or says that it must be looked up. */
export function placeOf(path: readonly string[]): FieldPlace {
  return places.get(path.join('\0')) ?? { tag: 'lookup', path }
}

const decoder = new TextDecoder('utf-8')

/** Makes a string of a slice: [start, end) of the batch's bytes. */
export function textOfSlice(bytes: Uint8Array, start: number, end: number): string {
  if (end - start < 24) {
    let ascii = ''
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!
      if (byte >= 0x80) return decoder.decode(bytes.subarray(start, end))
      ascii += String.fromCharCode(byte)
    }
    return ascii
  }
  return decoder.decode(bytes.subarray(start, end))
}

/** A number of an event as a Scheme number: exact where it is a safe integer. NaN and infinities read as #f. */
export function numberValue(x: number): Value {
  if (Number.isSafeInteger(x)) return x + 0
  return x - x === 0 ? new Flonum(x) : false
}

/** The value of a field. */
export function fieldValue(context: Context, host: EventHost, place: FieldPlace): Value {
  const { batch, event } = host
  switch (place.tag) {
    case 'text': {
      const at = 2 * (event * Field.Count_ + place.field)
      const start = batch.slices[at]!
      if (start < 0) return false
      const end = batch.slices[at + 1]!
      context.charge((end - start) >> 5)
      context.allocate(Bytes.Text + end - start)
      return new Text(textOfSlice(batch.bytes, start, end))
    }
    case 'number':
      return numberValue(batch.numbers[event * NumberField.Count_ + place.field]!)
    case 'flag':
      return (batch.flags[event]! & place.flag) !== 0
    case 'lookup': {
      // Parsing reads all of the event, whatever is asked for.
      context.charge((batch.spans[2 * event + 1]! - batch.spans[2 * event]!) >> 4)
      return jsonValue(context, batch.lookup(event, place.path))
    }
  }
}

/** Plain JSON data as a Scheme value. Depth is bounded by the decoder (maxJsonDepth). */
export function jsonValue(context: Context, data: unknown): Value {
  context.charge(1)
  switch (typeof data) {
    case 'string':
      context.charge(data.length >> 5)
      context.allocate(Bytes.Text + data.length)
      return new Text(data)
    case 'number':
      return numberValue(data)
    case 'bigint':
      return numberValue(Number(data))
    case 'boolean':
      return data
    case 'object': {
      if (data === null) return false
      if (Array.isArray(data)) {
        context.allocate(Bytes.Pair * data.length)
        return listOf(data.map(item => jsonValue(context, item)))
      }
      const rows: Value[] = []
      for (const [name, value] of Object.entries(data)) {
        context.allocate(2 * Bytes.Pair + Bytes.Text + name.length)
        rows.push(cons(new Text(name), jsonValue(context, value)))
      }
      return listOf(rows)
    }
    default:
      return false
  }
}
