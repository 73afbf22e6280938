// Two kinds of trouble, kept apart (after Relay's `is_unexpected`):
// a LetheError is a bad day (bad input, a full disk, a quota): it has a code and an HTTP status and is answered;
// a Bug is a broken assumption: it throws, the customer's memory is dropped and spawned again from snapshot + journal.

/** Something a caller may meet on a good day. `code` is kebab-case and stable; `message` is for a person. */
export class LetheError extends Error {
  override readonly name = 'LetheError'
  constructor(
    readonly code: string,
    message: string,
    /** HTTP status that this error is answered with, where it reaches a client. */
    readonly status: number = 500,
    /** Structured extras: `line` and `column` of a program, `retryAfterSeconds`, a path. */
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message)
  }
}

/** A broken assumption of our own. Never caught except by the supervision of a customer or the end of the process. */
export class Bug extends Error {
  override readonly name = 'Bug'
}

/** Throws a Bug unless `condition` holds. */
export function assert(condition: unknown, message = 'assertion failed'): asserts condition {
  if (!condition) throw new Bug(message)
}

/** Marks the end of an exhaustive switch: a type error if a case is missing, a Bug if it is reached. */
export function unreachable(value: never): never {
  throw new Bug(`unreachable: ${JSON.stringify(value)}`)
}
