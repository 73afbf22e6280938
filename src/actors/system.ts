// The actor library behind a small door.
//
// nact carries an actor's lifecycle: its name, its mailbox for control messages, its supervision. What it does not get:
// - events: a message costs 0.6–1.1 µs and a turn of the event loop, so they go to the customer's inbox;
// - replies: `query()` draws 31-bit ids and overwrites on collision, which would hand one tenant another's answer;
// - its own decision to stop: `stop()` drops the mailbox silently, so the directory alone stops an actor, after a
//   handshake, and `shutdownAfter` is never used;
// - children of busy parents: every message copies the parent's map of children, so customers hang under an actor that
//   receives no messages.
import { dispatch, spawn, start, stop } from 'nact'

/** One actor, as its owner sees it. Nobody but the owner holds it. */
export interface ActorHandle<Message> {
  tell(message: Message): void
  /** Stops it; messages not yet handled are gone, so the owner does this only when it has recorded what they asked. */
  stop(): void
}

/** Spawns actors. `crashed` is told when a handler throws; the actor is stopped by then and handles nothing more. */
export interface ActorSystem {
  spawn<Message>(
    name: string,
    handle: (message: Message) => void,
    crashed: (error: unknown) => void,
  ): ActorHandle<Message>
  close(): void
}

export function nactSystem(): ActorSystem {
  const system = start()
  const customers = spawn(system, (state: undefined) => state, 'customers')
  return {
    spawn<Message>(actorName: string, handle: (message: Message) => void, crashed: (error: unknown) => void) {
      let live = true
      const reference = spawn(
        customers,
        (state: undefined, message: Message) => {
          if (live) handle(message)
          return state
        },
        actorName,
        {
          onCrash: (_message, error, context) => {
            if (live) {
              live = false
              crashed(error)
            }
            return context.stop
          },
        },
      )
      return {
        tell: (message: Message) => dispatch(reference, message),
        stop() {
          if (!live) return
          live = false
          stop(reference)
        },
      }
    },
    close: () => stop(system),
  }
}
