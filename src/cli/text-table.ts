// Rows as a table for a terminal.

function cellText(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** Columns aligned, numbers to the right. `header` is underlined. */
export function textTable(rows: readonly (readonly unknown[])[], header?: readonly string[]): string {
  const all = header ? [header, ...rows] : rows
  const width = Math.max(0, ...all.map(row => row.length))
  const columns = Array.from({ length: width }, (_, column) => ({
    isNumber: rows.length > 0 && rows.every(row => typeof row[column] === 'number' || row[column] === undefined),
    width: Math.max(0, ...all.map(row => cellText(row[column]).length)),
  }))
  const line = (row: readonly unknown[]) =>
    columns
      .map((column, i) =>
        column.isNumber ? cellText(row[i]).padStart(column.width) : cellText(row[i]).padEnd(column.width),
      )
      .join('  ')
      .trimEnd()
  const lines = rows.map(line)
  if (header) lines.unshift(line(header), columns.map(column => '─'.repeat(column.width)).join('  '))
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

/** The value of a query as rows: a list of lists as it is, any other list a value a row. */
export function rowsOf(value: unknown): unknown[][] {
  if (!Array.isArray(value)) return [[value]]
  return value.map(row => (Array.isArray(row) ? row : [row]))
}
