// All that queries can read, in the order of the documentation.

import { cellPrimitives } from './builtins-cells.js'
import { dayPrimitives } from './builtins-days.js'
import { groupPrimitives } from './builtins-groups.js'
import { tablePrimitives } from './builtins-tables.js'
import type { PrimitiveGroup } from './primitive.js'

export const dataPrimitives: readonly PrimitiveGroup[] = [
  dayPrimitives,
  tablePrimitives,
  ...cellPrimitives,
  groupPrimitives,
]
