// What an entry means beside its bytes (R14): the built-in program, what a step costs, the limits that shape state; and how
// crashes are grouped. A customer's entries stand in the journal behind one that says under which versions they were applied.
//
// Entries of another version that no checkpoint holds are not replayed: they would be counted otherwise than when they were
// acknowledged. Their customer is refused until the version that wrote them has checkpointed it (start it, and stop it).
import { LetheError } from '../core/errors.js'
import { GROUPING_VERSION } from '../event/group.js'

export interface Versions {
  /** Raised by whoever changes program-default.scm, the cost of a step or of a library procedure, or a limit marked `state`. */
  readonly program: number
  readonly grouping: number
}

// 2: keys of 640 bytes, `hash` without identities, library procedures that answer nothing where they change something.
export const VERSIONS: Versions = { program: 2, grouping: GROUPING_VERSION }

/** As entries record them. Entries of before have no grouping: that was 1. */
export interface RecordedVersions {
  readonly engine: number
  readonly grouping?: number
}

export const recorded = ({ program, grouping }: Versions): RecordedVersions => ({ engine: program, grouping })

export const otherVersion = (customer: string, n: number, found: Versions, own: Versions): LetheError =>
  new LetheError(
    'other-version',
    `customer ${customer}: entry ${n} was applied by program version ${found.program} and grouping version ${found.grouping}, and no checkpoint holds it; ` +
      `here these are ${own.program} and ${own.grouping}: start the Lethe that wrote it once more, and stop it with SIGTERM`,
    503,
  )
