// Ports and sockets of a node: who has them, and where they lie.
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { claimPort } from '../../src/cli/port.js'
import { socketFolder, socketPath } from '../../src/cli/sockets.js'
import { rowsOf, textTable } from '../../src/cli/text-table.js'

t.test('port 0 becomes a free port, which is held until it is released', async t => {
  const claim = await claimPort('127.0.0.1', 0)
  t.ok(claim.port > 0)
  if (process.platform === 'linux') await t.rejects(claimPort('127.0.0.1', claim.port), { code: 'port-taken' })
  claim.release()
})

// The kernel calls a port free that a node has claimed and does not listen on yet.
t.test('port 0 passes over ports that other nodes have claimed', { skip: process.platform !== 'linux' }, async t => {
  const claims = await Promise.all(Array.from({ length: 200 }, () => claimPort('127.0.0.1', 0)))
  t.equal(new Set(claims.map(({ port }) => port)).size, 200)
  for (const claim of claims) claim.release()
})

t.test('a taken port is refused, and the message says by whom', async t => {
  const other = net.createServer(socket => socket.end())
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as net.AddressInfo
  await t.rejects(claimPort('127.0.0.1', port), { code: 'port-taken', message: /another program/ })
  other.close()
  const lethe = http.createServer((_request, response) => response.end('{"name":"lethe","version":"9.9.9"}'))
  await new Promise<void>(resolve => lethe.listen(0, '127.0.0.1', resolve))
  const taken = (lethe.address() as net.AddressInfo).port
  await t.rejects(claimPort('127.0.0.1', taken), { message: /a Lethe node \(version 9\.9\.9\)/ })
  lethe.closeAllConnections()
  lethe.close()
})

t.test('sockets lie in the data folder, or in a private temporary one where its path is too long', async t => {
  const data = t.testdir({})
  const folder = socketFolder(data)
  if (data.length < 70) t.equal(folder, path.join(data, 'run'))
  const deep = path.join(data, 'x'.repeat(120))
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'l-'))
  const short = socketFolder(deep, temporary)
  t.ok(Buffer.byteLength(socketPath(short, 255, 999_999)) <= 107)
  t.equal(fs.statSync(short).mode & 0o777, 0o700)
  fs.writeFileSync(socketPath(short, 0, 1), '')
  t.equal(socketFolder(deep, temporary), short)
  t.same(fs.readdirSync(short), [], 'dead sockets are removed')
  fs.rmSync(temporary, { recursive: true })
})

t.test('a folder that is a link of somebody else is not used', async t => {
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'l-'))
  const deep = path.join(temporary, 'x'.repeat(120))
  const short = socketFolder(deep, temporary)
  fs.rmdirSync(short)
  fs.symlinkSync('/', short)
  t.throws(() => socketFolder(deep, temporary), { code: 'socket-folder' })
  fs.rmSync(temporary, { recursive: true })
})

t.test('tables align, numbers to the right', async t => {
  t.equal(
    textTable(
      [
        ['a', 1],
        ['bcd', 200],
      ],
      ['key', 'n'],
    ),
    'key    n\n───  ───\na      1\nbcd  200\n',
  )
  t.same(rowsOf(7), [[7]])
  t.same(rowsOf([1, [2, 3]]), [[1], [2, 3]])
  t.equal(textTable([]), '')
})
