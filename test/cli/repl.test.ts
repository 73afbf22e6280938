// The dialogue of the REPL, without a terminal, and once over a pipe.
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { helpText, isComplete, LocalTarget, NodeTarget, Repl, runRepl } from '../../src/cli/repl.js'

const clock = { nowMs: () => 0, monotonicMs: () => 0 }

/** What is printed for these lines. */
async function dialogue(...lines: string[]): Promise<string> {
  let printed = ''
  const repl = new Repl(new LocalTarget(), text => (printed += text), clock)
  for (const line of lines) if (!(await repl.line(line))) break
  return printed
}

t.test('an input is complete when its parentheses and strings are closed, or it is plain wrong', async t => {
  for (const text of ['', '(+ 1 2)', 'x', '"a(" (b)', ')', '; (', '(a . b)', '#;(a) b']) t.ok(isComplete(text), text)
  for (const text of ['(', '(+ 1', '"a', "'", '(a "b)', '#|', '`(1 ,']) t.notOk(isComplete(text), text)
})

t.test('values are written, definitions stay, several lines make one input', async t => {
  t.equal(await dialogue('(+ 1 2)'), '3\n')
  t.equal(await dialogue('(define (double x)', '  (* 2 x))', '', '(double 21)'), '42\n')
  t.equal(await dialogue('(display "hi")'), 'hi\n')
  t.equal(await dialogue('(begin (display "hi") 5)'), 'hi\n5\n')
})

t.test('an error is shown, and the dialogue goes on', async t => {
  t.match(
    await dialogue('(car 5)', '(+ 1 1)'),
    /^wrong-type: `car` wanted a pair, got 5 \(line 1, column 1\)[\s\S]*\n2\n$/,
  )
})

t.test('help shows the docstring of any procedure, and finds what was meant', async t => {
  t.match(await dialogue(',help count'), /^\(count TABLE \[KEY\] \[DAYS\]\)\n {2}A counter's sum/)
  t.match(await dialogue(',help map'), /\(map PROCEDURE LIST \.\.\.\)/)
  t.match(await dialogue(',help stickiness'), /0\.75/)
  t.match(await dialogue(',help bump!'), /Adds N/)
  t.match(helpText('uniqes', ['uniques']), /Did you mean uniques/)
  t.match(helpText('let', []), /syntax/)
  t.match(await dialogue(',help'), /,time EXPR[\s\S]*crash-free-users/)
})

t.test('time, names, quit and unknown commands', async t => {
  t.equal(await dialogue(',time (+ 1 2)'), '3\n0.0 ms\n')
  t.equal(await dialogue(',time (+ 1', '2)', '4'), '3\n0.0 ms\n4\n')
  t.equal(await dialogue(',time', '4'), '4\n')
  t.match(await dialogue(',names sketch-un'), 'sketch-union')
  t.equal(await dialogue(',quit', '(+ 1 2)'), '')
  t.match(await dialogue(',frobnicate'), /^There is no ,frobnicate/)
})

t.test('names are completed, also those just defined', async t => {
  const repl = new Repl(new LocalTarget(), () => {}, clock)
  await repl.line('(define stick-to-it 1)')
  t.strictSame(repl.complete('(list stick'), [['stick-to-it', 'stickiness'], 'stick'])
  t.strictSame(repl.complete('(list '), [[], ''])
})

t.test('against a node, definitions go along with every later query', async t => {
  const queries: string[] = []
  const server = http.createServer((request, response) => {
    let body = ''
    request.on('data', piece => (body += piece))
    request.on('end', () => {
      const { query } = JSON.parse(body) as { query: string }
      queries.push(query)
      const refused = query.includes('(car 5)')
      response.writeHead(refused ? 400 : 200, { 'Content-Type': 'application/json' })
      response.end(
        JSON.stringify(
          refused
            ? { status: 'error', code: 'wrong-type', message: 'no', line: 2, column: 1 }
            : { written: '7', output: '' },
        ),
      )
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const target = new NodeTarget({ url: `http://127.0.0.1:${port}`, key: 'k' })
  await target.evaluate('(define x 1) (+ x 1)')
  t.strictSame(await target.evaluate('(+ x 6)'), { ok: true, text: '7' })
  t.strictSame(queries, ['(define x 1) (+ x 1)', '(define x 1)\n(+ x 6)'])
  t.strictSame(await target.evaluate('(car 5)'), { ok: false, text: 'wrong-type: line 1, column 1: no' })
  t.ok([...target.names()].includes('x'))
  await target.evaluate('(define x (+ x 1))')
  await target.evaluate('(begin ( define (((y) a) b) 2) (list 1))(set! x 5) (list 3)')
  await target.evaluate('y')
  t.equal(queries.at(-1), '(define x 1)\n(define x (+ x 1))\n(begin ( define (((y) a) b) 2) (list 1))\n(set! x 5)\ny')
  t.ok([...target.names()].includes('y'))
})

t.test('over a pipe it answers line by line', async t => {
  const input = new PassThrough()
  const output = new PassThrough()
  let printed = ''
  output.on('data', piece => (printed += piece))
  input.end('(define x 20)\n(+ x\n 1)\n,quit\n')
  await runRepl(new LocalTarget(), clock, input, output)
  t.equal(printed, '21\n')
})

t.test('over a pipe that ends within a form, it says so', async t => {
  const input = new PassThrough()
  const output = new PassThrough()
  let printed = ''
  output.on('data', piece => (printed += piece))
  input.end('5\n(+ 1\n  (* 2')
  await runRepl(new LocalTarget(), clock, input, output)
  t.equal(printed, '5\nsyntax-error: a parenthesis is not closed (line 2, column 3)\n')
})
