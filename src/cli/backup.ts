// A backup is a data folder again: whoever starts a node on it finds what a crash at the moment of the backup would have
// left (R19). So restoring is copying, and one code path reads both.
//
//   all shards hold trimming ─▶ customers' files ─▶ verdicts ─▶ journals, to the last durable frame ─▶ control ─▶ manifest
//
// A customer's file is copied while nobody writes to it, and is at some entry k. No journal loses an entry while trimming is
// held, and journals are copied after the files: so for every customer all entries above its k are there, as far as the
// moment at which its journal was read. Verdicts lie between: one that a file's contents rest on is there, none is there
// whose entry is not, and one that is missing is reached again by the replay. The control store comes last: no customer
// in it lacks its data.
//
// `manifest.json` is written last. Without it a backup is not one.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { LetheError } from '../core/errors.js'
import type { CopyableStore, Journal } from '../storage/contract.js'

const CHUNK_BYTES = 1024 * 1024
const MANIFEST = 'manifest.json'
/** Lies in a data folder for as long as it is being filled from a backup. */
const UNFINISHED = 'restore.unfinished'
const FORMAT = 1

/** A file of a backup, relative to its folder. */
export interface CopiedFile {
  readonly name: string
  /** What was copied and is checked. The file may go on with zeros. */
  readonly bytes: number
  readonly crc: number
}

interface Manifest {
  readonly format: number
  readonly version: string
  /** When it was complete, ISO 8601. */
  readonly at: string
  readonly files: readonly CopiedFile[]
}

/** Where a backup goes, and what it leaves free there: it may be the node's own disk. */
export interface BackupTarget {
  readonly folder: string
  readonly reserveBytes: number
}

function keepReserve(folder: string, reserveBytes: number): void {
  const { bavail, bsize } = fs.statfsSync(folder)
  if (bavail * bsize < reserveBytes) throw new LetheError('disk-full', `${folder}: less than the reserve is free`, 503)
}

/** Copies the first `bytes` of a file (all of it where left out), in steps, and lengthens the copy to `size` with zeros. */
async function copyFile(from: string, to: string, reserveBytes: number, bytes = Number.POSITIVE_INFINITY, size = 0) {
  await fs.promises.mkdir(path.dirname(to), { recursive: true, mode: 0o700 })
  const source = await fs.promises.open(from, 'r')
  try {
    const target = await fs.promises.open(to, 'wx', 0o600)
    try {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      let at = 0
      let crc = 0
      while (at < bytes) {
        keepReserve(path.dirname(to), reserveBytes)
        const { bytesRead } = await source.read(chunk, 0, Math.min(CHUNK_BYTES, bytes - at), at)
        if (bytesRead === 0) break
        crc = crc32(chunk.subarray(0, bytesRead), crc)
        await target.write(chunk, 0, bytesRead, at)
        at += bytesRead
      }
      if (size > at) await target.truncate(size)
      return { bytes: at, crc }
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

/** Makes `folder`, or takes an empty one. */
function takeEmptyFolder(folder: string): void {
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (fs.readdirSync(folder).length > 0) throw new LetheError('not-empty', `${folder} is not empty`, 409)
  } catch (error) {
    if (error instanceof LetheError) throw error
    throw new LetheError('folder', `cannot use ${folder}: ${(error as Error).message}`, 400)
  }
}

/** Makes all that was written below `folder` durable: one syncfs, where fsync of each of 30,000 files would take minutes. */
async function syncAll(folder: string): Promise<void> {
  const child = spawn('sync', ['-f', folder], { stdio: 'ignore' })
  const ended = await new Promise(resolve => child.on('exit', resolve).on('error', resolve))
  if (ended !== 0) throw new LetheError('disk-error', `${folder} could not be synced`, 503)
}

/** The path without symbolic links, of what need not be there yet. */
function realPath(wanted: string): string {
  for (let known = wanted; ; known = path.dirname(known)) {
    if (fs.existsSync(known)) return path.join(fs.realpathSync(known), path.relative(known, wanted))
  }
}

/** Makes the folder that a backup of `dataFolder` goes into. Throws unless it may go there. */
export function beginBackup(dataFolder: string, folder: string): void {
  if (!path.isAbsolute(folder)) throw new LetheError('folder', 'a backup goes into a folder with an absolute path', 400)
  const from = path.relative(fs.realpathSync(dataFolder), realPath(folder))
  if (from === '' || !(from === '..' || from.startsWith('../'))) {
    throw new LetheError('folder', 'a backup cannot lie in the data folder', 400)
  }
  takeEmptyFolder(folder)
}

/** One shard's part: the files of customers that are its own. */
export async function backUpCustomers(
  dataFolder: string,
  { folder, reserveBytes }: BackupTarget,
  owned: (incarnation: bigint) => boolean,
  store: CopyableStore,
): Promise<CopiedFile[]> {
  const copied: CopiedFile[] = []
  const customers = path.join(dataFolder, 'customers')
  for (const digits of await namesIn(customers)) {
    if (!/^[0-9a-f]{2}$/.test(digits)) continue
    for (const name of await namesIn(path.join(customers, digits))) {
      const hex = /^([0-9a-f]{16})\.mdb$/.exec(name)?.[1]
      if (hex === undefined || !owned(BigInt(`0x${hex}`))) continue
      await store.whileStill(BigInt(`0x${hex}`), async from => {
        const relative = path.join('customers', digits, name)
        const file = await copyFile(from, path.join(folder, relative), reserveBytes).catch(unlessGone)
        if (file) copied.push({ name: relative, ...file })
      })
    }
  }
  return copied
}

/** One shard's part: the segments that it keeps, as far as they are durable at the moment of the call. */
export async function backUpJournal(
  dataFolder: string,
  { folder, reserveBytes }: BackupTarget,
  journal: Journal,
): Promise<CopiedFile[]> {
  const copied: CopiedFile[] = []
  for (const { path: from, end, size } of journal.files()) {
    const name = path.relative(dataFolder, path.resolve(from))
    const file = await copyFile(from, path.join(folder, name), reserveBytes, end, size)
    if (file.bytes < end) throw new LetheError('journal-damaged', `${from} ends at ${file.bytes}, not at ${end}`)
    copied.push({ name, ...file })
  }
  return copied
}

/** The supervisor's part between the shards' two: what was set aside, before the journals. */
export async function backUpVerdicts(
  dataFolder: string,
  { folder, reserveBytes }: BackupTarget,
): Promise<CopiedFile[]> {
  const copied: CopiedFile[] = []
  for (const verdict of await namesIn(path.join(dataFolder, 'quarantine'))) {
    if (!verdict.endsWith('.json')) continue
    const name = path.join('quarantine', verdict)
    const file = await copyFile(path.join(dataFolder, name), path.join(folder, name), reserveBytes)
    copied.push({ name, ...file })
  }
  return copied
}

/** The supervisor's part at the end. `whileStill` hands over the path of the control store's file. */
export async function endBackup(
  { folder, reserveBytes }: BackupTarget,
  about: { readonly version: string; readonly nowMs: number },
  copied: readonly CopiedFile[],
  whileStill: (copy: (from: string) => Promise<void>) => Promise<void>,
): Promise<{ files: number; bytes: number }> {
  const files = [...copied]
  await whileStill(async from => {
    const name = path.join('control', path.basename(from))
    files.push({ name, ...(await copyFile(from, path.join(folder, name), reserveBytes)) })
  })
  await syncAll(folder)
  const at = new Date(about.nowMs).toISOString()
  const manifest: Manifest = { format: FORMAT, version: about.version, at, files }
  fs.writeFileSync(path.join(folder, MANIFEST), JSON.stringify(manifest), { mode: 0o600, flag: 'wx' })
  await syncAll(folder)
  return { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) }
}

/** Makes a data folder of a backup, checking every byte. Answers how much it was. What fails leaves the folder empty. */
export async function restore(backup: string, data: string): Promise<{ files: number; bytes: number; at: string }> {
  const manifest = readManifest(backup)
  takeEmptyFolder(data)
  fs.writeFileSync(path.join(data, UNFINISHED), '')
  try {
    await copyBackup(backup, manifest, data)
    await syncAll(data)
  } catch (error) {
    for (const name of fs.readdirSync(data)) fs.rmSync(path.join(data, name), { recursive: true, force: true })
    throw error
  }
  fs.rmSync(path.join(data, UNFINISHED))
  await syncAll(data)
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0)
  return { files: manifest.files.length, bytes, at: manifest.at }
}

