import { note, type CliContext } from './context.ts'
import { formatBytes, formatCount, formatMillis } from './units.ts'

/** Where a run stands. `total` is unknown until everything was listed. */
export interface Standing {
  /** What is going on: `Backing up`. */
  readonly doing: string
  readonly done: number
  readonly total?: number | undefined
  readonly bytes?: number | undefined
}

/** Live progress on standard error. On a terminal one line that is rewritten, elsewhere a plain line every ten seconds. */
export interface ProgressLine extends Disposable {
  show(standing: Standing): void
}

/** Takes a terminal back to the start of an empty line. */
export const CLEAR_LINE = '\r\x1b[2K'

const PLAIN_EVERY_MS = 10_000
const BAR_WIDTH = 24

/** Opens a progress line; disposing it leaves the terminal clean for what is printed next. */
export function openProgressLine(context: CliContext): ProgressLine {
  const started = context.now().getTime()
  let lastPlain = started
  let drawn = false
  return {
    show(standing) {
      const now = context.now().getTime()
      if (context.terminal.stderr) {
        context.stderr.write(`${CLEAR_LINE}${describeStanding(standing, now - started, true)}`)
        drawn = true
      } else if (now - lastPlain >= PLAIN_EVERY_MS) {
        lastPlain = now
        note(context, describeStanding(standing, now - started, false))
      }
    },
    [Symbol.dispose]() {
      if (drawn) context.stderr.write(CLEAR_LINE)
    },
  }
}

/** One line such as `Backing up  [#####-----] 1,200 of 2,400 objects  3.1 MiB  2,900/s  ETA 4.1 s`. `elapsed` in ms. */
export function describeStanding(standing: Standing, elapsed: number, withBar: boolean): string {
  const { doing, done, total, bytes } = standing
  const rate = elapsed > 0 ? (done * 1000) / elapsed : 0
  const parts = [doing]
  if (withBar && total !== undefined && total > 0) parts.push(bar(Math.min(done / total, 1)))
  parts.push(
    total === undefined ? `${formatCount(done)} objects` : `${formatCount(done)} of ${formatCount(total)} objects`,
  )
  if (bytes !== undefined && bytes > 0) parts.push(formatBytes(bytes))
  if (rate > 0) parts.push(`${formatCount(Math.round(rate))}/s`)
  if (total !== undefined && rate > 0 && done < total) parts.push(`ETA ${formatMillis(((total - done) * 1000) / rate)}`)
  return parts.join('  ')
}

function bar(share: number): string {
  const full = Math.round(share * BAR_WIDTH)
  return `[${'#'.repeat(full)}${'-'.repeat(BAR_WIDTH - full)}]`
}
