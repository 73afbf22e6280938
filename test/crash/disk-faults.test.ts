// What may happen to the disk under a node: full, failing, slow, damaged.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { seededRandom } from '../../src/core/random.js'
import { eventually, killPid, launchNode, startNode } from '../node/harness.js'
import { configFile, metric, Sabotage } from './sabotage.js'
import { type Customer, createCustomers, Traffic } from './traffic.js'

t.setTimeout(280_000)

const event = (id: string, name = 'x') => ({ type: 'event', name, id, user: `user of ${id}` })

/** A file system of a few MiB, where this process may make one. */
function smallDisk(t: Test): string | undefined {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lethe-disk-'))
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', folder]).status !== 0) {
    fs.rmdirSync(folder)
    return undefined
  }
  t.teardown(() => {
    spawnSync('umount', ['-l', folder])
    fs.rmdirSync(folder)
  })
  return folder
}

t.test('a full disk is 503 and recovers by itself; nothing acknowledged is lost', async t => {
  const disk = smallDisk(t)
  const folder = t.testdir({ own: {} })
  const limits = { segmentBytes: 1 << 20, maxFrameBytes: 1 << 18, diskReserveBytes: 1 << 16, checkpointMs: 300 }
  const config = configFile(`${folder}/own`, limits)
  const data = disk ? `${disk}/data` : `${folder}/data`
  const node = await startNode({ data, shards: 1, args: ['--config', config] })
  const customers = await createCustomers(node, 3)
  const traffic = new Traffic(() => node, customers, seededRandom(3))
  traffic.start(2)
  await traffic.progress(20, 20_000)
  for (let round = 0; round < 2; round++) {
    let recover: () => void
    if (disk) {
      const ballast = `${disk}/ballast`
      spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=64k'])
      recover = () => fs.rmSync(ballast)
    } else {
      // Without a disk of our own: no file of the shard may grow.
      const pid = String(node.shardPids()[0])
      spawnSync('prlimit', ['--pid', pid, '--fsize=65536:'])
      recover = () => void spawnSync('prlimit', ['--pid', pid, '--fsize=unlimited:'])
    }
    const refused = () => traffic.counts.refusals['disk-full'] ?? 0
    const before = refused()
    await eventually(async () => (refused() > before + 3 ? true : undefined), 60_000)
    t.equal(typeof (await node.value(customers[0]!.queryKey, '(total "events")')), 'number', 'queries go on')
    t.equal((await node.request('/healthz', '')).status, 200)
    if (disk && round === 1) {
      // A shard that dies now has no room to begin again: it waits for some, and the node with it.
      killPid(node.shardPids()[0]!)
      await eventually(async () => (/No space|ENOSPC|reserve/.test(node.stderr) ? true : undefined), 60_000)
    }
    recover()
    const then = traffic.counts.batches
    await traffic.progress(20, 60_000)
    t.ok(traffic.counts.batches >= then + 20, 'it goes on by itself')
  }
  await traffic.rest()
  t.same(await traffic.differences(), [])
  t.comment(`${disk ? 'tmpfs' : 'file-size limit'}: ${JSON.stringify(traffic.counts)}`)
  await node.kill()
  const again = await startNode({ data, shards: 1, args: ['--config', config] })
  t.same(await traffic.differences(again), [], 'and after kill -9')
  await traffic.end()
  t.equal(await again.stop(), 0)
})

t.test('R12: a failing fsync acknowledges nothing; the shard ends and recovers into a fresh segment', async t => {
  const folder = t.testdir({})
  const sabotage = new Sabotage(folder)
  const node = await sabotage.start({ data: `${folder}/data`, shards: 1 })
  const customers = await createCustomers(node, 3)
  const traffic = new Traffic(() => node, customers, seededRandom(4))
  traffic.start(2)
  for (let round = 1; round <= 3; round++) {
    await traffic.progress(20, 30_000)
    const segments = fs.readdirSync(`${folder}/data/journal/0`).filter(name => name.endsWith('.segment'))
    sabotage.order({ syncFails: 'EIO' }, node.shardPids())
    const ends = () => node.stderr.split('no longer be trusted').length - 1
    await eventually(async () => (ends() >= round ? true : undefined), 60_000)
    sabotage.order({})
    await eventually(
      async () => ((await metric(node, 'lethe_shard_restarts_total')) >= round ? true : undefined),
      60_000,
    )
    await traffic.progress(20, 30_000)
    const now = fs.readdirSync(`${folder}/data/journal/0`).filter(name => name.endsWith('.segment'))
    t.ok(
      now.some(name => !segments.includes(name)),
      'a fresh segment',
    )
  }
  await traffic.rest()
  t.same(await traffic.differences(), [])
  t.ok(traffic.counts.unanswered > 0)
  await traffic.end()
  t.equal(await node.stop(), 0)
})

