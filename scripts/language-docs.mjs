// Writes docs/language.md from the docstrings of the built language: `npm run build && node scripts/language-docs.mjs`.
// With a folder as argument, takes the build from there.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const build = path.resolve(process.argv[2] ?? path.join(root, 'build'))
const { languagePage } = await import(pathToFileURL(path.join(build, 'src/query/documentation-page.js')).href)
fs.writeFileSync(path.join(root, 'docs/language.md'), languagePage())
