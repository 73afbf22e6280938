// What a pass of the compiler does in one step, and what it leaves for the next.

import type { Steps } from '../core/steps.js'

/** Forms that a pass looks at in one step: about half a millisecond. */
const FORMS_A_STEP = 1024

/**
 * Lets a pass recurse plainly over a tree of any size, and yet stop in time: generators all the way down cost half of the
 * compiler's time.
 *
 * The pass asks `isSpent` of each form. Once the step's forms are used up, it postpones whatever it meets, a subtree or the
 * rest of a list, goes on as if that were done, and so is out of its recursion after no more work than the tree is deep.
 * `finish` then does what was postponed, in the order of the source: what a task postpones comes before what waited already.
 * A form of the top level that is smaller than half a step is never cut.
 */
export class Agenda {
  private left: number
  /** The next one last. */
  private readonly waiting: (() => void)[] = []
  /** Postponed since the last task began, in order. */
  private met: (() => void)[] = []

  /** Fewer forms a step are for tests: what is cut anywhere has to mean the same. */
  constructor(private readonly formsAStep = FORMS_A_STEP) {
    this.left = formsAStep
  }

  /** Whether the step's work is done, after `forms` more. */
  isSpent(forms = 1): boolean {
    this.left -= forms
    return this.left < 0
  }

  /** Counts work that nobody can stop. */
  spend(forms: number): void {
    this.left -= forms
  }

  postpone(task: () => void): void {
    this.met.push(task)
  }

  /** Does all of `steps`, which yield when the step is spent. */
  *through<T>(steps: Steps<T>): Steps<T> {
    for (;;) {
      const { done, value } = steps.next()
      if (done) return value
      yield
      this.left = this.formsAStep
    }
  }

  /** Does what has been postponed, and yields unless there is half a step left. Call it between forms of the top level. */
  *finish(): Steps<void> {
    for (;;) {
      if (this.left < this.formsAStep / 2) {
        yield
        this.left = this.formsAStep
      }
      while (this.met.length > 0) this.waiting.push(this.met.pop()!)
      const task = this.waiting.pop()
      if (task === undefined) return
      task()
    }
  }

  /** Whether `finish` has nothing to do. */
  get isEmpty(): boolean {
    return this.met.length === 0 && this.left >= this.formsAStep / 2
  }
}
