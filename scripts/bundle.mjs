// Makes build/bundled out of build/src: the same program in four files instead of two hundred, so that a node starts fast.
//
//   build/bundled/cli/main.js         the command: starts the first shard, then loads commands.js
//   build/bundled/cli/commands.js     everything that the supervisor and the other commands need
//   build/bundled/cli/shard-main.js   a shard's process
//   build/bundled/storage/try-file.js what tries a suspect file, in a process of its own
//
// The folders are those of build/src, so what stands beside a module (Scheme sources, the other entries) is found by the
// same relative paths. What is big becomes X.code.js with V8's own cache of its compilation beside it (X.code.cache) and
// a stub X.js that loads the two (start.cjs). The cache is written by a node that started, took an event, answered a
// query and ended: it holds what a start needs, and that node is the proof that the bundle works.
//
// The built-in program is emitted here, by the very modules that go into the bundle, so it cannot differ from them.
//
// `npm run build` does all this; so does `node scripts/bundle.mjs FOLDER`, where FOLDER has the build.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const SCRIPTS = path.dirname(fileURLToPath(import.meta.url))
const START_LIMIT_MS = 60_000
// The banner comes first, so it has to be what makes the bundle strict, as modules are: esbuild's own directive behind it is none.
const URL_IN_BUNDLE =
  "'use strict'; const urlInBundle = relative => require('node:url').pathToFileURL(require('node:path').join(__dirname, '../cli', relative)).href;"

/** Makes and tries FOLDER/bundled of FOLDER/src. */
export async function bundle(folder) {
  const source = path.join(path.resolve(folder), 'src')
  const target = path.join(path.resolve(folder), 'bundled')
  const { emitBuiltin } = await import(pathToFileURL(path.join(source, 'query/program.js')).href)
  const entry = (name, options) => bundleEntry(source, target, name, options)
  fs.rmSync(target, { recursive: true, force: true })
  await entry('cli/main', { external: ['./commands.js'] })
  await entry('cli/commands', { cached: true })
  await entry('cli/shard-main', { cached: true, define: { BUILTIN_AHEAD: JSON.stringify(emitBuiltin()) } })
  await entry('storage/try-file')
  fs.writeFileSync(path.join(target, 'package.json'), '{"type":"commonjs"}\n')
  fs.copyFileSync(path.join(SCRIPTS, 'start.cjs'), path.join(target, 'start.cjs'))
  fs.cpSync(path.join(source, 'query'), path.join(target, 'query'), {
    recursive: true,
    filter: file => !/\.(js|map)$/.test(file),
  })
  fs.chmodSync(path.join(target, 'cli/main.js'), 0o755)
  await warmUp(path.join(target, 'cli/main.js'))
}

/** `cached`: a stub, code and cache instead of one file. */
async function bundleEntry(source, target, name, { cached = false, external = [], define = {} } = {}) {
  await build({
    entryPoints: [path.join(source, `${name}.js`)],
    outfile: path.join(target, cached ? `${name}.code.js` : `${name}.js`),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // Bundling makes variables of a module's constants; this puts their values where they are used. Measured in process, the
    // fastest of three runs: modules 324 ns an event of five updates, a bundle 361, with this 301.
    minifySyntax: true,
    // Plain calls of `require` instead of import(), which would start Node's other loader for files that need none.
    supported: { 'dynamic-import': false },
    // start.cjs reads it as Latin-1, which is a copy; UTF-8 would have to be decoded.
    charset: 'ascii',
    sourcemap: 'linked',
    sourcesContent: false,
    // pino finds its own parts by paths, and is loaded at the first line of JSON only. ordered-binary (lmdb's keys) compiles a
    // piece of itself with a direct eval, which does not find its variables under the names that a bundle gives them.
    external: ['pino', 'ordered-binary', ...external],
    plugins: [places(source, target)],
    define,
    banner: { js: URL_IN_BUNDLE },
    logLevel: 'warning',
  })
  if (cached) fs.writeFileSync(path.join(target, `${name}.js`), "require('../start.cjs')(module, __filename)\n")
}

