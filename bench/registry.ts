// Every benchmark, in the order in which they run and are reported: parts first, then the whole.
import type { Bench } from './bench.js'
import { decodeBenches } from './suites/decode.js'
import { densityBenches } from './suites/density.js'
import { hashBenches } from './suites/hash.js'
import { hllBenches } from './suites/hll.js'
import { httpBenches } from './suites/http.js'
import { journalBenches } from './suites/journal.js'
import { languageBenches } from './suites/language.js'
import { latencyBenches } from './suites/latency.js'
import { memoryBenches } from './suites/memory.js'
import { programBenches } from './suites/program.js'
import { queryBenches } from './suites/query.js'
import { redisBenches } from './suites/redis.js'
import { scaleBenches } from './suites/scale.js'
import { tableBenches } from './suites/tables.js'

export const benches: readonly Bench[] = [
  ...hashBenches,
  ...hllBenches,
  ...decodeBenches,
  ...programBenches,
  ...tableBenches,
  ...memoryBenches,
  ...journalBenches,
  ...languageBenches,
  ...queryBenches,
  ...httpBenches,
  ...redisBenches,
  ...latencyBenches,
  ...scaleBenches,
  ...densityBenches,
]
