// The bundle that `npm start` runs. (The other tests run the modules one by one, so that coverage sees them.)
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { SHARD_FLAGS } from '../../src/cli/shard-process.js'
import { startNode } from '../node/harness.js'

const built = fileURLToPath(new URL('../..', import.meta.url))
const bundled = path.join(built, 'bundled')
const main = path.join(bundled, 'cli/main.js')
const node = (args: readonly string[]) => spawnSync(process.execPath, args, { encoding: 'utf8' })

if (!fs.existsSync(main)) {
  const made = node(['scripts/bundle.mjs', built])
  if (made.status !== 0) throw new Error(made.stderr)
}

t.test('a node of the bundle takes an event, answers a query, and ends in order', async t => {
  const data = t.testdir({})
  const running = await startNode({ main, data, shards: 2 })
  t.equal((await running.send(running.secret('lik'), { type: 'event', name: 'hello', user: 'ada' })).status, 202)
  t.equal(await running.value(running.secret('lqk'), '(count "event" "hello")'), 1)
  t.match(await (await fetch(`${running.url}/metrics`)).text(), /lethe_events_total/)
  const listed = await running.admin(running.secret('lat'), 'GET', '/v1/customers')
  t.match(listed.body, { customers: [{ id: 'demo' }] })
  t.equal(await running.stop(), 0)
  t.match(node([main, 'inspect', data]).stdout, /demo +2 /)
})

t.test('it is strict, as modules are', async t => {
  for (const name of ['main', 'commands.code', 'shard-main.code'])
    t.match(fs.readFileSync(path.join(bundled, 'cli', `${name}.js`), 'utf8'), /^(#!.*\n)?['"]use strict['"];/, name)
})

t.test('the other commands are in it', async t => {
  t.equal(node([main, 'eval', '-e', '(+ 1 2)']).stdout, '3\n')
  t.match(node([main, '--help']).stdout, /lethe query/)
  t.equal(node([main, 'no-such-command']).status, 1)
  const tried = node([path.join(bundled, 'storage/try-file.js'), path.join(t.testdir({}), 'none'), '1'])
  t.not(tried.status, 0, 'what tries a suspect file says that there is none')
})

t.test('V8 takes the code that the build kept, with the flags of each process', async t => {
  const look = `
    const fs = require('node:fs')
    const { wrap } = require('node:module')
    const file = process.argv[1]
    const cachedData = fs.readFileSync(file + '.cache')
    const script = new (require('node:vm').Script)(wrap(fs.readFileSync(file + '.js', 'latin1')), { filename: file, cachedData })
    process.stdout.write(String(script.cachedDataRejected))`
  const taken = (name: string, flags: readonly string[]) =>
    node([...flags, '-e', look, path.join(bundled, 'cli', `${name}.code`)]).stdout
  t.equal(taken('commands', []), 'false')
  t.equal(taken('shard-main', SHARD_FLAGS), 'false')
  t.equal(taken('shard-main', ['--no-lazy']), 'true', 'and says so where it does not')
})

t.test('a stack names lines of src', async t => {
  const lost = node([
    '-e',
    `require(${JSON.stringify(path.join(bundled, 'cli/shard-main.js'))}); process.emit('message', { tag: 'start' })`,
  ])
  t.match(lost.stderr, /TypeError/)
  t.match(lost.stderr, /at begin\d* \(\S*\/src\/cli\/shard-main\.ts:\d+:\d+\)/)
  t.notMatch(lost.stderr, /shard-main\.code\.js/)
})
