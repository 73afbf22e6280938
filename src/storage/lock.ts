// A lock that the kernel gives back however its holder dies (R4): flock on an open file.
//
// Node cannot call flock, but the lock belongs to the open file description, not to the process that asked for it: so
// `flock(1)` is started with our descriptor, takes the lock and ends; the lock stays with our descriptor until it is
// closed, by us or by the kernel when we die. Children inherit no descriptor unless told so. The file's contents say who
// holds it, for a person; they decide nothing.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { LetheError } from '../core/errors.js'

export interface Lock {
  readonly path: string
  release(): void
}

/** Takes the lock at `path` or throws 409 `locked` with {path, holder}: what the holder wrote into the file. `about` is that, for us. */
export function takeLock(path: string, about: string): Lock {
  const descriptor = fs.openSync(path, 'a+', 0o600)
  const refuse = (error: LetheError): never => {
    fs.closeSync(descriptor)
    throw error
  }
  const result = spawnSync('flock', ['-n', '-x', '3'], { stdio: ['ignore', 'ignore', 'pipe', descriptor] })
  if (result.error !== undefined) {
    refuse(
      new LetheError(
        'no-flock',
        `the command flock (package util-linux) is needed to lock ${path}: ${result.error.message}`,
      ),
    )
  }
  if (result.status === 1 && result.stderr.length === 0) {
    const holder = fs.readFileSync(path, 'utf8').trim()
    refuse(
      new LetheError('locked', `${path} is held by ${holder === '' ? 'another process' : holder}`, 409, {
        path,
        holder,
      }),
    )
  }
  if (result.status !== 0) refuse(new LetheError('lock-failed', `flock on ${path}: ${String(result.stderr).trim()}`))
  fs.ftruncateSync(descriptor)
  fs.writeSync(descriptor, `${about}\n`)
  let held = true
  return {
    path,
    release() {
      if (!held) return
      held = false
      fs.ftruncateSync(descriptor)
      fs.closeSync(descriptor)
    },
  }
}

/** Who holds the lock at `path`; undefined: nobody. */
export function lockHolder(path: string): string | undefined {
  if (!fs.existsSync(path)) return undefined
  try {
    const descriptor = fs.openSync(path, 'r')
    try {
      const result = spawnSync('flock', ['-n', '-s', '3'], { stdio: ['ignore', 'ignore', 'ignore', descriptor] })
      return result.status === 1 ? fs.readFileSync(path, 'utf8').trim() : undefined
    } finally {
      fs.closeSync(descriptor)
    }
  } catch {
    return undefined
  }
}
