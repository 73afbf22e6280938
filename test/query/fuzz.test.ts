// 20,000 programs that nobody wrote. `npm run fuzz -- --minutes M` goes on for longer.
import t from 'tap'
import { Fuzzer } from './fuzzer.js'

const PROGRAMS = 20_000

t.test('no program meets a host exception, overruns a limit, or answers otherwise in the other back end', async t => {
  const fuzzer = new Fuzzer(Number(process.env['FUZZ_SEED'] ?? 1))
  while (fuzzer.count < PROGRAMS && fuzzer.holes.length < 10) fuzzer.next()
  t.same(fuzzer.holes, [])
  t.comment(JSON.stringify(fuzzer.kinds))
})
