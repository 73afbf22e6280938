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