async function copyBackup(backup: string, { files }: Manifest, data: string): Promise<void> {
  for (const { name, bytes, crc } of files) {
    if (path.isAbsolute(name) || path.normalize(name).startsWith('..')) throw damaged(backup, name)
    const from = path.join(backup, name)
    const size = fs.existsSync(from) ? fs.statSync(from).size : 0
    const copy = size < bytes ? undefined : await copyFile(from, path.join(data, name), 0, bytes, size)
    if (copy?.crc !== crc) throw damaged(backup, name)
  }
}

/** Throws where a folder holds a part of a node's data: a new node in it would look as if everything were lost. */
export function refuseRemains(data: string): void {
  const has = (name: string) => fs.existsSync(path.join(data, name))
  if (has(UNFINISHED))
    throw new LetheError('data-folder', `a restore into ${data} was cut short: empty the folder, and restore again`)
  if (!has('control') && (has('customers') || has('journal')))
    throw new LetheError(
      'data-folder',
      `${data} has customers or journals, but not who they belong to (control/): restore a backup into an empty folder`,
    )
}

const damaged = (backup: string, name: string) =>
  new LetheError(
    'backup-damaged',
    `${path.join(backup, name)} is missing, or not what was written: restore another backup`,
  )

function readManifest(backup: string): Manifest {
  const file = path.join(backup, MANIFEST)
  let manifest: Manifest
  try {
    manifest = JSON.parse(fs.readFileSync(file, 'utf8')) as Manifest
  } catch (error) {
    throw new LetheError('no-backup', `${backup} is no complete backup: ${(error as Error).message}`)
  }
  if (manifest.format !== FORMAT)
    throw new LetheError('no-backup', `${file} has format ${manifest.format}, not ${FORMAT}`)
  return manifest
}

async function namesIn(folder: string): Promise<string[]> {
  return (await fs.promises.readdir(folder).catch(unlessGone)) ?? []
}

// A customer may be deleted meanwhile.
function unlessGone(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}
