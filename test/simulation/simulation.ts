// One life of a node, from a list of operations: run it, crash it, and compare what is left with the model.
//
//   operations.ts ──▶ performer.ts ──▶ world.ts: shards over a clock, a disk and clients of ours, a step at a time
//                                        │    └── supervisor.ts: they die and are started again
//                                        ▼
//                     auditor.ts: what is there, beside the model of what was durable (witness.ts, model.ts)
import { Auditor } from './auditor.js'
import { Dice, mixSeed } from './choices.js'
import { describeOperation, type Life } from './operations.js'
import { Performer } from './performer.js'
import type { Plant } from './plants.js'
import type { Report } from './report.js'
import { World } from './world.js'

export class Simulation {
  private readonly world: World
  private readonly auditor: Auditor
  private readonly performer: Performer

  constructor(
    private readonly life: Life,
    plant?: Plant,
  ) {
    this.world = new World(life, plant)
    this.auditor = new Auditor(this.world)
    this.performer = new Performer(this.world, this.auditor)
  }

  get log(): readonly string[] {
    return this.world.log
  }

  /** Lives it. Throws a Violation, or whatever else went wrong. */
  async live(): Promise<Report> {
    const { world, auditor } = this
    const { machine, report } = world
    await world.supervisor.start()
    for (const operation of this.life.operations) {
      machine.reseed(new Dice(mixSeed(this.life.seed, operation.salt)))
      world.log.push(`— ${describeOperation(operation)}`)
      await this.performer.perform(operation)
      report.operations++
      await world.someSteps(machine.dice.below(25))
    }
    world.peace()
    await world.supervisor.recoverIfFallen()
    await auditor.everybodySleeps()
    await auditor.check()
    // Once more from what is on the disk alone.
    await world.supervisor.crash('power', 0, 0)
    await auditor.check()
    await this.performer.crowd(this.life.lastBody)
    await world.someSteps(machine.dice.below(60))
    await auditor.everybodySleeps()
    return world.finalReport()
  }
}
