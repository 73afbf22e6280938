// Stack traces of every platform, read into frames: which function, in which file, and is it the app's own code.
//
// A stack is a list of strings or of {file, function, …}, or one string. In a string each line is tried against the shapes that runtimes
// print; what fits none is no frame. Frames are memoised by their text: crashes of one app repeat the same lines.

import { normaliseFile, normaliseFunction, withoutArguments } from './normalise.js'

export interface Frame {
  /** Normalised; empty where the function has no name. */
  readonly name: string
  /** Normalised; empty where unknown, or where the name says it all (JVM, .NET, Go). */
  readonly file: string
  readonly inApp: boolean
}

/** Lines and frames looked at: beyond them a stack says nothing new. */
const MAX_LINES = 400
const MAX_LINE = 500

/**
 * What a stack yields: frames from the innermost out, in sections (an exception, then its causes). Stops once a section has more than `enough`
 * distinct frames of the app's own.
 */
export function readStack(stack: unknown, enough: number): Frame[][] {
  if (typeof stack === 'string') return readText(stack, enough)
  if (!Array.isArray(stack)) return []
  const sections: Frame[][] = [[]]
  const size = Math.min(stack.length, MAX_LINES)
  for (let i = 0; i < size; i++) {
    const entry: unknown = stack[i]
    if (typeof entry === 'string') readLine(entry, sections)
    else if (typeof entry === 'object' && entry !== null) addFrame(sections, frameOfObject(entry as FrameObject))
    if (isEnough(sections, enough)) break
  }
  return sections
}

function isEnough(sections: readonly Frame[][], enough: number): boolean {
  const section = sections[sections.length - 1]!
  return section.length > enough && section.reduce((own, frame) => own + (frame.inApp ? 1 : 0), 0) > enough
}

interface FrameObject {
  function?: unknown
  method?: unknown
  name?: unknown
  class?: unknown
  module?: unknown
  file?: unknown
  filename?: unknown
  inApp?: unknown
  in_app?: unknown
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : '')

function frameOfObject(entry: FrameObject): Frame {
  const name = textOf(entry.function) || textOf(entry.method) || textOf(entry.name)
  const owner = textOf(entry.class)
  const file = textOf(entry.file) || textOf(entry.filename) || textOf(entry.module)
  const said = entry.inApp ?? entry.in_app
  const frame = memoised(owner === '' ? name : `${owner}.${name}`, file)
  return typeof said === 'boolean' && said !== frame.inApp ? { ...frame, inApp: said } : frame
}

function readText(text: string, enough: number): Frame[][] {
  const sections: Frame[][] = [[]]
  const isPython = /^\s*Traceback \(most recent call last\)/m.test(text.slice(0, 2_000))
  for (const line of text.split('\n', MAX_LINES)) {
    readLine(line, sections)
    if (!isPython && isEnough(sections, enough)) break
  }
  if (isPython) {
    // It prints the innermost call last.
    sections.reverse()
    for (const section of sections) section.reverse()
  }
  return sections
}

/** Adds a frame unless its section has it: recursion is one frame. */
function addFrame(sections: Frame[][], frame: Frame | undefined): void {
  if (frame === undefined || (frame.name === '' && frame.file === '')) return
  const section = sections[sections.length - 1]!
  if (!section.some(other => other.name === frame.name && other.file === frame.file)) section.push(frame)
}

const SECTION = /^\s*(?:Caused by|Suppressed|Wrapped by|During handling of the above|The above exception was)\b/
const NOISE = /^\s*(?:\.\.\. \d+ (?:more|common)|goroutine \d+|created by |Thread \d+|--- )/

function readLine(line: string, sections: Frame[][]): void {
  // Bounds for the shapes below, which may look at a stranger's line a square number of times.
  if (line.length > MAX_LINE) line = line.slice(0, MAX_LINE)
  if (SECTION.test(line)) {
    if (sections[sections.length - 1]!.length > 0) sections.push([])
    return
  }
  if (NOISE.test(line)) return
  // Go and Rust name the file on a line of its own.
  const place = /^\s+(?:at )?((?:[A-Za-z]:)?[^\s()]*[\\/][^\s():]+\.(?:go|rs)):\d+/.exec(line)
  if (place !== null) {
    const section = sections[sections.length - 1]!
    const last = section[section.length - 1]
    if (last !== undefined && last.file === '') section[section.length - 1] = memoised(last.name, place[1]!)
    return
  }
  addFrame(sections, frameOfLine(line))
}

const memory = new Map<string, Frame | undefined>()
const MEMORY = 4_096

function frameOfLine(line: string): Frame | undefined {
  const known = memory.get(line)
  if (known !== undefined || memory.has(line)) return known
  const frame = parseLine(line)
  remember(line, frame)
  return frame
}

