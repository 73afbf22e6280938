// The version of this build, of package.json.
import fs from 'node:fs'

export const VERSION = (
  JSON.parse(fs.readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }
).version
