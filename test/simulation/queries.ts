// Queries of a simulated life, each beside what the model answers. `today` is the later of the customer's day and the node's.
import type { CustomerModel } from './model.js'
import type { ModelTable } from './model-tables.js'

export interface ModelQuery {
  readonly source: string
  answer(model: CustomerModel, today: number): string
}

/** The tables of a name on the days that a query may see, up to today. */
function tables(model: CustomerModel, today: number, name: string): ModelTable[] {
  const found: ModelTable[] = []
  for (let day = today - model.retention + 1; day <= today; day++) {
    const table = model.days.get(day)?.get(name)
    if (table) found.push(table)
  }
  return found
}

const sum = (numbers: Iterable<number>): number => {
  let total = 0
  for (const n of numbers) total += n
  return total
}

const written = (texts: Iterable<string>): string => `(${[...texts].map(text => JSON.stringify(text)).join(' ')})`

export const QUERIES: readonly ModelQuery[] = [
  {
    source: '(total "events" (last 40))',
    answer: (model, today) => String(sum(tables(model, today, 'events').map(({ counters }) => sum(counters.values())))),
  },
  {
    source: '(count "events" "crash")',
    answer: (model, today) => String(model.days.get(today)?.get('events')?.counters.get('crash') ?? 0),
  },
  {
    source: '(members "apps" (last 40))',
    answer: (model, today) => {
      const members = new Set<string>()
      for (const { sets } of tables(model, today, 'apps')) for (const app of sets.get('') ?? []) members.add(app)
      return written([...members].sort())
    },
  },
  {
    source: '(observations "transaction/ms" "checkout" (last 40))',
    answer: (model, today) =>
      String(
        sum(tables(model, today, 'transaction/ms').map(({ histograms }) => histograms.get('checkout')?.count ?? 0)),
      ),
  },
  {
    source: '(sort (keys "network/host" (last 40)) string<?)',
    answer: (model, today) => {
      const keys = new Set(tables(model, today, 'network/host').flatMap(({ counters }) => [...counters.keys()]))
      return written([...keys].sort())
    },
  },
  {
    source: '(apply + (map (lambda (day) (cdr (assq (quote received) (ledger day)))) (last 40)))',
    answer: (model, today) => {
      let received = 0
      for (let day = today - model.retention + 1; day <= today; day++) received += model.ledger.get(day)?.received ?? 0
      return String(received)
    },
  },
]
