// `npm test`: every test, with coverage, and the bound on coverage of src. Flags and file names go on to tap; with file
// names only those run, and coverage is not judged.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

/** Lines of src that tests must reach, percent: what the original kept to. */
const LEAST_COVERAGE = 92

const args = process.argv.slice(2)
const partial = args.some(arg => !arg.startsWith('-'))
const summaryFile = path.join('.tap', 'report', 'coverage-summary.json')
fs.rmSync(summaryFile, { force: true })

const code = await new Promise(resolve => {
  const tap = spawn('npx', ['tap', 'run', ...args], { stdio: ['inherit', 'pipe', 'inherit'] })
  let tail = ''
  tap.stdout.on('data', data => {
    process.stdout.write(data)
    tail = (tail + data).slice(-20_000)
  })
  tap.on('close', status => {
    const total =
      /# \{ total: (\d+), pass: (\d+)(?:, fail: (\d+))?(?:, todo: \d+)?(?:, skip: (\d+))? \}\s*(?:# time.*\s*)?$/m.exec(
        tail,
      )
    if (total) console.log(`${total[2]} passed, ${total[3] ?? 0} failed${total[4] ? `, ${total[4]} skipped` : ''}`)
    resolve(status ?? 1)
  })
})

let covered = true
if (!partial && fs.existsSync(summaryFile)) {
  const folders = new Map()
  for (const [file, { lines }] of Object.entries(JSON.parse(fs.readFileSync(summaryFile, 'utf8')))) {
    const relative = path.relative(process.cwd(), file).split(path.sep)
    if (relative[0] !== 'src') continue
    for (const name of [`src/${relative[1]}`, 'src']) {
      const sum = folders.get(name) ?? { total: 0, covered: 0 }
      sum.total += lines.total
      sum.covered += lines.covered
      folders.set(name, sum)
    }
  }
  for (const [name, { total, covered }] of [...folders].sort()) {
    console.log(`coverage ${name.padEnd(14)} ${((100 * covered) / total).toFixed(1).padStart(5)} % of ${total} lines`)
  }
  const all = folders.get('src')
  covered = all !== undefined && (100 * all.covered) / all.total >= LEAST_COVERAGE
  if (!covered) console.log(`coverage of src is below ${LEAST_COVERAGE} %`)
}
process.exit(code !== 0 ? code : covered ? 0 : 1)
