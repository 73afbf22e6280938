// Many small customers on one node: how much each costs in memory, files and time, and how fast a node with all of them on
// its disk begins.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { defaultLimits } from '../../src/core/limits.js'
import { seededRandom } from '../../src/core/random.js'
import type { Bench, Measuring } from '../bench.js'
import { childrenOf, timeBoot } from '../boot.js'
import { type BenchCustomer, BenchNode, BUNDLED, nodeIsBuilt, UNBUNDLED } from '../node.js'
import { freePort } from '../processes.js'
import { benchEvent } from '../workload.js'

const EVENTS = 10
const AT_ONCE = 32
const GIB = 2 ** 30
/** Customers leave as soon as they are written. */
const RESTLESS = '[limits]\nidleMs = 500\ncheckpointMs = 500\n'
/** What docs/operations.md says a shard needs: its own, and six for each customer file that may be open. */
const MAX_DESCRIPTORS = 64 + 6 * defaultLimits.maxOpenFiles
/** A quarter of what Linux allows a process (vm.max_map_count): three a file that is open, the rest pages of V8's heap. */
const MAX_MAPS = 16_384

async function density(b: Measuring): Promise<void> {
  const customers = b.parameter('customers', 24, 30_000)
  const active = b.parameter('active', 12, 10_000)
  const cold = b.parameter('cold', 8, 1_000)
  const boots = b.parameter('boots', 1, 9)
  if (!nodeIsBuilt()) return b.note('the command is not built')
  const folder = b.folder()
  let node = await BenchNode.start(folder)
  b.atEnd(() => node.stop())
  b.progress(`making ${customers} customers`)
  const known = await node.createCustomers('c', customers, null)
  b.progress(`${active} of them send ${EVENTS} events each`)
  await sendTo(node, known.slice(0, active))
  const row = `${active} active customers`
  measureProcesses(b, row, node.process.pid)
  b.aim(`GiB of ${row}`, b.median(row, 'GiB'), 'at most', 3)
  b.aim(`descriptors of a shard, ${row}`, b.median(row, 'descriptors'), 'at most', MAX_DESCRIPTORS)
  b.aim(`memory maps of a shard, ${row}`, b.median(row, 'maps'), 'at most', MAX_MAPS)
  await node.pause()

  node = await BenchNode.start(folder, { config: RESTLESS })
  b.progress('the others likewise, and all go to the disk')
  await sendTo(node, known.slice(active))
  await allAsleep(node)
  measureProcesses(b, 'none active, after the others came and went', node.process.pid)
  await node.pause()

  await timeBoots(b, folder, known, boots)

  node = await BenchNode.start(folder)
  b.progress(`${cold} customers wake`)
  await timeCold(b, node, known, cold)
}

const sendTo = (node: BenchNode, customers: readonly BenchCustomer[]) => {
  const random = seededRandom(11)
  const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE })
  const body = () => JSON.stringify(Array.from({ length: EVENTS }, () => benchEvent(random, 20)))
  let next = 0
  const lane = async () => {
    while (next < customers.length) await send(node, agent, customers[next++]!, body())
  }
  return Promise.all(Array.from({ length: AT_ONCE }, lane)).finally(() => agent.destroy())
}

/** Posts events; answers ms. Anything but 202 is an error. */
function send(node: BenchNode, agent: http.Agent, customer: BenchCustomer, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = performance.now()
    const headers = { 'x-api-key': customer.ingestKey }
    const request = http.request({
      host: '127.0.0.1',
      port: node.port,
      method: 'POST',
      path: '/v1/events',
      agent,
      headers,
    })
    request.on('error', reject)
    request.on('response', response => {
      response.resume()
      response.on('end', () => {
        if (response.statusCode === 202) resolve(performance.now() - start)
        else reject(new Error(`${customer.id}: ${response.statusCode}`))
      })
    })
    request.end(body)
  })
}

async function allAsleep(node: BenchNode): Promise<void> {
  while (!/^lethe_actors\{.*\} 0$/m.test(await node.metrics())) await new Promise(resolve => setTimeout(resolve, 100))
}

/** Memory of the supervisor and its shards; pages that they share count once (PSS). Throws where there is no /proc. */
function sharedBytes(supervisor: number): number {
  let sum = 0
  for (const pid of [supervisor, ...childrenOf(supervisor)]) {
    const text = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    sum += Number(/^Pss:\s+(\d+) kB/m.exec(text)![1]) * 1024
  }
  return sum
}

