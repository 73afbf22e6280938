// `lethe admin-token --reset DATA`: whoever may write the data folder may operate the node.
import fs from 'node:fs'
import path from 'node:path'
import { makeKey } from '../actors/administration.js'
import { keyDigest } from '../actors/routes.js'
import { LetheError } from '../core/errors.js'
import { systemRandom } from '../core/random.js'
import { openControlWriter } from '../storage/control.js'
import { lockData } from './data-lock.js'
import { ADMIN_DIGEST } from './first-start.js'

/** Makes a new token, in force from the node's next start; answers its text. Throws where the node runs. */
export async function resetAdminToken(data: string): Promise<string> {
  const folder = path.resolve(data)
  if (!fs.existsSync(path.join(folder, 'control'))) {
    throw new LetheError('no-data', `${folder} is not a data folder of Lethe`)
  }
  const lock = await lockData(folder, `lethe admin-token, process ${process.pid}`)
  try {
    const control = openControlWriter(path.join(folder, 'control'), systemRandom)
    const token = makeKey(systemRandom, 'lat')
    await control.setSetting(ADMIN_DIGEST, keyDigest(token))
    await control.close()
    return token
  } finally {
    lock.release()
  }
}
