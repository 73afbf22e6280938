// Plots as plain SVG: two kinds of line chart, no library, nothing to load where they are shown.

export interface Series {
  readonly name: string
  readonly points: readonly (readonly [number, number])[]
}

export interface Axis {
  readonly label: string
  readonly logarithmic?: boolean
  /** Where a line and a text stand; else chosen. */
  readonly ticks?: readonly { readonly at: number; readonly text: string }[]
}

const WIDTH = 760
const HEIGHT = 360
const LEFT = 70
const RIGHT = 20
const TOP = 44
const BOTTOM = 50
const COLORS = ['#1f6feb', '#d1242f', '#1a7f37', '#9a6700', '#8250df', '#57606a']

/** A line chart. Numbers that are not finite are left out. */
export function lineChart(title: string, x: Axis, y: Axis, series: readonly Series[]): string {
  const points = series.flatMap(line => line.points).filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b))
  const horizontal = scale(
    x,
    points.map(([a]) => a),
    LEFT,
    WIDTH - RIGHT,
  )
  const vertical = scale(
    y,
    points.map(([, b]) => b),
    HEIGHT - BOTTOM,
    TOP,
  )
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escapeText(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="20" font-size="14" font-weight="600" fill="#1f2328">${escapeText(title)}</text>`,
  ]
  for (const tick of horizontal.ticks) {
    const at = horizontal.place(tick.at).toFixed(1)
    parts.push(
      `<line x1="${at}" x2="${at}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke="#d8dee4"/>`,
      `<text x="${at}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle" fill="#57606a">${escapeText(tick.text)}</text>`,
    )
  }
  for (const tick of vertical.ticks) {
    const at = vertical.place(tick.at)
    parts.push(
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at.toFixed(1)}" y2="${at.toFixed(1)}" stroke="#d8dee4"/>`,
      `<text x="${LEFT - 8}" y="${(at + 4).toFixed(1)}" text-anchor="end" fill="#57606a">${escapeText(tick.text)}</text>`,
    )
  }
  parts.push(
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 12}" text-anchor="middle" fill="#1f2328">${escapeText(x.label)}</text>`,
    `<text transform="translate(16 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle" fill="#1f2328">${escapeText(y.label)}</text>`,
  )
  series.forEach((line, index) => {
    const color = COLORS[index % COLORS.length]!
    const path = line.points
      .filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b))
      .map(([a, b]) => `${horizontal.place(a).toFixed(1)},${vertical.place(b).toFixed(1)}`)
      .join(' ')
    const legendX = LEFT + index * 170
    parts.push(
      `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="1.8"/>`,
      `<rect x="${legendX}" y="28" width="10" height="10" fill="${color}"/>`,
      `<text x="${legendX + 15}" y="37" fill="#1f2328">${escapeText(line.name)}</text>`,
    )
  })
  parts.push('</svg>')
  return `${parts.join('\n')}\n`
}

/** Latency against percentile as HDR plots have it: every nine more takes as much room. */
export function latencyChart(title: string, series: readonly Series[]): string {
  const nines = (percentile: number) => -Math.log10(1 - Math.min(percentile, 99.999) / 100)
  const ticks = [0, 50, 90, 99, 99.9, 99.99].map(at => ({ at: nines(at), text: at === 0 ? '0' : `${at} %` }))
  const moved = series.map(line => ({
    name: line.name,
    points: line.points.map(([percentile, ms]) => [nines(percentile), Math.max(ms, 0.01)] as const),
  }))
  return lineChart(title, { label: 'percentile', ticks }, { label: 'latency, ms', logarithmic: true }, moved)
}

interface Scale {
  readonly ticks: readonly { readonly at: number; readonly text: string }[]
  place(value: number): number
}

function scale(axis: Axis, values: readonly number[], from: number, to: number): Scale {
  const given = axis.ticks?.map(tick => tick.at) ?? []
  let low = Math.min(...values, ...given)
  let high = Math.max(...values, ...given)
  if (!Number.isFinite(low) || !Number.isFinite(high)) [low, high] = [0, 1]
  if (axis.logarithmic === true) {
    const first = Math.floor(Math.log10(Math.max(low, 1e-9)))
    const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(high, 1e-9))))
    const decades = Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i))
    return {
      ticks: decades.map(at => ({ at, text: shortNumber(at) })),
      place: value => from + ((Math.log10(Math.max(value, 1e-9)) - first) / (last - first)) * (to - from),
    }
  }
  if (axis.ticks === undefined) low = Math.min(0, low)
  if (high === low) high = low + 1
  const step = niceStep((high - low) / 5)
  if (axis.ticks === undefined) high = Math.ceil(high / step) * step
  const chosen = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, i) => low + i * step)
  return {
    ticks: axis.ticks ?? chosen.map(at => ({ at, text: shortNumber(at) })),
    place: value => from + ((value - low) / (high - low)) * (to - from),
  }
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  const lead = rough / power
  return (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10) * power
}

function shortNumber(value: number): string {
  if (value === 0) return '0'
  if (Math.abs(value) >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`
  if (Math.abs(value) >= 1e3) return `${Number((value / 1e3).toPrecision(3))} k`
  return String(Number(value.toPrecision(3)))
}

function escapeText(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}
