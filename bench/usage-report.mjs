// Loaded into a measured Node process before its program (`node --import`): at its end the process writes down what it has used,
// which nobody can ask a process that is gone. Plain JavaScript: reading types would cost the process memory that is not its own.
import { readFileSync, writeFileSync } from 'node:fs'

const path = process.env.LIFEBOAT_BENCH_USAGE
if (path !== undefined) {
  // Not inherited: the file is for this very process.
  delete process.env.LIFEBOAT_BENCH_USAGE
  process.once('exit', () => {
    const { user, system } = process.cpuUsage()
    writeFileSync(path, JSON.stringify({ peakRssMB: peakRssMB(), cpuSeconds: (user + system) / 1e6 }))
  })
}

/** By /proc where there is one: getrusage counts what the parent had in memory when it forked. */
function peakRssMB() {
  try {
    const status = readFileSync('/proc/self/status', 'utf8')
    return (Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / 1e6
  } catch {
    return (process.resourceUsage().maxRSS * 1024) / 1e6
  }
}
