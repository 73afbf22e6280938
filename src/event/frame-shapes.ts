// The shapes of a frame: how each runtime prints one line of a stack, and how people write one.
//
// Three readers, from the strict to the loose. `printedFrame` takes only what a runtime prints: a line of a message passes for none of these.
// `numberedFrame` is Rust's, which lists in messages resemble. `writtenFrame` takes a word, and so takes words of a message too:
// it is for stacks in which nothing was printed.

import { normaliseFile, normaliseFunction, withoutArguments } from './normalise.js'

export interface Frame {
  /** Normalised; empty where the function has no name. */
  readonly name: string
  /** Normalised; empty where unknown, or where the name says it all (JVM, .NET). */
  readonly file: string
  readonly inApp: boolean
}

/** What one line is; undefined where it is no frame. Lines come bounded: some shapes look at them a square number of times. */
export type Shape = (line: string) => Frame | undefined

const MEMORY = 4_096

/** A shape that remembers what lines were. Each has its own memory: a line may be nothing to one, and a frame to another. */
function memoised(shape: Shape): Shape {
  const memory = new Map<string, Frame | undefined>()
  return line => {
    const known = memory.get(line)
    if (known !== undefined || memory.has(line)) return known
    const frame = shape(line)
    if (memory.size >= MEMORY) memory.clear()
    memory.set(line, frame)
    return frame
  }
}

const POSITION = /(?::\d+)+(?:\)|$)?$|:line \d+$|\(\d+\)$/
const JVM_PLACE =
  /^(?:[\w$-]+\.(?:java|kt|scala|groovy|clj)(?::\d+)?|Unknown Source(?::\d+)?|Native Method|SourceFile(?::\d+)?|r8-map-id[^)]*|PG(?::\d+)?)$/
// What stands in the brackets of a printed frame: a position behind a name without spaces or behind a path, a file, or an engine's word for none.
const PLACE = /^(?:\S+|[^\\/.]*[\\/.].*):\d+$|^\S*[\w-]\.[a-z]\w*$|^(?:<anonymous>|native|unknown)$|^eval at /i
const BARE_PLACE =
  /^(?:<anonymous>|native)$|^(?:node:|<|[^\s\\/.]*[\\/.]).*:\d+:\d+$|^\S+\.(?:[cm]?[jt]sx?|vue|svelte|html?|jsbundle|bundle|hbc):\d+$/

