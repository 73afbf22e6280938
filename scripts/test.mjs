// `npm test`: every test with coverage, then the bound on coverage. Flags and file names go on to tap.
import { spawnSync } from 'node:child_process'

const result = spawnSync('npx', ['tap', 'run', ...process.argv.slice(2)], { stdio: 'inherit' })
process.exit(result.status ?? 1)
