// Run as a process of its own: opens a customer file and reads all of it. Exit 0: intact; 3: damaged, stderr says how; a
// signal: the damage kills, and killed only this.
import { readWhole } from './customer-store.js'

readWhole(process.argv[2]!, BigInt(process.argv[3]!)).then(
  () => process.exit(0),
  error => {
    process.stderr.write(`${(error as Error).message}\n`)
    process.exit(3)
  },
)
