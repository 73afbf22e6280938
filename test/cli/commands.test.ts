// The commands as a person types them, against a real node.
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { lethe, startNode } from '../node/harness.js'

t.test('help names every command, and each command has its own', async t => {
  const help = await lethe(['--help'])
  t.equal(help.code, 0)
  for (const command of ['serve', 'eval', 'query', 'customer', 'inspect', 'admin-token']) {
    t.match(help.stdout, new RegExp(`^  ${command}`, 'm'))
    const own = await lethe([command, '--help'])
    t.equal(own.code, 0, command)
    t.match(own.stdout, /Usage: lethe/)
  }
  t.match((await lethe(['serve', '--help'])).stdout, /--retention .*default 7/)
})

t.test('a wrong flag or command names the nearest right one', async t => {
  const flag = await lethe(['serve', '--prot', '7071'])
  t.not(flag.code, 0)
  t.match(flag.stderr, /--prot.*\n.*--port/)
  const command = await lethe(['custmer', 'list'])
  t.not(command.code, 0)
  t.match(command.stderr, /customer/)
  t.match((await lethe(['query', '--frmat', 'json', '1'])).stderr, /--format/)
})

t.test('eval prints the value, or the error and 1', async t => {
  t.same(await lethe(['eval', '-e', '(+ 1 2)']), { code: 0, stdout: '3\n', stderr: '' })
  const folder = t.testdir({ 'a.scm': '(define (f x) (* x 2))\n(f 21)\n' })
  t.equal((await lethe(['eval', path.join(folder, 'a.scm')])).stdout, '42\n')
  t.equal((await lethe(['eval', '-'], {}, '(display "hi") 1')).stdout, 'hi\n1\n')
  const both = await lethe(['eval', '-e', '(f 4)', path.join(folder, 'a.scm')])
  t.same(both, { code: 0, stdout: '8\n', stderr: '' }, 'the file is there for the expression')
  const nowhere = await lethe(['eval', path.join(folder, 'b.scm')])
  t.equal(nowhere.code, 1)
  t.match(nowhere.stderr, /^lethe: cannot read .*b\.scm: ENOENT/, 'and no stack')
  const wrong = await lethe(['eval', '-e', '(car 1)'])
  t.equal(wrong.code, 1)
  t.match(wrong.stderr, /wrong-type/)
})

t.test('a node that is not there is said to be not there', async t => {
  const nobody = await lethe(['query', '--url', 'http://127.0.0.1:1', '--key', 'lqk_00000000000000000000', '1'])
  t.equal(nobody.code, 1)
  t.match(nobody.stderr, /cannot reach a node at http:\/\/127.0.0.1:1/)
  t.match((await lethe(['query', '1'])).stderr, /--key, or LETHE_KEY/)
  t.match((await lethe(['customer', 'list'])).stderr, /LETHE_ADMIN_TOKEN/)
})

t.test('query, customer, inspect and admin-token do what they say', async t => {
  const folder = t.testdir({ 'program.scm': '(define (on-event e) (bump! "mine" (field e \'name)))\n' })
  const data = path.join(folder, 'data')
  const node = await startNode({ data })
  const token = node.secret('lat')
  const env = { LETHE_URL: node.url, LETHE_ADMIN_TOKEN: token, LETHE_KEY: node.secret('lqk') }
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await lethe(args, env)
    t.equal(code, 0, `${args.join(' ')}: ${stderr}`)
    return stdout
  }
  await node.send(node.secret('lik'), [
    { type: 'event', name: 'a' },
    { type: 'event', name: 'a' },
    { type: 'event', name: 'b' },
  ])
  t.equal(await run('query', '(count "event" "a")'), '2\n')
  t.match(await run('query', '--format', 'json', '--param', 'name=b', '(count "event" name)'), /"value":1/)
  t.equal(await run('query', '--format', 'table', '(top 2 "event")'), 'a  2\nb  1\n')
  t.match(await run('query', '--format', 'csv', '(top 2 "event")'), /^a,2\r?\nb,1\r?\n$/)
  const bad = await lethe(['query', '(nothing)'], env)
  t.equal(bad.code, 1)
  t.match(bad.stderr, /line 1, column/)

  const made = await run('customer', 'create', 'acme')
  t.match(made, /lik_\w+[\s\S]*lqk_\w+/)
  t.match(await run('customer', 'list'), /acme[\s\S]*demo/)
  t.match(await run('customer', 'block', 'acme'), /acme is blocked/)
  t.match(await run('customer', 'unblock', 'acme'), /not blocked/)
  t.match(await run('customer', 'quota', 'acme', '--per-second', '5'), /events a second +5/)
  t.match(await run('customer', 'retention', 'acme', '3'), /retention +3/)
  const key = (await run('customer', 'keys', 'acme', '--add', 'ingest')).trim()
  t.match(key, /^lik_/)
  t.notMatch(await run('customer', 'keys', 'acme', '--remove', key.slice(0, 12)), new RegExp(key))
  t.match(await run('customer', 'program', 'acme', '--put', path.join(folder, 'program.scm')), /its own program/)
  t.match(await run('customer', 'program', 'acme'), /bump! "mine"/)
  t.match(await run('customer', 'program', 'acme', '--reset'), /built-in/)
  t.equal(JSON.parse(await run('customer', 'show', 'acme', '--json')).id, 'acme')
  t.match(await run('customer', 'delete', 'acme'), /deleted/, 'a script is not asked')
  t.equal((await lethe(['customer', 'show', 'acme'], env)).code, 1)

  t.match((await lethe(['inspect', data])).stderr, /is in use by a Lethe node/)
  t.equal(await node.stop(), 0)
  t.match(await run('inspect', data), /demo +[1-9]/)
  const demo = await run('inspect', data, 'demo')
  t.match(demo, /journal position +[1-9]/)
  t.match(demo, /slot +day +pages\n.*\n +\d+ +\d{4}-\d\d-\d\d/)
  t.match(demo, /table +kind +keys/)
  t.match(demo, /\nevent +counter +2\n/)
  const inJson = JSON.parse(await run('inspect', data, '--json')).customers[0]
  t.equal(inJson.customer, 'demo')
  t.same(
    inJson.tables.find((table: { table: string }) => table.table === 'event'),
    { table: 'event', kind: 'counter', keys: 2 },
  )
  t.equal((await lethe(['inspect', data, 'nobody'])).code, 1)
  t.equal((await lethe(['inspect', folder])).code, 1)
  const fresh = (await run('admin-token', '--reset', data)).trim()
  const again = await startNode({ data })
  t.equal((await again.admin(token, 'GET', '/v1/customers')).status, 401)
  t.equal((await again.admin(fresh, 'GET', '/v1/customers')).status, 200)
  t.equal(await again.stop(), 0)
  t.ok(fs.existsSync(path.join(data, 'control')))
})

t.test('help never prints a secret that the environment holds', async t => {
  const secret = 'lat_0123456789abcdef0123'
  for (const args of [['customer', 'list'], ['query'], ['repl']]) {
    const { stdout } = await lethe([...args, '--help'], { LETHE_ADMIN_TOKEN: secret, LETHE_KEY: secret })
    t.match(stdout, /Usage/)
    t.notMatch(stdout, secret)
  }
})
