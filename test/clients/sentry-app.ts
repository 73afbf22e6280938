// A program as app developers write it, with the real @sentry/node. Run as: node sentry-app.js DSN MODE
import * as Sentry from '@sentry/node'

const [, , dsn, mode] = process.argv
Sentry.init({ dsn: dsn!, release: 'shop@2.3.1', environment: 'production', tracesSampleRate: 1 })

/** The same bug from the same place, however often; line numbers and ids in the message vary. */
function pay(order: number): never {
  throw new TypeError(`order ${order} has no total`)
}

function refund(order: number): never {
  throw new RangeError(`cannot refund ${order}`)
}

switch (mode) {
  case 'handled':
    for (let i = 0; i < 5; i++) {
      Sentry.setUser({ id: `user-${i}` })
      try {
        pay(1000 + i)
      } catch (error) {
        Sentry.captureException(error)
      }
    }
    for (let i = 0; i < 3; i++) {
      Sentry.setUser({ id: 'user-0' })
      try {
        refund(i)
      } catch (error) {
        Sentry.captureException(error, { level: 'fatal', tags: { till: 'seven' } })
      }
    }
    Sentry.captureMessage('till opened')
    break
  case 'session':
    Sentry.setUser({ id: 'user-7' })
    Sentry.startSession()
    Sentry.endSession()
    break
  case 'transaction':
    Sentry.startSpan({ name: 'checkout', op: 'task' }, () => {})
    break
  case 'uncaught':
    Sentry.setUser({ id: 'user-8' })
    setImmediate(() => pay(7))
    break
  case 'rejection':
    Sentry.setUser({ id: 'user-9' })
    void Promise.reject(new Error('nobody waits for this'))
    break
}
if (mode !== 'uncaught') await Sentry.flush(5_000)
