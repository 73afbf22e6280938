// Looks at an LMDB file before LMDB does. LMDB maps the file and trusts it: a page that is cut off is a SIGBUS, a wild
// page number a SIGSEGV, and both take all customers of a shard with them. So its tree is walked here first, with plain
// reads: every page where it should be, of the kind it should be, used once, all offsets within it.
//
// Contents are not looked at: their checksum is the customer file's own. What this lets through can hold wrong bytes,
// but cannot crash the reader. The layout is that of LMDB 0.9.9x as lmdb-js 3.5 builds it (data version 2):
//
//   page    | page number u64 | txn u64 | pad u16 | flags u16 | lower u16, upper u16 — or overflow pages u32 |
//             24: offsets of nodes, u16 each; these, lower and upper count from 24
//   meta    | page header | magic u32 | version u32 | address u64 | map size u64 | free db 48 | main db 48 | last page u64 | txn u64 |
//   db      | pad u32 | flags u16 | depth u16 | branch u64 | leaf u64 | overflow u64 | entries u64 | root u64 |
//   node    | low u16 | high u16 | flags u16 | key size u16 | key … | data … |
//             branch: page number = low, high, flags; leaf: data size = low, high; flag 1: data is an overflow page's number
import * as fs from 'node:fs'
import type { Steps } from '../core/steps.js'

const PAGE_HEADER = 24
const MAGIC = 0xbeefc0de
const VERSION = 2
const BRANCH = 1
const LEAF = 2
const OVERFLOW = 4
const META = 8
const NONE = 0xffff_ffff_ffff_ffffn

interface Tree {
  readonly depth: number
  readonly root: bigint
  readonly entries: number
}

interface Meta {
  readonly pageSize: number
  readonly free: Tree
  readonly main: Tree
  readonly lastPage: number
  readonly txn: bigint
}

/** Pages read in one step: about a quarter of a millisecond. */
const PAGES_PER_STEP = 64

/** What is wrong with the file's structure; undefined: nothing. Throws only if the file cannot be read. Nobody writes to it meanwhile. */
export function* checkLmdbFile(path: string): Steps<string | undefined> {
  const descriptor = fs.openSync(path, 'r')
  try {
    const { size } = fs.fstatSync(descriptor)
    if (size < 2 * 4096) return `${size} bytes are no database`
    const head = Buffer.alloc(2 * 4096)
    if (fs.readSync(descriptor, head, 0, head.length, 0) < head.length) return 'cut off'
    const metas = [readMeta(head, 0), readMeta(head, 4096)]
    // Either may be torn by a crash; a missing one is a fault only if it is no meta page at all.
    if (typeof metas[0] === 'string') return `meta page 0: ${metas[0]}`
    if (typeof metas[1] === 'string') return `meta page 1: ${metas[1]}`
    const [first, second] = metas as [Meta, Meta]
    const newest = second.txn > first.txn ? second : first
    if ((newest.lastPage + 1) * newest.pageSize > size) {
      return `${size} bytes, but ${newest.lastPage + 1} pages are in use`
    }
    return yield* new Walk(descriptor, newest).check()
  } finally {
    fs.closeSync(descriptor)
  }
}

function readMeta(head: Buffer, at: number): Meta | string {
  if (head.readUInt16LE(at + 18) !== META) return 'flags'
  if (head.readUInt32LE(at + 24) !== MAGIC) return 'magic'
  const version = head.readUInt32LE(at + 28)
  if (version !== VERSION) return `version ${version}`
  const pageSize = head.readUInt32LE(at + 48)
  if (pageSize !== 4096) return `page size ${pageSize}`
  return {
    pageSize,
    free: readTree(head, at + 48),
    main: readTree(head, at + 96),
    lastPage: Number(head.readBigUInt64LE(at + 144)),
    txn: head.readBigUInt64LE(at + 152),
  }
}

function readTree(head: Buffer, at: number): Tree {
  return {
    depth: head.readUInt16LE(at + 6),
    entries: Number(head.readBigUInt64LE(at + 32)),
    root: head.readBigUInt64LE(at + 40),
  }
}

class Walk {
  private readonly seen: Uint8Array
  /** A page of each depth: a branch is looked at again after those below it. */
  private readonly pages: Buffer[] = []
  private readonly overflow = Buffer.allocUnsafe(PAGE_HEADER)
  private entries = 0
  /** Pages in this step. */
  private read = 0

