// What varies between two reports of one bug, taken out: numbering of anonymous functions, hashes in file names, numbers in messages.
// Part of grouping, and versioned with it: a change here changes group ids (see GROUPING_VERSION).

const ANONYMOUS =
  /^(\?|-|<?\(?\[?(anonymous|unknown|null|native code|native)\]?\)?>?|anonymous function|<computed>|eval|eval code|global code|module code)$/i
// Receivers that engines add or leave out.
const RECEIVER =
  /^(?:(?:async|new|static|get|set|bound|specialized|closure #?\d* in|partial apply(?: forwarder)? for|thunk for|reabstraction thunk helper(?: from .*)? for|@objc|outlined [a-z ]+ of)\s+)+/
const OBJECT =
  /^(?:(?:Object|Module|Function|exports|module|global|globalThis|window|self|Window|Generator|Context|_this\d*|undefined|null)\.)+/

/** The function of a frame without what the compiler or engine numbered. Empty where it has no name. */
export function normaliseFunction(name: string): string {
  let text = name.trim()
  if (text.length > 300) text = text.slice(0, 300)
  text = text.replace(/ \[as [^\]]*\]$/, '')
  for (let before = ''; before !== text; ) {
    before = text
    text = text.replace(RECEIVER, '')
  }
  text = text
    .replace(OBJECT, '')
    // Rust's and C++'s hashes, addresses, offsets.
    .replace(/::h[0-9a-f]{16}$/, '')
    .replace(/17h[0-9a-f]{16}E/, '')
    .replace(/[/@+ ]*0x[0-9a-f]+/gi, '')
    .replace(/ \+ \d+$/, '')
    // JVM: lambdas, inner classes, accessors, proxies, generated subclasses.
    .replace(
      /\$\$(Lambda|ExternalSyntheticLambda|SyntheticLambda|InternalSyntheticLambda|ExternalSynthetic\w*?)[$\d][^.]*/g,
      '$$$$$1',
    )
    .replace(/-\$\$Lambda\$[^.]*/g, '$$$$Lambda')
    .replace(/(\$\$(?:EnhancerBy|FastClassBy)\w*)\$\$[0-9a-f]+/g, '$1')
    .replace(/\$(?:\d+|lambda)(?=[$.\-_(]|$)/g, '')
    .replace(/(lambda\$\w+?)\$\d+/g, '$1')
    .replace(/\b(access\$)\d+/g, '$1')
    .replace(/\b(\$?Proxy|Generated\w*Accessor)\d+/g, '$1')
    // Go: func1, func1.2, gowrap2; generics.
    .replace(/\.(?:func|gowrap)\d+(?:\.\d+)*/g, '.func')
    .replace(/\[(?:\.\.\.|go\.shape[^\]]*)\]/g, '')
    // Firefox: foo/<, foo/bar<.
    .replace(/[/<]+$/, '')
    // Anything that names itself anonymous and counts.
    .replace(/\b((?:__)?(?:anonymous|anon|lambda|closure|block|thunk|func|fn))[_#:$ -]*\d+/gi, '$1')
    .replace(/[#]\d+/g, '')
    // Of an anonymous function engines tell the receiver (V8), and Sentry's SDKs put a ? in its place: Server.<anonymous>, Server.?.
    .replace(/^(?:[^<]*\.)?(?:<anonymous>|\?)$|^(?:Timeout\._onTimeout|Immediate\._onImmediate)$/, '')
    .replace(/\.?<(?:anonymous|computed|fn)(?::\d+)*>$/i, '')
    .trim()
  return ANONYMOUS.test(text) ? '' : text
}

/** Takes the arguments off: the last (…) and what follows, if it closes the name. Keeps `operator()`. */
export function withoutArguments(name: string): string {
  if (!name.endsWith(')') && !/\) (?:const|volatile|&)/.test(name)) return name
  let depth = 0
  for (let i = name.lastIndexOf(')'); i > 0; i--) {
    const c = name.charCodeAt(i)
    if (c === 0x29) depth++
    else if (c === 0x28 && --depth === 0) return name.endsWith('operator', i) ? name : name.slice(0, i)
  }
  return name
}

const GENERIC = /^(?:index|mod|page|route|layout|__init__|\+page|\+server|\+layout)\.[a-z]+$/i
// Folders that say how a thing was built or installed, not what it is.
const BUILT = /[\d:]|^(?:static|js|assets|dist|build|out|src|lib|public|app|www|html|bin|home|srv|root)$/i

/** A file by its name alone, without hashes, query and host; a name that every folder has keeps its folder. */
export function normaliseFile(path: string): string {
  let text = path.trim()
  if (text.length > 1_000) text = text.slice(-1_000)
  text = text
    .replace(/[?#].*$/, '')
    .replace(/\\/g, '/')
    .replace(/\/+$/, '')
  if (
    text === '' ||
    ANONYMOUS.test(text) ||
    /^(?:unknown source|native method|sourcefile|\[native code\])$/i.test(text)
  )
    return ''
  const slash = text.lastIndexOf('/')
  const base = withoutHashes(text.slice(slash + 1).replace(/^webpack:/, ''))
  if (slash <= 0 || !GENERIC.test(base) || /^https?:/i.test(text)) return base
  const folder = text.slice(text.lastIndexOf('/', slash - 1) + 1, slash)
  return folder === '' || BUILT.test(folder) ? base : `${folder}/${base}`
}

/** `main.3f2a9c.js` → `main.js`, `index-BgtRx3aZ.js` → `index.js`, `2.chunk.js` → `chunk.js`. */
function withoutHashes(base: string): string {
  const parts = base.split(/([.\-_~])/)
  if (parts.length < 3) return base
  let kept = ''
  for (let i = 0; i < parts.length; i += 2) {
    const part = parts[i]!
    const isExtension = i === parts.length - 1
    if (!isExtension && isHash(part)) continue
    kept += (kept === '' || i === 0 ? '' : parts[i - 1]!) + part
  }
  return kept
}

function isHash(part: string): boolean {
  if (/^\d+$/.test(part)) return true
  if (/^[0-9a-f]{6,}$/i.test(part)) return /\d/.test(part)
  if (!/^[A-Za-z0-9]{8,}$/.test(part)) return false
  // Base-64 hashes of Vite and esbuild: letters that change case again and again, digits among them.
  const switches = part.match(/[a-z][A-Z]|[A-Z]{2}[a-z]|\d[A-Za-z]|[A-Za-z]\d/g)?.length ?? 0
  return part.length <= 20 && (switches >= 3 || (switches >= 2 && /\d/.test(part)))
}

/** The first line of a message as a template: what it is about without whom, which and how many. */
export function normaliseMessage(message: string): string {
  return firstLine(message)
    .slice(0, 500)
    .replace(/[a-z][a-z0-9+.-]*:\/\/[^\s"'<>)\]]+/gi, ' <url> ')
    .replace(/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g, ' <email> ')
    .replace(/"(?:[^"\\]|\\.)*"|`[^`]*`|“[^”]*”|«[^»]*»|‘[^’]*’/g, ' <text> ')
    .replace(/(^|[\s([{:=,])'[^']*'(?=$|[\s)\]},.:;!?])/g, '$1 <text> ')
    .replace(/(?:[a-z]:)?(?:[\\/][\w.@~+%-]+){2,}[\\/]?/gi, ' <path> ')
    .replace(/\b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b/gi, ' <n> ')
    .replace(/[\w.,:+-]*\d[\w.,:+-]*/g, word => ` <n>${/[.,:]$/.exec(word)?.[0] ?? ''} `)
    .replace(/\b[a-f]{8,}\b/gi, ' <n> ')
    .replace(/(?:<n>[\s,;/-]*)+/g, '<n> ')
    .replace(/\s+/g, ' ')
    .replace(/[\s.!:;,]+$/, '')
    .trim()
    .toLowerCase()
}

/** The first line that says something. */
export function firstLine(text: string): string {
  return /\S[^\r\n]*/.exec(text)?.[0].trimEnd() ?? ''
}

/** An exception's type without addresses and numbering. */
export function normaliseType(type: string): string {
  return type.trim().replace(/\$\d+|@[0-9a-f]{4,}$|0x[0-9a-f]+/gi, '')
}
