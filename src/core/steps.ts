// Work that others need not wait for: a generator that does a part of it, well under a millisecond, each time it is asked.

/** Ended early, with `return`, it gives back all that it holds. */
export type Steps<T> = Generator<void, T, void>

/** Does all of it at once. */
export function complete<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

export const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Does all of it, a step in each turn of the event loop. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    await nextTurn()
  }
}
