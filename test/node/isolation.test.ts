// Nobody can block a neighbour: on a node with one shard, customer A keeps an endless query and a scan of half a million keys
// running, and customer B's events are acknowledged as before. So are A's own.
import http from 'node:http'
import t from 'tap'
import { startNode, type TestNode } from './harness.js'

const KEYS = 500_000
const KEYS_PER_EVENT = 500
const ALONE_MS = 2_000
const BESIDE_MS = 10_000
const AIM_MS = 10
const MOST_ROUNDS = 3
const PAUSE_MS = 4

const program = `
(define (on-event e)
  (let ((base (field e 'props 'base)))
    (if (number? base)
        (let loop ((i 0))
          (if (< i ${KEYS_PER_EVENT})
              (begin (bump! "many" (number->string (+ base i)) (+ i 1)) (loop (+ i 1)))))
        (apply-default e))))`

interface Customer {
  readonly ingestKey: string
  readonly queryKey: string
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Milliseconds from a request to the end of its answer, over connections that stay open. */
class Client {
  private readonly agent = new http.Agent({ keepAlive: true, maxSockets: 8 })

  constructor(private readonly node: TestNode) {}

  post(path: string, key: string, body: string): Promise<{ status: number; text: string; ms: number }> {
    const start = performance.now()
    const headers = {
      Authorization: `Bearer ${key}`,
      'Content-Type': path.endsWith('query') ? 'text/plain' : 'application/json',
    }
    return new Promise((resolve, reject) => {
      const request = http.request(
        `${this.node.url}${path}`,
        { method: 'POST', agent: this.agent, headers },
        answer => {
          let text = ''
          answer.on('data', data => {
            text += data
          })
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text, ms: performance.now() - start }))
        },
      )
      request.on('error', reject)
      request.end(body)
    })
  }

  close(): void {
    this.agent.destroy()
  }
}

/** Sends one event after the other until `over`; answers how long each took. */
async function ingest(client: Client, key: string, over: () => boolean): Promise<number[]> {
  const times: number[] = []
  while (!over()) {
    const { status, ms } = await client.post('/v1/events', key, '{"type":"event","name":"tap","user":"u"}')
    if (status !== 202) throw new Error(`an event was answered ${status}`)
    times.push(ms)
    await pause(PAUSE_MS)
  }
  return times
}

function quantile(times: readonly number[], q: number): number {
  const sorted = times.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!
}

const after = (ms: number): (() => boolean) => {
  const end = performance.now() + ms
  return () => performance.now() > end
}

const figures = (times: readonly number[]): string =>
  `${times.length} requests, p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms`

interface Round {
  /** Milliseconds that each of B's events took. */
  readonly alone: readonly number[]
  readonly beside: readonly number[]
  /** The same of A's own. */
  readonly own: readonly number[]
}

t.test(
  'an endless query and a scan of 500,000 keys of one customer leave the other, and its own events, alone',
  async t => {
    const node = await startNode({ data: t.testdir({}), shards: 1 })
    t.teardown(() => node.kill())
    const client = new Client(node)
    const token = node.secret('lat')
    const create = async (id: string): Promise<Customer> =>
      (await node.admin(token, 'POST', '/v1/customers', { id })).body as unknown as Customer
    const a = await create('customer-a')
    const b = await create('customer-b')

    t.equal((await node.request('/v1/program', a.queryKey, { method: 'PUT', body: program })).status, 200)
    const events = Array.from({ length: KEYS / KEYS_PER_EVENT }, (_, i) => ({
      type: 'event',
      name: 'many',
      props: { base: i * KEYS_PER_EVENT },
    }))
    t.equal((await node.send(a.ingestKey, events)).body['accepted'], events.length)
    const perEvent = (KEYS_PER_EVENT * (KEYS_PER_EVENT + 1)) / 2
    t.equal(await node.value(a.queryKey, '(total "many")'), events.length * perEvent)

    const asking = new Client(node)
    const answers = { endless: 0, top: 0 }
    const endless = async (over: () => boolean): Promise<void> => {
      while (!over()) {
        // Stopped by its time limit.
        const { status } = await asking.post('/v1/query', a.queryKey, '(let loop () (loop))')
        if (status !== 422) throw new Error(`an endless query was answered ${status}`)
        answers.endless++
      }
    }
    const top = async (over: () => boolean): Promise<void> => {
      while (!over()) {
        const { status, text } = await asking.post('/v1/query', a.queryKey, '(top 3 "many")')
        const right = status === 200 && text.includes(`["100499",${KEYS_PER_EVENT}],["100999",${KEYS_PER_EVENT}]`)
        if (!right) throw new Error(`a top was answered ${status}: ${text}`)
        answers.top++
      }
    }

    const round = async (): Promise<Round> => {
      const alone = await ingest(client, b.ingestKey, after(ALONE_MS))
      const over = after(BESIDE_MS)
      const queries = [endless(over), top(over)]
      const [beside, own] = await Promise.all([
        ingest(client, b.ingestKey, over),
        ingest(new Client(node), a.ingestKey, over),
      ])
      await Promise.all(queries)
      t.comment(`B alone:               ${figures(alone)}`)
      t.comment(`B beside A's queries:  ${figures(beside)}`)
      t.comment(`A's own events:        ${figures(own)}`)
      return { alone, beside, own }
    }
    const p99 = (times: readonly number[]) => quantile(times, 0.99)

    // What else runs on the machine can only make it slower: one round within the aim shows it.
    const rounds: Round[] = []
    do rounds.push(await round())
    while (p99(rounds.at(-1)!.beside) >= AIM_MS && rounds.length < MOST_ROUNDS)
    t.comment(`A had ${answers.top} tops of ${KEYS} keys and ${answers.endless} endless queries answered`)

    const best = rounds.toSorted((x, y) => p99(x.beside) - p99(y.beside))[0]!
    t.comment(`p99 of B beside A: ${p99(best.beside).toFixed(1)} ms, the aim is ${AIM_MS}`)
    // Other tests run beside this one, on as few as two cores, and made 14 ms of 8; whoever blocks a neighbour makes 60 of it.
    const bound = Math.max(3 * AIM_MS, 6 * p99(best.alone))
    t.ok(p99(best.beside) < bound, `p99 beside A ${p99(best.beside)}, alone ${p99(best.alone)}`)
    t.ok(answers.top > 10, 'scans come to an end beside endless queries')
    const sum = (which: keyof Round) => rounds.reduce((total, times) => total + times[which].length, 0)
    t.ok(sum('own') > 0.5 * sum('beside'), "A's own events go on")
    t.equal(await node.value(b.queryKey, '(count "event" "tap")'), sum('alone') + sum('beside'))
    t.equal(await node.value(a.queryKey, '(count "event" "tap")'), sum('own'))
    t.equal(await node.stop(), 0)
  },
)
