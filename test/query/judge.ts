// Another Scheme as the judge of our cases: runs the standard ones (r4rs-*.scm) through Guile or Chicken and reports where
// they answer otherwise. They judge, not we.
//
//     npm run judge -- [guile|csi]

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCases } from './case-file.js'

const guile = `
(use-modules (ice-9 rdelim) (srfi srfi-1))
(define (run text)
  (let ((module (make-fresh-user-module)) (port (open-input-string text)))
    (module-use! module (resolve-interface '(srfi srfi-1)))
    (call-with-output-string
      (lambda (out)
        (catch #t
          (lambda ()
            (let loop ((last (if #f #f)))
              (let ((form (read port)))
                (if (eof-object? form)
                    (write last out)
                    (loop (call-with-values (lambda () (eval form module))
                            (lambda results (if (null? results) (if #f #f) (car results)))))))))
          (lambda (key . rest) (display "!error" out)))))))
(let loop ()
  (let ((text (read)))
    (if (not (eof-object? text))
        (begin (write (run text)) (newline) (loop)))))
`

const chicken = `
(import (chicken condition) (chicken port))
(define (run text)
  (call-with-output-string
    (lambda (out)
      (call-with-current-continuation
        (lambda (leave)
          (with-exception-handler
            (lambda (e) (display "!error" out) (leave #f))
            (lambda ()
              (let ((port (open-input-string text)))
                (let loop ((last (if #f #f)))
                  (let ((form (read port)))
                    (if (eof-object? form)
                        (write last out)
                        (loop (eval form)))))))))))))
(let loop ()
  (let ((text (read)))
    (if (not (eof-object? text))
        (begin (write (run text)) (newline) (loop)))))
`

const judge = process.argv[2] === 'csi' ? 'csi' : 'guile'
const folder = mkdtempSync(join(tmpdir(), 'judge-'))
const cases = readCases().filter(one => one.file.startsWith('r4rs-') && !one.program.includes('\n'))
try {
  const script = join(folder, 'judge.scm')
  writeFileSync(script, judge === 'csi' ? chicken : guile)
  const input = cases.map(one => JSON.stringify(one.program)).join('\n')
  const options = judge === 'csi' ? ['-q', '-s', script] : ['--no-auto-compile', '-s', script]
  const { stdout, error } = spawnSync(judge, options, { input, encoding: 'utf8', maxBuffer: 1 << 26 })
  if (error !== undefined) throw error
  const answers = stdout.split('\n')
  let different = 0
  cases.forEach((one, i) => {
    const answer = (answers[i] ?? '"nothing"').replace(/^"|"$/g, '').replace(/\\(["\\])/g, '$1')
    if (answer === one.written || (one.written === undefined && answer === '!error')) return
    different++
    console.log(`${one.program}\n   ours   ${one.written ?? one.error}\n   ${judge.padEnd(6)} ${answer}`)
  })
  console.log(`${cases.length} cases, ${different} answered otherwise by ${judge}`)
} finally {
  rmSync(folder, { recursive: true })
}
