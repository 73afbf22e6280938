// Where shards of one node listen for each other.
//
// The path of a Unix socket has at most 107 bytes, and a data folder may lie deep. Where `data/run` is too long, the
// sockets go into a folder of the system's temporary one, named by a hash of the data folder and open to its owner only.
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { LetheError } from '../core/errors.js'

const MAX_PATH_BYTES = 107
/** Room for `/shard-NNN-GGGGGG.sock`. */
const NAME_BYTES = 32

/** Makes and empties the folder for sockets: whoever calls holds the lock on the data folder, so what is there is dead. */
export function socketFolder(dataFolder: string, temporary: string = os.tmpdir()): string {
  const own = path.resolve(dataFolder, 'run')
  const hash = createHash('sha256').update(path.resolve(dataFolder)).digest('hex').slice(0, 16)
  const folder = Buffer.byteLength(own) + NAME_BYTES <= MAX_PATH_BYTES ? own : path.join(temporary, `lethe-${hash}`)
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
  const stat = fs.lstatSync(folder)
  // Somebody else may have made the folder in the temporary one, to listen in our place.
  if (!stat.isDirectory() || (process.getuid && stat.uid !== process.getuid())) {
    throw new LetheError('socket-folder', `${folder} is not ours: remove it, or set TMPDIR to a folder of your own`)
  }
  fs.chmodSync(folder, 0o700)
  for (const name of fs.readdirSync(folder)) {
    if (name.endsWith('.sock')) fs.rmSync(path.join(folder, name), { force: true })
  }
  return folder
}

export function socketPath(folder: string, shard: number, generation: number): string {
  return path.join(folder, `shard-${shard}-${generation}.sock`)
}