/**
 * Each start would search a dozen folders for lmdb's addon, and ask which libc this is: 10 ms. Here it is found once. The
 * addon of msgpackr, which lmdb brings along, would be loaded for nothing: what we store is bytes and text.
 */
const SEARCHES = /^(node-gyp-build-optional-packages|msgpackr-extract)$/

/** In a bundle, `import.meta.url` is that of the file in build/bundled where the module would stand, or its own in node_modules. */
const places = (source, target) => ({
  name: 'places',
  setup(bundler) {
    const fromCli = file => JSON.stringify(path.relative(path.join(target, 'cli'), file))
    bundler.onLoad({ filter: /\.m?js$/ }, ({ path: file }) => {
      let text = fs.readFileSync(file, 'utf8')
      if (file.endsWith('/lmdb/native.js')) text = withAddon(file, text, fromCli)
      else if (!text.includes('import.meta.url')) return undefined
      const inside = path.relative(source, file)
      const place = inside.startsWith('..') ? file : path.join(target, inside)
      return { contents: text.replaceAll('import.meta.url', `urlInBundle(${fromCli(place)})`), loader: 'js' }
    })
    bundler.onResolve({ filter: SEARCHES }, ({ path: name }) => ({ path: name, namespace: 'nothing' }))
    bundler.onLoad({ filter: /./, namespace: 'nothing' }, () => ({ contents: '' }))
  },
})

function withAddon(file, text, fromCli) {
  const search = 'loadNAPI(dirName)'
  if (!text.includes(search)) throw new Error(`${file} does not load its addon as it used to`)
  const addon = createRequire(file)('node-gyp-build-optional-packages').path(path.dirname(file))
  return text.replace(search, `require(require('node:url').fileURLToPath(urlInBundle(${fromCli(addon)})))`)
}

/** Runs a node through what a start needs, its processes told to keep their code. */
async function warmUp(main) {
  const data = fs.mkdtempSync(path.join(os.tmpdir(), 'lethe-build-'))
  const node = spawn(process.execPath, [main, 'serve', '--data', data, '--port', '0', '--shards', '1', '--json-log'], {
    env: { ...withoutOurs(process.env), LETHE_KEEP_CODE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const timer = setTimeout(() => node.kill('SIGKILL'), START_LIMIT_MS)
  const ended = new Promise(resolve => node.on('close', resolve))
  let said = ''
  try {
    const url = await new Promise((resolve, reject) => {
      const take = chunk => {
        said += chunk
        const ready = /is ready: (http:\S+)/.exec(said)
        if (ready) resolve(ready[1])
        if (said.includes('is started again')) reject(new Error('its shard died'))
      }
      node.stdout.on('data', take)
      node.stderr.on('data', take)
      ended.then(() => reject(new Error('it ended')))
    })
    await exercise(url, kind => new RegExp(`${kind}_[A-Za-z0-9]+`).exec(said)[0])
    node.kill('SIGTERM')
    const code = await ended
    if (code !== 0) throw new Error(`it ended with ${code}`)
  } catch (error) {
    throw new Error(`the bundle does not work: ${error.message}\n${said.slice(-4000)}`)
  } finally {
    clearTimeout(timer)
    node.kill('SIGKILL')
    await ended
    fs.rmSync(data, { recursive: true, force: true })
  }
}

async function exercise(url, key) {
  const ask = async (where, kind, body) => {
    const answer = await fetch(url + where, { method: 'POST', headers: { 'x-api-key': key(kind) }, body })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${where} answered ${answer.status} ${text}`)
    return JSON.parse(text)
  }
  await ask('/v1/events', 'lik', '{"type":"event","name":"built","user":"ada"}')
  const { value } = await ask('/v1/query', 'lqk', '(count "event" "built")')
  if (value !== 1) throw new Error(`it counted ${value} of 1 event`)
}

/** Settings of whoever builds are not the build's, and V8 keeps other code where coverage is asked for. */
function withoutOurs(env) {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(LETHE_|NODE_V8_COVERAGE$|NODE_OPTIONS$)/.test(name)),
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle(process.argv[2])
