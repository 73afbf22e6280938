// A process that takes a lock, says so, and waits to be killed.
import { takeLock } from '../../src/storage/lock.js'

takeLock(process.argv[2]!, `pid ${process.pid}`)
process.stdout.write('held\n')
setInterval(() => {}, 1_000_000)
