#!/usr/bin/env node
// The program `lethe`. A shard's process is started before anything else is loaded: what it has to load takes longest.
import { descriptorLimit, MIN_DESCRIPTORS } from './descriptors.js'
import { forkShard } from './shard-process.js'

// `lethe … | head` closes the pipe when it has seen enough: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const args = process.argv.slice(2)
const isServe = args[0] === 'serve' && !args.some(arg => arg === '--help' || arg === '-h')
const descriptors = isServe ? descriptorLimit() : MIN_DESCRIPTORS
if (descriptors < MIN_DESCRIPTORS) {
  process.stderr.write(
    `lethe: this process may open ${descriptors} files; a node needs ${MIN_DESCRIPTORS} at least (ulimit -n 65536)\n`,
  )
  process.exit(1)
}
const early = isServe ? forkShard() : undefined

// No await at the top: a bundle is CommonJS (scripts/bundle.mjs).
void import('./commands.js')
  .then(({ run }) => run(args, early))
  .then(code => {
    process.exitCode = code
    early?.kill('SIGKILL')
    // A node ends here and now: while Node.js takes a process apart nobody looks after signals, and a second one would kill it (see serve.ts).
    if (isServe) process.exit()
  })