  constructor(
    private readonly descriptor: number,
    private readonly meta: Meta,
  ) {
    this.seen = new Uint8Array(meta.lastPage + 1)
  }

  *check(): Steps<string | undefined> {
    for (const [name, tree] of [
      ['free', this.meta.free],
      ['main', this.meta.main],
    ] as const) {
      this.entries = 0
      if (tree.root === NONE) {
        if (tree.entries !== 0) return `${name} tree: no root for ${tree.entries} entries`
        continue
      }
      const why = yield* this.page(tree.root, tree.depth)
      if (why !== undefined) return `${name} tree: ${why}`
      if (this.entries !== tree.entries) return `${name} tree: ${this.entries} of ${tree.entries} entries`
    }
    return undefined
  }

  private claim(number: bigint, pages: number): string | undefined {
    if (number < 2n || number + BigInt(pages) > BigInt(this.seen.length)) return `page ${number} is outside of the file`
    for (let i = Number(number); i < Number(number) + pages; i++) {
      if (this.seen[i] === 1) return `page ${i} is used twice`
      this.seen[i] = 1
    }
    return undefined
  }

  private *page(number: bigint, depth: number): Steps<string | undefined> {
    const { pageSize } = this.meta
    const outside = this.claim(number, 1)
    if (outside !== undefined) return outside
    this.read++
    this.pages[depth] ??= Buffer.allocUnsafe(pageSize)
    const page = this.pages[depth]
    if (fs.readSync(this.descriptor, page, 0, pageSize, Number(number) * pageSize) < pageSize) return 'cut off'
    if (page.readBigUInt64LE(0) !== number) return `page ${number} says that it is page ${page.readBigUInt64LE(0)}`
    const flags = page.readUInt16LE(18) & 0x0f
    const expected = depth > 1 ? BRANCH : LEAF
    if (flags !== expected) return `page ${number} has flags ${flags}, expected ${expected}`
    const lower = page.readUInt16LE(20)
    const upper = page.readUInt16LE(22)
    const room = pageSize - PAGE_HEADER
    if (lower > upper || upper > room) return `page ${number}: bounds ${lower}, ${upper}`
    const count = lower >> 1
    if (count < (depth > 1 ? 2 : 1)) return `page ${number}: ${count} nodes`
    for (let i = 0; i < count; i++) {
      if (this.read >= PAGES_PER_STEP) {
        this.read = 0
        yield
      }
      const at = PAGE_HEADER + page.readUInt16LE(PAGE_HEADER + i * 2)
      if (at < PAGE_HEADER + upper || at + 8 > pageSize) return `page ${number}: node ${i} at ${at}`
      const why = depth > 1 ? yield* this.branch(page, at, depth) : this.leaf(page, at)
      if (why !== undefined) return why
    }
    if (depth <= 1) this.entries += count
    return undefined
  }

  private *branch(page: Buffer, at: number, depth: number): Steps<string | undefined> {
    const keySize = page.readUInt16LE(at + 6)
    if (at + 8 + keySize > page.length) return 'a key crosses the end of its page'
    const child = BigInt(page.readUInt32LE(at)) | (BigInt(page.readUInt16LE(at + 4)) << 32n)
    return yield* this.page(child, depth - 1)
  }

  private leaf(page: Buffer, at: number): string | undefined {
    const size = page.readUInt32LE(at)
    const flags = page.readUInt16LE(at + 4)
    const data = at + 8 + page.readUInt16LE(at + 6)
    if (flags > 1) return `node flags ${flags}`
    if (flags === 0) return data + size > page.length ? 'a value crosses the end of its page' : undefined
    if (data + 8 > page.length) return 'an overflow reference crosses the end of its page'
    const number = page.readBigUInt64LE(data)
    const pages = Math.ceil((size + PAGE_HEADER) / this.meta.pageSize)
    const outside = this.claim(number, pages)
    if (outside !== undefined) return outside
    const header = this.overflow
    this.read++
    if (fs.readSync(this.descriptor, header, 0, PAGE_HEADER, Number(number) * this.meta.pageSize) < PAGE_HEADER) {
      return 'cut off'
    }
    if (header.readBigUInt64LE(0) !== number || (header.readUInt16LE(18) & 0x0f) !== OVERFLOW) {
      return `page ${number} is no overflow page`
    }
    return header.readUInt32LE(20) >= pages ? undefined : `page ${number} is too short for its value`
  }
}
