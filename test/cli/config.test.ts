// Configuration: what beats what, and what a person is told who got it wrong.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { readConfig } from '../../src/cli/config.js'
import { fitToDescriptors, MIN_DESCRIPTORS } from '../../src/cli/descriptors.js'
import { nearest } from '../../src/cli/nearest.js'
import { defaultLimits } from '../../src/core/limits.js'

const folder = t.testdir({
  'good.toml': 'port = 8080\nretention = 30\njson-log = true\n[limits]\nmaxBodyBytes = 5000\n',
  'stranger.toml': 'prot = 8080\n',
  'limit.toml': '[limits]\nmaxBodyByte = 5\n',
  'state.toml': '[limits]\nmaxIdBytes = 5\n',
  'bad-value.toml': '[limits]\nmaxBodyBytes = "much"\n',
  'broken.toml': 'port = = 1\n',
  'secret.toml': 'adminToken = "lat_0123456789abcdefghij"\n',
})
const file = (name: string) => path.join(folder, name)

t.test('defaults are those of the contract', async t => {
  const config = await readConfig({}, {})
  t.match(config, { host: '127.0.0.1', port: 7070, retention: 7, jsonLog: false, adminToken: undefined })
  t.equal(config.data, path.resolve('data'))
  t.equal(config.shards, os.availableParallelism())
})

t.test('flags beat the environment, the environment beats the file, the file beats the defaults', async t => {
  const environment = { LETHE_PORT: '8081', LETHE_HOST: '0.0.0.0', LETHE_SHARDS: '3', LETHE_JSON_LOG: '0' }
  const config = await readConfig({ port: '8082', config: file('good.toml') }, environment)
  t.match(config, { port: 8082, host: '0.0.0.0', shards: 3, retention: 30, jsonLog: false })
  t.equal(config.limits.maxBodyBytes, 5000)
  t.equal((await readConfig({}, { LETHE_CONFIG: file('good.toml') })).port, 8080)
})

t.test('each fault says where it stands and what would be right', async t => {
  const cases: [Record<string, unknown>, Record<string, string>, RegExp][] = [
    [{ port: 'x' }, {}, /--port must be a whole number from 0 to 65535.*"x"/],
    [{ port: '70000' }, {}, /--port must be 65535 or less/],
    [{}, { LETHE_PORT: '-1' }, /LETHE_PORT must be 0 or more/],
    [{ shards: 'many' }, {}, /--shards must be "auto" or a whole number/],
    [{}, { LETHE_RETENTION: '0' }, /LETHE_RETENTION must be 1 or more/],
    [{}, { LETHE_ADMIN_TOKEN: 'short' }, /LETHE_ADMIN_TOKEN must be 20 to 64 letters, digits and _$/],
    [{ config: file('stranger.toml') }, {}, /there is no setting prot; did you mean port\?/],
    [{ config: file('limit.toml') }, {}, /there is no limit maxBodyByte .*did you mean maxBodyBytes\?/],
    [{ config: file('state.toml') }, {}, /limits.maxIdBytes .* cannot be changed/],
    [{ config: file('bad-value.toml') }, {}, /limits.maxBodyBytes in .*bad-value.toml must be a whole number/],
    [{ config: file('broken.toml') }, {}, /broken.toml is not TOML/],
    [{ config: file('secret.toml') }, {}, /set LETHE_ADMIN_TOKEN/],
    [{ config: file('missing.toml') }, {}, /cannot read the configuration/],
  ]
  for (const [flags, environment, message] of cases) {
    await t.rejects(readConfig(flags, environment), { code: 'config', message })
  }
  await t.rejects(readConfig({ port: 'x', retention: 'y' }, {}), { message: /--port.*\n.*--retention/ })
})

// What was taken under one limit is read again under it, whatever a file says meanwhile.
t.test('R14: every limit that is marked as shaping state is refused in a file, and no other', async t => {
  const source = fs.readFileSync('src/core/limits.ts', 'utf8')
  for (const [, comment, names] of source.matchAll(/\/\*\*(.*?)\*\/\n((?: {2}\w+: .*\n)+)/g)) {
    for (const [, name = ''] of names!.matchAll(/^ {2}(\w+):/gm)) {
      const one = path.join(folder, 'one.toml')
      fs.writeFileSync(one, `[limits]\n${name} = 7\n`)
      const read = readConfig({ config: one }, {})
      if (/\bstate\)/.test(comment!)) await t.rejects(read, { message: /cannot be changed/ }, name)
      else t.equal(((await read).limits as Record<string, number>)[name], 7, name)
    }
  }
})

t.test('descriptors are shared out: files, loads, checkpoints and connections stay within them', async t => {
  for (const descriptors of [MIN_DESCRIPTORS, 256, 1024, 4096, 1_048_576, Number.POSITIVE_INFINITY]) {
    for (const shards of [1, 2, 16]) {
      const fit = fitToDescriptors(defaultLimits, descriptors, shards)
      t.ok(60 + 2 * shards + 6 * fit.maxOpenFiles + fit.maxConnections <= descriptors, `${descriptors}, ${shards}`)
      t.ok(fit.maxLoadsAtOnce + fit.maxCheckpointsAtOnce <= fit.maxOpenFiles)
      t.ok(fit.maxLoadsAtOnce >= 1 && fit.maxConnections >= 8)
    }
  }
  t.same(fitToDescriptors(defaultLimits, Number.POSITIVE_INFINITY, 16), defaultLimits)
})

t.test('the nearest word is found, a far one is not guessed', async t => {
  t.equal(nearest('prot', ['port', 'host']), 'port')
  t.equal(nearest('retntion', ['retention', 'port']), 'retention')
  t.equal(nearest('colour', ['port', 'host']), undefined)
})
