// The actor library as the simulation has it: a mailbox an actor, one message a step, in order; what is told to a stopped
// actor vanishes, as it does with nact.
import type { ActorSystem } from '../../src/actors/system.js'
import type { Owner, Scheduler } from './scheduler.js'

export function simulatedActors(scheduler: Scheduler, owner: Owner): ActorSystem {
  let open = true
  return {
    spawn<Message>(_name: string, handle: (message: Message) => void, crashed: (error: unknown) => void) {
      let live = true
      const mailbox: Message[] = []
      const work = () => {
        const message = mailbox.shift()!
        if (!live || !open) return
        try {
          handle(message)
        } catch (error) {
          live = false
          crashed(error)
        }
      }
      return {
        tell(message: Message) {
          if (!live || !open) return
          mailbox.push(message)
          scheduler.defer(owner, work)
        },
        stop() {
          live = false
        },
      }
    },
    close() {
      open = false
    },
  }
}
