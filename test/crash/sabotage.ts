// A node whose processes do what a test orders: throw, starve, sync badly.
import fs from 'node:fs'
import path from 'node:path'
import { killPid, type NodeOptions, startNode, type TestNode } from '../node/harness.js'
import type { Orders } from './saboteur.js'

const SABOTEUR = new URL('./saboteur.js', import.meta.url).href

export class Sabotage {
  private readonly file: string

  constructor(folder: string) {
    this.file = path.join(folder, 'orders.json')
  }

  /** Options of a node that obeys; `flags` are more of node's own. */
  options(options: NodeOptions, ...flags: string[]): NodeOptions {
    const NODE_OPTIONS = [...flags, `--import=${SABOTEUR}`].join(' ')
    return { ...options, env: { ...options.env, NODE_OPTIONS, CRASH_ORDERS: this.file } }
  }

  start(options: NodeOptions, ...flags: string[]): Promise<TestNode> {
    return startNode(this.options(options, ...flags))
  }

  /** What processes find at their start from now on; `pids` are told at once. */
  order(orders: Orders, pids: readonly number[] = []): void {
    fs.writeFileSync(this.file, JSON.stringify(orders))
    for (const pid of pids) killPid(pid, 'SIGUSR2')
  }
}

/** A configuration with small bounds. */
export function configFile(folder: string, limits: Readonly<Record<string, number>>): string {
  const file = path.join(folder, 'lethe.toml')
  const lines = Object.entries(limits).map(([name, value]) => `${name} = ${value}`)
  fs.writeFileSync(file, `[limits]\n${lines.join('\n')}\n`)
  return file
}

/** The value of a metric, summed over its labels that contain `labels`. */
export async function metric(node: TestNode, name: string, labels = ''): Promise<number> {
  const { text } = await node.request('/metrics', '')
  let sum = 0
  for (const line of text.split('\n')) {
    if (!line.startsWith(name) || !line.includes(labels)) continue
    if (/^[{ ]/.test(line.slice(name.length))) sum += Number(line.slice(line.lastIndexOf(' ') + 1))
  }
  return sum
}
