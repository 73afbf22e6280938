declare module 'hyperloglog-lite' {
  function HyperLogLog(n: number): {
    add(hash: readonly number[]): void
    count(): number
    output(): { n: number; buckets: Buffer }
  }
  export = HyperLogLog
}