function remember(key: string, frame: Frame | undefined): void {
  if (memory.size >= MEMORY) memory.clear()
  memory.set(key, frame)
}

function memoised(name: string, file: string): Frame {
  const key = `${name}\u0000${file}`
  const known = memory.get(key)
  if (known !== undefined) return known
  const frame = makeFrame(name, file)
  remember(key, frame)
  return frame
}

const POSITION = /(?::\d+)+(?:\)|$)?$|:line \d+$|\(\d+\)$/
const JVM_PLACE =
  /^(?:[\w$-]+\.(?:java|kt|scala|groovy|clj)(?::\d+)?|Unknown Source(?::\d+)?|Native Method|SourceFile(?::\d+)?|r8-map-id[^)]*|PG(?::\d+)?)$/

// The shapes, each with where name and file are. Order matters: the narrow ones first.
function parseLine(raw: string): Frame | undefined {
  const line = raw.trim().replace(/\s+/g, ' ')
  if (line === '') return undefined
  let m = /^File "([^"]+)", line \d+(?:, in (.*))?$/.exec(line)
  if (m !== null) return makeFrame(m[2] ?? '', m[1]!)
  // Android native: #00 pc 0001234  /data/app/lib/libfoo.so (foo::bar(int)+12) (BuildId: …)
  m =
    /^#\d+\s+(?:pc|abs) [0-9a-f]+\s+(\S+)(?:\s+\((?:offset [^)]*\) \()?(.*?)(?:\+\d+)?\))?(?:\s+\(BuildId:.*\))?$/i.exec(
      line,
    )
  if (m !== null) return makeFrame(withoutArguments(m[2]?.startsWith('BuildId') ? '' : (m[2] ?? '')), m[1]!)
  // Apple: 3   MyApp   0x000000010 -[Cart total] + 12
  m = /^\d+\s+(.+?)\s+0x[0-9a-f]+\s+(.*?)(?:\s+\+\s+\d+)?(?:\s+\(([^()]+\.\w+):\d+\))?$/i.exec(line)
  if (m !== null) return appleFrame(m[1]!, m[2]!)
  // gdb, sanitizers: #3 0x7f in foo::bar(int) /src/bar.cc:12:3
  m = /^#\d+\s+(?:0x[0-9a-f]+\s+in\s+)?(.+?)\s+(?:at\s+)?((?:[A-Za-z]:)?[\\/]\S+?)(?::\d+)*$/i.exec(line)
  if (m !== null && !/\(\d+\):/.test(line)) return makeFrame(withoutArguments(m[1]!), m[2]!)
  // PHP: #0 /srv/app/Cart.php(12): Cart->total()
  m = /^#\d+\s+(.+?)\(\d+\): (.*)$/.exec(line)
  if (m !== null) return makeFrame(withoutArguments(m[2]!), m[1]!)
  // Dart: #1      Cart.total (package:shop/cart.dart:12:5)
  m = /^#\d+\s+(.+?) \((.+?)\)$/.exec(line)
  if (m !== null) return makeFrame(m[1]!, m[2]!.replace(POSITION, ''))
  // Ruby: /srv/app/cart.rb:12:in `total'
  m = /^(?:from )?(.+?):\d+:in [`'](.*)'$/.exec(line)
  if (m !== null) return makeFrame(m[2]!, m[1]!)
  if (line.startsWith('at ')) return parseAt(line.slice(3))
  // Rust: 4: shop::cart::total::h0123456789abcdef
  m = /^\d+:\s+(?:0x[0-9a-f]+ - )?([\w<][^\s].*)$/.exec(line)
  if (m !== null) return makeFrame(m[1]!, '')
  // Firefox, Safari, JavaScriptCore: total@https://shop.example/main.js:1:2
  m = /^(.*?)@((?:[a-z-]+:\/\/|\/|\[native|[\w.-]+\.(?:js|jsbundle|bundle|mjs|hbc)\b|<).*)$/i.exec(line)
  if (m !== null) return makeFrame(m[1]!, m[2]!.replace(POSITION, ''))
  // Go: main.(*Cart).Total(0xc000, 0x1)
  m = /^([\w./-]+\.[\w.()*[\]/-]+)\([^()]*\)$/.exec(line)
  if (m !== null) return makeFrame(withoutArguments(line), '')
  // A frame somebody wrote: name (file:12), file:12, Class.method(File.java:12)
  m = /^([^\s()][^()]*?)\s*\(([^()]*)\)$/.exec(line)
  if (m !== null) return JVM_PLACE.test(m[2]!) ? jvmFrame(m[1]!) : makeFrame(m[1]!, m[2]!.replace(POSITION, ''))
  m = /^([^\s:]+\.\w+):\d+(?::\d+)?$/.exec(line)
  if (m !== null) return makeFrame('', m[1]!)
  return /^[\w$.<>:#-]+$/.test(line) ? makeFrame(line, '') : undefined
}

/** JVM, .NET, V8, Hermes: all begin with `at`. */
function parseAt(rest: string): Frame | undefined {
  // .NET: Shop.Cart.Total(String a) in C:\src\Cart.cs:line 12
  let m = /^(.+?\(.*?\))(?: \[0x[0-9a-f]+\])? in (.+?)(?::line \d+|:\d+)?\s*$/i.exec(rest)
  if (m !== null) return qualified(withoutArguments(m[1]!))
  m = /^(.+?) ?\(((?:[^()]|\([^()]*\))*)\)$/.exec(rest)
  if (m === null) return makeFrame('', rest.replace(/^async /, '').replace(POSITION, ''))
  const name = m[1]!
  let file = m[2]!
  if (JVM_PLACE.test(file) && !rest.includes(' (')) return jvmFrame(name)
  // .NET without files: Shop.Cart.Total(String a)
  if (!rest.includes(' (') && !/:\d+$/.test(file)) return qualified(name)
  // Hermes: total (address at index.android.bundle:1:1234)
  file = file.replace(/^address at /, '')
  // eval at total (https://…:1:2), <anonymous>:1:1
  const inner = /^eval at .*?\((.*?)\)/.exec(file)
  return makeFrame(name, (inner?.[1] ?? file).replace(POSITION, ''))
}

function jvmFrame(name: string): Frame {
  return qualified(name.replace(/^.*?\/\/?(?=[\w$])/, ''))
}

function appleFrame(image: string, symbol: string): Frame {
  const bare = withoutArguments(symbol.replace(/^(?:0x[0-9a-f]+ \+ \d+|\d+|<redacted>|<unknown>|___lldb\S*)$/i, ''))
  return makeFrame(bare.replace(/ \(in [^)]*\)$/, '').replace(new RegExp(`^${escaped(image)}$`), ''), image)
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** A name that carries its class or package needs no file. */
function qualified(name: string): Frame {
  return { name: normaliseFunction(name), file: '', inApp: !SYSTEM_NAME.test(name) }
}

function makeFrame(name: string, file: string): Frame {
  const isSystem = SYSTEM_FILE.test(file) || SYSTEM_NAME.test(name)
  const plain = normaliseFunction(name)
  return { name: plain, file: normaliseFile(file), inApp: !isSystem }
}

// Code that ships with the platform or came from a package manager.
const SYSTEM_NAME =
  /^(?:java|javax|jdk|sun|com\.sun|android|androidx|dalvik|kotlin|kotlinx|scala|groovy|com\.android|com\.google\.android|libcore|org\.springframework|org\.apache|io\.netty|reactor|rx|io\.reactivex|okhttp3|okio|retrofit2|System|Microsoft|Xamarin|Mono|UnityEngine|Swift|std|core|alloc|tokio|rust_begin_unwind|__rust|runtime|net\/http|reflect|sync|testing|syscall|__libc|_start|objc_|abort|raise|__pthread|start_thread|pthread_|dispatch_|_dispatch|UIApplicationMain|NSApplicationMain|CFRunLoop|__CF|process\.processTicksAndRejections|processTicksAndRejections|Promise\.|Array\.(?:from|map|forEach|reduce|filter)|JSON\.|node:)(?:[.$:/<_(]|$|(?<=[._(]))/
const SYSTEM_FILE =
  /(?:^|[\\/])(?:node_modules|bower_components|site-packages|dist-packages|\.pub-cache|\.cargo|rustc|vendor\/bundle|gems|go\/src\/runtime)[\\/]|^(?:node:|internal\/|native|\[native|<anonymous>$|<frozen |dart:|package:flutter\/|chrome-extension:|moz-extension:|safari-extension:|safari-web-extension:|webpack\/|events\.js$|timers\.js$|net\.js$|\/usr\/lib|\/lib\/|\/lib64\/|\/system\/|\/apex\/|\/usr\/local\/go\/)|[\\/]lib[\\/]python\d|^(?:UIKit|UIKitCore|Foundation|CoreFoundation|GraphicsServices|libsystem\S*|libdispatch\S*|libobjc\S*|libswift\S*|libc\+\+\S*|dyld\S*|QuartzCore|CFNetwork|AppKit|CoreGraphics|CoreData|SwiftUI|SwiftUICore|AttributeGraph|libc\.so\S*|libart\.so|libandroid\S*|ntdll\.dll|kernel32\.dll|KERNELBASE\.dll|ucrtbase\.dll)$/i