t.test('an fsync of 2 s: the queue is bounded, then 503, memory stays flat, and it goes on', async t => {
  const folder = t.testdir({})
  const sabotage = new Sabotage(folder)
  const config = configFile(folder, { maxInFlightRequests: 60, maxInboxRequests: 30, maxFrameBytes: 1 << 20 })
  const node = await sabotage.start({ data: `${folder}/data`, shards: 1, args: ['--config', config] })
  const [customer] = await createCustomers(node, 1)
  t.equal((await node.send(customer!.ingestKey, event('first'))).status, 202)
  const resident = () => metric(node, 'lethe_resident_memory_bytes')
  const before = await resident()
  sabotage.order({ syncMs: 2_000 }, node.shardPids())
  const padding = 'y'.repeat(20_000)
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => node.send(customer!.ingestKey, { ...event(`slow-${i}`), padding })),
  )
  const taken = answers.filter(answer => answer.status === 202).length
  const refused = answers.filter(answer => answer.status === 503).length
  t.ok(taken > 0 && refused > 0, `${taken} taken, ${refused} refused`)
  t.equal(taken + refused, 200)
  t.ok(taken <= 70, 'no more than the bounds say')
  t.ok((await resident()) - before < 128 * 1024 * 1024, 'memory is flat')
  sabotage.order({}, node.shardPids())
  await eventually(async () =>
    (await node.send(customer!.ingestKey, event('last'))).status === 202 ? true : undefined,
  )
  t.equal(await node.value(customer!.queryKey, '(count "event" "x")'), taken + 2)
  t.equal(await metric(node, 'lethe_shard_restarts_total'), 0)
  t.equal(await node.stop(), 0)
})

t.test("a customer's file grows far beyond its first map, under load", async t => {
  const folder = t.testdir({})
  const config = configFile(folder, { checkpointMs: 200 })
  let node = await startNode({ data: `${folder}/data`, shards: 1, args: ['--config', config] })
  const [ingest, query] = [node.secret('lik'), node.secret('lqk')]
  const batches = 24
  for (let batch = 0; batch < batches; batch++) {
    const events = Array.from({ length: 1_000 }, (_, i) =>
      event(`${batch}-${i}`, `a name that takes some room in the file ${'n'.repeat(120)} ${batch}-${i}`),
    )
    const answer = await node.send(ingest, events)
    if (answer.status !== 202) t.fail(answer.text)
  }
  await node.kill()
  node = await startNode({ data: `${folder}/data`, shards: 1, args: ['--config', config] })
  t.equal(await node.value(query, '(length (keys "event"))'), batches * 1_000)
  t.equal(await node.value(query, '(total "event")'), batches * 1_000)
  t.equal(await node.stop(), 0)
  const sizes = (fs.readdirSync(`${folder}/data/customers`, { recursive: true }) as string[])
    .filter(name => name.endsWith('.mdb'))
    .map(name => fs.statSync(path.join(folder, 'data/customers', name)).size)
  t.ok(Math.max(...sizes) > 8 << 20, `${sizes} bytes`)
})

// The journal has trimmed what the file had; memory has it still.
t.test('R9: a file found damaged at a checkpoint is set aside and written anew from memory', async t => {
  const folder = t.testdir({})
  const data = `${folder}/data`
  // A pool of two files: the others are closed, and looked at again when they are opened.
  const limits = { checkpointMs: 200, maxOpenFiles: 2, segmentBytes: 1 << 18, maxFrameBytes: 1 << 17 }
  const options = { data, shards: 1, args: ['--config', configFile(folder, limits)] }
  let node = await startNode(options)
  const customers = await createCustomers(node, 6)
  const traffic = new Traffic(() => node, customers, seededRandom(11))
  traffic.start(1)
  await traffic.progress(300, 60_000)
  const files = () =>
    (fs.readdirSync(`${data}/customers`, { recursive: true }) as string[]).filter(name => /^..\/\w+\.mdb$/.test(name))
  await eventually(async () => (files().length >= customers.length ? true : undefined))
  let damaged = 0
  for (const [name, damage] of Object.entries(DAMAGES)) {
    // Only one that nobody has mapped: a page that vanishes under LMDB is a SIGBUS, which is another test.
    const [shard] = node.shardPids()
    killPid(shard!, 'SIGSTOP')
    await eventually(async () => (/\) T /.test(fs.readFileSync(`/proc/${shard}/stat`, 'utf8')) ? true : undefined))
    const mapped = fs.readFileSync(`/proc/${shard}/maps`, 'utf8')
    const file = files().find(file => !mapped.includes(file))
    if (file === undefined) t.fail('every file is mapped')
    else damage(path.join(data, 'customers', file))
    killPid(shard!, 'SIGCONT')
    await eventually(async () => ((await metric(node, 'lethe_files_set_aside')) > damaged ? true : undefined), 60_000)
    damaged++
    await traffic.progress(60, 60_000)
    await traffic.rest()
    t.same(await traffic.differences(), [], name)
    traffic.goOn()
  }
  await traffic.rest()
  await eventually(async () => ((await metric(node, 'lethe_checkpoint_age_seconds')) === 0 ? true : undefined))
  t.equal(await metric(node, 'lethe_shard_restarts_total'), 0)
  t.equal(await metric(node, 'lethe_customer_crashes_total'), 0)
  await node.kill()
  node = await startNode(options)
  t.same(await traffic.differences(), [], 'and the fresh files have it')
  await traffic.end()
  t.equal(await node.stop(), 0)
})