/** Memory of all processes; descriptors and maps of the shard that has most. */
function measureProcesses(b: Measuring, row: string, supervisor: number): void {
  const shards = childrenOf(supervisor)
  const count = (pid: number, what: string) => fs.readdirSync(`/proc/${pid}/${what}`).length
  try {
    b.sample(row, 'GiB', sharedBytes(supervisor) / GIB)
    b.sample(row, 'descriptors', Math.max(...shards.map(pid => count(pid, 'fd'))))
    b.sample(
      row,
      'maps',
      Math.max(...shards.map(pid => fs.readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n').length)),
    )
  } catch {
    return b.note('memory, descriptors and maps are read from /proc, which is not there')
  }
}

/** The bundle beside the modules it is made of, after an end in order and after a kill, in turns. */
async function timeBoots(
  b: Measuring,
  folder: string,
  customers: readonly BenchCustomer[],
  rounds: number,
): Promise<void> {
  const random = seededRandom(12)
  const port = await freePort()
  const config = path.join(folder, 'lethe.toml')
  const time = (command: string, end: 'SIGTERM' | 'SIGKILL') => {
    const { ingestKey } = customers[Math.floor(random.fraction() * customers.length)]!
    return timeBoot({ command, data: path.join(folder, 'data'), port, config, ingestKey, end })
  }
  fs.writeFileSync(config, '')
  const commands = [['modules', UNBUNDLED], ...(fs.existsSync(BUNDLED) ? [['bundle', BUNDLED]] : [])] as [
    string,
    string,
  ][]
  for (let round = 0; round < rounds; round++) {
    b.progress(`boots, round ${round + 1} of ${rounds}`)
    const start = performance.now()
    spawnSync(process.execPath, ['-e', '0'])
    b.sample('node, doing nothing', 'ms', performance.now() - start)
    for (const [name, command] of commands) {
      b.sample(`${name}, first answer`, 'ms', await time(command, 'SIGKILL'))
      b.sample(`${name}, first answer after a kill`, 'ms', await time(command, 'SIGTERM'))
    }
  }
  b.ratio('first answer, bundle : modules', 'bundle, first answer', 'modules, first answer', 'ms')
  const text = `ms from the start to the first answer, ${customers.length} customers on disk`
  b.aim(text, b.median('bundle, first answer', 'ms'), 'at most', 300)
}

/** Customers that this process has not seen, one after the other: their first event waits for their file. */
async function timeCold(
  b: Measuring,
  node: BenchNode,
  customers: readonly BenchCustomer[],
  count: number,
): Promise<void> {
  const row = `first event of ${count} cold customers`
  const agent = new http.Agent({ keepAlive: true })
  const body = JSON.stringify(benchEvent(seededRandom(13), 20))
  const step = Math.max(1, Math.floor(customers.length / count))
  const eachOnce = async () => {
    const ms: number[] = []
    for (let i = 0; i < count; i++) ms.push(await send(node, agent, customers[(i * step) % customers.length]!, body))
    return ms
  }
  samplePercentiles(b, row, await eachOnce())
  samplePercentiles(b, 'their second event: what the machine adds', await eachOnce())
  agent.destroy()
  b.aim('p99 of the first event of a cold customer, ms', b.median(row, 'p99'), 'at most', 20)
}

/** One customer that gives every event another name, far beyond its limits. */
async function keys(b: Measuring): Promise<void> {
  const names = b.parameter('keys', 2_000, 10_000_000)
  const perRequest = b.parameter('events a request', 500, 1_000)
  if (!nodeIsBuilt()) return b.note('the command is not built')
  const node = await BenchNode.start(b.folder())
  b.atEnd(() => node.stop())
  const [greedy, modest] = (await node.createCustomers('c', 2, null)) as [BenchCustomer, BenchCustomer]
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
  const event = (i: number) => `{"type":"event","name":"n${i}","user":"u${i % 1000}"}`
  await send(node, agent, modest, event(0))
  await send(node, agent, greedy, `[${event(0)}]`)
  const before = sharedBytes(node.process.pid)
  const start = performance.now()
  let next = 1
  const lane = async () => {
    while (next <= names) {
      const first = next
      next += perRequest
      const count = Math.min(perRequest, names - first + 1)
      await send(node, agent, greedy, `[${Array.from({ length: count }, (_, i) => event(first + i)).join(',')}]`)
      if (Math.floor(first / 1e6) < Math.floor(next / 1e6)) b.progress(`${Math.floor(next / 1e6)} million`)
    }
  }
  const flood = Promise.all([lane(), lane(), lane(), lane()])
  const neighbour = await timeBeside(flood, () => send(node, agent, modest, event(1)))
  const row = `${names} keys of one customer`
  b.sample(row, 'events', (names * 1000) / (performance.now() - start))
  const [total, held] = (await node.query(greedy, KEY_FACTS)) as [number, number]
  b.sample(row, 'keys held', held)
  b.sample(row, 'MiB more', (sharedBytes(node.process.pid) - before) / 2 ** 20)
  b.aim('events that are in the totals, of those sent', total / (names + 1), 'at least', 1)
  b.aim('keys held in one table', held, 'at most', defaultLimits.maxKeysPerTable)
  samplePercentiles(b, 'events of a neighbour meanwhile', neighbour)
  agent.destroy()
}

/** Repeats `work` until `other` is over; answers the ms of each. */
async function timeBeside(other: Promise<unknown>, work: () => Promise<number>): Promise<number[]> {
  const ms: number[] = []
  let over = false
  const ended = other.finally(() => {
    over = true
  })
  while (!over) ms.push(await work())
  await ended
  return ms
}

function samplePercentiles(b: Measuring, row: string, ms: number[]): void {
  ms.sort((x, y) => x - y)
  const at = (share: number) => ms[Math.min(ms.length - 1, Math.floor(share * ms.length))]!
  b.sample(row, 'p50', at(0.5))
  b.sample(row, 'p99', at(0.99))
  b.sample(row, 'max', at(1))
}

/** Each name was sent once, so what is not in (other) is the number of keys held. */
const KEY_FACTS = '(list (total "event") (- (total "event") (count "event" "(other)")))'

export const densityBenches: readonly Bench[] = [
  {
    name: 'density/customers',
    about: 'many small customers: memory, files, boot, waking; runs only when it is named',
    placement: 'any',
    onlyByName: true,
    run: density,
  },
  {
    name: 'density/keys',
    about: 'a customer who invents ten million keys; runs only when it is named',
    placement: 'any',
    onlyByName: true,
    run: keys,
  },
]
