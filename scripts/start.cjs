// Loads a bundle: X.js asks for X.code.js, which is compiled from the cache that `npm run build` left beside it.
//
// V8 refuses a cache of another version or other flags; then the code is compiled as always, 30 ms later.
'use strict'
const fs = require('node:fs')
const { createRequire, SourceMap, wrap } = require('node:module')
const path = require('node:path')
const { Script } = require('node:vm')

module.exports = (stub, stubFile) => {
  const file = stubFile.replace(/\.js$/, '.code.js')
  const cacheFile = file.replace(/\.js$/, '.cache')
  const script = new Script(wrap(fs.readFileSync(file, 'latin1')), { filename: file, cachedData: read(cacheFile) })
  mapStacks(file)
  script.runInThisContext()(stub.exports, createRequire(file), stub, file, path.dirname(file))
  if (process.env.LETHE_KEEP_CODE) {
    process.on('exit', () => fs.writeFileSync(cacheFile, script.createCachedData()))
  }
}

function read(cacheFile) {
  try {
    return fs.readFileSync(cacheFile)
  } catch {
    return undefined
  }
}

/** Makes stacks name lines of src. Nothing is read before somebody looks at one: V8 formats a stack when it is asked for. */
function mapStacks(file) {
  let map
  const place = site => {
    if (site.getFileName() !== file) return undefined
    map ??= new SourceMap(JSON.parse(fs.readFileSync(`${file}.map`, 'utf8')))
    const { originalSource, originalLine, originalColumn } = map.findEntry(
      site.getLineNumber() - 1,
      site.getColumnNumber() - 1,
    )
    if (originalSource === undefined) return undefined
    return `${path.resolve(path.dirname(file), originalSource)}:${originalLine + 1}:${originalColumn + 1}`
  }
  Error.prepareStackTrace = (error, sites) => {
    const lines = sites.map(site => {
      const found = place(site)
      const text = String(site)
      return `\n    at ${found === undefined ? text : text.replace(/[^( ]*:\d+:\d+(?=\)?$)/, found)}`
    })
    return `${Error.prototype.toString.call(error)}${lines.join('')}`
  }
}
