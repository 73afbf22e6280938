// What real Sentry SDKs sent once, sent again to a real node, counts as what their programs had done.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { runReplay } from '../../src/cli/replay.js'
import { startNode } from '../node/harness.js'

const CAPTURES = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../../test/fixtures/captures')

interface Told {
  readonly counts: Record<string, number>
  readonly errorsByGroup: Record<string, number>
  readonly errorsByRelease: Record<string, number>
}

const told = (name: string) => JSON.parse(fs.readFileSync(path.join(CAPTURES, `${name}.sent.json`), 'utf8')) as Told
const sorted = (counts: Record<string, number>) => Object.values(counts).sort((a, b) => a - b)

for (const name of ['sentry-node', 'sentry-browser']) {
  t.test(`${name}: a replayed capture has the counts, groups and releases that its program told`, async t => {
    const node = await startNode({ data: t.testdir() })
    t.teardown(() => node.stop())
    const lines: string[] = []
    const file = path.join(CAPTURES, `${name}.jsonl`)
    const code = await runReplay([file, '--url', node.url, '--key', node.secret('lik')], line => lines.push(line))
    t.equal(code, 0)
    t.match(lines[0], /accepted [1-9]/)
    const ask = (source: string) => node.value(node.secret('lqk'), source)
    const { counts, errorsByGroup, errorsByRelease } = told(name)

    const faults = Number(await ask('(+ (count "events" "crash") (count "events" "error"))'))
    t.equal(faults, counts['errors'])
    const groups = (await ask(`(map (lambda (g) (cdr (assq 'count g))) (groups))`)) as number[]
    t.same(
      [...groups].sort((a, b) => a - b),
      sorted(errorsByGroup),
      'one group for each bug',
    )
    t.equal(await ask('(length (members "apps"))'), Object.keys(errorsByRelease).length)
    const ledger = (await ask('(ledger)')) as [string, number][]
    const of = (row: string) => Number(ledger.find(([key]) => key === row)![1])
    t.equal(of('received'), of('applied'), 'nothing was dropped')

    await runReplay([file, '--url', node.url, '--key', node.secret('lik')], () => {})
    t.equal(
      await ask('(+ (count "events" "crash") (count "events" "error"))'),
      faults,
      'event ids make a second replay harmless',
    )
  })
}
