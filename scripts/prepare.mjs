// Brings a checkout to the point where it can run: packages installed, TypeScript built, Scheme files copied, all bundled.
// Does nothing where nothing changed: a stamp holds a digest of the inputs of each step.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const at = (...parts) => path.join(root, ...parts)
const run = (command, args) => execFileSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })

/** Answers every file below `folder`, sorted, so that the digest does not depend on the file system. */
function filesBelow(folder) {
  if (!fs.existsSync(at(folder))) return []
  return fs
    .readdirSync(at(folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => path.join(entry.parentPath ?? entry.path, entry.name))
    .sort()
}

/** Size and time of change are enough here, and 20 times cheaper than reading every file. */
function digest(files) {
  const hash = createHash('sha256')
  for (const file of files) {
    const stat = fs.statSync(file)
    hash.update(`${path.relative(root, file)}\0${stat.size}\0${stat.mtimeMs}\n`)
  }
  return hash.digest('hex')
}

async function step(name, stampFile, files, work) {
  const now = digest(files)
  const stamp = at(stampFile)
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === now) return
  process.stderr.write(`lethe: ${name} …\n`)
  await work()
  fs.mkdirSync(path.dirname(stamp), { recursive: true })
  fs.writeFileSync(stamp, now)
}

await step('installing packages', 'node_modules/.lethe-stamp', [at('package-lock.json')], () =>
  run('npm', ['ci', '--no-audit', '--no-fund']),
)

// tap builds itself anew for its list of plugins (.taprc), into node_modules: a fresh installation has another list.
if (process.argv.includes('--tests')) {
  await step(
    'preparing the test runner',
    'node_modules/.lethe-tap-stamp',
    [at('package-lock.json'), at('.taprc')],
    () => run(process.execPath, [at('node_modules/tap/dist/esm/run.mjs'), 'build']),
  )
}

const sources = [...filesBelow('src'), ...filesBelow('test'), ...filesBelow('bench'), at('tsconfig.json')]
await step('building', 'build/.lethe-stamp', sources, () => {
  run(process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', root])
  for (const file of filesBelow('src').filter(name => /\.(scm|html|css|svg)$/.test(name))) {
    const target = at('build', path.relative(root, file))
    fs.mkdirSync(path.dirname(target), { recursive: true })
    fs.copyFileSync(file, target)
  }
  fs.chmodSync(at('build/src/cli/main.js'), 0o755)
})

const bundling = ['bundle.mjs', 'start.cjs'].map(name => at('scripts', name))
await step('bundling', 'build/bundled/.lethe-stamp', [...sources, ...bundling, at('package-lock.json')], async () => {
  const { bundle } = await import('./bundle.mjs')
  await bundle(at('build'))
})
