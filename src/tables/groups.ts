import { Bug } from '../core/errors.js'

/** What is known of one crash group beside its counts, which are in `crashes/group`, `errors/group`, `users/group`. */
export interface GroupInfo {
  readonly id: string
  readonly title: string
  readonly culprit: string
  readonly platform: string
  readonly kind: 'crash' | 'error'
  /** Event times, ms. */
  readonly first: number
  readonly last: number
  /** The latest event of it among the days resident now. */
  exampleOf(): { day: number; json: string } | undefined
}

export class Groups {
  readonly size: number = 0
  find(_id: string): GroupInfo | undefined {
    throw new Bug('not yet')
  }
  /** In order of first sight. */
  list(): readonly GroupInfo[] {
    throw new Bug('not yet')
  }
}
