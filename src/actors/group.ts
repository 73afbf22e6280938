// Who shares a commit. While one group is being synced the next one fills.
import type { Frame } from '../storage/contract.js'
import type { Delivery } from './delivery.js'

/** Keeps a frame's buffer until every delivery whose events still live in it has been applied. */
export class FrameHold {
  private held = 0
  private frame: Frame | undefined

  /** `released` is told when the buffer has gone back. */
  constructor(private readonly released: () => void) {}

  take(): void {
    this.held++
  }

  /** The frame is durable: from now on the last `drop` gives its buffer back. */
  synced(frame: Frame): void {
    this.frame = frame
    if (this.held === 0) this.release()
  }

  drop(): void {
    this.held--
    if (this.held === 0 && this.frame) this.release()
  }

  private release(): void {
    this.frame?.release()
    this.frame = undefined
    this.released()
  }
}

/** The deliveries of one frame, in the order of their entries. */
export interface CommitGroup {
  deliveries: Delivery[]
  hold: FrameHold
}

export function emptyGroup(released: () => void): CommitGroup {
  return { deliveries: [], hold: new FrameHold(released) }
}
