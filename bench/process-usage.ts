import { readFile } from 'node:fs/promises'

/** What a process has used since it began. */
export interface ProcessUsage {
  /** Highest resident memory of the process itself, in MB of 10^6 bytes. */
  peakRssMB: number
  /** Processor time of the process and of those of its children that have ended. */
  cpuSeconds: number
}

// The kernel counts in ticks of its interface to programs, which are hundredths of a second on every architecture of Linux.
const TICKS_PER_SECOND = 100

/** Usage of a process that runs, from /proc; rejects where there is no such process or no /proc. */
export async function processUsage(pid: number): Promise<ProcessUsage> {
  const [status, stat] = await Promise.all([
    readFile(`/proc/${pid}/status`, 'utf8'),
    readFile(`/proc/${pid}/stat`, 'utf8'),
  ])
  const highWater = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1])
  // Fields are counted behind the program's name, which may hold blanks: utime, stime, cutime, cstime are 14 to 17 of proc(5).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return { peakRssMB: (highWater * 1024) / 1e6, cpuSeconds: ticks / TICKS_PER_SECOND }
}
