import type { FileWrite } from './types.js'

export interface Checkpoint {
  readonly n: number
  /** Encodes up to `pages` pages; true when all are. */
  encode(pages: number): boolean
  /** Complete once `encode` has answered true. */
  readonly write: FileWrite
  /** The write failed, or is abandoned: what it held is dirty again. */
  fail(): void
  /** The write is in the file. */
  done(): void
}
