// The simulation is worth what it finds: six bugs of the kind that matters, planted by wrappers around what a shard is
// given, are each found within 100 seeds.
import t from 'tap'
import { PLANTS } from './plants.js'
import { runSeed } from './run.js'

for (const plant of PLANTS) {
  t.test(`finds this one: ${plant.name}`, async t => {
    for (let seed = 1; seed <= 100; seed++) {
      const outcome = await runSeed(seed, plant)
      if ('report' in outcome) continue
      t.comment(`seed ${seed}: ${outcome.failure.error.message.split('\n')[0]}`)
      t.ok(seed <= 100)
      return
    }
    t.fail('100 seeds have found nothing')
  })
}
