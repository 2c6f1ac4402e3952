import { print, type CliContext } from '../context.ts'
import { coloursOf } from '../colour.ts'
import { CLEAR_LINE } from '../progress-line.ts'
import { formatMillis } from '../units.ts'

/** Runs the demo's steps one after the other and remembers how long each took. */
export interface Steps {
  /** Runs `work`, prints `title`, the time and the sentence it resolves to. */
  run<T>(title: string, work: () => Promise<T>, tell: (result: T) => string): Promise<T>
  readonly elapsed: number
}

/** Opens the list of steps. */
export function openSteps(context: CliContext): Steps {
  const colours = coloursOf(context)
  const started = performance.now()
  let number = 0
  return {
    async run(title, work, tell) {
      number += 1
      const began = performance.now()
      if (context.terminal.stdout) context.stdout.write(`  ${number}. ${title} …`)
      const result = await work()
      if (context.terminal.stdout) context.stdout.write(CLEAR_LINE)
      const time = formatMillis(performance.now() - began).padStart(7)
      print(context, `${colours.green('✓')} ${number}. ${title.padEnd(34)} ${colours.dim(time)}  ${tell(result)}`)
      return result
    },
    get elapsed() {
      return performance.now() - started
    },
  }
}
