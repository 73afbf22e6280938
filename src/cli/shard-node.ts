// What a shard's process says to its supervisor, and asks of it: the HTTP server's view of the node.
import type { AdminRequest } from '../actors/administration.js'
import type { Verdict } from '../actors/quarantine.js'
import { LetheError } from '../core/errors.js'
import type { NodeSupervision, ShardReport } from '../http/node.js'
import type { PlainError, ToSupervisor } from './messages.js'

interface Ask {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: LetheError) => void
}

export class ShardNode implements NodeSupervision {
  ready = false
  private readonly asks = new Map<number, Ask>()
  private numbers = 0

  constructor(
    readonly adminDigest: string,
    private readonly tell: (message: ToSupervisor) => void,
    readonly quarantined: () => readonly Verdict[],
  ) {}

  administer(request: AdminRequest): Promise<unknown> {
    return this.ask(ask => ({ tag: 'administer', ask, request }))
  }

  async reports(): Promise<{ shards: readonly ShardReport[]; restarts: number }> {
    return (await this.ask(ask => ({ tag: 'reports', ask }))) as { shards: ShardReport[]; restarts: number }
  }

  backup(folder: string): Promise<unknown> {
    return this.ask(ask => ({ tag: 'backup', ask, folder }))
  }

  answered(ask: number, value: unknown): void {
    const waiting = this.asks.get(ask)
    this.asks.delete(ask)
    waiting?.resolve(value)
  }

  refused(ask: number, { code, message, status }: PlainError): void {
    const waiting = this.asks.get(ask)
    this.asks.delete(ask)
    waiting?.reject(new LetheError(code, message, status))
  }

  private ask(message: (ask: number) => ToSupervisor): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const number = ++this.numbers
      this.asks.set(number, { resolve, reject })
      this.tell(message(number))
    })
  }
}
