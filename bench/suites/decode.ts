// From bytes to columns: our decoder on each format, beside JSON.parse or msgpackr making objects of the same bytes.
import { Packr } from 'msgpackr'
import { defaultLimits } from '../../src/core/limits.js'
import { seededRandom } from '../../src/core/random.js'
import { EventBatch } from '../../src/event/batch.js'
import { DECODER_VERSION, Decoder, Format } from '../../src/event/decode.js'
import type { Bench, Measuring } from '../bench.js'
import { benchEvent, benchPoint } from '../workload.js'

interface Shape {
  readonly name: string
  readonly format: Format
  readonly bytes: Buffer
  readonly events: number
  /** What others do with the same bytes; answers how many events came out. */
  readonly rival: { readonly name: string; readonly run: (bytes: Buffer) => number }
}

const ESCAPED = JSON.stringify('line one\nüber "quoted"')

/** What an SDK sends with a crash: nested, escaped, with a stack. */
function crash(i: number): string {
  return `{"type":"crash","id":"c-${i}","user":"u${i}","app":"1.2.3","platform":"android","at":${1_750_000_000_000 + i},"fatal":true,"error":{"type":"java.lang.NullPointerException","message":${ESCAPED},"stack":[{"file":"Main.java","function":"onCreate","line":${i}},{"file":"Activity.java","function":"performCreate","line":77},{"file":"Looper.java","function":"loop","line":210}]},"tags":{"build":"release","cpu":"arm64"}}`
}

function shapes(perBody: number): Shape[] {
  const random = seededRandom(3)
  const packer = new Packr({ useRecords: false })
  const events = Array.from({ length: perBody }, () => benchEvent(random, 10_000))
  const points = Array.from({ length: perBody }, () => benchPoint(random))
  const crashes = `[${Array.from({ length: perBody }, (_, i) => crash(i)).join(',')}]`
  const parseArray = (bytes: Buffer) => (JSON.parse(bytes.toString()) as unknown[]).length
  const parse = { name: 'JSON.parse', run: parseArray }
  const unpack = { name: 'msgpackr', run: (bytes: Buffer) => (packer.unpack(bytes) as unknown[]).length }
  return [
    { name: 'events', format: Format.Json, bytes: Buffer.from(JSON.stringify(events)), events: perBody, rival: parse },
    {
      name: 'one event a body',
      format: Format.Json,
      bytes: Buffer.from(JSON.stringify(events[0])),
      events: 1,
      rival: { name: 'JSON.parse', run: bytes => (JSON.parse(bytes.toString()) === null ? 0 : 1) },
    },
    {
      name: 'events as NDJSON',
      format: Format.Ndjson,
      bytes: Buffer.from(events.map(event => JSON.stringify(event)).join('\n')),
      events: perBody,
      rival: {
        name: 'JSON.parse of each line',
        run: bytes => {
          let count = 0
          for (const line of bytes.toString().split('\n')) if (JSON.parse(line) !== null) count++
          return count
        },
      },
    },
    {
      name: 'events as MessagePack',
      format: Format.MessagePack,
      bytes: packer.pack(events),
      events: perBody,
      rival: unpack,
    },
    { name: 'points', format: Format.Json, bytes: Buffer.from(JSON.stringify(points)), events: perBody, rival: parse },
    {
      name: 'points as MessagePack',
      format: Format.MessagePack,
      bytes: packer.pack(points),
      events: perBody,
      rival: unpack,
    },
    { name: 'crashes with stacks', format: Format.Json, bytes: Buffer.from(crashes), events: perBody, rival: parse },
  ]
}

async function decode(b: Measuring): Promise<void> {
  const perBody = b.parameter('events a body', 50, 50)
  const total = b.parameter('events', 200, 500_000, 100_000)
  for (const shape of shapes(perBody)) {
    const bodies = Math.ceil(total / shape.events)
    const context = { format: shape.format, version: DECODER_VERSION, sentAt: Number.NaN, limits: defaultLimits }
    const decoder = new Decoder(context)
    const batch = new EventBatch()
    const ours = `${shape.name}: ours`
    const theirs = `${shape.name}: ${shape.rival.name}`
    await b.contest(bodies * shape.events, [
      {
        name: ours,
        run: () => {
          let events = 0
          for (let i = 0; i < bodies; i++) {
            decoder.start(shape.bytes, 0, shape.bytes.length, batch)
            while (!decoder.step(1_000)) {}
            events += batch.count - batch.rejections.length
          }
          return events
        },
      },
      {
        name: theirs,
        run: () => {
          let events = 0
          for (let i = 0; i < bodies; i++) events += shape.rival.run(shape.bytes)
          return events
        },
      },
    ])
    b.ratio(`${shape.name}, ${shape.rival.name} : ours`, theirs, ours, 'ns')
  }
  b.aim('decoding, ns an event of 50 in a body', b.median('events: ours', 'ns'), 'at most', 140)
}

export const decodeBenches: readonly Bench[] = [
  { name: 'decode', about: 'from bytes to columns, each format', placement: 'server', run: decode },
]
