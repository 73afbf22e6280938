// Every benchmark, in the order in which they run and are reported: parts first, then the whole.
import type { Bench } from './bench.js'
import { hashBenches } from './suites/hash.js'
import { httpBenches } from './suites/http.js'
import { languageBenches } from './suites/language.js'
import { latencyBenches } from './suites/latency.js'
import { redisBenches } from './suites/redis.js'

export const benches: readonly Bench[] = [
  ...hashBenches,
  ...languageBenches,
  ...httpBenches,
  ...redisBenches,
  ...latencyBenches,
]
