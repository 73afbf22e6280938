// A sketch as a value of the language: it can be counted, merged and compared, not looked into.

import { Hll } from '../sketch/hll.js'
import { Opaque } from './value.js'

export class SketchValue extends Opaque {
  constructor(readonly hll: Hll) {
    super()
  }

  get estimate(): number {
    return Math.round(this.hll.estimate())
  }

  get written(): string {
    return `sketch ${this.estimate}`
  }

  get byteSize(): number {
    return 64 + this.hll.byteSize
  }

  toJson(): unknown {
    return { sketch: 'hll', estimate: this.estimate, relativeError: Hll.relativeError }
  }
}
