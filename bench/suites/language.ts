// The language: small programs that everybody times, beside Chicken's interpreter, Guile and BiwaScheme.
import type { Bench } from '../bench.js'
export const languageBenches: readonly Bench[] = []
