// `npm run replay -- FILE…`: sends recorded requests to a running node. The tool itself is src/cli/replay.ts.
import { runReplay } from '../build/src/cli/replay.js'

try {
  process.exitCode = await runReplay(process.argv.slice(2), line => console.log(line))
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
