// Is the port free, and if not, who has it?
//
// Shards listen with SO_REUSEPORT, so a second node would not fail: the kernel would give it half of the connections.
// So the supervisor tries the port without that flag first, and then, on Linux, holds a name in the abstract socket
// namespace for as long as it lives: two nodes that start in the same moment cannot both have it.
import net from 'node:net'
import { LetheError } from '../core/errors.js'

/** Ports looked at for 0 before it is given up. */
const CLAIM_TRIES = 20

/** Tries to listen; answers the port (a free one for 0), or undefined where somebody has it. */
function tryPort(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') return resolve(undefined)
      const why = error.code === 'EACCES' ? 'not allowed: ports below 1024 need rights' : error.message
      reject(new LetheError('port', `cannot listen on ${host}:${port}: ${why}`))
    })
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address() as net.AddressInfo
      server.close(() => resolve(address.port))
    })
  })
}

/** Says who answers on a port, in words. */
async function holderOf(host: string, port: number): Promise<string> {
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  try {
    const answer = await fetch(`http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}/healthz`, {
      signal: AbortSignal.timeout(1_000),
    })
    const body = (await answer.json()) as { name?: unknown; version?: unknown }
    if (body.name === 'lethe') return `a Lethe node (version ${String(body.version)})`
  } catch {
    // Somebody else, or nobody who speaks HTTP.
  }
  return 'another program'
}

/** A port held by name. */
export interface PortClaim {
  readonly port: number
  release(): void
}

/** Answers how to let go of the name; undefined where somebody has it. */
function holdName(port: number): Promise<(() => void) | undefined> {
  if (process.platform !== 'linux') return Promise.resolve(() => {})
  return new Promise(resolve => {
    const server = net.createServer(socket => socket.destroy())
    server.once('error', () => resolve(undefined))
    server.listen(`\0lethe-port-${port}`, () => {
      server.unref()
      resolve(() => server.close())
    })
  })
}

const taken = (host: string, port: number, holder: string) =>
  new LetheError('port-taken', `${host}:${port} is taken by ${holder}: stop it, or choose another with --port`)

/** Makes sure that this node alone will listen on the port. `port` 0 finds a free one. */
export async function claimPort(host: string, port: number): Promise<PortClaim> {
  for (let tries = 1; ; tries++) {
    const free = await tryPort(host, port)
    if (free === undefined) throw taken(host, port, await holderOf(host, port))
    const held = await holdName(free)
    if (held !== undefined) return { port: free, release: held }
    // The kernel calls a port free that another node has claimed and does not listen on yet.
    if (port !== 0 || tries === CLAIM_TRIES) throw taken(host, free, 'a Lethe node that is starting')
  }
}
