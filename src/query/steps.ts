// Work in steps: generators that yield about every quarter of a millisecond, so that whoever drives them may do something else.

/** Work that yields now and then and ends with a T. */
export type Steps<T> = Generator<void, T, void>

/** Does all the steps. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { value, done } = steps.next()
    if (done) return value
  }
}

const ENDED: IteratorReturnResult<void> = { done: true, value: undefined }

/** No work: for what is done already, where a generator would cost more than the work. */
export const NO_STEPS = {
  next: () => ENDED,
  return: () => ENDED,
  throw: () => ENDED,
  [Symbol.iterator]: () => NO_STEPS,
} as Steps<void>
