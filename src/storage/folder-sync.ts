// Making names durable. A folder's sync covers every name that was made in it before the sync began, so those who ask
// while one is under way share the next one: 64 new customers cost a handful of syncs, not 192.
import fs from 'node:fs'

interface Pending {
  running: Promise<void>
  next: Promise<void> | undefined
}

const pending = new Map<string, Pending>()

async function syncOnce(path: string): Promise<void> {
  const handle = await fs.promises.open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function start(path: string): Promise<void> {
  const running = syncOnce(path)
  const entry: Pending = { running, next: undefined }
  pending.set(path, entry)
  const settled = () => {
    if (entry.next === undefined) pending.delete(path)
  }
  running.then(settled, settled)
  return running
}

/** Resolves when all that is in `path` (a folder or a file) at the time of the call is durable. Rejects as fsync does. */
export function syncShared(path: string): Promise<void> {
  const entry = pending.get(path)
  if (entry === undefined) return start(path)
  // The one that runs may have begun before the caller's change: wait for its end, then share one more.
  entry.next ??= entry.running.then(
    () => start(path),
    () => start(path),
  )
  return entry.next
}
