// docs/language.md, made of the docstrings: `node scripts/language-docs.mjs` writes it, a test says when it is stale.

import { type Docstring, documentation } from './documentation.js'

const INTRODUCTION = `# The language

Lethe's language is Scheme: R4RS with all its procedures except file ports, and what is listed here beyond it. Exact integers
are unbounded, exact rationals are exact, reals print with a point. Case is kept as written. Tail calls are proper,
continuations re-entrant, macros (\`syntax-rules\`) hygienic.

Two kinds of text are written in it:

- **Queries** read a customer's tables: \`POST /v1/query\`, \`lethe query\`, \`lethe repl\`. They run in slices with a bound on steps,
  memory and time, so that no query holds up another customer.
- **Programs** run for every event and say what should happen to the tables: \`PUT /v1/program\`. They define
  \`(define (on-event e) …)\`, may use all that reads no tables and prints nothing, and carry nothing from one event to the
  next: what was made while the program was loaded cannot be changed while on-event runs. A continuation can only be left
  by. Calls may nest some 2,000 deep, and an event has 20,000 steps.

This page is generated from the docstrings of the procedures (\`,help NAME\` shows the same in the REPL). Every example is run by
the tests; those that read data read the small world of \`test/query/world.ts\`, in which today is 2026-11-20.

## What it has of R4RS, and what it has not

All syntax and procedures of the Revised⁴ Report, essential and optional, with these exceptions, which the report leaves open or
which make no sense in a server: no file ports, \`load\` and \`transcript-on\`; no complex numbers (their procedures take
reals). \`npm run judge -- guile\` runs the standard part of the tests' cases through Guile, \`npm run judge -- csi\`
through Chicken, where they are installed, and lists the answers that differ.

| syntax | |
|---|---|
| \`(quote DATUM)\` \`'DATUM\` · \`(quasiquote DATUM)\` or a backquote, with \`,\` and \`,@\`, nested | constants |
| \`(lambda (NAME ...) BODY)\` \`(lambda (NAME ... . REST) BODY)\` \`(lambda REST BODY)\` | procedures |
| \`(define NAME VALUE)\` \`(define (NAME PARAMETER ...) BODY)\` · \`(set! NAME VALUE)\` | variables; a definition may also stand in a body |
| \`(if TEST THEN [ELSE])\` \`(cond (TEST BODY) ... (else BODY))\` with \`=>\` · \`(case KEY ((DATUM ...) BODY) ... (else BODY))\` | choices |
| \`(and TEST ...)\` \`(or TEST ...)\` \`(when TEST BODY)\` \`(unless TEST BODY)\` \`(assert TEST)\` | |
| \`(let ((NAME VALUE) ...) BODY)\` \`(let NAME ((NAME VALUE) ...) BODY)\` \`(let* …)\` \`(letrec …)\` \`(letrec* …)\` \`(let-values (((NAME ...) VALUES) ...) BODY)\` \`(let*-values …)\` | bindings |
| \`(begin BODY)\` · \`(do ((NAME FIRST [NEXT]) ...) (TEST RESULT ...) BODY)\` · \`(delay VALUE)\` | sequences, loops, promises |
| \`(define-syntax NAME (syntax-rules (LITERAL ...) (PATTERN TEMPLATE) ...))\` \`(let-syntax …)\` \`(letrec-syntax …)\` | hygienic macros |

An exact integer has at most 1,048,576 bits, the parts of a rational 16,384 each, and a string 4,194,304 characters; more is the
error \`memory-limit\`, as is more than 64 MiB in all. A numeral of more than 16,384 characters is read if it is a decimal integer.
Whatever takes long, a sort or the printing of a long integer, works in slices and pays for what it does in steps.

## Days and keys

Where a procedure takes DAYS it takes a day or a list of days; left out, it is today. A KEY is a string; a number or a list in
its place is DAYS; left out, it is \`""\`. A day that is named twice counts once. Days outside the retention read as empty. Where
there is no data, counts are 0, lists \`()\`, ratios 1.0, and quantile, mean, minimum and maximum \`#f\`; so for a table that
does not exist. A table of another kind is the error \`wrong-type\`.

## Tables beyond the contract

The built-in program also keeps \`crashes/group/app\`, a counter by \`GROUP APP\`: which versions met a crash, for \`regressions\`.
`

const escapePipes = (text: string): string => text.replaceAll('|', '\\|')

function entryText({ signature, doc, example }: Docstring): string {
  const shown = example === undefined ? '' : `\n\n\`\`\`scheme\n${example[0]}\n; ${example[1]}\n\`\`\``
  return `**\`${signature}\`** — ${escapePipes(doc)}${shown}`
}

const anchorOf = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-')

/** The whole page. */
export function languagePage(): string {
  const sections = documentation().filter(section => section.entries.length > 0)
  const contents = sections.map(section => `- [${section.title}](#${anchorOf(section.title)})`).join('\n')
  const bodies = sections.map(section => `## ${section.title}\n\n${section.entries.map(entryText).join('\n\n')}\n`)
  return `${INTRODUCTION}\n## Procedures\n\n${contents}\n\n${bodies.join('\n')}`
}