const DAMAGES: Record<string, (file: string) => void> = {
  emptied: file => fs.truncateSync(file),
  // A single page may be one that nothing refers to any more.
  'all pages but the first two': file => fs.writeFileSync(file, fs.readFileSync(file).fill(0xa5, 8192)),
}

for (const [kind, damage] of Object.entries(DAMAGES)) {
  t.test(`a customer's file, ${kind}: set aside, rebuilt from the journal, others untouched`, async t => {
    const folder = t.testdir({})
    const data = `${folder}/data`
    const config = configFile(folder, { segmentBytes: 1 << 18, maxFrameBytes: 1 << 17, checkpointMs: 200 })
    const options = { data, shards: 1, args: ['--config', config] }
    let node = await startNode(options)
    const customers = await createCustomers(node, 3)
    const [victim, neighbour, recent] = customers as [Customer, Customer, Customer]
    let number = 0
    const fill = async (customer: Customer, name: string, batches: number) => {
      for (let batch = 0; batch < batches; batch++) {
        const events = Array.from({ length: 200 }, () => event(`${number++}`, name))
        const answer = await node.send(customer.ingestKey, events)
        if (answer.status !== 202) t.fail(answer.text)
      }
    }
    // More than some segments: what is in their files is gone from the journal.
    await fill(victim, 'old', 10)
    await fill(neighbour, 'old', 60)
    t.equal(await node.stop(), 0)
    node = await startNode(options)
    await fill(neighbour, 'old', 20)
    await fill(victim, 'new', 2)
    await fill(recent, 'new', 2)
    t.equal(await node.stop(), 0)

    const fileOf = (id: string) => {
      const shown = spawnSync(process.execPath, [...inspectArguments(data, id)], { encoding: 'utf8' }).stdout
      return path.join(data, (JSON.parse(shown) as { customers: { file: string }[] }).customers[0]!.file)
    }
    damage(fileOf('c-0'))
    damage(fileOf('c-2'))

    node = await startNode(options)
    t.equal(await node.value(victim.queryKey, '(count "event" "new")'), 400, 'what the journal has is there')
    t.equal(await node.value(recent.queryKey, '(count "event" "new")'), 400, 'and it has all of one that came late')
    t.equal(await node.value(neighbour.queryKey, '(count "event" "old")'), 80 * 200)
    t.match(node.stderr, /c-0.*set aside|set aside.*c-0/, 'named in the log')
    t.equal(await metric(node, 'lethe_files_set_aside'), 2)
    t.equal(fs.readdirSync(`${data}/customers/aside`).filter(name => name.endsWith('.mdb')).length, 2)
    const old = await node.value(victim.queryKey, '(count "event" "old")')
    t.comment(`of 2,000 old events the journal still had ${old}`)
    await fill(victim, 'more', 1)
    for (const end of ['kill', 'stop'] as const) {
      await node[end]()
      node = await startNode(options)
      t.equal(await node.value(victim.queryKey, '(count "event" "new")'), 400, `after ${end}`)
      t.equal(await node.value(victim.queryKey, '(count "event" "old")'), old)
      t.equal(await node.value(victim.queryKey, '(count "event" "more")'), 200)
      t.equal(await node.value(recent.queryKey, '(count "event" "new")'), 400)
    }
    t.equal(await node.stop(), 0)
  })
}

function inspectArguments(data: string, id: string): string[] {
  return [new URL('../../src/cli/main.js', import.meta.url).pathname, 'inspect', data, id, '--json']
}

t.test('R2: a damaged frame before the last: the node refuses to guess, and says where', async t => {
  const folder = t.testdir({})
  const data = `${folder}/data`
  const node = await startNode({ data, shards: 1 })
  const ingest = node.secret('lik')
  for (let i = 0; i < 6; i++) t.equal((await node.send(ingest, event(`e-${i}`))).status, 202)
  await node.kill()
  const segment = fs
    .readdirSync(`${data}/journal/0`)
    .filter(name => name.endsWith('.segment'))
    .map(name => `${data}/journal/0/${name}`)
    .find(file => fs.readFileSync(file).includes('e-2'))!
  const bytes = fs.readFileSync(segment)
  const at = bytes.indexOf('e-2')
  bytes[at]! ^= 1
  fs.writeFileSync(segment, bytes)
  const refused = launchNode({ data, shards: 1 })
  t.equal(await refused.exited, 1)
  t.match(refused.stderr, path.basename(segment))
  const frame = Math.floor(at / 4096) * 4096
  t.match(refused.stderr, new RegExp(`\\b${frame}\\b`), 'file and byte')
  t.comment(refused.stderr.trim().split('\n').at(-1))
  bytes[at]! ^= 1
  fs.writeFileSync(segment, bytes)
  const healed = await startNode({ data, shards: 1 })
  t.equal(await healed.value(node.secret('lqk'), '(count "event" "x")'), 6, 'repaired, it starts and has everything')
  t.equal(await healed.stop(), 0)
})
