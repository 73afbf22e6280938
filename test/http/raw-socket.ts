// A client that writes bytes as given, for what no HTTP library would send.
import net from 'node:net'

export interface RawAnswer {
  readonly text: string
  /** Status of the first answer, 0 where there was none. */
  readonly status: number
  readonly closed: boolean
}

/** Writes the parts one after the other (each in its own turn), then waits until `until` matches or the socket closes. */
export function rawRequest(port: number, parts: readonly (string | Buffer)[], until: RegExp): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    let text = ''
    let settled = false
    const settle = (closed: boolean) => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      socket.destroy()
      resolve({ text, status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), closed })
    }
    const timer = setTimeout(() => reject(new Error(`no answer: ${JSON.stringify(text)}`)), 20_000)
    socket.on('data', data => {
      text += data.toString('latin1')
      if (until.test(text)) settle(false)
    })
    socket.on('close', () => settle(true))
    socket.on('error', () => settle(true))
    socket.setNoDelay(true)
    const write = (i: number) => {
      if (i === parts.length || settled) return
      socket.write(parts[i]!, () => setImmediate(write, i + 1))
    }
    socket.on('connect', () => write(0))
  })
}
