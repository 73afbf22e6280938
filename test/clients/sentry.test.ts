// A real Sentry SDK, pointed at a real node by its DSN and nothing else.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startNode } from '../node/harness.js'

const APP = fileURLToPath(new URL('./sentry-app.js', import.meta.url))

function runApp(dsn: string, mode: string): Promise<{ code: number | null; stderr: string }> {
  return new Promise(resolve => {
    const env = { ...process.env }
    delete env['NODE_OPTIONS']
    const child = spawn(process.execPath, [APP, dsn, mode], { env, stdio: ['ignore', 'ignore', 'pipe'] })
    let stderr = ''
    child.stderr.on('data', data => {
      stderr += data
    })
    child.on('close', code => resolve({ code, stderr }))
  })
}

t.test('@sentry/node reports crashes, errors, users, releases, sessions and transactions', async t => {
  const node = await startNode({ data: t.testdir() })
  t.teardown(() => node.stop())
  const query = node.secret('lqk')
  const dsn = `http://${node.secret('lik')}@${new URL(node.url).host}/1`
  const ask = (source: string) => node.value(query, source)

  const ended = await Promise.all(['handled', 'session', 'transaction'].map(mode => runApp(dsn, mode)))
  t.same(
    ended.map(({ code }) => code),
    [0, 0, 0],
  )
  t.equal(await ask('(count "events" "error")'), 5, 'handled exceptions are errors')
  t.equal(await ask('(count "events" "crash")'), 3, 'fatal ones are crashes')
  t.equal(await ask('(count "event" "till opened")'), 1, 'a message is an event')
  t.equal(await ask('(uniques "users")'), 6, 'five who met errors, and one who had a session')
  t.equal(await ask('(count "crashes/app" "2.3.1")'), 3, 'the version of name@version is the app')
  const groups = (await ask(
    '(map (lambda (g) (list (cdr (assq (quote title) g)) (cdr (assq (quote count) g)) (cdr (assq (quote users) g)))) (groups))',
  )) as [string, number, number][]
  t.equal(groups.length, 2, 'one group for each bug, whatever the message counts')
  t.match(groups[0], [/RangeError/, 3, 1], 'crashes come before errors')
  t.match(groups[1], [/TypeError/, 5, 5])

  t.ok(Number(await ask('(count "sessions")')) >= 1)
  t.equal(await ask('(count "transaction" "checkout success")'), 1)

  const before = Number(await ask('(count "crashes")'))
  const [uncaught] = await Promise.all([runApp(dsn, 'uncaught'), runApp(dsn, 'rejection')])
  t.equal(uncaught!.code, 1, 'the app dies as it would')
  t.equal(
    await ask('(count "crashes")'),
    before + 2,
    'an uncaught exception is a crash, and so is an unhandled rejection',
  )
  t.ok(Number(await ask('(count "sessions/crashed")')) >= 1, 'and its session crashed')
  const ledger = (await ask('(ledger)')) as [string, number][]
  const of = (name: string) => Number(ledger.find(row => row[0] === name)![1])
  t.equal(of('received'), of('applied') + of('duplicate'), 'nothing was dropped')
})
