// A process that reads the control store and answers a line for each it is sent.
import { openControlReader } from '../../src/storage/control.js'

const reader = openControlReader(process.argv[2]!)
for await (const _ of process.stdin) {
  process.stdout.write(`${JSON.stringify({ version: reader.version(), blocked: reader.customer('acme')?.blocked })}\n`)
}
await reader.close()
