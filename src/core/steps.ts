// Work that others need not wait for: a generator that does a part of it, about a millisecond at most, each time it is asked.

/** Work that yields now and then and ends with a T. Ended early, with `return`, it gives back all that it holds. */
export type Steps<T> = Generator<void, T, void>

/** Work that is done in one step, the last. */
export function* oneStep(act: () => void): Steps<void> {
  yield
  act()
}

/** Does all the steps. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

export const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Does all the steps, one in each turn of the event loop. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    await nextTurn()
  }
}
