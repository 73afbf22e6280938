// The shape of src/ is part of the design: an event's path can be read from left to right because imports only go one way.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..')
const source = path.join(root, 'src')

// A folder may import from itself, from those named here, and from all that those may import.
const MAY_IMPORT: Record<string, string[]> = {
  core: [],
  event: ['core'],
  sketch: ['core'],
  tables: ['sketch', 'event'],
  query: ['tables'],
  storage: ['core'],
  actors: ['tables', 'storage', 'query'],
  http: ['query', 'actors'],
  cli: ['http'],
}

function closure(folder: string): Set<string> {
  const seen = new Set([folder])
  for (const next of MAY_IMPORT[folder] ?? []) for (const below of closure(next)) seen.add(below)
  return seen
}

const files = (fs.readdirSync(source, { recursive: true }) as string[]).filter(name => name.endsWith('.ts'))
const imports = new Map<string, string[]>()
const typeOnly = /^import type /
for (const file of files) {
  const text = fs.readFileSync(path.join(source, file), 'utf8')
  const targets: string[] = []
  for (const match of text.matchAll(/^(?:import|export)\s[^'"]*?from '(\.[^']+)'/gms)) {
    const target = path.normalize(path.join(path.dirname(file), match[1]!)).replace(/\.js$/, '.ts')
    if (!typeOnly.test(match[0])) targets.push(target)
    const from = file.split(path.sep)[0]!
    const to = target.split(path.sep)[0]!
    t.ok(closure(from).has(to), `${file} may import ${target}`)
  }
  imports.set(file, targets)
}

t.test('every folder of src is part of the design', async t => {
  t.same([...new Set(files.map(file => file.split(path.sep)[0]!))].sort(), Object.keys(MAY_IMPORT).sort())
})

t.test('no file imports itself, however far around (types aside)', async t => {
  const done = new Set<string>()
  const visit = (file: string, trail: string[]): void => {
    if (trail.includes(file)) {
      t.fail(`a cycle: ${[...trail.slice(trail.indexOf(file)), file].join(' → ')}`)
      return
    }
    if (done.has(file)) return
    for (const next of imports.get(file) ?? []) visit(next, [...trail, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  t.ok(done.size === files.length)
})

t.test('the clock and chance are each read in one file', async t => {
  for (const file of files) {
    const text = fs.readFileSync(path.join(source, file), 'utf8').replace(/\/\/.*|\/\*[\s\S]*?\*\//g, '')
    if (file !== path.join('core', 'clock.ts')) t.notMatch(text, /\bDate\.now\(|\bperformance\.now\(/, file)
    if (file !== path.join('core', 'random.ts')) t.notMatch(text, /\bMath\.random\(|\brandomBytes\(/, file)
  }
})

t.test("nact's query and shutdownAfter are used nowhere", async t => {
  // query() draws 31-bit reply ids and overwrites on collision: one tenant would get another's reply.
  for (const file of files) {
    const text = fs.readFileSync(path.join(source, file), 'utf8').replace(/\/\/.*|\/\*[\s\S]*?\*\//g, '')
    if (!text.includes("from 'nact'")) continue
    t.equal(file, path.join('actors', 'system.ts'), 'only the door to nact imports it')
    t.notMatch(text, /\bquery\b|\bshutdownAfter\b/)
  }
})

t.test('every bound says why it is there, or what happens at it', async t => {
  const lines = fs.readFileSync(path.join(source, 'core/limits.ts'), 'utf8').split('\n')
  let bounds = 0
  lines.forEach((line, at) => {
    const name = /^ {2}(\w+): /.exec(line)?.[1]
    if (name === undefined) return
    bounds++
    // A few belong together: one comment stands above them.
    let above = at - 1
    while (/^ {2}\w+: /.test(lines[above]!)) above--
    t.match(lines[above], /^ {2}(\/\*\*|\*) .{20}.* \*\/$/, name)
  })
  t.ok(bounds > 50)
})
