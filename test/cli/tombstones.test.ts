// R19: what a delete that died has left is removed after the next start.
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { sweepTombstones } from '../../src/cli/tombstones.js'
import type { ControlReader, CustomerStore } from '../../src/storage/contract.js'

t.test('a file that cannot be removed is left for the next start; the others go, and the shard lives', async t => {
  const folder = t.testdir()
  const incarnations = [0x100n, 0x200n, 0x300n]
  fs.mkdirSync(path.join(folder, '00'))
  for (const incarnation of incarnations) {
    fs.writeFileSync(path.join(folder, '00', `${incarnation.toString(16).padStart(16, '0')}.mdb`), '')
  }
  const unhandled: unknown[] = []
  const note = (error: unknown) => void unhandled.push(error)
  process.on('unhandledRejection', note)
  t.teardown(() => process.off('unhandledRejection', note))
  const control = { byIncarnation: () => ({ id: 'acme', deleted: true }) } as unknown as ControlReader
  const erased: bigint[] = []
  const store = {
    async erase(incarnation: bigint) {
      if (incarnation === 0x200n) throw new Error('nobody uses a file that is moved or removed')
      erased.push(incarnation)
    },
  } as unknown as CustomerStore
  await new Promise<void>(resolve => {
    const said: string[] = []
    const note = (_facts: object, message: string) => {
      if (said.push(message) === 3) resolve()
    }
    const stop = sweepTombstones(folder, control, store, () => true, { info: note, warn: note, error: note })
    t.teardown(stop)
    // The sweep's own timer keeps nobody alive.
    const wait = setInterval(() => {}, 1_000)
    t.teardown(() => clearInterval(wait))
  })
  t.same(erased, [0x100n, 0x300n])
  t.same(unhandled, [])
})