// Firefox, Safari, JavaScriptCore: total@https://shop.example/main.js:1:2
const URL_FRAME = /^(.*?)@((?:[a-z-]+:\/\/|\/|\[native|[\w.-]+\.(?:js|jsbundle|bundle|mjs|hbc)\b|<).*)$/i
const URL_POSITION = /(?::\d+:\d+|\.\w+:\d+|\[native code\])$/

// Shapes in their order: the narrow ones first.
export const printedFrame: Shape = memoised(raw => {
  const line = trimmed(raw)
  if (line.startsWith('at ')) return frameAt(line.slice(3), true)
  if (line.startsWith('#')) return hashedFrame(line)
  // Python, and its faulthandler.
  let m = /^File "([^"]+)", line \d+(?:,? in (.*))?$/.exec(line)
  if (m !== null) return makeFrame(m[2] ?? '', m[1]!)
  // Apple: 3   MyApp   0x000000010 -[Cart total] + 12
  m = /^\d+\s+(.+?)\s+0x[0-9a-f]+\s+(.*?)(?:\s+\+\s+\d+)?(?:\s+\(([^()]+\.\w+):\d+\))?$/i.exec(line)
  if (m !== null) return appleFrame(m[1]!, m[2]!)
  // Ruby: /srv/app/cart.rb:12:in `total', and the message behind the innermost.
  m = /^(?:from )?(.+?):\d+:in [`'](.*?)'(?:$|: )/.exec(line)
  if (m !== null) return makeFrame(m[2]!, m[1]!)
  m = URL_FRAME.exec(line)
  return m === null || !URL_POSITION.test(line) ? undefined : makeFrame(m[1]!, m[2]!.replace(POSITION, ''))
})

/** Rust: 4: shop::cart::total::h0123456789abcdef. Spaces only between < and >. */
export const numberedFrame: Shape = memoised(raw => {
  const m = /^\d+: (?:0x[0-9a-f]+ - )?((?=[\w<{])[^\s<]*(?:<.*>\S*)?)$/.exec(trimmed(raw))
  return m === null ? undefined : makeFrame(m[1]!, '')
})

/** A frame somebody wrote: name (file:12), file:12, Class.method(File.java:12), a word; or printed, and cut to lists since. */
export const writtenFrame: Shape = memoised(raw => {
  const line = trimmed(raw)
  if (line.startsWith('at ')) return frameAt(line.slice(3), false)
  let m = URL_FRAME.exec(line)
  if (m !== null) return makeFrame(m[1]!, m[2]!.replace(POSITION, ''))
  // Go without its places: main.(*Cart).Total(0xc000, 0x1)
  m = /^([\w./-]+\.[\w.()*[\]/-]+)\([^()]*\)$/.exec(line)
  if (m !== null && !JVM_PLACE.test(line.slice(m[1]!.length + 1, -1))) return makeFrame(withoutArguments(line), '')
  m = /^([^\s()][^()]*?)\s*\(([^()]*)\)$/.exec(line)
  if (m !== null) return JVM_PLACE.test(m[2]!) ? jvmFrame(m[1]!) : makeFrame(m[1]!, m[2]!.replace(POSITION, ''))
  m = /^([^\s:]+\.\w+):\d+(?::\d+)?$/.exec(line)
  if (m !== null) return makeFrame('', m[1]!)
  return /^[\w$.<>:#-]+$/.test(line) ? makeFrame(line, '') : undefined
})

/** Go names the file on the line after the function's. */
export function frameBefore(line: string, place: string): Frame | undefined {
  const name = withoutArguments(trimmed(line))
  return name === '' || name.includes(' ') ? undefined : makeFrame(name, place)
}

const trimmed = (line: string) => line.trim().replace(/\s+/g, ' ')

/** JVM, .NET, V8, Hermes: all begin with `at`. Sentences do, too: what is printed has its place, or a dotted name and arguments. */
function frameAt(text: string, printed: boolean): Frame | undefined {
  // Behind it: the jar (Logback), or the properties of the error (Node).
  const rest = text.replace(/ (?:~?\[[^[\]]*\]|\{)$/, '')
  // .NET: Shop.Cart.Total(String a) in C:\src\Cart.cs:line 12
  let m = /^(.+?\(.*?\))(?: \[0x[0-9a-f]+\])? in (.+?)(:line \d+|:\d+)?$/i.exec(rest)
  if (m !== null && (!printed || m[3] !== undefined)) return qualified(withoutArguments(m[1]!))
  m = /^(.+?) ?\(((?:[^()]|\([^()]*\))*)\)$/.exec(rest)
  if (m === null) {
    const place = rest.replace(/^async /, '')
    const isPlace = printed ? BARE_PLACE.test(place) : POSITION.test(place) || !place.includes(' ')
    return isPlace ? makeFrame('', place.replace(POSITION, '')) : undefined
  }
  const name = m[1]!
  const isSpaced = rest.includes(' (')
  // Hermes: total (address at index.android.bundle:1:1234)
  const file = m[2]!.replace(/^address at /, '')
  const isJvm = JVM_PLACE.test(file)
  if (isJvm && !isSpaced) return jvmFrame(name)
  // .NET without files: Shop.Cart.Total(String a)
  if (!isSpaced && !/:\d+$/.test(file)) return printed && !/^\S+\.\S+$/.test(name) ? undefined : qualified(name)
  // V8: async Promise.all (index 0)
  if (/^index \d+$/.test(file)) return makeFrame(name, '')
  if (printed && !isJvm && !PLACE.test(file)) return undefined
  // eval at total (https://…:1:2), <anonymous>:1:1
  const inner = /^eval at .*?\((.*?)\)/.exec(file)
  return makeFrame(name, (inner?.[1] ?? file).replace(POSITION, ''))
}

/** Android's native crashes, PHP, Dart, gdb, sanitizers: all begin with a number behind a #. */
function hashedFrame(line: string): Frame | undefined {
  // Android: #00 pc 0001234  /data/app/lib/libfoo.so (foo::bar(int)+12) (BuildId: …)
  let m = /^#\d+ (?:pc|abs) [0-9a-f]+ (\S+)(?: \((?:offset [^)]*\) \()?(.*?)(?:\+\d+)?\))?(?: \(BuildId:.*\))?$/i.exec(
    line,
  )
  if (m !== null) return makeFrame(withoutArguments(m[2]?.startsWith('BuildId') ? '' : (m[2] ?? '')), m[1]!)
  // PHP: #0 /srv/app/Cart.php(12): Cart->total('a :)'). Arguments are texts, and no brackets balance in them.
  m = /^#\d+ (.+?)\(\d+\): ((?:\{[^}]*\}|[^({])+)/.exec(line)
  if (m !== null) return makeFrame(m[2]!, m[1]!)
  // Sanitizers, without symbols: #3 0x7f in foo (/lib/libfoo.so+0x12) (BuildId: …)
  m = /^#\d+ 0x[0-9a-f]+ (?:in (.+?) )?\((\S+?)\+0x[0-9a-f]+\)(?: \(BuildId: \w+\))?$/i.exec(line)
  if (m !== null) return makeFrame(withoutArguments(m[1] ?? ''), m[2]!)
  // Dart: #1      Cart.total (package:shop/cart.dart:12:5)
  m = /^#\d+ (.+?) \((\S+?(?::\d+)+|dart:\S+|\S+\.dart)\)$/.exec(line)
  if (m !== null) return makeFrame(m[1]!, m[2]!.replace(POSITION, ''))
  // gdb, sanitizers: #3 0x7f in foo::bar(int) /src/bar.cc:12:3, #1 main () at main.c:3
  m = /^#\d+ (?:0x[0-9a-f]+ in )?(.+?) (?:at (\S+?)|((?:[A-Za-z]:)?[\\/]\S+?))(?::\d+)+$/i.exec(line)
  if (m !== null) return makeFrame(withoutArguments(m[1]!), m[2] ?? m[3]!)
  // gdb, of a library: #4 0x7f in foo () from /lib/libfoo.so
  m = /^#\d+ 0x[0-9a-f]+ in (.+?) (?:from )?((?:[A-Za-z]:)?[\\/]\S+)$/i.exec(line)
  return m === null ? undefined : makeFrame(withoutArguments(m[1]!), m[2]!)
}

function jvmFrame(name: string): Frame {
  return qualified(name.replace(/^.*?\/\/?(?=[\w$])/, ''))
}

function appleFrame(image: string, symbol: string): Frame {
  const bare = withoutArguments(symbol.replace(/^(?:0x[0-9a-f]+ \+ \d+|\d+|<redacted>|<unknown>|___lldb\S*)$/i, ''))
  const name = bare.replace(/ \(in [^)]*\)$/, '')
  return makeFrame(name === image ? '' : name, image)
}

/** A name that carries its class or package needs no file. */
function qualified(name: string): Frame {
  return { name: normaliseFunction(name), file: '', inApp: !SYSTEM_NAME.test(name) }
}

export function makeFrame(name: string, file: string): Frame {
  // `async Promise.all` is Promise.all.
  const isSystem = SYSTEM_FILE.test(file) || SYSTEM_NAME.test(name.replace(/^async /, ''))
  return { name: normaliseFunction(name), file: normaliseFile(file), inApp: !isSystem }
}

// Code that ships with the platform or came from a package manager.
const SYSTEM_NAME =
  /^(?:java|javax|jdk|sun|com\.sun|android|androidx|dalvik|kotlin|kotlinx|scala|groovy|com\.android|com\.google\.android|libcore|org\.springframework|org\.apache|io\.netty|reactor|rx|io\.reactivex|okhttp3|okio|retrofit2|System|Microsoft|Xamarin|Mono|UnityEngine|Swift|std|core|alloc|tokio|rust_begin_unwind|__rust|runtime|net\/http|reflect|sync|testing|syscall|__libc|_start|objc_|abort|raise|__pthread|start_thread|pthread_|dispatch_|_dispatch|UIApplicationMain|NSApplicationMain|CFRunLoop|__CF|process\.processTicksAndRejections|processTicksAndRejections|Promise\.|Array\.(?:from|map|forEach|reduce|filter)|JSON\.|node:)(?:[.$:/<_(]|$|(?<=[._(]))/
const SYSTEM_FILE =
  /(?:^|[\\/])(?:node_modules|bower_components|site-packages|dist-packages|\.pub-cache|\.cargo|rustc|vendor\/bundle|gems|go\/src\/runtime)[\\/]|^(?:node:|internal\/|native|\[native|<anonymous>$|<frozen |dart:|package:flutter\/|chrome-extension:|moz-extension:|safari-extension:|safari-web-extension:|webpack\/|events\.js$|timers\.js$|net\.js$|\/usr\/lib|\/lib\/|\/lib64\/|\/system\/|\/apex\/|\/usr\/local\/go\/)|[\\/]lib[\\/]python\d|^(?:UIKit|UIKitCore|Foundation|CoreFoundation|GraphicsServices|libsystem\S*|libdispatch\S*|libobjc\S*|libswift\S*|libc\+\+\S*|dyld\S*|QuartzCore|CFNetwork|AppKit|CoreGraphics|CoreData|SwiftUI|SwiftUICore|AttributeGraph|libc\.so\S*|libart\.so|libandroid\S*|ntdll\.dll|kernel32\.dll|KERNELBASE\.dll|ucrtbase\.dll)$/i
