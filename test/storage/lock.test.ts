import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { lockHolder, takeLock } from '../../src/storage/lock.js'

t.test('R4: a lock refuses a second holder, in this process and others, and says who holds it', async t => {
  const path = `${t.testdir()}/node.lock`
  t.equal(lockHolder(path), undefined)
  const lock = takeLock(path, 'pid 1 at http://there')
  t.throws(() => takeLock(path, 'me'), { code: 'locked', details: { holder: 'pid 1 at http://there' } })
  t.equal(lockHolder(path), 'pid 1 at http://there')
  lock.release()
  lock.release()
  t.equal(lockHolder(path), undefined)
  takeLock(path, 'me').release()
})

t.test('R4: the kernel gives the lock back when its holder is killed', async t => {
  const path = `${t.testdir()}/node.lock`
  const child = spawn(process.execPath, [fileURLToPath(new URL('./lock-child.js', import.meta.url)), path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise(resolve => child.stdout.once('data', resolve))
  t.throws(() => takeLock(path, 'me'), { code: 'locked', details: { holder: `pid ${child.pid}` } })
  child.kill('SIGKILL')
  await new Promise(resolve => child.once('exit', resolve))
  takeLock(path, 'me').release()
})

t.test('without the command flock the refusal says what is missing', async t => {
  const path = process.env['PATH']
  process.env['PATH'] = '/nowhere'
  t.teardown(() => (process.env['PATH'] = path))
  t.throws(() => takeLock(`${t.testdir()}/x`, 'me'), { code: 'no-flock' })
})
